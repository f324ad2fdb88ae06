import { flag, group, isObject, list, optionsFor, text, value, whole } from '../../core/options/index.ts'
import type { Bits } from '../../evaluators/profile/index.ts'
import type { Calibration } from './calibrate.ts'
import type { ExportOptions } from './export.ts'
import type { QuantiseBits } from './quantise.ts'

const bits = 'bits from 2 to 8, or 32, for all layers or by path'
const written = {
  file: text({ doc: 'Path of the file to write; missing folders are created.', absent: 'bytes only' }),
  foldBatchNorm: flag({ default: true, doc: 'Folds batch normalisation into the preceding convolutions.' }),
}

/** Options of `exportOnnx`; bits are checked layer by layer. */
export const exportOptions = optionsFor<ExportOptions>()(
  'exportOnnx',
  {
    ...written,
    input: list(whole({ min: 1 }), { doc: 'Shape of one input, without the batch.', absent: "the network's" }),
    dynamicSize: flag({
      absent: 'open where the network allows it, unless `input` states a size',
      doc: 'Leaves height and width open, for networks with `upscale`; true refuses networks that fix the size.',
    }),
    quantise: group(
      {
        weights: value<Bits>(bits, { doc: 'Bits of weights.', absent: '8' }),
        activations: value<Bits>(bits, { doc: 'Bits of the inputs of layers.', absent: '8' }),
        calibration: value<Calibration>('a split of a data set, or a list of batches', {
          holds: isObject,
          doc: 'Inputs from which the ranges of activations are computed.',
        }),
        images: whole({ min: 1, doc: 'Maximum number of these inputs that are used.', absent: '64' }),
        clips: value<NonNullable<QuantiseBits['clips']>>('a map of ranges by layer', {
          doc: 'Learned ranges.',
        }),
      },
      { optional: true, absent: 'floats', doc: 'Stores weights and activations as integers.' },
    ),
  },
  { renamed: { quantize: 'quantise', quantization: 'quantise', quantisation: 'quantise' } },
)

/** Options of `exportQuantisedModel`. */
export const quantisedModelOptions = optionsFor<Pick<ExportOptions, 'file' | 'foldBatchNorm'>>()(
  'exportQuantisedModel',
  written,
)
