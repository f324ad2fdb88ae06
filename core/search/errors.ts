import { defineErrors, quote } from '../errors.ts'

const didYouMean = (name: string | undefined) => (name === undefined ? '' : `did you mean "${name}"? `)

export const error = defineErrors('search', {
  ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC: (d: { name: string; known: readonly string[]; evaluator: string }) =>
    `objective ${quote(d.name)} is not a metric of evaluator ${quote(d.evaluator)}, which reports ${quote(d.known)}. Choose one of those.`,
  ARCHLOOM_BOUNDS_UNREACHABLE: (d: { space: string; bounds: string; nearest: string; costs: string; tried: number }) =>
    `none of the ${d.tried} architectures of space ${quote(d.space)} keeps the bounds ${d.bounds}; the nearest one, ${d.nearest}, has ${d.costs}. Relax the bounds, or search a space with other architectures.`,
  ARCHLOOM_BUDGET_INVALID: (d: {
    field: string
    received: unknown
    expected: string
    suggestion?: string | undefined
  }) => `budget.${d.field} is ${quote(d.received)}; ${didYouMean(d.suggestion)}expected ${d.expected}.`,
  ARCHLOOM_SEARCH_ALREADY_RUNNING: (d: { study: string }) =>
    `the search of study ${quote(d.study)} is running already; iterate over its one run(), or subscribe to events$ to observe it as well.`,
  ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE: (d: { study: string; answer: 'wait' | 'exhausted' }) =>
    d.answer === 'wait'
      ? `the search of study ${quote(d.study)} needs results of earlier proposals before the next one; observe() them first.`
      : `the search of study ${quote(d.study)} has nothing left to propose.`,
  ARCHLOOM_SEARCH_NO_SUCH_TRIAL: (d: { study: string; received: unknown; count: number }) =>
    `study ${quote(d.study)} has no trial ${quote(d.received)}; expected a number from 0 to ${d.count - 1}.`,
  ARCHLOOM_SEARCH_NO_TRAINING: (d: { study: string; evaluator: string }) =>
    `the evaluator ${quote(d.evaluator)} of study ${quote(d.study)} does not train a network for each architecture, so its trials have no weights. Train search.best(1)[0] with retrain() of archloom/evaluators/train-from-scratch.`,
  ARCHLOOM_SEARCH_EVENT_UNKNOWN: (d: { type: string; known: readonly string[] }) =>
    `no event is called ${quote(d.type)}; the events are ${quote(d.known, 600)}.`,
})
