import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError } from '../../core/errors.ts'
import { type Dataset, type Network, type Split, type SplitRole, seeded } from '../../core/index.ts'
import { replaceFile } from '../../core/node/files.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
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
  superBitPlan,
  uniformCounts,
} from '../../search-spaces/compression/index.ts'
import { type AbsCompressOptions, absCompress, type SearchProgress } from '../abs/index.ts'
import { calibrate, compressChannels, fineTune, type PruningEpisode, pruneChannels } from '../cacp/index.ts'
import { compareOnnx, type Exported, type ExportReport, exportOnnx, exportQuantisedModel } from '../onnx/index.ts'
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
  /** Of the search of bits, as `absSearch` takes them: candidate bits, groups of filters, what costs count. */
  readonly bitSearch?: BitSearchOptions
  /** Prunings that the agent tries. Default 100. */
  readonly episodes?: number
  /** Validation images on which each of them is measured, drawn once. Default: all, and at most 2,000. */
  readonly episodeImages?: number
  /** Which channels may go. Default: inside blocks, kept in multiples of 8 where the target can be met so. */
  readonly channels?: PruningOptions
  /** Passes over the training images after pruning. Default 2; 0: none. */
  readonly epochs?: number
  readonly trainer?: SupervisedTrainerOptions
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly log?: (text: string) => void
}

export type BitSearchOptions = Pick<
  AbsCompressOptions,
  | 'ladder'
  | 'prune'
  | 'edgeBits'
  | 'lambda'
  | 'learningRate'
  | 'thresholdRate'
  | 'weightDecay'
  | 'batchSize'
  | 'fineTuneRate'
>
const bitSearchOptions: Readonly<Record<keyof BitSearchOptions, true>> = {
  ladder: true,
  prune: true,
  edgeBits: true,
  lambda: true,
  learningRate: true,
  thresholdRate: true,
  weightDecay: true,
  batchSize: true,
  fineTuneRate: true,
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
  /** Accuracy of the file in integers that `export` writes, run by ONNX Runtime. */
  readonly after: CompressionFigures
  /** Layers that the search of bits left unpruned, because its groups do not divide their filters. */
  readonly unpruned: readonly string[]
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
 * Errors: ARCHLOOM_COMPRESS_TARGET (says the least that can be reached), ARCHLOOM_OPTION,
 * ARCHLOOM_COMPRESS_SOURCE; those of layerGraph, pruningProblem, absSearch, and the trainer.
 */
export async function compress(source: ModelSource, options: CompressOptions): Promise<CompressedModel> {
  checkOptions(options ?? {})
  const { data, epochs = 2, trainer, seed = 0, signal, log = () => {} } = options
  await useEngine()
  const whole = await layerGraphOf(source)
  const { problem, channels } = choicesOf(whole, options)
  const { multiplyAdds = 1, bops = 1 } = options.target
  // Without a group of channels to prune, bits alone can make it smaller.
  const { minimum = 1 } = problem ?? {}
  if (multiplyAdds < minimum) throw infeasible('multiply-adds', multiplyAdds, minimum)
  const searches = options.bits === 'search' || (options.bits === undefined && bops < minimum * EIGHT)
  if (!searches && bops < minimum * EIGHT) throw infeasible('bit operations', bops, minimum * EIGHT)
  const before = await figuresOf(whole, data, signal)
  log(`whole: ${figuresText(before)}`)
  const rate = searches ? multiplyAdds : Math.min(1, multiplyAdds, bops / EIGHT)
  const pruned = rate < 1 && problem ? await prunedGraph(problem, rate, { ...options, channels }) : whole
  if (searches) return await withSearchedBits(pruned, before, options)
  const tuning = { data, epochs, seed, ...(trainer && { trainer }), ...(signal && { signal }) }
  const graph = rate < 1 && epochs > 0 ? await fineTune(pruned, tuning) : pruned
  log('fine-tuned; calibrating and measuring the file')
  using network = graphNetwork(graph)
  const exported = await exportOnnx(network, { quantise: { calibration: data.train } })
  const { multiplyAdds: left, parameters } = graphCost(graph)
  const accuracy = await fileAccuracy(network, exported, data)
  const after = { accuracy, multiplyAdds: left, parameters, bops: left * INTEGER }
  log(`compressed: ${figuresText(after)}`)
  return {
    graph,
    before,
    after,
    unpruned: [],
    network: () => graphNetwork(graph),
    export: (file) => writtenTo(file, exported),
  }
}

const fileAccuracy = async (network: Network, { model }: Exported, data: CompressOptions['data']) =>
  (await compareOnnx(network, model, data.validation)).fileAccuracy

async function writtenTo(file: string, { model, report }: Exported): Promise<ExportReport> {
  await replaceFile(file, model)
  return { ...report, file }
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
  const { bitSearch = {} } = options
  const { prune = {}, ...search } = bitSearch
  const odd = prune === false || multiplyAdds < 1 ? false : { oddLayers: 'keep' as const, ...prune }
  const plan = superBitPlan(graph, { ...pickedPlan(search), prune: odd })
  const { model } = await absCompress(graph, {
    batchSize: 64,
    ...search,
    data,
    target: { bops: Math.min(1, share) },
    searchEpochs,
    fineTuneEpochs: epochs,
    seed,
    prune: plan.groups.length === 0 ? false : odd,
    report: progressOf(log),
    ...(signal && { signal }),
  })
  using network = quantisedNetwork(model)
  const exported = await exportQuantisedModel(model)
  const after = { ...graphCost(model.graph), accuracy: await fileAccuracy(network, exported, data), bops: model.bops }
  if (plan.oddLayers.length > 0) log(`unpruned, as groups do not divide their filters: ${plan.oddLayers.join(', ')}`)
  log(`compressed: ${figuresText(after)}`)
  return {
    graph: model.graph,
    quantised: model,
    before,
    after,
    unpruned: plan.oddLayers,
    network: () => quantisedNetwork(model),
    export: (file) => writtenTo(file, exported),
  }
}

const pickedPlan = ({ ladder, edgeBits }: BitSearchOptions) => ({
  ...(ladder && { ladder }),
  ...(edgeBits !== undefined && { edgeBits }),
})

/** Told at every tenth of a search. */
function progressOf(log: (text: string) => void): (progress: SearchProgress) => void {
  let told = 0
  return ({ step, steps, loss, share }) => {
    const tenth = Math.floor((10 * (step + 1)) / steps)
    if (tenth <= told) return
    told = tenth
    log(`searching bits: step ${step + 1} of ${steps}, loss ${loss.toFixed(3)}, ${(100 * share).toFixed(2)} % of the bit operations`) // biome-ignore format: one line
  }
}

const infeasible = (unit: string, received: number, minimum: number) =>
  error('ARCHLOOM_COMPRESS_TARGET', { unit, received, minimum })

/** Kept channels in multiples of 8, in which integer kernels work best, where the target can be met so. */
function choicesOf(graph: LayerGraph, { target, bits, channels: given = {} }: CompressOptions) {
  const { multiplyAdds = 1, bops = 1 } = target
  const wanted = Math.min(multiplyAdds, bits === 'search' ? 1 : bops / EIGHT)
  const channels = { multiple: 8, ...given }
  try {
    const problem = pruningProblem(graph, channels)
    return problem.minimum <= wanted
      ? { problem, channels }
      : { problem: pruningProblem(graph, given), channels: given }
  } catch (thrown) {
    if (ArchloomError.is(thrown) && thrown.code === 'ARCHLOOM_PRUNING_NOTHING') return { channels: given }
    throw thrown
  }
}

const figuresText = ({ accuracy, multiplyAdds, bops }: CompressionFigures) =>
  `accuracy ${accuracy.toFixed(4)}, ${(multiplyAdds / 1e6).toFixed(2)} M multiply-adds, ${(bops / 1e9).toFixed(2)} G bit operations`

const isShare = (value: unknown) => typeof value === 'number' && value > 0 && value <= 1

const compressNames = optionNames<CompressOptions>('compress', {
  target: true,
  data: true,
  prune: true,
  bits: true,
  searchEpochs: true,
  bitSearch: true,
  episodes: true,
  episodeImages: true,
  channels: true,
  epochs: true,
  trainer: true,
  seed: true,
  signal: true,
  log: true,
})

function checkOptions(options: Partial<CompressOptions>): void {
  compressNames(options)
  const { target, data, prune = 'cacp', bits, episodes = 100, epochs = 2, searchEpochs = 4 } = options
  const refuse = (option: string, received: unknown, expected: string) =>
    optionError('compress', option, received, expected)
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
  const { episodeImages = 1, bitSearch = {} } = options
  if (!Number.isInteger(episodeImages) || episodeImages < 1)
    throw refuse('episodeImages', episodeImages, 'a positive whole number')
  for (const option of Object.keys(bitSearch))
    if (!Object.hasOwn(bitSearchOptions, option))
      throw refuse(
        `bitSearch.${option}`,
        bitSearch[option as 'lambda'],
        `one of ${Object.keys(bitSearchOptions).join(', ')}`,
      )
  if (!Number.isInteger(episodes) || episodes < 1) throw refuse('episodes', episodes, 'a positive whole number')
  if (!(epochs >= 0 && Number.isFinite(epochs))) throw refuse('epochs', epochs, 'a number of at least 0')
}

async function prunedGraph(problem: PruningProblem, rate: number, options: CompressOptions): Promise<LayerGraph> {
  const { data, prune = 'cacp', episodes = 100, seed = 0, signal, channels = {} } = options
  if (prune === 'uniform') {
    const rng = seeded(seed).fork('calibration')
    return pruneChannels(problem, uniformCounts(problem, rate), await calibrate(problem, data.train, { rng }))
  }
  const agent = { warmUp: { episodes: Math.max(1, Math.floor(episodes / 3)) } }
  const { log = () => {}, episodeImages = 2_000 } = options
  let most = 0
  const report = ({ accuracy, kept }: PruningEpisode, number: number) => {
    most = Math.max(most, accuracy)
    log(`pruning ${number + 1} of ${episodes}: keeps ${kept.join(', ')} channels, accuracy ${accuracy.toFixed(4)}, best ${most.toFixed(4)}`) // biome-ignore format: one line
  }
  const validation = sampleOf(data.validation, episodeImages, seed)
  const measured = { train: data.train, validation }
  const parts = { data: measured, episodes, agent, rates: [rate], seed, report, ...channels, ...(signal && { signal }) }
  const [best] = (await compressChannels(problem.graph, parts)).best
  return (best as NonNullable<typeof best>).graph
}

/** The same `count` examples at every pass, drawn once; the split itself where it has no more. */
function sampleOf<R extends SplitRole>(split: Split<R>, count: number, seed: number): Split<R> {
  if (split.size <= count) return split
  return {
    ...(split.role !== undefined && { role: split.role }),
    inputShape: split.inputShape,
    classes: split.classes,
    size: count,
    *batches({ batchSize, dropRemainder = false }) {
      let left = count
      for (const { inputs, targets } of split.batches({ batchSize, rng: seeded(seed).fork('sample') })) {
        const size = Math.min(left, inputs.shape[0]!)
        left -= size
        const part = tf.tidy(() => ({
          inputs: tf.slice(inputs, 0, size),
          targets: tf.slice(targets, 0, size),
        }))
        tf.dispose([inputs, targets])
        if (dropRemainder && size < batchSize) tf.dispose([part.inputs, part.targets])
        else yield part
        if (left <= 0) return
      }
    },
  } as Split<R>
}

async function figuresOf(graph: LayerGraph, data: CompressOptions['data'], signal?: AbortSignal) {
  using network = graphNetwork(graph)
  const { accuracy } = await classify(network, data.validation, signal ? { signal } : {})
  const { multiplyAdds, parameters } = graphCost(graph)
  return { accuracy, multiplyAdds, parameters, bops: multiplyAdds * FLOAT }
}
