import * as tf from '@tensorflow/tfjs-core'
import type { Layer } from '../../core/tensor/index.ts'

const turns = [false, true].flatMap((transpose) =>
  [false, true].flatMap((flip) => [false, true].map((mirror) => ({ transpose, flip, mirror }))),
)

/**
 * Self-ensemble: the mean result over the eight symmetries of the image, each transformed back. It costs eight times
 * as much.
 * @param upscale [b, h, w, c] → [b, h·s, w·s, c], for any h and w.
 */
export const selfEnsemble =
  (upscale: Layer): Layer =>
  (x, mode) => {
    const results = turns.map(({ transpose, flip, mirror }) =>
      tf.tidy(() => {
        const axes = [...(flip ? [1] : []), ...(mirror ? [2] : [])]
        const mirrored = axes.length ? tf.reverse(x, axes) : x
        const y = upscale(transpose ? tf.transpose(mirrored, [0, 2, 1, 3]) : mirrored, mode)
        const upright = transpose ? tf.transpose(y, [0, 2, 1, 3]) : y
        return axes.length ? tf.reverse(upright, axes) : upright
      }),
    )
    return tf.div(tf.addN(results), turns.length)
  }
