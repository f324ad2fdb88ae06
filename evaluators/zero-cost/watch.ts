import * as tf from '@tensorflow/tfjs-core'

/** One kernel that ran: its name, what it was given, what it gave. */
export interface RanKernel {
  readonly name: string
  readonly inputs: Readonly<Record<string, tf.Tensor>>
  readonly attributes: Readonly<Record<string, unknown>>
  readonly outputs: readonly tf.Tensor[]
}

/**
 * Runs `body` while every kernel that it runs itself is shown to `see`, which may return a tensor in place of the kernel's
 * first output. Synchronous: the engine's door for kernels is the old one again when it returns or throws. Kernels that run
 * inside others, or inside `see`, are not shown.
 */
export function watchingKernels<T>(see: (kernel: RanKernel) => tf.Tensor | undefined, body: () => T): T {
  const engine = tf.engine()
  const original = engine.runKernel
  let depth = 0
  engine.runKernel = ((name: string, inputs: Record<string, tf.Tensor>, attributes?: object) => {
    depth++
    try {
      const call = original as (...given: unknown[]) => tf.Tensor | tf.Tensor[]
      const result = call.call(engine, name, inputs, attributes)
      if (depth > 1) return result
      const outputs = Array.isArray(result) ? result : [result]
      const instead = see({ name, inputs, attributes: { ...attributes }, outputs })
      if (!instead) return result
      return Array.isArray(result) ? [instead, ...result.slice(1)] : instead
    } finally {
      depth--
    }
  }) as typeof engine.runKernel
  try {
    return body()
  } finally {
    engine.runKernel = original
  }
}

const linear = new Set([
  'Conv2D',
  'DepthwiseConv2dNative',
  'FusedConv2D',
  'FusedDepthwiseConv2D',
  'BatchMatMul',
  '_FusedMatMul',
])
/** Whether a kernel multiplies by weights: convolutions and dense layers. */
export const isLinear = ({ name }: Pick<RanKernel, 'name'>): boolean => linear.has(name)

const rectifying = new Set(['Relu', 'Relu6'])
/** Whether a kernel's output is a rectified one, by itself or fused. */
export const isRectified = ({ name, attributes }: RanKernel): boolean =>
  rectifying.has(name) ||
  attributes.relu === true ||
  attributes.activation === 'relu' ||
  attributes.activation === 'relu6'
