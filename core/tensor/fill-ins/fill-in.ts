import * as tf from '@tensorflow/tfjs-core'

/** A kernel written as a composition of kernels that every engine has. Runs inside a tidy, and outside any tape. */
export interface KernelFillIn {
  readonly kernel: string
  /** It needs the engine's own kernel to build on. */
  readonly replacesOnly?: true
  /** Calls that the engine's own kernel does right, and that go to it with nothing in between. */
  readonly passes?: (inputs: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap) => boolean
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
  const { kernel: kernelName, compute, passes } = fillIn
  const own = tf.getKernel(kernelName, backendName)
  const stock: Stock | undefined =
    own && ((inputs, attributes) => runOwn(own, inputs as tf.NamedTensorInfoMap, attributes as tf.NamedAttrMap))
  if (own) tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({
    // Its set-up: the engine's own kernel goes on being called.
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
  // Kernels of tfjs-node give tensors that the engine already counts.
  return result instanceof tf.Tensor ? result : tf.engine().makeTensorFromTensorInfo(result)
}

/** Kernels call each other with bare records; operations want tensors. */
const tensorsOf = (inputs: tf.NamedTensorInfoMap): Record<string, tf.Tensor> =>
  Object.fromEntries(
    Object.entries(inputs).flatMap(([name, input]) => (input ? [[name, tensorOf(input as tf.TensorInfo)]] : [])),
  )

function tensorOf(input: tf.TensorInfo): tf.Tensor {
  if (input instanceof tf.Tensor) return input
  // A tensor of its own takes a reference of its own.
  tf.backend().incRef(input.dataId)
  return tf.engine().makeTensorFromTensorInfo(input)
}
