import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { among, options as declare, number, type OptionsOf, required, value, whole } from '../../core/options/index.ts'
import { adam, type StepOptimizer } from '../../core/tensor/index.ts'
import type { LearnedBases } from './bases.ts'
import { error } from './errors.ts'
import { type Rows, rowsOf } from './rows.ts'

export const adamBasesFields = {
  bases: whole({ min: 1, default: 128, doc: 'M.' }),
  order: among([1, 2], { default: 2, doc: '1: squared distances; 2: cubes.' }),
  batchSize: whole({ min: 1, default: 1000, doc: 'Points of a batch; points that fill no batch are left out.' }),
  epochs: whole({ min: 1, default: 3, doc: 'Passes over the points.' }),
  rounds: whole({ min: 1, default: 10, doc: 'Alternations in a batch.' }),
  steps: whole({ min: 1, default: 10, doc: 'Adam steps on codes, then on bases, in an alternation.' }),
  learningRate: number({ above: 0, default: 0.01, doc: 'Learning rate.' }),
  locality: number({ min: 0, absent: '2 at order 1, 1e-4 at order 2', doc: 'Weight of the locality term.' }),
  shrinkage: number({ min: 0, default: 0.2, doc: 'λ.' }),
}
const declared = declare('learnBasesByAdam', {
  ...adamBasesFields,
  rng: required(value<Random>('a random generator', { doc: 'The generator that draws.' })),
})
export type AdamBasesOptions = OptionsOf<typeof declared>

/** Lower limit of the absolute row sum, by which the released program divides without a limit. */
const LEAST_SUM = 1e-6

/**
 * The loss of the released programs: ½·mean(ΓV − H)² + locality + λ·mean(V²), where codes are divided by their sum in
 * the locality term only. Order 1: L_G·mean over codes and coordinates of |γ̃|·(h − v)²; order 2: L_ν·mean over codes of
 * |γ̃|·‖h − v‖³, as (‖h − v‖² + 1e-12)^1.5, whose gradient exists at h = v.
 * @param codes Γ [b, M]; @param bases V [M, d]; @param points H [b, d].
 */
export function releasedLoss(
  codes: tf.Tensor2D,
  bases: tf.Tensor2D,
  points: tf.Tensor2D,
  { order, locality, shrinkage }: { order: 1 | 2; locality: number; shrinkage: number },
): tf.Scalar {
  const dimension = points.shape[1]
  const reconstruction = tf.div(tf.mean(tf.squaredDifference(tf.matMul(codes, bases), points)), 2)
  const sums = tf.sum(codes, 1, true)
  const away = tf.add(tf.abs(sums), LEAST_SUM)
  const shares = tf.div(tf.abs(codes), away)
  const squares = tf.add(
    tf.add(tf.sum(tf.square(points), 1, true), tf.reshape(tf.sum(tf.square(bases), 1), [1, -1])),
    tf.mul(tf.matMul(points, bases, false, true), -2),
  )
  // Rounding leaves distances of almost 0 below it.
  const distances = tf.relu(squares)
  const far = order === 1 ? tf.div(distances, dimension) : tf.mul(distances, tf.sqrt(tf.add(distances, 1e-12)))
  const near = tf.mul(tf.mean(tf.mul(shares, far)), locality)
  return tf.addN([reconstruction, near, tf.mul(tf.mean(tf.square(bases)), shrinkage)]) as tf.Scalar
}

/**
 * Bases by the released scheme: bases and the codes of every batch begin in U(±1/√M); Adam (β₁ 0.5) alternates between
 * them, and its moments of the codes are kept from batch to batch although the codes are not. Bases start far from the
 * manifold and may never reach it; `learnBases` is the better choice. Errors: ARCHLOOM_OPTION, ARCHLOOM_LCCGAN_POINTS
 * for fewer points than a batch.
 */
export function learnBasesByAdam(points: Rows, given: AdamBasesOptions): LearnedBases {
  const where = 'learnBasesByAdam'
  const options = declared.read(given)
  const { rng, order, batchSize, epochs, rounds, steps, shrinkage } = options
  const count = options.bases
  const weights = { order, locality: options.locality ?? (order === 1 ? 2 : 1e-4), shrinkage }
  const dimension = points[0]?.length ?? 0
  if (points.length < batchSize)
    throw error('ARCHLOOM_LCCGAN_POINTS', {
      where,
      received: `${points.length} points`,
      expected: `at least one batch of ${batchSize}; lower batchSize`,
    })
  const bound = 1 / Math.sqrt(count)
  const uniform = (rows: number, columns: number) =>
    tf.tensor2d(
      Float32Array.from({ length: rows * columns }, () => bound * (2 * rng.float() - 1)),
      [rows, columns],
    )
  const variable = (rows: number, columns: number) => {
    const initial = uniform(rows, columns)
    const made = tf.variable(initial)
    initial.dispose()
    return made as tf.Variable<tf.Rank.R2>
  }
  const bases = variable(count, dimension)
  const codes = variable(batchSize, count)
  const learningRate = options.learningRate
  const ofCodes = adam({ learningRate, beta1: 0.5 })
  const ofBases = adam({ learningRate, beta1: 0.5 })
  const history: number[] = []
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = rng.shuffle([...points.keys()])
      for (let start = 0; start + batchSize <= order.length; start += batchSize) {
        const chosen = order.slice(start, start + batchSize).flatMap((i) => [...(points[i] as Float64Array)])
        const batch = tf.tensor2d(Float32Array.from(chosen), [batchSize, dimension])
        tf.tidy(() => codes.assign(uniform(batchSize, count)))
        const descend = (optimizer: StepOptimizer, on: tf.Variable) =>
          tf.tidy(() => {
            const { value, grads } = tf.variableGrads(
              () => releasedLoss(codes as unknown as tf.Tensor2D, bases as unknown as tf.Tensor2D, batch, weights),
              [on],
            )
            optimizer.applyGradients(grads)
            return value.dataSync()[0] as number
          })
        let loss = Number.NaN
        for (let round = 0; round < rounds; round++)
          for (const [optimizer, on] of [
            [ofCodes, codes],
            [ofBases, bases],
          ] as const)
            for (let step = 0; step < steps; step++) loss = descend(optimizer, on)
        history.push(loss)
        batch.dispose()
      }
    }
    return { bases: rowsOf(bases.dataSync(), dimension), objective: history }
  } finally {
    ofCodes.dispose()
    ofBases.dispose()
    tf.dispose([bases, codes])
  }
}
