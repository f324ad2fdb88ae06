import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../core/options/index.ts'
import { type Picture, picture } from '../data/images/picture.ts'
import { nextTurn } from '../training/batches.ts'
import type { Upscaler, UpscalerDescription } from './model.ts'

/** One part of a small image: what the network sees, and which of it is kept. Pixels of the small image. */
export interface Tile {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
  /** Kept, counted from the image's corner. */
  readonly keep: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }
}

interface Span {
  readonly from: number
  readonly size: number
  readonly keepFrom: number
  readonly keepTo: number
}

/**
 * Parts of one axis, no longer than `tile` and as many as that takes: all of one size, so that engines prepare one shape
 * only, and no longer than they must be, so that little is computed twice.
 */
function spans(length: number, tile: number, overlap: number): readonly Span[] {
  if (length <= tile) return [{ from: 0, size: length, keepFrom: 0, keepTo: length }]
  // The first and the last part lie at the image's edge, where no overlap is needed.
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

/** Tiles that cover an image, row by row; the kept parts do not overlap. */
export function tilesOf({ height, width }: { height: number; width: number }, tile: number, overlap: number): Tile[] {
  return spans(height, tile, overlap).flatMap((row) =>
    spans(width, tile, overlap).map((column) => ({
      top: row.from,
      left: column.from,
      height: row.size,
      width: column.size,
      keep: { top: row.keepFrom, left: column.keepFrom, bottom: row.keepTo, right: column.keepTo },
    })),
  )
}

export interface TilingOptions {
  /** Side of what the network sees at once, in pixels of the small image: memory grows with its square. Default 512. */
  readonly tile?: number
  /** Seen on each side beyond what is kept. Default: the network's reach, with which the result does not depend on tiles. */
  readonly overlap?: number
  readonly onTile?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

const TILE = 512
/** Of networks that look at the whole image: no overlap is exact. */
const OVERLAP = 16

const upscaleTiledNames = optionNames<TilingOptions>('upscaleTiled', {
  tile: true,
  overlap: true,
  onTile: true,
  signal: true,
})

/**
 * Enlarges a picture tile by tile. Networks whose reach is known give what they give of the whole image at once; those
 * that look at the whole image (channel attention) see each tile as an image of its own.
 * Grey pictures are enlarged as three equal channels. Error: ARCHLOOM_OPTION.
 */
export async function upscaleTiled(
  { network, reach }: { readonly network: Pick<Upscaler, 'scale' | 'upscale'> } & Pick<UpscalerDescription, 'reach'>,
  image: Picture,
  given: TilingOptions = {},
): Promise<Picture> {
  const { tile = TILE, overlap = reach ?? OVERLAP, onTile, signal } = upscaleTiledNames(given)
  const check = (option: string, received: unknown, valid: boolean, expected: string) => {
    if (!valid) throw optionError('upscaleTiled', option, received, expected)
  }
  check('overlap', overlap, Number.isInteger(overlap) && overlap >= 0, 'a whole number of at least 0')
  const least = 2 * overlap + 1
  check(
    'tile',
    tile,
    Number.isInteger(tile) && tile >= least,
    `a whole number above twice the overlap (${least} or more)`,
  )
  const { scale } = network
  const width = image.width * scale
  const out = new Uint8Array(image.height * scale * width * 3)
  const tiles = tilesOf(image, tile, overlap)
  let done = 0
  for (const part of tiles) {
    signal?.throwIfAborted()
    const y = tf.tidy(() => network.upscale(cut(image, part), { training: false }))
    try {
      place(await y.data(), part, scale, out, width)
    } finally {
      y.dispose()
    }
    onTile?.(++done, tiles.length)
    // Engines that work at once would let no timer and no signal through.
    await nextTurn()
  }
  return picture(image.height * scale, width, 3, out)
}

function cut({ pixels, width, channels }: Picture, { top, left, height, width: side }: Tile): tf.Tensor4D {
  const values = new Float32Array(height * side * 3)
  let to = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < side; x++) {
      const from = ((top + y) * width + left + x) * channels
      for (let c = 0; c < 3; c++) values[to++] = pixels[from + (channels === 3 ? c : 0)] as number
    }
  return tf.tensor4d(values, [1, height, side, 3])
}

/** Rounds half up and clamps what is kept of a tile into the large image. */
function place(values: ArrayLike<number>, tile: Tile, scale: number, out: Uint8Array, width: number): void {
  const { keep } = tile
  const count = (keep.right - keep.left) * scale * 3
  for (let y = keep.top * scale; y < keep.bottom * scale; y++) {
    let from = ((y - tile.top * scale) * tile.width * scale + (keep.left - tile.left) * scale) * 3
    let to = (y * width + keep.left * scale) * 3
    for (let i = 0; i < count; i++) {
      const value = (values[from++] as number) + 0.5
      out[to++] = value <= 0 ? 0 : value >= 255 ? 255 : value
    }
  }
}
