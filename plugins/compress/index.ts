/** Makes a user's model smaller in one call: channels by CACP, fine-tuning, integers, and an ONNX file. */
import { declarePlugin } from '../../core/index.ts'
import { declared } from './compress.ts'

export {
  type BitSearchOptions,
  type CompressedModel,
  type CompressionFigures,
  type CompressionTarget,
  type CompressOptions,
  compress,
} from './compress.ts'
export { layerGraphOf, type ModelSource } from './source.ts'

declarePlugin({
  name: 'compress',
  kind: 'composition',
  does: 'A trained model made smaller: channels, fine-tuning, integers, an ONNX file.',
  options: declared,
})
