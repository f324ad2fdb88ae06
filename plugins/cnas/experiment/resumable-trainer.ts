import * as tf from '@tensorflow/tfjs-core'
import type { Network, SavedWeight, Trainer } from '../../../core/index.ts'
import { momentum } from '../../../core/tensor/index.ts'
import { type Schedule, type SupervisedTrainerOptions, supervisedTrainer } from '../../../evaluators/training/index.ts'
import { type CheckpointIdentity, readCheckpoint, writeCheckpoint } from '../../../evaluators/weight-sharing/index.ts'
import { loadOptimizerOf, saveOptimizerOf } from '../../../evaluators/weight-sharing/optimizer-state.ts'

export interface ResumableOptions {
  /** Folder in which weights, momentum and epoch are saved after every epoch. */
  readonly directory: string
  readonly identity: Pick<CheckpointIdentity, 'space' | 'spaceName' | 'settings'>
  readonly batchSize: number
  readonly learningRate: Schedule
  readonly dropPath?: Schedule
  readonly clipNorm?: number
}

const pathOf = ({ name }: tf.Variable) => name.slice(name.indexOf('/') + 1)

/**
 * SGD with Nesterov momentum over whole epochs. Random numbers derive from the epoch, so that a killed training
 * continues as if it had never stopped. Errors: ARCHLOOM_CHECKPOINT_OTHER, ARCHLOOM_CHECKPOINT_CORRUPT, and those of
 * the built-in trainer.
 */
export function resumableTrainer(options: ResumableOptions): Trainer {
  const { directory, batchSize, clipNorm, learningRate, dropPath = () => 0 } = options
  const identity: CheckpointIdentity = { method: 'retraining', ...options.identity }
  return {
    name: 'resumableTrainer',
    async *fit(network, data, { epochs, rng, validation, signal }) {
      const perEpoch = Math.floor(data.size / Math.min(batchSize, data.size))
      const steps = perEpoch * epochs
      const optimizer = momentum({ learningRate: 0, momentum: 0.9, nesterov: true, ...decay })
      const end = optimizer.dispose.bind(optimizer)
      // The trainer of one epoch disposes its optimizer; this one is kept for all epochs.
      optimizer.dispose = () => {}
      try {
        const found = readCheckpoint(directory, identity)
        if (found) {
          take(network, found.weights)
          await loadOptimizerOf(network, optimizer, found.optimizer)
        }
        for (let epoch = found ? (found.state as { epochs: number }).epochs : 0; epoch < epochs; epoch++) {
          const first = epoch * perEpoch
          const shifted =
            (schedule: Schedule): Schedule =>
            (step) =>
              schedule(first + step, steps)
          const settings: SupervisedTrainerOptions = {
            batchSize,
            optimizer: () => optimizer,
            reportEvery: perEpoch,
            learningRate: shifted(learningRate),
            dropPath: shifted(dropPath),
            ...(clipNorm !== undefined && { clipNorm }),
          }
          const own = { epochs: 1, rng: rng.fork(`epoch ${epoch}`), ...(validation && { validation }) }
          for await (const progress of supervisedTrainer(settings).fit(network, data, {
            ...own,
            ...(signal && { signal }),
          }))
            yield { ...progress, step: first + progress.step, steps, epoch: epoch + 1 }
          writeCheckpoint(directory, identity, {
            weights: await given(network),
            optimizer: await saveOptimizerOf(network, optimizer, first + perEpoch),
            state: { epochs: epoch + 1 },
          })
        }
      } finally {
        end()
      }
    },
  }
}

const decay = { weightDecay: 3e-4, decays: (variable: tf.Variable) => variable.rank > 1 }
const all = ({ trainable, state }: Network) => [...trainable, ...state]

const given = (network: Network): Promise<SavedWeight[]> =>
  Promise.all(
    all(network).map(async (variable) => ({
      name: pathOf(variable),
      shape: variable.shape,
      data: Float32Array.from(await variable.data()),
    })),
  )

function take(network: Network, weights: readonly SavedWeight[]): void {
  const byPath = new Map(weights.map((weight) => [weight.name, weight]))
  for (const variable of all(network)) {
    const { data, shape } = byPath.get(pathOf(variable)) as SavedWeight
    tf.tidy(() => variable.assign(tf.tensor(data, [...shape])))
  }
}
