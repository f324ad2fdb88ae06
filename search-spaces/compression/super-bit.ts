/** Search for bits and groups of filters in one network: choices, costs and results. */
export { bitsOf, type Gates, gateGradients, gatesOf, levelOf, logisticSlope } from './gates.ts'
export { isNested, type Ladder, nestedLadder, PAPER_LADDER, ratiosOf, stepsOf } from './ladder.ts'
export { type MultiPathNetwork, type MultiPathOptions, multiPathNetwork } from './multi-path.ts'
export { type PreActivationResNetOptions, preActivationResNet } from './pre-activation-resnet.ts'
export type { ClipOptions } from './quantised-layer.ts'
export {
  currentModel,
  type QuantisedLayer,
  type QuantisedModel,
  type QuantisedNetwork,
  type QuantisedWeights,
  quantisedNetwork,
  quantisedWeights,
} from './quantised-network.ts'
export {
  codeOf,
  codes,
  decompose,
  type Grid,
  meanResiduals,
  quantise,
  quantiseGradient,
  recompose,
  roundHalfUp,
  signedGrid,
  unsignedGrid,
} from './quantiser.ts'
export { moments, weightGrid } from './standardise.ts'
export {
  bopsOf,
  cheapestChoice,
  checkTarget,
  keptFilters,
  meanBits,
  multiplyAddsOf,
  randomChoice,
  uniformChoice,
} from './super-bit-cost.ts'
export {
  type LayerResiduals,
  type SuperBitNetwork,
  type SuperBitNetworkOptions,
  superBitNetwork,
  type Thresholds,
  type Turn,
} from './super-bit-network.ts'
export {
  type BitChoice,
  type BitLayer,
  type FilterGroups,
  FLOAT_BITS,
  type LayerBits,
  type PruneOptions,
  type SuperBitOptions,
  type SuperBitPlan,
  superBitPlan,
} from './super-bit-plan.ts'
export { type SuperBitArchitecture, type SuperBitSpace, superBitSpace } from './super-bit-space.ts'
export { filterGates, groupScores, quantiseFixed, superQuantise } from './super-quantiser.ts'
