/** Moving values: transposition, padding, slices, concatenation, tiling, gathering, resizing. One ONNX node each. */
import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Graph } from '../proto.ts'
import type { Dims, Values } from '../storage.ts'
import type { Floats } from './blocked.ts'
import { worthGraph } from './elementwise.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'

const sizeOf = tf.util.sizeFromShape

/** A graph with one input, if the data are floats and there are enough of them. */
function oneInput(
  be: OnnxRuntimeBackend,
  key: string,
  x: tf.TensorInfo,
  shape: readonly number[],
  build: (g: Graph, x: string) => string,
): tf.TensorInfo | undefined {
  const size = Math.max(sizeOf(shape as number[]), sizeOf(x.shape))
  if (!floats(x) || size < worthGraph || sizeOf(shape as number[]) === 0) return undefined
  const out = be.output(shape)
  be.sessions.run(
    `${key} ${x.shape}`,
    (g) => g.output(build(g, g.input('x', x.shape)), shape),
    size,
    [be.entry(x).numbers],
    [out.values],
  )
  return out
}

const transpose = ({ inputs, attrs: { perm }, backend }: Call<{ perm: number[] }>) => {
  const x = input(inputs, 'x')
  const shape = perm.map((axis) => x.shape[axis] as number)
  return oneInput(backend, `Transpose ${perm}`, x, shape, (g, name) => g.op('Transpose', [name], { perm }))
}

const pad = ({ inputs, attrs, backend }: Call<{ paddings: [number, number][]; constantValue: number }>) => {
  const x = input(inputs, 'x')
  const { paddings, constantValue } = attrs
  const shape = x.shape.map(
    (size, axis) => size + (paddings[axis] as [number, number])[0] + (paddings[axis] as [number, number])[1],
  )
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]
  return oneInput(backend, `Pad ${pads} ${constantValue}`, x, shape, (g, name) =>
    g.op('Pad', [name, g.ints(pads), g.constant([constantValue], 'float32')]),
  )
}

const tile = ({ inputs, attrs: { reps }, backend }: Call<{ reps: number[] }>) => {
  const x = input(inputs, 'x')
  if (reps.length !== x.shape.length) return undefined
  const shape = x.shape.map((size, axis) => size * reps[axis]!)
  return oneInput(backend, `Tile ${reps}`, x, shape, (g, name) => g.op('Tile', [name, g.ints(reps)]))
}

/** A row of pixels becomes `size` rows: runs of size·c values are copied unchanged. */
const depthToSpace = ({ inputs, attrs, backend: be }: Call<{ blockSize: number; dataFormat: string }>) => {
  const x = input(inputs, 'x')
  const { blockSize: size, dataFormat } = attrs
  if (dataFormat !== 'NHWC' || !floats(x) || sizeOf(x.shape) === 0) return undefined
  const [n, h, w, c] = x.shape as unknown as Dims
  const out = be.output([n, h * size, w * size, c / (size * size)])
  const [from, to, run] = [be.entry(x).numbers, out.values, c / size]
  let read = 0
  for (let row = 0; row < n * h; row++)
    for (let column = 0; column < w; column++)
      for (let i = 0; i < size; i++) {
        const write = ((row * size + i) * w + column) * run
        for (let k = 0; k < run; k++) to[write + k] = from[read++] as number
      }
  return out
}

const reverse = ({ inputs, attrs, backend }: Call<{ dims: number | number[] }>) => {
  const x = input(inputs, 'x')
  const axes = tf.util.parseAxisParam(attrs.dims, x.shape)
  if (axes.length === 0) return undefined
  return oneInput(backend, `Reverse ${axes}`, x, x.shape, (g, name) => {
    const [last, beforeFirst, backwards] = [-1, -(2 ** 31), -1].map((value) => g.ints(axes.map(() => value)))
    return g.op('Slice', [name, last as string, beforeFirst as string, g.ints(axes), backwards as string])
  })
}

/** Every position of the output is looked up once per axis; runs of the last axes that are not padded are copied. */
const mirrorPad = ({ inputs, attrs, backend: be }: Call<{ paddings: [number, number][]; mode: string }>) => {
  const x = input(inputs, 'x')
  const { paddings, mode } = attrs
  if (!floats(x) || sizeOf(x.shape) === 0) return undefined
  const edge = mode === 'reflect' ? 0 : 1
  const sources = x.shape.map((size, axis) => {
    const [before, after] = paddings[axis] as [number, number]
    return Array.from({ length: before + size + after }, (_, i) => {
      const at = i - before
      if (at < 0) return -at - edge
      return at < size ? at : 2 * (size - 1) - at + edge
    })
  })
  const out = be.output(sources.map(({ length }) => length))
  const [from, to] = [be.entry(x).numbers, out.values]
  const padded = paddings.reduce((last, [before, after], axis) => (before + after > 0 ? axis : last), -1)
  const run = sizeOf(x.shape.slice(padded + 1))
  let write = 0
  const copy = (axis: number, offset: number): void => {
    if (axis > padded) {
      for (let k = 0; k < run; k++) to[write++] = from[offset * run + k] as number
      return
    }
    for (const source of sources[axis] as number[]) copy(axis + 1, offset * x.shape[axis]! + source)
  }
  copy(0, 0)
  return out
}

/** Rows of one segment are added; rows of a negative segment are dropped. */
const unsortedSegmentSum = ({ inputs, attrs, backend: be }: Call<{ numSegments: number }>) => {
  const [x, ids] = [input(inputs, 'x'), input(inputs, 'segmentIds')]
  if (!floats(x) || ids.shape.length !== 1 || sizeOf(x.shape) === 0) return undefined
  const rest = x.shape.slice(1)
  const run = sizeOf(rest)
  const out = be.output([attrs.numSegments, ...rest])
  const [from, segments, to] = [be.entry(x).numbers, be.entry(ids).numbers, out.values]
  to.fill(0)
  for (let row = 0; row < segments.length; row++) {
    const segment = segments[row] as number
    if (segment < 0 || segment >= attrs.numSegments) continue
    const [write, read] = [segment * run, row * run]
    for (let k = 0; k < run; k++) to[write + k]! += from[read + k] as number
  }
  return out
}

/** Beginnings and ends are inputs, so that one graph serves all slices of a size. */
const slice = ({ inputs, attrs, backend: be }: Call<{ begin: number[]; size: number[] }>) => {
  const x = input(inputs, 'x')
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size) as [number[], number[]]
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size)
  const inChannels = sliceChannels(be, x, begin, size)
  if (inChannels) return inChannels
  const length = sizeOf(size)
  // Whole rows are one copy in the cpu kernel.
  const contiguous = tf.slice_util.isSliceContinous(x.shape, begin, size)
  if (!floats(x) || contiguous || length < worthGraph) return undefined
  const out = be.output(size)
  be.sessions.run(
    `Slice ${x.shape} ${size}`,
    (g) => {
      const [from, to] = [g.input('from', [begin.length], 'int32'), g.input('to', [begin.length], 'int32')]
      g.output(g.op('Slice', [g.input('x', x.shape), from, to]), size)
    },
    length,
    [new Int32Array(begin), new Int32Array(begin.map((at, axis) => at + size[axis]!)), be.entry(x).numbers],
    [out.values],
  )
  return out
}

/** Whole blocks of channels of blocked data: planes are copied unchanged. */
function sliceChannels(be: OnnxRuntimeBackend, x: tf.TensorInfo, begin: number[], size: number[]) {
  const { block } = be.layout
  const entry = be.entry(x)
  if (x.shape.length !== 4 || entry.hasPlain || !entry.blocked(x.shape)) return undefined
  const [n, h, w, c] = x.shape as unknown as Dims
  const [first, count] = [begin[3] as number, size[3] as number]
  const whole = [n, h, w].every((length, axis) => size[axis] === length)
  if (!whole || first % block !== 0 || count % block !== 0 || c % block !== 0 || count === 0) return undefined
  const [from, dims] = [be.blocked(x), [n, h, w, count] as Dims]
  const to = be.layout.room(dims)
  for (let image = 0; image < n; image++)
    to.set(from.subarray((image * c + first) * h * w, (image * c + first + count) * h * w), image * count * h * w)
  return be.blockedOutput(to, dims)
}

const concat = ({ inputs, attrs, backend: be }: Call<{ axis: number }>) => {
  const all = inputs as unknown as tf.TensorInfo[]
  const axis = tf.util.parseAxisParam(attrs.axis, (all[0] as tf.TensorInfo).shape)[0] as number
  const tensors = all.filter((tensor) => sizeOf(tensor.shape) > 0)
  if (tensors.length < 2 || !floats(...tensors)) return undefined
  tf.backend_util.assertParamsConsistent(
    all.map(({ shape }) => shape),
    axis,
  )
  const shape = tf.backend_util.computeOutShape(
    tensors.map((tensor) => tensor.shape),
    axis,
  )
  const inChannels = concatChannels(be, tensors, axis, shape)
  if (inChannels) return inChannels
  const out = be.output(shape)
  // One row of the output is one run of each input.
  const rows = sizeOf(shape.slice(0, axis))
  const runs = tensors.map((tensor) => sizeOf(tensor.shape) / rows)
  const width = sizeOf(shape) / rows
  if (width < 64 && rows > 64) {
    be.sessions.run(
      `Concat ${axis} ${tensors.map((tensor) => tensor.shape).join(' ')}`,
      (g) =>
        g.output(
          g.op(
            'Concat',
            tensors.map((tensor, i) => g.input(`x${i}`, tensor.shape)),
            { axis },
          ),
          shape,
        ),
      sizeOf(shape),
      tensors.map((tensor) => be.entry(tensor).numbers),
      [out.values],
    )
    return out
  }
  let offset = 0
  tensors.forEach((tensor, i) => {
    const [values, run] = [be.entry(tensor).numbers, runs[i] as number]
    for (let row = 0; row < rows; row++)
      out.values.set(values.subarray(row * run, (row + 1) * run), row * width + offset)
    offset += run
  })
  return out
}

/** Blocked data of whole blocks, joined along the channels: planes follow each other. */
function concatChannels(be: OnnxRuntimeBackend, tensors: tf.TensorInfo[], axis: number, shape: number[]) {
  const whole = tensors.every(
    (tensor) => tensor.shape.length === 4 && axis === 3 && tensor.shape[3]! % be.layout.block === 0,
  )
  if (!whole || !tensors.some((tensor) => !be.entry(tensor).hasPlain && be.entry(tensor).blocked(tensor.shape)))
    return undefined
  const dims = shape as unknown as Dims
  const [n, h, w, c] = dims
  const to = be.layout.room(dims)
  let offset = 0
  for (const tensor of tensors) {
    const [from, run] = [be.blocked(tensor), tensor.shape[3]! * h * w]
    for (let image = 0; image < n; image++)
      to.set(from.subarray(image * run, (image + 1) * run), image * c * h * w + offset)
    offset += run
  }
  return be.blockedOutput(to, dims)
}

/** The parts of a concatenation, as its gradient asks for them: runs copied row by row. */
const splitV = ({ inputs, attrs, backend: be }: Call<{ numOrSizeSplits: number[] | number; axis: number }>) => {
  const x = input(inputs, 'x')
  if (!floats(x) || sizeOf(x.shape) === 0) return undefined
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0] as number
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis)
  const rows = sizeOf(x.shape.slice(0, axis))
  const inner = sizeOf(x.shape.slice(axis + 1))
  const width = x.shape[axis]! * inner
  let offset = 0
  return sizes.map((size) => {
    const begin = x.shape.map((_, i) => (i === axis ? offset : 0))
    const shape = x.shape.map((whole, i) => (i === axis ? size : whole))
    const run = size * inner
    const from = offset * inner
    offset += size
    const blocked = axis === 3 ? sliceChannels(be, x, begin, shape) : undefined
    if (blocked) return blocked
    const out = be.output(shape)
    const values = be.entry(x).numbers as Floats
    for (let row = 0; row < rows; row++) {
      const at = row * width + from
      if (run < 32) for (let k = 0; k < run; k++) out.values[row * run + k] = values[at + k] as number
      else out.values.set(values.subarray(at, at + run), row * run)
    }
    return out
  })
}

/** Copies runs of the later axes, one copy each, for every position of the earlier axes. */
const gather = ({ inputs, attrs, backend: be }: Call<{ axis: number; batchDims: number }>) => {
  const [x, indices] = [input(inputs, 'x'), input(inputs, 'indices')]
  if (attrs.batchDims !== 0 || x.shape.length === 0 || x.dtype === 'string' || x.dtype === 'complex64') return undefined
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0] as number
  const rows = x.shape[axis] as number
  const wanted = be.entry(indices).numbers
  for (const index of wanted)
    if (index < 0 || index >= rows) throw new Error(`GatherV2: the index value ${index} is not in [0, ${rows - 1}]`)
  const [before, rest] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)]
  const run = sizeOf(rest)
  const out = be.output([...before, ...indices.shape, ...rest], x.dtype)
  const values = be.entry(x).numbers as Values
  let write = 0
  for (let place = 0; place < sizeOf(before); place++)
    for (let i = 0; i < wanted.length; i++, write += run) {
      const from = (place * rows + wanted[i]!) * run
      if (run < 16) for (let k = 0; k < run; k++) out.values[write + k] = values[from + k] as number
      else out.values.set(values.subarray(from, from + run), write)
    }
  return out
}

interface ResizeAttributes {
  readonly size: [number, number]
  readonly alignCorners: boolean
  readonly halfPixelCenters: boolean
}

const resizeBilinear = ({ inputs, attrs, backend }: Call<ResizeAttributes>) => {
  const x = input(inputs, 'images')
  const { size, alignCorners, halfPixelCenters } = attrs
  const [n, , , c] = x.shape as unknown as Dims
  const coordinates = alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric'
  return oneInput(backend, `Resize linear ${coordinates} ${size}`, x, [n, ...size, c], (g, name) => {
    // ONNX Runtime would resize channels-last data value by value.
    const turned = g.op('Transpose', [name], { perm: [0, 3, 1, 2] })
    const resized = g.op('Resize', [turned, '', '', g.ints([n, c, ...size])], {
      mode: 'linear',
      coordinate_transformation_mode: coordinates,
    })
    return g.op('Transpose', [resized], { perm: [0, 2, 3, 1] })
  })
}

/** The pixel that each output takes along one axis, as tfjs rounds. */
const nearestOf = (outputs: number, inputs: number, { alignCorners, halfPixelCenters }: ResizeAttributes): number[] => {
  const ratio = alignCorners && outputs > 1 ? (inputs - 1) / (outputs - 1) : inputs / outputs
  return Array.from({ length: outputs }, (_, i) => {
    const at = ratio * (halfPixelCenters ? i + 0.5 : i)
    return Math.min(inputs - 1, Math.max(0, alignCorners ? Math.round(at) : Math.floor(at)))
  })
}

/** Pixels are copied unchanged, in blocks of channels or whole; a repeated row is copied at once. */
const resizeNearest = ({ inputs, attrs, backend: be }: Call<ResizeAttributes>) => {
  const x = input(inputs, 'images')
  if (!floats(x) || sizeOf(x.shape) === 0 || sizeOf(attrs.size) === 0) return undefined
  const [n, h, w, c] = x.shape as unknown as Dims
  const [height, width] = attrs.size
  const dims: Dims = [n, height, width, c]
  const inBlocks = !be.entry(x).hasPlain && be.entry(x).blocked(x.shape) !== undefined
  const [planes, run] = inBlocks ? [n * be.layout.blocks(c), be.layout.block] : [n, c]
  const from = inBlocks ? be.blocked(x) : (be.entry(x).numbers as Floats)
  const plain = inBlocks ? undefined : be.output(dims)
  const to = (plain?.values ?? be.layout.room(dims)) as Floats
  const [rows, columns] = [nearestOf(height, h, attrs), nearestOf(width, w, attrs)]
  const length = width * run
  let write = 0
  for (let plane = 0; plane < planes; plane++)
    for (let row = 0; row < height; row++) {
      if (row > 0 && rows[row] === rows[row - 1]) {
        to.copyWithin(write, write - length, write)
        write += length
        continue
      }
      const line = (plane * h + rows[row]!) * w
      for (const column of columns) {
        const read = (line + column) * run
        for (let k = 0; k < run; k++) to[write++] = from[read + k] as number
      }
    }
  if (!plain) return be.blockedOutput(to, dims)
  const { values: _, ...out } = plain
  return out
}

/** A constant of another tensor's shape, as the gradients of unused values are. */
const zerosLike = ({ inputs, backend: be }: Call) => {
  const x = input(inputs, 'x')
  if (!floats(x)) return undefined
  const { values, ...zeros } = be.output(x.shape)
  values.fill(0)
  return zeros
}

/** Fills with zeros or a number. */
const fill = ({ attrs, backend: be }: Call<{ shape: number[]; value: number | string; dtype?: tf.DataType }>) => {
  const { shape, value, dtype = typeof value === 'string' ? 'string' : 'float32' } = attrs
  if (dtype !== 'float32' || typeof value !== 'number') return undefined
  const out = be.output(shape)
  ;(out.values as Floats).fill(value)
  return out
}

export const shapes: KernelTable = {
  Transpose: transpose,
  PadV2: pad,
  Tile: tile,
  DepthToSpace: depthToSpace,
  Reverse: reverse,
  MirrorPad: mirrorPad,
  UnsortedSegmentSum: unsortedSegmentSum,
  Slice: slice,
  Concat: concat,
  SplitV: splitV,
  GatherV2: gather,
  ResizeBilinear: resizeBilinear,
  ResizeNearestNeighbor: resizeNearest,
  Fill: fill,
  ZerosLike: zerosLike,
}
