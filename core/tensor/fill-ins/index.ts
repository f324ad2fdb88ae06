import * as tf from '@tensorflow/tfjs-core'
import '../gradients.ts'
import { averagePoolGradient } from './average-pool-gradient.ts'
import { convolutionFilterGradient } from './convolution-filter-gradient.ts'
import { convolutionInputGradient } from './convolution-input-gradient.ts'
import { depthToSpaceGradient } from './depth-to-space-gradient.ts'
import { depthwiseFilterGradient } from './depthwise-filter-gradient.ts'
import { depthwiseInputGradient } from './depthwise-input-gradient.ts'
import { dilatedConvolutionGradient } from './dilated-convolution-gradient.ts'
import { dilatedDepthwiseGradient } from './dilated-depthwise-gradient.ts'
import { type GradientFillIn, type KernelFillIn, registerKernelFillIn } from './fill-in.ts'
import { transposedMatmul } from './transposed-matmul.ts'
import { unsortedSegmentSum } from './unsorted-segment-sum.ts'

export interface Installed {
  /** Name of the tfjs kernel. */
  readonly kernel: string
  readonly why: 'missing kernel' | 'slow kernel' | 'missing gradient' | 'wrong gradient'
}

const kernelFillIns: readonly KernelFillIn[] = [
  convolutionFilterGradient,
  convolutionInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  transposedMatmul,
  unsortedSegmentSum,
]

const gradientFillIns: readonly (GradientFillIn & { why: Installed['why'] })[] = [
  { ...dilatedConvolutionGradient, why: 'missing gradient' },
  { ...dilatedDepthwiseGradient, why: 'missing gradient' },
  { ...depthToSpaceGradient, why: 'missing gradient' },
  { ...averagePoolGradient, why: 'wrong gradient' },
]

// Gradients are registered for the process, not for an engine: an engine that put its own in their place keeps it.
const stockGradients = new Map(gradientFillIns.map(({ kernel }) => [kernel, tf.getGradient(kernel)]))

/** Installs what the engine lacks, and what it declares slow. Called again for the same engine, it adds nothing. */
export function installFillIns(backendName: string, slowKernels: readonly string[]): readonly Installed[] {
  return [...installKernels(backendName, slowKernels), ...installGradients()]
}

const installedKernels = new Map<string, Installed[]>()

function installKernels(backendName: string, slowKernels: readonly string[]): readonly Installed[] {
  const known = installedKernels.get(backendName)
  if (known) return known
  const installed: Installed[] = []
  for (const fillIn of kernelFillIns) {
    const exists = tf.getKernel(fillIn.kernel, backendName) !== undefined
    if (exists && !slowKernels.includes(fillIn.kernel)) continue
    registerKernelFillIn(backendName, fillIn)
    installed.push({ kernel: fillIn.kernel, why: exists ? 'slow kernel' : 'missing kernel' })
  }
  installedKernels.set(backendName, installed)
  return installed
}

let installedGradients: readonly Installed[] | undefined

function installGradients(): readonly Installed[] {
  installedGradients ??= gradientFillIns.flatMap(({ kernel, inputsToSave, gradient, why }) => {
    const stock = stockGradients.get(kernel)
    if (tf.getGradient(kernel) !== stock) return []
    const saved = inputsToSave ? { inputsToSave: [...inputsToSave] } : {}
    tf.registerGradient({ ...stock, kernelName: kernel, ...saved, gradFunc: gradient(stock?.gradFunc) })
    return [{ kernel, why }]
  })
  return installedGradients
}
