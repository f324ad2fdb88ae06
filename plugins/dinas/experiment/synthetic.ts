/** D1, D2 and D3: supernets of residual layers on clustered points. */
import * as tf from '@tensorflow/tfjs-core'
import { type Batch, type Network, type OptimizerFactory, type Random, seeded } from '../../../core/index.ts'
import { momentum } from '../../../core/tensor/index.ts'
import { kendallTau } from '../../../evaluators/weight-sharing/index.ts'
import type { ProjectionOptions } from '../options.ts'
import { ProjectedOptimizer, projected } from '../projected.ts'
import { type ClusterOptions, clusteredPoints, type Points } from './clusters.ts'
import { type Choice, everyChoice, mlpSupernet } from './mlp-supernet.ts'
import { type Course, protectPath, train, trainInTurn } from './train-in-turn.ts'

const [WIDTH, CLASSES, LAYERS, OPERATIONS, BATCH] = [64, 10, 3, 3, 64]
/**
 * Many small clusters: difficulty was set on plain descent alone, so that an architecture learns about 95 % and loses
 * about 7 points to the next ones. No projected run had a part in the choice.
 */
const points: ClusterOptions = { classes: CLASSES, size: WIDTH, clusters: 60, noise: 0.3 }
const sgd: OptimizerFactory = () => momentum({ learningRate: 0.1, momentum: 0 })
const manual: ProjectionOptions = { protectEvery: 0, releaseEvery: 0 }

/** How weights are updated: plain descent, or projected with these options. */
export interface Update {
  readonly name: string
  readonly projection?: ProjectionOptions
}
export const updates = {
  sgd: { name: 'SGD' },
  mean: { name: 'mean columns, α = 0.1', projection: { ...manual, columns: 'mean', alpha: 0.1 } },
  strict: { name: 'second moment, α = 0.1', projection: { ...manual, alpha: 0.1 } },
  loose: { name: 'second moment, α = 1', projection: { ...manual, alpha: 1 } },
} satisfies Record<string, Update>

const optimizerOf = ({ projection }: Update): tf.Optimizer => (projection ? projected(sgd, projection)(0) : sgd(0))
/** One pass over many rows gives a second moment; mean columns come one a batch. */
const protections = ({ projection }: Update) => (projection?.columns === 'mean' ? 32 : 4)

interface Problem extends Disposable {
  readonly test: Points
  course(update: Update, rng: Random, signal?: AbortSignal): Course & Disposable
}

function problem(rng: Random): Problem {
  const draw = clusteredPoints(points, rng.fork('centres'))
  const [training, test] = [draw(4000, rng.fork('train')), draw(2000, rng.fork('test'))]
  const held = { inputs: tf.tensor2d(test.inputs, [test.count, WIDTH]) }
  const measure = async (path: Network) => {
    const logits = tf.tidy(() => tf.argMax(path.apply(held.inputs, { training: false }), 1))
    const guesses = Array.from(await logits.data())
    logits.dispose()
    return guesses.reduce((sum, guess, i) => sum + (guess === test.labels[i] ? 1 : 0), 0) / test.count
  }
  return {
    test,
    course(update, order, signal) {
      const optimizer = optimizerOf(update)
      const next = (): Batch => {
        const inputs = new Float32Array(BATCH * WIDTH)
        const targets = new Int32Array(BATCH)
        for (let i = 0; i < BATCH; i++) {
          const at = order.int(training.count)
          inputs.set(training.inputs.subarray(at * WIDTH, (at + 1) * WIDTH), i * WIDTH)
          targets[i] = training.labels[at] as number
        }
        return { inputs: tf.tensor2d(inputs, [BATCH, WIDTH]), targets: tf.tensor1d(targets, 'int32') }
      }
      return { optimizer, next, measure, signal, [Symbol.dispose]: () => optimizer.dispose() }
    },
    [Symbol.dispose]: () => held.inputs.dispose(),
  }
}

export interface Disturbance {
  /** In percentage points. */
  readonly drop: number
  /** Percent, right after their own training, mean of all. */
  readonly learnt: number
}

/** D1: four architectures of equal operations one after the other, 400 steps each. */
export async function disturbanceOf(update: Update, seed: number, signal?: AbortSignal): Promise<Disturbance> {
  const rng = seeded(`dinas D1 ${seed}`)
  using task = problem(rng.fork('points'))
  using supernet = mlpSupernet(
    { width: WIDTH, classes: CLASSES, layers: LAYERS, live: [WIDTH, WIDTH, WIDTH] },
    rng.fork('weights'),
  )
  const order = rng.fork('architectures').shuffle(everyChoice(LAYERS, OPERATIONS)).slice(0, 4)
  using course = task.course(update, rng.fork('order'), signal)
  const paths = order.map((choice) => supernet.path(choice))
  const { drop, learnt } = await trainInTurn(paths, { ...course, steps: 400, protect: protections(update) })
  return { drop: 100 * drop, learnt: (100 * learnt.reduce((sum, x) => sum + x, 0)) / learnt.length }
}

const capacities = { width: WIDTH, classes: CLASSES, layers: LAYERS, live: [64, 24, 8] }

/** Accuracy of every choice when it is trained alone. */
export async function standAlone(choices: readonly Choice[], seed: number, signal?: AbortSignal): Promise<number[]> {
  const rng = seeded(`dinas D2 ${seed}`)
  using task = problem(rng.fork('points'))
  const accuracies: number[] = []
  for (const choice of choices) {
    using supernet = mlpSupernet(capacities, rng.fork('weights'))
    using course = task.course(updates.sgd, rng.fork('order'), signal)
    const path = supernet.path(choice)
    await train(path, 150, course)
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
  seeded(`dinas D2 ${seed}`).fork('architectures').shuffle(everyChoice(LAYERS, OPERATIONS)).slice(0, 8)

/** D2: eight architectures of different capacity one after the other, 150 steps each, ranked by shared weights. */
export async function rankingOf(
  update: Update,
  seed: number,
  alone: readonly number[],
  signal?: AbortSignal,
): Promise<RankingOutcome> {
  const rng = seeded(`dinas D2 ${seed}`)
  using task = problem(rng.fork('points'))
  using supernet = mlpSupernet(capacities, rng.fork('weights'))
  using course = task.course(update, rng.fork('order'), signal)
  const paths = rankedChoices(seed).map((choice) => supernet.path(choice))
  const { final, drop, worst } = await trainInTurn(paths, { ...course, steps: 150, protect: protections(update) })
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
  const rng = seeded(`dinas D2 ${seed}`)
  using task = problem(rng.fork('points'))
  using supernet = mlpSupernet(capacities, rng.fork('weights'))
  using course = task.course(update, rng.fork('order'), signal)
  const choices = everyChoice(LAYERS, OPERATIONS)
  const turns = rng.fork('turns')
  const { warmUp = 0, release = 10 } = update
  for (let turn = 0; turn < 150; turn++) {
    const path = supernet.path(turns.pick(choices))
    await train(path, 20, course)
    if (turn >= warmUp) protectPath(path, update.projection?.columns === 'mean' ? 4 : 1, course)
    if (course.optimizer instanceof ProjectedOptimizer && release > 0 && (turn + 1) % release === 0)
      course.optimizer.release()
  }
  const shared: number[] = []
  for (const choice of choices) shared.push(await course.measure(supernet.path(choice)))
  return { tau: kendallTau(shared, alone), accuracy: (100 * shared.reduce((a, b) => a + b, 0)) / shared.length }
}

export const allChoices = everyChoice(LAYERS, OPERATIONS)
