/** Networks that enlarge images: saved as folders, and applied tile by tile to images, folders and films. */
export { writeComparison } from './comparison.ts'
export { type Enlarger, type Enlarging, enlargerOf, selfEnsembled } from './enlarger.ts'
export {
  type DefaultOutputOptions,
  defaultOutput,
  type FailedFile,
  type FilePair,
  type FilePairsOptions,
  filePairs,
  type UpscaledFile,
  type UpscaleFilesOptions,
  upscaleFiles,
} from './files.ts'
export {
  describeFilm,
  type FilmFacts,
  type UpscaledFilm,
  type UpscaleFilmOptions,
  upscaleFilm,
} from './film.ts'
export { isFilm } from './film-formats.ts'
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
  type UpscalerModel,
} from './model.ts'
export { pretrainedFolder, pretrainedScales, pretrainedUpscalers, type UpscalerFamily } from './pretrained.ts'
export { sideBySide } from './side-by-side.ts'
export type { SizeOptions } from './sizing.ts'
export { type Enlarged, type Tile, type TilingOptions, tilesOf, upscaleTiled } from './tiling.ts'
export { assembleFrames, extractFrames, frameRate } from './video.ts'
