export { declared, type PostgresOptions, postgresStudies } from './studies.ts'
