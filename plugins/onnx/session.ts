/** An ONNX file run by onnxruntime-node: to compare, to calibrate and to measure. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

export interface OnnxTensor {
  readonly dims: readonly number[]
  readonly values: Float32Array
}

export interface OnnxModel extends AsyncDisposable {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The first input in, the first output out. */
  apply(input: OnnxTensor): Promise<OnnxTensor>
  /** Every output by name. */
  run(input: OnnxTensor): Promise<Readonly<Record<string, OnnxTensor>>>
}

export interface OpenOptions {
  /** Threads of one operation. Default 1. */
  readonly threads?: number
  /** As ONNX Runtime calls it. Default 'all'. */
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all'
}

async function runtime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw error('ARCHLOOM_ONNX_RUNTIME_MISSING', { reason: messageOf(cause) }, { cause })
  }
}

/**
 * Opens a model by path or from its bytes. Dispose it (`await using`).
 * Errors: ARCHLOOM_ONNX_RUNTIME_MISSING; ARCHLOOM_ONNX_FILE for what is no model that ONNX Runtime accepts.
 */
export async function openOnnx(model: string | Uint8Array, options: OpenOptions = {}): Promise<OnnxModel> {
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
    const name = typeof model === 'string' ? model : `${model.length} bytes`
    throw error('ARCHLOOM_ONNX_FILE', { file: name, reason: messageOf(cause) }, { cause })
  }
  const [inputName, outputName] = [session.inputNames[0] as string, session.outputNames[0] as string]
  const run = async ({ dims, values }: OnnxTensor) => {
    const results = await session.run({ [inputName]: new NativeTensor('float32', values, [...dims]) })
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, plain(value as Tensor)]))
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    run,
    apply: async (input) => (await run(input))[outputName] as OnnxTensor,
    [Symbol.asyncDispose]: () => session.release(),
  }
}

const plain = ({ dims, data }: Tensor): OnnxTensor => ({
  dims: [...dims],
  values: data instanceof Float32Array ? data : Float32Array.from(data as unknown as ArrayLike<number>),
})
