/** The parts that need Node: journals, their locks, and artifacts as files. `archloom` itself also runs in browsers. */
export { replaceFile, replaceFileSync } from './files.ts'
export { folderArtifacts, isJournalWritten, type JournalOptions, journalStore, readJournal } from './journal.ts'
export { optionalPackage } from './optional-package.ts'
export { journalStudies, locateStudy, STUDIES } from './studies.ts'
