/** What `archloom/evaluators/data` is in a browser: everything that opens no file and downloads nothing. */
export type { Augmentation } from './augmentation.ts'
export { describeDataset, type ImageDataset, type SplitDatasetOptions, splitDataset } from './dataset.ts'
export { type GeneratedImagesOptions, generatedImages } from './generated.ts'
export { halfSize } from './half-size.ts'
export { classCounts, concatImages, firstImages, type LabelledImages, labelledImages } from './images.ts'
export { embedded, type LabelledPoints, type Manifold, mixture, moons, rings, swissRoll } from './manifolds.ts'
export { channelStatistics, type Normalisation } from './normalisation.ts'
export { orGenerated } from './or-generated.ts'
export { pointSplit, withoutClasses } from './point-split.ts'
export {
  holdOut,
  type ImageSplit,
  type ImageSplitOptions,
  imageSplit,
  prefix,
  subset,
  withAugmentation,
} from './split.ts'
export { symmetricRange } from './symmetric.ts'
export {
  symmetric,
  type UnpairedImageDataset,
  type UnpairedImagesOptions,
  type UnpairedSplit,
  unpairedImages,
  unpairedSplit,
} from './unpaired.ts'
