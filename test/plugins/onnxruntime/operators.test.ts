import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { normal } from '../compare.ts'
import { operatorContract } from '../operator-contract.ts'

describe('onnxruntime against cpu', () => operatorContract('onnxruntime'))

describe('onnxruntime alone', () => {
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

  it('ARCHLOOM_ONNXRUNTIME_KERNEL for what neither engine computes', () => {
    tf.setBackend('onnxruntime')
    tf.tidy(() => {
      const x = tf.ones([2, 16], 'int32')
      const run = () => tf.engine().runKernel('InnerProduct', { a: x, b: x })
      expect(run).toThrow(/^ARCHLOOM_ONNXRUNTIME_KERNEL: the kernel InnerProduct does not take a int32 \[2, 16\]/)
    })
  })
})
