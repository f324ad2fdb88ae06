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

/** Shares of the budget: the first rung of all trials together, the second rung of the best two. */
const [FIRST, SECOND] = [0.16, 0.12]
/** The learning rate rises over this share of a trial's first stretch. */
const WARM_UP = 0.2

interface Running {
  readonly number: number
  readonly architecture: ImageArchitecture
  readonly session: TrainingSession
  readonly cost: NetworkCost
  accuracy: number
  loss: number
}

/**
 * Searches for a convolutional network and its training: every trial trains for a short stretch, the best two go on
 * from where they ended, and the best of these is trained to the end on training and validation images together, its
 * learning rate falling in a line. Weights are never thrown away for the winner, and what is measured and returned is
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
  const count =
    options.trials ??
    (allowance.timed ? Math.round(Math.min(12, Math.max(3, 5 * Math.sqrt(allowance.left() / 300)))) : 4)
  const first = FIRST / count

  const records: TrialRecord<ImageArchitecture>[] = []
  const running: Running[] = []
  const seen = new Set<string>()
  let spent = 0

  const propose = (number: number): ImageArchitecture | undefined => {
    const own = rng.fork(`trial ${number}`)
    const feasible = (architecture: ImageArchitecture) =>
      !seen.has(JSON.stringify(architecture)) && costWithin(costOf(architecture), limits)
    const known = strategy === 'search' || number === 0 ? portfolio({ side, flip }).find(feasible) : undefined
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
    await trial.session.train({ data: train, pace, learningRate: warm, signal })
    spent += trial.session.steps - before
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
  }

  try {
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
        await advance(trial, first, 0)
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
    for (const trial of ranked(running).slice(2)) drop(running, trial)
    if (running.length > 1)
      for (const trial of [...running]) if (!signal?.aborted) await advance(trial, SECOND / running.length, 1)
    const [winner, ...losers] = ranked(running)
    if (!winner) throw error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: count })
    for (const trial of losers) drop(running, trial)

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
 * a person would use: a cosine from 0.1 after a short rise, crops, flips and cutout. What search is compared with.
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
  const architecture = handMade({ side, flip })
  const form = { input: data.train.inputShape, classes: data.train.classes }
  const networks = convnetSpace({ stages: stagesFor(side) })
  const { session } = begin(0, architecture, networks.cost(architecture.network, form), networks, form, seeded(seed))
  using own = session
  const { learningRate: peak, augment } = architecture.training
  await own.train({
    data: withAugmentation(joined(data.train, data.validation), augmentationOf(augment, side)),
    pace: allowance.stretch(1),
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
    batchSize: 64,
  })
  return { number, architecture, session, cost, accuracy: 0, loss: Number.POSITIVE_INFINITY }
}

const ranked = (trials: readonly Running[]) =>
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
