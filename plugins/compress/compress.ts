import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError } from '../../core/errors.ts'
import { type Dataset, type Network, type Split, type SplitRole, seeded } from '../../core/index.ts'
import { replaceFile } from '../../core/node/files.ts'
import {
  among,
  callback,
  group,
  isObject,
  number,
  optionNames,
  optionsFor,
  required,
  value,
  whole,
} from '../../core/options/index.ts'
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

/** Shares of the original, in (0, 1]. If both are given, both are met. */
export interface CompressionTarget {
  /**
   * Bit operations as a share of those at 32 × 32 bits: 8-bit integers alone give 0.0625, 4-bit integers about 0.016.
   */
  readonly bops?: number
  readonly multiplyAdds?: number
}

export interface CompressOptions {
  readonly target: CompressionTarget
  /** Training images are used for pruning, fine-tuning and calibration, validation images for measurements. */
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /**
   * How channels are chosen: 'cacp' searches with an agent, 'uniform' keeps the same share of every layer, with its
   * most important channels. Default: 'cacp'.
   */
  readonly prune?: 'cacp' | 'uniform'
  /**
   * 8: 8-bit integers after training, which are fast on any processor. 'search': the bits of every layer and groups of
   * filters are searched together (ABS). Default: 8 if pruning can meet the target with it, else 'search'.
   */
  readonly bits?: 8 | 'search'
  /** Passes over the training images in the search of bits. Default 4. */
  readonly searchEpochs?: number
  /** Options of `absSearch` for the search of bits: candidate bits, groups of filters, the weight of the cost. */
  readonly bitSearch?: BitSearchOptions
  /** Number of prunings that the agent tries. Default: 100. */
  readonly episodes?: number
  /** Number of validation images on which each of them is measured, drawn once. Default: all, but at most 2,000. */
  readonly episodeImages?: number
  /**
   * Which channels may be pruned. Default: those inside blocks, kept in multiples of 8 if the target can be met with
   * that.
   */
  readonly channels?: PruningOptions
  /** Passes over the training images after pruning; 0 for none. Default: 2. */
  readonly epochs?: number
  readonly trainer?: SupervisedTrainerOptions
  readonly seed?: number
  readonly signal?: AbortSignal
  /** Called with every line of progress. */
  readonly onProgress?: (text: string) => void
}

export type BitSearchOptions = Pick<
  AbsCompressOptions,
  | 'ladder'
  | 'prune'
  | 'edgeBits'
  | 'lambda'
  | 'learningRate'
  | 'thresholdLearningRate'
  | 'weightDecay'
  | 'batchSize'
  | 'fineTuneLearningRate'
>

export interface CompressionFigures {
  readonly accuracy: number
  readonly multiplyAdds: number
  readonly parameters: number
  /** Bit operations for one image. */
  readonly bops: number
}

export interface CompressedModel {
  /** The pruned and fine-tuned network in floating point. */
  readonly graph: LayerGraph
  /** The quantised model, if bits were searched. */
  readonly quantised?: QuantisedModel
  readonly before: CompressionFigures
  /**
   * Figures of the compressed model. The accuracy is that of the integer file that `export` writes, run by ONNX
   * Runtime.
   */
  readonly after: CompressionFigures
  /** Layers that the bit search left unpruned, because its groups do not divide their filters. */
  readonly unpruned: readonly string[]
  /** Builds the network; dispose it. */
  network(): GraphNetwork
  /** Writes an ONNX file: in 8-bit integers calibrated on the training images, or with the searched bits. */
  export(file: string): Promise<ExportReport>
}

const FLOAT = 32 * 32
const INTEGER = 8 * 8
/** Share of bit operations that remains with 8-bit integers. */
const EIGHT = INTEGER / FLOAT

/**
 * Makes a trained model smaller: channels are pruned until the target is met together with 8-bit integers, or bits and
 * filters are searched together if that is requested or necessary. The weights are fine-tuned, and the result can be
 * exported. Errors: ARCHLOOM_COMPRESS_TARGET (states the smallest reachable share), ARCHLOOM_OPTION,
 * ARCHLOOM_COMPRESS_SOURCE; those of layerGraph, pruningProblem, absSearch, and the trainer.
 */
export async function compress(source: ModelSource, options: CompressOptions): Promise<CompressedModel> {
  declared.read(options)
  bitNames(options.bitSearch ?? {})
  if (Object.keys(options.target).length === 0)
    throw declared.refuse('target', options.target, '{ bops, multiplyAdds }: one or both, each a share in (0, 1]')
  const { data, epochs = 2, trainer, seed = 1, signal, onProgress: log = () => {} } = options
  await useEngine()
  const whole = await layerGraphOf(source)
  const { problem, channels } = choicesOf(whole, options)
  const { multiplyAdds = 1, bops = 1 } = options.target
  // If no channels can be pruned, only bits are searched.
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

/** Searches bits and, if channels were not pruned before, filters. */
async function withSearchedBits(
  graph: LayerGraph,
  before: CompressionFigures,
  options: CompressOptions,
): Promise<CompressedModel> {
  const { data, epochs = 2, searchEpochs = 4, seed = 1, signal, onProgress: log = () => {} } = options
  const { bops = 1, multiplyAdds = 1 } = options.target
  // The search expects the share of the given network.
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
    onProgress: progressOf(log),
    ...(signal && { signal }),
  })
  using network = quantisedNetwork(model)
  const exported = await exportQuantisedModel(model)
  const after = { ...graphCost(model.graph), accuracy: await fileAccuracy(network, exported, data), bops: model.bops }
  if (plan.oddLayers.length > 0)
    log(`unpruned, because groups do not divide their filters: ${plan.oddLayers.join(', ')}`)
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

/** Logs every tenth of a search. */
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

/** Keeps channels in multiples of 8, which are best for integer kernels, if the target can be met with that. */
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

const images = (data: unknown) => {
  const { train, validation } = (data ?? {}) as Partial<CompressOptions['data']>
  return Boolean(train && validation && train.size > 0 && validation.size > 0)
}

export const declared = optionsFor<CompressOptions>()(
  'compress',
  {
    target: required(
      group(
        {
          bops: number({ above: 0, max: 1, doc: 'Share of the bit operations at 32 × 32 bits.' }),
          multiplyAdds: number({ above: 0, max: 1, doc: 'Share of the multiply-adds.' }),
        },
        { doc: 'What may be left of the original: at least one of the two.' },
      ),
    ),
    data: required(
      value<CompressOptions['data']>('training and validation images', {
        holds: images,
        doc: 'Training images are used for pruning, fine-tuning and calibration, validation images for measurements.',
      }),
    ),
    prune: among(['cacp', 'uniform'], {
      default: 'cacp',
      doc: 'How channels are chosen: by a trained agent, or the same share of every layer.',
    }),
    bits: among([8, 'search'], {
      absent: '8 where pruning can meet the target with it, else "search"',
      doc: 'Integers of 8 bits after training, or bits of every layer and groups of filters searched together.',
    }),
    searchEpochs: number({ above: 0, default: 4, doc: 'Passes over the training images in the search of bits.' }),
    bitSearch: value<BitSearchOptions>('an object of options', {
      holds: isObject,
      doc: 'Options of the search of bits, as `absCompress` takes them.',
    }),
    episodes: whole({ min: 1, default: 100, doc: 'Prunings that the agent tries.' }),
    episodeImages: whole({
      min: 1,
      default: 2000,
      doc: 'Validation images, drawn once, on which each of them is measured.',
    }),
    channels: value<PruningOptions>('options of pruningProblem', {
      holds: isObject,
      absent: 'inside blocks, in multiples of 8 where the target can be met so',
      doc: 'Which channels may go.',
    }),
    epochs: number({ min: 0, default: 2, doc: 'Passes over the training images after pruning; 0: none.' }),
    trainer: value<SupervisedTrainerOptions>('options of supervisedTrainer', {
      holds: isObject,
      doc: 'How the pruned network is fine-tuned.',
    }),
    seed: number({ default: 1, doc: 'Seed of everything random.' }),
    signal: value<AbortSignal>('an AbortSignal', { holds: isObject, doc: 'Ends the work early.' }),
    onProgress: callback<(text: string) => void>({ doc: 'Called with every line of progress.' }),
  },
  { renamed: { log: 'onProgress' } },
)
const bitNames = optionNames<BitSearchOptions>('compress', {
  ladder: true,
  prune: true,
  edgeBits: true,
  lambda: true,
  learningRate: true,
  thresholdLearningRate: true,
  weightDecay: true,
  batchSize: true,
  fineTuneLearningRate: true,
})

async function prunedGraph(problem: PruningProblem, rate: number, options: CompressOptions): Promise<LayerGraph> {
  const { data, prune = 'cacp', episodes = 100, seed = 1, signal, channels = {} } = options
  if (prune === 'uniform') {
    const rng = seeded(seed).fork('calibration')
    return pruneChannels(problem, uniformCounts(problem, rate), await calibrate(problem, data.train, { rng }))
  }
  const controller = { warmUp: { episodes: Math.max(1, Math.floor(episodes / 3)) } }
  const { onProgress: log = () => {}, episodeImages = 2_000 } = options
  let most = 0
  const onProgress = ({ accuracy, kept }: PruningEpisode, number: number) => {
    most = Math.max(most, accuracy)
    log(`pruning ${number + 1} of ${episodes}: keeps ${kept.join(', ')} channels, accuracy ${accuracy.toFixed(4)}, best ${most.toFixed(4)}`) // biome-ignore format: one line
  }
  const validation = sampleOf(data.validation, episodeImages, seed)
  const measured = { train: data.train, validation }
  const parts = {
    data: measured,
    episodes,
    controller,
    rates: [rate],
    seed,
    onProgress,
    ...channels,
    ...(signal && { signal }),
  }
  const [best] = (await compressChannels(problem.graph, parts)).best
  return (best as NonNullable<typeof best>).graph
}

/** A split of `count` examples that are drawn once; the split itself if it has no more. */
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
