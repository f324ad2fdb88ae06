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
      const ofW = grads[w.name] as tf.Tensor
      for (const [i, component] of ofW.dataSync().entries())
        expect(component).toBeCloseTo(20 * over * (direction[i] ?? 0), 2)
      expect(grads[b.name] ?? null).toBeNull()
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

  it.each([
    ['tanh', tf.tanh],
    ['softplus', tf.softplus],
    ['elu', tf.elu],
  ] as const)('has the gradient of differences of itself for a %s network', (_, activate) => {
    const [w, v, c] = [tf.variable(normal([3, 8], 3)), tf.variable(normal([8, 1], 4)), tf.variable(normal([8], 6))]
    const at = normal([5, 3], 5)
    const critic = (x: tf.Tensor) =>
      tf.matMul(
        activate(tf.add(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), c)) as tf.Tensor2D,
        v as unknown as tf.Tensor2D,
      )
    const step = 2e-3
    const { grads } = tf.variableGrads(() => gradientPenalty(critic, at).loss, [w, v, c])
    for (const variable of [w, v, c]) {
      const original = variable.dataSync().slice()
      for (const k of [0, 3, 7]) {
        const moved = (by: number) => {
          const values = original.slice()
          values[k] = values[k]! + by
          variable.assign(tf.tensor(values, variable.shape))
          return gradientPenalty(critic, at).value
        }
        const numeric = (moved(step) - moved(-step)) / (2 * step)
        variable.assign(tf.tensor(original, variable.shape))
        const analytic = (grads[variable.name] as tf.Tensor).dataSync()[k] as number
        expect(Math.abs(analytic - numeric)).toBeLessThan(5e-3 * Math.max(1, Math.abs(numeric)))
      }
    }
    tf.dispose([w, v, c])
  })

  it('has the exact gradient for leaky rectifiers: their pieces are straight, and offsets do not tilt them', () => {
    const [w, v, offset] = [
      tf.variable(normal([6, 16], 3)),
      tf.variable(normal([16, 1], 4)),
      tf.variable(normal([16], 5)),
    ]
    const at = normal([64, 6], 6)
    const hidden = (x: tf.Tensor) => tf.add(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), offset)
    const critic = (x: tf.Tensor) => tf.matMul(tf.leakyRelu(hidden(x), 0.2) as tf.Tensor2D, v as unknown as tf.Tensor2D)
    const found = tf.variableGrads(() => gradientPenalty(critic, at).loss, [w, v, offset]).grads
    // ∇D(x) = (slopes(x) ∘ v)·wᵀ, with the slopes as they are at x: an ordinary function of w and v.
    const slopes = tf.tidy(() => tf.add(tf.mul(tf.cast(tf.greater(hidden(at), 0), 'float32'), 0.8), 0.2))
    const expected = tf.variableGrads(() => {
      const gradient = tf.matMul(
        tf.mul(slopes, tf.reshape(v as tf.Tensor, [1, 16])) as tf.Tensor2D,
        w as unknown as tf.Tensor2D,
        false,
        true,
      )
      return tf.mul(tf.mean(tf.square(tf.sub(tf.norm(gradient, 2, 1), 1))), 10) as tf.Scalar
    }, [w, v]).grads
    for (const variable of [w, v]) {
      const [ours, theirs] = [found, expected].map((grads) => grads[variable.name]?.dataSync() as Float32Array)
      const scale = Math.max(...theirs!.map(Math.abs))
      ours!.forEach((value, i) => {
        expect(Math.abs(value - theirs![i]!)).toBeLessThan(1e-5 * scale)
      })
    }
    expect([...(found[offset.name] as tf.Tensor).dataSync()]).toEqual(new Array(16).fill(0))
    tf.dispose([w, v, offset, at, slopes])
  })

  it('flows to the examples as well', () => {
    const w = normal([3, 4], 1)
    const critic = (x: tf.Tensor) => tf.sum(tf.tanh(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)), 1)
    const penalty = (x: tf.Tensor) => gradientPenalty(critic, x).loss
    const at = normal([2, 3], 2)
    const gradient = tf.grad(penalty)(at).dataSync()
    const values = at.dataSync()
    for (const i of values.keys()) {
      const moved = (by: number) => {
        const next = values.slice()
        next[i] = next[i]! + by
        return scalar(penalty(tf.tensor(next, at.shape)))
      }
      expect(gradient[i]).toBeCloseTo((moved(2e-3) - moved(-2e-3)) / 4e-3, 1)
    }
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

  it('refuses ARCHLOOM_OPTION', () => {
    const of = (options: object) => () => gradientPenalty((x) => tf.sum(x), tf.ones([1, 1]), options)
    for (const options of [{ weight: -1 }, { length: -1 }])
      expect(of(options)).toThrow(/ARCHLOOM_OPTION.*gradientPenalty/)
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

describe('adversarial losses at the ends of their range', () => {
  const { POSITIVE_INFINITY: infinity } = Number
  it.each([
    [1e4, 0, 1e4, 0],
    [-1e4, 1e4, 0, 1e4],
    [infinity, 0, infinity, 0],
    [-infinity, infinity, 0, infinity],
  ])('log: a score of %d', (score, real, fake, fool) => {
    const { log } = adversarialLosses
    const at = tf.tensor1d([score])
    expect([log.real, log.fake, log.fool].map((loss) => scalar(loss(at)))).toEqual([real, fake, fool])
    for (const loss of [log.real, log.fake, log.fool]) {
      const gradient = scalar(tf.grad((x) => loss(x))(at))
      expect(Math.abs(gradient)).toBeLessThanOrEqual(1)
    }
  })
})
