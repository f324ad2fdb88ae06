import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { gradientNames } from '../../../core/tensor/gradients/index.ts'
import { trainStep, useEngine } from '../../../core/tensor/index.ts'
import { expectGradients, sample } from './finite-differences.ts'

await useEngine('cpu')

type Check = readonly [f: (...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: tf.Tensor[]]

const x = sample([3, 4], 'x')
const y = sample([3, 4], 'y', -0.95, 1.03)
const positive = sample([3, 4], 'p', 0.3, 1.8)
const inside = sample([3, 4], 'i', -0.8, 0.8)
const above = sample([3, 4], 'a', 1.2, 2)
const row = sample([4], 'row', 0.5, 1.5)
const cube = sample([2, 3, 4], 'cube')
const image = sample([2, 5, 6, 4], 'image')
const kernel = sample([3, 3, 4, 2], 'kernel')
const ids = tf.tensor1d([2, 0, 2], 'int32')
const float = (t: tf.Tensor) => tf.cast(t, 'float32')

type Resize = (a: tf.Tensor4D, size: [number, number], corners: boolean, centres: boolean) => tf.Tensor
const resizes = (resize: Resize): Check[] =>
  [false, true].flatMap((corners) =>
    [[9, 7] as const, [3, 4] as const].flatMap((size) => {
      const check = (centres: boolean): Check => [(a) => resize(a as tf.Tensor4D, [...size], corners, centres), image]
      return corners ? [check(false)] : [check(false), check(true)]
    }),
  )

const volume = sample([1, 3, 4, 3, 2], 'volume')

const kernelOf = (name: string, inputs: tf.NamedTensorMap, attributes: object): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as tf.Tensor
const pooled = (filterSize: number, strides: number, pad: 'same' | 'valid') => ({ filterSize, strides, pad })
const maxPoolGrad = (dy: tf.Tensor, size: number, stride: number, pad: 'same' | 'valid') => {
  const output = tf.maxPool(image as tf.Tensor4D, size, stride, pad)
  return kernelOf('MaxPoolGrad', { dy, input: image, output }, pooled(size, stride, pad))
}

/** A step beside something that has a slope. */
const stepped = (relation: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, a: tf.Tensor, b: tf.Tensor) =>
  tf.mul(tf.add(float(relation(a, b)), 1), tf.add(a, b))
const logical = (relation: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, a: tf.Tensor, b: tf.Tensor) =>
  stepped((p, q) => relation(tf.greater(p, 0), tf.greater(q, 0)), a, b)

const checks: Readonly<Record<string, readonly Check[]>> = {
  Abs: [[tf.abs, positive]],
  Acos: [[tf.acos, inside]],
  Acosh: [[tf.acosh, above]],
  Add: [[tf.add, x, row]],
  AddN: [[(a, b) => tf.addN([a as tf.Tensor, b as tf.Tensor, a as tf.Tensor]), x, y]],
  All: [[(a) => tf.add(float(tf.all(tf.greater(a as tf.Tensor, 0), 1)), tf.sum(a as tf.Tensor, 1)), x]],
  Any: [[(a) => tf.add(float(tf.any(tf.greater(a as tf.Tensor, 0), 1)), tf.sum(a as tf.Tensor, 1)), x]],
  ArgMax: [[(a) => tf.add(float(tf.argMax(a as tf.Tensor, 1)), tf.sum(a as tf.Tensor, 1)), x]],
  ArgMin: [[(a) => tf.add(float(tf.argMin(a as tf.Tensor, 1)), tf.sum(a as tf.Tensor, 1)), x]],
  Asin: [[tf.asin, inside]],
  Asinh: [[tf.asinh, x]],
  Atan: [[tf.atan, x]],
  Atan2: [[tf.atan2, positive, row]],
  Atanh: [[tf.atanh, inside]],
  AvgPool: [
    [(a) => tf.avgPool(a as tf.Tensor4D, 3, 1, 'same'), image],
    [(a) => tf.avgPool(a as tf.Tensor4D, 3, 2, 'same'), image],
    [(a) => tf.avgPool(a as tf.Tensor4D, 2, 2, 'valid'), image],
    [(a) => tf.avgPool(a as tf.Tensor4D, 3, 2, 1), image],
  ],
  AvgPool3D: [
    [(a) => tf.avgPool3d(a as tf.Tensor5D, 2, 1, 'same'), volume],
    [(a) => tf.avgPool3d(a as tf.Tensor5D, 2, 2, 'valid'), volume],
  ],
  AvgPoolGrad: [
    [
      (dy) => kernelOf('AvgPoolGrad', { dy: dy as tf.Tensor, input: image }, pooled(3, 2, 'same')),
      sample([2, 3, 3, 4], 'g'),
    ],
    [
      (dy) => kernelOf('AvgPoolGrad', { dy: dy as tf.Tensor, input: image }, pooled(2, 2, 'valid')),
      sample([2, 2, 3, 4], 'g'),
    ],
  ],
  BatchMatMul: [
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor), sample([3, 4], 'a'), sample([4, 2], 'b')],
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, true), sample([4, 3], 'a'), sample([4, 2], 'b')],
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, false, true), sample([3, 4], 'a'), sample([2, 4], 'b')],
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, true, true), sample([4, 3], 'a'), sample([2, 4], 'b')],
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor), sample([3, 2, 4], 'a'), sample([3, 4, 2], 'b')],
    [(a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor), sample([3, 2, 4], 'a'), sample([1, 4, 2], 'b')],
  ],
  BatchToSpaceND: [[(a) => tf.batchToSpaceND(a as tf.Tensor, [2, 2], [[0, 1], [0, 0]]), sample([4, 2, 3, 1], 'b')]], // biome-ignore format: one line
  Cast: [[(a) => tf.cast(a as tf.Tensor, 'float32'), x]],
  Ceil: [[(a) => tf.add(tf.ceil(a as tf.Tensor), a as tf.Tensor), inside]],
  ClipByValue: [[(a) => tf.clipByValue(a as tf.Tensor, -0.4, 0.45), x]],
  Concat: [[(a, b) => tf.concat([a as tf.Tensor, b as tf.Tensor], -1), x, sample([3, 2], 'c')]],
  Conv2D: [
    [(a, k) => tf.conv2d(a as tf.Tensor4D, k as tf.Tensor4D, 1, 'same'), image, kernel],
    [(a, k) => tf.conv2d(a as tf.Tensor4D, k as tf.Tensor4D, 2, 'valid'), image, kernel],
    [(a, k) => tf.conv2d(a as tf.Tensor4D, k as tf.Tensor4D, 1, 'same', 'NHWC', 2), image, kernel],
  ],
  Conv2DBackpropFilter: [
    [
      (a, dy) =>
        kernelOf(
          'Conv2DBackpropFilter',
          { x: a as tf.Tensor, dy: dy as tf.Tensor },
          { ...pooled(3, 2, 'same'), dataFormat: 'NHWC', filterShape: [3, 3, 4, 2] },
        ),
      image,
      sample([2, 3, 3, 2], 'g'),
    ],
  ],
  Conv2DBackpropInput: [
    [
      (a, k) => tf.conv2dTranspose(a as tf.Tensor4D, k as tf.Tensor4D, [2, 10, 12, 3], 2, 'same'),
      image,
      sample([3, 3, 3, 4], 't'),
    ],
  ],
  Conv3D: [[(a, k) => tf.conv3d(a as tf.Tensor5D, k as tf.Tensor5D, 1, 'same'), volume, sample([2, 2, 2, 2, 3], 'k')]],
  Cos: [[tf.cos, x]],
  Cosh: [[tf.cosh, x]],
  Cumprod: [
    [(a) => tf.cumprod(a as tf.Tensor, 1), cube],
    [(a) => tf.cumprod(a as tf.Tensor, 0, true, true), cube],
    [(a) => tf.cumprod(a as tf.Tensor, 2, true), cube],
    [(a) => tf.cumprod(tf.mul(a as tf.Tensor, tf.tensor1d([1, 0, 1, 1])), 1, false, true), x],
  ],
  Cumsum: [
    [(a) => tf.cumsum(a as tf.Tensor, 1), cube],
    [(a) => tf.cumsum(a as tf.Tensor, 2, true, true), cube],
  ],
  DepthToSpace: [[(a) => tf.depthToSpace(a as tf.Tensor4D, 2), image]],
  DepthwiseConv2dNative: [
    [(a, k) => tf.depthwiseConv2d(a as tf.Tensor4D, k as tf.Tensor4D, 2, 'same'), image, kernel],
    [(a, k) => tf.depthwiseConv2d(a as tf.Tensor4D, k as tf.Tensor4D, 1, 'same', 'NHWC', 2), image, kernel],
  ],
  DepthwiseConv2dNativeBackpropFilter: [
    [
      (a, dy) =>
        kernelOf(
          'DepthwiseConv2dNativeBackpropFilter',
          { x: a as tf.Tensor, dy: dy as tf.Tensor },
          { ...pooled(3, 2, 'same'), dilations: [1, 1], filterShape: [3, 3, 4, 2] },
        ),
      image,
      sample([2, 3, 3, 8], 'g'),
    ],
  ],
  DepthwiseConv2dNativeBackpropInput: [
    [
      (dy, k) =>
        kernelOf(
          'DepthwiseConv2dNativeBackpropInput',
          { dy: dy as tf.Tensor, filter: k as tf.Tensor },
          { ...pooled(3, 2, 'same'), dilations: [1, 1], inputShape: [2, 5, 6, 4] },
        ),
      sample([2, 3, 3, 8], 'g'),
      kernel,
    ],
  ],
  Dilation2D: [[(a, k) => tf.dilation2d(a as tf.Tensor4D, k as tf.Tensor3D, 1, 'same'), image, sample([2, 2, 4], 'k')]],
  Einsum: [
    [(a, b) => tf.einsum('ij,jk->ik', a as tf.Tensor, b as tf.Tensor), x, sample([4, 2], 'b')],
    [(a, b) => tf.einsum('bij,bkj->bik', a as tf.Tensor, b as tf.Tensor), cube, sample([2, 5, 4], 'b')],
    [(a, b) => tf.einsum('ij,kj->i', a as tf.Tensor, b as tf.Tensor), x, sample([2, 4], 'b')],
    [(a, b) => tf.einsum('ij,ij->', a as tf.Tensor, b as tf.Tensor), x, y],
    [(a, b) => tf.einsum('i,j->ij', a as tf.Tensor, b as tf.Tensor), row, sample([3], 'b')],
    [(a) => tf.einsum('ijk->ki', a as tf.Tensor), cube],
  ],
  Elu: [[tf.elu, x]],
  Equal: [[(a, b) => stepped(tf.equal, a as tf.Tensor, b as tf.Tensor), x, y]],
  Erf: [[tf.erf, x]],
  Exp: [[tf.exp, x]],
  ExpandDims: [[(a) => tf.expandDims(a as tf.Tensor, 1), x]],
  Expm1: [[tf.expm1, x]],
  Floor: [[(a) => tf.add(tf.floor(a as tf.Tensor), a as tf.Tensor), positive]],
  FloorDiv: [[(a, b) => tf.add(tf.floorDiv(a as tf.Tensor, b as tf.Tensor), tf.mul(a as tf.Tensor, b as tf.Tensor)), above, row]], // biome-ignore format: one line
  FusedBatchNorm: [
    [
      (a, mean, variance, offset, scale) =>
        tf.batchNorm(
          a as tf.Tensor4D,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          offset as tf.Tensor1D,
          scale as tf.Tensor1D,
          0.1,
        ),
      image,
      sample([4], 'm'),
      row,
      sample([4], 'o'),
      sample([4], 's'),
    ],
    [
      (a, mean, variance) => tf.batchNorm(a as tf.Tensor4D, mean as tf.Tensor1D, variance as tf.Tensor1D),
      image,
      sample([4], 'm'),
      row,
    ],
  ],
  GatherNd: [
    [
      (a) =>
        tf.gatherND(
          a as tf.Tensor,
          tf.tensor2d(
            [
              [0, 1],
              [1, 2],
              [0, 1],
            ],
            [3, 2],
            'int32',
          ),
        ),
      cube,
    ],
  ],
  GatherV2: [
    [(a) => tf.gather(a as tf.Tensor, ids, 1), cube],
    [(a) => tf.gather(a as tf.Tensor, tf.tensor2d([[1, 1], [0, 2]], [2, 2], 'int32'), 1, 1), cube], // biome-ignore format: one line
  ],
  Greater: [[(a, b) => stepped(tf.greater, a as tf.Tensor, b as tf.Tensor), x, y]],
  GreaterEqual: [[(a, b) => tf.mul(float(tf.greaterEqual(a as tf.Tensor, b as tf.Tensor)), tf.add(a as tf.Tensor, b as tf.Tensor)), x, y]], // biome-ignore format: one line
  Identity: [[(a) => tf.clone(a as tf.Tensor), x]],
  IsFinite: [[(a) => tf.add(float(tf.isFinite(a as tf.Tensor)), a as tf.Tensor), x]],
  IsInf: [[(a) => tf.add(float(tf.isInf(a as tf.Tensor)), a as tf.Tensor), x]],
  IsNan: [[(a) => tf.add(float(tf.isNaN(a as tf.Tensor)), a as tf.Tensor), x]],
  LRN: [[(a) => tf.localResponseNormalization(a as tf.Tensor4D, 2, 1, 0.5, 0.5), image]],
  LeakyRelu: [[(a) => tf.leakyRelu(a as tf.Tensor, 0.3), x]],
  Less: [[(a, b) => stepped(tf.less, a as tf.Tensor, b as tf.Tensor), x, row]],
  LessEqual: [[(a, b) => stepped(tf.lessEqual, a as tf.Tensor, b as tf.Tensor), x, y]],
  Log: [[tf.log, positive]],
  Log1p: [[tf.log1p, positive]],
  LogSoftmax: [[(a) => tf.logSoftmax(a as tf.Tensor), x]],
  LogicalAnd: [[(a, b) => logical(tf.logicalAnd, a as tf.Tensor, b as tf.Tensor), x, y]],
  LogicalNot: [[(a) => tf.mul(float(tf.logicalNot(tf.greater(a as tf.Tensor, 0))), a as tf.Tensor), x]],
  LogicalOr: [[(a, b) => logical(tf.logicalOr, a as tf.Tensor, b as tf.Tensor), x, y]],
  LogicalXor: [[(a, b) => logical(tf.logicalXor, a as tf.Tensor, b as tf.Tensor), x, y]],
  Max: [
    [(a) => tf.max(a as tf.Tensor, [1]), cube],
    [(a) => tf.max(a as tf.Tensor), cube],
  ],
  MaxPool: [
    [(a) => tf.maxPool(a as tf.Tensor4D, 3, 2, 'same'), image],
    [(a) => tf.maxPool(a as tf.Tensor4D, 3, 1, 1), image],
  ],
  MaxPool3D: [[(a) => tf.maxPool3d(a as tf.Tensor5D, 2, 1, 'same'), volume]],
  MaxPoolGrad: [
    [(dy) => maxPoolGrad(dy as tf.Tensor, 3, 2, 'same'), sample([2, 3, 3, 4], 'g')],
    [(dy) => maxPoolGrad(dy as tf.Tensor, 2, 2, 'valid'), sample([2, 2, 3, 4], 'g')],
  ],
  Maximum: [[tf.maximum, x, row]],
  Mean: [
    [(a) => tf.mean(a as tf.Tensor, [0, 2]), cube],
    [(a) => tf.mean(a as tf.Tensor, -1, true), cube],
  ],
  Min: [[(a) => tf.min(a as tf.Tensor, 0, true), cube]],
  Minimum: [[tf.minimum, x, row]],
  MirrorPad: [
    [(a) => tf.mirrorPad(a as tf.Tensor, [[1, 2], [0, 1]], 'reflect'), x], // biome-ignore format: one line
    [(a) => tf.mirrorPad(a as tf.Tensor, [[2, 1], [1, 0]], 'symmetric'), x], // biome-ignore format: one line
  ],
  Mod: [[tf.mod, above, row]],
  Multiply: [[tf.mul, x, row]],
  Neg: [[tf.neg, x]],
  NotEqual: [[(a, b) => stepped(tf.notEqual, a as tf.Tensor, b as tf.Tensor), x, y]],
  OneHot: [[(a) => tf.mul(float(tf.oneHot(ids, 4)), a as tf.Tensor), x]],
  OnesLike: [[(a) => tf.mul(tf.onesLike(a as tf.Tensor), a as tf.Tensor), x]],
  Pack: [[(a, b) => tf.stack([a as tf.Tensor, b as tf.Tensor], 1), x, y]],
  PadV2: [[(a) => tf.pad(a as tf.Tensor, [[1, 2], [0, 1]]), x]], // biome-ignore format: one line
  Pow: [
    [tf.pow, positive, row],
    [(a) => tf.pow(a as tf.Tensor, 2), x],
  ],
  Prelu: [[tf.prelu, x, row]],
  Prod: [
    [(a) => tf.prod(a as tf.Tensor, 1), cube],
    [(a) => tf.prod(a as tf.Tensor, [0, 2]), cube],
  ],
  RealDiv: [[tf.div, x, row]],
  Reciprocal: [[tf.reciprocal, positive]],
  Relu: [[tf.relu, x]],
  Relu6: [[(a) => tf.relu6(tf.mul(a as tf.Tensor, 9)), x]],
  Reshape: [[(a) => tf.reshape(a as tf.Tensor, [4, 3]), x]],
  ResizeBilinear: resizes((a, size, corners, centres) => tf.image.resizeBilinear(a, size, corners, centres)),
  ResizeNearestNeighbor: resizes((a, size, corners, centres) =>
    tf.image.resizeNearestNeighbor(a, size, corners, centres),
  ),
  Reverse: [[(a) => tf.reverse(a as tf.Tensor, 1), x]],
  Round: [[(a) => tf.add(tf.round(a as tf.Tensor), a as tf.Tensor), sample([4], 'r', 0.55, 1.4)]],
  Rsqrt: [[tf.rsqrt, positive]],
  Select: [
    [(a, b) => tf.where(tf.greater(x, 0), a as tf.Tensor, b as tf.Tensor), y, positive],
    [(a, b) => tf.where(tf.tensor2d([[1], [0], [1]], [3, 1], 'bool'), a as tf.Tensor, b as tf.Tensor), y, positive],
  ],
  Selu: [[tf.selu, x]],
  Sigmoid: [[tf.sigmoid, x]],
  Sign: [[(a) => tf.mul(tf.sign(a as tf.Tensor), a as tf.Tensor), positive]],
  Sin: [[tf.sin, x]],
  Sinh: [[tf.sinh, x]],
  Slice: [[(a) => tf.slice(a as tf.Tensor, [1, 0], [2, -1]), x]],
  Softmax: [[(a) => tf.softmax(a as tf.Tensor), x]],
  Softplus: [[tf.softplus, x]],
  SpaceToBatchND: [[(a) => tf.spaceToBatchND(a as tf.Tensor, [2, 2], [[0, 1], [0, 0]]), sample([1, 3, 4, 1], 's')]], // biome-ignore format: one line
  SplitV: [[(a) => tf.mul(tf.split(a as tf.Tensor, [1, 3], 1)[1] as tf.Tensor, 2), x]],
  Sqrt: [[tf.sqrt, positive]],
  Square: [[tf.square, x]],
  SquaredDifference: [[tf.squaredDifference, x, row]],
  Step: [[(a) => tf.mul(tf.step(a as tf.Tensor), a as tf.Tensor), x]],
  StridedSlice: [
    [(a) => tf.stridedSlice(a as tf.Tensor, [0, 1, 0], [2, 3, 4], [1, 1, 2]), cube],
    [(a) => tf.stridedSlice(a as tf.Tensor, [0, 3], [3, 0], [2, -1], 1, 0, 0, 0, 0), x],
    [(a) => tf.stridedSlice(a as tf.Tensor, [1, 0], [2, 4], [1, 1], 0, 0, 0, 0, 1), x],
  ],
  Sub: [[tf.sub, row, x]],
  Sum: [
    [(a) => tf.sum(a as tf.Tensor, [0, 2]), cube],
    [(a) => tf.sum(a as tf.Tensor, 1, true), cube],
  ],
  Tan: [[tf.tan, inside]],
  Tanh: [[tf.tanh, x]],
  Tile: [[(a) => tf.tile(a as tf.Tensor, [2, 3]), x]],
  TopK: [
    [(a) => tf.topk(a as tf.Tensor, 2).values, cube],
    [(a) => tf.mul(tf.topk(a as tf.Tensor, 3).values, float(tf.add(tf.topk(a as tf.Tensor, 3).indices, 1))), x],
  ],
  Transpose: [[(a) => tf.transpose(a as tf.Tensor, [2, 0, 1]), cube]],
  Unpack: [[(a) => tf.mul(tf.unstack(a as tf.Tensor, 1)[2] as tf.Tensor, 3), x]],
  UnsortedSegmentSum: [[(a) => tf.unsortedSegmentSum(a as tf.Tensor, tf.tensor1d([1, -1, 1], 'int32'), 2), x]],
  ZerosLike: [[(a) => tf.add(tf.zerosLike(a as tf.Tensor), a as tf.Tensor), x]],
}

/** Gradients that take a kernel which has none of its own. */
const onlyOnce = ['AvgPool3D', 'Conv3D', 'Dilation2D', 'LRN', 'MaxPool3D']

/** All first derivatives of Σ wᵢ·f(inputs)ᵢ in a row; a constant one stays differentiable. */
const slopesOf =
  (f: Check[0]) =>
  (...inputs: tf.Tensor[]): tf.Tensor => {
    const gradients = tf.grads((...at: tf.Tensor[]) => {
      const value = f(...at)
      return tf.sum(tf.mul(value, sample(value.shape, 'direction', 0.5, 1.5)))
    })(inputs)
    const resting = tf.mul(tf.addN(inputs.map((each) => tf.sum(each))), 0)
    return tf.add(tf.concat(gradients.map((each) => tf.reshape(each, [each.size]))), resting)
  }

describe('gradients agree with central differences', () => {
  it('is checked for every kernel that has one', () => {
    // Kernels that only some engines have are differentiated twice in the contract of engines.
    expect(Object.keys(checks).sort()).toEqual(gradientNames.filter((name) => !name.startsWith('Dilated')))
  })

  it.each(Object.entries(checks))('%s', (name, cases) => {
    expect(tf.getGradient(name)).toBeDefined()
    for (const [f, ...inputs] of cases) {
      // Away from kinks and steps a small step does; float32 asks for not too small a one.
      const gradients = expectGradients(f, inputs, { step: 2e-3, tolerance: 1e-2 })
      expect(gradients.some((gradient) => gradient.some((value) => value !== 0))).toBe(true)
    }
  })

  it.each(Object.entries(checks).filter(([name]) => !onlyOnce.includes(name)))(
    '%s, differentiated twice',
    (_, cases) => {
      for (const [f, ...inputs] of cases)
        expectGradients(slopesOf(f), inputs, { step: 2e-3, tolerance: 2e-2, probes: 6 })
    },
  )

  it.each(onlyOnce)('ARCHLOOM_GRADIENT_MISSING of %s, differentiated twice', (name) => {
    const [f, ...inputs] = (checks[name] as Check[])[0] as Check
    expect(() => expectGradients(slopesOf(f), inputs)).toThrow(/ARCHLOOM_GRADIENT_MISSING: the operation "\w+"/)
  })
})

describe('what has no gradient is refused by name', () => {
  const refused: Record<string, (a: tf.Tensor) => tf.Tensor> = {
    CropAndResize: (a) => tf.image.cropAndResize(a as tf.Tensor4D, [[0, 0, 1, 1]], [0], [2, 2]),
    FlipLeftRight: (a) => tf.image.flipLeftRight(a as tf.Tensor4D),
  }
  it.each(Object.entries(refused))('ARCHLOOM_GRADIENT_MISSING: %s', (name, f) => {
    const differentiate = () => tf.tidy(() => tf.grad((a) => tf.sum(f(a)))(image))
    expect(differentiate).toThrow(`ARCHLOOM_GRADIENT_MISSING: the operation "${name}" cannot be differentiated`)
  })

  it('before a training step changes a weight', () => {
    const weight = tf.variable(tf.ones([5, 6, 4]))
    const optimizer = tf.train.sgd(1)
    const loss = () =>
      tf.sum(tf.image.flipLeftRight(tf.mul(image, weight as unknown as tf.Tensor) as tf.Tensor4D)) as tf.Scalar
    expect(() => trainStep({ variables: [weight], optimizer, loss })).toThrow('ARCHLOOM_GRADIENT_MISSING')
    expect(weight.dataSync().every((value) => value === 1)).toBe(true)
    tf.dispose(weight)
    optimizer.dispose()
  })

  it('no kernel of the engine is left without either', () => {
    for (const { kernelName } of tf.getKernelsForBackend('cpu'))
      expect(tf.getGradient(kernelName), kernelName).toBeDefined()
  })

  it('a path that was not asked for does not matter, and a gradient of your own is taken', () => {
    tf.tidy(() => {
      const flipped = tf.image.flipLeftRight(image as tf.Tensor4D)
      expect(tf.grad((a) => tf.sum(tf.mul(a, flipped)))(image).shape).toEqual(image.shape)
    })
  })

  it('steps along a condition: where(greater(x, 0), x², −x)', () => {
    const at = tf.tensor1d([-2, -0.5, 0.5, 2])
    const f = (a: tf.Tensor) => tf.where(tf.greater(a, 0), tf.square(a), tf.neg(a))
    expect([
      ...tf.tidy(() =>
        tf
          .grad((a) => tf.sum(f(a)))(at)
          .dataSync(),
      ),
    ]).toEqual([-1, -1, 1, 4])
  })
})
