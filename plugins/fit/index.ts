/** From data to a model: one call that reads, searches, trains, compares and exports. */
import { declarePlugin } from '../../core/index.ts'
import { declared } from './fit.ts'

export { type Allowance, allowance, type Budget, processorClock } from './allowance.ts'
export { type CommandOutput, type FitCommandOptions, fitCommand, predictCommand } from './command.ts'
export type { FitEvent, Limits, TrialRecord } from './events.ts'
export type { ModelDescription } from './export.ts'
export { type FitComparison, type FitOptions, type FitResult, fit, type Prediction } from './fit.ts'
export {
  type FoundImageClassifier,
  type ImageSearchOptions,
  nameOf,
  searchImages,
  trainHandMade,
} from './images/search.ts'
export type { ImageArchitecture } from './images/space.ts'
export {
  type FitSeriesClassifierResult,
  fitSeriesClassifier,
  type SeriesClassifierOptions,
  type SeriesPrediction,
} from './labelled-series/index.ts'
export type { Forecast, SeriesPlan } from './lags.ts'
export type { FinalLatency, LatencyMeter } from './latency.ts'
export { type LoadedModel, loadModel } from './model-folder.ts'
export { type FitSeriesResult, fitSeries, type SeriesOptions } from './series.ts'
export { type FitUpscalerResult, fitUpscaler, type UpscalerOptions } from './upscaling/index.ts'

declarePlugin({
  name: 'fit',
  kind: 'composition',
  does: 'The best model for a table, images or series, within a time and limits.',
  options: declared,
})
