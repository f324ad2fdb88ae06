/** What D1, D2, D3 and D5 train: supernets of residual layers on clustered points, by plain or projected descent. */
import * as tf from '@tensorflow/tfjs-core'
import { type Batch, type Network, type OptimizerFactory, type Random, seeded } from '../../../core/index.ts'
import { momentum } from '../../../core/tensor/index.ts'
import type { ProjectionOptions } from '../options.ts'
import { projected } from '../projected.ts'
import { type ClusterOptions, clusteredPoints, type Points } from './clusters.ts'
import { everyChoice, type MlpOptions, mlpSupernet } from './mlp-supernet.ts'
import type { Course } from './train-in-turn.ts'

const [WIDTH, CLASSES, LAYERS, BATCH, TRAINING, HELD_OUT] = [64, 10, 3, 64, 4000, 2000]
/**
 * Many small clusters. Their number and size were set on plain descent alone, with seeds 101 to 104, which are not among
 * those that are reported: at D1 an architecture learns about 95 % and loses about 7 points to the next ones, at D2 it
 * loses about as much. No projected run had a part in the choice.
 */
const form = { classes: CLASSES, size: WIDTH }
const turnPoints: ClusterOptions = { ...form, clusters: 56, spread: 1, noise: 0.3 }
const rankedPoints: ClusterOptions = { ...form, clusters: 30, spread: 2, noise: 0.6 }

const network = { width: WIDTH, classes: CLASSES, layers: LAYERS }
const alike: MlpOptions = { ...network, live: [WIDTH, WIDTH, WIDTH] }
/** Units that the three operations of a layer leave alive. */
const capacities: MlpOptions = { ...network, live: [64, 24, 8] }
export const allChoices = everyChoice(LAYERS, capacities.live.length)

/** How weights are updated: plain descent, or projected with these options. */
export interface Update {
  readonly name: string
  readonly projection?: ProjectionOptions
}
const sgd: OptimizerFactory = () => momentum({ learningRate: 0.1, momentum: 0 })
const manual: ProjectionOptions = { protectEvery: 0, releaseEvery: 0, rows: TRAINING }
export const updates = {
  sgd: { name: 'SGD' },
  mean: { name: 'mean columns, α = 0.1', projection: { ...manual, columns: 'mean', alpha: 0.1 } },
  strict: { name: 'second moment, α = 0.1', projection: { ...manual, alpha: 0.1 } },
  loose: { name: 'second moment, α = 1', projection: { ...manual, alpha: 1 } },
  /** D6: P stands on the wrong side of the gradient, and should protect nothing. */
  outputs: { name: 'projected outputs, α = 1', projection: { ...manual, alpha: 1, side: 'output' } },
} satisfies Record<string, Update>
const optimizerOf = ({ projection }: Update): tf.Optimizer => (projection ? projected(sgd, projection)(0) : sgd(0))

export interface Lessons extends Course, Disposable {
  /** What is protected: X Xᵀ / n of all training points in one, or the mean of each batch of a pass over them. */
  readonly shown: () => Iterable<Batch>
  /** Accuracy on validation points, which are not those of `measure`: so many drawn ones, or all. */
  readonly reward: (path: Network, drawn?: { readonly count: number; readonly rng: Random }) => Promise<number>
}

const batchOf = ({ inputs, labels }: Points, rows: readonly number[]): Batch => {
  const values = new Float32Array(rows.length * WIDTH)
  for (const [i, at] of rows.entries()) values.set(inputs.subarray(at * WIDTH, (at + 1) * WIDTH), i * WIDTH)
  const targets = Int32Array.from(rows, (at) => labels[at] as number)
  return { inputs: tf.tensor2d(values, [rows.length, WIDTH]), targets: tf.tensor1d(targets, 'int32') }
}

const every = ({ count }: Points) => Array.from({ length: count }, (_, i) => i)

async function accuracyOn(path: Network, points: Points, rows = every(points)): Promise<number> {
  const { inputs, targets } = batchOf(points, rows)
  const guesses = tf.tidy(() => tf.argMax(path.apply(inputs, { training: false }), 1))
  try {
    const guessed = await guesses.data()
    return rows.reduce((sum, at, i) => sum + (guessed[i] === points.labels[at] ? 1 : 0), 0) / rows.length
  } finally {
    tf.dispose([inputs, targets, guesses])
  }
}

/** Points of one seed, and courses over them. */
function taskOf(options: ClusterOptions, rng: Random) {
  const draw = clusteredPoints(options, rng.fork('centres'))
  const training = draw(TRAINING, rng.fork('train'))
  const test = draw(HELD_OUT, rng.fork('test'))
  const validation = draw(HELD_OUT, rng.fork('validation'))
  return {
    course(update: Update, order: Random, signal?: AbortSignal): Lessons {
      const optimizer = optimizerOf(update)
      const passes = order.fork('shown')
      function* shown() {
        const size = update.projection?.columns === 'mean' ? BATCH : training.count
        const rows = passes.shuffle(every(training))
        for (let at = 0; at + size <= rows.length; at += size) yield batchOf(training, rows.slice(at, at + size))
      }
      return {
        optimizer,
        shown,
        signal,
        next: () =>
          batchOf(
            training,
            Array.from({ length: BATCH }, () => order.int(training.count)),
          ),
        measure: (path) => accuracyOn(path, test),
        reward: (path, drawn) =>
          accuracyOn(
            path,
            validation,
            drawn && Array.from({ length: drawn.count }, () => drawn.rng.int(validation.count)),
          ),
        [Symbol.dispose]: () => optimizer.dispose(),
      }
    },
  }
}

/** The points and the generator of D1. */
export function turnTask(seed: number) {
  const rng = seeded(`dinas D1 ${seed}`)
  return { rng, ...taskOf(turnPoints, rng.fork('points')), supernet: () => mlpSupernet(alike, rng.fork('weights')) }
}

/** The points and the generator of D2, D3 and D5, where operations differ in capacity. */
export function rankedTask(seed: number) {
  const rng = seeded(`dinas D2 ${seed}`)
  return {
    rng,
    ...taskOf(rankedPoints, rng.fork('points')),
    supernet: () => mlpSupernet(capacities, rng.fork('weights')),
  }
}
