import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import { type Layer, useEngine, type VariableScope, variableScope } from '../../core/tensor/index.ts'
import {
  countClassifier,
  edgeOperations,
  mbConv,
  type Operation,
  type OperationName,
  type OperationOptions,
  operation,
  operationNames,
  projectedIdentity,
  reluConvNorm,
} from '../../search-spaces/operations/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const shape = { height: 8, width: 8, channels: 6 }
const costOf = (op: Operation, options: OperationOptions, input = shape) => op.cost(options)(input)
/** Runs a layer in evaluation mode, where fresh normalisations divide by √(1 + 1e-5) only. */
const evaluate = (layer: Layer, x: number[][][], training = false) =>
  tf.tidy(() => {
    const y = layer(tf.tensor4d([x]), { training, rng: seeded(1) })
    return { shape: y.shape.slice(1), values: [...y.dataSync()] }
  })
const setWeights = (scope: VariableScope, rng = seeded(7)) => {
  const kernels = scope.list().filter(({ path }) => path.endsWith('kernel'))
  return kernels.map(({ variable }) => {
    const values = Array.from({ length: variable.size }, () => rng.normal())
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)))
    return values
  })
}

describe('costs', () => {
  // C channels in and out, k × k kernels: the table of the cell space's papers.
  it.each<[OperationName, number, number]>([
    ['none', 0, 0],
    ['max_pool_3x3', 0, 0],
    ['avg_pool_3x3', 0, 0],
    ['skip_connect', 0, 0],
    ['sep_conv_3x3', 2 * (6 * 9 + 36 + 12), 2 * (6 * 9 + 36)],
    ['sep_conv_5x5', 2 * (6 * 25 + 36 + 12), 2 * (6 * 25 + 36)],
    ['sep_conv_7x7', 2 * (6 * 49 + 36 + 12), 2 * (6 * 49 + 36)],
    ['dil_conv_3x3', 6 * 9 + 36 + 12, 6 * 9 + 36],
    ['dil_conv_5x5', 6 * 25 + 36 + 12, 6 * 25 + 36],
    ['nor_conv_1x1', 36 + 12, 36],
    ['nor_conv_3x3', 36 * 9 + 12, 36 * 9],
  ])('of %s', (name, parameters, perPosition) => {
    const op = edgeOperations[name]
    const keeps = { channelsIn: 6, channelsOut: 6 }
    expect(costOf(op, keeps)).toEqual({ parameters, multiplyAdds: perPosition * 64, output: shape })
    const plain = costOf(op, { ...keeps, affine: false })
    const normalisations = name.startsWith('sep') ? 2 : /conv/.test(name) ? 1 : 0
    expect(parameters - plain.parameters).toBe(normalisations * 12)
    expect(op.name).toBe(name)
  })

  it('of factorised reductions', () => {
    expect(costOf(edgeOperations.skip_connect, { channelsIn: 6, channelsOut: 4, stride: 2 })).toEqual({
      parameters: 6 * 4 + 8,
      multiplyAdds: 6 * 4 * 16,
      output: { height: 4, width: 4, channels: 4 },
    })
  })

  it('of inverted residual blocks, by hand', () => {
    // 6 → 18 → 18 → 8 channels, 8×8 → 4×4.
    expect(costOf(mbConv({ kernel: 5, expansion: 3 }), { channelsIn: 6, channelsOut: 8, stride: 2 })).toEqual({
      parameters: 6 * 18 + 36 + (25 * 18 + 36) + (18 * 8 + 16),
      multiplyAdds: 6 * 18 * 64 + 25 * 18 * 16 + 18 * 8 * 16,
      output: { height: 4, width: 4, channels: 8 },
    })
    expect(costOf(mbConv({ kernel: 3, expansion: 1 }), { channelsIn: 6, channelsOut: 6 }).parameters).toBe(
      9 * 6 + 12 + 36 + 12,
    )
  })

  it('of a classifier: the bias is a parameter only', () => {
    expect(countClassifier(10)(shape)).toMatchObject({ parameters: 70, multiplyAdds: 60 })
  })
})

describe('layers', () => {
  const options = (stride: number, channelsIn: number, channelsOut: number, affine: boolean) => ({
    stride,
    channelsIn,
    channelsOut,
    affine,
  })
  const all: readonly [string, Operation][] = [
    ...operationNames.map((name): [string, Operation] => [name, operation(name)]),
    ['mbConv', mbConv({ kernel: 5, expansion: 2 })],
    ['mbConv without expansion', mbConv({ kernel: 3, expansion: 1 })],
    ['projectedIdentity', projectedIdentity],
    ['reluConvNorm 5×5', reluConvNorm('nor_conv_5x5', 5)],
  ]
  it.each(all)('of %s have the shape and the parameters of their cost', (_name, op) => {
    for (const stride of [1, 2])
      for (const channelsOut of [4, 6])
        for (const affine of [true, false]) {
          using scope = variableScope({ rng: seeded(1) })
          const given = options(stride, 4, channelsOut, affine)
          let layer: Layer
          try {
            layer = op.build(scope, given)
          } catch (thrown) {
            expect(String(thrown)).toContain('ARCHLOOM_OPERATION_CHANNELS')
            expect(channelsOut).toBe(6)
            continue
          }
          const cost = op.cost(given)({ height: 5, width: 6, channels: 4 })
          const x = Array.from({ length: 5 }, () => Array.from({ length: 6 }, () => [1, -2, 3, 0.5]))
          expect(evaluate(layer, x, true).shape).toEqual([cost.output.height, cost.output.width, cost.output.channels])
          expect(scope.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(cost.parameters)
          expect(cost.output).toEqual({ height: Math.ceil(5 / stride), width: 6 / stride, channels: channelsOut })
        }
  })

  it('of pools and none refuse to change channels', () => {
    using scope = variableScope({ rng: seeded(1) })
    for (const name of ['none', 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect'] as const)
      expect(() => operation(name).build(scope, { channelsIn: 4, channelsOut: 8 })).toThrow(
        'ARCHLOOM_OPERATION_CHANNELS',
      )
  })

  it('are found by name only', () => {
    for (const name of ['conv_9x9', 'toString'])
      expect(() => operation(name as OperationName)).toThrow('ARCHLOOM_OPERATION_UNKNOWN')
  })

  it('pool every second position, centred as in PyTorch, without counting padding', () => {
    using scope = variableScope({ rng: seeded(1) })
    const given = { channelsIn: 1, channelsOut: 1, stride: 2 }
    const x = [1, 2, 3, 4].map((row) => [1, 2, 3, 4].map((column) => [10 * row + column]))
    expect(evaluate(operation('max_pool_3x3').build(scope.child('max'), given), x).values).toEqual([22, 24, 42, 44])
    // Windows cover rows and columns {1, 2} and {2, 3, 4}.
    expect(evaluate(operation('avg_pool_3x3').build(scope.child('mean'), given), x).values).toEqual([
      16.5, 18, 31.5, 33,
    ])
    const normalised = operation('max_pool_3x3').build(scope.child('norm'), { ...given, normalisePooling: true })
    expect(scope.trainable).toHaveLength(0)
    const mean = evaluate(normalised, x, true).values.reduce((a, b) => a + b)
    expect(mean).toBeCloseTo(0, 4)
  })

  it('dilate: rectified input, every second pixel under the kernel, then the pointwise mix', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = operation('dil_conv_3x3').build(scope, { channelsIn: 2, channelsOut: 2, stride: 2 })
    const [depthwise, pointwise] = setWeights(scope) as [number[], number[]]
    const rng = seeded(3)
    const x = Array.from({ length: 5 }, () => Array.from({ length: 5 }, () => [rng.normal(), rng.normal()]))
    const expected: number[] = []
    for (const row of [0, 2, 4])
      for (const column of [0, 2, 4]) {
        const hidden = [0, 1].map((channel) => {
          let sum = 0
          for (let i = 0; i < 3; i++)
            for (let j = 0; j < 3; j++)
              sum +=
                Math.max(0, x[row + 2 * (i - 1)]?.[column + 2 * (j - 1)]?.[channel] ?? 0) *
                depthwise[(3 * i + j) * 2 + channel]!
          return sum
        })
        for (const out of [0, 1])
          expected.push((hidden[0]! * pointwise[out]! + hidden[1]! * pointwise[2 + out]!) / Math.sqrt(1 + 1e-5))
      }
    const { values } = evaluate(layer, x)
    expect(values).toHaveLength(18)
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 4)
    })
  })

  it('of inverted residual blocks add their input where the shape stays, also when the path is dropped', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = mbConv({ kernel: 3, expansion: 2 }).build(scope, { channelsIn: 2, channelsOut: 2 })
    tf.tidy(() => {
      const x = tf.randomNormal([64, 3, 3, 2], 0, 1, 'float32', 5)
      const y = layer(x, { training: true, rng: seeded(2), dropPath: 0.5 })
      const moved = [...tf.sum(tf.abs(tf.sub(y, x)), [1, 2, 3]).dataSync()]
      expect(moved.filter((distance) => distance === 0).length).toBeGreaterThan(15)
      expect(moved.filter((distance) => distance > 0).length).toBeGreaterThan(15)
    })
  })
})
