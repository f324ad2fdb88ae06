import { error } from './errors.ts'
import { type LabelledImages, labelledImages } from './images.ts'
import { readBytes } from './read-bytes.ts'

const IMAGES = 0x803
const LABELS = 0x801

export interface IdxImages {
  readonly count: number
  readonly height: number
  readonly width: number
  /** [count, height, width], 0–255. */
  readonly pixels: Uint8Array
}

/**
 * An IDX file of grey images (big-endian: 0x00000803, count, rows, columns, pixels), plain or gzipped.
 * Errors: ARCHLOOM_DATA_FILE_MISSING, _GZIP_CORRUPT, _MAGIC, _TRUNCATED, _TRAILING_BYTES.
 */
export async function readIdxImages(path: string): Promise<IdxImages> {
  const bytes = await readBytes(path)
  const [count, height, width] = header(bytes, path, IMAGES, 3, 'IDX images') as [number, number, number]
  return { count, height, width, pixels: body(bytes, path, 16, count * height * width) }
}

/** An IDX file of byte labels (big-endian: 0x00000801, count, labels), plain or gzipped. Errors as readIdxImages. */
export async function readIdxLabels(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path)
  const [count] = header(bytes, path, LABELS, 1, 'IDX labels') as [number]
  return body(bytes, path, 8, count)
}

/** A pair of IDX files. Errors: those of the two readers, ARCHLOOM_DATA_COUNT_MISMATCH, ARCHLOOM_DATA_LABEL_RANGE. */
export async function readIdx(paths: { images: string; labels: string }, classes = 10): Promise<LabelledImages> {
  const { height, width, pixels } = await readIdxImages(paths.images)
  const labels = Int32Array.from(await readIdxLabels(paths.labels))
  return labelledImages({ height, width, channels: 1, classes, pixels, labels }, `${paths.images} + ${paths.labels}`)
}

function header(bytes: Uint8Array, path: string, magic: number, dimensions: number, what: string): number[] {
  const expected = 4 + 4 * dimensions
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const received = bytes.length >= 4 ? view.getUint32(0) : undefined
  if (received !== undefined && received !== magic)
    throw error('ARCHLOOM_DATA_MAGIC', { path, received: hex(received), expected: hex(magic), what })
  if (bytes.length < expected) throw error('ARCHLOOM_DATA_TRUNCATED', { path, bytes: bytes.length, expected })
  return Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i))
}

function body(bytes: Uint8Array, path: string, start: number, length: number): Uint8Array {
  const expected = start + length
  if (bytes.length < expected) throw error('ARCHLOOM_DATA_TRUNCATED', { path, bytes: bytes.length, expected })
  if (bytes.length > expected) throw error('ARCHLOOM_DATA_TRAILING_BYTES', { path, bytes: bytes.length, expected })
  return bytes.subarray(start)
}

const hex = (n: number) => `0x${n.toString(16).padStart(8, '0')}`
