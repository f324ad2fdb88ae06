import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OnnxRuntimeBackend } from '../../../plugins/onnxruntime/backend.ts'
import { expectSame, normal, startBoth } from './compare.ts'

beforeAll(() => startBoth())

type Four = [number, number, number, number]
const shapes = fc.record({
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

function run(s: Shapes, depthwise: boolean, multiplier: number): tf.Tensor[] | undefined {
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

/** Processors whose ONNX Runtime has no blocked layout take ordinary convolutions. */
const setBlocks = (convolvesBlocks: boolean) =>
  Object.assign(tf.findBackend('onnxruntime') as unknown as OnnxRuntimeBackend, { convolvesBlocks })

describe('without the blocked layout', () => {
  beforeAll(() => {
    tf.setBackend('onnxruntime')
    setBlocks(false)
  })
  afterAll(() => setBlocks(true))

  it.each([
    ['dense', false],
    ['depthwise', true],
  ] as const)('%s convolution and its gradients, pooling', (_, depthwise) => {
    fc.assert(
      fc.property(shapes, (s) => {
        expectSame(() => {
          const x = normal([s.batch, s.height, s.width, s.inputs], s.seed) as tf.Tensor4D
          return [...(run(s, depthwise, 1) ?? []), tf.maxPool(x, 2, 1, 'same'), tf.avgPool(x, 3, 2, 'same')]
        })
      }),
      { numRuns: 60, seed: 4 },
    )
  })
})

describe('convolution and its two gradients equal the cpu engine on random shapes', () => {
  it('dense', () => {
    let ran = 0
    fc.assert(
      fc.property(shapes, (s) => {
        expectSame(() => {
          const out = run(s, false, 1)
          if (out) ran++
          return out ?? []
        })
      }),
      { numRuns: 150, seed: 1 },
    )
    expect(ran).toBeGreaterThan(100)
  })

  it('1×1, on planes of whole blocks', () => {
    const positions = fc.constantFrom([4, 4], [2, 8], [4, 8], [3, 16])
    const channels = fc.constantFrom(1, 3, 16, 20, 32)
    fc.assert(
      fc.property(positions, channels, channels, fc.constantFrom(1, 3, 16), (at, inputs, outputs, batch) => {
        const [height, width] = at as [number, number]
        const one = {
          ...{ batch, height, width, inputs, outputs, pad: 'same', seed: 5 },
          ...{ kernel: [1, 1], strides: [1, 1], dilations: [1, 1] },
        } as Shapes
        expectSame(() => run(one, false, 1) ?? [])
      }),
      { numRuns: 40, seed: 3 },
    )
  })

  it('depthwise', () => {
    let ran = 0
    fc.assert(
      fc.property(shapes, fc.constantFrom(1, 1, 2), (s, multiplier) => {
        expectSame(() => {
          const out = run(s, true, multiplier)
          if (out) ran++
          return out ?? []
        })
      }),
      { numRuns: 150, seed: 2 },
    )
    expect(ran).toBeGreaterThan(100)
  })
})
