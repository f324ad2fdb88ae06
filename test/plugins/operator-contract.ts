/**
 * Every operation and fused kernel on an engine, against the cpu engine: shapes, types, values, gradients, what is not
 * a number, what is empty. `engineContract` beside it holds what training asks for.
 */
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ArchloomError } from '../../core/errors.ts'
import * as fused from '../../core/tensor/fused.ts'
import { adam, adamW, momentum } from '../../core/tensor/optimizers.ts'
import { compareEngine, expectSame, normal, withGradients } from './compare.ts'

// Large enough for the graphs to take part, and both full and broken blocks of channels.
const dims = fc.tuple(
  fc.constantFrom(1, 2, 5, 17),
  fc.integer({ min: 1, max: 7 }),
  fc.integer({ min: 1, max: 7 }),
  fc.constantFrom(1, 3, 16, 24, 32, 48),
)
const seed = fc.integer({ min: 1, max: 1e6 })

/** A tensor that some engines keep in a layout of their own: the output of a 1×1 convolution. */
function convolved(shape: readonly number[], from: number): tf.Tensor {
  const c = shape[3] as number
  return tf.conv2d(normal(shape, from) as tf.Tensor4D, normal([1, 1, c, c], from + 1) as tf.Tensor4D, 1, 'same')
}

type Four = [number, number, number, number]
export const shapes = fc.record({
  batch: fc.constantFrom(1, 2, 3, 8, 16, 17),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  inputs: fc.constantFrom(1, 3, 8, 16, 17),
  outputs: fc.constantFrom(1, 2, 16, 20),
  kernel: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 5 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  pad: fc.oneof(
    fc.constantFrom('same' as const, 'valid' as const),
    fc.tuple(
      ...([0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 2 })) as [
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
      ]),
    ),
  ),
  seed: fc.integer({ min: 1, max: 1e6 }),
})
type Shapes = typeof shapes extends fc.Arbitrary<infer S> ? S : never

/** tfjs takes explicit padding as pairs, and one padding of several axes only in this form. */
const padOf = (pad: Shapes['pad']) =>
  typeof pad === 'string'
    ? pad
    : ([
        [0, 0],
        [pad[0], pad[1]],
        [pad[2], pad[3]],
        [0, 0],
      ] as [[number, number], [number, number], [number, number], [number, number]])

export function convolve(s: Shapes, depthwise: boolean, multiplier: number): tf.Tensor[] | undefined {
  const strides = s.dilations.some((d) => d > 1) ? ([1, 1] as [number, number]) : s.strides
  const xShape: Four = [s.batch, s.height, s.width, s.inputs]
  const filterShape: Four = [...s.kernel, s.inputs, depthwise ? multiplier : s.outputs]
  const pad = padOf(s.pad)
  const info = tf.backend_util.computeConv2DInfo(xShape, filterShape, strides, s.dilations, pad, undefined, depthwise)
  if (info.outHeight < 1 || info.outWidth < 1) return undefined
  const attributes = { strides, dilations: s.dilations, pad, dataFormat: 'NHWC', dimRoundingMode: undefined }
  const call = (name: string, inputs: Record<string, tf.Tensor>, more: object = {}) =>
    tf.engine().runKernel(name, inputs, { ...attributes, ...more } as unknown as tf.NamedAttrMap) as tf.Tensor
  const [x, filter, dy] = [normal(xShape, s.seed), normal(filterShape, s.seed + 1), normal(info.outShape, s.seed + 2)]
  const kind = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D'
  // The cpu engine's gradients know no dilation: there the kernel is spread with zeros, and its taps picked again.
  const spreads = tf.getBackend() === 'cpu' && s.dilations.some((d) => d > 1)
  const whole = spreads ? spread(filter, s.dilations) : filter
  const rates = spreads ? { dilations: 1 } : {}
  const gradient = call(`${kind}BackpropFilter`, { x, dy }, { filterShape: whole.shape, ...rates })
  return [
    call(kind, { x, filter }),
    call(`${kind}BackpropInput`, { dy, filter: whole }, { inputShape: xShape, ...rates }),
    spreads ? tf.stridedSlice(gradient, [0, 0, 0, 0], whole.shape, [...s.dilations, 1, 1]) : gradient,
  ]
}

/** Zeros between the taps. */
function spread(filter: tf.Tensor, [down, across]: [number, number]): tf.Tensor {
  const [kh, kw, i, o] = filter.shape as Four
  const out = tf.buffer([(kh - 1) * down + 1, (kw - 1) * across + 1, i, o])
  const from = filter.bufferSync()
  for (let y = 0; y < kh; y++)
    for (let x = 0; x < kw; x++)
      for (let a = 0; a < i; a++) for (let b = 0; b < o; b++) out.set(from.get(y, x, a, b), y * down, x * across, a, b)
  return out.toTensor()
}

/** Registers the tests of an engine. `share` of the random cases are run: less on slow engines. */
export function operatorContract(name: string, { share = 1 } = {}): void {
  const runs = (numRuns: number, seed = 7) => ({ numRuns: Math.ceil(numRuns * share), seed })
  // Engines are slow to load on a machine that is busy.
  beforeAll(() => compareEngine(name), 120_000)

  describe('elementwise', () => {
    const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      relu: tf.relu,
      relu6: tf.relu6,
      leakyRelu: (x) => tf.leakyRelu(x, 0.1),
      abs: tf.abs,
      neg: tf.neg,
      square: tf.square,
      step: (x) => tf.step(x, 0.5),
      clip: (x) => tf.clipByValue(x, -0.5, 0.25),
      'clip above zero': (x) => tf.clipByValue(x, 0.1, 0.2),
      exp: tf.exp,
      tanh: tf.tanh,
      sigmoid: tf.sigmoid,
      erf: tf.erf,
      softplus: tf.softplus,
      elu: tf.elu,
      sqrt: (x) => tf.sqrt(tf.abs(x)),
      rsqrt: (x) => tf.rsqrt(tf.add(tf.abs(x), 0.1)),
      reciprocal: (x) => tf.reciprocal(tf.add(tf.abs(x), 0.1)),
      log: (x) => tf.log(tf.add(tf.abs(x), 0.1)),
    }
    it.each(Object.keys(unary))('%s', (name) => {
      fc.assert(
        fc.property(dims, seed, (shape, s) => {
          expectSame(() => [unary[name]!(normal(shape, s)), unary[name]!(convolved(shape, s))])
        }),
        runs(10),
      )
    })

    it('compares, chooses and raises to powers, broadcasting every way', () => {
      const relations = [tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.equal, tf.notEqual]
      fc.assert(
        fc.property(dims, fc.subarray([0, 1, 2, 3]), fc.integer({ min: 0, max: 4 }), seed, (shape, ones, drop, s) => {
          const small = shape.map((size, axis) => (ones.includes(axis) ? 1 : size))
          expectSame(() => {
            const x = tf.round(tf.mul(convolved(shape, s), 2))
            const other = tf.round(tf.mul(normal(small, s + 2), 2))
            const y = small.slice(0, drop).every((size) => size === 1) ? tf.reshape(other, small.slice(drop)) : other
            const flags = relations.flatMap((relation) => [relation(x, y), relation(y, x)])
            const [yes, no] = [flags[0], flags[3]] as [tf.Tensor, tf.Tensor]
            return [
              ...flags,
              tf.logicalAnd(tf.cast(yes, 'bool'), tf.cast(no, 'bool')),
              tf.logicalOr(yes, tf.greater(y, 0)),
              tf.logicalNot(yes),
              tf.where(yes, x, tf.zerosLike(x)),
              tf.pow(tf.abs(x), y),
              tf.prelu(x, tf.reshape(normal([shape[3]], s), [shape[3]])),
              tf.floor(tf.mul(x, 0.3)),
              tf.ceil(tf.mul(x, 0.3)),
              tf.round(tf.mul(x, 0.5)),
            ]
          })
        }),
        runs(25),
      )
    })

    it('treats not-a-number and infinities as the cpu engine does', () => {
      const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, 8]
      expectSame(() => {
        const x = tf.tensor1d(Array.from({ length: 640 }, (_, i) => special[i % 8]!))
        const y = tf.reverse(x)
        return [
          ...[tf.relu, tf.relu6, tf.abs, tf.neg, tf.square, tf.step, tf.exp, tf.tanh, tf.sigmoid].map((f) => f(x)),
          ...[tf.add, tf.sub, tf.mul, tf.maximum, tf.minimum].map((f) => f(x, y)),
        ]
      })
    })

    const binary = {
      add: tf.add,
      sub: tf.sub,
      mul: tf.mul,
      max: tf.maximum,
      min: tf.minimum,
      squared: tf.squaredDifference,
    }
    const div = (a: tf.Tensor, b: tf.Tensor) => tf.div(a, tf.add(tf.abs(b), 0.5))
    it.each(Object.entries({ ...binary, div }))('%s, broadcasting every way', (_, f) => {
      fc.assert(
        fc.property(dims, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), seed, (shape, kept, s) => {
          const small = shape.map((size, axis) => (kept[axis] ? size : 1))
          expectSame(() => {
            const [x, y] = [convolved(shape, s), convolved(shape, s + 5)]
            return [
              ...[f(x, y), f(x, normal(shape, s)), f(normal(shape, s), y)],
              ...[f(x, normal(small, s)), f(normal(small, s), x), f(normal(shape, s), normal(small, s))],
              ...[f(x, normal([shape[3]], s)), f(normal([shape[3]], s), x), f(x, tf.scalar(0.3)), f(tf.scalar(0.3), x)],
            ]
          })
        }),
        runs(12),
      )
    })

    it('addN, cast, and a channel layout under another shape', () => {
      fc.assert(
        fc.property(dims, seed, (shape, s) => {
          expectSame(() => {
            const x = convolved(shape, s)
            const flat = tf.reshape(x, [shape[0], -1])
            return [
              tf.addN([x, normal(shape, s), x]),
              tf.relu(flat),
              tf.cast(tf.greater(x, 0), 'float32'),
              tf.mul(tf.reshape(flat, [shape[0] * shape[1], shape[2], 1, shape[3]]), 2),
            ]
          })
        }),
        runs(10),
      )
    })
  })

  describe('products', () => {
    it('every transposition, broadcasting over the batch, bias and activation', () => {
      const size = fc.constantFrom(1, 5, 32)
      fc.assert(
        fc.property(
          size,
          size,
          size,
          fc.boolean(),
          fc.boolean(),
          fc.constantFrom([1, 3], [3, 1], [3, 3]),
          seed,
          (m, k, n, ta, tb, batch, s) => {
            expectSame(() => {
              const a = normal([batch[0]!, ...(ta ? [k, m] : [m, k])], s)
              const b = normal([batch[1]!, ...(tb ? [n, k] : [k, n])], s + 1)
              const bias = normal([n], s + 2)
              return [
                tf.matMul(a, b, ta, tb),
                // tfjs has no gradient of a product that broadcasts.
                ...(batch[0] === batch[1] ? withGradients((x, y) => tf.matMul(x!, y!, ta, tb), [a, b], s) : []),
                tf.fused.matMul({ a, b, transposeA: ta, transposeB: tb, bias, activation: 'relu' }),
                tf.fused.matMul({ a, b, transposeA: ta, transposeB: tb, activation: 'sigmoid' }),
              ]
            })
          },
        ),
        runs(40),
      )
    })
  })

  describe('shapes and reductions', () => {
    it('sums, means and extremes over every set of axes', () => {
      fc.assert(
        fc.property(dims, fc.subarray([0, 1, 2, 3], { minLength: 1 }), fc.boolean(), seed, (shape, axes, keep, s) => {
          expectSame(() =>
            [convolved(shape, s), normal(shape, s)].flatMap((x) => [
              ...[tf.sum, tf.mean, tf.max, tf.min].map((f) => f(x, axes, keep)),
              ...withGradients((x) => tf.mean(x!, axes, keep), [x], s),
            ]),
          )
        }),
        runs(40),
      )
    })

    it('moves values', () => {
      fc.assert(
        fc.property(dims, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), seed, (shape, perm, s) => {
          const c = shape[3]
          expectSame(() => {
            const x = convolved(shape, s)
            const begin = shape.map((size) => Math.floor(size / 3))
            const size = shape.map((whole, axis) => Math.max(1, whole - begin[axis]! - 1))
            return [
              tf.transpose(x, perm),
              tf.pad(
                x,
                [
                  [0, 1],
                  [1, 0],
                  [2, 3],
                  [0, 2],
                ],
                0.5,
              ),
              tf.tile(x, [2, 1, 3, 2]),
              tf.slice(x, begin, size),
              tf.slice(x, [0, 0, 0, Math.floor(c / 2)], [-1, -1, -1, Math.ceil(c / 2)]),
              ...[0, 1, 2, 3].map((axis) => tf.concat([x, convolved(shape, s + 9), x], axis)),
              ...withGradients((a, b) => tf.concat([a!, b!], 3), [x, convolved(shape, s + 3)], s),
              tf.gather(x, tf.tensor1d([0, shape[0] - 1, 0], 'int32')),
              tf.gather(x, tf.tensor1d([0, c - 1], 'int32'), 3),
              tf.gather(x, tf.tensor2d([[0, shape[1] - 1, 0]], [1, 3], 'int32'), 1),
              tf.depthToSpace(tf.concat([x, x, x, x], 3) as tf.Tensor4D, 2),
              tf.softmax(x),
              tf.logSoftmax(x),
              tf.reverse(x, [1, 3]),
              tf.mirrorPad(
                x,
                [
                  [0, 0],
                  [0, shape[1] - 1],
                  [shape[2] - 1, 0],
                  [0, 0],
                ],
                'reflect',
              ),
              tf.mirrorPad(
                x,
                [
                  [1, 0],
                  [0, shape[1]],
                  [shape[2], 0],
                  [0, 1],
                ],
                'symmetric',
              ),
              tf.unsortedSegmentSum(x, tf.range(-1, shape[0] - 1, 1, 'int32') as tf.Tensor1D, 3),
              ...withGradients(
                (a) =>
                  tf.mirrorPad(
                    a!,
                    [
                      [0, 0],
                      [1, 0],
                      [0, 1],
                      [0, 0],
                    ],
                    'symmetric',
                  ),
                [x],
                s,
              ),
            ]
          })
        }),
        runs(25),
      )
    })

    it('resizes', () => {
      fc.assert(
        fc.property(dims, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), seed, (shape, h, w, s) => {
          expectSame(() => {
            const [plain, inBlocks] = [normal(shape, s), convolved(shape, s)] as [tf.Tensor4D, tf.Tensor4D]
            const modes = [
              [false, false],
              [true, false],
              [false, true],
            ] as const
            return [plain, inBlocks].flatMap((x) =>
              modes.flatMap((mode) => [
                tf.image.resizeBilinear(x, [h, w], ...mode),
                tf.image.resizeNearestNeighbor(x, [h, w], ...mode),
              ]),
            )
          })
        }),
        runs(25),
      )
    })
  })

  describe('what holds no or other numbers', () => {
    it('empty tensors, as on the cpu engine', () => {
      const images = fc.constantFrom([0, 8, 8, 16], [0, 5, 5, 3], [2, 0, 8, 16], [2, 8, 0, 3], [0, 0, 0, 32])
      fc.assert(
        fc.property(images, fc.constantFrom(1, 2), (shape, dilation) => {
          expectSame(() => {
            const x = tf.zeros([...shape]) as tf.Tensor4D
            const c = shape[3] as number
            const [w, d] = [normal([3, 3, c, 16], 1), normal([3, 3, c, 1], 2)] as [tf.Tensor4D, tf.Tensor4D]
            const { y, mean, variance } = fused.batchNormTraining(x, undefined, undefined, 1e-3, true)
            return [
              ...withGradients((x) => fused.batchNormTraining(x!, undefined, undefined, 1e-3, true).y, [x], 1),
              ...withGradients((x) => fused.scaleShift(x!, tf.ones([c]), tf.ones([c]), true), [x], 1),
              ...withGradients((x) => fused.spatialMean(x!), [x], 1),
              ...[y, mean, variance, tf.relu(x), tf.add(x, 1), tf.sum(x), tf.mean(x, [1, 2]), tf.zerosLike(x)],
              ...[tf.concat([x, x], 3), tf.transpose(x, [3, 0, 1, 2]), tf.softmax(x), fused.innerProduct(x, x)],
              ...(shape[0] === 0 && c === 16
                ? [
                    ...withGradients((x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'), [x, w], 1),
                    tf.conv2d(x, w, 1, 'same', 'NHWC', dilation),
                    tf.depthwiseConv2d(x, d, 1, 'same', 'NHWC', dilation),
                    ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'), [x], 1),
                  ]
                : []),
            ]
          })
        }),
        runs(30, 1),
      )
    })

    it('refuses a window larger than its image', () => {
      const impossible: readonly (() => tf.Tensor)[] = [
        () => tf.maxPool(tf.ones([1, 16, 16, 2]) as tf.Tensor4D, [20, 2], 2, 'valid'),
        () => tf.avgPool(tf.ones([1, 16, 16, 3]) as tf.Tensor4D, [2, 20], 2, 'valid'),
        () => tf.conv2d(tf.ones([2, 4, 4, 16]) as tf.Tensor4D, tf.ones([9, 9, 16, 16]) as tf.Tensor4D, 1, 'valid'),
        () =>
          tf.depthwiseConv2d(tf.ones([1, 4, 4, 16]) as tf.Tensor4D, tf.ones([9, 1, 16, 1]) as tf.Tensor4D, 2, 'valid'),
      ]
      const before = tf.memory().numTensors
      const found = impossible.map((compute, i) => {
        try {
          return `${i}: [${tf.tidy(() => compute().shape)}]`
        } catch (thrown) {
          return ArchloomError.is(thrown) ? thrown.code : `${i}: ${thrown}`
        }
      })
      // Some kernels of cpu and TensorFlow have a check of their own; those of wasm have none.
      const expected = name === 'wasm' ? /^ARCHLOOM_TENSOR_SHAPE$/ : /^ARCHLOOM_TENSOR_SHAPE$|^\d: \w*Error/
      for (const each of found) expect(each).toMatch(expected)
      expect(tf.memory().numTensors).toBe(before)
    })

    it('integers count as floats in fused kernels', () => {
      expectSame(() => {
        const x = tf.cast(tf.mul(normal([3, 4, 4, 16], 1), 9), 'int32')
        const ones = tf.cast(tf.ones([16]), 'int32')
        return [
          fused.batchNormTraining(x, ones, ones, 1e-3, true).y,
          fused.scaleShift(x, ones, ones, false),
          fused.spatialMean(x),
          fused.innerProduct(x, x),
          fused.reluGradient(x, x),
          fused.reluGradient(normal([3, 4, 4, 16], 2), x),
        ]
      })
    })
  })

  describe('what is not a number stays so', () => {
    const nan = Number.NaN
    /** Runs on the engine; every number of the results. */
    const valuesOf = (compute: () => tf.Tensor[]) => {
      tf.setBackend(name)
      return tf.tidy(() => compute().map((tensor) => [...tensor.dataSync()]))
    }

    const functions: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      relu: tf.relu,
      relu6: tf.relu6,
      'leaky ReLU': (x) => tf.leakyRelu(x, 0.1),
      prelu: (x) => tf.prelu(x, tf.scalar(0.1)),
      elu: tf.elu,
      selu: tf.selu,
      'clip by value': (x) => tf.clipByValue(x, -1, 1),
      'maximum, right': (x) => tf.maximum(x, 0),
      'maximum, left': (x) => tf.maximum(0, x),
      'maximum of two': (x) => tf.maximum(tf.zerosLike(x), x),
      'minimum, right': (x) => tf.minimum(x, 0),
      'minimum, left': (x) => tf.minimum(0, x),
      'minimum of two': (x) => tf.minimum(tf.zerosLike(x), x),
      abs: tf.abs,
      sigmoid: tf.sigmoid,
      tanh: tf.tanh,
      softplus: tf.softplus,
      exp: tf.exp,
      log: tf.log,
      sqrt: tf.sqrt,
      square: tf.square,
      neg: tf.neg,
      step: tf.step,
    }
    // Where it stands, and how many there are, decide which loop meets it.
    it.each(Object.keys(functions))('%s', (label) => {
      for (const size of [1, 3, 640])
        for (const at of new Set([0, 1 % size, size - 1])) {
          const x = Float32Array.from({ length: size }, (_, i) => (i === at ? nan : 0.5))
          const [values] = valuesOf(() => [functions[label]!(tf.tensor1d(x))])
          values!.forEach((value, i) => {
            expect(Number.isNaN(value), `${size} values, NaN at ${at}, result ${i}: ${value}`).toBe(i === at)
          })
        }
    })

    it('extremes, sums and means over axes', () => {
      for (const size of [4, 1024])
        for (const at of [0, 1, size - 1]) {
          const x = Float32Array.from({ length: size * 2 }, (_, i) => (i === at ? nan : i))
          const results = valuesOf(() => {
            const rows = tf.tensor2d(x, [2, size])
            return [tf.max, tf.min, tf.sum, tf.mean].flatMap((f) => [f(rows, 1), f(tf.transpose(rows), 0), f(rows)])
          })
          for (const [i, values] of results.entries())
            expect(values.map(Number.isNaN), `${size} values, NaN at ${at}, result ${i}`).toEqual(
              values.length === 1 ? [true] : [true, false],
            )
        }
    })

    it('pooling: every window that holds it', () => {
      const pools = [tf.maxPool, tf.avgPool] as const
      for (const channels of [1, 16])
        for (const at of [0, 5, 10, 15]) {
          const x = new Float32Array(16 * channels).map((_, i) => (Math.floor(i / channels) === at ? nan : -i))
          const [row, column] = [Math.floor(at / 4), at % 4]
          const results = valuesOf(() =>
            pools.flatMap((pool) => {
              const image = tf.tensor4d(x, [1, 4, 4, channels])
              return [
                pool(image, 2, 2, 'valid'),
                pool(image, 3, 1, 'same'),
                pool(tf.fill(image.shape, nan) as tf.Tensor4D, 2, 2, 'same'),
              ]
            }),
          )
          const holds = [
            (i: number, j: number) => i === row >> 1 && j === column >> 1,
            (i: number, j: number) => Math.abs(i - row) < 2 && Math.abs(j - column) < 2,
            () => true,
          ]
          for (const [k, values] of results.entries()) {
            const width = k % 3 === 1 ? 4 : 2
            values.forEach((value, i) => {
              const place = Math.floor(i / channels)
              const expected = holds[k % 3]!(Math.floor(place / width), place % width)
              expect(Number.isNaN(value), `pool ${k}, NaN at ${at}, result ${place}: ${value}`).toBe(expected)
            })
          }
        }
    })

    it('convolutions, plain and fused, and products', () => {
      for (const channels of [1, 3, 16]) {
        const results = valuesOf(() => {
          const x = tf.fill([1, 4, 4, channels], 1) as tf.Tensor4D
          const bad = tf.fill([1, 4, 4, channels], nan) as tf.Tensor4D
          const [w, d] = [tf.ones([3, 3, channels, 2]), tf.ones([3, 3, channels, 1])] as [tf.Tensor4D, tf.Tensor4D]
          const rest = { strides: 1, pad: 'same' as const }
          const [m, mBad] = [tf.ones([4, channels]), tf.fill([4, channels], nan)] as [tf.Tensor2D, tf.Tensor2D]
          return [
            tf.conv2d(bad, w, 1, 'same'),
            tf.conv2d(x, tf.fill(w.shape, nan) as tf.Tensor4D, 1, 'same'),
            tf.conv2d(bad, tf.ones([1, 1, channels, 2]) as tf.Tensor4D, 1, 'same'),
            tf.depthwiseConv2d(bad, d, 1, 'same'),
            tf.depthwiseConv2d(x, tf.fill(d.shape, nan) as tf.Tensor4D, 1, 'same'),
            ...(['relu', 'relu6', 'leakyrelu', 'linear'] as const).flatMap((activation) => [
              tf.fused.conv2d({ ...rest, x: bad, filter: w, activation, leakyreluAlpha: 0.1 }),
              tf.fused.conv2d({
                ...rest,
                x,
                filter: w,
                bias: tf.fill([2], nan) as tf.Tensor1D,
                activation,
                leakyreluAlpha: 0.1,
              }),
              tf.fused.depthwiseConv2d({ ...rest, x: bad, filter: d, activation, leakyreluAlpha: 0.1 }),
              tf.fused.matMul({ a: mBad, b: tf.ones([channels, 3]) as tf.Tensor2D, activation, leakyreluAlpha: 0.1 }),
            ]),
            tf.matMul(mBad, tf.ones([channels, 3])),
            tf.matMul(mBad, m, false, true),
            fused.scaleShift(bad, tf.ones([channels]), tf.zeros([channels]), true),
            fused.batchNormTraining(bad, undefined, undefined, 1e-3, true).y,
            fused.spatialMean(bad),
          ]
        })
        for (const [i, values] of results.entries())
          expect(values.every(Number.isNaN), `${channels} channels, result ${i}: ${values.slice(0, 5)}`).toBe(true)
      }
    })
  })

  describe('numbers at the ends of their range', () => {
    it('the sign of small numbers, and functions near zero', () => {
      expectSame(() => {
        const x = tf.tensor1d([1e-30, -1e-30, 1e-10, -1e-10, 1e-5, -1e-5, 0.5, -0.5, 0])
        return [tf.sign(x), tf.sign(tf.tile(x, [80])), tf.sign(tf.cast(x, 'int32'))]
      })
      for (const f of [...[tf.log1p, tf.expm1, tf.tanh, tf.sin, tf.sinh, tf.asinh, tf.asin, tf.atan, tf.tan, tf.atanh]])
        for (const tiny of [1e-10, -1e-10, 1e-7, 1e-5])
          expectSame(() => [tf.mul(f(tf.fill([3], tiny)), 1 / tiny), tf.mul(f(tf.fill([640], tiny)), 1 / tiny)])
    })

    it('means and sums of a million values do not depend on their number', () => {
      const many = 1 << 20
      tf.setBackend(name)
      tf.tidy(() => {
        const x = tf.fill([many], 0.1)
        const close = (value: tf.Tensor, expected: number) =>
          expect(Math.abs((value.dataSync()[0] as number) / expected - 1)).toBeLessThan(1e-4)
        close(tf.mean(x), 0.1)
        close(tf.sum(x), many * 0.1)
        close(tf.mean(tf.reshape(x, [many / 16, 16]), 0), 0.1)
        close(tf.mean(tf.reshape(x, [16, many / 16]), 1), 0.1)
        close(tf.mean(tf.reshape(x, [16, many / 64, 4]), [0, 1]), 0.1)
        close(fused.innerProduct(x, x), many * 0.01)
        close(fused.spatialMean(tf.reshape(x, [1, 512, 512, 4])), 0.1)
        close(fused.batchNormTraining(tf.reshape(x, [16, 128, 128, 4]), undefined, undefined, 1e-3, false).mean, 0.1)
      })
    })

    it('sums above 2²⁴', () => {
      tf.setBackend(name)
      tf.tidy(() => {
        const count = 2 ** 24 + 4096
        expect(Math.abs((tf.sum(tf.ones([count])).dataSync()[0] as number) - count)).toBeLessThan(64)
      })
    })
  })

  describe('booleans', () => {
    it('are 0 and 1, whatever they were made from', () => {
      expectSame(() => {
        const x = tf.tensor1d([0, 0.25, -0.25, 1, 2, 255, 256, 257, -256, 1e9, Number.NaN, Number.POSITIVE_INFINITY])
        const whole = tf.tensor1d([0, 1, 2, 255, 256, 512, -1, -256, 65_536], 'int32')
        const [a, b] = [tf.cast(x, 'bool'), tf.cast(whole, 'bool')]
        return [
          ...[a, b].flatMap((flags) => [
            flags,
            tf.logicalNot(flags),
            tf.cast(flags, 'float32'),
            tf.cast(flags, 'int32'),
          ]),
          tf.sum(tf.cast(a, 'float32')),
          tf.sum(tf.cast(b, 'int32')),
          tf.where(a, x, tf.zerosLike(x)),
          tf.logicalAnd(a, tf.greater(x, 1)),
          tf.logicalOr(a, tf.greater(x, 1)),
          tf.logicalXor(a, tf.greater(x, 1)),
          tf.any(a),
          tf.all(a),
          tf.equal(a, tf.onesLike(a)),
          tf.concat([a, tf.greater(x, 1)]),
          tf.reshape(a, [3, 4]),
          tf.transpose(tf.reshape(a, [3, 4])),
          tf.slice(a, 2, 5),
          tf.tile(a, [2]),
          tf.gather(a, tf.tensor1d([1, 8, 0], 'int32')),
          tf.pad(a, [[1, 2]]),
        ]
      })
    })
  })

  describe('products over batches that broadcast against each other', () => {
    const batches: [number[], number[]][] = [
      [
        [2, 1],
        [1, 3],
      ],
      [[2, 1], [3]],
      [
        [2, 3],
        [2, 1],
      ],
      [
        [2, 1],
        [2, 3],
      ],
      [
        [1, 3],
        [2, 3],
      ],
      [[3], [2, 3]],
      [
        [2, 1, 2],
        [1, 3, 1],
      ],
      [[], [2, 3]],
    ]
    it.each(batches)('[%s] and [%s]: each pair by itself, and gradients', (left, right) => {
      tf.setBackend(name)
      tf.tidy(() => {
        const whole = tf.broadcast_util.assertAndGetBroadcastShape(left, right)
        for (const [ta, tb] of [
          [false, false],
          [true, true],
        ] as const)
          for (const size of [2, 24]) {
            const a = normal([...left, ...(ta ? [3, size] : [size, 3])], 1)
            const b = normal([...right, ...(tb ? [size, 3] : [3, size])], 2)
            const product = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, ta, tb)
            const each = (x: tf.Tensor, y: tf.Tensor) => {
              const rows = (z: tf.Tensor) => {
                const full = tf.broadcastTo(z, [...whole, ...z.shape.slice(-2)])
                return tf.unstack(tf.reshape(full, [-1, ...z.shape.slice(-2)]))
              }
              const ys = rows(y)
              const products = rows(x).map((one, i) => tf.matMul(one, ys[i]!, ta, tb))
              return tf.reshape(tf.stack(products), [...whole, size, size])
            }
            const [received, expected] = [
              withGradients(product as never, [a, b], 1),
              withGradients(each as never, [a, b], 1),
            ]
            received.forEach((value, i) => {
              expect(value.shape).toEqual(expected[i]!.shape)
              const gap = tf.max(tf.abs(tf.sub(value, expected[i]!))).dataSync()[0] as number
              expect(gap).toBeLessThan(1e-3)
            })
          }
      })
    })

    it('sums of products by letters, of inputs that share no letter too', () => {
      const cases: [string, number[], number[], (a: tf.Tensor, b: tf.Tensor) => tf.Tensor][] = [
        ['i,kj->ij', [3], [2, 4], (a, b) => tf.mul(tf.reshape(a, [3, 1]), tf.sum(b, 0))],
        ['ij,kl->', [3, 2], [2, 4], (a, b) => tf.mul(tf.sum(a), tf.sum(b))],
        ['ij,jk->ki', [3, 4], [4, 2], (a, b) => tf.transpose(tf.matMul(a, b))],
        ['bij,bkj->bik', [2, 3, 4], [2, 5, 4], (a, b) => tf.matMul(a, b, false, true)],
        ['ij,ij->i', [3, 4], [3, 4], (a, b) => tf.sum(tf.mul(a, b), 1)],
        ['ij,i->j', [3, 4], [3], (a, b) => tf.sum(tf.mul(a, tf.reshape(b, [3, 1])), 0)],
      ]
      tf.setBackend(name)
      for (const [equation, left, right, expected] of cases)
        tf.tidy(() => {
          const [a, b] = [normal(left, 1), normal(right, 2)]
          const [value, right_] = [tf.einsum(equation, a, b), expected(a, b)]
          expect(value.shape, equation).toEqual(right_.shape)
          expect(tf.max(tf.abs(tf.sub(value, right_))).dataSync()[0], equation).toBeLessThan(1e-4)
        })
    })
  })

  describe('windows that leave pixels over, or reach past the end', () => {
    const pads = ['same', 'valid'] as const
    const sizes = [4, 5, 6, 7, 8, 9, 12]
    it.each(pads)('convolutions with kernels smaller than their stride, %s', (pad) => {
      for (const height of sizes)
        for (const [kernel, stride] of [
          [1, 2],
          [2, 3],
          [3, 4],
          [2, 4],
          [1, 3],
        ] as const)
          expectSame(() => {
            const x = normal([2, height, height + 1, 3], height) as tf.Tensor4D
            return [
              ...withGradients(
                (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad),
                [x, normal([kernel, kernel, 3, 4], 2)],
                3,
              ),
              ...withGradients(
                (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad),
                [x, normal([kernel, kernel, 3, 1], 2)],
                3,
              ),
              ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, kernel, stride, pad), [x], 3),
              ...withGradients((x) => tf.avgPool(x as tf.Tensor4D, kernel, stride, pad), [x], 3),
            ]
          })
    })

    it.each(['floor', 'round', 'ceil'] as const)('output sizes by %s', (rounding) => {
      for (const height of sizes)
        for (const [kernel, stride, pad] of [
          [3, 2, 0],
          [3, 2, 1],
          [2, 2, 0],
          [3, 3, 1],
        ] as const)
          expectSame(() => {
            const x = normal([2, height, height + 1, 16], height) as tf.Tensor4D
            const few = normal([1, height, height, 3], height) as tf.Tensor4D
            const dense = (x: tf.Tensor, w: tf.Tensor) =>
              tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad, 'NHWC', 1, rounding)
            const depthwise = (x: tf.Tensor, w: tf.Tensor) =>
              tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad, 'NHWC', 1, rounding)
            return [
              ...withGradients(dense as never, [x, normal([kernel, kernel, 16, 4], 2)], 3),
              ...withGradients(dense as never, [few, normal([kernel, kernel, 3, 4], 2)], 3),
              ...withGradients(depthwise as never, [x, normal([kernel, kernel, 16, 1], 2)], 3),
              ...withGradients(depthwise as never, [few, normal([kernel, kernel, 3, 2], 2)], 3),
              ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, kernel, stride, pad, rounding), [x], 3),
              ...withGradients((x) => tf.avgPool(x as tf.Tensor4D, kernel, stride, pad, rounding), [x], 3),
            ]
          })
    })
  })

  describe('gradients of max pooling', () => {
    it('of windows whose greatest value is negative', () => {
      expectSame(() => {
        const x = tf.sub(tf.neg(tf.abs(normal([2, 6, 6, 3], 1))), 1) as tf.Tensor4D
        return [
          ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), [x], 2),
          ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'), [x], 2),
        ]
      })
      tf.setBackend(name)
      const x = tf.tensor4d([-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16], [1, 4, 4, 1])
      const gradient = tf.tidy(() => [
        ...tf
          .grad((x) => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(x)
          .dataSync(),
      ])
      x.dispose()
      expect(gradient).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0])
    })
  })

  describe('differentiated twice', () => {
    const image = () => normal([2, 6, 6, 16], 1) as tf.Tensor4D
    const compositions: Record<string, (x: tf.Tensor, w: tf.Tensor) => tf.Tensor> = {
      convolution: (x, w) => tf.leakyRelu(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same'), 0.2),
      'dilated convolution': (x, w) => tf.tanh(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same', 'NHWC', 2)),
      'depthwise convolution': (x, w) =>
        tf.sigmoid(tf.depthwiseConv2d(x as tf.Tensor4D, tf.slice(w as tf.Tensor4D, 0, [3, 3, 16, 1]), 2, 'same')),
      'dilated depthwise': (x, w) =>
        tf.tanh(
          tf.depthwiseConv2d(x as tf.Tensor4D, tf.slice(w as tf.Tensor4D, 0, [3, 3, 16, 1]), 1, 'same', 'NHWC', 2),
        ),
      pooling: (x, w) =>
        tf.add(
          tf.maxPool(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')), 2, 2, 'same'),
          tf.avgPool(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')), 2, 2, 'same'),
        ),
      'batch norm': (x, w) =>
        fused.batchNormTraining(
          tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
          tf.fill([16], 1.5),
          tf.fill([16], 0.2),
          1e-3,
          true,
        ).y,
      'scale and shift, spatial mean': (x, w) =>
        tf.square(
          fused.spatialMean(
            fused.scaleShift(
              tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
              tf.fill([16], 1.5),
              tf.fill([16], 0.2),
              true,
            ),
          ),
        ),
      'products and softmax': (x, w) =>
        tf.softmax(
          tf.matMul(tf.reshape(x, [12, 96]), tf.reshape(tf.slice(w as tf.Tensor4D, 0, [1, 3, 16, 16]), [96, 8])),
        ),
    }
    it.each(Object.keys(compositions))('%s', (label) => {
      const f = compositions[label]!
      expectSame(() => {
        const w = tf.mul(normal([3, 3, 16, 16], 2), 0.2)
        const slope = (x: tf.Tensor, w: tf.Tensor) =>
          tf.grad((at: tf.Tensor) => {
            const y = f(at, w)
            return tf.sum(tf.mul(y, normal(y.shape, 5)))
          })(x)
        return withGradients((x, w) => tf.square(slope(x!, w!)), [image(), w], 6)
      }, 1e-3)
    })
  })

  describe('pooling', () => {
    it('and its gradients', () => {
      const pad = fc.constantFrom('same' as const, 'valid' as const)
      const window = fc.integer({ min: 1, max: 3 })
      fc.assert(
        fc.property(dims, window, fc.integer({ min: 1, max: 2 }), pad, seed, (shape, size, stride, padding, s) => {
          fc.pre(padding === 'same' || (shape[1] >= size && shape[2] >= size))
          expectSame(() => {
            const x = convolved(shape, s) as tf.Tensor4D
            return [
              ...withGradients((x) => tf.maxPool(x as tf.Tensor4D, size, stride, padding), [x], s),
              ...withGradients((x) => tf.avgPool(x as tf.Tensor4D, size, stride, padding), [x], s),
            ]
          })
        }),
        runs(40),
      )
    })

    it('gives the gradient to the first of equal values', () => {
      expectSame(() => withGradients((x) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'), [tf.ones([2, 5, 5, 16])], 1))
    })
  })

  describe('fused convolutions', () => {
    it.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const)('with bias and %s', (activation) => {
      fc.assert(
        fc.property(dims, fc.constantFrom(1, 16, 20), fc.boolean(), seed, (shape, filters, hasBias, s) => {
          expectSame(() => {
            const x = normal(shape, s) as tf.Tensor4D
            const more = { strides: 1, pad: 'same' as const, activation, leakyreluAlpha: 0.1 }
            const dense = normal([3, 3, shape[3], filters], s + 1) as tf.Tensor4D
            const depthwise = normal([3, 3, shape[3], 1], s + 2) as tf.Tensor4D
            return [
              tf.fused.conv2d({ ...more, x, filter: dense, ...(hasBias && { bias: normal([filters], s) }) }),
              tf.fused.depthwiseConv2d({
                ...more,
                x,
                filter: depthwise,
                ...(hasBias && { bias: normal([shape[3]], s) }),
              }),
            ]
          })
        }),
        runs(8),
      )
    })
  })

  describe('fused kernels equal their compositions', () => {
    it('batch norm, scale and shift, spatial mean', () => {
      fc.assert(
        fc.property(dims, fc.boolean(), seed, (shape, relu, s) => {
          const c = shape[3]
          expectSame(() => {
            // One value a channel has no variance to speak of: the mean alone decides, and rounding the sign.
            const x = shape[0] * shape[1] * shape[2] > 4 ? convolved(shape, s) : convolved([4, 3, 3, c], s)
            const [gamma, beta] = [normal([c], s + 1), normal([c], s + 2)]
            const norm = (x: tf.Tensor, g: tf.Tensor, b: tf.Tensor) => fused.batchNormTraining(x, g, b, 1e-3, relu).y
            const { mean, variance } = fused.batchNormTraining(x, gamma, beta, 1e-3, relu)
            return [
              mean,
              variance,
              ...withGradients((x, g, b) => norm(x!, g!, b!), [x, gamma, beta], s),
              ...withGradients((x, g, b) => fused.scaleShift(x!, g!, b!, relu), [x, gamma, beta], s),
              ...withGradients((x) => fused.spatialMean(x!), [x], s),
              ...withGradients((x, g, b) => norm(x!, g!, b!), [normal([40, c], s), gamma, beta], s),
              tf.batchNorm(x as tf.Tensor4D, normal([c], s) as tf.Tensor1D, tf.abs(normal([c], s + 3)) as tf.Tensor1D),
            ]
          }, 1e-3)
        }),
        runs(40),
      )
    })

    it('keeps the precision of a variance far from zero', () => {
      expectSame(() => {
        const x = tf.add(tf.mul(normal([64, 8, 8, 16], 1), 0.1), 100)
        return [fused.batchNormTraining(x, undefined, undefined, 1e-5, false).variance]
      }, 1e-2)
    })

    it.each([
      ['momentum', () => momentum({ learningRate: 0.1, weightDecay: 0.1 })],
      ['nesterov', () => momentum({ learningRate: 0.1, nesterov: true })],
      ['descent', () => momentum({ learningRate: 0.1, momentum: 0, weightDecay: 0.1 })],
      ['adam', () => adam({ learningRate: 0.1, weightDecay: 0.1 })],
      ['adamW', () => adamW({ learningRate: 0.1, weightDecay: 0.1 })],
    ] as const)('%s', (_, make) => {
      expectSame(() => {
        const initial = normal([7, 5], 1)
        const w = tf.variable(initial)
        const optimizer = make()
        const target = normal([7, 5], 2)
        for (let i = 0; i < 4; i++)
          optimizer.minimize(() => tf.sum(tf.square(tf.sub(w as tf.Tensor, target))), false, [w])
        const out = tf.clone(w as tf.Tensor)
        optimizer.dispose()
        w.dispose()
        // What the variable was made from is not touched by updates in place.
        return [out, initial]
      })
    })
  })

  describe('convolution and its two gradients equal the cpu engine on random shapes', () => {
    it('dense', { timeout: 240_000 }, () => {
      let ran = 0
      fc.assert(
        fc.property(shapes, (s) => {
          expectSame(() => {
            const out = convolve(s, false, 1)
            if (out) ran++
            return out ?? []
          })
        }),
        runs(150, 1),
      )
      expect(ran).toBeGreaterThan(60 * share)
    })

    it('1×1, on planes of whole blocks', () => {
      const positions = fc.constantFrom([4, 4], [2, 8], [4, 8], [3, 16])
      const channels = fc.constantFrom(1, 3, 16, 20, 32)
      fc.assert(
        fc.property(positions, channels, channels, fc.constantFrom(1, 3, 16), (at, inputs, outputs, batch) => {
          const [height, width] = at as [number, number]
          const one = {
            batch,
            height,
            width,
            inputs,
            outputs,
            pad: 'same',
            seed: 5,
            kernel: [1, 1],
            strides: [1, 1],
            dilations: [1, 1],
          } as Shapes
          expectSame(() => convolve(one, false, 1) ?? [])
        }),
        runs(40, 3),
      )
    })

    it('depthwise', { timeout: 240_000 }, () => {
      let ran = 0
      fc.assert(
        fc.property(shapes, fc.constantFrom(1, 1, 2), (s, multiplier) => {
          expectSame(() => {
            const out = convolve(s, true, multiplier)
            if (out) ran++
            return out ?? []
          })
        }),
        runs(150, 2),
      )
      expect(ran).toBeGreaterThan(60 * share)
    })
  })
}
