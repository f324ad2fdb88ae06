import { search as compose } from './digits.ts'

/** Forgets to pass the study on. */
export const search = () => compose({ trials: 1, study: { directory: 'elsewhere' } })
