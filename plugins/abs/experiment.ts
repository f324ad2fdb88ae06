import { type Clock, realClock, type Split, seeded } from '../../core/index.ts'
import type { ReproduceOptions, Scale } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10, generatedImages, type ImageDataset, orGenerated } from '../../evaluators/data/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import { cosine, supervisedTrainer } from '../../evaluators/training/index.ts'
import {
  bopsOf,
  currentGraph,
  graphNetwork,
  type LayerGraph,
  meanBits,
  preActivationResNet,
  type QuantisedModel,
  quantisedNetwork,
  superBitPlan,
  uniformChoice,
} from '../../search-spaces/compression/index.ts'
import { multiPathSearch, pruneThenQuantise, randomBits, uniformBits } from './baselines.ts'
import { type Arm, claimsOf, type Row, type Sweep } from './experiment-claims.ts'
import { fineTune } from './fine-tune.ts'
import { type AbsSearchOptions, absSearch, type Compression } from './search.ts'

export interface Plan {
  readonly real: boolean
  readonly depth: number
  readonly widths: readonly [number, number, number]
  readonly groupSize: number
  readonly train: number
  readonly test: number
  readonly seeds: number
  readonly batchSize: number
  /** Epochs of training before each search, optimizer steps of the search, and epochs of fine-tuning after it. */
  readonly pretrainEpochs: number
  readonly searchSteps: number
  readonly fineTuneEpochs: number
  readonly searchRate: number
  readonly fineTuneLearningRate: number
  /** Target BOPs of every search, as a share of those of uniform 4 bits; for ABS-P, as a share of full precision. */
  readonly target: number
  readonly prunedTarget: number
  readonly sweepSteps: number
}

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    real: false,
    depth: 8,
    widths: [4, 8, 16],
    groupSize: 2,
    train: 320,
    test: 100,
    seeds: 1,
    batchSize: 32,
    pretrainEpochs: 3,
    searchSteps: 16,
    fineTuneEpochs: 1,
    searchRate: 0.002,
    fineTuneLearningRate: 0.02,
    target: 0.75,
    prunedTarget: 0.8,
    sweepSteps: 12,
  },
  small: {
    real: true,
    depth: 8,
    widths: [8, 16, 32],
    groupSize: 2,
    train: 5000,
    test: 1000,
    seeds: 3,
    batchSize: 64,
    pretrainEpochs: 8,
    searchSteps: 80,
    fineTuneEpochs: 1,
    searchRate: 0.005,
    fineTuneLearningRate: 0.02,
    target: 0.6,
    prunedTarget: 0.75,
    sweepSteps: 80,
  },
  paper: {
    real: true,
    depth: 20,
    widths: [16, 32, 64],
    groupSize: 4,
    train: 0,
    test: 0,
    seeds: 5,
    batchSize: 128,
    pretrainEpochs: 200,
    searchSteps: 11_730,
    fineTuneEpochs: 200,
    searchRate: 0.001,
    fineTuneLearningRate: 0.1,
    target: 0.96,
    prunedTarget: 0.684,
    sweepSteps: 11_730,
  },
}

const LAMBDAS = [0, 0.01, 0.03, 0.1, 0.3]

/** A clock of processor time, because on a busy machine wall-clock time depends on other programs. */
export const processorClock: Clock = {
  now: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  sleep: realClock.sleep,
}

export interface Setting {
  readonly plan: Plan
  readonly set: ImageDataset
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

export async function pretrained({ plan, set, signal }: Setting, seed: number): Promise<LayerGraph> {
  const { depth, widths, batchSize, pretrainEpochs: epochs } = plan
  const [size = 32] = set.train.inputShape
  const rng = seeded(seed)
  const start = preActivationResNet({ depth, widths, size, classes: set.train.classes, rng: rng.fork('weights') })
  using network = graphNetwork(start)
  const trainer = supervisedTrainer({ batchSize, learningRate: cosine({ peak: 0.1 }), weightDecay: 5e-4 })
  for await (const _ of trainer.fit(network, set.train, { epochs, rng: rng.fork('training'), signal }));
  return currentGraph(network)
}

/** One method on one network: search, equal fine-tuning, test. */
export interface Method {
  readonly arm: Arm
  run(graph: LayerGraph, options: AbsSearchOptions): Promise<QuantisedModel | Compression>
}

/** All methods search for the same cost, given as a share of full precision. */
export const methodsFor = (
  share: number,
  { prunedTarget, groupSize }: Pick<Plan, 'prunedTarget' | 'groupSize'>,
): readonly Method[] => {
  const prune = { groupSize }
  return [
    { arm: 'full precision', run: (graph, options) => uniformBits(graph, 32, options) },
    { arm: 'uniform 4 bits', run: (graph, options) => uniformBits(graph, 4, options) },
    { arm: 'uniform 2 bits', run: (graph, options) => uniformBits(graph, 2, options) },
    { arm: 'random bits', run: (graph, options) => randomBits(graph, share, options) },
    {
      arm: 'two-stage',
      run: (graph, options) => pruneThenQuantise(graph, { ...options, prune, target: { bops: share }, pruned: 0.9 }),
    },
    { arm: 'multi-path', run: (graph, options) => multiPathSearch(graph, { ...options, target: { bops: share } }) },
    { arm: 'ABS-Q', run: (graph, options) => absSearch(graph, { ...options, prune: false, target: { bops: share } }) },
    {
      arm: 'ABS-P',
      run: (graph, options) => absSearch(graph, { ...options, prune, quantise: false, target: { bops: prunedTarget } }),
    },
    { arm: 'ABS', run: (graph, options) => absSearch(graph, { ...options, prune, target: { bops: share } }) },
  ]
}

export async function tested(model: QuantisedModel, split: Split<'validation' | 'test'>): Promise<number> {
  using network = quantisedNetwork(model)
  return (await classify(network, split)).accuracy
}

/** The target of a plan's searches as a share of full precision, from its share of the cost of four bits everywhere. */
export function shareOf(graph: LayerGraph, { target, groupSize }: Pick<Plan, 'target' | 'groupSize'>): number {
  const bits = superBitPlan(graph, { prune: { groupSize } })
  return (target * bopsOf(bits, uniformChoice(bits, 4))) / bits.fullBops
}

async function oneSeed(setting: Setting, seed: number): Promise<Row[]> {
  const { plan, set, log, signal } = setting
  const graph = await pretrained(setting, seed)
  const share = shareOf(graph, plan)
  const rows: Row[] = []
  for (const { arm, run } of methodsFor(share, plan)) {
    signal.throwIfAborted()
    const found = await run(graph, {
      data: set.train,
      calibration: set.validation,
      steps: plan.searchSteps,
      batchSize: plan.batchSize,
      learningRate: plan.searchRate,
      rng: seeded(seed).fork('search'),
      clock: processorClock,
      signal,
    })
    const model = 'model' in found ? found.model : found
    const tuned = await fineTune(model, {
      data: set.train,
      epochs: plan.fineTuneEpochs,
      batchSize: plan.batchSize,
      learningRate: cosine({ peak: plan.fineTuneLearningRate }),
      rng: seeded(seed).fork('fine-tune'),
      signal,
    })
    const row: Row = {
      arm,
      seed,
      share: model.bops / model.fullBops,
      bops: model.bops,
      target: share,
      accuracy: await tested(tuned, set.test),
      validation: await tested(tuned, set.validation),
      ...('model' in found && { searchSeconds: found.searchSeconds, liveBytes: found.liveBytes }),
    }
    rows.push(row)
    const cost = `${(model.bops / 1e6).toFixed(1)} M BOPs (1/${(1 / row.share).toFixed(1)})`
    const search = row.searchSeconds === undefined ? '' : `, search ${row.searchSeconds.toFixed(1)} s`
    log(`seed ${seed}, ${arm}: test accuracy ${row.accuracy.toFixed(4)} at ${cost}${search}`)
  }
  return rows
}

/** A1: the effect of λ on the bits, with everything else equal. */
async function sweep(setting: Setting, seed: number): Promise<Sweep[]> {
  const { plan, set, log, signal } = setting
  const graph = await pretrained(
    { ...setting, plan: { ...plan, pretrainEpochs: Math.min(2, plan.pretrainEpochs) } },
    seed,
  )
  const found: Sweep[] = []
  for (const lambda of LAMBDAS) {
    const { choice, share } = await absSearch(graph, {
      data: set.train,
      calibration: set.validation,
      steps: plan.sweepSteps,
      batchSize: plan.batchSize,
      lambda,
      learningRate: plan.searchRate,
      rng: seeded(seed).fork('sweep'),
      prune: false,
      signal,
    })
    const { weights, activations } = meanBits(superBitPlan(graph, { prune: false }), choice)
    found.push({ lambda, weights, activations, share })
    const ratio = (1 / share).toFixed(1)
    log(`λ = ${lambda}: ${weights.toFixed(2)} bits of weights, ${activations.toFixed(2)} of activations, ${ratio}×`)
  }
  return found
}

export async function dataFor({ real, train, test }: Plan, data: string | undefined, signal: AbortSignal) {
  const sizes = { ...(train > 0 && { trainSize: train }), ...(test > 0 && { testSize: test }) }
  const generated = { size: real ? 32 : 16, train: train || 4000, validation: 200, test: test || 1000 }
  if (!real) return generatedImages(generated)
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  const crop = { padding: 4 }
  return orGenerated(() => cifar10({ environment, augment: { crop, flip: true }, ...sizes, signal }), {
    ...generated,
    // Classes of the generated set are directions, which mirroring would change.
    augment: { crop },
  })
}

/** `archloom reproduce abs`. `rows` holds the results of every method and seed, `sweep` the bits at every λ. */
export async function reproduce({ scale, seed, data, log, signal }: ReproduceOptions) {
  const plan = plans[scale]
  const began = realClock.now()
  await useEngine()
  const set = await dataFor(plan, data, signal)
  for (const note of set.notes) log(note)
  const setting: Setting = { plan, set, log, signal }
  const rows: Row[] = []
  for (let run = 0; run < plan.seeds; run++) rows.push(...(await oneSeed(setting, seed + run)))
  const bits = await sweep(setting, seed)
  const claims = claimsOf(rows, bits)
  return { paper: 'abs', scale, seed, seconds: (realClock.now() - began) / 1000, claims, rows, sweep: bits }
}
