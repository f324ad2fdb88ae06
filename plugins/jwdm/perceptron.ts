import * as tf from '@tensorflow/tfjs-core'
import { fanInUniform, type Layer, type VariableScope, zeros } from '../../core/tensor/index.ts'

export type Activation = 'relu' | 'leaky'

/** Slope of the leaky ReLU below 0. */
export const LEAK = 0.2

type Save = (tensors: tf.Tensor[]) => void

/**
 * Dense layers [n, sizes[0]] → [n, sizes.at(-1)] with an activation between them, as one node of the tape with an
 * explicit gradient. Joint training applies ten or more of them per step to small batches, where the number of
 * operations determines the cost.
 */
export function perceptron(scope: VariableScope, sizes: readonly number[], activation: Activation): Layer {
  const layers = sizes.slice(1).map((units, i) => {
    const own = scope.child(i)
    const inputs = sizes[i] as number
    return {
      kernel: own.weight('kernel', [inputs, units], fanInUniform()) as tf.Tensor,
      bias: own.weight('bias', [units], zeros) as tf.Tensor,
    }
  })
  const variables = layers.flatMap(({ kernel, bias }) => [kernel, bias])
  const slope = activation === 'leaky' ? LEAK : 0
  // Engines fuse ReLU with products, not all of them its leaky form.
  const product = (a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor, hidden: boolean) => {
    const y = tf
      .engine()
      .runKernel<tf.Tensor>(
        '_FusedMatMul',
        { a: tf.reshape(a, [1, ...a.shape]), b: tf.reshape(b, [1, ...b.shape]), bias },
        { transposeA: false, transposeB: false, activation: hidden && activation === 'relu' ? 'relu' : 'linear' },
      )
    return hidden && activation === 'leaky' ? tf.leakyRelu(y, LEAK) : y
  }

  const apply = tf.customGrad((...received) => {
    const save = received.pop() as unknown as Save
    const [x, ...weights] = received as tf.Tensor[]
    const values = [x as tf.Tensor]
    for (let k = 0; k < layers.length; k++) {
      const [kernel, bias] = [weights[2 * k] as tf.Tensor, weights[2 * k + 1] as tf.Tensor]
      const y = product(values[k] as tf.Tensor, kernel, bias, k < layers.length - 1)
      values.push(tf.reshape(y, [y.shape[1] as number, y.shape[2] as number]))
    }
    const y = values.pop() as tf.Tensor
    const kernels = layers.map((_, k) => weights[2 * k] as tf.Tensor)
    save([...values, ...kernels])
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const gradients: tf.Tensor[] = []
        let d = dy
        for (let k = layers.length - 1; k >= 0; k--) {
          const [input, kernel] = [saved[k] as tf.Tensor2D, saved[layers.length + k] as tf.Tensor2D]
          gradients.unshift(tf.matMul(input, d as tf.Tensor2D, true, false), tf.sum(d, 0))
          d = tf.matMul(d as tf.Tensor2D, kernel, false, true)
          // The activation's output has the sign of its input.
          if (k > 0) d = tf.mul(d, tf.step(input, slope))
        }
        return [d, ...gradients]
      },
    }
  })
  return (x) => apply(x, ...variables)
}
