import { existsSync } from 'node:fs'
import { messageOf } from '../../../core/errors.ts'
import { optionalPackage } from '../../../core/node/optional-package.ts'
import { numbersOfType, valuesOfType } from '../../../core/tensor/index.ts'
import { error } from './errors.ts'
import { type FeatureNetwork, rowsIn } from './feature-network.ts'

export interface OnnxFeatureOptions {
  /** Your ONNX file, such as an exported Inception-v3. */
  readonly path: string
  /** Name that is stated with every figure. */
  readonly name: string
  /** Shape of the images to measure: [height, width, channels]. */
  readonly shape: readonly [height: number, width: number, channels: number]
  /** The network's input. Default: its first. */
  readonly input?: string
  /** Order of the input's axes. Default 'nchw'. */
  readonly layout?: 'nchw' | 'nhwc'
  /** Side of the network's input in pixels; images are resized bilinearly. Default: images are not resized. */
  readonly side?: number
  /** Channels of the network's input: grey images are repeated. Default: those of the images. */
  readonly channels?: number
  /** Converts a value in [−1, 1] to the range that the network expects. Default: unchanged. */
  readonly scale?: (value: number, channel: number) => number
  /** Name of the output with features; trailing axes are flattened. */
  readonly features: string
  /** Name of the output with class scores before the softmax. Without it there is no Inception-style score. */
  readonly logits?: string
  /** Number of images per run. Default: 16. */
  readonly batchSize?: number
}

/**
 * A feature network from an ONNX file, run by onnxruntime-node: nothing is downloaded.
 * Errors: ARCHLOOM_FEATURE_NETWORK for a file that cannot be loaded, or without the named outputs.
 */
export async function onnxFeatureNetwork(options: OnnxFeatureOptions): Promise<FeatureNetwork> {
  const { path, name, shape, layout = 'nchw', batchSize = 16, scale = (value) => value } = options
  const fail = (received: string, expected: string) => error('ARCHLOOM_FEATURE_NETWORK', { name, received, expected })
  if (!existsSync(path)) throw fail(`there is no file ${JSON.stringify(path)}`, 'the path of an ONNX file')
  const { InferenceSession, Tensor } = await optionalPackage(
    'onnxruntime-node',
    'A feature network from a file',
    () => import('onnxruntime-node'),
  )
  const session = await InferenceSession.create(path).catch((thrown: unknown) => {
    throw fail(`${path} cannot be loaded (${messageOf(thrown)})`, 'an ONNX file')
  })
  const input = options.input ?? (session.inputNames[0] as string)
  for (const [kind, wanted, known] of [
    ['input', input, session.inputNames],
    ['output', options.features, session.outputNames],
    ['output', options.logits ?? options.features, session.outputNames],
  ] as const)
    if (!known.includes(wanted)) throw fail(`it has no ${kind} ${JSON.stringify(wanted)}`, `one of ${known.join(', ')}`)
  const { side = shape[0], channels = shape[2] } = options
  const form = { shape, side, channels, layout, scale }
  const dims = layout === 'nchw' ? [channels, side, side] : [side, side, channels]

  const run = async (images: Float32Array, count: number) => {
    const stated = session.inputMetadata.find((each) => each.name === input)
    const type = stated?.isTensor ? stated.type : 'float32'
    const converted = <T>(tensor: string, convert: () => T): T => {
      try {
        return convert()
      } catch (thrown) {
        throw fail(
          `its ${tensor} holds ${messageOf(thrown)}`,
          'numbers; `scale` must convert images to the type of the input',
        )
      }
    }
    const numbers = converted(input, () => valuesOfType(type, prepared(images, count, form)))
    const found = await session.run({
      [input]: new Tensor(type as 'float32', numbers as Float32Array, [count, ...dims]),
    })
    const values = (output: string) => {
      const { type: given, data } = found[output] as { type: string; data: unknown }
      return converted(output, () => numbersOfType(given, data))
    }
    const features = values(options.features)
    const logits = options.logits === undefined ? new Float32Array(0) : values(options.logits)
    return { features, probabilities: softmaxRows(logits, logits.length / count) }
  }
  // A run with one image gives the lengths of the outputs.
  const first = await run(new Float32Array(shape.reduce((a, b) => a * b, 1)), 1)
  const [dimension, classes] = [first.features.length, first.probabilities.length]
  return {
    name,
    dimension,
    classes,
    measure: async (images) => {
      const count = rowsIn(name, images, shape)
      const size = images.length / count
      const out = { features: new Float32Array(count * dimension), probabilities: new Float32Array(count * classes) }
      for (let start = 0; start < count; start += batchSize) {
        const n = Math.min(batchSize, count - start)
        const part = await run(images.subarray(start * size, (start + n) * size), n)
        out.features.set(part.features, start * dimension)
        out.probabilities.set(part.probabilities, start * classes)
      }
      return out
    },
    [Symbol.dispose]: () => void session.release(),
  }
}

interface Form {
  readonly shape: readonly [number, number, number]
  readonly side: number
  readonly channels: number
  readonly layout: 'nchw' | 'nhwc'
  readonly scale: (value: number, channel: number) => number
}

/** Resizes images bilinearly (half-pixel centres), repeats grey, scales values, and orders the axes for the network. */
function prepared(images: Float32Array, count: number, { shape, side, channels, layout, scale }: Form): Float32Array {
  const [height, width, own] = shape
  const out = new Float32Array(count * side * side * channels)
  const place = (at: number, size: number) => {
    const x = Math.min(size - 1, Math.max(0, ((at + 0.5) * size) / side - 0.5))
    const low = Math.floor(x)
    return [low, Math.min(size - 1, low + 1), x - low] as const
  }
  for (let n = 0; n < count; n++)
    for (let y = 0; y < side; y++) {
      const [top, bottom, down] = place(y, height)
      for (let x = 0; x < side; x++) {
        const [left, right, across] = place(x, width)
        for (let c = 0; c < channels; c++) {
          const at = (row: number, column: number) =>
            images[((n * height + row) * width + column) * own + Math.min(c, own - 1)] as number
          const upper = at(top, left) * (1 - across) + at(top, right) * across
          const lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
          const value = scale(upper * (1 - down) + lower * down, c)
          out[
            layout === 'nchw' ? ((n * channels + c) * side + y) * side + x : ((n * side + y) * side + x) * channels + c
          ] = value
        }
      }
    }
  return out
}

function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const out = new Float32Array(logits.length)
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes)
    const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const shares = row.map((value) => Math.exp(value - most))
    const sum = shares.reduce((a, b) => a + b, 0)
    out.set(
      shares.map((share) => share / sum),
      start,
    )
  }
  return out
}
