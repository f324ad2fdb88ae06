/** Weight sharing with one supernet for all architectures: training, measuring paths, checkpoints and rankings. */
export {
  type Checkpoint,
  type CheckpointIdentity,
  type CheckpointOptions,
  checkpointOption,
  type Deciding,
  decidingOf,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts'
export {
  type CollapseOptions,
  type CollapseWatch,
  collapseOption,
  collapseWatch,
  type OperationShares,
  operationShares,
  uniformEntropy,
} from './collapse.ts'
export {
  type DisturbanceMetrics,
  type DisturbanceOptions,
  type DisturbanceWatch,
  disturbanceOption,
  disturbanceWatch,
} from './disturbance.ts'
export { type SharedWeights, sharedWeightsOf, type WeightSharingOptions, weightSharing } from './evaluator.ts'
export { type Measured, measureBatch, measureSplit } from './measure.ts'
export {
  type OneShotDefaults,
  type OneShotDefinition,
  type OneShotOptions,
  type OneShotParts,
  type OneShotStrategy,
  oneShot,
  oneShotDeciding,
  oneShotFields,
  oneShotNeeds,
  oneShotRenamed,
} from './one-shot.ts'
export type { SavedTensors } from './optimizer-state.ts'
export { type RankOptions, rankSharedWeights } from './rank-shared-weights.ts'
export {
  depthOf,
  type GraphEdge,
  kendallTau,
  type Ranking,
  rankingReport,
  ranks,
  spearman,
} from './ranking.ts'
export {
  type Relaxation,
  type RelaxationOptions,
  type RelaxedMethod,
  relaxationFields,
  relaxedStrategy,
} from './relaxation.ts'
export {
  type Likely,
  type StagedCourse,
  type StagedOptions,
  type StagedStrategy,
  stagedSearch,
  watchedTrials,
} from './staged-search.ts'
export { recalibrate, type Statistics } from './statistics.ts'
export {
  type SharedSgdOptions,
  sharedSgd,
  sharedSgdFields,
  type TappingOptimizer,
  type TappingOptimizerFactory,
  tapping,
  WEIGHT_OPTIMIZER,
  type WeightOptimizer,
} from './weight-optimizer.ts'
export {
  courseOf,
  type WeightStep,
  type WeightTrainer,
  type WeightTrainerOptions,
  weightTrainer,
} from './weight-trainer.ts'
