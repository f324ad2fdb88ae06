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

  // The kernels of the cpu backend read the arrays of tensors that they have disposed of.
  it.each([2, 4, 5])('Fourier transforms of %i numbers keep the imaginary part apart from the real one', (length) => {
    tf.setBackend('onnxruntime')
    tf.tidy(() => {
      const angles = Array.from({ length }, (_, i) => (2 * Math.PI * i) / length)
      // The wave e^(iθ) and 0.5i on top: 1 at the first frequency, and 0.5i at none.
      const wave = tf.complex(
        angles.map(Math.cos),
        angles.map((angle) => Math.sin(angle) + 0.5),
      )
      const spectrum = tf.fft(wave)
      const back = tf.ifft(spectrum)
      const close = (actual: tf.Tensor, expected: readonly number[]) => {
        for (const [i, value] of actual.dataSync().entries()) expect(value).toBeCloseTo(expected[i]!, 4)
      }
      close(
        tf.real(spectrum),
        angles.map((_, i) => (i === 1 ? length : 0)),
      )
      close(
        tf.imag(spectrum),
        angles.map((_, i) => (i === 0 ? length / 2 : 0)),
      )
      close(tf.real(back), angles.map(Math.cos))
      close(
        tf.imag(back),
        angles.map((angle) => Math.sin(angle) + 0.5),
      )
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
