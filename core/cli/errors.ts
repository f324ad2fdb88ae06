import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('cli', {
  ARCHLOOM_MODULE_NOT_FOUND: (d: { file: string; looked: string }) =>
    `no module is at ${quote(d.file)} (looked for ${quote(d.looked)}); expected a .ts, .mts, .js or .mjs file. Check the path.`,
  ARCHLOOM_MODULE_KIND: (d: { file: string; received: string; expected: string }) =>
    `${quote(d.file)} is ${d.received}; expected ${d.expected}. Name the file itself.`,
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
  ARCHLOOM_EXPORT_OUT: (d: { as: string }) =>
    `--as ${d.as} without --out has nowhere to write; expected a path. Add --out <path>: a new file, or a folder where the form has several files.`,
  ARCHLOOM_EXPORT_INSTANCE: (d: { study: string; top: number }) =>
    `a network lives in a process, so the command line cannot hand one over. In code: import { exportTop } from 'archloom'; exportTop(${quote(d.study)}, ${d.top}, { space, input, classes, rng }). Or export the code that builds it: --as code.`,
  ARCHLOOM_BENCH_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `no benchmark is called ${quote(d.name)}; the benchmarks here are ${quote(d.known, 400)}. They live in test/bench of a checkout.`,
  ARCHLOOM_UNIT_UNKNOWN: (d: { paper: string; received: string; known: readonly string[] }) =>
    `${d.paper} has no unit under ${quote(d.received)}; expected part, part/arm or part/arm/seed of ${quote(d.known, 600)}.`,
  ARCHLOOM_UNIT_VALUE: (d: { unit: string; received: unknown }) =>
    `unit ${quote(d.unit)} measured ${quote(d.received)}; expected at least one measurement, and finite numbers only. Nothing of it was kept.`,
  ARCHLOOM_RESULTS_EXIST: (d: { file: string; finished: number; of: number }) =>
    `${quote(d.file)} already holds results (${d.finished} of ${d.of} units are finished); add --resume to go on with them, or delete the file to begin again.`,
  ARCHLOOM_RESULTS_BUSY: (d: { file: string; pid: number }) =>
    `process ${d.pid} is writing ${quote(d.file)}; expected one run at a time. Wait for it, or use its --jobs.`,
  ARCHLOOM_RESULTS_LINE: (d: { file: string; line: number; received: string }) =>
    `line ${d.line} of ${quote(d.file)} is ${quote(d.received)}; expected {"part", "arm", "seed", "step", "metric", "value", "seconds", "settings"} as JSON. Restore the file or delete the line.`,
  ARCHLOOM_RESULTS_SETTINGS: (d: { file: string; part: string }) =>
    `part ${quote(d.part)} has results in ${quote(d.file)} that were made with other settings; expected those of this version. Delete its lines to run it anew.`,
  ARCHLOOM_EXPERIMENT_UNKNOWN: (d: { paper: string; known: readonly string[] }) =>
    `plugin ${quote(d.paper)} has no experiment to reproduce; those that have are ${quote(d.known, 400)}.`,
})
