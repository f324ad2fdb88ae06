export { type ModeCoverage, modeCoverage } from './modes.ts'
