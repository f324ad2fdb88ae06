import { seeded } from '../../core/index.ts'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { Dataset, Network } from '../../core/trainer.ts'
import { cosine, type SupervisedTrainerOptions, supervisedTrainer } from '../../evaluators/training/index.ts'
import {
  type ChannelSpaceOptions,
  channelSpace,
  checkWeights,
  currentGraph,
  graphCost,
  graphNetwork,
  type LayerGraph,
  layerGraph,
} from '../../search-spaces/compression/prunable.ts'
import { calibrate } from './calibration.ts'
import { cacpController } from './controller.ts'
import type { CacpOptions } from './options.ts'
import { pruneChannels } from './prune.ts'
import { graphAccuracy, type PrunedAccuracyOptions } from './pruned-accuracy.ts'
import { bestOfRates, type PruningEpisode, pruningSearch, remembered } from './search.ts'

export interface CompressOptions extends ChannelSpaceOptions, PrunedAccuracyOptions {
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /** Total number of episodes of all rates. Default: 300. */
  readonly episodes?: number
  readonly controller?: CacpOptions
  readonly signal?: AbortSignal
  /** Called after every episode. */
  readonly onProgress?: (episode: PruningEpisode, number: number) => void
}

/** A pruned network. */
export interface Compressed {
  /** The requested share of multiply-adds, and the actual share, which is never larger. */
  readonly rate: number
  readonly share: number
  /** Channels that each choice keeps. */
  readonly kept: readonly number[]
  readonly multiplyAdds: number
  readonly parameters: number
  /** Accuracy on the validation split, before fine-tuning. */
  readonly accuracy: number
  /** The pruned network as plain data, which can be exported, or fine-tuned as a `graphNetwork`. */
  readonly graph: LayerGraph
}

export interface Compression {
  /** Figures of the given network; its accuracy is on the validation split. */
  readonly whole: { readonly accuracy: number; readonly multiplyAdds: number; readonly parameters: number }
  /** The best pruning found at each rate, in the order of the rates. */
  readonly best: readonly Compressed[]
  readonly episodes: readonly PruningEpisode[]
  /**
   * The network that the trained agent makes at any rate, including rates that it was not trained for. Error:
   * ARCHLOOM_PRUNING_INFEASIBLE.
   */
  at(rate: number): Promise<Compressed>
}

const compressChannelsNames = optionNames<CompressOptions>('compressChannels', {
  groups: true,
  least: true,
  multiple: true,
  rates: true,
  data: true,
  reconstruct: true,
  calibration: true,
  seed: true,
  episodes: true,
  controller: true,
  signal: true,
  onProgress: true,
})

/**
 * Prunes the channels of a trained network to several rates with one conditional agent (CACP); with one rate it is AMC.
 * Errors: those of `channelSpace`, `layerGraph` and `cacpController`; ARCHLOOM_CACP_CALIBRATION.
 */
export async function compressChannels(network: Network | LayerGraph, options: CompressOptions): Promise<Compression> {
  compressChannelsNames(options)
  const {
    data,
    episodes = 300,
    controller: given = {},
    seed = 1,
    reconstruct = true,
    calibration = {},
    signal,
    onProgress,
  } = options
  await useEngine()
  const graph = 'nodes' in network ? network : await layerGraph(network)
  checkWeights(graph)
  const space = channelSpace(graph, pickOptions(options, ['groups', 'least', 'multiple', 'rates']))
  const { problem } = space
  const rng = seeded(seed)
  const collected = reconstruct
    ? await calibrate(problem, data.train, { ...calibration, rng: rng.fork('calibration') })
    : undefined
  const measure = remembered(
    async (kept) => (await graphAccuracy(pruneChannels(problem, kept, collected), data.validation, signal)).accuracy,
  )
  const controller = cacpController(given)(space, rng.fork('controller'))
  const compressed = async (rate: number, kept: readonly number[]): Promise<Compressed> => {
    const small = pruneChannels(problem, kept, collected)
    const cost = graphCost(small)
    const share = cost.multiplyAdds / problem.multiplyAdds
    return { rate, share, kept, ...cost, accuracy: await measure(kept), graph: small }
  }
  const done = await pruningSearch(space, controller, measure, {
    episodes,
    rng: rng.fork('episodes'),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
  const best: Compressed[] = []
  for (const episode of bestOfRates(done, space.rates))
    if (episode) best.push(await compressed(episode.rate, episode.kept))
  const whole = { ...graphCost(graph), accuracy: (await graphAccuracy(graph, data.validation, signal)).accuracy }
  return { whole, best, episodes: done, at: async (rate) => compressed(rate, controller.greedy(rate)) }
}

export interface FineTuneOptions {
  readonly data: Pick<Dataset, 'train'>
  readonly epochs: number
  /** Default: SGD with momentum and a cosine from 0.02. */
  readonly trainer?: SupervisedTrainerOptions
  readonly seed?: number
  readonly signal?: AbortSignal
}

const fineTuneNames = optionNames<FineTuneOptions>('fineTune', {
  data: true,
  epochs: true,
  trainer: true,
  seed: true,
  signal: true,
})

/** Fine-tunes the weights of a graph. */
export async function fineTune(graph: LayerGraph, options: FineTuneOptions): Promise<LayerGraph> {
  fineTuneNames(options)
  const { data, epochs, trainer = {}, seed = 1, signal } = options
  using network = graphNetwork(graph)
  const training = supervisedTrainer({ learningRate: cosine({ peak: 0.02 }), reportEvery: 1_000_000, ...trainer })
  const fit = { epochs, rng: seeded(seed).fork('fine-tuning'), ...(signal && { signal }) }
  for await (const _ of training.fit(network, data.train, fit));
  return currentGraph(network)
}
