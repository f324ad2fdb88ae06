export { type CifarOptions, parseCifar, readCifar } from './cifar.ts'
export { type Checksum, type DownloadOptions, type DownloadProgress, download } from './download.ts'
export type { FindOptions, FoundData } from './find.ts'
export { type FramesOptions, readFrames } from './frames.ts'
export { type IdxImages, readIdx, readIdxImages, readIdxLabels } from './idx.ts'
export {
  type ImageFolder,
  type ImageFolderDatasetOptions,
  type ImageFolderOptions,
  imageFolder,
  readImageFolder,
} from './image-folder.ts'
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
export { cacheDirectory, type Environment } from './places.ts'
export * from './portable.ts'
export { progressBar, progressLine, type Terminal } from './progress-bar.ts'
export { stratifiedChoice } from './stratify.ts'
export { appleOrange, type UnpairedFoldersOptions, unpairedFolders } from './unpaired-folders.ts'
