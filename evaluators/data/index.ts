export type { Augmentation } from './augmentation.ts'
export { type CifarOptions, parseCifar, readCifar } from './cifar.ts'
export { describeDataset, type ImageDataset, type SplitDatasetOptions, splitDataset } from './dataset.ts'
export { type Checksum, type DownloadOptions, type DownloadProgress, download } from './download.ts'
export type { FindOptions, FoundData } from './find.ts'
export { type FramesOptions, readFrames } from './frames.ts'
export { type GeneratedImagesOptions, generatedImages } from './generated.ts'
export { halfSize } from './half-size.ts'
export { type IdxImages, readIdx, readIdxImages, readIdxLabels } from './idx.ts'
export {
  type ImageFolder,
  type ImageFolderDatasetOptions,
  type ImageFolderOptions,
  imageFolder,
  readImageFolder,
} from './image-folder.ts'
export { classCounts, concatImages, firstImages, type LabelledImages, labelledImages } from './images.ts'
export { embedded, type LabelledPoints, type Manifold, mixture, moons, rings, swissRoll } from './manifolds.ts'
export {
  type Cifar100Options,
  cifar10,
  cifar100,
  type DataName,
  dataNames,
  fashionMnist,
  findData,
  mnist,
  type NamedSetOptions,
  usps,
} from './named.ts'
export { channelStatistics, type Normalisation } from './normalisation.ts'
export { orGenerated } from './or-generated.ts'
export { cacheDirectory, type Environment } from './places.ts'
export { pointSplit, withoutClasses } from './point-split.ts'
export { progressBar, progressLine, type Terminal } from './progress-bar.ts'
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
export { appleOrange, type UnpairedFoldersOptions, unpairedFolders } from './unpaired-folders.ts'
