import * as tf from '@tensorflow/tfjs-core'
import { fallBackToCpu } from '../../core/tensor/cpu-fallback.ts'

/** Kernels that tfjs-backend-webgpu 4.22 computes wrongly, or with a shader that Dawn refuses. */
export const mistaken: Readonly<Record<string, string>> = {
  Bincount: 'its shader compares an index with a vector of sizes and does not compile',
  DenseBincount: 'shares the shader of Bincount',
  Cumprod: 'takes its strides from pow(2, i), which a GPU may round below the integer',
  Cumsum: 'takes its strides from pow(2, i), which a GPU may round below the integer',
  Pow: 'gives 0 for 0 to the power of -1, where the others give infinity',
  Prod: 'loses the kept axes of a small tensor',
  SparseSegmentMean: 'does not check its indices',
  SparseSegmentSum: 'does not check its indices',
  UnsortedSegmentSum: 'adds the values of segments that do not exist to others',
}

/**
 * Adds the kernels that `webgpu` lacks or computes wrongly, and returns their names. None is part of an ordinary step.
 */
export function mendKernels(): readonly string[] {
  const own = new Set(tf.getKernelsForBackend('webgpu').map(({ kernelName }) => kernelName))
  const missing = tf
    .getKernelsForBackend('cpu')
    .map(({ kernelName }) => kernelName)
    .filter((kernelName) => !own.has(kernelName))
  const names = [...missing, ...Object.keys(mistaken)].sort()
  fallBackToCpu('webgpu', names)
  return names
}
