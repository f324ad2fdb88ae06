import { existsSync, readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { optionNames } from '../options/index.ts'
import { error } from '../study/errors.ts'
import { checkStudyName, freshName, registerStudies, type Studies } from '../study/studies.ts'
import {
  checkFsync,
  isJournalWritten,
  JOURNAL_FILE,
  type JournalOptions,
  journalReader,
  journalStore,
} from './journal.ts'

/** Folder of all studies, unless another is given. */
export const STUDIES = 'archloom-studies'

const journalStudiesNames = optionNames<JournalOptions>('journalStudies', { fsync: true })

/** A place for studies: every folder in `directory` that holds a journal is a study. */
export function journalStudies(directory: string = STUDIES, options: JournalOptions = {}): Studies {
  journalStudiesNames(options)
  checkFsync('journalStudies', options)
  const has = (name: string) => existsSync(join(directory, name, JOURNAL_FILE))
  const list = () => (existsSync(directory) ? readdirSync(directory).filter(has).sort() : [])
  return {
    url: `journal:${directory}`,
    list: async () => list(),
    async open(name, { mode = 'read', fresh = false } = {}) {
      checkStudyName(name)
      if (mode === 'write') {
        const chosen = fresh ? freshName(name, (candidate) => existsSync(join(directory, candidate))) : name
        return journalStore(join(directory, chosen), options)
      }
      if (!has(name)) throw error('ARCHLOOM_STUDY_NOT_FOUND', { path: join(directory, name), known: list() })
      return journalReader(join(directory, name))
    },
    isWritten: async (name) => isJournalWritten(join(directory, name)),
    remove: async (name) => {
      checkStudyName(name)
      if (!has(name)) throw error('ARCHLOOM_STUDY_NOT_FOUND', { path: join(directory, name), known: list() })
      if (isJournalWritten(join(directory, name)))
        throw error('ARCHLOOM_STUDY_LOCKED', { study: name, by: 'a running process' })
      await rm(join(directory, name), { recursive: true })
    },
  }
}

/** `journal:folder`, `journal:///folder`, with `?fsync=trial`. */
registerStudies('journal', (url) => {
  const [place = '', query = ''] = url.slice('journal:'.length).split('?')
  const directory = place.startsWith('///') ? fileURLToPath(`file:${place}`) : place || STUDIES
  return journalStudies(directory, Object.fromEntries(new URLSearchParams(query)) as JournalOptions)
})

/** The folder and name of a study given by its name in `directory`, or by a path to it or to its journal. */
export function locateStudy(study: string, directory: string = STUDIES): { directory: string; name: string } {
  for (const candidate of [resolve(directory, study), resolve(study)]) {
    const isJournal = basename(candidate) === JOURNAL_FILE && existsSync(candidate)
    const folder = isJournal ? dirname(candidate) : candidate
    if (existsSync(folder) && statSync(folder).isDirectory() && existsSync(join(folder, JOURNAL_FILE)))
      return { directory: dirname(folder), name: basename(folder) }
  }
  const known = existsSync(directory)
    ? readdirSync(directory).filter((name) => existsSync(join(directory, name, JOURNAL_FILE)))
    : []
  throw error('ARCHLOOM_STUDY_NOT_FOUND', { path: study, known: known.sort() })
}
