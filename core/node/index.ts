/** What needs Node: journals, their locks, and artifacts as files. `archloom` itself runs anywhere. */
export { replaceFile, replaceFileSync } from './files.ts'
export { folderArtifacts, isJournalWritten, type JournalOptions, journalStore, readJournal } from './journal.ts'
export { journalStudies, locateStudy, STUDIES } from './studies.ts'
