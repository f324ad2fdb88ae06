import * as tf from '@tensorflow/tfjs-core'
import type { Upscaler } from './model.ts'

/** What enlarges a part of an image, whatever computes it: a network of archloom, or a file of another program. */
export interface Enlarger {
  readonly scale: number
  /**
   * [height, width, 3] → [height·scale, width·scale, 3], row by row, values 0 to 255; results may lie outside of them.
   */
  enlarge(values: Float32Array, height: number, width: number): Promise<ArrayLike<number>>
  /** The only size of image that the network takes. If it is absent, the network takes any size. */
  readonly size?: { readonly height: number; readonly width: number }
}

/** An enlarger, or a network, which is applied on the engine in use. */
export type Enlarging = Enlarger | Pick<Upscaler, 'scale' | 'upscale'>

export function enlargerOf(network: Enlarging): Enlarger {
  if ('enlarge' in network) return network
  return {
    scale: network.scale,
    async enlarge(values, height, width) {
      const y = tf.tidy(() => network.upscale(tf.tensor4d(values, [1, height, width, 3]), { training: false }))
      try {
        return await y.data()
      } finally {
        y.dispose()
      }
    },
  }
}

/** One of the eight symmetries of an image: transposed, then mirrored left to right, then upside down. */
interface Turn {
  readonly transpose: boolean
  readonly mirror: boolean
  readonly flip: boolean
}

const turns: readonly Turn[] = [false, true].flatMap((transpose) =>
  [false, true].flatMap((mirror) => [false, true].map((flip) => ({ transpose, mirror, flip }))),
)

/** For each pixel of the turned image of height × width, its place in the image: (row, column). */
const placeIn =
  ({ transpose, mirror, flip }: Turn, height: number, width: number) =>
  (y: number, x: number) => {
    const [v, u] = [flip ? height - 1 - y : y, mirror ? width - 1 - x : x]
    return transpose ? ([u, v] as const) : ([v, u] as const)
  }

/**
 * The mean result over the eight symmetries of the image, each turned back (over four, where the enlarger takes one
 * size that is not square). It costs eight times as much.
 */
export function selfEnsembled(network: Enlarging): Enlarger {
  const enlarger = enlargerOf(network)
  const { scale, size } = enlarger
  const used = size && size.height !== size.width ? turns.filter(({ transpose }) => !transpose) : turns
  return {
    ...enlarger,
    async enlarge(values, height, width) {
      const sum = new Float32Array(values.length * scale * scale)
      for (const turn of used) {
        const [rows, columns] = turn.transpose ? [width, height] : [height, width]
        const turned = new Float32Array(values.length)
        const from = placeIn(turn, rows, columns)
        for (let y = 0, to = 0; y < rows; y++)
          for (let x = 0; x < columns; x++) {
            const [v, u] = from(y, x)
            for (let c = 0; c < 3; c++) turned[to++] = values[(v * width + u) * 3 + c]!
          }
        const result = await enlarger.enlarge(turned, rows, columns)
        const back = placeIn(turn, rows * scale, columns * scale)
        for (let y = 0, at = 0; y < rows * scale; y++)
          for (let x = 0; x < columns * scale; x++) {
            const [v, u] = back(y, x)
            const to = (v * width * scale + u) * 3
            for (let c = 0; c < 3; c++) sum[to + c] = sum[to + c]! + result[at++]! / used.length
          }
      }
      return sum
    },
  }
}
