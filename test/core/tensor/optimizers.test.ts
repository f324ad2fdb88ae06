import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-layers' // registers the gradients
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { adam, adamW, clipByGlobalNorm, momentum, type StepOptimizer } from '../../../core/tensor/optimizers.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

/** Three steps on f(w) = Σ wᵢ³ / 3 (gradient w²), beside the same steps in plain numbers. */
function trajectory(optimizer: StepOptimizer, start: number[]): number[] {
  const w = tf.tidy(() => tf.variable(tf.tensor1d(start)))
  for (let i = 0; i < 3; i++)
    tf.tidy(() => {
      optimizer.minimize(() => tf.div(tf.sum(tf.pow(w as tf.Tensor, 3)), 3) as tf.Scalar, false, [w])
    })
  const out = [...w.dataSync()]
  w.dispose()
  return out
}

describe('momentum', () => {
  it.each([
    { mu: 0, nesterov: false, decay: 0 },
    { mu: 0.9, nesterov: false, decay: 0 },
    { mu: 0.9, nesterov: true, decay: 0.1 },
  ])('follows its equations: %o', ({ mu, nesterov, decay }) => {
    const before = tf.memory().numTensors
    const expected = [0.5, -1].map((start) => {
      let [w, v] = [start, 0]
      for (let i = 0; i < 3; i++) {
        const g = w * w + decay * w
        v = mu * v + g
        w -= 0.1 * (nesterov ? g + mu * v : v)
      }
      return w
    })
    {
      using optimizer = momentum({ learningRate: 0.1, momentum: mu, nesterov, weightDecay: decay })
      trajectory(optimizer, [0.5, -1]).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 5)
      })
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('adam and adamW', () => {
  it.each(['adam', 'adamW'] as const)('%s follows its algorithm', (name) => {
    const before = tf.memory().numTensors
    const [rate, decay] = [0.1, 0.2]
    const expected = [0.5, -1].map((start) => {
      let [w, m, v] = [start, 0, 0]
      for (let t = 1; t <= 3; t++) {
        const g = w * w + (name === 'adam' ? decay * w : 0)
        if (name === 'adamW') w -= rate * decay * w
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w -= (rate * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
      }
      return w
    })
    {
      using optimizer = { adam, adamW }[name]({ learningRate: rate, weightDecay: decay })
      trajectory(optimizer, [0.5, -1]).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 4)
      })
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('every optimizer', () => {
  it('continues from saved state exactly like an uninterrupted run', async () => {
    const make = () => adam({ learningRate: 0.1 })
    const loss = (w: tf.Variable) => () => tf.sum(tf.square(w as tf.Tensor)) as tf.Scalar
    const w = tf.variable(tf.tensor1d([1, -2]), true, 'resumed-w')
    using whole = make()
    for (let i = 0; i < 4; i++) tf.tidy(() => void whole.minimize(loss(w), false, [w]))
    const straight = [...w.dataSync()]

    w.assign(tf.tensor1d([1, -2]))
    using first = make()
    for (let i = 0; i < 2; i++) tf.tidy(() => void first.minimize(loss(w), false, [w]))
    const saved = await first.getWeights()
    using second = make()
    await second.setWeights(saved)
    tf.dispose(saved.map(({ tensor }) => tensor))
    for (let i = 0; i < 2; i++) tf.tidy(() => void second.minimize(loss(w), false, [w]))
    expect([...w.dataSync()]).toEqual(straight)
    w.dispose()
  })

  it('uses the learning rate set before the step, decays only the given variables, and leaves variables without a gradient unchanged', () => {
    using optimizer = momentum({ learningRate: 1, momentum: 0, weightDecay: 1, decays: (v) => v.name === 'decayed' })
    const [a, b, c] = ['decayed', 'kept', 'ungraded'].map((name) => tf.variable(tf.scalar(1), true, name)) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ]
    optimizer.learningRate = 0.5
    tf.tidy(() => {
      optimizer.applyGradients({ decayed: tf.scalar(1), kept: tf.scalar(1) })
    })
    expect([a, b, c].map((v) => v.dataSync()[0])).toEqual([0, 0.5, 1])
    tf.dispose([a, b, c])
  })

  it('refuses options and states that are not its own', async () => {
    expect(() => momentum({ learningRate: 0.1, momentum: 1 })).toThrow('ARCHLOOM_OPTION')
    expect(() => adam({ learningRate: Number.NaN })).toThrow('ARCHLOOM_OPTION')
    const velocity = { name: 'w/velocity', tensor: tf.scalar(0) }
    const step = { name: 'step', tensor: tf.scalar(1) }
    await expect(adam({ learningRate: 0.1 }).setWeights([velocity])).rejects.toThrow('ARCHLOOM_OPTIMIZER_STATE')
    await expect(adam({ learningRate: 0.1 }).setWeights([step, velocity])).rejects.toThrow('ARCHLOOM_OPTIMIZER_STATE')
  })
})

describe('clipByGlobalNorm', () => {
  it('scales to the norm when above it, else leaves the gradients as they are', () => {
    tf.tidy(() => {
      const gradients = { a: tf.tensor1d([3]), b: tf.tensor1d([4]) }
      const { gradients: clipped, norm } = clipByGlobalNorm(gradients, 1)
      expect(norm.dataSync()[0]).toBeCloseTo(5)
      expect(clipped.a!.dataSync()[0]).toBeCloseTo(0.6)
      expect(clipByGlobalNorm(gradients, 10).gradients.b!.dataSync()[0]).toBe(4)
      expect(clipByGlobalNorm({ a: tf.zeros([1]) }, 1).gradients.a!.dataSync()[0]).toBe(0)
      expect(() => clipByGlobalNorm(gradients, 0)).toThrow('ARCHLOOM_OPTION')
    })
  })
})

it('ARCHLOOM_OPTIMIZER_GRADIENT for another shape or dtype than the variable has', () => {
  const [w, whole] = [tf.variable(tf.tensor1d([1, 2, 3])), tf.variable(tf.tensor1d([1], 'int32'))]
  for (const make of [momentum, adam]) {
    using optimizer = make({ learningRate: 1 })
    const apply = (variable: tf.Variable, gradient: tf.Tensor) => () =>
      tf.tidy(() => optimizer.applyGradients({ [variable.name]: gradient }))
    tf.tidy(() => {
      expect(apply(w, tf.ones([1]))).toThrow(/^ARCHLOOM_OPTIMIZER_GRADIENT: .* float32 \[1\] .*expected float32 \[3\]/)
      expect(apply(w, tf.ones([3], 'int32'))).toThrow(/received a gradient int32 \[3\]/)
      expect(apply(whole, tf.ones([1]))).toThrow(/expected no gradient of int32/)
    })
  }
  expect([...w.dataSync()]).toEqual([1, 2, 3])
  tf.dispose([w, whole])
})
