import { type Dataset, type Network, type Random, seeded } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import type { LayerGraph } from '../../search-spaces/compression/index.ts'
import { type FineTuneOptions, fineTune } from './fine-tune.ts'
import type { BopsTarget } from './options.ts'
import { type AbsSearchOptions, absSearch, type Compression, SEARCH_OPTIONS } from './search.ts'

export interface AbsCompressOptions extends Omit<AbsSearchOptions, 'data' | 'rng' | 'steps' | 'target'> {
  /** The search trains on `train`; the final gates are computed on `validation`. */
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /** BOPs of the result, as a share of those of the network in floating point. */
  readonly target: BopsTarget
  /** Epochs of the search. Default: 30. */
  readonly searchEpochs?: number
  /** Epochs of fine-tuning after the search, with fixed bits and filters; 0 for none. Default: 30. */
  readonly fineTuneEpochs?: number
  readonly fineTuneLearningRate?: FineTuneOptions['learningRate']
  /** Default 1. */
  readonly seed?: number
}

const { rng: _, steps: __, ...searched } = SEARCH_OPTIONS
const absCompressNames = optionNames<AbsCompressOptions>('absCompress', {
  ...searched,
  searchEpochs: true,
  fineTuneEpochs: true,
  fineTuneLearningRate: true,
  seed: true,
})

/**
 * Compresses a trained classifier to a share of its BOPs: searches bits and filters, and fine-tunes the result. The
 * given network is not changed. Errors: those of `absSearch`; ARCHLOOM_SUPER_BIT_TARGET states the smallest reachable
 * share.
 */
export async function absCompress(network: Network | LayerGraph, options: AbsCompressOptions): Promise<Compression> {
  absCompressNames(options)
  const { data, target, searchEpochs = 30, fineTuneEpochs = 30, fineTuneLearningRate, seed = 1, ...rest } = options
  const rng: Random = seeded(seed)
  const { batchSize = 128, signal } = rest
  const epochSteps = Math.max(1, Math.floor(data.train.size / Math.min(batchSize, data.train.size)))
  const found = await absSearch(network, {
    ...rest,
    data: data.train,
    calibration: rest.calibration ?? data.validation,
    target,
    steps: Math.max(1, Math.round(searchEpochs * epochSteps)),
    rng: rng.fork('search'),
  })
  if (fineTuneEpochs === 0) return found
  const model = await fineTune(found.model, {
    data: data.train,
    epochs: fineTuneEpochs,
    batchSize,
    rng: rng.fork('fine-tune'),
    ...(fineTuneLearningRate !== undefined && { learningRate: fineTuneLearningRate }),
    ...(signal && { signal }),
  })
  return { ...found, model }
}
