/** Convolution, bias and activation in one tfjs call: three kernels of this engine, in the layout of the first. */
import * as tf from '@tensorflow/tfjs-core'
import type { Floats } from './blocked.ts'
import { perChannel } from './channels.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'

interface FusedAttributes {
  readonly activation?: string | null
  readonly leakyreluAlpha?: number
  readonly dataFormat?: string
}

/** Activations by tfjs's name: the kernel, and its attributes. */
const activations: Readonly<Record<string, (alpha: number) => readonly [string, object] | undefined>> = {
  linear: () => undefined,
  relu: () => ['Relu', {}],
  relu6: () => ['Relu6', {}],
  elu: () => ['Elu', {}],
  sigmoid: () => ['Sigmoid', {}],
  leakyrelu: (alpha) => ['LeakyRelu', { alpha }],
}

const fused =
  (convolution: 'Conv2D' | 'DepthwiseConv2dNative') =>
  ({ inputs, attrs, backend: be }: Call<FusedAttributes>): tf.TensorInfo | undefined => {
    const { bias } = inputs
    const [x, filter] = [input(inputs, 'x'), input(inputs, 'filter')]
    const activate = activations[attrs.activation ?? 'linear']
    const channels = convolution === 'Conv2D' ? filter.shape[3] : filter.shape[2]! * filter.shape[3]!
    const biasFits = !bias || (bias.shape.length === 1 && bias.shape[0] === channels)
    if (!floats(x, filter, bias) || attrs.dataFormat === 'NCHW' || !activate || !biasFits) return undefined
    const run = (name: string, given: tf.NamedTensorInfoMap, more: object) =>
      tf.getKernel(name, be.name).kernelFunc({
        inputs: given,
        attrs: more as tf.NamedAttrMap,
        backend: be,
      }) as tf.TensorInfo
    const y = run(convolution, { x, filter }, attrs)
    const rectify = attrs.activation === 'relu'
    let biased = y
    if (bias) {
      biased = perChannel(be, rectify ? 'addBiasRelu' : 'addBias', y, be.entry(bias).numbers as Floats)
      be.disposeIntermediateTensorInfo(y)
    }
    const activation = activate(attrs.leakyreluAlpha ?? 0)
    if (!activation || (bias && rectify)) return biased
    const activated = run(activation[0], { x: biased }, activation[1])
    be.disposeIntermediateTensorInfo(biased)
    return activated
  }

export const fusedConvolutions: KernelTable = {
  FusedConv2D: fused('Conv2D'),
  FusedDepthwiseConv2D: fused('DepthwiseConv2dNative'),
}
