import * as tf from '@tensorflow/tfjs-core'
import { defineSpace, type NetworkCost, type Random, seeded } from '../../../core/index.ts'
import { softmaxCrossEntropy, useEngine } from '../../../core/tensor/index.ts'
import type { ApplyMode, Network } from '../../../core/trainer.ts'
import { type ImageDataset, type ImageSplit, imageSplit, withAugmentation } from '../../../evaluators/data/index.ts'
import { classify } from '../../../evaluators/metrics/index.ts'
import { type TrainingSession, trainingSession } from '../../../evaluators/training/index.ts'
import { convnetSpace } from '../../../search-spaces/convnet/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import { costWithin, describeLimits } from '../limits.ts'
import {
  augmentationOf,
  handMade,
  type ImageArchitecture,
  type ImageSpaceOptions,
  imageDecisions,
  portfolio,
  stagesFor,
} from './space.ts'

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
  /** 'search' follows what was learned, 'random' draws every trial but the first. Default 'search'. */
  readonly strategy?: 'search' | 'random'
}

export interface FoundImageClassifier extends Disposable {
  readonly network: Network
  readonly architecture: ImageArchitecture
  /** Of the winner's trial, by the averaged weights, before it was trained to the end. */
  readonly validationAccuracy: number
  readonly trials: readonly TrialRecord<ImageArchitecture>[]
  readonly cost: NetworkCost
  /** Whether the network adds the logits of the mirrored image to those of the image. */
  readonly mirrored: boolean
  /** Steps of the winner, all stretches together. */
  readonly steps: number
}

/** Share of the budget for which the trials train together: 12 % of two minutes, 25 % from fifteen minutes on. */
const searchShare = (minutes: number) => Math.min(0.25, 0.1 + 0.01 * minutes)
/** Part of that share for the first rung of all trials; the rest is the second rung of the best two. */
const FIRST = 0.6
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
 * trial only if its validation accuracy, extrapolated to the end of the budget, is better by two standard errors; a
 * challenger too slow for the budget is given up after a few timed steps. Weights are never thrown away for the winner, and what is measured and returned is
 * the average of its last weights.
 * Errors: ARCHLOOM_FIT_LIMITS.
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
  } = options
  await useEngine()
  const [height, width] = data.train.inputShape as [number, number]
  const side = Math.min(height, width)
  const form = { input: data.train.inputShape, classes: data.train.classes }
  const space = defineSpace('fit-images', imageDecisions({ side, flip }))
  const networks = convnetSpace({ widths: [4, 8, 16, 24, 32, 48, 64], stages: stagesFor(side) })
  const costOf = ({ network }: ImageArchitecture) => networks.cost(network, form)
  const rng = seeded(seed)
  const minutes = allowance.timed ? allowance.left() / 60 : Number.POSITIVE_INFINITY
  const count =
    options.trials ?? (allowance.timed ? Math.round(Math.min(12, Math.max(2, 5 * Math.sqrt(minutes / 5)))) : 4)
  const first = (FIRST * searchShare(minutes)) / count
  const second = ((1 - FIRST) * searchShare(minutes)) / 2

  const records: TrialRecord<ImageArchitecture>[] = []
  const running: Running[] = []
  const seen = new Set<string>()
  let spent = 0
  let epochs: number | undefined
  const candidates = () => portfolio({ side, flip, ...(epochs !== undefined && { epochs }) })

  const propose = (number: number): ImageArchitecture | undefined => {
    const own = rng.fork(`trial ${number}`)
    const feasible = (architecture: ImageArchitecture) =>
      !seen.has(JSON.stringify(architecture)) && costWithin(costOf(architecture), limits)
    const known = strategy === 'search' || number === 0 ? candidates().find(feasible) : undefined
    // Half of the trials are known to be good on images in general, the others go on from the best of them.
    if (known && (number === 0 || number < Math.max(3, Math.ceil(count * 0.7)))) return known
    const [best] = ranked(running)
    for (let draw = 0; draw < 300; draw++) {
      const from = strategy === 'search' && best && draw < 100 ? space.encode(best.architecture) : undefined
      const genotype = from ? space.mutate(space.mutate(from, own), own) : space.random(own)
      const architecture = space.decode(genotype)
      if (feasible(architecture)) return architecture
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
    await trial.session.train({ data: train, pace: timed, learningRate: warm, signal })
    spent += trial.session.steps - before
    if (slow) return 'slow'
    trial.rate = timer.rate() ?? trial.rate
    if (trial.number === 0 && rung === 0) firstRate = trial.rate
    const measured = await trial.session.averaged(() => classify(trial.session.network, data.validation))
    Object.assign(trial, { accuracy: measured.accuracy, loss: measured.loss })
    const record: TrialRecord<ImageArchitecture> = {
      trial: trial.number,
      rung,
      name: nameOf(trial.architecture, trial.number),
      architecture: trial.architecture,
      metrics: { accuracy: measured.accuracy, loss: measured.loss, ...trial.cost },
      steps: trial.session.steps,
      seconds: allowance.seconds(),
    }
    records.push(record)
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
      const architecture = propose(number)
      if (!architecture) {
        if (running.length > 0) break
        throw error('ARCHLOOM_FIT_LIMITS', { limits: describeLimits(limits), least: leastOf(costOf, { side, flip }) })
      }
      seen.add(JSON.stringify(architecture))
      const trial = begin(number, architecture, costOf(architecture), networks, form, rng.fork(`trial ${number}`))
      running.push(trial)
      try {
        if ((await advance(trial, first, 0)) === 'slow') {
          drop(running, trial)
          const name = nameOf(architecture, number)
          onEvent({ type: 'note', message: `trial ${number}    too slow for this budget, not trained: ${name}` })
        }
      } catch (thrown) {
        // A training that diverges is a bad trial, not a mistake of the program.
        running.pop()
        trial.session[Symbol.dispose]()
        onEvent({
          type: 'warning',
          code: 'ARCHLOOM_FIT_TRIAL_FAILED',
          message: `trial ${number} failed: ${messageFrom(thrown)}`,
        })
      }
    }
    const finalists = chooseFinalists(running)
    for (const trial of [...running]) if (!finalists.includes(trial)) drop(running, trial)
    if (running.length > 1) for (const trial of [...running]) if (!signal?.aborted) await advance(trial, second, 1)
    const winner = chooseWinner(running, {
      examples: data.validation.size,
      chance: 1 / data.train.classes,
      left: allowance.left(),
    })
    if (!winner) throw error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: count })
    for (const trial of [...running]) if (trial !== winner) drop(running, trial)

    const { augment, learningRate: peak } = winner.architecture.training
    const canMirror = augment.includes('flip') && costWithin(doubled(winner.cost), limits)
    const mirrored =
      canMirror && (await winner.session.averaged(() => isBetterMirrored(winner.session.network, data.validation)))
    onEvent({
      type: 'winner',
      trial: winner.number,
      name: nameOf(winner.architecture, winner.number),
      metrics: { accuracy: winner.accuracy, ...winner.cost },
    })
    const everything = withAugmentation(joined(data.train, data.validation), augmentationOf(augment, side))
    const began = allowance.seconds()
    await winner.session.train({
      data: everything,
      pace: allowance.rest(spent),
      learningRate: (share) => peak * Math.max(1e-4, 1 - share),
      signal,
      onStep: (step, loss, share) => {
        if (step % 25 === 0) onEvent({ type: 'progress', share, step, loss, seconds: allowance.seconds() - began })
      },
    })
    const { steps } = winner.session
    const network = winner.session.adopt()
    running.length = 0
    return {
      network: mirrored ? withMirror(network) : network,
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
  }
}

/**
 * The network made by hand, trained for a whole budget on training and validation images together, by the recipe that
 * a person would use: a cosine from 0.1 after a short rise, and flips, with crops and cutout where the budget allows 20
 * passes over the images or more. What search is compared with.
 */
export async function trainHandMade({
  data,
  allowance,
  seed = 1,
  flip = true,
  onEvent = () => {},
  signal,
}: Omit<ImageSearchOptions, 'limits' | 'trials' | 'strategy'>): Promise<Network> {
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
    loss: (outputs, targets) => softmaxCrossEntropy(outputs, targets, { labelSmoothing }),
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
 * The first trial, unless the best of the others is better by more than two standard errors of the validation accuracy
 * at the end of the budget. Accuracy is extrapolated along the logarithm of the steps that each network would have
 * taken by then at its measured speed, with the slope of the first trial since chance.
 */
export function chooseWinner<T extends Measured>(
  trials: readonly T[],
  { examples, chance, left }: { readonly examples: number; readonly chance: number; readonly left: number },
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
  const margin = 2 * Math.sqrt((first.accuracy * (1 - first.accuracy)) / Math.max(1, examples))
  return atEnd(challenger) - atEnd(first) > margin ? challenger : first
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

function leastOf(costOf: (architecture: ImageArchitecture) => NetworkCost, options: ImageSpaceOptions): string {
  const { parameters, multiplyAdds } = costOf(portfolio(options).at(-1)!)
  return `${parameters} parameters and ${multiplyAdds} multiply-adds`
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
  const plain = await classify(network, validation)
  const both = await classify(withMirror(network), validation)
  return both.accuracy > plain.accuracy || (both.accuracy === plain.accuracy && both.loss < plain.loss)
}
