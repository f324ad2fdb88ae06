import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('optuna-journal', {
  ARCHLOOM_OPTUNA_JOURNAL: (d: { file: string; message: string }) =>
    `nothing can be written to the Optuna journal ${quote(d.file)}: ${d.message}. Name a file in a folder that exists and that you may write to; the study itself is complete, and "archloom export --as optuna-journal" writes it again.`,
  ARCHLOOM_OPTUNA_JOURNAL_LINE: (d: { file: string; line: number; received: string }) =>
    `line ${d.line} of ${quote(d.file)} is ${quote(d.received)}; expected a record of an Optuna journal. Name another file.`,
  ARCHLOOM_OPTUNA_JOURNAL_STUDY: (d: { file: string; study: string; received: unknown; expected: unknown }) =>
    `the Optuna journal ${quote(d.file)} holds another study called ${quote(d.study)}, with directions ${quote(d.received)}; expected ${quote(d.expected)}. Name another file or another study.`,
  ARCHLOOM_OPTUNA_READ: (d: { file: string; message: string }) =>
    `the Optuna journal ${quote(d.file)} cannot be read: ${d.message}. Name a journal file; a study in another storage becomes one by optuna.copy_study().`,
  ARCHLOOM_OPTUNA_STUDY: (d: { file: string; received: unknown; known: readonly string[] }) =>
    `the Optuna journal ${quote(d.file)} has no study ${quote(d.received)}; it has ${quote(d.known, 300)}. Name one of them by the option "study".`,
  ARCHLOOM_OPTUNA_METRICS: (d: { file: string; study: string; received: unknown; count: number }) =>
    `the values of study ${quote(d.study)} in ${quote(d.file)} have the names ${quote(d.received)}; expected ${d.count} of them, one for each direction. Give the option "metrics", or call study.set_metric_names() in Optuna.`,
  ARCHLOOM_OPTUNA_PARAMETER: (d: {
    file: string
    study: string
    trial: number
    name: string
    received: unknown
    expected: unknown
    known: readonly string[]
  }) =>
    `trial ${d.trial} of study ${quote(d.study)} in ${quote(d.file)} has ${d.received === undefined ? `no parameter ${quote(d.name)}, only ${quote(d.known, 300)}` : `the value ${quote(d.received)} of parameter ${quote(d.name)}`}; expected ${typeof d.expected === 'string' ? d.expected : `one of ${quote(d.expected, 300)}`}. Use a space whose decisions are named and bounded as the parameters of the study are.`,
})
