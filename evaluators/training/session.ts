import * as tf from '@tensorflow/tfjs-core'
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
import type { Random } from '../../core/random.ts'
import { adamW, momentum, type StepOptimizer, trainStepAsync } from '../../core/tensor/index.ts'
import type { Network, Split } from '../../core/trainer.ts'
import { nextTurn } from './batches.ts'
import { error } from './errors.ts'

const declared = declare('trainingSession', {
  network: required(value<Network>('a network', { doc: 'Owned by the session from here on.' })),
  rng: required(value<Random>('a random generator', { doc: 'Order of examples, augmentation, dropout.' })),
  loss: required(
    callback<(outputs: tf.Tensor, targets: tf.Tensor) => tf.Scalar>({
      doc: 'Mean loss of a batch. Synchronous; called inside a tidy.',
    }),
  ),
  optimizer: among(['sgd', 'adamW'], { default: 'sgd', doc: "'sgd' has Nesterov momentum of 0.9." }),
  weightDecay: number({ min: 0, default: 5e-4, doc: 'On kernels, not on biases and normalisation.' }),
  batchSize: whole({ min: 1, default: 64, doc: 'Examples of a batch.' }),
  clipNorm: number({ above: 0, default: 5, doc: 'Largest global L2 norm of the gradients.' }),
  averageOver: number({
    above: 0,
    below: 1,
    default: 0.1,
    doc: 'The average of the weights reaches back over this share of the steps taken so far: it is an exponential average whose memory grows with the run, so that it never holds initial weights.',
  }),
})
export type TrainingSessionOptions = OptionsOf<typeof declared>

/** The share of a stretch that has passed, from the number of steps taken in it. The stretch ends at 1. */
export type Pace = (step: number) => number

export interface Stretch {
  readonly data: Split<'train'>
  readonly pace: Pace
  /** Learning rate at a share of the stretch in [0, 1]. */
  readonly learningRate: (share: number) => number
  readonly signal?: AbortSignal | undefined
  readonly onStep?: (step: number, loss: number, share: number) => void
}

/** A training run that can be interrupted, measured and continued repeatedly. */
export interface TrainingSession extends Disposable {
  readonly network: Network
  /** Optimizer steps so far. */
  readonly steps: number
  /** Examples seen so far. */
  readonly examples: number
  /**
   * Continues training where the last stretch ended: weights, momentum and average are kept. An aborted signal ends
   * the stretch early without an error. Errors: ARCHLOOM_TRAINING_DIVERGED, ARCHLOOM_TRAINING_NO_BATCHES.
   */
  train(stretch: Stretch): Promise<void>
  /** Runs `measure` with the averaged weights in the network, then restores the trained ones. */
  averaged<T>(measure: () => Promise<T>): Promise<T>
  /** Ends the session and returns the network with the averaged weights. The caller disposes it. */
  adopt(): Network
}

/** Copies a variable. Optimizers write to its memory, which a clone would share. */
const copied = (variable: tf.Variable) => tf.add(variable as tf.Tensor, 0)

/** Number of steps between two updates of the average, which makes its cost negligible. */
const AVERAGE_EVERY = 4

/** A pace for a fixed number of steps. */
export const steps =
  (count: number): Pace =>
  (step) =>
    step / count

/** A pace by a clock: `now` in milliseconds. */
export function milliseconds(duration: number, now: () => number): Pace {
  const began = now()
  return () => (now() - began) / duration
}

/** Starts the training of a network in stretches. Errors: ARCHLOOM_OPTION. */
export function trainingSession(given: TrainingSessionOptions): TrainingSession {
  const options = declared.read(given)
  const { network, loss, optimizer: kind, weightDecay, batchSize, clipNorm, averageOver } = options
  const shared = { learningRate: 0, weightDecay, decays: (variable: tf.Variable) => variable.rank > 1 }
  const optimizer: StepOptimizer = kind === 'sgd' ? momentum({ ...shared, nesterov: true }) : adamW(shared)
  const variables = [...network.trainable, ...network.state]
  const order = options.rng.fork('batches')
  const noise = options.rng.fork('noise')
  let average: tf.Variable[] | undefined
  let [taken, examples] = [0, 0]
  let adopted = false

  const updateAverage = () =>
    tf.tidy(() => {
      if (!average) {
        average = variables.map((variable) => tf.variable(copied(variable), false))
        return
      }
      // The average reaches back over the share `averageOver` of the steps, and a new value counts for AVERAGE_EVERY
      // steps.
      const share = Math.min(1, AVERAGE_EVERY / Math.max(AVERAGE_EVERY, averageOver * taken))
      for (const [i, variable] of variables.entries()) {
        const mean = average[i]!
        mean.assign(tf.add(mean as tf.Tensor, tf.mul(tf.sub(variable as tf.Tensor, mean as tf.Tensor), share)))
      }
    })

  const release = () => {
    tf.dispose(average ?? [])
    average = undefined
    optimizer.dispose()
  }

  const swap = (from: readonly tf.Variable[]) => {
    const before = variables.map((variable) => tf.clone(variable as tf.Tensor))
    for (const [i, variable] of variables.entries()) variable.assign(copied(from[i]!))
    return before
  }

  async function stepOn(batch: { inputs: tf.Tensor; targets: tf.Tensor }): Promise<number> {
    try {
      const mode = { training: true, rng: noise }
      const value = () => loss(network.apply(batch.inputs, mode), batch.targets)
      return (await trainStepAsync({ variables: network.trainable, optimizer, loss: value, clipNorm })).loss
    } finally {
      tf.dispose([batch.inputs, batch.targets])
    }
  }

  return {
    network,
    get steps() {
      return taken
    },
    get examples() {
      return examples
    },
    async train({ data, pace, learningRate, signal, onStep }) {
      const size = Math.max(1, Math.min(batchSize, data.size))
      const began = taken
      while (true) {
        const before = taken
        for (const batch of data.batches({ batchSize: size, rng: order, dropRemainder: true })) {
          const share = pace(taken - began)
          if (share >= 1 || signal?.aborted) {
            tf.dispose([batch.inputs, batch.targets])
            return
          }
          optimizer.learningRate = learningRate(share)
          const value = await stepOn(batch)
          taken++
          examples += size
          if (!Number.isFinite(value))
            throw error('ARCHLOOM_TRAINING_DIVERGED', {
              trainer: 'trainingSession',
              step: taken,
              steps: taken,
              learningRate: optimizer.learningRate,
            })
          if (taken % AVERAGE_EVERY === 0) updateAverage()
          onStep?.(taken, value, share)
          await nextTurn()
        }
        if (taken === before) throw error('ARCHLOOM_TRAINING_NO_BATCHES', { size: data.size, batchSize: size })
      }
    },
    async averaged(measure) {
      if (!average) return await measure()
      const before = tf.tidy(() => swap(average!).map((tensor) => tf.keep(tensor)))
      try {
        return await measure()
      } finally {
        for (const [i, variable] of variables.entries()) variable.assign(before[i]!)
        tf.dispose(before)
      }
    },
    adopt() {
      if (average) tf.tidy(() => void swap(average!))
      release()
      adopted = true
      return network
    },
    [Symbol.dispose]() {
      release()
      if (!adopted) network[Symbol.dispose]()
      adopted = true
    },
  }
}
