import * as tf from '@tensorflow/tfjs-core'
import { type Split, seeded } from '../../core/index.ts'
import { encode } from './encode.ts'
import { error } from './errors.ts'
import type { OnnxGraph } from './graph.ts'
import type { Range } from './grids.ts'
import { type OnnxTensor, openOnnx } from './session.ts'

/**
 * Inputs as the network sees them in use: a split of a data set, or batches [n, …input]. The tensors stay the caller's.
 */
export type Calibration = Split | readonly tf.Tensor[]

const BATCH = 16
/** Number of values of each tensor and batch that are kept to choose ranges. */
const SAMPLE = 4096

/**
 * At most `images` inputs of a calibration set, in batches; of a split, a sample drawn with a fixed seed. Error:
 * ARCHLOOM_ONNX_CALIBRATION.
 */
export async function calibrationBatches(
  calibration: Calibration | undefined,
  inputShape: readonly number[],
  images: number,
): Promise<OnnxTensor[]> {
  const refuse = (received: string) =>
    error('ARCHLOOM_ONNX_CALIBRATION', { received, expected: `inputs of shape [n, ${inputShape.join(', ')}]` })
  if (calibration === undefined) throw refuse('none')
  const batches: OnnxTensor[] = []
  let left = images
  const take = async (inputs: tf.Tensor) => {
    if (`${inputs.shape.slice(1)}` !== `${inputShape}`) throw refuse(`inputs of shape [${inputs.shape.join(', ')}]`)
    const count = Math.min(left, inputs.shape[0] as number)
    const whole = (await inputs.data()) as Float32Array
    const each = inputShape.reduce((product, size) => product * size, 1)
    if (count > 0) batches.push({ dims: [count, ...inputShape], values: whole.slice(0, count * each) })
    left -= count
  }
  if ('batches' in calibration) {
    // Shuffled, because stored images are often sorted by class.
    for (const { inputs, targets } of calibration.batches({ batchSize: BATCH, rng: seeded(0) })) {
      try {
        if (left > 0) await take(inputs)
      } finally {
        tf.dispose([inputs, targets])
      }
      if (left <= 0) break
    }
  } else for (const inputs of calibration) if (left > 0) await take(inputs)
  if (batches.length === 0) throw refuse('an empty one')
  for (const { values } of batches)
    if (!values.every(Number.isFinite)) throw refuse('values that are not finite numbers')
  return batches
}

/**
 * Minimum and maximum of tensors inside a graph over a calibration set; inputs are run one by one if the batch is
 * fixed.
 */
export async function rangesOf(
  graph: OnnxGraph,
  names: readonly string[],
  batches: readonly OnnxTensor[],
): Promise<Map<string, Range>> {
  const [input] = graph.inputs
  const own = names.filter((name) => name !== input?.name)
  const outputs = own.map((name) => ({ name, type: 'float32', dims: [] }) as const)
  await using model = await openOnnx(encode({ ...graph, outputs: [...graph.outputs, ...outputs] }, {}, true), {
    optimisation: 'basic',
  })
  const found = new Map<string, { low: number; high: number; samples: Float32Array[] }>()
  const note = (name: string, values: Float32Array) => {
    const range = found.get(name) ?? { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY, samples: [] }
    found.set(name, range)
    for (const value of values) {
      if (!Number.isFinite(value))
        throw error('ARCHLOOM_ONNX_CALIBRATION', {
          received: `inputs for which the network computes ${value} at ${name}`,
          expected: 'inputs for which it computes finite numbers throughout',
        })
      if (value < range.low) range.low = value
      if (value > range.high) range.high = value
    }
    // A step that is coprime to image sizes, so that channels and positions vary.
    const step = Math.max(1, Math.floor(values.length / SAMPLE)) | 1
    range.samples.push(
      Float32Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step] as number),
    )
  }
  const fixed = typeof input?.dims[0] === 'number'
  for (const batch of fixed ? batches.flatMap(single) : batches) {
    const values = await model.run(batch)
    for (const name of own) note(name, (values[name] as OnnxTensor).values)
    if (input && names.includes(input.name)) note(input.name, batch.values)
  }
  return new Map(
    [...found].map(([name, { low, high, samples }]) => [name, { low, high, sample: joined(samples) }] as const),
  )
}

function single({ dims: [count = 0, ...rest], values }: OnnxTensor): OnnxTensor[] {
  const each = values.length / count
  return Array.from({ length: count }, (_, i) => ({
    dims: [1, ...rest],
    values: values.slice(i * each, (i + 1) * each),
  }))
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
