import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Sharp } from 'sharp'
import { messageOf } from '../../../core/errors.ts'
import { replaceFile } from '../../../core/node/files.ts'
import { optionError } from '../../../core/options/index.ts'
import { error } from './errors.ts'
import { IMAGE_LIMITS, loadSharp, openImage } from './open.ts'
import { type Picture, picture, sizeOf, toRgb } from './picture.ts'

const READABLE = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff', '.bmp'])
/** Colour spaces, in the decoder's words, that are not converted. */
const RGB_OR_GREY: ReadonlySet<string> = new Set(['srgb', 'rgb', 'rgb16', 'b-w', 'grey16'])
const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp'])

/** An image, and what had to be converted to get it as 8-bit red, green and blue. */
export interface ReadPicture extends Picture {
  readonly notes: readonly string[]
  /** Opacity (one channel), if it was to be kept and the file has it; colours are then not composited on black. */
  readonly alpha?: Picture
}

export interface ReadPictureOptions {
  /** 'repeat' gives grey images as equal red, green and blue, 'keep' as one channel. Default 'repeat'. */
  readonly grey?: 'repeat' | 'keep'
  /** 'flatten' composites transparent images on black, 'keep' returns their opacity separately. Default: 'flatten'. */
  readonly alpha?: 'flatten' | 'keep'
  /** Throws an Error whose message is the reason, for images that must not be decoded. Default: accepts all. */
  readonly accept?: (size: { readonly height: number; readonly width: number }) => void
}

/**
 * Reads an image as 8-bit red-green-blue. Grey is repeated unless it is to be kept, other colours (CMYK) are converted, 16-bit values are reduced
 * to 8, transparency is laid on black, orientation tags are applied, of an animation the first picture is taken; each
 * such change is a note.
 * @param source a path, or the bytes of a file.
 * Errors: ARCHLOOM_PACKAGE_MISSING; ARCHLOOM_PICTURE_UNREADABLE (also for files that are cut short, and for more pixels than IMAGE_LIMITS).
 */
export async function readPicture(
  source: string | Uint8Array,
  { grey = 'repeat', alpha = 'flatten', accept }: ReadPictureOptions = {},
): Promise<ReadPicture> {
  await loadSharp()
  try {
    const { image, facts } = await openImage(source)
    const notes = [
      facts.channels <= 2 && grey === 'repeat' && 'grey, repeated as red, green and blue',
      !RGB_OR_GREY.has(facts.space) && `${facts.space} colours, converted to red, green and blue`,
      facts.depth !== 'uchar' && `${facts.depth === 'ushort' ? '16-bit' : facts.depth} values, reduced to 8 bits`,
      facts.hasAlpha && alpha === 'flatten' && 'transparency, composited on black',
      facts.icc && !isStandardProfile(facts.icc) && 'an embedded colour profile, converted to sRGB',
      (facts.orientation ?? 1) !== 1 && 'turned upright by its orientation tag',
      (facts.pages ?? 1) > 1 && 'an animation, of which the first frame is used',
    ].filter((note) => typeof note === 'string')
    const turned = (facts.orientation ?? 1) >= 5
    accept?.({ height: turned ? facts.width : facts.height, width: turned ? facts.height : facts.width })
    const colours = facts.channels <= 2 && grey === 'keep' ? 'b-w' : 'srgb'
    const opacity = facts.hasAlpha && alpha === 'keep'
    const upright = image.autoOrient().toColourspace(colours)
    const pipeline = opacity ? upright : upright.flatten({ background: '#000' })
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    const { height, width } = info
    const parts = opacity ? apart(data, info.channels) : { colour: new Uint8Array(data), opacity: undefined }
    const read = picture(height, width, (parts.opacity ? info.channels - 1 : info.channels) as 1 | 3, parts.colour)
    return {
      // Some grey files stay grey in spite of the requested colour space.
      ...(colours === 'srgb' ? toRgb(read) : read),
      notes,
      ...(parts.opacity && { alpha: picture(height, width, 1, parts.opacity) }),
    }
  } catch (cause) {
    const path = typeof source === 'string' ? source : `${source.length} bytes`
    throw error('ARCHLOOM_PICTURE_UNREADABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

/** Whether a colour profile is sRGB (or its grey variant), so that no conversion is needed. */
function isStandardProfile(profile: Uint8Array): boolean {
  return /sRGB|s\0R\0G\0B|sGry|s\0G\0r\0a\0y/.test(Buffer.from(profile).toString('latin1'))
}

/** Separates the colours from the last channel, the opacity. */
function apart(data: Uint8Array, channels: number): { colour: Uint8Array; opacity: Uint8Array } {
  const count = data.length / channels
  const [colour, opacity] = [new Uint8Array(count * (channels - 1)), new Uint8Array(count)]
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < channels - 1; c++) colour[i * (channels - 1) + c] = data[i * channels + c]!
    opacity[i] = data[(i + 1) * channels - 1]!
  }
  return { colour, opacity }
}

export interface WriteOptions {
  /** Quality of JPEG and WebP, 1 to 100. Default: 95. */
  readonly quality?: number
  /** Opacity: one channel of the image's size. PNG and WebP only. Default: opaque. */
  readonly alpha?: Picture
}

/** The bytes of an image file. */
export async function encodePicture(
  image: Picture,
  format: 'png' | 'jpeg' | 'webp' = 'png',
  { quality = 95, alpha }: WriteOptions = {},
): Promise<Uint8Array> {
  const { height, width, channels } = image
  if (!Number.isInteger(quality) || quality < 1 || quality > 100)
    throw optionError('encodePicture', 'quality', quality, 'a whole number from 1 to 100')
  if (alpha && (alpha.channels !== 1 || alpha.height !== height || alpha.width !== width || format === 'jpeg'))
    throw optionError(
      'encodePicture',
      'alpha',
      `${sizeOf(alpha)}×${alpha.channels} for ${format}`,
      `one channel of ${sizeOf(image)} pixels, for PNG or WebP`,
    )
  const layers = channels + (alpha ? 1 : 0)
  const pixels = alpha ? joined(image, alpha) : image.pixels
  const raw = { height, width, channels: layers as 1 | 2 | 3 | 4 }
  const sharp = await loadSharp()
  const bytes = sharp(pixels, { raw, limitInputPixels: IMAGE_LIMITS.pixels })
  return encoded(channels === 1 ? bytes.toColourspace('b-w') : bytes, format, quality)
}

function joined({ channels, pixels }: Picture, alpha: Picture): Uint8Array {
  const out = new Uint8Array(pixels.length + alpha.pixels.length)
  for (let i = 0, to = 0; i < alpha.pixels.length; i++) {
    for (let c = 0; c < channels; c++) out[to++] = pixels[i * channels + c]!
    out[to++] = alpha.pixels[i]!
  }
  return out
}

async function encoded(raw: Sharp, format: 'png' | 'jpeg' | 'webp', quality: number): Promise<Uint8Array> {
  if (format === 'png') return raw.png().toBuffer()
  return format === 'jpeg'
    ? raw.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer()
    : raw.webp({ quality }).toBuffer()
}

/**
 * Writes a .png, .jpg, .jpeg or .webp completely or not at all, making its folder if needed. Error:
 * ARCHLOOM_PICTURE_UNWRITABLE.
 */
export async function writePicture(path: string, image: Picture, options: WriteOptions = {}): Promise<void> {
  const extension = extname(path).toLowerCase()
  if (!WRITABLE.has(extension))
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: `the extension is ${extension || 'missing'}` })
  const format = extension === '.png' ? 'png' : extension === '.webp' ? 'webp' : 'jpeg'
  const bytes = await encodePicture(image, format, options)
  try {
    await replaceFile(path, bytes)
  } catch (cause) {
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

/** Image files of a folder, sorted by name with numbers in natural order. Error: ARCHLOOM_PICTURE_FOLDER_EMPTY. */
export async function picturesIn(
  path: string,
  {
    recursive = false,
  }: { /** Whether to search sub-folders too. Default: false. */ readonly recursive?: boolean } = {},
): Promise<readonly string[]> {
  let names: string[]
  try {
    names = await readdir(path, { recursive })
  } catch (cause) {
    throw error('ARCHLOOM_PICTURE_FOLDER_EMPTY', { path, why: messageOf(cause) }, { cause })
  }
  const files = names.filter((name) => !/(^|[\\/])\./.test(name) && READABLE.has(extname(name).toLowerCase()))
  if (files.length === 0)
    throw error('ARCHLOOM_PICTURE_FOLDER_EMPTY', { path, why: `${names.length} entries, none of them an image` })
  const natural = new Intl.Collator('en', { numeric: true })
  return files.sort(natural.compare).map((name) => join(path, name))
}

/**
 * Reads one image after the other, so that only the images that the caller holds are in memory. Errors: those of
 * picturesIn and readPicture.
 */
export async function* streamPictures(
  folder: string,
): AsyncGenerator<{ readonly path: string; readonly picture: ReadPicture }, void, undefined> {
  for (const path of await picturesIn(folder)) yield { path, picture: await readPicture(path) }
}
