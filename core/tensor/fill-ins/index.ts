import * as tf from '@tensorflow/tfjs-core'
import { broadcastFusedProduct, broadcastProduct } from './broadcast-products.ts'
import { convolutionFilterGradient } from './convolution-filter-gradient.ts'
import { convolutionInputGradient } from './convolution-input-gradient.ts'
import { depthwiseFilterGradient } from './depthwise-filter-gradient.ts'
import { depthwiseInputGradient } from './depthwise-input-gradient.ts'
import { einsum } from './einsum.ts'
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
  /** 'wrong': the engine's own kernel computes something else for some inputs. */
  readonly why: 'missing' | 'slow' | 'wrong'
}

const fillIns: readonly KernelFillIn[] = [
  convolutionFilterGradient,
  convolutionInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  transposedMatmul,
  unsortedSegmentSum,
]

/** Kernels that are replaced on every engine, because all engines of tfjs compute them wrong. */
const wrongEverywhere: readonly KernelFillIn[] = [broadcastProduct, broadcastFusedProduct, einsum]

const installedFor = new Map<string, readonly Installed[]>()

/**
 * Installs the kernels that the engine lacks or declares slow, as compositions of those it has, and replaces those
 * that tfjs computes wrong on every engine. A second call for the same engine changes nothing.
 */
export function installFillIns(backendName: string, slowKernels: readonly string[]): readonly Installed[] {
  const known = installedFor.get(backendName)
  if (known) return known
  const installed: Installed[] = []
  for (const fillIn of fillIns) {
    const exists = tf.getKernel(fillIn.kernel, backendName) !== undefined
    // A fill-in that builds on the engine's own kernel needs one.
    if (exists ? !slowKernels.includes(fillIn.kernel) : fillIn.replacesOnly) continue
    registerKernelFillIn(backendName, fillIn)
    installed.push({ kernel: fillIn.kernel, why: exists ? 'slow' : 'missing' })
  }
  for (const fillIn of wrongEverywhere) {
    const exists = tf.getKernel(fillIn.kernel, backendName) !== undefined
    if (!exists && fillIn.replacesOnly) continue
    registerKernelFillIn(backendName, fillIn)
    installed.push({ kernel: fillIn.kernel, why: exists ? 'wrong' : 'missing' })
  }
  installedFor.set(backendName, installed)
  return installed
}
