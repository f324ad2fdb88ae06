/** Networks that enlarge images, in use: saved as folders, applied tile by tile to pictures, folders and films. */
export { writeComparison } from './comparison.ts'
export {
  type FailedFile,
  type FilePair,
  type FilePairsOptions,
  filePairs,
  type UpscaledFile,
  type UpscaleFilesOptions,
  upscaleFiles,
} from './files.ts'
export {
  describeUpscaler,
  type LoadedUpscaler,
  type LoadUpscalerOptions,
  loadUpscaler,
  reachOf,
  type SaveUpscalerOptions,
  saveUpscaler,
  type Upscaler,
  type UpscalerBuilder,
  type UpscalerDescription,
} from './model.ts'
export { sideBySide } from './side-by-side.ts'
export { type Tile, type TilingOptions, tilesOf, upscaleTiled } from './tiling.ts'
export { assembleFrames, extractFrames, frameRate } from './video.ts'
