import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { pixelShuffle, spaceToDepth, transposedConv2d, useEngine, variableScope } from '../../../core/tensor/index.ts'
import {
  addMean,
  bicubicUpsampling,
  channelAttention,
  residualChannelAttention,
  selfEnsemble,
  subtractMean,
} from '../../../search-spaces/super-resolution/index.ts'
import { fromRows } from './tensors.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const mode = { training: false }
const noise = (...shape: [number, number, number, number]) => tf.randomUniform<tf.Rank.R4>(shape, 0, 255, 'float32', 7)
const values = (make: () => tf.Tensor) => [...tf.tidy(() => make().dataSync())]
const expectClose = (received: readonly number[], expected: readonly number[], digits = 5) => {
  expect(received.length).toBe(expected.length)
  expected.forEach((value, i) => {
    expect(received[i]).toBeCloseTo(value, digits)
  })
}

describe('bicubic enlargement inside networks', () => {
  it.each([
    [2, [[-0.03515625, 0.26171875, 0.87890625, -0.10546875]]],
    [
      4,
      [
        [-0.06591797, 0.42626953, 0.74951172, -0.10986328],
        [-0.01025391, 0.11474609, 0.96728516, -0.07177734],
      ],
    ],
  ] as const)('has the weights of PyTorch at ×%i', (factor, phases) => {
    const impulse = (at: number) =>
      values(() =>
        bicubicUpsampling({ factor })(fromRows([Array.from({ length: 12 }, (_, i) => (i === at ? 1 : 0))]), mode),
      )
    const columns = Array.from({ length: 12 }, (_, at) => impulse(at).slice(0, 12 * factor))
    phases.forEach((taps, phase) => {
      const output = 6 * factor + phase
      const first = Math.floor((output + 0.5) / factor - 0.5) - 1
      taps.forEach((weight, tap) => {
        expect(columns[first + tap]?.[output]).toBeCloseTo(weight, 6)
        // The opposite phase is mirrored.
        const mirrored = 6 * factor + factor - 1 - phase
        const last = Math.floor((mirrored + 0.5) / factor - 0.5) + 2
        expect(columns[last - tap]?.[mirrored]).toBeCloseTo(weight, 6)
      })
    })
  })

  it('keeps constants, turns with the image, and has the gradient of a linear map', () => {
    const up = bicubicUpsampling({ factor: 3 })
    expectClose(
      values(() => up(tf.fill([1, 2, 5, 3], 9), mode)),
      new Array(6 * 15 * 3).fill(9),
      4,
    )
    const x = noise(2, 4, 5, 3)
    const turned = values(() => up(tf.reverse(x, 2), mode))
    expectClose(
      turned,
      values(() => tf.reverse(up(x, mode), 2)),
      3,
    )
    // ⟨Ux, y⟩ = ⟨x, Uᵀy⟩
    const y = noise(2, 12, 15, 3)
    const forward = values(() => tf.sum(tf.mul(up(x, mode), y)))[0] as number
    const adjoint = tf.grad((input: tf.Tensor) => tf.sum(tf.mul(up(input, mode), y)))
    expect((values(() => tf.sum(tf.mul(adjoint(x), x)))[0] as number) / forward).toBeCloseTo(1, 5)
    tf.dispose([x, y])
  })
})

describe('transposed convolution', () => {
  it.each([
    [2, 3],
    [4, 5],
    [3, 5],
    [1, 3],
  ] as const)('by %i with kernel %i reaches out as PyTorch does: row factor·i + k − 1', (stride, kernel) => {
    using scope = variableScope({ rng: seeded(1) })
    const form = { inputChannels: 1, filters: 1, kernel, stride, padding: 1 } as const
    const layer = transposedConv2d(scope, form)
    const weights = scope.trainable[0]?.dataSync() as Float32Array
    const got = values(() =>
      layer(
        fromRows([
          [0, 0, 0],
          [0, 1, 0],
          [0, 0, 0],
        ]),
        mode,
      ),
    )
    const side = 3 * stride
    const expected = new Array<number>(side * side).fill(0)
    for (let i = 0; i < kernel; i++)
      for (let j = 0; j < kernel; j++) {
        const [y, x] = [stride + i - 1, stride + j - 1]
        if (y >= 0 && y < side && x >= 0 && x < side) expected[y * side + x] = weights[i * kernel + j] as number
      }
    expectClose(got, expected, 6)
  })
})

describe('identities', () => {
  it('pixel shuffle is the inverse of space to depth and keeps all values', () => {
    const x = noise(1, 3, 2, 12)
    const shuffled = tf.tidy(() => pixelShuffle({ factor: 2 })(x, mode))
    expect(shuffled.shape).toEqual([1, 6, 4, 3])
    expect(values(() => spaceToDepth(shuffled as tf.Tensor4D, 2))).toEqual([...x.dataSync()])
    expect([...shuffled.dataSync()].sort()).toEqual([...x.dataSync()].sort())
    tf.dispose([x, shuffled])
  })

  it('nearest ×2, then the mean of 2×2, changes nothing', () => {
    const x = noise(1, 3, 4, 2)
    const back = values(() => tf.avgPool(tf.image.resizeNearestNeighbor(x, [6, 8], false, true), 2, 2, 'valid'))
    expectClose(back, [...x.dataSync()], 4)
    x.dispose()
  })

  it('the mean colour is taken off and put back', () => {
    const x = noise(1, 3, 4, 3)
    expectClose(
      values(() => addMean(subtractMean(x))),
      [...x.dataSync()],
      4,
    )
    expectClose(
      values(() => addMean(tf.zeros([1, 1, 1, 3]))),
      [114.444, 111.4605, 103.02],
      4,
    )
    x.dispose()
  })

  it('attention without weights halves: RCAB gives x + ½·conv(relu(conv(x)))', () => {
    using scope = variableScope({ rng: seeded(2) })
    const block = residualChannelAttention(scope, { channels: 4, bottleneck: 2 })
    for (const { path, variable } of scope.list())
      if (path.includes('attention')) tf.tidy(() => variable.assign(tf.zerosLike(variable as tf.Tensor)))
    const kernels = scope.list().filter(({ path }) => path.endsWith('kernel') && !path.includes('attention'))
    const x = noise(1, 3, 3, 4)
    const [first, second] = kernels.map(({ variable }) => variable as unknown as tf.Tensor4D) as [
      tf.Tensor4D,
      tf.Tensor4D,
    ]
    const expected = values(() =>
      tf.add(x, tf.mul(0.5, tf.conv2d(tf.relu(tf.conv2d(x, first, 1, 'same')), second, 1, 'same'))),
    )
    expectClose(
      values(() => block(x, mode)),
      expected,
      2,
    )
    x.dispose()
  })

  it('attention scales whole channels', () => {
    using scope = variableScope({ rng: seeded(3) })
    const attention = channelAttention(scope, { channels: 3, bottleneck: 1 })
    const x = noise(1, 4, 4, 3)
    const ratios = values(() => tf.div(attention(x, mode), x))
    for (let c = 0; c < 3; c++) {
      const own = ratios.filter((_, i) => i % 3 === c)
      for (const ratio of own) expect(ratio).toBeCloseTo(own[0] as number, 5)
    }
    x.dispose()
  })

  it('a self-ensemble of something that turns with the image changes nothing; of something else, it turns with it', () => {
    const nearest = (x: tf.Tensor) => {
      const [, h, w] = (x as tf.Tensor4D).shape
      return tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * h, 2 * w], false, true)
    }
    const x = noise(1, 3, 4, 3)
    expectClose(
      values(() => selfEnsemble(nearest)(x, mode)),
      values(() => nearest(x)),
      3,
    )
    // Shifted to one side: not symmetric.
    const lopsided = (y: tf.Tensor) => tf.mul(nearest(y), tf.reshape(tf.range(0, 2 * y.shape[2]!, 1), [1, 1, -1, 1]))
    const ensemble = selfEnsemble(lopsided)
    expectClose(
      values(() => ensemble(tf.reverse(x, 2), mode)),
      values(() => tf.reverse(ensemble(x, mode), 2)),
      2,
    )
    x.dispose()
  })
})
