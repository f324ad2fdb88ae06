/** The hot kernels run by themselves: none of them may quietly end in the cpu engine's kernel. */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-layers' // registers the gradients
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'
import { normal, withGradients } from '../compare.ts'

/** Kernels of the cpu engine that met many values since the beginning of a case. */
const ran = new Set<string>()
/** Fewer values than this take longer to hand over than to compute. */
const many = 512
const sizeOf = (tensors: readonly (tf.TensorInfo | undefined)[]) =>
  Math.max(0, ...tensors.map((tensor) => (tensor ? tf.util.sizeFromShape(tensor.shape) : 0)))
/** They move no values: a new shape, a new reference, a new name. */
const free = new Set(['Identity', 'Reshape', 'Cast', 'ExpandDims'])

beforeAll(async () => {
  // Before the engine takes hold of them.
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    tf.unregisterKernel(kernel.kernelName, 'cpu')
    tf.registerKernel({
      ...kernel,
      kernelFunc: (call) => {
        const made = kernel.kernelFunc(call)
        if (sizeOf([...Object.values(call.inputs), made].flat()) >= many) ran.add(kernel.kernelName)
        return made
      },
    })
  }
  await useEngine('onnxruntime')
})

type Four = tf.Tensor4D
const image = (c = 16) => normal([4, 12, 12, c], 1) as Four
const filter = (size: number, i: number, o: number) => normal([size, size, i, o], 2) as Four
const pairs = (x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor) => withGradients((x) => f(x!), [x], 3)

const explicit: [[number, number], [number, number], [number, number], [number, number]] = [
  [0, 0],
  [1, 2],
  [2, 0],
  [0, 0],
]

const convolutions = (depthwise: boolean) => {
  const [i, o] = [16, depthwise ? 1 : 24]
  const f = (strides: number, pad: 'same' | 'valid' | typeof explicit, dilation = 1, size = 3) =>
    withGradients(
      (x, w) =>
        depthwise
          ? tf.depthwiseConv2d(x as Four, w as Four, strides, pad, 'NHWC', dilation)
          : tf.conv2d(x as Four, w as Four, strides, pad, 'NHWC', dilation),
      [image(), filter(size, i, o)],
      4,
    )
  return [
    ...f(1, 'same'),
    ...f(2, 'same'),
    ...f(2, 'valid'),
    ...f(1, explicit),
    ...f(1, 'same', 2),
    ...f(1, 'same', 1, 1),
  ]
}

const cases: Readonly<Record<string, () => tf.Tensor[]>> = {
  'convolution and its gradients': () => convolutions(false),
  'depthwise convolution and its gradients': () => convolutions(true),
  'fused convolution': () =>
    (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const).flatMap((activation) => [
      tf.fused.conv2d({
        x: image(),
        filter: filter(3, 16, 24),
        strides: 1,
        pad: 'same',
        activation,
        bias: tf.ones([24]),
      }),
      tf.fused.depthwiseConv2d({ x: image(), filter: filter(3, 16, 1), strides: 1, pad: 'same', activation }),
    ]),
  'matrix products, transposed and broadcast': () => {
    const [a, b] = [normal([32, 24], 1), normal([24, 40], 2)] as [tf.Tensor2D, tf.Tensor2D]
    const [at, bt] = [normal([24, 32], 1), normal([40, 24], 2)] as [tf.Tensor2D, tf.Tensor2D]
    return [
      ...withGradients((a, b) => tf.matMul(a!, b!), [a, b], 3),
      ...withGradients((a, b) => tf.matMul(a!, b!, true, false), [at, b], 3),
      ...withGradients((a, b) => tf.matMul(a!, b!, false, true), [a, bt], 3),
      ...withGradients((a, b) => tf.matMul(a!, b!, true, true), [at, bt], 3),
      tf.matMul(normal([3, 1, 32, 24], 1), normal([5, 24, 40], 2)),
      ...(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const).map((activation) =>
        tf.fused.matMul({ a, b, bias: normal([40], 3), activation, leakyreluAlpha: 0.1 }),
      ),
    ]
  },
  'elementwise, with numbers and broadcast': () => {
    const [x, y] = [image(), normal([4, 12, 12, 16], 2)]
    const others = [y, normal([16], 3), normal([1, 12, 12, 1], 4), normal([4, 1, 1, 16], 5), tf.scalar(2)]
    const binary = [tf.add, tf.sub, tf.mul, tf.div, tf.maximum, tf.minimum, tf.squaredDifference]
    const unary = [tf.relu, tf.relu6, tf.leakyRelu, tf.elu, tf.exp, tf.tanh, tf.sigmoid, tf.abs, tf.square, tf.sqrt]
    return [
      ...others.flatMap((other) => binary.flatMap((f) => [f(x, other), f(other, x)])),
      ...unary.map((f) => f(x)),
      ...unary.flatMap((f) => pairs(tf.add(tf.abs(x), 0.1), f)),
      ...others.flatMap((other) => binary.flatMap((f) => withGradients((a, b) => f(a!, b!), [x, other], 6))),
      tf.addN([x, y, x]),
      tf.where(tf.greater(x, y), x, y),
      tf.zerosLike(x),
    ]
  },
  reductions: () => {
    const x = image()
    const axes = [undefined, [0, 1, 2], [1, 2], [0], [1], 2]
    const sums = axes.flatMap((axis) => [tf.sum(x, axis), tf.mean(x, axis), tf.max(x, axis), tf.min(x, axis)])
    return [...sums, ...pairs(x, (x) => tf.mean(x)), ...pairs(x, (x) => tf.sum(x, [1, 2]))]
  },
  'moving values': () => {
    const x = image()
    return [
      ...pairs(x, (x) => tf.transpose(x, [0, 3, 1, 2])),
      ...pairs(x, (x) => tf.pad(x, explicit)),
      ...pairs(x, (x) => tf.slice(x, [0, 1, 2, 3], [4, 9, 8, 7])),
      ...pairs(x, (x) => tf.concat([x, x], 3)),
      ...pairs(x, (x) => tf.concat([x, x], 1)),
      ...pairs(x, (x) => tf.tile(x, [1, 2, 2, 1])),
      ...[0, 1, 2, 3].map((axis) => tf.gather(x, tf.tensor1d([1, 0, 3], 'int32'), axis)),
      ...pairs(x, (x) => tf.gather(x, tf.tensor1d([1, 0, 3], 'int32'))),
    ]
  },
  'pooling and its gradients': () => [
    ...pairs(image(), (x) => tf.maxPool(x as Four, 3, 2, 'same')),
    ...pairs(image(), (x) => tf.avgPool(x as Four, 3, 1, 'same')),
    ...pairs(image(), (x) => tf.avgPool(x as Four, 2, 2, 'valid')),
  ],
  'resizing and its gradients': () =>
    (
      [
        [false, false],
        [true, false],
        [false, true],
      ] as const
    ).flatMap((mode) => [
      ...pairs(image(), (x) => tf.image.resizeBilinear(x as Four, [20, 30], ...mode)),
      ...pairs(image(), (x) => tf.image.resizeNearestNeighbor(x as Four, [20, 30], ...mode)),
    ]),
  'the softmax family': () => [...pairs(normal([64, 40], 1), tf.softmax), ...pairs(normal([64, 40], 1), tf.logSoftmax)],
}

it.each(Object.keys(cases))('%s', (name) => {
  ran.clear()
  tf.tidy(() => {
    for (const tensor of cases[name]?.() ?? []) tensor.dataSync()
  })
  expect([...ran].filter((kernel) => !free.has(kernel)).sort()).toEqual([])
})
