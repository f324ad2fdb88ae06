import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { expectClose, expectGradients, sample } from './finite-differences.ts'

const report = await useEngine('wasm')
await import('@tensorflow/tfjs-backend-cpu')

/** The same computation on the stock cpu kernels. */
async function onCpu(run: () => tf.Tensor): Promise<Float32Array> {
  await tf.setBackend('cpu')
  const values = tf.tidy(() => run().dataSync().slice()) as Float32Array
  await tf.setBackend('wasm')
  return values
}

const kernelOf = (name: string, inputs: tf.NamedTensorMap, attributes: object) =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

/** Runs a kernel on wasm (our fill-in) and on cpu (stock), inputs made anew on each. */
async function expectSameKernel(name: string, inputs: () => tf.NamedTensorMap, attributes: object): Promise<void> {
  const expected = await onCpu(() => kernelOf(name, inputs(), attributes))
  const actual = tf.tidy(() => kernelOf(name, inputs(), attributes).dataSync().slice()) as Float32Array
  expectClose(actual, expected)
}

interface Geometry {
  readonly height: number
  readonly width: number
  readonly kernel: [number, number]
  readonly strides: [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
}

const geometries: readonly Geometry[] = [
  { height: 6, width: 6, kernel: [3, 3], strides: [1, 1], pad: 'same' },
  { height: 7, width: 5, kernel: [3, 3], strides: [2, 2], pad: 'same' },
  { height: 6, width: 9, kernel: [3, 2], strides: [2, 1], pad: 'same' },
  { height: 7, width: 8, kernel: [3, 3], strides: [2, 2], pad: 'valid' },
  { height: 8, width: 8, kernel: [2, 3], strides: [3, 3], pad: 'valid' },
  { height: 5, width: 6, kernel: [1, 1], strides: [1, 1], pad: 'same' },
  { height: 5, width: 6, kernel: [1, 1], strides: [2, 2], pad: 'valid' },
  { height: 6, width: 7, kernel: [1, 1], strides: [2, 2], pad: 'same' },
  { height: 6, width: 7, kernel: [5, 5], strides: [2, 2], pad: 2 },
  { height: 3, width: 3, kernel: [5, 5], strides: [1, 1], pad: 'same' },
  { height: 6, width: 7, kernel: [3, 3], strides: [1, 2], pad: [[0, 0], [2, 0], [1, 3], [0, 0]] }, // biome-ignore format: one line
]

const name = ({ height, width, kernel, strides, pad }: Geometry) =>
  `${height}×${width}, kernel ${kernel}, strides ${strides}, pad ${JSON.stringify(pad)}`

describe('fill-ins of stock wasm', () => {
  it('are what the engine lacks or is slow at', () => {
    expect(report.fillIns.filter(({ why }) => why !== 'wrong')).toEqual([
      { kernel: 'Conv2DBackpropFilter', why: 'missing' },
      { kernel: 'Conv2DBackpropInput', why: 'slow' },
      { kernel: 'DepthwiseConv2dNativeBackpropFilter', why: 'missing' },
      { kernel: 'DepthwiseConv2dNativeBackpropInput', why: 'missing' },
      { kernel: 'BatchMatMul', why: 'slow' },
      { kernel: 'UnsortedSegmentSum', why: 'missing' },
      { kernel: 'Einsum', why: 'missing' },
    ])
    expect(report.fillIns).toContainEqual({ kernel: 'MaxPoolGrad', why: 'wrong' })
  })

  describe.each(geometries.map((geometry) => [name(geometry), geometry] as const))('%s', (_name, geometry) => {
    const { height, width, kernel, strides, pad } = geometry
    const inputShape: [number, number, number, number] = [2, height, width, 3]
    const outputOf = (filters: number, depthwise: boolean) =>
      tf.backend_util.computeConv2DInfo(inputShape, [...kernel, 3, filters], strides, 1, pad, undefined, depthwise)
        .outShape

    it('Conv2DBackpropFilter and Conv2DBackpropInput equal cpu', async () => {
      const filterShape = [...kernel, 3, 4]
      const dy = () => sample(outputOf(4, false), 'dy')
      const attributes = { strides, pad, dataFormat: 'NHWC' }
      await expectSameKernel('Conv2DBackpropFilter', () => ({ x: sample(inputShape, 'x'), dy: dy() }), {
        ...attributes,
        filterShape,
      })
      await expectSameKernel('Conv2DBackpropInput', () => ({ dy: dy(), filter: sample(filterShape, 'w') }), {
        ...attributes,
        inputShape,
      })
    })

    it.each([1, 2])('both depthwise back-propagations equal cpu, multiplier %i', async (multiplier) => {
      const filterShape = [...kernel, 3, multiplier]
      const dy = () => sample(outputOf(multiplier, true), 'dy')
      const attributes = { strides, pad, dilations: [1, 1] }
      await expectSameKernel('DepthwiseConv2dNativeBackpropFilter', () => ({ x: sample(inputShape, 'x'), dy: dy() }), {
        ...attributes,
        filterShape,
      })
      await expectSameKernel(
        'DepthwiseConv2dNativeBackpropInput',
        () => ({ dy: dy(), filter: sample(filterShape, 'w') }),
        { ...attributes, inputShape },
      )
    })
  })

  it.each([
    [[1, 4, 3], [1, 3, 5], false, false],
    [[1, 3, 4], [1, 3, 5], true, false],
    [[1, 4, 3], [1, 5, 3], false, true],
    [[1, 3, 4], [1, 5, 3], true, true],
    [[3, 3, 4], [3, 5, 3], true, true],
    [[3, 4, 3], [1, 3, 5], false, false],
    [[1, 3, 4], [3, 3, 5], true, false],
  ])('BatchMatMul %j × %j, transposed %s, %s, equals cpu', async (a, b, transposeA, transposeB) => {
    await expectSameKernel('BatchMatMul', () => ({ a: sample(a, 'a'), b: sample(b, 'b') }), { transposeA, transposeB })
  })

  it.each(['float32', 'int32'] as const)('UnsortedSegmentSum of %s equals cpu', async (dtype) => {
    const ids = () => tf.tensor1d([3, 0, 3, 1, 0], 'int32')
    const x = () => tf.cast(tf.mul(sample([5, 2, 3], 'x'), 9), dtype)
    await expectSameKernel('UnsortedSegmentSum', () => ({ x: x(), segmentIds: ids() }), { numSegments: 5 })
  })

  it('leave no tensor behind', async () => {
    const left = await countTensors(() =>
      tf.tidy(() => {
        const [x, w] = [sample([2, 5, 5, 3], 'x'), sample([3, 3, 3, 2], 'w')]
        const loss = (a: tf.Tensor, k: tf.Tensor) => tf.sum(tf.conv2d(a as tf.Tensor4D, k as tf.Tensor4D, 2, 'same'))
        tf.grads(loss)([x, w])
      }),
    )
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })
})

describe('gradients of dilated convolutions, by central differences', () => {
  const image = sample([2, 7, 6, 2], 'image')

  it.each([
    ['same', 2, [3, 3]],
    ['valid', 2, [3, 3]],
    ['same', 3, [3, 2]],
    ['same', 2, [5, 5]],
  ] as const)('pad %s, dilation %i, kernel %j', (pad, dilation, size) => {
    const full = sample([...size, 2, 3], 'w')
    const depthwise = sample([...size, 2, 2], 'd')
    expectGradients((x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, 'NHWC', dilation), [image, full])
    expectGradients(
      (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, pad, 'NHWC', dilation),
      [image, depthwise],
    )
  })
})

describe('gradients on wasm equal those on cpu', () => {
  const cases: Readonly<Record<string, () => tf.Tensor>> = {
    'convolution, transposed convolution': () =>
      tf.grad((x) => {
        const y = tf.conv2d(x as tf.Tensor4D, sample([3, 3, 2, 4], 'w') as tf.Tensor4D, 2, 'same')
        return tf.conv2dTranspose(y, sample([3, 3, 2, 4], 't') as tf.Tensor4D, [2, 7, 6, 2], 2, 'same')
      })(sample([2, 7, 6, 2], 'x')),
    'average pooling with padding': () =>
      tf.grad((x) => tf.square(tf.avgPool(x as tf.Tensor4D, 3, 2, 'same')))(sample([2, 7, 6, 2], 'x')),
    depthToSpace: () => tf.grad((x) => tf.square(tf.depthToSpace(x as tf.Tensor4D, 2)))(sample([2, 3, 5, 4], 'x')),
    gather: () => tf.grad((x) => tf.square(tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'), 1)))(sample([2, 3, 4], 'x')),
    'mirrored padding': () =>
      tf.grad((x) => tf.square(tf.mirrorPad(x, [[0, 0], [1, 2]], 'reflect')))(sample([2, 4], 'x')), // biome-ignore format: one line
    resizing: () =>
      tf.grad((x) => tf.square(tf.image.resizeBilinear(x as tf.Tensor4D, [5, 9], false, true)))(
        sample([2, 3, 4, 2], 'x'),
      ),
  }

  it.each(Object.entries(cases))('%s', async (_name, gradient) => {
    expectClose(tf.tidy(() => gradient().dataSync().slice()) as Float32Array, await onCpu(gradient))
  })
})
