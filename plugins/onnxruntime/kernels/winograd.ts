/** 3×3 convolutions with stride 1 by F(4×4, 3×3): a quarter of the multiplications, at the price of some precision. */
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims } from '../storage.ts'
import type { Floats, Window } from './blocked.ts'

/** Positions of a tile of the output, and of the products. */
const [side, points] = [4, 36] as const
/** Bytes of the tiles that are transformed before they are multiplied: they stay in the caches. */
const chunkBytes = 3 << 20

/** Tiles of some images: as many as fit the caches, and rows of zeros so that products do not start in one cache set. */
function chunksOf(n: number, perImage: number, channels: number) {
  const images = Math.max(1, Math.min(n, Math.floor(chunkBytes / (points * perImage * channels * 4))))
  return Array.from({ length: Math.ceil(n / images) }, (_, i) => ({
    first: i * images,
    count: Math.min(images, n - i * images),
  }))
}
const rowsOf = (tiles: number) => tiles + 1 + (tiles % 2)

/** U[36, I, O] of a filter [3, 3, I, O]; `reversed` turns the taps round, for the input gradient. */
function transformFilter(be: OnnxRuntimeBackend, w: Floats, size: number, reversed: boolean, room: Floats): Floats {
  const to = be.memoryPool.floats(points * size)
  const { block } = be.layout
  const [bytes, tap] = [block * 4, size * 4]
  const [start, step] = reversed ? [w.byteOffset + 8 * tap, -tap] : [w.byteOffset, tap]
  be.loops.tilesOfFilter(
    ...[1, size / block],
    ...[start, 0, bytes, 3 * step, step],
    ...[to.byteOffset, 0, bytes, 6 * tap, tap],
    room.byteOffset,
  )
  return to
}

/** Copies a plane into a frame of zeros, whose border is never written. */
function frameOf(
  be: OnnxRuntimeBackend,
  [, h, w]: Dims,
  [top, left]: readonly number[],
  rows: number,
  columns: number,
) {
  const bytes = be.layout.block * 4
  const frame = be.layout.zero(be.memoryPool.floats(rows * columns * be.layout.block))
  return {
    frame,
    rowBytes: columns * bytes,
    fill: (plane: number) =>
      be.loops.copyBlocks(
        ...[frame.byteOffset + (top! * columns + left!) * bytes, plane],
        ...[h, columns * bytes, w * bytes, w, bytes, bytes],
      ),
  }
}

/** Least channels in and out, and positions of the whole batch, for which these kernels were faster in all passes. */
const worth = { channels: 64, positions: 1024, filled: 0.75 } as const

/**
 * Whether a convolution takes these kernels: with `precision: 'fast'`, on one thread, for the shapes that they were
 * measured to be faster for. The transforms run on one thread, so that with two the exact kernels are faster.
 */
export function prefersWinograd(
  be: Pick<OnnxRuntimeBackend, 'fast' | 'layout'>,
  { kernel, strides, dilations, pads }: Window,
  [n, , , inputs]: Dims,
  [, oh, ow, outputs]: Dims,
): boolean {
  const filled = (oh * ow) / (Math.ceil(oh / side) * Math.ceil(ow / side) * side * side)
  return (
    be.fast &&
    kernel.every((size) => size === 3) &&
    [...strides, ...dilations].every((size) => size === 1) &&
    pads.every((pad) => pad <= 2) &&
    Math.min(inputs, outputs) >= worth.channels &&
    inputs % be.layout.block === 0 &&
    outputs % be.layout.block === 0 &&
    n * oh * ow >= worth.positions &&
    filled >= worth.filled
  )
}

/**
 * y = x ∗ w in the blocked layout. `reversed`: w is [3, 3, O, I] with its taps turned round, as the input gradient needs
 * it; x is then the gradient of the output.
 */
export function winograd(
  be: OnnxRuntimeBackend,
  x: Floats,
  dims: Dims,
  w: Floats,
  filters: number,
  [oh, ow]: readonly [number, number],
  pads: readonly number[],
  reversed = false,
): { y: Floats; dims: Dims } {
  const { layout, loops, memoryPool } = be
  const [n, h, width, c] = dims
  const [bytes, ib, ob] = [layout.block * 4, layout.blocks(c), layout.blocks(filters)]
  const [down, across] = [Math.ceil(oh / side), Math.ceil(ow / side)]
  const yDims: Dims = [n, oh, ow, filters]
  const y = layout.room(yDims)
  const whole = oh % side === 0 && ow % side === 0
  const chunks = chunksOf(n, down * across, c + filters)
  const rows = rowsOf(chunks[0]!.count * down * across)
  const room = memoryPool.floats(points * 4)
  const u = transformFilter(be, w, c * filters, reversed, room)
  const { frame, rowBytes, fill } = frameOf(be, dims, pads, down * side + 2, across * side + 2)
  const [tiles, products] = [memoryPool.floats(points * rows * c), memoryPool.floats(points * rows * filters)]
  const plane = memoryPool.floats(whole ? 1 : down * across * side * side * layout.block)
  const [inStep, outStep] = [rows * c * 4, rows * filters * 4]
  layout.zero(tiles)
  for (const { first, count } of chunks) {
    for (let image = 0; image < count; image++)
      for (let b = 0; b < ib; b++) {
        fill(x.byteOffset + ((first + image) * ib + b) * h * width * bytes)
        loops.tilesOfInput(
          ...[down, across],
          ...[frame.byteOffset, side * rowBytes, side * bytes, rowBytes, bytes],
          ...[tiles.byteOffset + image * down * across * c * 4 + b * bytes, across * c * 4, c * 4, 6 * inStep, inStep],
          room.byteOffset,
        )
      }
    be.sessions.run(
      `winograd ${[rows, c, filters, reversed]}`,
      (g) => {
        const shape = reversed ? [points, filters, c] : [points, c, filters]
        const inputs = [g.input('v', [points, rows, c]), g.input('u', shape)]
        g.output(g.op('com.microsoft:FusedMatMul', inputs, { transA: 0, transB: Number(reversed) }), [
          ...[points, rows, filters],
        ])
      },
      points * rows * c * filters,
      [tiles, u],
      [products],
    )
    for (let image = 0; image < count; image++)
      for (let b = 0; b < ob; b++) {
        const at = y.byteOffset + ((first + image) * ob + b) * oh * ow * bytes
        const [to, toRow] = whole ? [at, ow * bytes] : [plane.byteOffset, across * side * bytes]
        loops.tilesOfOutput(
          ...[down, across],
          ...[products.byteOffset + image * down * across * filters * 4 + b * bytes, across * filters * 4],
          ...[filters * 4, 6 * outStep, outStep],
          ...[to, side * toRow, side * bytes, toRow, bytes],
          room.byteOffset,
        )
        if (!whole) loops.copyBlocks(at, to, oh, ow * bytes, toRow, ow, bytes, bytes)
      }
  }
  for (const array of [room, u, frame, tiles, products, plane]) memoryPool.recycle(array)
  return { y, dims: yDims }
}

/** dw [3, 3, I, O] of a convolution of x, from dy. */
export function winogradFilterGradient(
  be: OnnxRuntimeBackend,
  x: Floats,
  dims: Dims,
  dy: Floats,
  [, oh, ow, filters]: Dims,
  pads: readonly number[],
  dw: Floats,
): void {
  const { layout, loops, memoryPool } = be
  const [n, h, width, c] = dims
  const [bytes, ib, ob] = [layout.block * 4, layout.blocks(c), layout.blocks(filters)]
  const [down, across] = [Math.ceil(oh / side), Math.ceil(ow / side)]
  const chunks = chunksOf(n, down * across, c + filters)
  const rows = rowsOf(chunks[0]!.count * down * across)
  const room = memoryPool.floats(points * 4)
  const images = frameOf(be, dims, pads, down * side + 2, across * side + 2)
  const gradients = frameOf(be, [n, oh, ow, filters], [0, 0], down * side, across * side)
  const whole = oh % side === 0 && ow % side === 0
  const [tiles, dTiles] = [memoryPool.floats(points * rows * c), memoryPool.floats(points * rows * filters)]
  const [sum, product] = [memoryPool.floats(points * c * filters), memoryPool.floats(points * c * filters)]
  const [inStep, outStep, size] = [rows * c * 4, rows * filters * 4, c * filters]
  chunks.forEach(({ first, count }, chunk) => {
    // The last chunk may be smaller, and rows beyond its tiles must add nothing.
    if (chunk === 0 || count < chunks[0]!.count) for (const each of [tiles, dTiles]) layout.zero(each)
    for (let image = 0; image < count; image++) {
      const tile = image * down * across
      for (let b = 0; b < ib; b++) {
        images.fill(x.byteOffset + ((first + image) * ib + b) * h * width * bytes)
        loops.tilesOfInput(
          ...[down, across],
          ...[images.frame.byteOffset, side * images.rowBytes, side * bytes, images.rowBytes, bytes],
          ...[tiles.byteOffset + tile * c * 4 + b * bytes, across * c * 4, c * 4, 6 * inStep, inStep],
          room.byteOffset,
        )
      }
      for (let b = 0; b < ob; b++) {
        const at = dy.byteOffset + ((first + image) * ob + b) * oh * ow * bytes
        if (!whole) gradients.fill(at)
        const [from, row] = whole ? [at, ow * bytes] : [gradients.frame.byteOffset, gradients.rowBytes]
        loops.tilesOfGradient(
          ...[down, across],
          ...[from, side * row, side * bytes, row, bytes],
          ...[dTiles.byteOffset + tile * filters * 4 + b * bytes, across * filters * 4, filters * 4],
          ...[6 * outStep, outStep],
          room.byteOffset,
        )
      }
    }
    const to = chunk === 0 ? sum : product
    be.sessions.run(
      `winograd dw ${[rows, c, filters]}`,
      (g) => {
        const inputs = [g.input('v', [points, rows, c]), g.input('d', [points, rows, filters])]
        g.output(g.op('com.microsoft:FusedMatMul', inputs, { transA: 1, transB: 0 }), [points, c, filters])
      },
      points * rows * size,
      [tiles, dTiles],
      [to],
    )
    if (chunk > 0) loops.add((points * size) / 16, sum.byteOffset, product.byteOffset, sum.byteOffset)
  })
  loops.filterOfTiles(
    ...[1, size / layout.block],
    ...[sum.byteOffset, 0, bytes, 6 * size * 4, size * 4],
    ...[dw.byteOffset, 0, bytes, 3 * size * 4, size * 4],
    room.byteOffset,
  )
  for (const array of [room, images.frame, gradients.frame, tiles, dTiles, sum, product]) memoryPool.recycle(array)
}
