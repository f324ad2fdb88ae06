import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/random.ts'
import { seeded } from '../../core/random.ts'
import type { Batch, Network } from '../../core/trainer.ts'
import { matrixOf, rowProducts, symmetricEigenvalues } from '../metrics/transport/matrix.ts'
import { kernelsOf } from './gradient-proxies.ts'
import { logDeterminant } from './linear-algebra.ts'
import { isRectified, watchingKernels } from './watch.ts'

const modeOf = (rng: Random) => ({ training: true, rng: rng.fork('forward'), dropPath: 0 })

/**
 * NASWOT, log |det K| where K counts for each pair of images the rectified units of the network that are both on or both
 * off (Mellor et al. 2021). In training mode. −Infinity where two images have the same code.
 */
export const naswotScore = (network: Network, { inputs }: Batch, rng: Random): number =>
  tf.tidy(() => {
    const images = inputs.shape[0]!
    const kernel = new Float64Array(images * images)
    watchingKernels(
      (ran) => {
        if (isRectified(ran))
          tf.tidy(() => {
            const code = tf.step(tf.reshape(ran.outputs[0]!, [images, -1]))
            const off = tf.sub(1, code)
            const same = tf.add(tf.matMul(code, code, false, true), tf.matMul(off, off, false, true)).dataSync()
            for (let i = 0; i < kernel.length; i++) kernel[i]! += same[i]!
          })
        return undefined
      },
      () => network.apply(inputs, modeOf(rng)),
    )
    return logDeterminant(kernel, images)
  })

/** Keeps the logarithm finite. */
const JACOV_EPSILON = 1e-5

/**
 * Jacobian covariance: −Σ (log(λ + k) + 1 / (λ + k)), k = 1e-5, over the eigenvalues λ of the correlation matrix of the
 * images' gradients of the summed outputs with respect to the input (Mellor et al. 2020). In training mode. NaN where an
 * image's gradient is constant.
 */
export function jacovScore(network: Network, { inputs }: Batch, rng: Random): number {
  const images = inputs.shape[0]!
  const gradient = tf.tidy(() => tf.grad((x: tf.Tensor) => tf.sum(network.apply(x, modeOf(rng))))(inputs))
  const jacobian = Float64Array.from(gradient.dataSync())
  gradient.dispose()
  const length = jacobian.length / images
  const rows = Array.from({ length: images }, (_, i) => {
    const row = jacobian.subarray(i * length, (i + 1) * length)
    const mean = row.reduce((sum, value) => sum + value, 0) / length
    const shifted = row.map((value) => value - mean)
    const norm = Math.sqrt(shifted.reduce((sum, value) => sum + value * value, 0))
    return shifted.map((value) => value / norm)
  })
  const centred = matrixOf(rows)
  const correlation = rowProducts(centred, centred)
  if (correlation.values.some(Number.isNaN)) return Number.NaN
  return symmetricEigenvalues(correlation).reduce(
    (sum, value) => sum - Math.log(value + JACOV_EPSILON) - 1 / (value + JACOV_EPSILON),
    0,
  )
}

/** Images of a pass, passes, and the size of the disturbance, of the Zen score. */
const [ZEN_IMAGES, ZEN_PASSES, ZEN_ALPHA] = [16, 4, 0.01]

const noise = (shape: readonly number[], rng: Random) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => rng.normal()),
    [...shape],
  )

/**
 * Zen score (Lin et al. 2021): log of the mean change of the last feature map, by its sum of absolute values, when an image
 * of Gaussian noise is disturbed by a hundredth of another one, plus Σ log √(mean variance) over batch norms; weights are
 * Gaussian. The mean of four passes over 16 images. It leaves the network with Gaussian weights. −Infinity where the
 * features do not depend on the input.
 */
export function zenScore(network: Network, rng: Random): number {
  const draws = seeded(rng.fork('zen').tensorSeed())
  for (const kernel of kernelsOf(network)) {
    const values = noise(kernel.shape, draws)
    kernel.assign(values)
    values.dispose()
  }
  const features = (images: tf.Tensor) => {
    let found: tf.Tensor | undefined
    let logs = 0
    const output = watchingKernels(
      ({ name, inputs, outputs }) => {
        if (name === 'BatchNormTraining') logs += Math.log(tf.mean(outputs[2]!).dataSync()[0]!) / 2
        // What is averaged over all positions at the end.
        if (name === 'SpatialMean') found = tf.clone(inputs.x!)
        return undefined
      },
      () => network.apply(images, modeOf(rng)),
    )
    return { map: found ?? output, logs }
  }
  let total = 0
  for (let pass = 0; pass < ZEN_PASSES; pass++)
    total += tf.tidy(() => {
      const shape = [ZEN_IMAGES, ...network.inputShape]
      const images = noise(shape, draws)
      const clean = features(images)
      const disturbed = features(tf.add(images, tf.mul(noise(shape, draws), ZEN_ALPHA)))
      const change = tf.div(tf.sum(tf.abs(tf.sub(clean.map, disturbed.map))), ZEN_IMAGES).dataSync()[0]!
      return Math.log(change) + clean.logs
    })
  return total / ZEN_PASSES
}
