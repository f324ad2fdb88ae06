/** The fast convolutions against the exact ones of the cpu engine, and when they are chosen. */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { OnnxRuntimeBackend } from '../../../plugins/onnxruntime/backend.ts'
import { prefersWinograd, winograd, winogradFilterGradient } from '../../../plugins/onnxruntime/kernels/winograd.ts'
import { precisionWanted, start } from '../../../plugins/onnxruntime/start.ts'
import type { Dims } from '../../../plugins/onnxruntime/storage.ts'
import { difference, normal } from '../compare.ts'

let be: OnnxRuntimeBackend

beforeAll(async () => {
  start({ threads: 1, precision: 'fast' })
  await tf.setBackend('onnxruntime')
  be = tf.backend() as unknown as OnnxRuntimeBackend
})

type Four = [number, number, number, number]
const numbers = (tensor: tf.Tensor) => be.entry(tensor).numbers as Float32Array<ArrayBuffer>

/** y, dx and dw of the cpu engine. */
function exactly(x: Four, w: Four, pad: number, seed: number) {
  tf.setBackend('cpu')
  const outputs = tf.tidy(() => {
    const [image, filter] = [normal(x, seed) as tf.Tensor4D, normal(w, seed + 1) as tf.Tensor4D]
    const y = tf.conv2d(image, filter, 1, pad)
    const dy = normal(y.shape, seed + 2) as tf.Tensor4D
    const attributes = { strides: [1, 1], pad, dataFormat: 'NHWC', dilations: [1, 1] }
    const call = (name: string, inputs: tf.NamedTensorMap, more: object) =>
      tf.engine().runKernel(name, inputs, { ...attributes, ...more } as unknown as tf.NamedAttrMap) as tf.Tensor
    const dx = call('Conv2DBackpropInput', { dy, filter }, { inputShape: x })
    const dw = call('Conv2DBackpropFilter', { x: image, dy }, { filterShape: w })
    return { shape: y.shape, values: [y, dx, dw].map((tensor) => tensor.dataSync()) }
  })
  tf.setBackend('onnxruntime')
  return outputs
}

describe("precision: 'fast'", () => {
  const shapes = fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    size: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 })),
    c: fc.constantFrom(16, 32),
    o: fc.constantFrom(16, 32),
    pad: fc.constantFrom(0, 1, 2),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })

  it('errs by less than 1e-4 of the largest value: outputs and both gradients', () => {
    fc.assert(
      fc.property(shapes, ({ n, size: [h, width], c, o, pad, seed }) => {
        const [xShape, wShape]: [Four, Four] = [
          [n, h, width, c],
          [3, 3, c, o],
        ]
        const { shape, values } = exactly(xShape, wShape, pad, seed)
        const yShape = shape as unknown as Dims
        const before = be.memoryPool.arena.used
        tf.tidy(() => {
          const [x, w, dy] = [normal(xShape, seed), normal(wShape, seed + 1), normal(shape, seed + 2)]
          const filter = numbers(w)
          const pads = [pad, pad, pad, pad]
          const { y } = winograd(be, be.blocked(x), xShape, filter, o, [yShape[1], yShape[2]], pads)
          const back = pads.map((each) => 2 - each)
          const { y: dx } = winograd(be, be.blocked(dy), yShape, filter, c, [h, width], back, true)
          const dw = be.output(wShape)
          winogradFilterGradient(
            be,
            be.blocked(x),
            xShape,
            be.blocked(dy),
            yShape,
            pads,
            dw.values as Float32Array<ArrayBuffer>,
          )
          const made = [be.blockedOutput(y, yShape), be.blockedOutput(dx, xShape), dw]
          made.forEach((each, i) => {
            expect(difference(be.readSync(each.dataId) as Float32Array, values[i]!), `result ${i}`).toBeLessThan(1e-4)
            be.disposeData(each.dataId)
          })
        })
        expect(be.memoryPool.arena.used).toBe(before)
      }),
      { numRuns: 25, seed: 3 },
    )
  })

  it('is for 3×3 convolutions of many channels without strides', () => {
    const window = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] } as const
    const asks = (dims: Dims, more: object = {}, fast = true) =>
      prefersWinograd({ fast, layout: be.layout }, { ...window, ...more }, dims, dims)
    expect(asks([64, 16, 16, 64])).toBe(true)
    expect(asks([64, 16, 16, 64], {}, false)).toBe(false)
    expect(asks([64, 16, 16, 32])).toBe(false)
    expect(asks([1, 16, 16, 64])).toBe(false)
    expect(asks([64, 5, 5, 64])).toBe(false)
    expect(asks([64, 16, 16, 64], { strides: [2, 2] })).toBe(false)
    expect(asks([64, 16, 16, 64], { kernel: [5, 5] })).toBe(false)
  })

  it('is what the environment asks for; anything else is refused', () => {
    expect(precisionWanted({})).toBe('exact')
    expect(precisionWanted({ ARCHLOOM_PRECISION: 'fast' })).toBe('fast')
    expect(() => precisionWanted({ ARCHLOOM_PRECISION: 'half' })).toThrow(/ARCHLOOM_ONNXRUNTIME_PRECISION.*"half"/)
  })

  it('trains a layer that takes it to almost the same weights', () => {
    const [x, w] = [normal([16, 8, 8, 64], 1) as tf.Tensor4D, normal([3, 3, 64, 64], 2) as tf.Tensor4D]
    const gradients = (fast: boolean) => {
      Object.assign(be, { fast: fast && be.layout.block === 8 })
      const f = (image: tf.Tensor4D, filter: tf.Tensor4D) => tf.mean(tf.square(tf.conv2d(image, filter, 1, 'same')))
      return tf.tidy(() =>
        tf
          .grads(f as (...given: tf.Tensor[]) => tf.Tensor)([x, w])
          .map((each) => each.dataSync()),
      )
    }
    const [exact, fast] = [gradients(false), gradients(true)]
    fast.forEach((each, i) => {
      expect(difference(each, exact[i]!)).toBeLessThan(1e-4)
    })
    tf.dispose([x, w])
  })
})
