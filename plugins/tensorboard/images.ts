import { readFile } from 'node:fs/promises'
import type { EncodedImage } from './event-file.ts'

/** Larger files are left out: TensorBoard keeps all images in memory. */
const LIMIT = 16 << 20

/** Width and height of a PNG or JPEG; undefined if it is neither. */
export function sizeOf(data: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (data.length >= 24 && view.getUint32(0) === 0x89504e47)
    return { width: view.getUint32(16), height: view.getUint32(20) }
  if (data.length < 4 || view.getUint16(0) !== 0xffd8) return undefined
  for (let at = 2; at + 9 <= data.length && data[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = data[at + 1]!
    // A start-of-frame marker, excluding the table markers in this range.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
  }
  return undefined
}

/** An image file in the form of TensorBoard; undefined if there is none, or if it is too large or of another type. */
export async function readImage(path: string): Promise<EncodedImage | undefined> {
  const data = await readFile(path).catch(() => undefined)
  const size = data && data.length <= LIMIT ? sizeOf(data) : undefined
  return data && size && { ...size, data }
}
