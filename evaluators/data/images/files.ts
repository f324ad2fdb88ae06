import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import sharp from 'sharp'
import { messageOf } from '../../../core/errors.ts'
import { error } from './errors.ts'
import { openImage } from './open.ts'
import { type Picture, picture, toRgb } from './picture.ts'

const READABLE = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff', '.bmp'])
/** Colour spaces, in the decoder's words, that are not converted. */
const RGB_OR_GREY: ReadonlySet<string> = new Set(['srgb', 'rgb', 'rgb16', 'b-w', 'grey16'])
const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp'])

/** An image, and what had to be converted to have it as 8-bit red, green and blue. */
export interface ReadPicture extends Picture {
  readonly notes: readonly string[]
}

export interface ReadPictureOptions {
  /** 'repeat' gives grey images as equal red, green and blue, 'keep' as one channel. Default 'repeat'. */
  readonly grey?: 'repeat' | 'keep'
}

/**
 * Reads an image as 8-bit red-green-blue. Grey is repeated unless it is to be kept, other colours (CMYK) are converted, 16-bit values are reduced
 * to 8, transparency is laid on black, orientation tags are applied, of an animation the first picture is taken; each
 * such change is a note.
 * @param source a path, or the bytes of a file.
 * Error: ARCHLOOM_PICTURE_UNREADABLE (also for files that are cut short, and for more pixels than IMAGE_LIMITS).
 */
export async function readPicture(
  source: string | Uint8Array,
  { grey = 'repeat' }: ReadPictureOptions = {},
): Promise<ReadPicture> {
  try {
    const { image, facts } = await openImage(source)
    const notes = [
      facts.channels <= 2 && grey === 'repeat' && 'grey, repeated as red, green and blue',
      !RGB_OR_GREY.has(facts.space) && `${facts.space} colours, converted to red, green and blue`,
      facts.depth !== 'uchar' && `${facts.depth === 'ushort' ? '16-bit' : facts.depth} values, reduced to 8 bits`,
      facts.hasAlpha && 'transparency, laid on black',
      (facts.orientation ?? 1) !== 1 && 'turned upright by its orientation tag',
      (facts.pages ?? 1) > 1 && 'an animation, of which the first picture is taken',
    ].filter((note) => typeof note === 'string')
    const colours = facts.channels <= 2 && grey === 'keep' ? 'b-w' : 'srgb'
    const upright = image.autoOrient().flatten({ background: '#000' }).toColourspace(colours)
    const { data, info } = await upright.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    const read = picture(info.height, info.width, info.channels as 1 | 3, new Uint8Array(data))
    // Some grey files stay grey in spite of the colour space asked for.
    return { ...(colours === 'srgb' ? toRgb(read) : read), notes }
  } catch (cause) {
    const path = typeof source === 'string' ? source : `${source.length} bytes`
    throw error('ARCHLOOM_PICTURE_UNREADABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

export interface WriteOptions {
  /** Of JPEG and WebP, 1 to 100. Default 95. */
  readonly quality?: number
}

/** The bytes of an image file. */
export async function encodePicture(
  image: Picture,
  format: 'png' | 'jpeg' | 'webp' = 'png',
  { quality = 95 }: WriteOptions = {},
): Promise<Uint8Array> {
  const { height, width, channels } = image
  const bytes = sharp(image.pixels, { raw: { height, width, channels } })
  const raw = channels === 1 ? bytes.toColourspace('b-w') : bytes
  if (format === 'png') return raw.png().toBuffer()
  return format === 'jpeg'
    ? raw.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer()
    : raw.webp({ quality }).toBuffer()
}

/**
 * Writes a .png, .jpg, .jpeg or .webp, whole or not at all, making its folder if needed.
 * Error: ARCHLOOM_PICTURE_UNWRITABLE.
 */
export async function writePicture(path: string, image: Picture, options: WriteOptions = {}): Promise<void> {
  const extension = extname(path).toLowerCase()
  if (!WRITABLE.has(extension))
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: `the extension is ${extension || 'missing'}` })
  const format = extension === '.png' ? 'png' : extension === '.webp' ? 'webp' : 'jpeg'
  const bytes = await encodePicture(image, format, options)
  const partial = `${path}.${process.pid}.partial`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(partial, bytes)
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {})
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

/** Image files of a folder by name, numbers in names in their natural order. Error: ARCHLOOM_PICTURE_FOLDER_EMPTY. */
export async function picturesIn(path: string): Promise<readonly string[]> {
  let names: string[]
  try {
    names = await readdir(path)
  } catch (cause) {
    throw error('ARCHLOOM_PICTURE_FOLDER_EMPTY', { path, why: messageOf(cause) }, { cause })
  }
  const files = names.filter((name) => !name.startsWith('.') && READABLE.has(extname(name).toLowerCase()))
  if (files.length === 0)
    throw error('ARCHLOOM_PICTURE_FOLDER_EMPTY', { path, why: `${names.length} entries, none of them an image` })
  const natural = new Intl.Collator('en', { numeric: true })
  return files.sort(natural.compare).map((name) => join(path, name))
}

/** One image after the other, as few in memory as the reader holds. Errors: those of picturesIn and readPicture. */
export async function* streamPictures(
  folder: string,
): AsyncGenerator<{ readonly path: string; readonly picture: ReadPicture }, void, undefined> {
  for (const path of await picturesIn(folder)) yield { path, picture: await readPicture(path) }
}
