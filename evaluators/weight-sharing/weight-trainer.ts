import * as tf from '@tensorflow/tfjs-core'
import type { ApplyMode, Batch, Json, Random, Supernet } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { correctCount, softmaxCrossEntropy, trainStepAsync } from '../../core/tensor/index.ts'
import { nextTurn } from '../training/batches.ts'
import type { DisturbanceWatch } from './disturbance.ts'
import { error } from './errors.ts'
import type { SharedWeights } from './evaluator.ts'
import { loadOptimizerOf, type SavedTensors, saveOptimizerOf } from './optimizer-state.ts'
import { sharedSgd, type TappingOptimizerFactory, tapping } from './weight-optimizer.ts'

export interface WeightTrainerOptions<A = unknown> {
  /** Default `sharedSgd()`. */
  readonly optimizer?: TappingOptimizerFactory
  /** Number of weight steps of the whole search, for schedules. Default: 0 (unknown). */
  readonly steps?: number
  /** Largest global norm of the gradients. Default: unlimited. */
  readonly clipNorm?: number
  /** Probability of dropping a path. Default 0. */
  readonly dropPath?: number
  /** Measures what steps do to earlier architectures; its metrics are added to those of a step. */
  readonly disturbance?: DisturbanceWatch<A> | undefined
}

export interface WeightStep {
  readonly loss: number
  /** Accuracy on the training batch, before the step. */
  readonly accuracy: number
  /** Metrics of the optimizer. */
  readonly [metric: string]: number
}

/** Trains shared weights, one sampled architecture per step. It owns its optimizer; dispose it. */
export interface WeightTrainer<A> extends Disposable {
  readonly optimizer: tf.Optimizer
  /** Number of steps taken, across resumes. */
  readonly steps: number
  /** Takes one step on the weights of the architecture's path and disposes the batch. `rng` is used by drop-path. */
  step(architecture: A, batch: Batch, rng: Random): Promise<WeightStep>
  /** Takes one step on any loss and any of the weights (for relaxed methods). The caller owns the batch. */
  descend(variables: readonly tf.Variable[], loss: (mode: ApplyMode) => tf.Scalar, rng: Random): Promise<number>
  save(): Promise<SavedTensors>
  load(saved: SavedTensors): Promise<void>
}

/**
 * What decides the course of weight steps besides a method's own options: data, batches and the optimizer. It is a
 * part of the identity of checkpoints.
 */
export const courseOf = (
  {
    train,
    validation,
    batchSize,
    statistics,
  }: Pick<SharedWeights, 'train' | 'validation' | 'batchSize' | 'statistics'>,
  { optimizer }: Pick<WeightTrainer<unknown>, 'optimizer'>,
): Readonly<Record<string, Json>> => ({
  batchSize,
  statistics,
  train: train.size,
  validation: validation.size,
  optimizer: { ...nameOf(optimizer), ...(optimizer.getConfig() as Readonly<Record<string, Json>>) },
})

const nameOf = (optimizer: object): Readonly<Record<string, Json>> =>
  'name' in optimizer && typeof optimizer.name === 'string' ? { name: optimizer.name } : {}

const trainerNames = optionNames<WeightTrainerOptions>('weightTrainer', {
  optimizer: true,
  steps: true,
  clipNorm: true,
  dropPath: true,
  disturbance: true,
})

/** Errors: ARCHLOOM_OPTION; ARCHLOOM_WEIGHT_SHARING_DIVERGED from a step whose loss is not finite (no weight is changed by it). */
export function weightTrainer<A>(supernet: Supernet<A>, options: WeightTrainerOptions<A> = {}): WeightTrainer<A> {
  const { dropPath = 0, clipNorm = Number.POSITIVE_INFINITY } = trainerNames(options)
  const { optimizer, tap, metrics } = (options.optimizer ?? tapping(sharedSgd()))(options.steps ?? 0)
  let steps = 0
  const descend: WeightTrainer<A>['descend'] = async (variables, loss, rng) => {
    const mode: ApplyMode = { training: true, rng, dropPath, ...(tap && { tap }) }
    const done = await trainStepAsync({
      variables,
      optimizer,
      loss: () => loss(mode),
      ...(clipNorm < Number.POSITIVE_INFINITY && { clipNorm }),
    })
    steps++
    // Steps may never await anything; without this turn no timer, signal handler or display would run.
    await nextTurn()
    if (!Number.isFinite(done.loss)) throw error('ARCHLOOM_WEIGHT_SHARING_DIVERGED', { step: steps })
    return done.loss
  }
  return {
    optimizer,
    get steps() {
      return steps
    },
    descend,
    async step(architecture, { inputs, targets }, rng) {
      const path = supernet.path(architecture)
      let correct: tf.Tensor | undefined
      try {
        const loss = await descend(
          path.trainable,
          (mode) => {
            const logits = path.apply(inputs, mode)
            correct = tf.keep(correctCount(logits, targets))
            return softmaxCrossEntropy(logits, targets)
          },
          rng,
        )
        const [right] = await (correct as unknown as tf.Tensor).data()
        const accuracy = (right as number) / inputs.shape[0]!
        return { ...metrics?.(), ...(await options.disturbance?.after(architecture)), loss, accuracy }
      } finally {
        tf.dispose([inputs, targets])
        correct?.dispose()
      }
    },
    save: () => saveOptimizerOf(supernet, optimizer, steps),
    async load(saved) {
      await loadOptimizerOf(supernet, optimizer, saved)
      steps = saved.steps
    },
    [Symbol.dispose]: () => optimizer.dispose(),
  }
}
