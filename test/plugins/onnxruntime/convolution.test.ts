import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { OnnxRuntimeBackend } from '../../../plugins/onnxruntime/backend.ts'
import { compareEngine, expectSame, normal } from '../compare.ts'
import { convolve, shapes } from '../operator-contract.ts'

beforeAll(() => compareEngine('onnxruntime'), 120_000)

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
          return [...(convolve(s, depthwise, 1) ?? []), tf.maxPool(x, 2, 1, 'same'), tf.avgPool(x, 3, 2, 'same')]
        })
      }),
      { numRuns: 60, seed: 4 },
    )
  })
})
