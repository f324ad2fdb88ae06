import * as tf from '@tensorflow/tfjs-core'
import { batchNormTraining } from '../../core/tensor/index.ts'
import type { BatchStatistics, CombinedStatistics } from './memory.ts'

/**
 * How much of the gradient flows through the statistics: `share`, the weight w₁ of the batch in them (exact); `stop`,
 * nothing; `full`, as if the statistics were those of the batch alone (a common mistake, for comparison).
 */
export type GradientMode = 'share' | 'stop' | 'full'

export interface NormaliseOptions {
  readonly epsilon: number
  readonly relu: boolean
  readonly gradient: GradientMode
  readonly variance: 'averaged' | 'pooled'
}

/** Mean and biased variance over all axes but the last. No gradient flows through them. */
export function statisticsOf(x: tf.Tensor): BatchStatistics {
  const { mean, variance } = batchNormTraining(x, undefined, undefined, 1, false)
  return { mean, variance, samples: x.size / (x.shape.at(-1) as number) }
}

/**
 * y = γ·(x − μ̃)/√(ṽ + ε) + β, rectified on request, with the gradient of the newest entry of μ̃ and ṽ:
 * dx = (1/s)·[g − w₁·mean(g) − w₁·c·mean(g·x̂)] with g = γ·dy, s = √(ṽ + ε), and c = (x − μ_t)/s where variances are
 * averaged (V1: the newest variance is centred on its own batch), c = x̂ where they are pooled (V2). The order of
 * operations is that of batch normalisation, which it equals bit for bit if the memory holds only this batch.
 */
export function normaliseByMemory(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  batchMean: tf.Tensor,
  { mean, variance, share }: CombinedStatistics,
  { epsilon, relu, gradient, variance: kind }: NormaliseOptions,
): tf.Tensor {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis)
  const count = x.size / (x.shape.at(-1) as number)
  const operation = tf.customGrad((...parts) => {
    const [input, scale, offset, save] = parts as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const inverse = tf.rsqrt(tf.add(variance, epsilon))
    const centred = tf.sub(input, mean)
    const y = tf.add(tf.mul(centred, tf.mul(scale, inverse)), offset)
    save([input, scale, offset, mean, batchMean, inverse, share])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, gamma, beta, mean, batchMean, inverse, share] = saved as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        ...tf.Tensor[],
      ]
      const normalised = tf.mul(tf.sub(x, mean as tf.Tensor), inverse as tf.Tensor)
      const g = relu ? tf.mul(dy, tf.step(tf.add(tf.mul(normalised, gamma), beta))) : dy
      const dbeta = tf.sum(g, axes)
      const dgamma = tf.sum(tf.mul(g, normalised), axes)
      const scale = tf.mul(gamma, inverse as tf.Tensor)
      if (gradient === 'stop') return [tf.mul(scale, g), dgamma, dbeta]
      const c = kind === 'pooled' ? normalised : tf.mul(tf.sub(x, batchMean as tf.Tensor), inverse as tf.Tensor)
      const whole = tf.div(tf.add(dbeta, tf.mul(c, dgamma)), count)
      const correction = gradient === 'full' ? whole : tf.mul(whole, share as tf.Tensor)
      return [tf.mul(scale, tf.sub(g, correction)), dgamma, dbeta]
    }
    return { value: relu ? tf.relu(y) : y, gradFunc }
  })
  return operation(x, gamma, beta)
}
