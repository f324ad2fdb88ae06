import { defaultStorage } from '#platform'
import { optionError, optionNames } from '../options/index.ts'
import { readRecord, type StudyRecord } from './record.ts'
import { type Studies, studiesAt } from './studies.ts'

export interface ReadStudyOptions {
  /** Where the studies are kept, such as `journal:./archloom-studies` (the default in Node). */
  readonly storage?: string | Studies
  /** Shorthand for `storage: 'journal:<directory>'`. */
  readonly directory?: string
}

/** The studies that options name. */
export const studiesOf = async ({ storage, directory }: ReadStudyOptions): Promise<Studies> => {
  // One of two places would be passed over.
  if (storage !== undefined && directory !== undefined)
    throw optionError('readStudy', 'directory', directory, 'no directory beside storage')
  if (typeof storage === 'object') return storage
  return studiesAt(storage ?? (directory === undefined ? defaultStorage : `journal:${directory}`))
}

const readStudyNames = optionNames<ReadStudyOptions>('readStudy', { storage: true, directory: true })

/**
 * Reads a study by its name. It may be running, finished or killed.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_STUDY_NOT_FOUND, ARCHLOOM_STUDY_EMPTY, ARCHLOOM_STUDY_CORRUPT,
 * ARCHLOOM_STORAGE_UNKNOWN.
 */
export async function readStudy(name: string, options: ReadStudyOptions = {}): Promise<StudyRecord> {
  readStudyNames(options)
  const studies = await studiesOf(options)
  const store = await studies.open(name)
  try {
    const record = await readRecord(store)
    record.started
    return record
  } finally {
    await store.close()
  }
}
