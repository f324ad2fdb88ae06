import type { Dataset } from '../../core/index.ts'
import { seeded } from '../../core/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import type { SupervisedTrainerOptions } from '../../evaluators/training/index.ts'
import {
  type GraphNetwork,
  graphCost,
  graphNetwork,
  type LayerGraph,
  type PruningOptions,
  type PruningProblem,
  pruningProblem,
  type QuantisedModel,
  quantisedNetwork,
  uniformCounts,
} from '../../search-spaces/compression/index.ts'
import { absCompress } from '../abs/index.ts'
import { calibrate, compressChannels, fineTune, pruneChannels } from '../cacp/index.ts'
import { type ExportReport, exportOnnx, exportQuantisedModel } from '../onnx/index.ts'
import { error } from './errors.ts'
import { layerGraphOf, type ModelSource } from './source.ts'

/** Shares of the original, in (0, 1]; both hold where both are given. */
export interface CompressionTarget {
  /** Bit operations, of those at 32 × 32 bits: 8-bit integers alone are 0.0625, 4-bit ones some 0.016. */
  readonly bops?: number
  readonly multiplyAdds?: number
}

export interface CompressOptions {
  readonly target: CompressionTarget
  /** Training images prune, fine-tune and calibrate; validation images measure. */
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /**
   * How channels are chosen: 'cacp' searches with an agent, 'uniform' takes the same share of every layer, the most
   * important channels stay. Default 'cacp'.
   */
  readonly prune?: 'cacp' | 'uniform'
  /**
   * 8: integers after training, fast on any processor. 'search': bits of every layer and groups of filters are searched
   * together (ABS). Default: 8 where pruning can meet the target with it, else 'search'.
   */
  readonly bits?: 8 | 'search'
  /** Passes over the training images in the search of bits. Default 4. */
  readonly searchEpochs?: number
  /** Prunings that the agent tries. Default 100. */
  readonly episodes?: number
  /** Which channels may go. Default: inside blocks, kept in multiples of 8 where the target can be met so. */
  readonly channels?: PruningOptions
  /** Passes over the training images after pruning. Default 2; 0: none. */
  readonly epochs?: number
  readonly trainer?: SupervisedTrainerOptions
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly log?: (text: string) => void
}

export interface CompressionFigures {
  readonly accuracy: number
  readonly multiplyAdds: number
  readonly parameters: number
  /** Bit operations of one image. */
  readonly bops: number
}

export interface CompressedModel {
  /** Pruned and fine-tuned, in floats. */
  readonly graph: LayerGraph
  /** With searched bits: what they are. */
  readonly quantised?: QuantisedModel
  readonly before: CompressionFigures
  /** Accuracy in floats, or with searched bits on their levels; that of the file is what compareOnnx() measures. */
  readonly after: CompressionFigures
  /** Builds the network; dispose it. */
  network(): GraphNetwork
  /** Writes an ONNX file: in 8-bit integers calibrated on the training images, or with the searched bits. */
  export(file: string): Promise<ExportReport>
}

const FLOAT = 32 * 32
const INTEGER = 8 * 8
/** Share of bit operations that 8-bit integers leave. */
const EIGHT = INTEGER / FLOAT

/**
 * A trained model made smaller: channels pruned until the target is met together with 8-bit integers, or bits and
 * filters searched together where that is asked for or needed; weights fine-tuned, ready to be exported.
 * Errors: ARCHLOOM_COMPRESS_TARGET (says the least that can be reached), ARCHLOOM_COMPRESS_OPTION,
 * ARCHLOOM_COMPRESS_SOURCE; those of layerGraph, pruningProblem, absSearch, and the trainer.
 */
export async function compress(source: ModelSource, options: CompressOptions): Promise<CompressedModel> {
  checkOptions(options ?? {})
  const { data, epochs = 2, trainer, seed = 0, signal, log = () => {} } = options
  await useEngine()
  const whole = await layerGraphOf(source)
  const { problem, channels } = choicesOf(whole, options)
  const { multiplyAdds = 1, bops = 1 } = options.target
  if (multiplyAdds < problem.minimum) throw infeasible('multiply-adds', multiplyAdds, problem.minimum)
  const searches = options.bits === 'search' || (options.bits === undefined && bops < problem.minimum * EIGHT)
  if (!searches && bops < problem.minimum * EIGHT) throw infeasible('bit operations', bops, problem.minimum * EIGHT)
  const before = await figuresOf(whole, data, signal)
  log(`whole: ${figuresText(before)}`)
  const rate = searches ? multiplyAdds : Math.min(1, multiplyAdds, bops / EIGHT)
  const pruned = rate < 1 ? await prunedGraph(problem, rate, { ...options, channels }) : whole
  if (searches) return await withSearchedBits(pruned, before, options)
  const tuning = { data, epochs, seed, ...(trainer && { trainer }), ...(signal && { signal }) }
  const graph = rate < 1 && epochs > 0 ? await fineTune(pruned, tuning) : pruned
  const after = await figuresOf(graph, data, signal, graphCost(graph).multiplyAdds * INTEGER)
  log(`compressed: ${figuresText(after)}`)
  return {
    graph,
    before,
    after,
    network: () => graphNetwork(graph),
    export: async (file) => {
      using network = graphNetwork(graph)
      return (await exportOnnx(network, { file, quantise: { calibration: data.train } })).report
    },
  }
}

/** Bits and, where the channels were not pruned before, filters. */
async function withSearchedBits(
  graph: LayerGraph,
  before: CompressionFigures,
  options: CompressOptions,
): Promise<CompressedModel> {
  const { data, epochs = 2, searchEpochs = 4, seed = 0, signal, log = () => {} } = options
  const { bops = 1, multiplyAdds = 1 } = options.target
  // The search counts shares of what it is given.
  const share = (bops * before.bops) / (graphCost(graph).multiplyAdds * FLOAT)
  const plan = { ...(multiplyAdds < 1 && { prune: false as const }) }
  const { model } = await absCompress(graph, {
    ...{ data, target: { bops: Math.min(1, share) }, searchEpochs, fineTuneEpochs: epochs, seed, batchSize: 64 },
    ...{ ...plan, ...(signal && { signal }) },
  })
  using network = quantisedNetwork(model)
  const { accuracy } = await classify(network, data.validation, signal ? { signal } : {})
  const after = { ...graphCost(model.graph), accuracy, bops: model.bops }
  log(`compressed: ${figuresText(after)}`)
  return {
    ...{ graph: model.graph, quantised: model, before, after },
    network: () => quantisedNetwork(model),
    export: async (file) => (await exportQuantisedModel(model, { file })).report,
  }
}

const infeasible = (unit: string, received: number, minimum: number) =>
  error('ARCHLOOM_COMPRESS_TARGET', { unit, received, minimum })

/** Kept channels in multiples of 8, in which integer kernels work best, where the target can be met so. */
function choicesOf(graph: LayerGraph, { target, bits, channels: given = {} }: CompressOptions) {
  const { multiplyAdds = 1, bops = 1 } = target
  const wanted = Math.min(multiplyAdds, bits === 'search' ? 1 : bops / EIGHT)
  const channels = { multiple: 8, ...given }
  const problem = pruningProblem(graph, channels)
  return problem.minimum <= wanted ? { problem, channels } : { problem: pruningProblem(graph, given), channels: given }
}

const figuresText = ({ accuracy, multiplyAdds, bops }: CompressionFigures) =>
  `accuracy ${accuracy.toFixed(4)}, ${(multiplyAdds / 1e6).toFixed(2)} M multiply-adds, ${(bops / 1e9).toFixed(2)} G bit operations`

const isShare = (value: unknown) => typeof value === 'number' && value > 0 && value <= 1

function checkOptions(options: Partial<CompressOptions>): void {
  const { target, data, prune = 'cacp', bits, episodes = 100, epochs = 2, searchEpochs = 4 } = options
  const refuse = (option: string, received: unknown, expected: string) =>
    error('ARCHLOOM_COMPRESS_OPTION', { option, received, expected })
  const shares = Object.entries(target ?? {})
  const known = ['bops', 'multiplyAdds']
  const expected = '{ bops, multiplyAdds }: one or both, each a share in (0, 1]'
  if (shares.length === 0 || shares.some(([unit]) => !known.includes(unit))) throw refuse('target', target, expected)
  for (const [unit, share] of shares) if (!isShare(share)) throw refuse(`target.${unit}`, share, expected)
  if (!data || data.train.size === 0 || data.validation.size === 0)
    throw refuse('data', data && [data.train.size, data.validation.size], 'training and validation images')
  if (prune !== 'cacp' && prune !== 'uniform') throw refuse('prune', prune, "'cacp' or 'uniform'")
  if (bits !== undefined && bits !== 8 && bits !== 'search') throw refuse('bits', bits, "8 or 'search'")
  if (!(searchEpochs > 0 && Number.isFinite(searchEpochs)))
    throw refuse('searchEpochs', searchEpochs, 'a positive number')
  if (!Number.isInteger(episodes) || episodes < 1) throw refuse('episodes', episodes, 'a positive whole number')
  if (!(epochs >= 0 && Number.isFinite(epochs))) throw refuse('epochs', epochs, 'a number of at least 0')
}

async function prunedGraph(problem: PruningProblem, rate: number, options: CompressOptions): Promise<LayerGraph> {
  const { data, prune = 'cacp', episodes = 100, seed = 0, signal, channels = {} } = options
  if (prune === 'uniform') {
    const rng = seeded(seed).fork('calibration')
    return pruneChannels(problem, uniformCounts(problem, rate), await calibrate(problem, data.train, { rng }))
  }
  const agent = { warmUp: Math.max(1, Math.floor(episodes / 3)) }
  const parts = { data, episodes, agent, rates: [rate], seed, ...channels, ...(signal && { signal }) }
  const [best] = (await compressChannels(problem.graph, parts)).best
  return (best as NonNullable<typeof best>).graph
}

async function figuresOf(graph: LayerGraph, data: CompressOptions['data'], signal?: AbortSignal, bops?: number) {
  using network = graphNetwork(graph)
  const { accuracy } = await classify(network, data.validation, signal ? { signal } : {})
  const { multiplyAdds, parameters } = graphCost(graph)
  return { accuracy, multiplyAdds, parameters, bops: bops ?? multiplyAdds * FLOAT }
}
