import * as tf from '@tensorflow/tfjs-core'
import { beforeAll } from 'vitest'
import type { Evaluator } from '../../../core/evaluator.ts'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { banditSpace, evaluatorContract } from '../../../core/testing/index.ts'

const space = banditSpace(3, 3)
beforeAll(() => useEngine('cpu'))

evaluatorContract('a table', () => ({
  space,
  evaluator: {
    kind: 'tabular',
    name: 'table',
    evaluate: async ({ genotype, seed }) => ({
      metrics: { accuracy: genotype[0] as number, noise: seeded(seed).float() },
      simulatedSeconds: 60,
    }),
  },
}))

/** Keeps one tensor from creation to disposal, trains in steps, looks at the signal between them. */
function training(): Evaluator<{ readonly arm: readonly number[] }> {
  const data = tf.randomNormal([4], 0, 1, 'float32', 7)
  return {
    kind: 'from-scratch',
    name: 'training',
    async evaluate({ architecture, seed }, { signal, report }) {
      const weights = tf.tidy(() => tf.variable(tf.tensor1d([0, 0, 0, seed])))
      try {
        for (let step = 1; step <= 5; step++) {
          signal.throwIfAborted()
          tf.tidy(() => weights.assign(tf.add(weights, tf.mul(data, architecture.arm[0] ?? 0))))
          report(step, { total: tf.tidy(() => tf.sum(weights).dataSync()[0] as number) })
          await Promise.resolve()
        }
        const [accuracy] = tf.tidy(() => tf.mean(weights).dataSync())
        return { metrics: { accuracy: accuracy as number } }
      } finally {
        weights.dispose()
      }
    },
    [Symbol.asyncDispose]: async () => data.dispose(),
  }
}
evaluatorContract('training', () => ({ space, evaluator: training() }))
