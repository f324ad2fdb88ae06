export {
  type Measurement,
  type Trained,
  type TrainFromScratchOptions,
  trainFromScratch,
  trainSeconds,
} from './evaluator.ts'
export type { TrainingOptions } from './options.ts'
export { type Retrained, type RetrainOptions, retrain } from './retrain.ts'
