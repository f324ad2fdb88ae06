/** From data to a model: one call that reads, searches, trains, compares and exports. */
export { type Allowance, allowance, type Budget, processorClock } from './allowance.ts'
export type { FitEvent, Limits, TrialRecord } from './events.ts'
export {
  type FoundImageClassifier,
  type ImageSearchOptions,
  nameOf,
  searchImages,
  trainHandMade,
} from './images/search.ts'
export type { ImageArchitecture } from './images/space.ts'
