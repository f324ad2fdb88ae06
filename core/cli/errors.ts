import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('cli', {
  ARCHLOOM_MODULE_NOT_FOUND: (d: { file: string; looked: string }) =>
    `no module is at ${quote(d.file)} (looked for ${quote(d.looked)}); expected a .ts, .mts, .js or .mjs file. Check the path.`,
  ARCHLOOM_MODULE_EXPORTS: (d: { file: string; received: readonly string[]; expected: string }) =>
    `${quote(d.file)} exports ${quote(d.received, 200)}; expected ${d.expected}. A program without them has run by now; start such a one with node or tsx.`,
  ARCHLOOM_MODULE_FLAG: (d: { flag: string; received: unknown; expected: string }) =>
    `${d.flag} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_MODULE_FLAG_UNKNOWN: (d: { flag: string; file: string; known: readonly string[] }) =>
    `${quote(d.file)} takes no flag ${quote(d.flag)}; it takes ${d.known.length > 0 ? d.known.join(', ') : 'none'}. "archloom run ${d.file} --help" describes them.`,
  ARCHLOOM_RESUME_MODULE: (d: { study: string }) =>
    `study ${quote(d.study)} does not say which module made it: it has no readable command.json, which "archloom run" writes. Name it: archloom resume ${d.study} --module <file>.`,
  ARCHLOOM_RESUME_OTHER_STUDY: (d: { file: string; received: string; expected: string }) =>
    `${quote(d.file)} opened study ${quote(d.received)}; expected ${quote(d.expected)}. Let its search(options) pass options.study to createSearch({ study }).`,
  ARCHLOOM_EXPORT_NOTHING: (d: { study: string; completed: number; failed: number }) =>
    `study ${quote(d.study)} has no feasible trial to export (${d.completed} completed, ${d.failed} failed). Resume it, or loosen its objectives' bounds in a new one.`,
  ARCHLOOM_EXPORT_NOT_WRITABLE: (d: { file: string; message: string }) =>
    `nothing can be written to ${quote(d.file)}: ${d.message}. Give --out a file in a folder that exists and is yours.`,
  ARCHLOOM_EXPORT_INSTANCE: (d: { study: string; top: number }) =>
    `a network lives in a process, so the command line cannot hand one over. In code: import { exportTop } from 'archloom'; exportTop(${quote(d.study)}, ${d.top}, { space, input, classes, rng }). Or export the code that builds it: --as code.`,
  ARCHLOOM_BENCH_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `no benchmark is called ${quote(d.name)}; the benchmarks here are ${quote(d.known, 400)}. They live in test/bench of a checkout.`,
  ARCHLOOM_EXPERIMENT_UNKNOWN: (d: { paper: string; known: readonly string[] }) =>
    `plugin ${quote(d.paper)} has no experiment to reproduce; those that have are ${quote(d.known, 400)}.`,
})
