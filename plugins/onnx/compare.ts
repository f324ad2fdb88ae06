import * as tf from '@tensorflow/tfjs-core'
import type { Network, Split } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { type Latency, type LatencyOptions, timed } from '../../evaluators/profile/index.ts'
import { error } from './errors.ts'
import { type OnnxModel, type OpenOptions, openOnnx } from './session.ts'

export interface Comparison {
  readonly images: number
  /** Share of images for which the largest output of both is the same. */
  readonly agreement: number
  /** Share of images whose class each predicts correctly. */
  readonly networkAccuracy: number
  readonly fileAccuracy: number
  /** Largest difference of an output, relative to the largest output. */
  readonly difference: number
}

export interface CompareOptions {
  /** Number of images at once. Default 64. */
  readonly batchSize?: number
  /** Maximum number of images. Default: all. */
  readonly images?: number
}

const largest = (values: ArrayLike<number>, from: number, count: number): number => {
  let best = 0
  for (let k = 1; k < count; k++) if (values[from + k]! > values[from + best]!) best = k
  return best
}

const compareOnnxNames = optionNames<CompareOptions>('compareOnnx', { batchSize: true, images: true })

/**
 * Compares a classifier with the file made from it, on the images of a split. Errors: ARCHLOOM_ONNX_FILE,
 * ARCHLOOM_ONNX_CALIBRATION for a split without images.
 */
export async function compareOnnx(
  network: Network,
  file: string | Uint8Array,
  split: Split,
  given: CompareOptions = {},
): Promise<Comparison> {
  const { batchSize = 64, images = Number.POSITIVE_INFINITY } = compareOnnxNames(given)
  await using model = await openOnnx(file)
  let [seen, same, right, fileRight, greatest, scale] = [0, 0, 0, 0, 0, 1e-30]
  for (const { inputs, targets } of split.batches({ batchSize })) {
    const logits = tf.tidy(() => network.apply(inputs, { training: false }))
    const read = Promise.all([inputs.data(), logits.data(), targets.data()])
    const [values, expected, labels] = await read.finally(() => tf.dispose([inputs, targets, logits]))
    const received = await applied(model, inputs.shape, values as Float32Array)
    const classes = expected.length / labels.length
    for (let i = 0; i < labels.length && seen < images; i++, seen++) {
      const [own, other] = [largest(expected, i * classes, classes), largest(received, i * classes, classes)]
      if (own === other) same++
      if (own === labels[i]) right++
      if (other === labels[i]) fileRight++
      for (let k = i * classes; k < (i + 1) * classes; k++) {
        scale = Math.max(scale, Math.abs(expected[k]!))
        greatest = Math.max(greatest, Math.abs(expected[k]! - received[k]!))
      }
    }
    if (seen >= images) break
  }
  if (seen === 0)
    throw error('ARCHLOOM_ONNX_CALIBRATION', { received: 'an empty split', expected: 'images to compare with' })
  const share = (count: number) => count / seen
  return {
    images: seen,
    agreement: share(same),
    networkAccuracy: share(right),
    fileAccuracy: share(fileRight),
    difference: greatest / scale,
  }
}

/** Runs images one by one if the file's batch size is fixed. */
async function applied(model: OnnxModel, shape: readonly number[], values: Float32Array): Promise<Float32Array> {
  const [count = 0, ...rest] = shape
  try {
    return (await model.apply({ dims: shape, values })).values
  } catch (thrown) {
    if (count === 1) throw thrown
    const each = values.length / count
    const parts: Float32Array[] = []
    for (let i = 0; i < count; i++)
      parts.push((await model.apply({ dims: [1, ...rest], values: values.slice(i * each, (i + 1) * each) })).values)
    return Float32Array.from(parts.flatMap((part) => [...part]))
  }
}

const onnxLatencyNames = optionNames<LatencyOptions & OpenOptions>('onnxLatency', {
  batchSize: true,
  repeats: true,
  warmUp: true,
  now: true,
  threads: true,
  optimisation: true,
})

/**
 * Median time of a file on ONNX Runtime, for a batch of one input shape. Errors: ARCHLOOM_ONNX_FILE, ARCHLOOM_OPTION.
 */
export async function onnxLatency(
  file: string | Uint8Array,
  input: readonly number[],
  given: LatencyOptions & OpenOptions = {},
): Promise<Latency> {
  const { threads = 1, optimisation, ...options } = onnxLatencyNames(given)
  await using model = await openOnnx(file, { threads, ...(optimisation && { optimisation }) })
  const { batchSize = 1 } = options
  const dims = [batchSize, ...input]
  const values = new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(0.5)
  return await timed(async () => void (await model.apply({ dims, values })), { engine: 'onnxruntime-node', threads }, options) // biome-ignore format: one line
}
