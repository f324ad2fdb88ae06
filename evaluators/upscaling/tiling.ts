import { optionError, optionNames } from '../../core/options/index.ts'
import { levelsOf, type Raster } from '../data/images/raster.ts'
import { nextTurn } from '../training/batches.ts'
import { type Enlarging, enlargerOf } from './enlarger.ts'
import type { UpscalerDescription } from './model.ts'

/**
 * One part of a small image: what the network sees, and which part of its result is kept. In pixels of the small
 * image.
 */
export interface Tile {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
  /** The part that is kept, counted from the image's corner. */
  readonly keep: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }
}

interface Span {
  readonly from: number
  readonly size: number
  readonly keepFrom: number
  readonly keepTo: number
}

/**
 * Splits an axis into the fewest parts of at most `tile` pixels. All parts have the same size, so that engines prepare
 * one shape only, and are no longer than necessary, so that little is computed twice.
 */
function spans(length: number, tile: number, overlap: number): readonly Span[] {
  if (length <= tile) return [{ from: 0, size: length, keepFrom: 0, keepTo: length }]
  // The first and the last part touch the image's edge, where no overlap is needed.
  const inner = length - 2 * overlap
  const count = Math.ceil(inner / (tile - 2 * overlap))
  const step = Math.ceil(inner / count)
  const size = step + 2 * overlap
  const found: Span[] = []
  for (let kept = 0; kept < length; ) {
    const from = Math.min(kept === 0 ? 0 : kept - overlap, length - size)
    const keepTo = from + size === length ? length : from + size - overlap
    found.push({ from, size, keepFrom: kept, keepTo })
    kept = keepTo
  }
  return found
}

/** Parts of exactly `tile` pixels; a shorter axis is one part that reaches beyond it. */
function equalSpans(length: number, tile: number, overlap: number): readonly Span[] {
  if (length <= tile) return [{ from: 0, size: tile, keepFrom: 0, keepTo: length }]
  const found: Span[] = []
  for (let kept = 0; kept < length; ) {
    const from = Math.min(kept === 0 ? 0 : kept - overlap, length - tile)
    const keepTo = from + tile === length ? length : from + tile - overlap
    found.push({ from, size: tile, keepFrom: kept, keepTo })
    kept = keepTo
  }
  return found
}

/** Tiles that cover an image, row by row; the kept parts do not overlap. */
export const tilesOf = (image: { height: number; width: number }, tile: number, overlap: number): Tile[] =>
  crossed(spans(image.height, tile, overlap), spans(image.width, tile, overlap))

function crossed(rows: readonly Span[], columns: readonly Span[]): Tile[] {
  return rows.flatMap((row) =>
    columns.map((column) => ({
      top: row.from,
      left: column.from,
      height: row.size,
      width: column.size,
      keep: { top: row.keepFrom, left: column.keepFrom, bottom: row.keepTo, right: column.keepTo },
    })),
  )
}

export interface TilingOptions {
  /** Side of a tile in pixels of the small image; memory grows with its square. Default: 512. */
  readonly tile?: number
  /**
   * Pixels that the network sees on each side beyond the kept part. Default: the network's reach, so that the result
   * does not depend on tiles.
   */
  readonly overlap?: number
  readonly onTile?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

const TILE = 512
/** The overlap for networks that depend on the whole image, for which no overlap is exact. */
const OVERLAP = 16

const upscaleTiledNames = optionNames<TilingOptions>('upscaleTiled', {
  tile: true,
  overlap: true,
  onTile: true,
  signal: true,
})

/** An enlarged image, with as many bits as the small one. */
export interface Enlarged<P extends Uint8Array | Uint16Array> {
  readonly height: number
  readonly width: number
  readonly channels: 3
  readonly pixels: P
}

/**
 * Enlarges an image tile by tile. A network with a known reach gives the same result as for the whole image at once;
 * one that depends on the whole image (channel attention) treats each tile as a separate image. Grey images are
 * enlarged as three equal channels; 16-bit images give 16-bit images. Error: ARCHLOOM_OPTION.
 */
export async function upscaleTiled<P extends Uint8Array | Uint16Array>(
  { network, reach }: { readonly network: Enlarging } & Pick<UpscalerDescription, 'reach'>,
  image: Omit<Raster, 'pixels'> & { readonly pixels: P },
  given: TilingOptions = {},
): Promise<Enlarged<P>> {
  const { tile = TILE, overlap = reach ?? OVERLAP, onTile, signal } = upscaleTiledNames(given)
  const enlarger = enlargerOf(network)
  const check = (option: string, received: unknown, valid: boolean, expected: string) => {
    if (!valid) throw optionError('upscaleTiled', option, received, expected)
  }
  check('overlap', overlap, Number.isInteger(overlap) && overlap >= 0, 'a whole number of at least 0')
  const least = 2 * overlap + 1
  const { scale, size } = enlarger
  if (size) {
    const shorter = Math.min(size.height, size.width)
    check(
      'overlap',
      overlap,
      shorter >= least,
      `less than half of ${size.height}×${size.width}, the only size of image that this network takes`,
    )
  } else
    check(
      'tile',
      tile,
      Number.isInteger(tile) && tile >= least,
      `a whole number above twice the overlap (${least} or more)`,
    )
  const [height, width] = [image.height * scale, image.width * scale]
  const Values = image.pixels.constructor as new (length: number) => P
  const out = new Values(height * width * 3)
  const tiles = size
    ? crossed(equalSpans(image.height, size.height, overlap), equalSpans(image.width, size.width, overlap))
    : tilesOf(image, tile, overlap)
  const levels = levelsOf(image)
  let done = 0
  for (const part of tiles) {
    signal?.throwIfAborted()
    place(await enlarger.enlarge(cut(image, part), part.height, part.width), part, scale, out, width, levels)
    onTile?.(++done, tiles.length)
    // Synchronous engines would block timers and signals.
    await nextTurn()
  }
  return { height, width, channels: 3, pixels: out }
}

/** The values of a tile, 0 to 255; beyond the image, its edge is repeated. */
function cut(image: Raster, { top, left, height, width: side }: Tile): Float32Array {
  const { pixels, width, channels } = image
  const step = 255 / levelsOf(image)
  const values = new Float32Array(height * side * 3)
  let to = 0
  for (let y = 0; y < height; y++) {
    const row = Math.min(top + y, image.height - 1) * width
    for (let x = 0; x < side; x++) {
      const from = (row + Math.min(left + x, width - 1)) * channels
      for (let c = 0; c < 3; c++) values[to++] = step * pixels[from + (channels === 3 ? c : 0)]!
    }
  }
  return values
}

/** Copies the kept part of a tile into the large image, rounded half up and clamped. */
function place(
  values: ArrayLike<number>,
  tile: Tile,
  scale: number,
  out: Uint8Array | Uint16Array,
  width: number,
  levels: number,
): void {
  const { keep } = tile
  const step = levels / 255
  const count = (keep.right - keep.left) * scale * 3
  for (let y = keep.top * scale; y < keep.bottom * scale; y++) {
    let from = ((y - tile.top * scale) * tile.width * scale + (keep.left - tile.left) * scale) * 3
    let to = (y * width + keep.left * scale) * 3
    for (let i = 0; i < count; i++) {
      const value = step * values[from++]! + 0.5
      out[to++] = value <= 0 ? 0 : value >= levels ? levels : value
    }
  }
}
