import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('optuna-journal', {
  ARCHLOOM_OPTUNA_JOURNAL: (d: { file: string; message: string }) =>
    `nothing can be written to the Optuna journal ${quote(d.file)}: ${d.message}. Name a file in a folder that exists and that you may write to; the study itself is complete, and "archloom export --as optuna-journal" writes it again.`,
  ARCHLOOM_OPTUNA_JOURNAL_LINE: (d: { file: string; line: number; received: string }) =>
    `line ${d.line} of ${quote(d.file)} is ${quote(d.received)}; expected a record of an Optuna journal. Name another file.`,
  ARCHLOOM_OPTUNA_JOURNAL_STUDY: (d: { file: string; study: string; received: unknown; expected: unknown }) =>
    `the Optuna journal ${quote(d.file)} holds another study called ${quote(d.study)}, with directions ${quote(d.received)}; expected ${quote(d.expected)}. Name another file or another study.`,
})
