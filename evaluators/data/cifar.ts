import { optionNames } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { concatImages, type LabelledImages, labelledImages } from './images.ts'
import { readBytes } from './read-bytes.ts'

const SIDE = 32
const PLANE = SIDE * SIDE

export interface CifarOptions {
  /** Label bytes in front of the pixels: 1 for CIFAR-10, 2 (coarse, fine) for CIFAR-100. Default 1. */
  readonly labelBytes?: number
  /** Which label byte to use. Default the last (the fine label of CIFAR-100). */
  readonly labelByte?: number
  /** Default 10. */
  readonly classes?: number
}

const readCifarNames = optionNames<CifarOptions>('readCifar', { labelBytes: true, labelByte: true, classes: true })

/**
 * CIFAR binary records, plain or gzipped: label byte(s), then 1,024 bytes each of red, green and blue, row-major.
 * Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
 * Errors: ARCHLOOM_DATA_FILE_MISSING, ARCHLOOM_DATA_GZIP_CORRUPT, ARCHLOOM_DATA_RECORD_SIZE, ARCHLOOM_DATA_LABEL_RANGE.
 */
export async function readCifar(
  paths: string | readonly string[],
  options: CifarOptions = {},
): Promise<LabelledImages> {
  readCifarNames(options)
  const all = typeof paths === 'string' ? [paths] : paths
  const sets: LabelledImages[] = []
  for (const path of all) sets.push(parseCifar(await readBytes(path), path, options))
  return concatImages(sets, all.join(', '))
}

const parseCifarNames = optionNames<CifarOptions>('parseCifar', { labelBytes: true, labelByte: true, classes: true })

/** The records in the bytes of one file; `path` names them in errors. */
export function parseCifar(bytes: Uint8Array, path: string, options: CifarOptions = {}): LabelledImages {
  parseCifarNames(options)
  const { labelBytes = 1, labelByte = labelBytes - 1, classes = 10 } = options
  const record = labelBytes + 3 * PLANE
  const count = bytes.length / record
  if (!Number.isInteger(count) || count === 0) {
    const layout = `${labelBytes} label byte${labelBytes > 1 ? 's' : ''} and 3,072 pixels`
    throw error('ARCHLOOM_DATA_RECORD_SIZE', { path, bytes: bytes.length, record, layout })
  }
  const pixels = new Uint8Array(count * 3 * PLANE)
  const labels = new Int32Array(count)
  let to = 0
  for (let i = 0; i < count; i++) {
    labels[i] = bytes[i * record + labelByte] as number
    const red = i * record + labelBytes
    // Planes to interleaved channels.
    for (let from = red; from < red + PLANE; from++) {
      pixels[to] = bytes[from] as number
      pixels[to + 1] = bytes[from + PLANE] as number
      pixels[to + 2] = bytes[from + 2 * PLANE] as number
      to += 3
    }
  }
  return labelledImages({ height: SIDE, width: SIDE, channels: 3, classes, pixels, labels }, path)
}
