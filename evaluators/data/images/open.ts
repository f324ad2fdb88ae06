import { open } from 'node:fs/promises'
import type { Metadata, Sharp } from 'sharp'
import { optionalPackage } from '../../../core/node/optional-package.ts'

/**
 * The largest images that are read. They are limited because a file of a few kilobytes can declare any number of
 * pixels.
 */
export const IMAGE_LIMITS = {
  /** Pixels of an image, 16,383 × 16,383: the limit of the decoder. */
  pixels: 0x3fff ** 2,
  /** Pixels of a drawing (SVG), 4,096 × 4,096: drawing takes much longer than decoding. */
  drawnPixels: 4096 ** 2,
  /** Bytes of a drawing. */
  drawingBytes: 4 * 1024 ** 2,
} as const

/** The decoder and encoder of image files. Error: ARCHLOOM_PACKAGE_MISSING. */
export const loadSharp = async () =>
  (await optionalPackage('sharp', 'Reading and writing image files', () => import('sharp'))).default

const thousands = (n: number) => n.toLocaleString('en-US')

/** The first bytes of a file or buffer, and its size in bytes. */
async function beginningOf(source: string | Uint8Array): Promise<{ head: Buffer; size: number }> {
  if (typeof source !== 'string') return { head: Buffer.from(source.subarray(0, 1024)), size: source.length }
  const file = await open(source)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    return { head: buffer.subarray(0, bytesRead), size: (await file.stat()).size }
  } finally {
    await file.close()
  }
}

/**
 * Opens an image file within IMAGE_LIMITS and reads its header, without decoding pixels. Throws an Error whose message
 * is the reason; readers wrap it in their own coded error. `ignoreProfile` leaves values in the file's colour profile
 * instead of converting them to sRGB.
 */
export async function openImage(
  source: string | Uint8Array,
  { ignoreProfile = false }: { readonly ignoreProfile?: boolean } = {},
): Promise<{ image: Sharp; facts: Metadata }> {
  const { head, size } = await beginningOf(source)
  if (head[0] === 0x1f && head[1] === 0x8b) throw new Error('it is compressed by gzip; unpack it first')
  // Checked before decoding, because reading the header of a drawing parses the whole file.
  const drawn = /^[\s\xef\xbb\xbf\xff\xfe]*<(\?xml|!|svg)/i.test(head.toString('latin1').replaceAll('\0', ''))
  if (drawn && size > IMAGE_LIMITS.drawingBytes)
    throw new Error(
      `it is a drawing of ${thousands(size)} bytes; at most ${thousands(IMAGE_LIMITS.drawingBytes)} are read`,
    )
  const sharp = await loadSharp()
  const image = sharp(source, { failOn: 'truncated', limitInputPixels: IMAGE_LIMITS.pixels, ignoreIcc: ignoreProfile })
  const facts = await image.metadata()
  const most = drawn || facts.format === 'svg' ? IMAGE_LIMITS.drawnPixels : IMAGE_LIMITS.pixels
  if (facts.width * facts.height > most)
    throw new Error(`it has ${facts.height}×${facts.width} pixels; at most ${thousands(most)} are read`)
  return { image, facts }
}
