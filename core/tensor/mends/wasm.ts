import * as tf from '@tensorflow/tfjs-core'
import { fallBackToCpu, kernelOfCpu } from '../cpu-fallback.ts'
import { type KernelFillIn, registerKernelFillIn } from '../fill-ins/fill-in.ts'
import type { Conv2DInfo } from '../fill-ins/sliding-window.ts'
import { type ConvolutionAttributes, convolutionInfo } from '../fill-ins/sliding-window.ts'
import { borderOf, enclose } from '../fill-ins/window-border.ts'
import {
  type Call,
  hasNonFinite,
  inputOf,
  type KernelFunc,
  replaceKernel,
  sizeOf,
  tensorOf,
  valuesOf,
} from './kernel.ts'
import { type PoolAttributes, poolInfo, poolMaxima, spreadAverages } from './pooling.ts'
import { avgPool, maxPoolGradient } from './pooling-loops.ts'
import { sumOver } from './sums.ts'

/*
 * Corrections for the WebAssembly kernels of tfjs (XNNPACK and plain loops). Kernels are used wherever they are right:
 * for a kernel that loses NaN, inputs are searched for one, and only then the cpu kernel computes the result.
 */

/**
 * The values in the engine's memory, not a copy. They move when the memory grows, so read them after all outputs have
 * been made.
 */
const heapOf = ({ backend }: Call, tensor: tf.TensorInfo): tf.TypedArray =>
  (backend as { typedArrayFromHeap(tensor: tf.TensorInfo): tf.TypedArray }).typedArrayFromHeap(tensor)

const outputOf = ({ backend }: Call, shape: readonly number[], dtype: tf.DataType): tf.TensorInfo =>
  (backend as { makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo }).makeOutput([...shape], dtype)

const dispose = ({ backend }: Call, { dataId }: tf.TensorInfo): void => {
  ;(backend as { disposeData(dataId: object): boolean }).disposeData(dataId)
}

const isFloat = ({ dtype }: tf.TensorInfo) => dtype === 'float32'

const onCpu = (kernelName: string): KernelFunc => kernelOfCpu(kernelName, 'wasm') as KernelFunc

/** Kernels whose result loses a NaN of an input. */
const losesNaN = ['ClipByValue', 'Maximum', 'Minimum', 'Relu6'] as const

function keepNaN(kernelName: string): void {
  const cpu = onCpu(kernelName)
  replaceKernel('wasm', kernelName, (own) => (call) => {
    const tensors = Object.values(call.inputs).flat()
    return tensors.some((tensor) => tensor && isFloat(tensor) && hasNonFinite(heapOf(call, tensor)))
      ? cpu(call)
      : own(call)
  })
}

/** Whether the engine's own rule for sizes (rounded down, nothing cropped) gives this output. */
function roundsDown({ padInfo, ...info }: Conv2DInfo): boolean {
  const fits = (size: number, before: number, after: number, window: number, stride: number, out: number) =>
    Math.min(before, after) >= 0 && Math.floor((size + before + after - window) / stride) + 1 === out
  return (
    fits(info.inHeight, padInfo.top, padInfo.bottom, info.effectiveFilterHeight, info.strideHeight, info.outHeight) &&
    fits(info.inWidth, padInfo.left, padInfo.right, info.effectiveFilterWidth, info.strideWidth, info.outWidth)
  )
}

/**
 * Corrects two cases: 'same' windows that leave pixels over give zeros, and output sizes rounded up or to the nearest
 * give garbage.
 */
const convolution = (kernel: 'Conv2D' | 'DepthwiseConv2dNative'): KernelFillIn => {
  const infoOf = (x: tf.TensorInfo, filter: tf.TensorInfo, attributes: ConvolutionAttributes) =>
    convolutionInfo(x.shape, filter.shape, attributes, kernel !== 'Conv2D')
  return {
    kernel,
    replacesOnly: true,
    passes: ({ x, filter }, attributes) => {
      const options = attributes as unknown as ConvolutionAttributes
      if (options.dataFormat === 'NCHW') return true
      const info = infoOf(x as tf.TensorInfo, filter as tf.TensorInfo, options)
      return roundsDown(info) && (options.pad !== 'same' || borderOf(info).every((side) => side >= 0))
    },
    compute: ({ x, filter }, given, stock) => {
      const attributes = given as unknown as ConvolutionAttributes
      const info = infoOf(x as tf.Tensor, filter as tf.Tensor, attributes)
      const valid = { ...attributes, pad: 'valid', dimRoundingMode: undefined }
      if (!stock) throw new RangeError(`wasm has no kernel ${kernel} to build on`)
      return stock({ x: enclose(x as tf.Tensor, borderOf(info)), filter: filter as tf.Tensor }, valid)
    },
  }
}

/**
 * XNNPACK clamps its results, which turns NaN into an infinity. If there is an infinity, the cpu kernel computes the
 * result.
 */
function keepNaNOfProducts(kernelName: 'Conv2D' | 'DepthwiseConv2dNative'): void {
  const cpu = onCpu(kernelName)
  replaceKernel('wasm', kernelName, (own) => (call) => {
    const result = own(call) as tf.TensorInfo
    if (!hasNonFinite(heapOf(call, result))) return result
    dispose(call, result)
    return cpu(call)
  })
}

interface FusedAttributes {
  readonly activation?: string | null
  readonly leakyreluAlpha?: number
}

const activations: Readonly<Record<string, (attributes: FusedAttributes) => readonly [string, object] | undefined>> = {
  linear: () => undefined,
  relu: () => ['Relu', {}],
  relu6: () => ['Relu6', {}],
  elu: () => ['Elu', {}],
  sigmoid: () => ['Sigmoid', {}],
  leakyrelu: ({ leakyreluAlpha = 0 }) => ['LeakyRelu', { alpha: leakyreluAlpha }],
}

/**
 * Computes product, bias and activation separately, because the fused kernel turns NaN into a bound of the activation.
 */
function takeApart(fusedName: string, product: string): void {
  replaceKernel('wasm', fusedName, (own) => (call) => {
    const { bias, preluActivationWeights, ...inputs } = call.inputs as Record<string, tf.TensorInfo | undefined>
    const attributes = (call.attrs ?? {}) as unknown as FusedAttributes
    const activation = attributes.activation ?? 'linear'
    const run = (kernelName: string, given: Record<string, tf.TensorInfo | undefined>, attrs: object) =>
      tf.getKernel(kernelName, 'wasm').kernelFunc({
        ...call,
        inputs: given as tf.NamedTensorInfoMap,
        attrs: attrs as tf.NamedAttrMap,
      }) as tf.TensorInfo
    const then = (value: tf.TensorInfo, kernelName: string, given: object, attrs: object = {}) => {
      const next = run(kernelName, given as Record<string, tf.TensorInfo>, attrs)
      dispose(call, value)
      return next
    }
    if (activation !== 'prelu' && !activations[activation]) return own(call)
    const plain = run(product, inputs, attributes)
    const biased = bias ? then(plain, 'Add', { a: plain, b: bias }) : plain
    if (activation === 'prelu') return then(biased, 'Prelu', { x: biased, alpha: preluActivationWeights })
    const last = activations[activation]?.(attributes)
    return last ? then(biased, last[0], { x: biased }, last[1]) : biased
  })
}

const attributesOf = (call: Call): PoolAttributes => call.attrs as unknown as PoolAttributes

function mendPooling(): void {
  replaceKernel('wasm', 'MaxPool', (own) => (call) => {
    const x = inputOf(call, 'x')
    const isRight = roundsDown(poolInfo(x, attributesOf(call))) && isFloat(x) && !hasNonFinite(heapOf(call, x))
    return isRight ? own(call) : poolMaxima(call)
  })
  replaceKernel('wasm', 'AvgPool', (own) => (call) => {
    const x = inputOf(call, 'x')
    const info = poolInfo(x, attributesOf(call))
    if (roundsDown(info) && isFloat(x)) {
      const result = own(call) as tf.TensorInfo
      if (!hasNonFinite(heapOf(call, result))) return result
      dispose(call, result)
    }
    return tensorOf(call, avgPool(valuesOf(call, x), info), info.outShape)
  })
  replaceKernel('wasm', 'MaxPoolGrad', () => (call) => {
    const [dy, x, y] = ['dy', 'input', 'output'].map((name) => heapOf(call, inputOf(call, name)))
    const info = poolInfo(inputOf(call, 'input'), attributesOf(call))
    const dx = maxPoolGradient(dy as Float32Array, x as Float32Array, y as Float32Array, info)
    return tensorOf(call, dx, inputOf(call, 'input').shape)
  })
  replaceKernel('wasm', 'AvgPoolGrad', () => spreadAverages)
}

/** Sums in double precision, over any axes, in the order of the values. */
function mendSums(): void {
  for (const kernelName of ['Mean', 'Sum'] as const)
    replaceKernel('wasm', kernelName, (own) => (call) => {
      const x = inputOf(call, 'x')
      if (!isFloat(x)) return own(call)
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims?: boolean }
      const { totals, shape, kept } = sumOver(heapOf(call, x), x.shape, tf.util.parseAxisParam(axis, x.shape))
      const count = kernelName === 'Mean' ? sizeOf(x) / totals.length : 1
      return tensorOf(
        call,
        Float32Array.from(totals, (total) => total / count),
        keepDims ? kept : shape,
      )
    })
}

function mendOthers(): void {
  // The package gives 0 for small arguments.
  replaceKernel('wasm', 'Sign', (own) => (call) => {
    const x = inputOf(call, 'x')
    if (!isFloat(x)) return own(call)
    const output = outputOf(call, x.shape, 'float32')
    const [from, to] = [heapOf(call, x), heapOf(call, output)]
    for (let i = 0; i < to.length; i++) to[i] = from[i]! > 0 ? 1 : from[i]! < 0 ? -1 : 0
    return output
  })
  // The package uses only the low byte of the number.
  replaceKernel('wasm', 'Cast', (own) => (call) => {
    const x = inputOf(call, 'x')
    if ((call.attrs as { dtype?: unknown }).dtype !== 'bool' || x.dtype === 'bool' || x.dtype === 'string')
      return own(call)
    const output = outputOf(call, x.shape, 'bool')
    const [from, to] = [heapOf(call, x), heapOf(call, output)]
    for (let i = 0; i < to.length; i++) to[i] = from[i] === 0 ? 0 : 1
    return output
  })
}

/** Kernels are not run on empty tensors, because some divide by the number of values. */
function guardEmpties(): void {
  for (const { kernelName } of tf.getKernelsForBackend('wasm')) {
    const cpu = kernelOfCpu(kernelName, 'wasm')
    if (moves.has(kernelName) || !cpu) continue
    replaceKernel('wasm', kernelName, (own) => (call) => {
      for (const input of Object.values(call.inputs).flat()) if (input?.shape.includes(0)) return cpu(call)
      return own(call)
    })
  }
}

/** Kernels that return the same data in another form. */
const moves = new Set(['Cast', 'ExpandDims', 'Identity', 'Reshape'])

/** Functions that the package computes by textbook formulas, which are inexact for small arguments. */
const inexact = ['Asinh', 'Atanh', 'Expm1', 'Log1p', 'Sin', 'Sinh'] as const

export const mendedOnWasm = [
  ...inexact,
  ...losesNaN,
  'AvgPool',
  'AvgPoolGrad',
  'Cast',
  'Conv2D',
  'DepthwiseConv2dNative',
  'FusedConv2D',
  'FusedDepthwiseConv2D',
  'MaxPool',
  'MaxPoolGrad',
  'Mean',
  'Sign',
  'Sum',
  '_FusedMatMul',
].sort()

let mended = false

/** Call this after the packages of wasm and cpu are loaded and their kernels are registered. */
export function mendWasm(): void {
  if (mended) return
  mended = true
  for (const kernelName of losesNaN) keepNaN(kernelName)
  for (const kernelName of ['Conv2D', 'DepthwiseConv2dNative'] as const) {
    registerKernelFillIn('wasm', convolution(kernelName))
    keepNaNOfProducts(kernelName)
  }
  takeApart('FusedConv2D', 'Conv2D')
  takeApart('FusedDepthwiseConv2D', 'DepthwiseConv2dNative')
  takeApart('_FusedMatMul', 'BatchMatMul')
  mendPooling()
  mendSums()
  mendOthers()
  fallBackToCpu('wasm', inexact)
  guardEmpties()
}
