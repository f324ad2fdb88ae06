import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { realClock } from '../../../core/clock.ts'
import { replaceFile } from '../../../core/node/files.ts'
import { isObject, optionsFor, pickOptions, required, text, value } from '../../../core/options/index.ts'
import type { Picture } from '../../../evaluators/data/images/index.ts'
import { upscaled } from '../../../evaluators/metrics/index.ts'
import { saveUpscaler } from '../../../evaluators/upscaling/index.ts'
import { exportOnnx } from '../../onnx/index.ts'
import { allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitComparison, FitOptions, FitResult } from '../fit.ts'
import { readUpscaling } from './read.ts'
import { searchUpscaler, sizeOf } from './search.ts'

export interface UpscalerOptions {
  /** A folder of large images, whose small ones are made by bicubic shrinking. */
  readonly data: string
  /** Enlargement: 2, 3 or 4. Default 2. */
  readonly scale?: 2 | 3 | 4
  /** Options of `fit` that are passed on. */
  readonly fit?: Pick<
    FitOptions,
    'minutes' | 'budget' | 'limits' | 'trials' | 'seed' | 'onEvent' | 'signal' | 'clock' | 'study' | 'strategy'
  >
}

const declared = optionsFor<UpscalerOptions>()('fitUpscaler', {
  data: required(text({ doc: 'A folder of large images, whose small ones are made by bicubic shrinking.' })),
  scale: value<2 | 3 | 4>('2, 3 or 4', {
    holds: (scale) => scale === 2 || scale === 3 || scale === 4,
    absent: '2',
    doc: 'Enlargement.',
  }),
  fit: value<NonNullable<UpscalerOptions['fit']>>('options of fit', {
    holds: isObject,
    doc: 'Options of `fit` that are passed on.',
  }),
})

export interface FitUpscalerResult extends Disposable {
  /** PSNR (dB, luma) and SSIM of the network, and the PSNR of bicubic enlargement, on held-out images. */
  readonly metrics: FitResult['metrics']
  readonly comparison: readonly FitComparison[]
  readonly trials: FitResult['trials']
  readonly warnings: readonly string[]
  readonly scale: number
  /** Enlarges an image. */
  upscale(image: Picture): Promise<Picture>
  /**
   * Writes a folder for `archloom upscale --model` with model.json, weights.safetensors and model.onnx, which enlarges
   * tiles of 64×64 pixels; returns the paths.
   */
  export(folder: string): Promise<readonly string[]>
}

/**
 * From a folder of images to a network that enlarges images: searches among compact networks within the budget and the
 * limits, trains the best, and compares it with bicubic enlargement on images that were held out.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_TASK, ARCHLOOM_FIT_LIMITS, ARCHLOOM_PICTURE_FOLDER_EMPTY.
 */
export async function fitUpscaler(given: UpscalerOptions): Promise<FitUpscalerResult> {
  const { data, scale = 2, fit = {} } = declared.read(given)
  const { limits = {}, onEvent = () => {}, seed = 1, strategy = 'search', minutes = 5, clock = realClock } = fit
  const budget = fit.budget ?? { minutes }
  const allowed = allowance(budget, clock)
  if (!existsSync(data) || !statSync(data).isDirectory())
    throw error('ARCHLOOM_FIT_DATA', { received: data, expected: 'a folder of images' })
  if (limits.multiplyAdds !== undefined)
    throw error('ARCHLOOM_FIT_TASK', { option: 'a limit of multiply-adds', task: 'classification' })
  if (limits.maxLatencyMs !== undefined)
    throw error('ARCHLOOM_FIT_TASK', {
      option: 'a limit of latency',
      task: 'classification, regression, multi-label or forecast',
    })
  const { name, train, validation, warnings } = await readUpscaling(data, scale, seed)
  onEvent({
    type: 'note',
    message: `${name}: ${train.length} images to train, ${validation.length} to check, ×${scale}`,
  })
  for (const message of warnings) onEvent({ type: 'warning', code: 'ARCHLOOM_FIT_DATA_WARNING', message })
  const found = await searchUpscaler({
    train,
    validation,
    scale,
    allowance: allowed,
    seed,
    limits,
    onEvent,
    strategy,
    signal: fit.signal,
    ...pickOptions(fit, ['trials', 'study']),
  })
  const { network, architecture, metrics } = found
  return {
    metrics: { ...metrics },
    scale,
    trials: found.trials,
    warnings,
    comparison: [
      {
        metric: 'psnr',
        baseline: { name: 'bicubic enlargement', value: metrics.bicubicPsnr },
        found: { name: 'the network found', value: metrics.psnr },
      },
    ],
    upscale: (image) => upscaled((lr) => network.upscale(lr, { training: false }), image),
    async export(folder) {
      const options = { scale, ...sizeOf(architecture) }
      await saveUpscaler(folder, network, { kind: 'compact', options, notes: { trainedOn: name, ...metrics } })
      const { model } = await exportOnnx(network)
      await replaceFile(join(folder, 'model.onnx'), model)
      return ['model.onnx', 'model.json', 'weights.safetensors'].map((file) => join(folder, file))
    },
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}
