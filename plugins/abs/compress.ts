import { type Dataset, type Network, type Random, seeded } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import type { LayerGraph } from '../../search-spaces/compression/index.ts'
import { type FineTuneOptions, fineTune } from './fine-tune.ts'
import { type AbsSearchOptions, absSearch, type Compression } from './search.ts'

export interface AbsCompressOptions extends Omit<AbsSearchOptions, 'data' | 'rng' | 'steps' | 'target'> {
  /** Trains on `train`; gates are read off `validation`. */
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /** BOPs of the result, as a share of the network's in floats. */
  readonly target: { readonly bops: number }
  /** Epochs of the search. Default 30. */
  readonly searchEpochs?: number
  /** Epochs of training afterwards, with bits and filters as found; 0: none. Default 30. */
  readonly fineTuneEpochs?: number
  readonly fineTuneRate?: FineTuneOptions['learningRate']
  /** Default 0. */
  readonly seed?: number
}

const absCompressNames = optionNames<AbsCompressOptions>('absCompress', {
  batchSize: true,
  learningRate: true,
  thresholdRate: true,
  lambda: true,
  weightDecay: true,
  clock: true,
  signal: true,
  report: true,
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
  calibration: true,
  alternate: true,
  ceiling: true,
  refreshEvery: true,
  calibrateClips: true,
  data: true,
  target: true,
  searchEpochs: true,
  fineTuneEpochs: true,
  fineTuneRate: true,
  seed: true,
})

/**
 * Compresses a trained classifier to a share of its BOPs: searches bits and filters, and trains what was found. The
 * network given is not changed. Errors: as `absSearch`; ARCHLOOM_SUPER_BIT_TARGET says the least that can be reached.
 */
export async function absCompress(network: Network | LayerGraph, options: AbsCompressOptions): Promise<Compression> {
  absCompressNames(options)
  const { data, target, searchEpochs = 30, fineTuneEpochs = 30, fineTuneRate, seed = 0, ...rest } = options
  const rng: Random = seeded(seed)
  const { batchSize = 128, signal } = rest
  const epochSteps = Math.max(1, Math.floor(data.train.size / Math.min(batchSize, data.train.size)))
  const found = await absSearch(network, {
    ...rest,
    ...{ data: data.train, calibration: rest.calibration ?? data.validation, target: target.bops },
    ...{ steps: Math.max(1, Math.round(searchEpochs * epochSteps)), rng: rng.fork('search') },
  })
  if (fineTuneEpochs === 0) return found
  const model = await fineTune(found.model, {
    ...{ data: data.train, epochs: fineTuneEpochs, batchSize, rng: rng.fork('fine-tune') },
    ...(fineTuneRate !== undefined && { learningRate: fineTuneRate }),
    ...(signal && { signal }),
  })
  return { ...found, model }
}
