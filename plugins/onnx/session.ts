/** Runs an ONNX file with onnxruntime-node, to compare, calibrate and measure. */

import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf } from '../../core/errors.ts'
import { optionNames } from '../../core/options/index.ts'
import { numbersOfType, onnxRuntimeMissing, valuesOfType } from '../../core/tensor/index.ts'
import { error } from './errors.ts'

/** Numbers, whatever the type of the file's tensor: they are converted on the way in and out. */
export interface OnnxTensor {
  readonly dims: readonly number[]
  readonly values: Float32Array
}

export interface OnnxModel extends AsyncDisposable {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The inputs with their shapes; null where a size is open. */
  readonly details: readonly { readonly name: string; readonly dims: readonly (number | null)[] }[]
  /** Runs the model from its first input to its first output. */
  apply(input: OnnxTensor): Promise<OnnxTensor>
  /** Returns every output by name. Files with several inputs take them by name. */
  run(input: OnnxTensor | Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>
}

export interface OpenOptions {
  /** Number of threads of one operation. Default 1. */
  readonly threads?: number
  /** The optimisation level, by its name in ONNX Runtime. Default 'all'. */
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all'
}

async function runtime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw onnxRuntimeMissing(cause, 'runs ONNX files')
  }
}

const openOnnxNames = optionNames<OpenOptions>('openOnnx', { threads: true, optimisation: true })

/**
 * Opens a model by path or from its bytes. Dispose it (`await using`).
 * Errors: ARCHLOOM_ONNXRUNTIME_MISSING; ARCHLOOM_ONNX_FILE for a file that ONNX Runtime does not accept. Of a run:
 * ARCHLOOM_ONNX_TENSOR for inputs that are missing or do not fit, and for values that 32-bit floats do not hold.
 */
export async function openOnnx(model: string | Uint8Array, options: OpenOptions = {}): Promise<OnnxModel> {
  openOnnxNames(options)
  const { InferenceSession: Session, Tensor: NativeTensor } = await runtime()
  let session: InferenceSession
  const settings: InferenceSession.SessionOptions = {
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimisation ?? 'all',
    executionMode: 'sequential',
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }
  try {
    session = await (typeof model === 'string' ? Session.create(model, settings) : Session.create(model, settings))
  } catch (cause) {
    const file = typeof model === 'string' ? model : `${model.length} bytes`
    throw error('ARCHLOOM_ONNX_FILE', { file, reason: messageOf(cause) }, { cause })
  }
  const name = typeof model === 'string' ? model : `${model.length} bytes`
  const outputName = session.outputNames[0] as string
  const types = new Map(session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : 'no tensor']))
  const refuse = (input: string, reason: string, cause?: unknown) =>
    error('ARCHLOOM_ONNX_TENSOR', { file: name, tensor: input, reason }, cause === undefined ? undefined : { cause })
  const fed = (input: string, { dims, values }: OnnxTensor) => {
    const type = types.get(input)
    if (type === undefined) throw refuse(input, `it has the inputs ${session.inputNames.join(', ')}`)
    try {
      return new NativeTensor(type as 'float32', valuesOfType(type, values) as Float32Array, [...dims])
    } catch (cause) {
      throw refuse(input, messageOf(cause), cause)
    }
  }
  const run = async (given: OnnxTensor | Readonly<Record<string, OnnxTensor>>) => {
    const single = 'dims' in given && Array.isArray(given.dims)
    const inputs = single ? { [session.inputNames[0] as string]: given as OnnxTensor } : (given as Readonly<Record<string, OnnxTensor>>) // biome-ignore format: one line
    const missing = session.inputNames.filter((input) => !Object.hasOwn(inputs, input))
    if (missing.length > 0) throw refuse(missing[0] as string, `it is missing: run the file with all of its inputs, ${session.inputNames.join(', ')}, by name`) // biome-ignore format: one line
    const feeds = Object.fromEntries(Object.entries(inputs).map(([input, tensor]) => [input, fed(input, tensor)]))
    const results = await session.run(feeds).catch((cause: unknown) => {
      throw refuse(session.inputNames.join(', '), messageOf(cause), cause)
    })
    return Object.fromEntries(
      Object.entries(results).map(([output, value]) => {
        const { type, data, dims } = value as Tensor
        try {
          return [output, { dims: [...dims], values: numbersOfType(type, data) }]
        } catch (cause) {
          throw refuse(output, messageOf(cause), cause)
        }
      }),
    )
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    details: session.inputMetadata.map((input) => ({
      name: input.name,
      dims: input.isTensor ? input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : null)) : [],
    })),
    run,
    apply: async (input) => (await run(input))[outputName] as OnnxTensor,
    [Symbol.asyncDispose]: () => session.release(),
  }
}
