import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import * as fused from '../../../core/tensor/fused.ts'
import { adam, adamW, momentum } from '../../../core/tensor/optimizers.ts'
import { expectSame, normal, startBoth, withGradients } from './compare.ts'

beforeAll(() => startBoth())

// Large enough for the graphs to take part, and both full and broken blocks of channels.
const dims = fc.tuple(
  fc.constantFrom(1, 2, 5, 17),
  fc.integer({ min: 1, max: 7 }),
  fc.integer({ min: 1, max: 7 }),
  fc.constantFrom(1, 3, 16, 24, 32, 48),
)
const seed = fc.integer({ min: 1, max: 1e6 })
const runs = (numRuns: number) => ({ numRuns, seed: 7 })

/** A tensor that some engines keep in a layout of their own: the output of a 1×1 convolution. */
function convolved(shape: readonly number[], from: number): tf.Tensor {
  const c = shape[3] as number
  return tf.conv2d(normal(shape, from) as tf.Tensor4D, normal([1, 1, c, c], from + 1) as tf.Tensor4D, 1, 'same')
}

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
      { numRuns: 30, seed: 1 },
    )
  })

  it('gradients of dilated convolutions over no image are zero', () => {
    tf.setBackend('onnxruntime')
    tf.tidy(() => {
      const [inputShape, filterShape] = [
        [0, 8, 8, 16],
        [3, 3, 16, 16],
      ]
      const attributes = { strides: 1, dilations: 2, pad: 'same', inputShape, filterShape }
      const inputs = { x: tf.zeros(inputShape), dy: tf.zeros(inputShape), filter: normal(filterShape, 1) }
      const run = (name: string) =>
        tf.engine().runKernel(name, inputs, attributes as unknown as tf.NamedAttrMap) as tf.Tensor
      expect(run('DilatedConv2DBackpropInput').shape).toEqual(inputShape)
      const dw = run('DilatedConv2DBackpropFilter')
      expect([dw.shape, tf.sum(tf.abs(dw)).dataSync()[0]]).toEqual([filterShape, 0])
    })
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

  it('ARCHLOOM_ONNXRUNTIME_KERNEL for what neither engine computes', () => {
    tf.setBackend('onnxruntime')
    tf.tidy(() => {
      const x = tf.ones([2, 16], 'int32')
      const run = () => tf.engine().runKernel('InnerProduct', { a: x, b: x })
      expect(run).toThrow(/^ARCHLOOM_ONNXRUNTIME_KERNEL: the kernel InnerProduct does not take a int32 \[2, 16\]/)
    })
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
