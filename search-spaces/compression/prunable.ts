/** Networks as plain layer graphs: coupled channels, their cost, and pruned networks. */

export {
  checkKerasConfig,
  isKeras3,
  type KerasType,
  kerasActivation,
  kerasBorder,
  kerasPair,
  kerasSlope,
  kerasTypes,
  type RefuseLayer,
} from './keras-config.ts'
export { inputName, type KerasCall, type KerasLayer, type KerasModel, kerasModel } from './keras-model.ts'
export { type KerasWeights, kerasWeights } from './keras-weights.ts'
export {
  type ChannelGroup,
  type Coupling,
  coupleChannels,
  type KeptChannels,
  keptClasses,
  keptPositions,
} from './prunable-channels.ts'
export {
  type ChannelChoice,
  checkRate,
  constrainedCount,
  constrainedCounts,
  type PruningOptions,
  type PruningProblem,
  pruningProblem,
  staticFeatures,
  uniformCounts,
} from './prunable-choices.ts'
export { graphCost, type PrunedCost, prunedCost } from './prunable-cost.ts'
export {
  type ActivationName,
  activationNames,
  channelsIn,
  channelsOut,
  type GraphNode,
  type GraphPadding,
  hasKernel,
  INPUT,
  isMixing,
  type KernelNode,
  type LayerGraph,
  type MixingNode,
  type Weights,
} from './prunable-graph.ts'
export { importLayersModel, type LayersModelSource, type SavableModel } from './prunable-layers-model.ts'
export { currentGraph, type GraphNetwork, graphNetwork, type NodeObserver } from './prunable-network.ts'
export {
  type GraphBuilder,
  graphBuilder,
  type ResNetOptions,
  resNetGraph,
  type VggOptions,
  vggGraph,
} from './prunable-published.ts'
export { checkWeights, graphShapes } from './prunable-shapes.ts'
export { sliceGraph, sliceKernel } from './prunable-slice.ts'
export {
  type ChannelSpace,
  type ChannelSpaceOptions,
  channelSpace,
  isChannelSpace,
  type PrunedArchitecture,
} from './prunable-space.ts'
export { type LayerGraphOptions, layerGraph } from './prunable-trace.ts'
export {
  isObject,
  readSavedModel,
  type SavedModel,
  type SavedWeights,
  savedModelError,
  savedModelOf,
} from './saved-model.ts'
