/**
 * Per-channel work: batch normalisation, scale and shift, bias, spatial means and per-channel sums, in either layout.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims } from '../storage.ts'
import type { ChannelName } from '../wasm/loops.ts'
import type { Floats } from './blocked.ts'
import { type Call, floats, input, type KernelTable, onlyFloats } from './kernel.ts'

/**
 * A tensor as planes (one image, one block of channels) of positions: where each plane begins, and the step between
 * positions.
 */
interface Planes {
  readonly array: Floats
  readonly dims: Dims
  readonly blocked: boolean
  /** Bytes from one image, one block of channels and one position to the next. */
  readonly steps: readonly [image: number, block: number, position: number]
}

/** [N, H, W, C], or [1, 1, rows, C] for any other rank. */
export function imageDims(shape: readonly number[]): Dims {
  if (shape.length === 4) return shape as unknown as Dims
  const c = shape.at(-1) ?? 1
  return [1, 1, shape.slice(0, -1).reduce((a, b) => a * b, 1), c]
}

function planes(be: OnnxRuntimeBackend, array: Floats, dims: Dims, blocked: boolean): Planes {
  const [, h, w, c] = dims
  const [positions, bytes] = [h * w, be.layout.block * 4]
  const steps = blocked
    ? ([be.layout.blocks(c) * positions * bytes, positions * bytes, bytes] as const)
    : ([positions * c * 4, bytes, c * 4] as const)
  return { array, dims, blocked, steps }
}

/** The layout of the tensor; row-major only if channels fill whole blocks. */
function planesOf(be: OnnxRuntimeBackend, tensor: tf.TensorInfo): Planes {
  const dims = imageDims(tensor.shape)
  const entry = be.entry(tensor)
  if (!entry.blocked(dims) && entry.hasPlain && dims[3] % be.layout.block === 0)
    return planes(be, entry.numbers as Floats, dims, false)
  return planes(be, be.blocked(tensor, dims), dims, true)
}

/** An output in the layout of x. */
function outputLike(be: OnnxRuntimeBackend, x: Planes, shape: readonly number[]): { y: Planes; tensor: tf.TensorInfo } {
  if (!x.blocked) {
    const tensor = be.output(shape)
    return { y: planes(be, tensor.values as Floats, x.dims, false), tensor }
  }
  const array = be.layout.room(x.dims)
  return { y: planes(be, array, x.dims, true), tensor: be.blockedOutput(array, x.dims, shape) }
}

/** Number of positions after which a sum continues in double precision. */
const longestRun = 4096

/** The address and the steps of every array, as the loops take them. */
const views = (all: readonly Planes[]) => all.flatMap(({ array, steps }) => [array.byteOffset, ...steps])

/** Runs a loop over every plane, into `out` if given, with parameters that `withParameters` prepared. */
function sweep(
  be: OnnxRuntimeBackend,
  name: ChannelName,
  inputs: readonly Planes[],
  parameters: readonly number[],
  out: readonly Planes[],
): void {
  const [n, h, w, c] = (inputs[0] ?? (out[0] as Planes)).dims
  be.loops[name](n, be.layout.blocks(c), h * w, ...views(inputs), ...parameters, ...views(out))
}

/**
 * Per-channel sums of a loop, in double precision over the images and over long runs of positions; or, with `ofImages`,
 * those of each image. Returns one array of all (padded) channels per sum.
 */
function sums(
  be: OnnxRuntimeBackend,
  name: ChannelName,
  count: number,
  inputs: readonly Planes[],
  parameters: readonly number[],
  ofImages = false,
): Float64Array[] {
  const [n, h, w, c] = (inputs[0] as Planes).dims
  const channels = be.layout.padded(c)
  const length = ofImages ? n * channels : channels
  return be.memoryPool.withScratch([count * length * 2], (scratch) => {
    const totals = new Float64Array(scratch.buffer, scratch.byteOffset, count * length).fill(0)
    const starts = Array.from({ length: count }, (_, i) => totals.byteOffset + i * length * 8)
    const runs = [ofImages ? channels * 8 : 0, longestRun]
    be.loops[name](n, be.layout.blocks(c), h * w, ...views(inputs), ...parameters, ...starts, ...runs)
    return starts.map((_, i) => totals.slice(i * length, (i + 1) * length))
  })
}

/**
 * Per-channel values with zeros in the lanes beyond the last channel, as the loops take them: the address of each, then
 * the step from image to image, for the same values in every image.
 */
function withParameters<T>(
  be: OnnxRuntimeBackend,
  c: number,
  all: readonly ArrayLike<number>[],
  use: (parameters: number[]) => T,
) {
  const length = be.layout.padded(c)
  return be.memoryPool.withScratch([all.length * length], (scratch) => {
    scratch.fill(0)
    all.forEach((from, i) => {
      for (let k = 0; k < Math.min(c, from.length); k++) scratch[i * length + k] = from[k] as number
    })
    return use([...all.map((_, i) => scratch.byteOffset + i * length * 4), 0])
  })
}

const numbers = (be: OnnxRuntimeBackend, tensor: tf.TensorInfo) => be.entry(tensor).numbers as Floats
const vector = (be: OnnxRuntimeBackend, c: number, value: (k: number) => number): tf.TensorInfo => {
  const out = be.output([c])
  for (let k = 0; k < c; k++) out.values[k] = value(k)
  return out
}
const isEmpty = (tensor: tf.TensorInfo) => tensor.shape.includes(0)

/** y = (x − mean)·scale + shift, rectified on request. */
function normalise(
  be: OnnxRuntimeBackend,
  x: Planes,
  shape: readonly number[],
  parameters: readonly ArrayLike<number>[],
  relu: boolean,
): tf.TensorInfo {
  const { y, tensor } = outputLike(be, x, shape)
  withParameters(be, x.dims[3], parameters, (p) => {
    sweep(be, relu ? 'normaliseRelu' : 'normalise', [x], p, [y])
  })
  return tensor
}

interface NormAttributes {
  readonly epsilon: number
  readonly relu: boolean
}

/** Two passes: moments about the first position (so that a large mean costs no precision), then normalise. */
const batchNormTraining = ({ inputs, attrs, backend: be }: Call<NormAttributes>) => {
  const [x, gamma, beta] = [input(inputs, 'x'), numbers(be, input(inputs, 'gamma')), numbers(be, input(inputs, 'beta'))]
  const view = planesOf(be, x)
  const [n, h, w, c] = view.dims
  // Without any values, mean and variance are 0, as everywhere in tfjs.
  const count = Math.max(1, n * h * w)
  const { block } = be.layout
  const first = Float32Array.from({ length: c }, (_, k) => {
    return view.array[(Math.floor(k / block) * view.steps[1]) / 4 + (k % block)] ?? 0
  })
  const [s, q] = withParameters(be, c, [first], (p) => sums(be, 'moments', 2, [view], p)) as [
    Float64Array,
    Float64Array,
  ]
  const mean = vector(be, c, (k) => first[k]! + s[k]! / count)
  const variance = vector(be, c, (k) => Math.max(0, q[k]! / count - (s[k]! / count) ** 2))
  const inverse = numbers(be, variance)
  const scale = Float32Array.from({ length: c }, (_, k) => gamma[k]! / Math.sqrt(inverse[k]! + attrs.epsilon))
  const y = normalise(be, view, x.shape, [numbers(be, mean), scale, beta], attrs.relu)
  return [y, mean, variance]
}

/** Two passes: Σg and Σg·(x − mean), then dx. */
const batchNormTrainingGrad = ({ inputs, attrs, backend: be }: Call<NormAttributes>) => {
  const [x, dy] = [planesOf(be, input(inputs, 'x')), planesOf(be, input(inputs, 'dy'))]
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'mean', 'variance'].map((name) =>
    numbers(be, input(inputs, name)),
  ) as [Floats, Floats, Floats, Floats]
  const [n, h, w, c] = x.dims
  const count = Math.max(1, n * h * w)
  const inverse = Float64Array.from({ length: c }, (_, k) => 1 / Math.sqrt(variance[k]! + attrs.epsilon))
  const scale = Float32Array.from({ length: c }, (_, k) => gamma[k]! * inverse[k]!)
  const [sum, dot] = withParameters(be, c, [mean, scale, beta], (p) =>
    sums(be, attrs.relu ? 'normaliseReluSums' : 'normaliseSums', 2, [dy, x], p),
  ) as [Float64Array, Float64Array]
  const { y: dx, tensor } = outputLike(be, x, input(inputs, 'x').shape)
  const ofSum = scale.map((value, k) => (value * sum[k]!) / count)
  const ofDot = scale.map((value, k) => (value * inverse[k]! ** 2 * dot[k]!) / count)
  withParameters(be, c, [mean, scale, beta, ofSum, ofDot], (p) => {
    sweep(be, attrs.relu ? 'normaliseReluGrad' : 'normaliseGrad', [dy, x], p, [dx])
  })
  return [tensor, vector(be, c, (k) => dot[k]! * inverse[k]!), vector(be, c, (k) => sum[k] as number)]
}

const scaleShift = ({ inputs, attrs, backend: be }: Call<{ relu: boolean }>) => {
  const x = input(inputs, 'x')
  const parameters = [[], numbers(be, input(inputs, 'scale')), numbers(be, input(inputs, 'shift'))]
  return normalise(be, planesOf(be, x), x.shape, parameters, attrs.relu)
}

const scaleShiftGrad = ({ inputs, attrs, backend: be }: Call<{ relu: boolean }>) => {
  const [x, dy] = [planesOf(be, input(inputs, 'x')), planesOf(be, input(inputs, 'dy'))]
  const parameters = [[], numbers(be, input(inputs, 'scale')), numbers(be, input(inputs, 'shift'))]
  const c = x.dims[3]
  const [sum, dot] = withParameters(be, c, parameters, (p) =>
    sums(be, attrs.relu ? 'normaliseReluSums' : 'normaliseSums', 2, [dy, x], p),
  ) as [Float64Array, Float64Array]
  const { y: dx, tensor } = outputLike(be, x, input(inputs, 'x').shape)
  withParameters(be, c, [...parameters, [], []], (p) => {
    sweep(be, attrs.relu ? 'normaliseReluGrad' : 'normaliseGrad', [dy, x], p, [dx])
  })
  return [tensor, vector(be, c, (k) => dot[k] as number), vector(be, c, (k) => sum[k] as number)]
}

const fusedBatchNorm = ({ inputs, attrs, backend: be }: Call<{ varianceEpsilon: number }>) => {
  const [x, mean, variance] = [input(inputs, 'x'), input(inputs, 'mean'), input(inputs, 'variance')]
  const { scale, offset } = inputs
  const c = x.shape.at(-1) ?? 1
  const all = [mean, variance, scale, offset]
  const perChannel = all.every((each) => !each || (each.shape.length === 1 && each.shape[0] === c))
  if (!floats(x, ...all) || !perChannel || isEmpty(x)) return undefined
  const v = numbers(be, variance)
  const factors = scale && numbers(be, scale)
  const scales = Float32Array.from(
    { length: c },
    (_, k) => (factors?.[k] ?? 1) / Math.sqrt(v[k]! + attrs.varianceEpsilon),
  )
  return normalise(be, planesOf(be, x), x.shape, [numbers(be, mean), scales, offset ? numbers(be, offset) : []], false)
}

const spatialMean = ({ inputs, backend: be }: Call) => {
  const x = planesOf(be, input(inputs, 'x'))
  const [n, h, w, c] = x.dims
  const channels = be.layout.padded(c)
  const [total] = sums(be, 'sum', 1, [x], [], true) as [Float64Array]
  const out = be.output([n, c])
  for (let image = 0; image < n; image++)
    for (let k = 0; k < c; k++) out.values[image * c + k] = total[image * channels + k]! / Math.max(1, h * w)
  return out
}

const spatialMeanGrad = ({ inputs, attrs, backend: be }: Call<{ height: number; width: number }>) => {
  const dy = input(inputs, 'dy')
  const [n, c] = dy.shape as [number, number]
  const dims: Dims = [n, attrs.height, attrs.width, c]
  const [count, values, channels] = [attrs.height * attrs.width, numbers(be, dy), be.layout.padded(c)]
  const dx = planes(be, be.layout.room(dims), dims, true)
  be.memoryPool.withScratch([n * channels], (shares) => {
    shares.fill(0)
    for (let image = 0; image < n; image++)
      for (let k = 0; k < c; k++) shares[image * channels + k] = values[image * c + k]! / count
    sweep(be, 'broadcast', [], [shares.byteOffset, channels * 4], [dx])
  })
  return be.blockedOutput(dx.array, dims)
}

/** Σ over all axes but the last: the gradient of a bias. */
export function channelSums(be: OnnxRuntimeBackend, x: tf.TensorInfo, shape: readonly number[], factor: number) {
  const view = planesOf(be, x)
  const [total] = sums(be, 'sum', 1, [view], []) as [Float64Array]
  const out = be.output(shape)
  for (let k = 0; k < view.dims[3]; k++) out.values[k] = total[k]! * factor
  return out
}

/** x with one value per channel added or multiplied, in the shape of x. */
export function perChannel(
  be: OnnxRuntimeBackend,
  name: 'addBias' | 'addBiasRelu' | 'scale',
  x: tf.TensorInfo,
  values: ArrayLike<number>,
): tf.TensorInfo {
  const view = planesOf(be, x)
  const { y, tensor } = outputLike(be, view, x.shape)
  withParameters(be, view.dims[3], [values], (p) => sweep(be, name, [view], p, [y]))
  return tensor
}

export const channelKernels: KernelTable = {
  ...onlyFloats({
    BatchNormTraining: batchNormTraining,
    BatchNormTrainingGrad: batchNormTrainingGrad,
    ScaleShift: scaleShift,
    ScaleShiftGrad: scaleShiftGrad,
    SpatialMean: spatialMean,
    SpatialMeanGrad: spatialMeanGrad,
  }),
  FusedBatchNorm: fusedBatchNorm,
}
