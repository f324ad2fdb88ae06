import * as tf from '@tensorflow/tfjs-core'

/** A kernel written as a composition of kernels that every engine has. Runs inside a tidy, and outside any tape. */
export interface KernelFillIn {
  readonly kernel: string
  /** It needs the engine's own kernel to build on. */
  readonly replacesOnly?: true
  /** `stock` is the engine's own kernel, where this one replaces it for speed. */
  readonly compute: (
    inputs: Readonly<Record<string, tf.Tensor>>,
    attributes: Readonly<Record<string, never>>,
    stock: Stock | undefined,
  ) => tf.Tensor
}

/** The engine's own kernel, called on tensors. */
export type Stock = (inputs: Readonly<Record<string, tf.Tensor>>, attributes: object) => tf.Tensor

/** A kernel of `backendName` from a fill-in. */
export function registerKernelFillIn(backendName: string, fillIn: KernelFillIn): void {
  const { kernel: kernelName, compute } = fillIn
  const own = tf.getKernel(kernelName, backendName)
  const stock: Stock | undefined =
    own && ((inputs, attributes) => runOwn(own, inputs as tf.NamedTensorInfoMap, attributes as tf.NamedAttrMap))
  if (own) tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => compute(tensorsOf(inputs), (attrs ?? {}) as Record<string, never>, stock)),
  })
}

const runOwn = (own: tf.KernelConfig, inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap): tf.Tensor => {
  const result = own.kernelFunc({ inputs, attrs, backend: tf.backend() }) as tf.TensorInfo
  // Kernels of tfjs-node give tensors that the engine already counts.
  return result instanceof tf.Tensor ? result : tf.engine().makeTensorFromTensorInfo(result)
}

/** Kernels call each other with bare records; operations want tensors. */
const tensorsOf = (inputs: tf.NamedTensorInfoMap): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(input as tf.TensorInfo)]))

function tensorOf(input: tf.TensorInfo): tf.Tensor {
  if (input instanceof tf.Tensor) return input
  // A tensor of its own takes a reference of its own.
  tf.backend().incRef(input.dataId)
  return tf.engine().makeTensorFromTensorInfo(input)
}
