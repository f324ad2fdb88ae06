/** How good and how varied generated examples are, all over a feature network that is named with every figure. */
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
