import * as tf from '@tensorflow/tfjs-core'
import { defineSpace, type NetworkCost, type Random, type StudyOptions, seeded } from '../../../core/index.ts'
import { optionNames } from '../../../core/options/index.ts'
import { sigmoidCrossEntropy, softmaxCrossEntropy, useEngine } from '../../../core/tensor/index.ts'
import type { ApplyMode, Network } from '../../../core/trainer.ts'
import { type ImageDataset, type ImageSplit, imageSplit, withAugmentation } from '../../../evaluators/data/index.ts'
import { classify } from '../../../evaluators/metrics/index.ts'
import { type TrainingSession, trainingSession } from '../../../evaluators/training/index.ts'
import { convnetSpace } from '../../../search-spaces/convnet/index.ts'
import { exportOnnx } from '../../onnx/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import {
  type FinalLatency,
  inMilliseconds,
  type Latencies,
  type LatencyMeter,
  latencies,
  latencyWarning,
} from '../latency.ts'
import { costWithin, describeLimits, mirroredWithin } from '../limits.ts'
import {
  constantPredictions,
  crossMeasured,
  frequenciesOf,
  type LabelMetrics,
  measuredAt,
  predictLabels,
  thresholdsOf,
  withSigmoid,
} from './labels.ts'
import {
  augmentationOf,
  handMade,
  type ImageArchitecture,
  type ImageSpaceOptions,
  imageDecisions,
  portfolio,
  stageRange,
  stagesFor,
} from './space.ts'
import { imageStudy } from './study.ts'

export interface ImageSearchOptions {
  readonly data: Pick<ImageDataset, 'train' | 'validation'>
  readonly allowance: Allowance
  /** Default 1. */
  readonly seed?: number
  readonly limits?: Limits
  /** How many networks are tried at first. Default: from the budget. */
  readonly trials?: number
  readonly onEvent?: (event: FitEvent) => void
  /** Whether a mirrored image keeps its class: false for digits and letters. Default true. */
  readonly flip?: boolean
  /** Ends the search early; the best network so far is kept. */
  readonly signal?: AbortSignal | undefined
  /** Where the trials are written down, as for createSearch; a number is added to a name that is taken. Default: nowhere. */
  readonly study?: string | StudyOptions
  /** 'search' follows what was learned, 'random' draws every trial but the first. Default 'search'. */
  readonly strategy?: 'search' | 'random'
  /** Measures latencies where `limits` has one. Default: the median of 15 runs of ONNX Runtime on one thread. */
  readonly latencyMeter?: LatencyMeter
}

const searchNames = optionNames<ImageSearchOptions>('searchImages', {
  data: true,
  allowance: true,
  seed: true,
  limits: true,
  trials: true,
  onEvent: true,
  flip: true,
  signal: true,
  strategy: true,
  study: true,
  latencyMeter: true,
})
type HandMadeOptions = Omit<ImageSearchOptions, 'limits' | 'trials' | 'strategy' | 'study' | 'latencyMeter'>
const handMadeNames = optionNames<HandMadeOptions>('trainHandMade', {
  data: true,
  allowance: true,
  seed: true,
  onEvent: true,
  flip: true,
  signal: true,
})

export interface FoundImageClassifier extends Disposable {
  readonly network: Network
  readonly architecture: ImageArchitecture
  /**
   * Of the winner's trial, by the averaged weights, before it was trained to the end: accuracy, or mean average precision of
   * images with several labels.
   */
  readonly validationAccuracy: number
  /** Of images with several labels. */
  readonly labels?: FoundLabels
  readonly trials: readonly TrialRecord<ImageArchitecture>[]
  readonly cost: NetworkCost
  /** Whether the network adds the logits of the mirrored image to those of the image. */
  readonly mirrored: boolean
  /** Of the file of the finished network, where `limits` has a latency. */
  readonly latency?: FinalLatency
  /** Steps of the winner, all stretches together. */
  readonly steps: number
}

/** What is known of the finished network for images with several labels, from validation images that it never trained on. */
export interface FoundLabels {
  /** The probability from which each label is said to apply, which gives it the largest F1. */
  readonly thresholds: readonly number[]
  /** By thresholds that the other half of the images chose. */
  readonly metrics: LabelMetrics
  /** The same of the frequency of each label among the training images. */
  readonly baseline: LabelMetrics
}

/** Share of the budget for which the trials train together: 14 % of two minutes, 25 % from 13 minutes on. */
const searchShare = (minutes: number) => Math.min(0.25, 0.12 + 0.01 * minutes)
/** Part of that share for the first rung of all trials; the rest is the second rung of the best two, if it is needed. */
const FIRST = 0.7
/** A challenger that is better by so many standard errors after the first rung needs no second. */
const CLEAR = 2
/** A challenger that would see fewer epochs than this, and fewer than half of the first trial's, is not trained. */
const FEW_EPOCHS = 30
/** Timed steps that tell how fast a network trains; the first ones also prepare kernels and are not counted. */
const [UNTIMED, TIMED] = [2, 6]
const BATCH = 64
/** The learning rate rises over this share of a trial's first stretch. */
const WARM_UP = 0.2

interface Running {
  readonly number: number
  readonly architecture: ImageArchitecture
  readonly session: TrainingSession
  readonly cost: NetworkCost
  /** Accuracy, or mean average precision of labels. */
  accuracy: number
  loss: number
  /** Training steps per second of the allowance's clock, as far as they were timed. */
  rate?: number | undefined
}

/** Times the steps of a stretch after the first few. */
function stepTimer({ seconds }: Allowance) {
  let [began, now, steps] = [0, 0, 0]
  return {
    get steps() {
      return steps
    },
    reached(step: number) {
      steps = step
      now = seconds()
      if (step === UNTIMED) began = now
    },
    rate: (): number | undefined => (steps > UNTIMED && now > began ? (steps - UNTIMED) / (now - began) : undefined),
  }
}

/**
 * Searches for a convolutional network and its training: every trial trains for a short stretch, the first trial (the
 * network made by hand) and its best challenger go on from where they ended, and one of them is trained to the end on
 * training and validation images together, its learning rate falling in a line. The challenger replaces the first
 * trial only if its validation accuracy, extrapolated to the end of the budget, is better by a standard error; one that
 * is better by two before the second rung is chosen at once. A challenger too slow for the budget is given up after a
 * few timed steps. The winner's weights are never begun anew, and what is measured and returned is the average of its
 * last weights. Images with several labels (`multiHot`) are ranked by the mean average precision instead; their winner is
 * trained on the training images alone, so that the validation images can choose its thresholds.
 * Errors: ARCHLOOM_FIT_LIMITS, ARCHLOOM_FIT_NOTHING_TRAINED.
 */
export async function searchImages(options: ImageSearchOptions): Promise<FoundImageClassifier> {
  const {
    data,
    allowance,
    seed = 1,
    limits = {},
    onEvent = () => {},
    signal,
    strategy = 'search',
    flip = true,
  } = searchNames(options)
  await useEngine()
  const [height, width] = data.train.inputShape as [number, number]
  const side = Math.min(height, width)
  const form = { input: data.train.inputShape, classes: data.train.classes }
  const space = defineSpace('fit-images', imageDecisions({ side, flip }))
  const networks = convnetSpace({ widths: [4, 8, 16, 24, 32, 48, 64], stages: stageRange(side) })
  const areLabels = data.train.images.multiHot !== undefined
  const costOf = ({ network }: ImageArchitecture) => networks.cost(network, form)
  const rng = seeded(seed)
  const minutes = allowance.timed ? allowance.left() / 60 : Number.POSITIVE_INFINITY
  const count =
    options.trials ?? (allowance.timed ? Math.round(Math.min(12, Math.max(3, 4 * Math.sqrt(minutes / 5)))) : 4)
  const first = (FIRST * searchShare(minutes)) / count
  const second = ((1 - FIRST) * searchShare(minutes)) / 2

  const study = await imageStudy(options.study, {
    space,
    seed,
    strategy,
    trials: count,
    maxLatencyMs: limits.maxLatencyMs,
    metric: areLabels ? 'meanAveragePrecision' : 'accuracy',
  })
  const records: TrialRecord<ImageArchitecture>[] = []
  const running: Running[] = []
  const seen = new Set<string>()
  let spent = 0
  let epochs: number | undefined
  const candidates = () => portfolio({ side, flip, ...(epochs !== undefined && { epochs }) })

  const times = latencies(limits, options.latencyMeter)
  const encoded = async (network: Network, images?: number) => {
    const calibration = { calibration: data.train, ...(images !== undefined && { images }) }
    const whole = areLabels ? withSigmoid(network) : network
    return (await exportOnnx(whole, limits.integers ? { quantise: calibration } : {})).model
  }
  /** Of an untrained network of the architecture, whose file runs the same operators as that of a trained one. */
  const latencyOf = (architecture: ImageArchitecture) =>
    times.of(JSON.stringify(architecture.network), data.train.inputShape, async () => {
      using network = networks.build(architecture.network, { ...form, rng: rng.fork('latency') })
      return await encoded(network, FEW_IMAGES)
    })
  const isQuick = quickEnough(times, latencyOf, costOf, (architecture, milliseconds) =>
    onEvent({
      type: 'note',
      message: `left out, because it takes ${inMilliseconds(milliseconds)}: ${nameOf(architecture)}`,
    }),
  )

  const propose = async (number: number): Promise<ImageArchitecture | undefined> => {
    const own = rng.fork(`trial ${number}`)
    const feasible = (architecture: ImageArchitecture) =>
      !seen.has(JSON.stringify(architecture)) && costWithin(costOf(architecture), limits)
    const known =
      strategy === 'search' || number === 0 ? await firstOf(candidates().filter(feasible), isQuick) : undefined
    // Half of the trials are known to be good on images in general, the others go on from the best of them.
    if (known && (number === 0 || number < Math.max(3, Math.ceil(count * 0.7)))) return known
    const [best] = ranked(running)
    for (let draw = 0; draw < 300; draw++) {
      const from = strategy === 'search' && best && draw < 100 ? space.encode(best.architecture) : undefined
      const genotype = from ? space.mutate(space.mutate(from, own), own) : space.random(own)
      const architecture = space.decode(genotype)
      if (feasible(architecture) && (await isQuick(architecture))) return architecture
    }
    return known
  }

  const advance = async (trial: Running, share: number, rung: number) => {
    const pace = allowance.stretch(share)
    const before = trial.session.steps
    const { learningRate: peak, augment } = trial.architecture.training
    const warm = (progress: number) =>
      rung === 0 && progress < WARM_UP ? peak * Math.max(0.02, progress / WARM_UP) : peak
    const train = withAugmentation(data.train, augmentationOf(augment, side))
    const timer = stepTimer(allowance)
    const isSlow = () =>
      rung === 0 &&
      trial.number > 0 &&
      timer.steps === TIMED &&
      isTooSlow(timer.rate(), firstRate, allowance.left(), data.train.size)
    let slow = false
    const timed = (step: number) => {
      timer.reached(step)
      slow ||= isSlow()
      return slow ? 1 : pace(step)
    }
    const fidelity = rung === 0 ? first : first + second
    if (rung === 0) study.start(trial.number, trial.architecture, fidelity)
    else study.goOn(trial.number, rung, fidelity)
    const onStep = (step: number, loss: number) => study.step(trial.number, step, loss)
    await trial.session.train({ data: train, pace: timed, learningRate: warm, signal, onStep })
    spent += trial.session.steps - before
    if (slow) return 'slow'
    trial.rate = timer.rate() ?? trial.rate
    if (trial.number === 0 && rung === 0) firstRate = trial.rate
    const measured = await trial.session.averaged(() => scoreOf(trial.session.network, data.validation))
    Object.assign(trial, { accuracy: measured.score, loss: measured.metrics.loss })
    const record: TrialRecord<ImageArchitecture> = {
      trial: trial.number,
      rung,
      name: nameOf(trial.architecture, trial.number),
      architecture: trial.architecture,
      metrics: {
        ...measured.metrics,
        ...trial.cost,
        ...(times.limit !== undefined && { latencyMs: await latencyOf(trial.architecture) }),
      },
      steps: trial.session.steps,
      seconds: allowance.seconds(),
    }
    records.push(record)
    study.measured(trial.number, rung, fidelity, record.metrics)
    onEvent({ type: 'trial', ...record })
    return 'measured'
  }

  let firstRate: number | undefined
  try {
    const probed = portfolio({ side, flip }).find((architecture) => costWithin(costOf(architecture), limits))
    if (probed) {
      const start = () => begin(0, probed, costOf(probed), networks, form, rng.fork('probe')).session
      epochs = await epochsWithin(start, data.train, allowance)
    }
    for (let number = 0; number < count; number++) {
      if (signal?.aborted && running.length > 0) break
      const architecture = await propose(number)
      if (!architecture) {
        if (running.length > 0) break
        const least = leastOf(costOf, { side, flip }, times)
        throw error('ARCHLOOM_FIT_LIMITS', { limits: describeLimits(limits), least })
      }
      seen.add(JSON.stringify(architecture))
      const trial = begin(number, architecture, costOf(architecture), networks, form, rng.fork(`trial ${number}`))
      running.push(trial)
      try {
        if ((await advance(trial, first, 0)) === 'slow') {
          drop(running, trial)
          study.drop(number)
          const name = nameOf(architecture, number)
          onEvent({ type: 'note', message: `trial ${number}    too slow for this budget, not trained: ${name}` })
        }
      } catch (thrown) {
        // A training that diverges is a bad trial, not a mistake of the program.
        running.pop()
        trial.session[Symbol.dispose]()
        study.fail(number, thrown)
        onEvent({
          type: 'warning',
          code: 'ARCHLOOM_FIT_TRIAL_FAILED',
          message: `trial ${number} failed: ${messageFrom(thrown)}`,
        })
      }
    }
    const choice = () => ({
      examples: data.validation.size,
      chance: areLabels ? mean(frequenciesOf(data.validation)) : 1 / data.train.classes,
      left: allowance.left(),
    })
    const clear = chooseWinner(running, { ...choice(), margin: CLEAR })
    // A first trial that is clearly behind gets no more time: what is left is worth more to the winner.
    const finalists = clear && clear.number !== 0 ? [clear] : chooseFinalists(running)
    const giveUp = (trial: Running) => {
      drop(running, trial)
      study.drop(trial.number)
    }
    for (const trial of [...running]) if (!finalists.includes(trial)) giveUp(trial)
    if (running.length > 1) for (const trial of [...running]) if (!signal?.aborted) await advance(trial, second, 1)
    const winner = chooseWinner(running, choice())
    if (!winner) throw error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: count })
    for (const trial of [...running]) if (trial !== winner) giveUp(trial)

    const { augment, learningRate: peak } = winner.architecture.training
    const canMirror =
      augment.includes('flip') &&
      mirroredWithin(winner.cost, limits) &&
      (times.limit === undefined ||
        (await times.of('mirrored', data.train.inputShape, () =>
          encoded(withMirror(winner.session.network), FEW_IMAGES),
        )) <= times.limit)
    const mirrored =
      canMirror && (await winner.session.averaged(() => isBetterMirrored(winner.session.network, data.validation)))
    onEvent({
      type: 'winner',
      trial: winner.number,
      name: nameOf(winner.architecture, winner.number),
      metrics: { [areLabels ? 'meanAveragePrecision' : 'accuracy']: winner.accuracy, ...winner.cost },
    })
    const given = areLabels ? data.train : joined(data.train, data.validation)
    const everything = withAugmentation(given, augmentationOf(augment, side))
    const began = allowance.seconds()
    study.goOn(winner.number, 2, 1)
    await winner.session.train({
      data: everything,
      pace: allowance.rest(spent),
      learningRate: (share) => peak * Math.max(1e-4, 1 - share),
      signal,
      onStep: (step, loss, share) => {
        study.step(winner.number, step, loss)
        if (step % 25 === 0) onEvent({ type: 'progress', share, step, loss, seconds: allowance.seconds() - began })
      },
    })
    study.complete(winner.number)
    const { steps } = winner.session
    const adopted = winner.session.adopt()
    running.length = 0
    const network = mirrored ? withMirror(adopted) : adopted
    const finish = async () => ({
      latency: await times.final(() => encoded(network), data.train.inputShape),
      labels: areLabels ? await foundLabels(network, data) : undefined,
    })
    const { latency, labels } = await finish().catch((thrown: unknown) => {
      network[Symbol.dispose]()
      throw thrown
    })
    const warning = latencyWarning(latency)
    if (warning) onEvent(warning)
    return {
      network,
      ...(latency && { latency }),
      ...(labels && { labels }),
      architecture: winner.architecture,
      validationAccuracy: winner.accuracy,
      trials: records,
      cost: mirrored ? doubled(winner.cost) : winner.cost,
      mirrored,
      steps,
      [Symbol.dispose]: () => network[Symbol.dispose](),
    }
  } finally {
    for (const trial of running) trial.session[Symbol.dispose]()
    await study.close(signal?.aborted ? 'stopped' : 'trials')
  }
}

/**
 * The network made by hand, trained for a whole budget on training and validation images together, by the recipe that
 * a person would use: a cosine from 0.1 after a short rise, and flips, with crops and cutout where the budget allows 20
 * passes over the images or more. What search is compared with.
 */
export async function trainHandMade(options: HandMadeOptions): Promise<Network> {
  const { data, allowance, seed = 1, flip = true, onEvent = () => {}, signal } = handMadeNames(options)
  await useEngine()
  const side = Math.min(...(data.train.inputShape.slice(0, 2) as [number, number]))
  const form = { input: data.train.inputShape, classes: data.train.classes }
  const networks = convnetSpace({ stages: stagesFor(side) })
  const start = (architecture: ImageArchitecture) =>
    begin(0, architecture, networks.cost(architecture.network, form), networks, form, seeded(seed)).session
  const epochs = await epochsWithin(() => start(handMade({ side, flip })), data.train, allowance)
  const architecture = handMade({ side, flip, ...(epochs !== undefined && { epochs }) })
  const session = start(architecture)
  using own = session
  const { learningRate: peak, augment } = architecture.training
  await own.train({
    data: withAugmentation(joined(data.train, data.validation), augmentationOf(augment, side)),
    pace: allowance.rest(0),
    learningRate: (share) =>
      share < 0.05
        ? peak * Math.max(0.02, share / 0.05)
        : (peak * (1 + Math.cos((Math.PI * (share - 0.05)) / 0.95))) / 2,
    signal,
    onStep: (step, loss, share) => {
      if (step % 25 === 0) onEvent({ type: 'progress', share, step, loss, seconds: allowance.seconds() })
    },
  })
  return own.adopt()
}

type Networks = ReturnType<typeof convnetSpace>

function begin(
  number: number,
  architecture: ImageArchitecture,
  cost: NetworkCost,
  networks: Networks,
  form: { readonly input: readonly number[]; readonly classes: number },
  rng: Random,
): Running {
  const { weightDecay, labelSmoothing } = architecture.training
  const session = trainingSession({
    network: networks.build(architecture.network, { ...form, rng: rng.fork('weights') }),
    rng: rng.fork('training'),
    // Zeros and ones of several labels have two axes, class indices have one.
    loss: (outputs, targets) =>
      targets.rank === 2
        ? sigmoidCrossEntropy(outputs, targets)
        : softmaxCrossEntropy(outputs, targets, { labelSmoothing }),
    weightDecay,
    batchSize: BATCH,
  })
  return { number, architecture, session, cost, accuracy: 0, loss: Number.POSITIVE_INFINITY }
}

/** Passes over the training images in what is left of a budget, by a few timed steps where the budget is a time. */
async function epochsWithin(
  start: () => TrainingSession,
  train: ImageSplit<'train'>,
  allowance: Allowance,
): Promise<number | undefined> {
  if (allowance.steps !== undefined) return (allowance.steps * BATCH) / train.size
  if (train.size === 0) return undefined
  using session = start()
  const timer = stepTimer(allowance)
  const pace = (step: number) => {
    timer.reached(step)
    return step / TIMED
  }
  await session.train({ data: train, pace, learningRate: () => 0.01 })
  const rate = timer.rate()
  return rate && (rate * allowance.left() * BATCH) / train.size
}

function isTooSlow(rate: number | undefined, firstRate: number | undefined, left: number, size: number): boolean {
  if (rate === undefined || firstRate === undefined) return false
  return rate < firstRate / 2 && (rate * left * BATCH) / size < FEW_EPOCHS
}

interface Measured {
  readonly number: number
  readonly accuracy: number
  readonly loss: number
  readonly rate?: number | undefined
  readonly session: { readonly steps: number }
}

/** The first trial always goes on, beside its best challenger; without it, the best two go on. */
export function chooseFinalists<T extends Measured>(trials: readonly T[]): readonly T[] {
  const [best, next] = ranked(trials)
  const first = trials.find(({ number }) => number === 0)
  if (!best || !first) return [best, next].filter((trial) => trial !== undefined)
  const challenger = best === first ? next : best
  return challenger ? [first, challenger] : [first]
}

/**
 * The first trial, unless the best of the others is better by more than `margin` standard errors (default 1) of the
 * validation accuracy at the end of the budget. Accuracy is extrapolated along the logarithm of the steps that each network would have
 * taken by then at its measured speed, with the slope of the first trial since chance.
 */
export function chooseWinner<T extends Measured>(
  trials: readonly T[],
  {
    examples,
    chance,
    left,
    margin = 1,
  }: { readonly examples: number; readonly chance: number; readonly left: number; readonly margin?: number },
): T | undefined {
  const first = trials.find(({ number }) => number === 0)
  if (!first) return ranked(trials)[0]
  const slope = Math.max(0, first.accuracy - chance) / Math.log(1 + Math.max(1, first.session.steps))
  const atEnd = ({ accuracy, rate, session: { steps } }: T) => {
    const more = rate === undefined || !Number.isFinite(left) ? 0 : rate * Math.max(0, left)
    return accuracy + slope * Math.log((1 + steps + more) / (1 + steps))
  }
  const [challenger] = ranked(trials.filter((trial) => trial !== first)).sort((a, b) => atEnd(b) - atEnd(a))
  if (!challenger) return first
  const error = Math.sqrt((first.accuracy * (1 - first.accuracy)) / Math.max(1, examples))
  return atEnd(challenger) - atEnd(first) > margin * error ? challenger : first
}

const ranked = <T extends Measured>(trials: readonly T[]) =>
  [...trials].sort((a, b) => b.accuracy - a.accuracy || a.loss - b.loss || a.number - b.number)

function drop(running: Running[], trial: Running) {
  running.splice(running.indexOf(trial), 1)
  trial.session[Symbol.dispose]()
}

const doubled = ({ multiplyAdds, parameters }: NetworkCost): NetworkCost => ({
  multiplyAdds: 2 * multiplyAdds,
  parameters,
})
const messageFrom = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown))

/** One line for an architecture. */
export function nameOf({ network, training }: ImageArchitecture, trial?: number): string {
  const widths = network.stages.map(
    ({ depth, kernel }, i) => `${depth}×${network.width * 2 ** i}${kernel === 3 ? '' : `(k${kernel})`}`,
  )
  const hand = trial === 0 ? 'hand-made ' : ''
  return `${hand}${network.form} ${widths.join(' ')}, ${training.augment}, rate ${training.learningRate.toPrecision(2)}`
}

/** After so many networks that were too slow, no other is measured. */
const MOST_MEASURED = 40
/** A network with so many times the multiply-adds of one that was too slow is not measured. */
const SURELY_SLOWER = 2
/** Images that choose the ranges of integers where only the time matters. */
const FEW_IMAGES = 4

async function firstOf<T>(values: readonly T[], holds: (value: T) => Promise<boolean>): Promise<T | undefined> {
  for (const value of values) if (await holds(value)) return value
  return undefined
}

/** Whether an architecture keeps to the limit of latency; true where there is none. Each is told once when left out. */
function quickEnough(
  times: Latencies,
  latencyOf: (architecture: ImageArchitecture) => Promise<number>,
  costOf: (architecture: ImageArchitecture) => NetworkCost,
  tell: (architecture: ImageArchitecture, milliseconds: number) => void,
): (architecture: ImageArchitecture) => Promise<boolean> {
  const slow = new Set<string>()
  let fewest = Number.POSITIVE_INFINITY
  return async (architecture) => {
    if (times.limit === undefined) return true
    const key = JSON.stringify(architecture.network)
    const { multiplyAdds } = costOf(architecture)
    if (slow.has(key) || multiplyAdds >= SURELY_SLOWER * fewest || slow.size >= MOST_MEASURED) return false
    const milliseconds = await latencyOf(architecture)
    if (milliseconds <= times.limit) return true
    slow.add(key)
    fewest = Math.min(fewest, multiplyAdds)
    tell(architecture, milliseconds)
    return false
  }
}

function leastOf(
  costOf: (architecture: ImageArchitecture) => NetworkCost,
  options: ImageSpaceOptions,
  times: Latencies,
): string {
  if (Number.isFinite(times.least)) return `the fastest one that was measured takes ${inMilliseconds(times.least)}`
  const { parameters, multiplyAdds } = costOf(portfolio(options).at(-1)!)
  return `the smallest one has ${parameters} parameters and ${multiplyAdds} multiply-adds`
}

/** Training and validation images as one training split: for the last training, when nothing is chosen any more. */
function joined(train: ImageSplit<'train'>, validation: ImageSplit<'validation'>): ImageSplit<'train'> {
  if (train.images !== validation.images) return train
  const indices = Int32Array.from([...train.indices, ...validation.indices])
  return imageSplit('train', train.images, { indices, normalisation: train.normalisation })
}

/** The same network, whose logits are the sum of those of an image and of its mirror image where it does not train. */
function withMirror(network: Network): Network {
  return {
    inputShape: network.inputShape,
    outputShape: network.outputShape,
    trainable: network.trainable,
    state: network.state,
    apply: (inputs: tf.Tensor, mode: ApplyMode) =>
      mode.training
        ? network.apply(inputs, mode)
        : tf.mul(tf.add(network.apply(inputs, mode), network.apply(tf.reverse(inputs, 2), mode)), 0.5),
    [Symbol.dispose]: () => network[Symbol.dispose](),
  }
}

async function isBetterMirrored(network: Network, validation: ImageSplit<'validation'>): Promise<boolean> {
  const plain = await scoreOf(network, validation)
  const both = await scoreOf(withMirror(network), validation)
  return both.score > plain.score || (both.score === plain.score && both.metrics.loss < plain.metrics.loss)
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

interface Score {
  /** What trials are ranked by: accuracy, or the mean average precision of labels. */
  readonly score: number
  readonly metrics: Readonly<Record<string, number>> & { readonly loss: number }
}

async function scoreOf(network: Network, split: ImageSplit): Promise<Score> {
  if (!split.images.multiHot) {
    const { accuracy, loss } = await classify(network, split)
    return { score: accuracy, metrics: { accuracy, loss } }
  }
  const predictions = await predictLabels(network, split)
  const metrics = measuredAt(predictions, new Array<number>(split.classes).fill(0.5))
  return { score: metrics.meanAveragePrecision, metrics: { ...metrics } }
}

async function foundLabels(network: Network, { train, validation }: ImageSearchOptions['data']): Promise<FoundLabels> {
  const predictions = await predictLabels(network, validation)
  const { classes } = validation
  return {
    thresholds: thresholdsOf(predictions, classes),
    metrics: crossMeasured(predictions, classes),
    baseline: crossMeasured(constantPredictions(predictions.truth, frequenciesOf(train)), classes),
  }
}
