import * as tf from '@tensorflow/tfjs-core'
import { fallBackToCpu } from '../../core/tensor/cpu-fallback.ts'
import { registerKernelFillIn } from '../../core/tensor/fill-ins/fill-in.ts'
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
  for (const fillIn of windowKernels) registerKernelFillIn('tensorflow', fillIn)
}
