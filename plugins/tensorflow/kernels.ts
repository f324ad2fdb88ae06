import * as tf from '@tensorflow/tfjs-core'
import { fallBackToCpu, fallBackToCpuWhen, tensorsOf } from '../../core/tensor/cpu-fallback.ts'
import { convolutionFilterGradient } from '../../core/tensor/fill-ins/convolution-filter-gradient.ts'
import { convolutionInputGradient } from '../../core/tensor/fill-ins/convolution-input-gradient.ts'
import { depthwiseFilterGradient } from '../../core/tensor/fill-ins/depthwise-filter-gradient.ts'
import { depthwiseInputGradient } from '../../core/tensor/fill-ins/depthwise-input-gradient.ts'
import { type KernelFillIn, registerKernelFillIn } from '../../core/tensor/fill-ins/fill-in.ts'
import { reductionKernels } from './reductions.ts'
import { windowKernels } from './windows.ts'

/** Kernels of tfjs-node 4.22 that deviate from the documentation of tfjs. */
export const mistaken: Readonly<Record<string, string>> = {
  Multinomial: 'draws other numbers for the same seed',
  ScatterNd: 'is built on an operation that later TensorFlow libraries changed',
}

let mended = false

/** Adds the kernels that `tensorflow` lacks or computes wrongly, and the paddings that TensorFlow lacks. */
export function mendKernels(): void {
  if (mended) return
  mended = true
  const names = (backend: string) => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName)
  const own = new Set(names('tensorflow'))
  const missing = names('cpu').filter((name) => !own.has(name))
  fallBackToCpu('tensorflow', [...missing, ...Object.keys(mistaken)])
  for (const fillIn of [...windowKernels, ...reductionKernels, unsortedSegmentSum])
    registerKernelFillIn('tensorflow', fillIn)
  for (const gradient of gradientsOfConvolutions)
    registerKernelFillIn('tensorflow', { ...gradient, passes: (_, attributes) => !isDilated(attributes) })
  // Many operations of the library refuse empty tensors, or return numbers of their own.
  fallBackToCpuWhen('tensorflow', (_, call) => tensorsOf(call).some(({ shape }) => shape.includes(0)))
}

/** The library computes those of dilated convolutions as if taps lay next to each other, or refuses them. */
const gradientsOfConvolutions = [
  convolutionFilterGradient,
  convolutionInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
]

const isDilated = ({ dilations }: tf.NamedAttrMap): boolean =>
  [dilations as number | [number, number] | undefined].flat().some((rate) => rate !== undefined && rate > 1)

/** Rows of segments that do not exist are left out; the library leaves out those of negative numbers only. */
const unsortedSegmentSum: KernelFillIn = {
  kernel: 'UnsortedSegmentSum',
  replacesOnly: true,
  compute: ({ x, segmentIds }, attributes, stock) => {
    if (!stock) throw new RangeError('tfjs-node has no kernel UnsortedSegmentSum to build on')
    const { numSegments } = attributes as unknown as { numSegments: number }
    const ids = segmentIds as tf.Tensor
    const existing = tf.where(tf.less(ids, numSegments), ids, tf.scalar(-1, 'int32'))
    return stock({ x: x as tf.Tensor, segmentIds: existing }, attributes)
  },
}
