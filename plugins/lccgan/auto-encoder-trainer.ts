import * as tf from '@tensorflow/tfjs-core'
import {
  type Batch,
  type FitOptions,
  type Network,
  type Progress,
  type Split,
  stepMeans,
  type Trainer,
} from '../../core/index.ts'
import { among, options as declare, number, type OptionsOf, whole } from '../../core/options/index.ts'
import { adam, l1Loss, l2Loss, trainStep } from '../../core/tensor/index.ts'
import { batchesOf, nextTurn, stepsOf } from '../../evaluators/training/batches.ts'
import { checkEpochs, error as trainingError } from '../../evaluators/training/errors.ts'
import type { AutoEncoder } from './networks.ts'
import { type Rows, rowsOf } from './rows.ts'

const NAME = 'autoEncoderTrainer'
export const autoEncoderFields = {
  loss: among(['l1', 'l2'], {
    default: 'l1',
    doc: 'The reconstruction loss: mean absolute error, as in the paper, or mean squared error.',
  }),
  batchSize: whole({ min: 1, default: 64, doc: 'Examples of a batch.' }),
  learningRate: number({ above: 0, default: 1e-4, doc: 'Learning rate of Adam, β₁ 0.5.' }),
  reportEvery: whole({ min: 1, default: 100, doc: 'Progress after so many steps, and after the last one.' }),
}
const declared = declare(NAME, autoEncoderFields)
export type AutoEncoderTrainerOptions = OptionsOf<typeof declared>

/**
 * Stage 1: trains a network to reconstruct its input; labels are not used. Reports the loss. Errors: ARCHLOOM_OPTION,
 * ARCHLOOM_TRAINING_DIVERGED, ARCHLOOM_TRAINING_NO_BATCHES.
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
  const batches = batchesOf(data, { batchSize: batchSize, order: rng.fork('batches') })
  const means = stepMeans()
  try {
    for (let step = 1; step <= steps; step++) {
      const { inputs, targets } = batches.next().value as Batch
      let reached: number
      try {
        const loss = () => distance(network.apply(inputs, { training: true }), inputs)
        reached = trainStep({ variables: network.trainable, optimizer, loss }).loss
      } finally {
        tf.dispose([inputs, targets])
      }
      means.add({ loss: reached })
      if (!Number.isFinite(reached))
        throw trainingError('ARCHLOOM_TRAINING_DIVERGED', { trainer: NAME, step, steps, learningRate })
      await nextTurn()
      signal?.throwIfAborted()
      if (step % reportEvery === 0 || step === steps) {
        yield { step, steps, epoch: Math.ceil(step / epochSteps), metrics: means.take() }
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
