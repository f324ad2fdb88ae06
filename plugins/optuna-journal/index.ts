import {
  ArchloomError,
  declarePlugin,
  definePlugin,
  messageOf,
  observeInBatches,
  type Plugin,
  realClock,
} from '../../core/index.ts'
import { type OptionsOf, options, required, text, whole } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { journalFile } from './journal-file.ts'
import { type JournalRecord, journalRecords } from './records.ts'

export { form } from './export-study.ts'
export { type OptunaResult, type OptunaResultsOptions, optunaResults } from './optuna-results.ts'

export const declared = options('optunaJournal', {
  file: required(text({ doc: 'The journal file. It is created if it does not exist, and may hold other studies.' })),
  study: text({ absent: 'the name of the study', doc: 'Name of the study in the journal.' }),
  everyMs: whole({ min: 1, default: 1000, doc: 'Milliseconds between two writes.' }),
})
export type OptunaJournalOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'optuna-journal',
  kind: 'observer',
  does: 'Writes a study into an Optuna journal while it runs.',
  options: declared,
})

/**
 * Writes the study into an Optuna journal while it runs, so that optuna-dashboard and `optuna.load_study` show it.
 * Errors: ARCHLOOM_OPTION; ARCHLOOM_OPTUNA_JOURNAL when the search is disposed of, if something could not be written.
 */
export function optunaJournal(given: OptunaJournalOptions): Plugin {
  const { file, study, everyMs } = declared.read(given)
  return definePlugin({
    ...about,
    options: { file, study, everyMs },
    bind: ({ observer }) =>
      observer.to((search) => {
        const name = study ?? search.study
        const recordsOf = journalRecords(name)
        const journal = journalFile(file, name, realClock)
        const append = async (records: readonly JournalRecord[]) => {
          try {
            await journal.append(records)
          } catch (thrown) {
            if (ArchloomError.is(thrown)) throw thrown
            throw error('ARCHLOOM_OPTUNA_JOURNAL', { file, message: messageOf(thrown) }, { cause: thrown })
          }
        }
        return observeInBatches(search, {
          everyMs,
          probe: () => append([]),
          write: (events) => append(events.flatMap(recordsOf)),
        })
      }),
  })
}
