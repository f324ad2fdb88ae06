/** D1, D2 and D3: what training architectures in turn does to the earlier ones, and to the order of all. */
import { kendallTau } from '../../../evaluators/weight-sharing/index.ts'
import { ProjectedOptimizer } from '../projected.ts'
import type { Choice } from './mlp-supernet.ts'
import { allChoices, rankedTask, turnTask, type Update, updates } from './task.ts'
import { protectPath, train, trainInTurn } from './train-in-turn.ts'

const [TURN_STEPS, RANKED_STEPS] = [400, 150]
/** Of D1: each has one operation that the one before has not. */
const homogeneous: readonly Choice[] = [
  [0, 0, 0],
  [0, 0, 1],
  [0, 1, 1],
  [1, 1, 1],
]

export interface Disturbance {
  /** In percentage points. */
  readonly drop: number
  /** Percent, right after their own training, mean of all. */
  readonly learnt: number
  /** trace(P)/d after each architecture (D7). */
  readonly freedom: readonly number[]
}

/** D1: four architectures of equal operations one after the other, 400 steps each. */
export async function disturbanceOf(update: Update, seed: number, signal?: AbortSignal): Promise<Disturbance> {
  const task = turnTask(seed)
  using supernet = task.supernet()
  using course = task.course(update, task.rng.fork('order'), signal)
  const paths = homogeneous.map((choice) => supernet.path(choice))
  const { drop, learnt, freedom } = await trainInTurn(paths, { ...course, steps: TURN_STEPS })
  return { drop: 100 * drop, learnt: (100 * learnt.reduce((sum, x) => sum + x, 0)) / learnt.length, freedom }
}

/** Accuracy of every choice when it is trained alone. */
export async function standAlone(choices: readonly Choice[], seed: number, signal?: AbortSignal): Promise<number[]> {
  const task = rankedTask(seed)
  const accuracies: number[] = []
  for (const choice of choices) {
    using supernet = task.supernet()
    using course = task.course(updates.sgd, task.rng.fork('order'), signal)
    const path = supernet.path(choice)
    await train(path, RANKED_STEPS, course)
    accuracies.push(await course.measure(path))
  }
  return accuracies
}

export interface RankingOutcome {
  readonly tau: number
  /** In percentage points. */
  readonly drop: number
  readonly worst: number
}

/** The eight architectures of D2, in the order of their training. */
export const rankedChoices = (seed: number): readonly Choice[] =>
  rankedTask(seed).rng.fork('architectures').shuffle(allChoices).slice(0, 8)

/** D2: eight architectures of different capacity one after the other, 150 steps each, ranked by shared weights. */
export async function rankingOf(
  update: Update,
  seed: number,
  alone: readonly number[],
  signal?: AbortSignal,
): Promise<RankingOutcome> {
  const task = rankedTask(seed)
  using supernet = task.supernet()
  using course = task.course(update, task.rng.fork('order'), signal)
  const paths = rankedChoices(seed).map((choice) => supernet.path(choice))
  const { final, drop, worst } = await trainInTurn(paths, { ...course, steps: RANKED_STEPS })
  return { tau: kendallTau(final, alone), drop: 100 * drop, worst: 100 * worst }
}

export interface InterleavedOutcome {
  readonly tau: number
  /** Mean accuracy of all 27 architectures with shared weights, percent. */
  readonly accuracy: number
}

/** D3: 150 short turns of 20 steps over all 27 architectures. `warmUp` turns are plain, P is released every 10. */
export async function interleavedOf(
  update: Update & { readonly warmUp?: number; readonly release?: number },
  seed: number,
  alone: readonly number[],
  signal?: AbortSignal,
): Promise<InterleavedOutcome> {
  const task = rankedTask(seed)
  using supernet = task.supernet()
  using course = task.course(update, task.rng.fork('order'), signal)
  const turns = task.rng.fork('turns')
  const { warmUp = 0, release = 10 } = update
  for (let turn = 0; turn < 150; turn++) {
    const path = supernet.path(turns.pick(allChoices))
    await train(path, 20, course)
    if (turn >= warmUp) protectPath(path, course.shown(), course.optimizer)
    if (course.optimizer instanceof ProjectedOptimizer && release > 0 && (turn + 1) % release === 0)
      course.optimizer.release()
  }
  const shared: number[] = []
  for (const choice of allChoices) shared.push(await course.measure(supernet.path(choice)))
  return { tau: kendallTau(shared, alone), accuracy: (100 * shared.reduce((a, b) => a + b, 0)) / shared.length }
}
