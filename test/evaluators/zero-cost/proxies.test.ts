import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  batchNorm,
  conv2d,
  countTensors,
  dense,
  globalAvgPool,
  network,
  relu,
  sequential,
  softmaxCrossEntropy,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Batch, Network } from '../../../core/trainer.ts'
import { matrix, symmetricEigenvalues } from '../../../evaluators/metrics/transport/matrix.ts'
import { jacovScore, naswotScore, zenScore } from '../../../evaluators/zero-cost/activation-proxies.ts'
import {
  fisherScore,
  gradientScores,
  graspScore,
  kernelsOf,
  synflowScore,
} from '../../../evaluators/zero-cost/gradient-proxies.ts'
import { zeroCostProxies, zeroCostScores } from '../../../evaluators/zero-cost/index.ts'
import { logDeterminant } from '../../../evaluators/zero-cost/linear-algebra.ts'

beforeAll(async () => {
  await useEngine('cpu')
})

const rng = () => seeded(7)
const chain = (inputs: number, ...units: readonly number[]): Network => {
  const scope = variableScope({ rng: seeded(3) })
  const layers = units.flatMap((width, i) => [
    dense(scope.child(`dense_${i}`), { inputs: units[i - 1] ?? inputs, units: width }),
    ...(i + 1 < units.length ? [relu()] : []),
  ])
  return network({ scope, inputShape: [inputs], outputShape: [units.at(-1)!], apply: sequential(...layers) })
}
const convolutional = (): Network => {
  const scope = variableScope({ rng: seeded(4) })
  const apply = sequential(
    conv2d(scope.child('a'), { inputChannels: 2, filters: 3, kernel: 3 }),
    batchNorm(scope.child('norm'), { channels: 3, relu: true }),
    conv2d(scope.child('b'), { inputChannels: 3, filters: 4, kernel: 3, stride: 2 }),
    relu(),
    globalAvgPool(),
    dense(scope.child('c'), { inputs: 4, units: 3 }),
  )
  return network({ scope, inputShape: [6, 6, 2], outputShape: [3], apply })
}
/** A plain mean of normalised maps would be zero. */
const globalMax = (x: tf.Tensor): tf.Tensor => tf.max(x, [1, 2])
const batchFor = ({ inputShape, outputShape }: Network, images: number): Batch => {
  const draws = seeded(11)
  const shape = [images, ...inputShape]
  const size = shape.reduce((product, n) => product * n, 1)
  return {
    inputs: tf.tensor(
      Float32Array.from({ length: size }, () => draws.normal()),
      shape,
    ),
    targets: tf.tensor1d(
      Array.from({ length: images }, () => draws.int(outputShape[0]!)),
      'int32',
    ),
  }
}
const lossAt = (net: Network, { inputs, targets }: Batch) =>
  tf.tidy(() => softmaxCrossEntropy(net.apply(inputs, { training: true, rng: rng() }), targets).dataSync()[0]!)

/** Central differences of the loss in every number of the kernels. */
function numericalGradient(net: Network, batch: Batch): readonly Float64Array[] {
  const step = 1e-2
  return kernelsOf(net).map((kernel) => {
    const values = Float32Array.from(kernel.dataSync())
    const set = (changed: Float32Array) => tf.tidy(() => kernel.assign(tf.tensor(changed, kernel.shape)))
    const gradient = Float64Array.from(values, (value, i) => {
      const at = (shift: number) => {
        set(values.map((each, k) => (k === i ? value + shift : each)))
        return lossAt(net, batch)
      }
      return (at(step) - at(-step)) / (2 * step)
    })
    set(values)
    return gradient
  })
}
const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b)

describe('proxies of gradients', () => {
  it('gradNorm and snip equal finite differences of the loss', () => {
    using net = convolutional()
    const batch = batchFor(net, 5)
    const { gradNorm, snip } = gradientScores(net, batch, rng())
    const gradients = numericalGradient(net, batch)
    const weights = kernelsOf(net).map((kernel) => kernel.dataSync())
    const norms = gradients.map((gradient) => Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0)))
    expect(
      relative(
        gradNorm,
        norms.reduce((a, b) => a + b),
      ),
    ).toBeLessThan(0.02)
    const products = gradients.flatMap((gradient, k) =>
      [...gradient].map((value, i) => Math.abs(value * weights[k]![i]!)),
    )
    expect(
      relative(
        snip,
        products.reduce((a, b) => a + b),
      ),
    ).toBeLessThan(0.02)
  })

  it('grasp equals −θᵀHg of a softmax regression, whose Hessian is known', () => {
    using net = chain(3, 2)
    const batch = batchFor(net, 6)
    const [inputs, labels] = [batch.inputs.arraySync() as number[][], batch.targets.arraySync() as number[]]
    const weights = kernelsOf(net)[0]!.arraySync() as number[][]
    // Probability of class 1 depends on the difference d = w₁ − w₀ only.
    const d = weights.map((row) => row[1]! - row[0]!)
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    const p = inputs.map((x) => 1 / (1 + Math.exp(-dot(x, d))))
    // ∇ with respect to w₁ is g, to w₀ it is −g; H (v₀, v₁) = (−u, u) with u = mean p(1 − p) x xᵀ (v₁ − v₀).
    const g = [0, 1, 2].map((k) => inputs.reduce((sum, x, n) => sum + ((p[n]! - labels[n]!) * x[k]!) / 6, 0))
    const u = [0, 1, 2].map((k) =>
      inputs.reduce(
        (sum, x, n) =>
          sum +
          (p[n]! *
            (1 - p[n]!) *
            x[k]! *
            dot(
              x,
              g.map((value) => 2 * value),
            )) /
            6,
        0,
      ),
    )
    expect(relative(graspScore(net, batch, rng()), -dot(d, u))).toBeLessThan(1e-4)
  })

  it('grasp of kernels before batch norm is the squared norm of their gradient', () => {
    const scope = variableScope({ rng: seeded(5) })
    const layer = (name: string, inputChannels: number, filters: number, withRelu: boolean) => [
      conv2d(scope.child(name), { inputChannels, filters, kernel: 3, padding: 'valid' }),
      batchNorm(scope.child(`${name}-norm`), { channels: filters, relu: withRelu, epsilon: 1e-9 }),
    ]
    const apply = sequential(
      ...layer('a', 2, 4, true),
      ...layer('b', 4, 5, true),
      ...layer('c', 5, 3, false),
      globalMax,
    )
    using net = network({ scope, inputShape: [9, 9, 2], outputShape: [3], apply })
    const batch = batchFor(net, 8)
    const squares = tf.tidy(() => {
      const loss = () => softmaxCrossEntropy(net.apply(batch.inputs, { training: true, rng: rng() }), batch.targets)
      return Object.values(tf.variableGrads(loss, [...kernelsOf(net)]).grads).reduce(
        (sum, gradient) => sum + tf.sum(tf.square(gradient)).dataSync()[0]!,
        0,
      )
    })
    // The loss does not change with the scale of such a kernel: its gradient has degree −1, so that H θ = −g.
    expect(squares).toBeGreaterThan(1e-3)
    expect(relative(graspScore(net, batch, rng()), squares)).toBeLessThan(1e-3)
  })

  it('grasp leaves the weights as they were', () => {
    using net = convolutional()
    const batch = batchFor(net, 4)
    const before = kernelsOf(net).map((kernel) => [...kernel.dataSync()])
    graspScore(net, batch, rng())
    synflowScore(net, rng())
    expect(kernelsOf(net).map((kernel) => [...kernel.dataSync()])).toEqual(before)
  })

  it('fisher of a linear network is ½ mean (z · ∂L/∂z)², summed over outputs', () => {
    using net = chain(3, 2)
    const batch = batchFor(net, 5)
    const [logits, labels] = tf.tidy(() => [
      net.apply(batch.inputs, { training: true, rng: rng() }).arraySync() as number[][],
      batch.targets.arraySync() as number[],
    ])
    let expected = 0
    logits.forEach((z, n) => {
      const total = z.reduce((sum, value) => sum + Math.exp(value), 0)
      z.forEach((value, k) => {
        const gradient = (Math.exp(value) / total - Number(labels[n] === k)) / 5
        expected += (value * gradient) ** 2 / (2 * 5)
      })
    })
    expect(relative(fisherScore(net, batch, rng()), expected)).toBeLessThan(1e-4)
  })

  it('fisher sums over positions before it squares', () => {
    // A convolution of 1 × 1 without what follows but a mean over positions: z · ∂L/∂z sums to mean(z) · ∂L/∂logit.
    const scope = variableScope({ rng: seeded(9) })
    const conv = conv2d(scope, { inputChannels: 2, filters: 3, kernel: 1 })
    using net = network({
      scope,
      inputShape: [4, 4, 2],
      outputShape: [3],
      apply: sequential(conv, globalAvgPool()),
    })
    const batch = batchFor(net, 3)
    const [logits, labels] = tf.tidy(() => [
      net.apply(batch.inputs, { training: true, rng: rng() }).arraySync() as number[][],
      batch.targets.arraySync() as number[],
    ])
    let expected = 0
    logits.forEach((z, n) => {
      const total = z.reduce((sum, value) => sum + Math.exp(value), 0)
      z.forEach((value, k) => {
        expected += (value * ((Math.exp(value) / total - Number(labels[n] === k)) / 3)) ** 2 / (2 * 3)
      })
    })
    expect(relative(fisherScore(net, batch, rng()), expected)).toBeLessThan(1e-4)
  })

  it('synflow of a chain is layers × (product of the absolute matrices, summed)', () => {
    using net = chain(2, 3, 2)
    const [a, b] = kernelsOf(net).map((kernel) => (kernel.arraySync() as number[][]).map((row) => row.map(Math.abs)))
    let sum = 0
    for (const row of a!)
      row.forEach((value, j) => {
        for (const next of b![j]!) sum += value * next
      })
    expect(synflowScore(net, rng())).toBeCloseTo(Math.log10(2 * sum), 5)
  })

  it('synflow does not overflow in deep networks', () => {
    const deep = chain(64, ...Array.from({ length: 60 }, () => 64), 1)
    for (const kernel of kernelsOf(deep)) tf.tidy(() => kernel.assign(tf.fill(kernel.shape, 1)))
    // 64 inputs · 64⁶⁰ paths, each layer's weights once: 61 · 64⁶¹.
    expect(synflowScore(deep, rng())).toBeGreaterThan(37)
    deep[Symbol.dispose]()
    using net = chain(8, 8, 8, 1)
    for (const kernel of kernelsOf(net)) tf.tidy(() => kernel.assign(tf.fill(kernel.shape, 1e14)))
    expect(synflowScore(net, rng())).toBeCloseTo(Math.log10(3 * 512) + 42, 4)
    // As deep as a network of NAS-Bench-201: no activation overflows for a small image, but the first gradients would.
    using long = chain(64, ...Array.from({ length: 30 }, () => 64), 1)
    for (const kernel of kernelsOf(long)) tf.tidy(() => kernel.assign(tf.fill(kernel.shape, 1)))
    expect(synflowScore(long, rng())).toBeCloseTo(Math.log10(31) + 31 * Math.log10(64), 4)
  })
})

describe('proxies of activations', () => {
  it('naswot is the log-determinant of the matrix of equal codes', () => {
    using net = chain(4, 7, 3)
    const batch = batchFor(net, 4)
    const hidden = tf.tidy(() =>
      tf.step(tf.matMul(batch.inputs as tf.Tensor2D, kernelsOf(net)[0] as never)).arraySync(),
    ) as number[][]
    const kernel = Float64Array.from(
      hidden.flatMap((x) => hidden.map((y) => x.filter((value, i) => value === y[i]).length)),
    )
    expect(naswotScore(net, batch, rng())).toBeCloseTo(logDeterminant(kernel, 4), 5)
  })

  it('naswot is −Infinity where two images have one code', () => {
    using net = chain(4, 7, 3)
    const { inputs, targets } = batchFor(net, 2)
    const twice = tf.concat([inputs, inputs])
    expect(naswotScore(net, { inputs: twice, targets }, rng())).toBe(Number.NEGATIVE_INFINITY)
  })

  it('jacov of a linear network sees one gradient for all images: eigenvalues n, 0, …, 0', () => {
    using net = chain(5, 2)
    const k = 1e-5
    const expected = -(Math.log(4 + k) + 1 / (4 + k)) - 3 * (Math.log(k) + 1 / k)
    expect(relative(jacovScore(net, batchFor(net, 4), rng()), expected)).toBeLessThan(1e-3)
  })

  it('zen grows by the logarithm of a factor on the last features, and by that of depth', () => {
    const of = (...units: readonly number[]) => {
      using net = chain(...(units as [number, ...number[]]))
      return zenScore(net, rng())
    }
    // Without batch norm, E|Δ| of a Gaussian layer of twice the width is twice as large.
    expect(of(6, 200) - of(6, 100)).toBeCloseTo(Math.log(2), 0)
    expect(of(6, 50, 50)).toBeGreaterThan(of(6, 50) + 1)
  })
})

describe('all scores', () => {
  it('are finite, depend on the seed only, count what there is, and leak no tensor', async () => {
    const score = async () => {
      using net = convolutional()
      const batch = batchFor(net, 6)
      const scores = await zeroCostScores(net, { proxies: zeroCostProxies, batch, seed: 5 })
      tf.dispose([batch.inputs, batch.targets])
      return scores
    }
    const first = await score()
    expect(Object.keys(first)).toEqual([...zeroCostProxies])
    expect(Object.values(first).every(Number.isFinite)).toBe(true)
    // 3·3·2·3 + 3·3·3·4 + 4·3, with scale and offset of 3 channels; multiply-adds at 36 and 9 positions.
    expect(first).toMatchObject({
      multiplyAdds: 54 * 36 + 108 * 9 + 12,
      depth: 3,
    })
    let again: unknown
    const left = await countTensors(async () => {
      again = await score()
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
    expect(again).toEqual(first)
  })
})

describe('linear algebra', () => {
  it('eigenvalues and determinants of a matrix whose spectrum is known', () => {
    // The path graph's Laplacian: 2 − 2 cos(πk / n).
    const n = 6
    const laplacian = new Float64Array(n * n)
    for (let i = 0; i + 1 < n; i++) {
      laplacian[i * n + i]! += 1
      laplacian[(i + 1) * n + i + 1]! += 1
      laplacian[i * n + i + 1]! -= 1
      laplacian[(i + 1) * n + i]! -= 1
    }
    const found = symmetricEigenvalues(matrix(n, n, laplacian)).sort()
    found.forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos((Math.PI * k) / n), 10)
    })
    const shifted = laplacian.map((value, i) => value + (i % (n + 1) === 0 ? 1 : 0))
    const expected = found.reduce((sum, value) => sum + Math.log(value + 1), 0)
    expect(logDeterminant(shifted, n)).toBeCloseTo(expected, 10)
    expect(logDeterminant(new Float64Array(4), 2)).toBe(Number.NEGATIVE_INFINITY)
  })
})
