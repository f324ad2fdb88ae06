import * as tf from '@tensorflow/tfjs-core'
import { fromInput, type GradientTable } from './rule.ts'

interface ResizeAttributes {
  readonly alignCorners: boolean
  readonly halfPixelCenters: boolean
}

/** Weight of each input pixel in each output pixel, [outputs, inputs]: one axis of an interpolation. */
type Weights = (outputs: number, inputs: number, attributes: ResizeAttributes) => Float32Array

const ratioOf = (outputs: number, inputs: number, alignCorners: boolean): number =>
  alignCorners && outputs > 1 ? (inputs - 1) / (outputs - 1) : inputs / outputs

const bilinear: Weights = (outputs, inputs, { alignCorners, halfPixelCenters }) => {
  const ratio = ratioOf(outputs, inputs, alignCorners)
  const weights = new Float32Array(outputs * inputs)
  for (let i = 0; i < outputs; i++) {
    const at = halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i
    const below = Math.max(0, Math.floor(at))
    const above = Math.min(inputs - 1, Math.max(0, Math.ceil(at)))
    const share = above === below ? 0 : at - below
    weights[i * inputs + below] = 1 - share
    if (above !== below) weights[i * inputs + above] = share
  }
  return weights
}

const nearest: Weights = (outputs, inputs, { alignCorners, halfPixelCenters }) => {
  const ratio = ratioOf(outputs, inputs, alignCorners)
  const weights = new Float32Array(outputs * inputs)
  for (let i = 0; i < outputs; i++) {
    const at = halfPixelCenters ? ratio * (i + 0.5) : ratio * i
    const source = Math.min(inputs - 1, Math.max(0, alignCorners ? Math.round(at) : Math.floor(at)))
    weights[i * inputs + source] = 1
  }
  return weights
}

/**
 * Resizing is y = Wₕ·x·Wᵥᵀ, so its gradient is Wₕᵀ·dy·Wᵥ: two products of matrices. The gradient kernels of tfjs are
 * wrong for half-pixel centres on every engine, and on the cpu engine also for images that are not square and for
 * batches.
 */
const resized = (weightsOf: Weights) =>
  fromInput((dy, images, attributes: ResizeAttributes) => {
    const [n, h, w, c] = images.shape as [number, number, number, number]
    const [, rows, columns] = dy.shape as [number, number, number, number]
    const vertical = tf.tensor2d(weightsOf(rows, h, attributes), [rows, h])
    const horizontal = tf.tensor2d(weightsOf(columns, w, attributes), [columns, w])
    const byRow = tf.reshape(tf.transpose(dy, [1, 0, 2, 3]), [rows, n * columns * c]) as tf.Tensor2D
    const shrunk = tf.reshape(tf.matMul(vertical, byRow, true), [h, n, columns, c])
    const byColumn = tf.reshape(tf.transpose(shrunk, [2, 1, 0, 3]), [columns, n * h * c]) as tf.Tensor2D
    return tf.transpose(tf.reshape(tf.matMul(horizontal, byColumn, true), [w, n, h, c]), [1, 2, 0, 3])
  }, 'images')

export const resizing: GradientTable = {
  ResizeBilinear: resized(bilinear),
  ResizeNearestNeighbor: resized(nearest),
}
