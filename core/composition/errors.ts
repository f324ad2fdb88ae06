import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('composition', {
  ARCHLOOM_PLUGIN_NEEDS: (d: { plugin: string; need: string; has: readonly string[]; remedy: string }) =>
    `"${d.plugin}" needs ${quote(d.need)}; this search has ${quote(d.has, 300)}. ${d.remedy}`,
  ARCHLOOM_PLUGIN_NEEDS_SUPERNET: (d: { plugin: string; evaluator: string; remedy: string }) =>
    `"${d.plugin}" needs an evaluator with shared weights; this search has ${quote(d.evaluator)}. ${d.remedy}`,
  ARCHLOOM_PLUGIN_NEEDS_NETWORKS: (d: { plugin: string; space: string; remedy: string }) =>
    `"${d.plugin}" needs a space that builds networks; space ${quote(d.space)} has no build function. ${d.remedy}`,
  ARCHLOOM_PLUGIN_CONFLICT: (d: { part: string; plugins: readonly string[] }) =>
    `${d.plugins.map((name) => quote(name)).join(' and ')} both provide the ${d.part}; a search has one. Remove one of them, or bind the part in overrides.`,
  ARCHLOOM_PLUGIN_DUPLICATE: (d: { plugin: string }) => `plugin ${quote(d.plugin)} is in the list twice; use it once.`,
  ARCHLOOM_PLUGIN_INVALID: (d: { received: unknown; expected: string }) =>
    `plugins holds ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_PLUGIN_PROMISE: (d: { plugin: string; part: string }) =>
    `plugin ${quote(d.plugin)} says that it provides the ${d.part}, but its bind function bound none. Bind it, or remove it from provides.`,
  ARCHLOOM_SEARCH_NO_CONTROLLER: (d: { plugins: readonly string[] }) =>
    `the plugins ${quote(d.plugins)} provide no controller and no algorithm. Add one that does, such as random() from archloom/plugins/random or evolution() from archloom/plugins/evolution.`,
  ARCHLOOM_SEARCH_NO_EVALUATOR: (d: { received: unknown }) =>
    `the evaluator is ${quote(d.received)}; expected one such as trainFromScratch({ data }) or tabular({ table }).`,
  ARCHLOOM_SEARCH_CONCURRENCY: (d: { received: number; evaluator: string; limit: number }) =>
    `concurrency is ${d.received}, but evaluator ${quote(d.evaluator)} runs at most ${d.limit} at once in one process. Lower it, or wrap the evaluator in a worker pool.`,
  ARCHLOOM_WARM_START_EMPTY: (d: { from: string; trials: number; metrics: readonly string[] }) =>
    `the warm start from ${quote(d.from)} found no completed trial with the metrics ${quote(d.metrics)} among ${d.trials}; expected at least one. Name a study whose trials have the objectives of this search.`,
  ARCHLOOM_WARM_START_STORE: (d: { from: string }) =>
    `the warm start is named ${quote(d.from)}, but this search has a store of its own and no place in which a study could be looked up; expected its record. Give warmStart: await readStudy(${quote(d.from)}).`,
  ARCHLOOM_SEARCH_DISPOSED: (d: { study: string }) =>
    `the search of study ${quote(d.study)} has been disposed of. To continue, compose it again with the same study name.`,
  ARCHLOOM_SEARCH_OBSERVER: (d: { study: string }) =>
    `an observer of study ${quote(d.study)} did not end within ten seconds; expected it to write what remained and to return. The study is complete, but what the observer writes may lack events. An observer that needs longer calls stillWriting().`,
  ARCHLOOM_SEARCH_FROZEN: (d: { part: string }) =>
    `the ${d.part} cannot be bound any more: a search is frozen once it is composed. Bind it in overrides of createSearch().`,
})
