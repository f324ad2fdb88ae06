export { declared, type SqliteOptions, sqliteStudies } from './studies.ts'
