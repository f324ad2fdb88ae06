import * as tf from '@tensorflow/tfjs-core'
import type { FitOptions, Network, Progress, Split, Trainer } from '../../core/index.ts'
import { among, options as declare, number, type OptionsOf, whole } from '../../core/options/index.ts'
import { adam, l1Loss, l2Loss, trainStep } from '../../core/tensor/index.ts'
import { checkEpochs, error as trainingError } from '../../evaluators/training/errors.ts'
import { endless, eventLoopTurn, stepsOf } from './batches.ts'
import type { AutoEncoder } from './networks.ts'
import { type Rows, rowsOf } from './rows.ts'

const NAME = 'autoEncoderTrainer'
export const autoEncoderFields = {
  /** Of the reconstruction: mean absolute error, as in the paper, or mean squared error. Default 'l1'. */
  loss: among(['l1', 'l2'], { default: 'l1' }),
  /** Default 64. */
  batchSize: whole({ min: 1, default: 64 }),
  /** Of Adam, β₁ 0.5. Default 1e-4. */
  learningRate: number({ above: 0, default: 1e-4 }),
  /** Progress after so many steps, and after the last one. Default 100. */
  reportEvery: whole({ min: 1, default: 100 }),
}
const declared = declare(NAME, autoEncoderFields)
export type AutoEncoderTrainerOptions = OptionsOf<typeof declared>

/**
 * Stage 1: teaches a network to give back what it is given; labels are not looked at. Reports the loss.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_TRAINING_DIVERGED, ARCHLOOM_TRAINING_NO_BATCHES.
 */
export function autoEncoderTrainer(given: AutoEncoderTrainerOptions = {}): Trainer {
  const { loss, batchSize, learningRate, reportEvery } = declared.read(given)
  const distance = loss === 'l1' ? l1Loss : l2Loss
  const settings = { distance, batchSize, learningRate, reportEvery }
  return { name: NAME, fit: (...run) => train(settings, ...run) }
}

interface Settings {
  readonly distance: typeof l1Loss
  readonly batchSize: number
  readonly learningRate: number
  readonly reportEvery: number
}

async function* train(
  { distance, batchSize: wanted, learningRate, reportEvery }: Settings,
  network: Network,
  data: Split<'train'>,
  { epochs, rng, signal }: FitOptions,
): AsyncGenerator<Progress, void, undefined> {
  checkEpochs(NAME, epochs)
  const { batchSize, epochSteps, steps } = stepsOf(data, wanted, epochs)
  using optimizer = adam({ learningRate, beta1: 0.5 })
  const batches = endless(data, batchSize, rng.fork('batches'))
  let [sum, count] = [0, 0]
  try {
    for (let step = 1; step <= steps; step++) {
      const { inputs, targets } = batches.next().value as { inputs: tf.Tensor; targets: tf.Tensor }
      try {
        const loss = () => distance(network.apply(inputs, { training: true }), inputs)
        sum += trainStep({ variables: network.trainable, optimizer, loss }).loss
      } finally {
        tf.dispose([inputs, targets])
      }
      count++
      if (!Number.isFinite(sum))
        throw trainingError('ARCHLOOM_TRAINING_DIVERGED', { trainer: NAME, step, steps, learningRate })
      await eventLoopTurn()
      signal?.throwIfAborted()
      if (step % reportEvery === 0 || step === steps) {
        const loss = sum / count
        sum = count = 0
        yield { step, steps, epoch: Math.ceil(step / epochSteps), metrics: { loss } }
      }
    }
  } finally {
    batches.return()
  }
}

/** Codes of up to `count` examples, in stored order, with the running statistics: the same for an example in any batch. */
export function embeddingsOf(network: AutoEncoder, data: Split, count = data.size): Rows {
  const out = new Float32Array(Math.min(count, data.size) * network.latentDimension)
  let at = 0
  for (const { inputs, targets } of data.batches({ batchSize: 250 })) {
    const codes = tf.tidy(() => network.encode(inputs, { training: false }).dataSync())
    tf.dispose([inputs, targets])
    out.set(codes.subarray(0, Math.min(codes.length, out.length - at)), at)
    at += codes.length
    if (at >= out.length) break
  }
  return rowsOf(out, network.latentDimension)
}
