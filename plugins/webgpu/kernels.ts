import * as tf from '@tensorflow/tfjs-core'
import { type Call, fallBackToCpu, fallBackToCpuWhen, tensorsOf } from '../../core/tensor/cpu-fallback.ts'
import { convolutionFilterGradient } from '../../core/tensor/fill-ins/convolution-filter-gradient.ts'
import { convolutionInputGradient } from '../../core/tensor/fill-ins/convolution-input-gradient.ts'
import { depthwiseFilterGradient } from '../../core/tensor/fill-ins/depthwise-filter-gradient.ts'
import { depthwiseInputGradient } from '../../core/tensor/fill-ins/depthwise-input-gradient.ts'
import { registerKernelFillIn } from '../../core/tensor/fill-ins/fill-in.ts'
import type { Kernels } from './packages.ts'

type Backend = InstanceType<Kernels['WebGPUBackend']>

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
  convertIntegers()
  fallBackToCpuWhen('webgpu', isRefused)
  fallBackToCpu('webgpu', names)
  for (const gradient of gradientsOfConvolutions)
    registerKernelFillIn('webgpu', { ...gradient, passes: (_, attributes) => !isDilated(attributes) })
  return names
}

/** The stock kernels compute them as if taps lay next to each other. */
const gradientsOfConvolutions = [
  convolutionFilterGradient,
  convolutionInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
]

const isDilated = ({ dilations }: tf.NamedAttrMap): boolean =>
  [dilations as number | [number, number] | undefined].flat().some((rate) => rate !== undefined && rate > 1)

/**
 * The stock cast of integers to floats shares their buffer, and shaders that read it as floats do not compile. Adding a
 * float zero converts the numbers themselves.
 */
function convertIntegers(): void {
  const [cast, add] = [tf.getKernel('Cast', 'webgpu'), tf.getKernel('Add', 'webgpu')]
  if (!cast || !add) return
  tf.unregisterKernel('Cast', 'webgpu')
  tf.registerKernel({
    ...cast,
    kernelFunc: (call) => {
      const { x } = call.inputs as { x: tf.TensorInfo }
      const isConverted = call.attrs?.dtype === 'float32' && (x.dtype === 'int32' || x.dtype === 'bool')
      if (!isConverted) return cast.kernelFunc(call)
      const backend = call.backend as Backend
      const zero = backend.makeTensorInfo([], 'float32', new Float32Array(1))
      const sum = add.kernelFunc({ inputs: { a: x, b: zero }, attrs: {}, backend })
      backend.disposeData(zero.dataId)
      return sum
    },
  })
}

/** Kernels whose shaders are written for floats only: with integers, Dawn refuses to compile them. */
const onlyFloats: ReadonlySet<string> = new Set([
  'AvgPool',
  'AvgPool3D',
  'BatchMatMul',
  'Conv2D',
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'DepthwiseConv2dNative',
  'FusedBatchNorm',
  'FusedConv2D',
  'FusedDepthwiseConv2D',
  'MaxPool',
  'MaxPool3D',
  '_FusedMatMul',
])

/** True for calls that WebGPU cannot serve: a buffer may not be empty, and some shaders are written for floats only. */
function isRefused(kernelName: string, call: Call): boolean {
  const tensors = tensorsOf(call)
  return (
    tensors.some(({ shape }) => shape.includes(0)) ||
    (kernelName === 'AvgPoolGrad' && ['round', 'ceil'].includes(call.attrs?.dimRoundingMode as string)) ||
    (onlyFloats.has(kernelName) && tensors.some(({ dtype }) => dtype === 'int32' || dtype === 'bool'))
  )
}
