/**
 * Metrics for the quality and diversity of generated examples, computed from the features of a network that is named
 * with every figure.
 */
export {
  examplesOf,
  type FeatureNetwork,
  type FeatureNetworkOptions,
  type Features,
  trainFeatureNetwork,
} from './feature-network.ts'
export { frechetDistance, type InceptionScore, inceptionScore } from './frechet.ts'
export { type ModeCoverage, modeCoverage } from './modes.ts'
export { type MsSsimOptions, msSsim, pairSimilarity } from './ms-ssim.ts'
export { type OnnxFeatureOptions, onnxFeatureNetwork } from './onnx-features.ts'
export { pictureGrid } from './picture-grid.ts'
export { type PrecisionRecall, precisionRecall } from './precision-recall.ts'
