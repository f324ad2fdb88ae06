import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../core/options/index.ts'

/** Number of pixels left out on every side when a reward is measured: the scale plus six. */
export const rewardBorder = (scale: number): number => scale + 6

/** Lower limit of the mean square error, with which a perfect image has a finite reward of 148 dB. */
const LEAST_SQUARE = 1e-10 * 255 ** 2

/**
 * Mean square error of images [b, h, w, 3] as bytes: rounded and cut to 0 … 255, all three colours, `border` pixels
 * left out on every side, over the whole batch. A scalar; call inside a tidy. Rounding has no gradient: for rewards
 * only. Error: ARCHLOOM_OPTION if the border leaves nothing.
 */
export function byteError(images: tf.Tensor, targets: tf.Tensor, border: number): tf.Scalar {
  const [batch, height = 0, width = 0, channels = 0] = images.shape
  const left = Math.min(height, width) - 2 * border
  if (left < 1)
    throw optionError(
      'byteError',
      'border',
      border,
      `something left within it of images of ${height}×${width}; use larger patches`,
    )
  const inner = (x: tf.Tensor) =>
    tf.slice(x, [0, border, border, 0], [batch as number, height - 2 * border, width - 2 * border, channels])
  const bytes = tf.round(tf.clipByValue(inner(images), 0, 255))
  return tf.mean(tf.square(tf.sub(bytes, inner(targets)))) as tf.Scalar
}

/** Decibels of a mean square error on a scale of 0 to 255. */
export const decibels = (meanSquare: number): number => -10 * Math.log10(Math.max(meanSquare, LEAST_SQUARE) / 255 ** 2)

/** R(α) = λ · PSNR(α) − (1 − λ) · cost(α). */
export const jointReward = (tradeOff: number, psnr: number, cost: number): number =>
  tradeOff * psnr - (1 - tradeOff) * cost

/** Side of the small image that cost in the reward is counted for. */
export const COST_SIDE = 48

/**
 * Multiply-adds of one small image of 48×48 that count as 1 in the reward. The released program multiplies them by
 * 10⁻⁸ · 0.5; its note that 48×48 at 10⁻⁸ is 480×480 in units of 10⁻⁹ is wrong by ten (a hundred times the pixels are
 * 10⁻⁷), so what the paper prints as "FLOPs (G)" is a tenth of the multiply-adds of 480×480 in 10⁹.
 */
export const RELEASED_COST_UNIT = 2e8
