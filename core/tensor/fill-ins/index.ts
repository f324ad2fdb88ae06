import * as tf from '@tensorflow/tfjs-core'
import { convolutionFilterGradient } from './convolution-filter-gradient.ts'
import { convolutionInputGradient } from './convolution-input-gradient.ts'
import { depthwiseFilterGradient } from './depthwise-filter-gradient.ts'
import { depthwiseInputGradient } from './depthwise-input-gradient.ts'
import { type KernelFillIn, registerKernelFillIn } from './fill-in.ts'
import { transposedMatmul } from './transposed-matmul.ts'
import { unsortedSegmentSum } from './unsorted-segment-sum.ts'

export { convolutionFilterGradientOf } from './convolution-filter-gradient.ts'
export { convolutionInputGradientOf } from './convolution-input-gradient.ts'
export { depthwiseFilterGradientOf } from './depthwise-filter-gradient.ts'
export { depthwiseInputGradientOf } from './depthwise-input-gradient.ts'
export { type ConvolutionAttributes, convolutionInfo } from './sliding-window.ts'

export interface Installed {
  /** Name of the tfjs kernel. */
  readonly kernel: string
  readonly why: 'missing' | 'slow'
}

const fillIns: readonly KernelFillIn[] = [
  convolutionFilterGradient,
  convolutionInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  transposedMatmul,
  unsortedSegmentSum,
]

const installedFor = new Map<string, readonly Installed[]>()

/**
 * Installs the kernels that the engine lacks or declares slow, as compositions of those it has. Again for the same
 * engine: adds nothing.
 */
export function installFillIns(backendName: string, slowKernels: readonly string[]): readonly Installed[] {
  const known = installedFor.get(backendName)
  if (known) return known
  const installed: Installed[] = []
  for (const fillIn of fillIns) {
    const exists = tf.getKernel(fillIn.kernel, backendName) !== undefined
    // A product of matrices can be made faster, but not out of nothing.
    if (exists ? !slowKernels.includes(fillIn.kernel) : fillIn.replacesOnly) continue
    registerKernelFillIn(backendName, fillIn)
    installed.push({ kernel: fillIn.kernel, why: exists ? 'slow' : 'missing' })
  }
  installedFor.set(backendName, installed)
  return installed
}
