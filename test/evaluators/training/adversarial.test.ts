import * as tf from '@tensorflow/tfjs-core'
import { adversarialLosses, between, gradientPenalty } from 'archloom/evaluators/training/adversarial'
import { countTensors, useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'

await useEngine('cpu')

const normal = (shape: number[], seed: number) => {
  const rng = seeded(seed)
  const size = shape.reduce((a, b) => a * b, 1)
  return tf.tensor(
    Float32Array.from({ length: size }, () => rng.normal()),
    shape,
  )
}
const scalar = (x: tf.Tensor) => x.dataSync()[0] as number

describe('adversarial losses', () => {
  it('JO6 of a critic without opinion are −2 ln 2 together, with the sign of a loss', () => {
    const { real, fake } = adversarialLosses.log
    const none = tf.zeros([5, 1])
    expect(scalar(real(none)) + scalar(fake(none))).toBeCloseTo(2 * Math.LN2, 6)
  })

  it('have their least values at the right scores', () => {
    const squares = adversarialLosses['least-squares']
    expect(scalar(squares.real(tf.ones([3])))).toBe(0)
    expect(scalar(squares.fake(tf.zeros([3])))).toBe(0)
    expect(scalar(squares.fool(tf.zeros([3])))).toBe(1)
    const { real, fake, fool } = adversarialLosses.wasserstein
    const scores = tf.tensor1d([1, 2, 6])
    expect([real, fake, fool].map((loss) => scalar(loss(scores)))).toEqual([-3, 3, -3])
  })
})

describe('gradient penalty', () => {
  const linear = (w: tf.Variable, b: tf.Variable) => (x: tf.Tensor) =>
    tf.add(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), b)

  it.each([
    ['two-sided', 3, 40],
    ['two-sided', 1, 0],
    ['two-sided', 0.5, 2.5],
    ['one-sided', 3, 40],
    ['one-sided', 0.5, 0],
    ['one-sided-mean', 3, 40],
  ] as const)('JO7 a linear critic, %s, ‖w‖ = %d: %d, whatever the sample', (form, length, expected) => {
    const direction = [2 / 3, -1 / 3, 2 / 3]
    const w = tf.variable(tf.tensor2d(direction.map((d) => [d * length])))
    const b = tf.variable(tf.scalar(7))
    for (const seed of [1, 2]) {
      const at = normal([6, 3], seed)
      const { value, grads } = tf.variableGrads(() => gradientPenalty(linear(w, b), at, { form }).loss, [w, b])
      expect(scalar(value)).toBeCloseTo(expected, 3)
      const over = form === 'two-sided' ? length - 1 : Math.max(0, length - 1)
      // ∂/∂w λ(‖w‖ − 1)² = 2λ(‖w‖ − 1)·w/‖w‖, and nothing for the offset.
      const [ofW, ofB] = [grads[w.name], grads[b.name]] as [tf.Tensor, tf.Tensor]
      for (const [i, component] of ofW.dataSync().entries())
        expect(component).toBeCloseTo(20 * over * (direction[i] ?? 0), 2)
      expect(scalar(ofB)).toBeCloseTo(0, 3)
    }
    tf.dispose([w, b])
  })

  it('JO7 the critic of a pure shift: its value is wᵀ(μ₁ − μ₂), at its greatest the shift', () => {
    const shift = [3, 4]
    const x = normal([50, 2], 1)
    const y = tf.add(x, tf.tensor1d(shift))
    const value = (w: number[]) => {
      const critic = (points: tf.Tensor) => tf.matMul(points as tf.Tensor2D, tf.tensor2d(w, [2, 1]))
      const { real, fake } = adversarialLosses.wasserstein
      return -scalar(tf.add(real(critic(y)), fake(critic(x))))
    }
    expect(value([0.6, 0.8])).toBeCloseTo(5, 4)
    for (const angle of [0, 1, 2, 3]) expect(value([Math.cos(angle), Math.sin(angle)])).toBeLessThan(5)
  })

  it.each(['tanh', 'leakyRelu'] as const)('agrees with differences of the penalty itself for a %s network', (name) => {
    const [w, v] = [tf.variable(normal([3, 8], 3)), tf.variable(normal([8, 1], 4))]
    const at = normal([5, 3], 5)
    const activation = name === 'tanh' ? tf.tanh : (x: tf.Tensor) => tf.leakyRelu(x, 0.2)
    const critic = (x: tf.Tensor) =>
      tf.matMul(
        activation(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D)) as tf.Tensor2D,
        v as unknown as tf.Tensor2D,
      )
    const step = 1e-3
    const { grads } = tf.variableGrads(() => gradientPenalty(critic, at, { step: 0.003 }).loss, [w, v])
    for (const variable of [w, v]) {
      const original = variable.dataSync().slice()
      for (const k of [0, 3, 7]) {
        const at1 = (by: number) => {
          const values = original.slice()
          values[k] = (values[k] as number) + by
          variable.assign(tf.tensor(values, variable.shape))
          return gradientPenalty(critic, at).value
        }
        const numeric = (at1(step) - at1(-step)) / (2 * step)
        variable.assign(tf.tensor(original, variable.shape))
        const analytic = (grads[variable.name] as tf.Tensor).dataSync()[k] as number
        expect(Math.abs(analytic - numeric)).toBeLessThan(0.02 * Math.max(1, Math.abs(numeric)))
      }
    }
    tf.dispose([w, v])
  })

  it('takes a batch of one, critics of patches, and flat critics; and leaves no tensor', async () => {
    const at = normal([1, 4, 4, 1], 1)
    const kernel = tf.variable(normal([3, 3, 1, 1], 2))
    const critic = (x: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, kernel as unknown as tf.Tensor4D, 1, 'same')
    const left = await countTensors(() =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => gradientPenalty(critic, at).loss, [kernel])
        expect(Number.isFinite(scalar(value))).toBe(true)
        expect(Math.abs((grads[kernel.name] as tf.Tensor).dataSync()[4] as number)).toBeGreaterThan(0)
        const flat = gradientPenalty((x) => tf.mul(tf.sum(x, [1, 2, 3]), 0), at)
        expect(flat.value).toBe(10)
        expect(scalar(flat.loss)).toBeCloseTo(10, 5)
      }),
    )
    expect(left).toEqual({ tensors: 0, buffers: 0 })
    tf.dispose([at, kernel])
  })

  it('refuses ARCHLOOM_TRAINING_OPTION', () => {
    const of = (options: object) => () => gradientPenalty((x) => tf.sum(x), tf.ones([1, 1]), options)
    for (const options of [{ weight: -1 }, { length: -1 }, { step: 0 }])
      expect(of(options)).toThrow(/ARCHLOOM_TRAINING_OPTION.*gradientPenalty/)
  })
})

it('points between lie on the segments, as many as the smaller set has', () => {
  const [real, fake] = [tf.zeros([3, 2]), tf.ones([5, 2])]
  const values = between(real, fake, seeded(1)).arraySync() as number[][]
  expect(values).toHaveLength(3)
  for (const [a, b] of values as [number, number][]) {
    expect(a).toBe(b)
    expect(a).toBeGreaterThan(0)
    expect(a).toBeLessThan(1)
  }
})
