/** Per-channel work: batch normalisation, scale and shift, bias, spatial means and per-channel sums, in either layout. */
import type * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims } from '../storage.ts'
import type { ChannelName } from '../wasm/loops.ts'
import type { Floats } from './blocked.ts'
import { type Call, floats, input, type KernelTable, onlyFloats } from './kernel.ts'

/** A tensor as planes (one image, one block of channels) of positions: where each begins, and the step between. */
interface Planes {
  readonly array: Floats
  readonly dims: Dims
  readonly blocked: boolean
  /** Bytes from one image, one block of channels and one position to the next. */
  readonly steps: readonly [image: number, block: number, position: number]
}

const addressOf = ({ array, steps }: Planes, image: number, block: number): number =>
  array.byteOffset + image * steps[0] + block * steps[1]

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

/** The layout the tensor has; row-major only where channels fill whole blocks. */
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

/** Runs a loop over every plane, into `out` if given. Parameters are padded arrays of all channels. */
function sweep(
  be: OnnxRuntimeBackend,
  name: ChannelName,
  inputs: readonly Planes[],
  parameters: readonly Floats[],
  out: readonly Planes[],
): void {
  const [n, h, w, c] = (inputs[0] ?? (out[0] as Planes)).dims
  if (h * w === 0) return
  eachPlane(be, name, [n, h, w, c], inputs, parameters, out, [])
}

/** Positions after which a sum goes on in double precision. */
const longestRun = 4096

/** Calls a loop for every plane, reusing one list of arguments: thousands of calls a step are made here. */
function eachPlane(
  be: OnnxRuntimeBackend,
  name: ChannelName,
  [n, h, w, c]: Dims,
  inputs: readonly Planes[],
  parameters: readonly Floats[],
  out: readonly Planes[],
  sums: readonly number[],
  afterRun?: () => void,
): void {
  const [blocks, bytes, loop] = [be.layout.blocks(c), be.layout.block * 4, be.loops[name]]
  const [first, second] = [1 + inputs.length * 2, 1 + inputs.length * 2 + parameters.length]
  const given = [h * w, ...inputs.flatMap(({ steps }) => [0, steps[2]]), ...parameters.map(() => 0)]
  given.push(...out.flatMap(({ steps }) => [0, steps[2]]), ...sums)
  const sumsAt = second + out.length * 2
  const run = afterRun ? Math.min(h * w, longestRun) : h * w
  for (let at = 0; at < n * h * w; at += Math.min(run, h * w - (at % (h * w)))) {
    const [image, start] = [Math.floor(at / (h * w)), at % (h * w)]
    given[0] = Math.min(run, h * w - start)
    for (let b = 0; b < blocks; b++) {
      for (let i = 0; i < inputs.length; i++) {
        const of = inputs[i] as Planes
        given[1 + i * 2] = addressOf(of, image, b) + start * of.steps[2]
      }
      for (let i = 0; i < parameters.length; i++) given[first + i] = (parameters[i] as Floats).byteOffset + b * bytes
      for (let i = 0; i < out.length; i++) given[second + i * 2] = addressOf(out[i] as Planes, image, b)
      for (let i = 0; i < sums.length; i++) given[sumsAt + i] = (sums[i] as number) + b * bytes
      loop(...given)
    }
    afterRun?.()
  }
}

/**
 * Per-channel sums of a loop, in double precision over the images and over long runs of positions.
 * Returns one array of all (padded) channels a sum.
 */
function sums(
  be: OnnxRuntimeBackend,
  name: ChannelName,
  count: number,
  inputs: readonly Planes[],
  parameters: readonly Floats[],
): Float64Array[] {
  const [n, h, w, c] = (inputs[0] as Planes).dims
  const length = be.layout.padded(c)
  const totals = Array.from({ length: count }, () => new Float64Array(length))
  if (h * w === 0) return totals
  be.memoryPool.withScratch([count * length], (partial) => {
    partial.fill(0)
    const sums = totals.map((_, i) => partial.byteOffset + i * length * 4)
    eachPlane(be, name, [n, h, w, c], inputs, parameters, [], sums, () => {
      totals.forEach((total, i) => {
        for (let k = 0; k < length; k++) total[k] = (total[k] as number) + (partial[i * length + k] as number)
      })
      partial.fill(0)
    })
  })
  return totals
}

/** Per-channel values with zeros in the lanes beyond the last channel. */
function withParameters<T>(
  be: OnnxRuntimeBackend,
  c: number,
  all: readonly ArrayLike<number>[],
  use: (p: Floats[]) => T,
) {
  const length = be.layout.padded(c)
  return be.memoryPool.withScratch(
    all.map(() => length),
    (...scratch) => {
      scratch.forEach((to, i) => {
        to.fill(0)
        const from = all[i] as ArrayLike<number>
        for (let k = 0; k < Math.min(c, from.length); k++) to[k] = from[k] as number
      })
      return use(scratch)
    },
  )
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
  // Of no values at all mean and variance are 0, as everywhere in tfjs.
  const count = Math.max(1, n * h * w)
  const { block } = be.layout
  const first = Float32Array.from({ length: c }, (_, k) => {
    return view.array[(Math.floor(k / block) * view.steps[1]) / 4 + (k % block)] ?? 0
  })
  const [s, q] = withParameters(be, c, [first], (p) => sums(be, 'moments', 2, [view], p)) as [
    Float64Array,
    Float64Array,
  ]
  const mean = vector(be, c, (k) => (first[k] as number) + (s[k] as number) / count)
  const variance = vector(be, c, (k) => Math.max(0, (q[k] as number) / count - ((s[k] as number) / count) ** 2))
  const inverse = numbers(be, variance)
  const scale = Float32Array.from(
    { length: c },
    (_, k) => (gamma[k] as number) / Math.sqrt((inverse[k] as number) + attrs.epsilon),
  )
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
  const inverse = Float64Array.from({ length: c }, (_, k) => 1 / Math.sqrt((variance[k] as number) + attrs.epsilon))
  const scale = Float32Array.from({ length: c }, (_, k) => (gamma[k] as number) * (inverse[k] as number))
  const [sum, dot] = withParameters(be, c, [mean, scale, beta], (p) =>
    sums(be, attrs.relu ? 'normaliseReluSums' : 'normaliseSums', 2, [dy, x], p),
  ) as [Float64Array, Float64Array]
  const { y: dx, tensor } = outputLike(be, x, input(inputs, 'x').shape)
  const ofSum = scale.map((value, k) => (value * (sum[k] as number)) / count)
  const ofDot = scale.map((value, k) => (value * (inverse[k] as number) ** 2 * (dot[k] as number)) / count)
  withParameters(be, c, [mean, scale, beta, ofSum, ofDot], (p) => {
    sweep(be, attrs.relu ? 'normaliseReluGrad' : 'normaliseGrad', [dy, x], p, [dx])
  })
  return [
    tensor,
    vector(be, c, (k) => (dot[k] as number) * (inverse[k] as number)),
    vector(be, c, (k) => sum[k] as number),
  ]
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
    (_, k) => (factors?.[k] ?? 1) / Math.sqrt((v[k] as number) + attrs.varianceEpsilon),
  )
  return normalise(be, planesOf(be, x), x.shape, [numbers(be, mean), scales, offset ? numbers(be, offset) : []], false)
}

const spatialMean = ({ inputs, backend: be }: Call) => {
  const x = planesOf(be, input(inputs, 'x'))
  const [n, h, w, c] = x.dims
  const [blocks, block] = [be.layout.blocks(c), be.layout.block]
  const out = be.output([n, c])
  be.memoryPool.withScratch([blocks * block], (sum) => {
    const total = new Float64Array(c)
    for (let image = 0; image < n; image++) {
      total.fill(0)
      for (let start = 0; start < h * w; start += longestRun) {
        sum.fill(0)
        const count = Math.min(longestRun, h * w - start)
        for (let b = 0; b < blocks; b++)
          be.loops.sum(count, addressOf(x, image, b) + start * x.steps[2], x.steps[2], sum.byteOffset + b * block * 4)
        for (let k = 0; k < c; k++) total[k] = (total[k] as number) + (sum[k] as number)
      }
      for (let k = 0; k < c; k++) out.values[image * c + k] = (total[k] as number) / Math.max(1, h * w)
    }
  })
  return out
}

const spatialMeanGrad = ({ inputs, attrs, backend: be }: Call<{ height: number; width: number }>) => {
  const dy = input(inputs, 'dy')
  const [n, c] = dy.shape as [number, number]
  const dims: Dims = [n, attrs.height, attrs.width, c]
  const [count, values, bytes] = [attrs.height * attrs.width, numbers(be, dy), be.layout.block * 4]
  const dx = planes(be, be.layout.room(dims), dims, true)
  for (let image = 0; image < n; image++) {
    const each = values.subarray(image * c, (image + 1) * c).map((value) => value / count)
    withParameters(be, c, [each], ([p]) => {
      for (let b = 0; b < be.layout.blocks(c); b++)
        be.loops.broadcast(count, (p as Floats).byteOffset + b * bytes, addressOf(dx, image, b), dx.steps[2])
    })
  }
  return be.blockedOutput(dx.array, dims)
}

/** Σ over all axes but the last: the gradient of a bias. */
export function channelSums(be: OnnxRuntimeBackend, x: tf.TensorInfo, shape: readonly number[], factor: number) {
  const view = planesOf(be, x)
  const [total] = sums(be, 'sum', 1, [view], []) as [Float64Array]
  const out = be.output(shape)
  for (let k = 0; k < view.dims[3]; k++) out.values[k] = (total[k] as number) * factor
  return out
}

/** x with one value a channel added or multiplied in, of x's shape. */
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
