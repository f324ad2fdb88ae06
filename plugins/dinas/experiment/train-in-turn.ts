/** Training architectures one after the other on shared weights, and what that does to the earlier ones. */
import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Network } from '../../../core/index.ts'
import { softmaxCrossEntropy, trainStepAsync } from '../../../core/tensor/index.ts'
import { nextTurn } from '../../../evaluators/training/batches.ts'
import { ProjectedOptimizer } from '../projected.ts'

export interface Course {
  readonly optimizer: tf.Optimizer
  /** The next training batch; it is disposed after its step. */
  readonly next: () => Batch
  /** Accuracy of a path on held-out examples, 0 to 1. */
  readonly measure: (path: Network) => Promise<number>
  readonly signal?: AbortSignal | undefined
}

/** Steps of one architecture; the mean loss of the last ten. `instead`: another path that a step trains in its place. */
export async function train(
  own: Network,
  steps: number,
  { optimizer, next, signal }: Course,
  instead: () => Network | undefined = () => undefined,
): Promise<number> {
  const tap = optimizer instanceof ProjectedOptimizer ? optimizer.tap : undefined
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    const path = instead() ?? own
    const { inputs, targets } = next()
    const { loss } = await trainStepAsync({
      variables: path.trainable,
      optimizer,
      loss: () => softmaxCrossEntropy(path.apply(inputs, { training: true, ...(tap && { tap }) }), targets),
    }).finally(() => tf.dispose([inputs, targets]))
    losses.push(loss)
    await nextTurn()
    signal?.throwIfAborted()
  }
  const last = losses.slice(-10)
  return last.reduce((sum, loss) => sum + loss, 0) / last.length
}

/** Protects what an architecture, as it is now, sees of some batches, which are disposed. Each is a protection of its own. */
export function protectPath(path: Network, batches: Iterable<Batch>, optimizer: tf.Optimizer): void {
  if (!(optimizer instanceof ProjectedOptimizer)) return
  for (const { inputs, targets } of batches) {
    try {
      optimizer.protect((tap) => path.apply(inputs, { training: true, tap }))
    } finally {
      tf.dispose([inputs, targets])
    }
  }
}

export interface InTurn {
  /** Accuracy of each architecture right after its own training: what is left of plasticity. */
  readonly learnt: readonly number[]
  /** Accuracy of each after the training of all. */
  readonly final: readonly number[]
  /** Mean and largest drop of all but the last, in accuracy: the performance disturbance. */
  readonly drop: number
  readonly worst: number
  /** trace(P)/d after each; 1 without projectors. */
  readonly freedom: readonly number[]
}

/** Each path for so many steps; where the optimizer has projectors, it then protects what the path is shown. */
export async function trainInTurn(
  paths: readonly Network[],
  {
    steps,
    shown,
    instead,
    ...course
  }: Course & {
    readonly steps: number
    readonly shown: () => Iterable<Batch>
    /** The path that a step of this turn trains instead of the turn's own. */
    readonly instead?: (turn: number) => Network | undefined
  },
): Promise<InTurn> {
  const learnt: number[] = []
  const freedom: number[] = []
  for (const [turn, path] of paths.entries()) {
    await train(path, steps, course, instead && (() => instead(turn)))
    learnt.push(await course.measure(path))
    protectPath(path, shown(), course.optimizer)
    freedom.push(course.optimizer instanceof ProjectedOptimizer ? course.optimizer.metrics().freedom : 1)
  }
  const final: number[] = []
  for (const path of paths) final.push(await course.measure(path))
  const drops = learnt.slice(0, -1).map((accuracy, i) => accuracy - final[i]!)
  return {
    learnt,
    final,
    freedom,
    drop: drops.reduce((sum, drop) => sum + drop, 0) / Math.max(1, drops.length),
    worst: Math.max(...drops),
  }
}
