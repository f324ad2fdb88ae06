/**
 * Images: files, colour, bicubic resizing as used in super-resolution, degradations, and pairs of a small and a large
 * image.
 */
export {
  type Border,
  bicubicMatrix,
  bicubicRows,
  downscaleBicubic,
  type ResizeOptions,
  type ResizeRow,
  resizeBicubic,
  upscaleBicubic,
} from './bicubic.ts'
export {
  addNoise,
  type BlurKernel,
  blur,
  type Degradation,
  type DegradationOptions,
  degradation,
  downscaleBlurred,
  downscaleNearest,
  type GaussianOptions,
  gaussianKernel,
  throughJpeg,
} from './degrade.ts'
export {
  encodePicture,
  picturesIn,
  type ReadPicture,
  type ReadPictureOptions,
  readPicture,
  streamPictures,
  type WriteOptions,
  writePicture,
} from './files.ts'
export { fromYCbCr, LUMA_WEIGHTS, luma, toYCbCr } from './luma.ts'
export type { Container, ImageMetadata } from './metadata.ts'
export { IMAGE_LIMITS } from './open.ts'
export {
  holdOutPairs,
  type PicturePair,
  pairOf,
  picturePair,
  type ReadPairs,
  type ReadPairsOptions,
  readPairs,
} from './pairs.ts'
export {
  type PatchBatch,
  type PatchDataset,
  type PatchDatasetOptions,
  type PatchOptions,
  type PatchSplit,
  patchDataset,
  patchSplit,
} from './patches.ts'
export {
  crop,
  cropToMultiple,
  type Picture,
  picture,
  type Symmetry,
  sizeOf,
  symmetries,
  toRgb,
  transformed,
} from './picture.ts'
export {
  levelsOf,
  type Raster,
  type ReadRaster,
  type ReadRasterOptions,
  readRaster,
  type WriteRasterOptions,
  writeRaster,
} from './raster.ts'
export { type ResizeTarget, resizeImage } from './resize.ts'
export { drawScene } from './scenes.ts'
export {
  findPairs,
  generatedPairs,
  type PairSetName,
  type SuperResolutionDataOptions,
  superResolutionData,
} from './sets.ts'
export { fromTensor, toTensor } from './tensors.ts'
