import { defineErrors, quote } from '../errors.ts'

const flagsText = (known: readonly string[] | undefined) =>
  known === undefined
    ? 'it takes any flag that does not resemble a flag of the command itself'
    : `it takes ${known.length > 0 ? known.join(', ') : 'none'}`

export const error = defineErrors('cli', {
  ARCHLOOM_MODULE_NOT_FOUND: (d: { file: string; looked: string }) =>
    `there is no module at ${quote(d.file)} (looked for ${quote(d.looked)}); expected a .ts, .mts, .js or .mjs file. Check the path.`,
  ARCHLOOM_MODULE_KIND: (d: { file: string; received: string; expected: string }) =>
    `${quote(d.file)} is ${d.received}; expected ${d.expected}. Name the file itself.`,
  ARCHLOOM_MODULE_EXPORTS: (d: { file: string; received: readonly string[]; expected: string }) =>
    `${quote(d.file)} exports ${quote(d.received, 200)}; expected ${d.expected}. If the file is a program without these exports, it has run already; start such a program with node or tsx.`,
  ARCHLOOM_MODULE_FLAG: (d: { flag: string; received: unknown; expected: string }) =>
    `${d.flag} is ${quote(d.received)}; expected ${d.expected}.`,
  /** `known` is absent where the module declares no flags. */
  ARCHLOOM_MODULE_FLAG_UNKNOWN: (d: {
    flag: string
    file: string
    known: readonly string[] | undefined
    suggestion?: string
  }) =>
    `${quote(d.file)} takes no flag ${quote(d.flag)}${d.suggestion === undefined ? '' : ` (did you mean ${d.suggestion}?)`}; ${flagsText(d.known)}. "archloom run ${d.file} --help" describes them.`,
  ARCHLOOM_FILE_EXISTS: (d: { file: string }) =>
    `${quote(d.file)} exists already; nothing was written. Name another folder, or move the file away.`,
  ARCHLOOM_PLUGIN_NAME: (d: { name: string }) =>
    `the name ${quote(d.name)} cannot name a file and a function; expected lower-case letters and digits, with dashes between words, that TypeScript and the written module do not use themselves, such as "my-search".`,
  ARCHLOOM_RESUME_MODULE: (d: { study: string }) =>
    `study ${quote(d.study)} does not say which module made it: it has no readable command.json (written by "archloom run"). Name the module: archloom resume ${d.study} --module <file>.`,
  ARCHLOOM_RESUME_OTHER_STUDY: (d: { file: string; received: string; expected: string }) =>
    `${quote(d.file)} opened study ${quote(d.received)}; expected ${quote(d.expected)}. Let its search(options) pass options.study to createSearch({ study }).`,
  ARCHLOOM_EXPORT_MODULE: (d: { study: string; to: string }) =>
    `writing a network of study ${quote(d.study)} as ${d.to} needs the module that composes its search, because the data and the training are there, and the study names no module that exports search. Add --module <file>.`,
  ARCHLOOM_EXPORT_NOTHING: (d: { study: string; completed: number; failed: number }) =>
    `study ${quote(d.study)} has no feasible trial to export (${d.completed} completed, ${d.failed} failed). Resume it, or loosen its objectives' bounds in a new one.`,
  ARCHLOOM_EXPORT_NOT_WRITABLE: (d: { file: string; message: string }) =>
    `nothing can be written to ${quote(d.file)}: ${d.message}. Give --out a file in a folder that exists and that you may write to.`,
  ARCHLOOM_EXPORT_OUT: (d: { as: string }) =>
    `--as ${d.as} without --out has nowhere to write; expected a path. Add --out <path>: a new file, or a folder where the form has several files.`,
  ARCHLOOM_EXPORT_INSTANCE: (d: { study: string; top: number }) =>
    `a network exists in one process only, so the command line cannot export one. In code: import { exportTop } from 'archloom'; exportTop(${quote(d.study)}, ${d.top}, { space, input, classes, rng }). Or export the code that builds it: --as code.`,
  ARCHLOOM_COMPARE_NOTHING: (d: { pattern: string; known: readonly string[] }) =>
    `no study matches ${quote(d.pattern)}; the studies here are ${quote(d.known, 400)}. "archloom ls" lists them.`,
  ARCHLOOM_BENCH_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `there is no benchmark ${quote(d.name)}; the benchmarks here are ${quote(d.known, 400)}. They are in test/bench of a checkout.`,
  ARCHLOOM_UNIT_UNKNOWN: (d: { paper: string; received: string; known: readonly string[] }) =>
    `${d.paper} has no unit under ${quote(d.received)}; expected part, part/arm or part/arm/seed of ${quote(d.known, 600)}.`,
  ARCHLOOM_UNIT_VALUE: (d: { unit: string; received: unknown }) =>
    `unit ${quote(d.unit)} measured ${quote(d.received)}; expected at least one measurement, and finite numbers only. Nothing of this unit was kept.`,
  ARCHLOOM_RESULTS_EXIST: (d: { file: string; finished: number; of: number }) =>
    `${quote(d.file)} already holds results (${d.finished} of ${d.of} units are finished); add --resume to continue, or delete the file to start again.`,
  ARCHLOOM_RESULTS_BUSY: (d: { file: string; pid: number }) =>
    `process ${d.pid} is writing ${quote(d.file)}; expected one run at a time. Wait for it to end. To run several units at once, use --jobs.`,
  ARCHLOOM_RESULTS_LINE: (d: { file: string; line: number; received: string }) =>
    `line ${d.line} of ${quote(d.file)} is ${quote(d.received)}; expected {"part", "arm", "seed", "step", "metric", "value", "seconds", "settings"} as JSON. Restore the file or delete the line.`,
  ARCHLOOM_RESULTS_SETTINGS: (d: { file: string; part: string }) =>
    `part ${quote(d.part)} has results in ${quote(d.file)} that were made with other settings; expected those of this version. Delete the lines of this part to run it again.`,
  ARCHLOOM_EXPERIMENT_UNKNOWN: (d: { paper: string; known: readonly string[] }) =>
    `plugin ${quote(d.paper)} has no experiment to reproduce; plugins that have one: ${quote(d.known, 400)}.`,
  ARCHLOOM_DASHBOARD_PROCESS: (d: { message: string }) =>
    `the dashboard could not be started: ${d.message}. Leave --dashboard out to run without it.`,
})
