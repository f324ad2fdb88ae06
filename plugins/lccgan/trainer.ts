import * as tf from '@tensorflow/tfjs-core'
import {
  type Batch,
  type FitOptions,
  type Network,
  type Progress,
  type Random,
  type Split,
  stepMeans,
  type Trainer,
} from '../../core/index.ts'
import {
  among,
  callback,
  options as declare,
  number,
  type OptionsOf,
  required,
  value,
  whole,
} from '../../core/options/index.ts'
import { batchesOf, nextTurn, stepsOf } from '../../evaluators/training/batches.ts'
import { checkEpochs } from '../../evaluators/training/errors.ts'
import { error } from './errors.ts'
import { type GameOptions, game } from './game.ts'
import { type Gan, isGan } from './networks.ts'
import type { LatentSampler } from './sampler.ts'

const NAME = 'ganTrainer'

const share = { min: 0, below: 1 } as const
export const gameFields = {
  loss: among(['log', 'wasserstein'], {
    default: 'log',
    doc: "φ: 'log' plays −log D, non-saturating (vanilla, DCGAN); 'wasserstein' means with a gradient penalty (WGAN-GP).",
  }),
  learningRate: number({
    above: 0,
    absent: "2e-4 ('wasserstein': 1e-4)",
    doc: "Learning rate of the generator's Adam.",
  }),
  discriminatorLearningRate: number({
    above: 0,
    absent: 'that of the generator',
    doc: "Learning rate of the discriminator's Adam.",
  }),
  beta1: number({ ...share, absent: "0.5 ('wasserstein': 0)", doc: 'β₁ of Adam.' }),
  beta2: number({ ...share, absent: "0.999 ('wasserstein': 0.9)", doc: 'β₂ of Adam.' }),
  gradientPenalty: number({ min: 0, default: 10, doc: 'λ of the gradient penalty.' }),
  generatorBatchSize: among(['same', 'fresh'], {
    default: 'same',
    doc: "The generator's step judges the examples that the discriminator has just learnt from, or fresh ones (Algorithm 1).",
  }),
  approximationWeight: number({
    min: 0,
    default: 0,
    doc: 'Weight of the gap between G and its local approximation; 0 leaves it out.',
  }),
  approximationOrder: among([1, 2], {
    default: 2,
    doc: 'Order of that approximation: 2 has the gradient term of LCCGAN++.',
  }),
  approximationExamples: whole({ min: 1, default: 8, doc: 'Inputs of every batch at which the gap is measured.' }),
  batchSize: whole({ min: 1, default: 64, doc: 'Examples of a batch.' }),
  criticSteps: whole({
    min: 1,
    absent: "1 ('wasserstein': 5)",
    doc: 'Discriminator steps, each on a batch of its own, to one of the generator.',
  }),
  reportEvery: whole({ min: 1, default: 100, doc: 'Progress after so many steps, and after the last one.' }),
  onSamples: callback<
    (
      network: Gan,
      at: { readonly step: number; readonly steps: number; readonly tell?: FitOptions['tell'] },
    ) => void | Promise<void>
  >({ doc: 'Called every `samplesEvery` steps and after the last one, to show what is generated.' }),
  samplesEvery: number({
    min: 1,
    infinite: true,
    default: Number.POSITIVE_INFINITY,
    absent: 'after the last step only',
    doc: 'Steps between two calls of `onSamples`.',
  }),
}
export const gameRenamed = {
  discriminatorSteps: 'criticSteps',
  generatorBatch: 'generatorBatchSize',
  penalty: 'gradientPenalty',
} as const
const declared = declare(
  NAME,
  {
    prior: required(
      value<LatentSampler | ((network: Gan, data: Split<'train'>, options: FitOptions) => Promise<LatentSampler>)>(
        'a sampler, or a function that finds one',
        { doc: "Where the generator's inputs come from, or how to find that out from the data." },
      ),
    ),
    ...gameFields,
  },
  { renamed: gameRenamed },
)
export type GanTrainerOptions = OptionsOf<typeof declared>

function resolve(given: GanTrainerOptions) {
  const options = declared.read(given)
  const { loss, batchSize, reportEvery, samplesEvery, generatorBatchSize, gradientPenalty: penalty } = options
  const { approximationWeight, approximationOrder, approximationExamples } = options
  const wasserstein = loss === 'wasserstein'
  const { learningRate = wasserstein ? 1e-4 : 2e-4, criticSteps = wasserstein ? 5 : 1 } = options
  const { discriminatorLearningRate = learningRate, beta1 = wasserstein ? 0 : 0.5 } = options
  const { beta2 = wasserstein ? 0.9 : 0.999 } = options
  const settings: GameOptions = {
    loss,
    learningRate,
    discriminatorLearningRate,
    beta1,
    beta2,
    penalty,
    generatorBatchSize,
    approximationWeight,
    approximationOrder,
    approximationExamples,
  }
  return { settings, batchSize, criticSteps, reportEvery, samplesEvery, options }
}

/**
 * Stage 3, and the baselines: a generator against its discriminator, on any prior. Reports discriminator, generator and
 * (where asked for) gap. Examples are the batches' inputs, in the range that the generator makes ([−1, 1] for tanh).
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_TRAINING_NO_BATCHES, ARCHLOOM_LCCGAN_COLLAPSED for losses that are not
 * finite, ARCHLOOM_LCCGAN_NETWORK.
 */
export function ganTrainer(options: GanTrainerOptions): Trainer {
  const resolved = resolve(options)
  return { name: NAME, fit: (...run) => train(resolved, ...run) }
}

async function* train(
  {
    settings,
    batchSize: wanted,
    criticSteps: discriminatorSteps,
    reportEvery,
    samplesEvery,
    options,
  }: ReturnType<typeof resolve>,
  network: Network,
  data: Split<'train'>,
  fit: FitOptions,
): AsyncGenerator<Progress, void, undefined> {
  const { epochs, rng, signal, tell } = fit
  checkEpochs(NAME, epochs)
  if (!isGan(network))
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: `one from [${network.inputShape.join(', ')}] to [${network.outputShape.join(', ')}] alone`,
      expected: 'a generator with a discriminator',
    })
  if (`${network.outputShape}` !== `${data.inputShape}`)
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: `a generator of examples [${network.outputShape.join(', ')}]`,
      expected: `one of examples [${data.inputShape.join(', ')}], as the data has them`,
    })
  const prior = typeof options.prior === 'function' ? await options.prior(network, data, fit) : options.prior
  if (prior.dimension !== network.inputShape[0])
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: `a generator of inputs of length ${network.inputShape[0]}`,
      expected: `one of length ${prior.dimension}, which ${prior.name} draws`,
    })
  network.prior = prior
  const { batchSize, epochSteps, steps } = stepsOf(data, wanted, epochs)
  using play = game(network, prior, settings)
  const batches = batchesOf(data, { batchSize: batchSize, order: rng.fork('batches') })
  const draws = rng.fork('latent')
  const means = stepMeans()
  try {
    for (let step = 1; step <= steps; step++) {
      for (let extra = 1; extra < discriminatorSteps; extra++)
        on(batches, (real) => finite(play.discriminatorStep(real, draws), 'discriminator', step))
      const losses = on(batches, (real) => play.step(real, draws))
      finite(losses.discriminator, 'discriminator', step)
      finite(losses.generator, 'generator', step)
      const { discriminator, generator, gap } = losses
      means.add({ discriminator, generator, ...(settings.approximationWeight > 0 && { gap }) })
      await nextTurn()
      signal?.throwIfAborted()
      const last = step === steps
      if (last || step % samplesEvery === 0) await options.onSamples?.(network, { step, steps, tell })
      if (last || step % reportEvery === 0) {
        yield { step, steps, epoch: Math.ceil(step / epochSteps), metrics: means.take() }
      }
    }
  } finally {
    batches.return()
  }
  function finite(loss: number, side: 'discriminator' | 'generator', step: number): void {
    const learningRate = side === 'generator' ? settings.learningRate : settings.discriminatorLearningRate
    if (!Number.isFinite(loss)) throw error('ARCHLOOM_LCCGAN_COLLAPSED', { step, steps, side, learningRate })
  }
}

/** Applies a function to the next batch, which is always disposed. */
function on<T>(batches: Generator<Batch, void, undefined>, act: (real: tf.Tensor) => T): T {
  const { inputs, targets } = batches.next().value as Batch
  try {
    return act(inputs)
  } finally {
    tf.dispose([inputs, targets])
  }
}

/** Examples that a generator makes from its prior, flat [count, ...outputShape]; batches of 250, running statistics. */
export function generated(network: Gan, count: number, rng: Random): Float32Array {
  if (!network.prior)
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: 'a generator without a prior',
      expected: 'one that a trainer has trained, or with `prior` set',
    })
  return made(network, network.prior.draw(count, rng), count)
}

/** Examples on a path through the latent space, as `generated`. */
export function walked(network: Gan, count: number, rng: Random): Float32Array {
  if (!network.prior)
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: 'a generator without a prior',
      expected: 'one that a trainer has trained, or with `prior` set',
    })
  return made(network, network.prior.walk(count, rng), count)
}

function made(network: Gan, inputs: Float32Array, count: number): Float32Array {
  const [length] = network.inputShape as [number]
  const size = network.outputShape.reduce((a, b) => a * b, 1)
  const out = new Float32Array(count * size)
  for (let start = 0; start < count; start += 250) {
    const n = Math.min(250, count - start)
    const part = tf.tidy(() => {
      const z = tf.tensor2d(inputs.slice(start * length, (start + n) * length), [n, length])
      return network.apply(z, { training: false }).dataSync()
    })
    out.set(part, start * size)
  }
  return out
}
