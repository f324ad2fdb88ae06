import * as tf from '@tensorflow/tfjs-core'

/** A kernel written as a composition of kernels that every engine has. Runs inside a tidy, and outside any tape. */
export interface KernelFillIn {
  readonly kernel: string
  /** Set if it builds on the engine's own kernel. */
  readonly replacesOnly?: true
  /** Whether the engine's own kernel is right for a call; such a call is passed to it directly. */
  readonly passes?: (inputs: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap) => boolean
  /** `stock` is the engine's own kernel, if there is one. */
  readonly compute: (
    inputs: Readonly<Record<string, tf.Tensor>>,
    attributes: Readonly<Record<string, never>>,
    stock: Stock | undefined,
  ) => tf.Tensor
}

/** The engine's own kernel, called on tensors. */
export type Stock = (inputs: Readonly<Record<string, tf.Tensor>>, attributes: object) => tf.Tensor

/** Registers a fill-in as a kernel of `backendName`. */
export function registerKernelFillIn(backendName: string, fillIn: KernelFillIn): void {
  const { kernel: kernelName, compute, passes } = fillIn
  const own = tf.getKernel(kernelName, backendName)
  const stock: Stock | undefined =
    own && ((inputs, attributes) => runOwn(own, inputs as tf.NamedTensorInfoMap, attributes as tf.NamedAttrMap))
  if (own) tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({
    // Keeps the set-up functions, because the engine's own kernel is still called.
    ...own,
    kernelName,
    backendName,
    kernelFunc: (call) => {
      const { inputs, attrs } = call
      if (own && passes?.(inputs, attrs as tf.NamedAttrMap)) return own.kernelFunc(call)
      return tf.tidy(() => compute(tensorsOf(inputs), (attrs ?? {}) as Record<string, never>, stock))
    },
  })
}

const runOwn = (own: tf.KernelConfig, inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap): tf.Tensor => {
  const result = own.kernelFunc({ inputs, attrs, backend: tf.backend() }) as tf.TensorInfo
  // Kernels of tfjs-node return tensors that the engine already counts.
  return result instanceof tf.Tensor ? result : tf.engine().makeTensorFromTensorInfo(result)
}

/** Kernels call each other with plain records, but operations need tensors. */
const tensorsOf = (inputs: tf.NamedTensorInfoMap): Record<string, tf.Tensor> =>
  Object.fromEntries(
    Object.entries(inputs).flatMap(([name, input]) => (input ? [[name, tensorOf(input as tf.TensorInfo)]] : [])),
  )

function tensorOf(input: tf.TensorInfo): tf.Tensor {
  if (input instanceof tf.Tensor) return input
  // The new tensor needs its own reference to the data.
  tf.backend().incRef(input.dataId)
  return tf.engine().makeTensorFromTensorInfo(input)
}
