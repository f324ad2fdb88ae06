/** A user's own model made smaller in one call: CACP's channels, fine-tuning, integers, an ONNX file. */
export {
  type BitSearchOptions,
  type CompressedModel,
  type CompressionFigures,
  type CompressionTarget,
  type CompressOptions,
  compress,
} from './compress.ts'
export { layerGraphOf, type ModelSource } from './source.ts'
