import { open } from 'node:fs/promises'
import sharp, { type Metadata, type Sharp } from 'sharp'

/** The largest images that are read; a few kilobytes of a file can ask for any number of pixels. */
export const IMAGE_LIMITS = {
  /** Pixels of an image, 16,383 × 16,383: the limit of the decoder. */
  pixels: 0x3fff ** 2,
  /** Pixels of a drawing (SVG), 4,096 × 4,096: drawing takes much longer than decoding. */
  drawnPixels: 4096 ** 2,
  /** Bytes of a drawing. */
  drawingBytes: 4 * 1024 ** 2,
} as const

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
 * An image file before its pixels are decoded, with what its header says, within IMAGE_LIMITS. Throws an Error whose
 * message is the reason; readers wrap it in their own coded error.
 */
export async function openImage(source: string | Uint8Array): Promise<{ image: Sharp; facts: Metadata }> {
  const { head, size } = await beginningOf(source)
  if (head[0] === 0x1f && head[1] === 0x8b) throw new Error('it is compressed by gzip; unpack it first')
  // Before the decoder sees it: reading the header of a drawing parses all of it.
  const drawn = /^[\s\xef\xbb\xbf\xff\xfe]*<(\?xml|!|svg)/i.test(head.toString('latin1').replaceAll('\0', ''))
  if (drawn && size > IMAGE_LIMITS.drawingBytes)
    throw new Error(
      `it is a drawing of ${thousands(size)} bytes; at most ${thousands(IMAGE_LIMITS.drawingBytes)} are read`,
    )
  const image = sharp(source, { failOn: 'truncated', limitInputPixels: IMAGE_LIMITS.pixels })
  const facts = await image.metadata()
  const most = drawn || facts.format === 'svg' ? IMAGE_LIMITS.drawnPixels : IMAGE_LIMITS.pixels
  if (facts.width * facts.height > most)
    throw new Error(`it has ${facts.height}×${facts.width} pixels; at most ${thousands(most)} are read`)
  return { image, facts }
}
