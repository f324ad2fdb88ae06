/** Convolution and pooling in the blocked layout: the graphs of one node each, and the filters they take. */
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims } from '../storage.ts'

export type Floats = Float32Array<ArrayBuffer>
export type Pair = readonly [number, number]
/** Rows above and below, columns left and right. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number]

export interface Window {
  readonly kernel: Pair
  readonly strides: Pair
  readonly dilations: Pair
  readonly pads: Pads
}

/** Number of positions of a window along one axis. */
export const slots = (size: number, before: number, after: number, kernel: number, stride: number, dilation: number) =>
  Math.floor((size + before + after - (kernel - 1) * dilation - 1) / stride) + 1

export const outputSize = (h: number, w: number, { kernel, strides, dilations, pads }: Window): Pair => [
  slots(h, pads[0], pads[2], kernel[0], strides[0], dilations[0]),
  slots(w, pads[1], pads[3], kernel[1], strides[1], dilations[1]),
]

/**
 * One convolution of blocked data. `filter` is [O/B, I/B, kh, kw, Bi, Bo] (`blockFilter`), or [C/B, 1, kh, kw, B]
 * for a depthwise one. Channels are counted in full blocks: lanes of padding are zero in and zero out.
 */
export function convolve(
  be: OnnxRuntimeBackend,
  x: Floats,
  [n, h, w, c]: Dims,
  filter: Floats,
  filters: number,
  window: Window,
  depthwise = false,
): { y: Floats; dims: Dims } {
  const layout = be.layout
  const { kernel, strides, dilations, pads } = window
  const [inputs, outputs] = [layout.padded(c), layout.padded(filters)]
  const [oh, ow] = outputSize(h, w, window)
  const dims: Dims = [n, oh, ow, filters]
  const y = layout.room(dims)
  const filterInputs = depthwise ? 1 : inputs
  const key = `conv ${[n, h, w, inputs, outputs, kernel, strides, dilations, pads, depthwise]}`
  be.sessions.run(
    key,
    (g) => {
      const out = g.op(
        'com.microsoft.nchwc:Conv',
        [g.input('x', [n, inputs, h, w]), g.input('w', [outputs, filterInputs, ...kernel])],
        { kernel_shape: kernel, strides, dilations, pads, group: depthwise ? inputs : 1 },
      )
      g.output(out, [n, outputs, oh, ow])
    },
    n * oh * ow * outputs * filterInputs * kernel[0] * kernel[1],
    [x, filter],
    [y],
  )
  return { y, dims }
}

/**
 * One convolution of row-major images of fewer channels than a block: MLAS reads them as planes, [N, I, H, W], and
 * expects the filter as [O/B, I, kh, kw, Bo].
 */
export function convolvePlanes(
  be: OnnxRuntimeBackend,
  x: Floats,
  [n, h, w, c]: Dims,
  filter: Floats,
  filters: number,
  window: Window,
): { y: Floats; dims: Dims } {
  const { layout } = be
  const { kernel, strides, dilations, pads } = window
  const [outputs, taps, positions, block] = [layout.padded(filters), kernel[0] * kernel[1], h * w, layout.block]
  const [oh, ow] = outputSize(h, w, window)
  const dims: Dims = [n, oh, ow, filters]
  const y = layout.room(dims)
  be.memoryPool.withScratch([n * c * positions, outputs * c * taps], (planes, turned) => {
    for (let image = 0; image < n; image++)
      for (let i = 0; i < c; i++) {
        const write = (image * c + i) * positions
        let read = image * positions * c + i
        for (let p = 0; p < positions; p++, read += c) planes[write + p] = x[read] as number
      }
    turned.fill(0)
    for (let t = 0; t < taps; t++)
      for (let i = 0; i < c; i++)
        for (let o = 0; o < filters; o++)
          turned[((Math.floor(o / block) * c + i) * taps + t) * block + (o % block)] = filter[
            (t * c + i) * filters + o
          ] as number
    be.sessions.run(
      `conv of planes ${[n, h, w, c, outputs, kernel, strides, dilations, pads]}`,
      (g) => {
        const out = g.op(
          'com.microsoft.nchwc:Conv',
          [g.input('x', [n, c, h, w]), g.input('w', [outputs, c, ...kernel])],
          { kernel_shape: kernel, strides, dilations, pads, group: 1 },
        )
        g.output(out, [n, outputs, oh, ow])
      },
      n * oh * ow * outputs * c * taps,
      [planes, turned],
      [y],
    )
  })
  return { y, dims }
}

/** tfjs's [kh, kw, I, O] → [O/B, I/B, kh, kw, Bi, Bo], zero beyond the channels. */
export function blockFilter(be: OnnxRuntimeBackend, w: Floats, taps: number, inputs: number, outputs: number): Floats {
  const { loops, block } = be.layout
  const [ib, ob] = [be.layout.blocks(inputs), be.layout.blocks(outputs)]
  const to = be.memoryPool.floats(ob * ib * taps * block * block)
  if (inputs % block === 0 && outputs % block === 0) {
    for (let o = 0; o < ob; o++)
      for (let i = 0; i < ib; i++)
        loops.copyBlocks(
          to.byteOffset + (o * ib + i) * taps * block * block * 4,
          w.byteOffset + (i * block * outputs + o * block) * 4,
          ...[taps, block * block * 4, inputs * outputs * 4],
          ...[block, block * 4, outputs * 4],
        )
    return to
  }
  to.fill(0)
  for (let t = 0; t < taps; t++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) {
        const tile = ((Math.floor(o / block) * ib + Math.floor(i / block)) * taps + t) * block
        to[(tile + (i % block)) * block + (o % block)] = w[(t * inputs + i) * outputs + o] as number
      }
  return to
}

/**
 * The filter of the input gradient: inputs and outputs are exchanged, with the listed taps in this order.
 * [kh, kw, I, O] → [I/B, O/B, taps, Bo, Bi].
 */
export function transposedFilter(
  be: OnnxRuntimeBackend,
  w: Floats,
  taps: readonly number[],
  inputs: number,
  outputs: number,
): Floats {
  const { loops, block } = be.layout
  const [ib, ob] = [be.layout.blocks(inputs), be.layout.blocks(outputs)]
  const to = be.memoryPool.floats(ob * ib * taps.length * block * block)
  if (inputs % block === 0 && outputs % block === 0) {
    taps.forEach((tap, t) => {
      for (let i = 0; i < ib; i++)
        loops.transposeBlocks(
          to.byteOffset + (i * ob * taps.length + t) * block * block * 4,
          w.byteOffset + (tap * inputs + i * block) * outputs * 4,
          ...[1, 0, 0],
          ...[ob, taps.length * block * block * 4, block * 4],
          ...[block * 4, outputs * 4],
        )
    })
    return to
  }
  to.fill(0)
  taps.forEach((tap, t) => {
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) {
        const tile = ((Math.floor(i / block) * ob + Math.floor(o / block)) * taps.length + t) * block
        to[(tile + (o % block)) * block + (i % block)] = w[(tap * inputs + i) * outputs + o] as number
      }
  })
  return to
}

/** A depthwise filter [kh, kw, C, 1] → [C/B, 1, taps, B], with the listed taps in this order. */
export function depthwiseFilter(be: OnnxRuntimeBackend, w: Floats, taps: readonly number[], channels: number): Floats {
  const { block, blocks } = { block: be.layout.block, blocks: be.layout.blocks(channels) }
  const to = be.memoryPool.floats(blocks * taps.length * block).fill(0)
  taps.forEach((tap, t) => {
    for (let c = 0; c < channels; c++)
      to[(Math.floor(c / block) * taps.length + t) * block + (c % block)] = w[tap * channels + c] as number
  })
  return to
}

interface Phase {
  /** First position of this phase, and how many there are. */
  readonly start: number
  readonly count: number
  /** Kernel positions that reach it, in the order of a correlation with dy. */
  readonly taps: readonly number[]
  readonly before: number
  readonly after: number
}

/**
 * The gradient of a strided window along one axis, as one dense correlation with dy for each remainder of the position
 * modulo the stride: position h receives dy[(h + pad − k·d) / s] · w[k] wherever the quotient is a whole number.
 * Undefined if it would need negative padding, or dilation and stride together.
 */
export function phases(
  size: number,
  outSize: number,
  kernel: number,
  stride: number,
  dilation: number,
  pad: number,
): Phase[] | undefined {
  if (stride > 1 && dilation > 1) return undefined
  const all: Phase[] = []
  for (let start = 0; start < Math.min(stride, size); start++) {
    const count = Math.ceil((size - start) / stride)
    const first = (start + pad) % stride
    const taps: number[] = []
    for (let k = first; k < kernel; k += stride) taps.unshift(k)
    const reach = (taps.length - 1) * dilation
    const before = reach - (start + pad - first) / stride
    if (taps.length > 0 && before < 0) return undefined
    all.push({ start, count, taps, before, after: Math.max(0, count + reach - outSize - before) })
  }
  return all
}

/**
 * dx of a convolution (`makeFilter` picks its taps), in the blocked layout: one convolution of dy for each phase.
 */
export function convolveBack(
  be: OnnxRuntimeBackend,
  dy: Floats,
  dyDims: Dims,
  dims: Dims,
  window: Window,
  makeFilter: (taps: readonly number[]) => Floats,
  depthwise: boolean,
): Floats | undefined {
  const layout = be.layout
  const { kernel, strides, dilations, pads } = window
  const [n, h, w, c] = dims
  const rows = phases(h, dyDims[1], kernel[0], strides[0], dilations[0], pads[0])
  const columns = phases(w, dyDims[2], kernel[1], strides[1], dilations[1], pads[1])
  if (!rows || !columns) return undefined
  const run = (row: Phase, column: Phase) => {
    const filter = makeFilter(row.taps.flatMap((i) => column.taps.map((j) => i * kernel[1] + j)))
    const { y, dims: made } = convolve(
      be,
      dy,
      dyDims,
      filter,
      c,
      {
        kernel: [row.taps.length, column.taps.length],
        strides: [1, 1],
        dilations,
        pads: [row.before, column.before, row.after, column.after],
      },
      depthwise,
    )
    be.memoryPool.recycle(filter)
    return { y, made }
  }
  const [row, column] = [rows[0] as Phase, columns[0] as Phase]
  if (rows.length === 1 && columns.length === 1 && row.taps.length && column.taps.length) {
    const { y, made } = run(row, column)
    if (made[1] === h && made[2] === w) return y
    be.memoryPool.recycle(y)
  }
  const dx = layout.room(dims)
  const bytes = layout.block * 4
  if (rows.some((r) => r.taps.length === 0) || columns.some((r) => r.taps.length === 0)) layout.zero(dx)
  for (const row of rows)
    for (const column of columns) {
      if (row.taps.length === 0 || column.taps.length === 0) continue
      const { y, made } = run(row, column)
      const planes = n * layout.blocks(c)
      for (let plane = 0; plane < planes; plane++)
        layout.loops.copyBlocks(
          dx.byteOffset + ((plane * h + row.start) * w + column.start) * bytes,
          y.byteOffset + plane * made[1] * made[2] * bytes,
          ...[row.count, strides[0] * w * bytes, made[2] * bytes],
          ...[column.count, strides[1] * bytes, bytes],
        )
      be.memoryPool.recycle(y)
    }
  return dx
}

/** Images in blocks of channels, or row by row (few channels). */
export type Images = { readonly blocks: Floats } | { readonly rows: Floats }

/**
 * dw of a convolution: a convolution again, with the batch in place of the channels and dy as its filter
 * (x as [I, N/B, H', W', Bn], dy as [O/B, N/B, oh, ow, Bn, Bo]); strides and dilations are exchanged.
 */
export function filterGradient(
  be: OnnxRuntimeBackend,
  x: Images,
  [n, h, w, c]: Dims,
  dy: Floats,
  dyDims: Dims,
  { kernel, strides, dilations, pads }: Window,
  to: Floats,
): void {
  const layout = be.layout
  const { block, loops } = layout
  const bytes = block * 4
  const [, oh, ow, filters] = dyDims
  const pointwise = [...kernel, ...strides].every((size) => size === 1) && h === oh && w === ow
  if ('blocks' in x && pointwise && (h * w) % block === 0) {
    pointwiseFilterGradient(be, x.blocks, [n, h, w, c], dy, filters, to)
    return
  }
  const [batches, ib, ob] = [layout.blocks(n), layout.blocks(c), layout.blocks(filters)]
  const rows = (kernel[0] - 1) * dilations[0] + (oh - 1) * strides[0] + 1
  const columns = (kernel[1] - 1) * dilations[1] + (ow - 1) * strides[1] + 1
  // The part of x that lies under the windows.
  const [top, left] = [Math.min(pads[0], rows), Math.min(pads[1], columns)]
  const [down, across] = [Math.min(h, rows - top), Math.min(w, columns - left)]
  const gradient = padBatch(be, dy, n, oh * ow * ob * block)
  const inputs = 'rows' in x ? c : ib * block
  const turned = be.memoryPool.floats(inputs * batches * rows * columns * block)
  const turnedPlane = rows * columns * bytes
  if ('rows' in x) {
    turned.fill(0)
    turnRows(x.rows, [n, h, w, c], turned, batches, block, [rows, columns], [top, left], [down, across])
  } else {
    zeroBorder(be, turned, inputs * batches, [rows, columns], [top, left], [down, across])
    const source = padBatch(be, x.blocks, n, h * w * ib * block)
    if (down > 0 && across > 0)
      for (let b = 0; b < batches; b++)
        for (let i = 0; i < ib; i++)
          loops.transposeBlocks(
            turned.byteOffset + (i * block * batches + b) * turnedPlane + (top * columns + left) * bytes,
            source.byteOffset + (b * block * ib + i) * h * w * bytes,
            ...[down, columns * bytes, w * bytes],
            ...[across, bytes, bytes],
            ...[batches * turnedPlane, ib * h * w * bytes],
          )
    if (source !== x.blocks) be.memoryPool.recycle(source)
  }
  const filter = be.memoryPool.floats(ob * batches * oh * ow * block * block)
  // Positions in the outer loop and images in the inner one, so that writes are sequential.
  for (let b = 0; b < batches; b++)
    for (let o = 0; o < ob; o++)
      loops.copyBlocks(
        filter.byteOffset + (o * batches + b) * oh * ow * block * bytes,
        gradient.byteOffset + (b * block * ob + o) * oh * ow * bytes,
        ...[oh * ow, block * bytes, bytes],
        ...[block, bytes, ob * oh * ow * bytes],
      )
  const made = be.memoryPool.floats(c * ob * kernel[0] * kernel[1] * block)
  const [depth, outputs] = [batches * block, ob * block]
  be.sessions.run(
    `dw ${[c, depth, rows, columns, outputs, oh, ow, dilations, strides]}`,
    (g) => {
      const out = g.op(
        'com.microsoft.nchwc:Conv',
        [g.input('x', [c, depth, rows, columns]), g.input('w', [outputs, depth, oh, ow])],
        { kernel_shape: [oh, ow], strides: dilations, dilations: strides, pads: [0, 0, 0, 0], group: 1 },
      )
      g.output(out, [c, outputs, ...kernel])
    },
    n * oh * ow * c * filters * kernel[0] * kernel[1],
    [turned, filter],
    [made],
  )
  const taps = kernel[0] * kernel[1]
  for (let i = 0; i < c; i++)
    for (let o = 0; o < filters; o++) {
      const read = (i * ob + Math.floor(o / block)) * taps * block + (o % block)
      for (let t = 0; t < taps; t++) to[(t * c + i) * filters + o] = made[read + t * block] as number
    }
  for (const scratch of [turned, filter, made]) be.memoryPool.recycle(scratch)
  if (gradient !== dy) be.memoryPool.recycle(gradient)
}

/** Rows [N, H, W, I] → [I, N/B, H', W', Bn], inside a border that is zero. */
function turnRows(
  x: Floats,
  [n, h, w, c]: Dims,
  to: Floats,
  batches: number,
  block: number,
  [rows, columns]: Pair,
  [top, left]: Pair,
  [down, across]: Pair,
): void {
  for (let image = 0; image < n; image++)
    for (let i = 0; i < c; i++) {
      const plane = (i * batches + Math.floor(image / block)) * rows * columns
      for (let row = 0; row < down; row++) {
        let read = (image * h + row) * w * c + i
        let write = (plane + (top + row) * columns + left) * block + (image % block)
        for (let column = 0; column < across; column++, read += c, write += block) to[write] = x[read] as number
      }
    }
}

/** Zeros around the inner rectangle of every plane. */
function zeroBorder(
  be: OnnxRuntimeBackend,
  planes: Floats,
  count: number,
  [rows, columns]: Pair,
  [top, left]: Pair,
  [down, across]: Pair,
): void {
  const { block } = be.layout
  const [below, right] = [rows - top - down, columns - left - across]
  if (top + left + below + right === 0) return
  const size = rows * columns * block
  for (let plane = 0; plane < count; plane++) {
    const start = plane * size
    planes.fill(0, start, start + top * columns * block)
    planes.fill(0, start + (top + down) * columns * block, start + size)
    for (let row = top; row < top + down; row++) {
      const at = start + row * columns * block
      planes.fill(0, at, at + left * block)
      planes.fill(0, at + (left + across) * block, at + columns * block)
    }
  }
}

/**
 * dw = xᵀ·dy of a 1×1 convolution: a 1×1 convolution over the inputs as positions, with all positions as channels
 * (x as [P/B, I, Bp], dy as [O/B, P, Bo], P = N·H·W).
 */
function pointwiseFilterGradient(
  be: OnnxRuntimeBackend,
  x: Floats,
  [n, h, w, c]: Dims,
  dy: Floats,
  filters: number,
  to: Floats,
): void {
  const { layout } = be
  const { block, loops } = layout
  const [bytes, plane, ib, ob] = [block * 4, h * w, layout.blocks(c), layout.blocks(filters)]
  const [positions, inputs, outputs] = [n * plane, ib * block, ob * block]
  const turned = be.memoryPool.floats(positions * inputs)
  for (let image = 0; image < n; image++)
    for (let b = 0; b < ib; b++)
      loops.transposeBlocks(
        turned.byteOffset + (((image * plane) / block) * inputs + b * block) * bytes,
        x.byteOffset + (image * ib + b) * plane * bytes,
        ...[plane / block, inputs * bytes, block * bytes],
        ...[1, 0, 0],
        ...[bytes, bytes],
      )
  // One block of channels already has this order.
  const filter = ob === 1 ? dy : be.memoryPool.floats(positions * outputs)
  if (filter !== dy)
    for (let image = 0; image < n; image++)
      for (let o = 0; o < ob; o++) {
        const from = (image * ob + o) * plane * block
        filter.set(dy.subarray(from, from + plane * block), (o * positions + image * plane) * block)
      }
  const made = be.memoryPool.floats(inputs * outputs)
  be.sessions.run(
    `dw 1×1 ${[positions, inputs, outputs]}`,
    (g) => {
      const names = [g.input('x', [1, positions, 1, inputs]), g.input('w', [outputs, positions, 1, 1])]
      const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 }
      g.output(g.op('com.microsoft.nchwc:Conv', names, attributes), [1, outputs, 1, inputs])
    },
    positions * inputs * outputs,
    [turned, filter],
    [made],
  )
  for (let i = 0; i < c; i++)
    for (let o = 0; o < filters; o++)
      to[i * filters + o] = made[(Math.floor(o / block) * inputs + i) * block + (o % block)] as number
  for (const scratch of [turned, made]) be.memoryPool.recycle(scratch)
  if (filter !== dy) be.memoryPool.recycle(filter)
}

/** The batch filled up with zeros to a multiple of the block. */
function padBatch(be: OnnxRuntimeBackend, x: Floats, n: number, size: number): Floats {
  const { block } = be.layout
  if (n % block === 0) return x
  const padded = be.memoryPool.floats(Math.ceil(n / block) * block * size)
  padded.set(x)
  return padded.fill(0, n * size)
}
