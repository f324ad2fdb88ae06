import { flag, group, isObject, list, optionsFor, text, value, whole } from '../../core/options/index.ts'
import type { Bits } from '../../evaluators/profile/index.ts'
import type { Calibration } from './calibrate.ts'
import type { ExportOptions } from './export.ts'
import type { QuantiseBits } from './quantise.ts'

const bits = 'bits from 2 to 8, or 32, for all layers or by path'
const written = {
  file: text({ doc: 'Where the file is written; folders are made.', absent: 'bytes only' }),
  foldBatchNorm: flag({ default: true, doc: 'Batch normalisation goes into the convolutions before it.' }),
}

/** Options of `exportOnnx`; bits are checked layer by layer. */
export const exportOptions = optionsFor<ExportOptions>()(
  'exportOnnx',
  {
    ...written,
    input: list(whole({ min: 1 }), { doc: 'Shape of one input, without the batch.', absent: "the network's" }),
    dynamicSize: flag({ default: false, doc: 'Height and width stay open, for networks with `upscale`.' }),
    quantise: group(
      {
        weights: value<Bits>(bits, { doc: 'Bits of weights.', absent: '8' }),
        activations: value<Bits>(bits, { doc: 'Bits of what layers read.', absent: '8' }),
        calibration: value<Calibration>('a split of a data set, or a list of batches', {
          holds: isObject,
          doc: 'Inputs by which ranges of activations are chosen.',
        }),
        images: whole({ min: 1, doc: 'Of those, at most so many.', absent: '64' }),
        clips: value<NonNullable<QuantiseBits['clips']>>('a map of ranges by layer', {
          doc: 'Ranges that were learned.',
        }),
      },
      { optional: true, absent: 'floats', doc: 'Weights and activations as integers.' },
    ),
  },
  { renamed: { quantize: 'quantise', quantization: 'quantise', quantisation: 'quantise' } },
)

/** Options of `exportQuantisedModel`. */
export const quantisedModelOptions = optionsFor<Pick<ExportOptions, 'file' | 'foldBatchNorm'>>()(
  'exportQuantisedModel',
  written,
)
