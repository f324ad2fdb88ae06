/** Image files with everything that they hold: 8 or 16 bits, opacity, colour profile and metadata. */
import { extname } from 'node:path'
import { messageOf } from '../../../core/errors.ts'
import { replaceFile } from '../../../core/node/files.ts'
import { optionError, optionNames } from '../../../core/options/index.ts'
import { error } from './errors.ts'
import {
  bareExif,
  type Container,
  type ImageMetadata,
  keepable,
  uprightExif,
  uprightXmp,
  withMetadata,
} from './metadata.ts'
import { IMAGE_LIMITS, loadSharp, openImage } from './open.ts'

/** An image of 8 or 16 bits: [height, width, channels], 0 to 255 or to 65,535. */
export interface Raster {
  readonly height: number
  readonly width: number
  /** 3: red, green, blue. 1: grey. */
  readonly channels: 1 | 3
  readonly pixels: Uint8Array | Uint16Array
}

/** The greatest value of a raster: 255 or 65,535. */
export const levelsOf = ({ pixels }: Pick<Raster, 'pixels'>): number => (pixels instanceof Uint16Array ? 65_535 : 255)

export interface ReadRaster extends Raster {
  /** Opacity: one channel, with as many bits as the colours. If it is absent, the image is opaque. */
  readonly alpha?: Raster
  readonly metadata: ImageMetadata
  /** What cannot be kept in the file that is to be written, and what was done instead. */
  readonly notes: readonly string[]
}

/** The format that a path's extension names. Error: ARCHLOOM_PICTURE_UNWRITABLE. */
export function containerOf(path: string): Container {
  const extension = extname(path).toLowerCase()
  const format = ({ '.png': 'png', '.webp': 'webp', '.jpg': 'jpeg', '.jpeg': 'jpeg' } as const)[extension]
  if (format === undefined)
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: `the extension is ${extension || 'missing'}` })
  return format
}

/** Colour spaces, in the decoder's words, whose values are kept as they are. */
const KEPT: ReadonlySet<string> = new Set(['srgb', 'rgb', 'rgb16', 'b-w', 'grey16'])

export interface ReadRasterOptions {
  /** The format that will be written, which decides what can be kept. */
  readonly for: Container
  /** Throws an Error whose message is the reason, for images that must not be decoded. */
  readonly accept?: (size: { readonly height: number; readonly width: number }) => void
}

const readRasterNames = optionNames<ReadRasterOptions>('readRaster', { for: true, accept: true })

/**
 * Reads an image so that as much as possible of it can be written again: its bits, grey, opacity, colour profile (the
 * values stay in it), EXIF and XMP. The image is turned upright. Of an animation the first image is read. Errors:
 * ARCHLOOM_PACKAGE_MISSING, ARCHLOOM_PICTURE_UNREADABLE.
 */
export async function readRaster(path: string, options: ReadRasterOptions): Promise<ReadRaster> {
  readRasterNames(options)
  await loadSharp()
  try {
    const { image, facts } = await openImage(path, { ignoreProfile: true })
    const format = options.for
    const own = KEPT.has(facts.space)
    const deep = facts.depth !== 'uchar'
    const sixteen = deep && facts.depth === 'ushort' && format === 'png'
    const opaque = !facts.hasAlpha || format === 'jpeg'
    const turned = (facts.orientation ?? 1) >= 5
    options.accept?.({ height: turned ? facts.width : facts.height, width: turned ? facts.height : facts.width })
    const grey = facts.space === 'b-w' || facts.space === 'grey16'
    const colours = grey ? (sixteen ? 'grey16' : 'b-w') : sixteen ? 'rgb16' : 'srgb'
    // A profile of other colours, such as CMYK, describes the conversion to red, green and blue.
    const source = own ? image : (await openImage(path)).image
    const upright = source.autoOrient().toColourspace(colours)
    const pipeline = opaque ? upright.flatten({ background: '#000' }) : upright
    const { data, info } = await pipeline
      .raw({ depth: sixteen ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const { height, width, channels } = info
    const values = sixteen ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data
    const layers = (opaque ? channels : channels - 1) as 1 | 3
    const [pixels, alpha] = apart(values, channels, opaque, grey)
    const size = { height, width }
    const exif = facts.exif && uprightExif(facts.exif, size)
    const all: ImageMetadata = {
      ...(own && facts.icc && { profile: facts.icc }),
      ...(exif && { exif: bareExif(exif) }),
      ...(facts.xmp && { xmp: uprightXmp(facts.xmp.toString()) }),
    }
    const { kept, notes } = keepable(all, format)
    return {
      ...size,
      channels: grey ? 1 : layers,
      pixels,
      ...(alpha && { alpha: { ...size, channels: 1, pixels: alpha } }),
      metadata: kept,
      notes: [
        ...(own ? [] : [`${facts.space} colours, converted to red, green and blue`]),
        ...(deep && !sixteen ? [reduced(facts.depth, format)] : []),
        ...(facts.hasAlpha && opaque ? ['transparency, composited on black: JPEG files have none'] : []),
        ...((facts.orientation ?? 1) === 1 ? [] : ['turned upright by its orientation tag']),
        ...((facts.pages ?? 1) > 1 ? ['an animation, of which the first frame is used'] : []),
        ...(facts.iptc ? ['IPTC metadata, which is left out'] : []),
        ...(facts.exif && !exif ? ['EXIF that cannot be read, which is left out'] : []),
        ...notes,
      ],
    }
  } catch (cause) {
    throw error('ARCHLOOM_PICTURE_UNREADABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

const reduced = (depth: string, format: Container): string =>
  depth === 'ushort'
    ? `16-bit values, reduced to 8 bits: only PNG files hold 16`
    : `${depth} values, reduced to 8 bits for ${format}`

/** The colours and the opacity of interleaved values; grey that was read as three channels becomes one. */
function apart(
  values: Uint8Array | Uint16Array,
  channels: number,
  opaque: boolean,
  grey: boolean,
): [colours: Uint8Array | Uint16Array, alpha: Uint8Array | Uint16Array | undefined] {
  const Values = values instanceof Uint16Array ? Uint16Array : Uint8Array
  const count = values.length / channels
  const colour = grey ? 1 : opaque ? channels : channels - 1
  if (opaque && colour === channels) return [Values.from(values), undefined]
  const pixels = new Values(count * colour)
  const alpha = opaque ? undefined : new Values(count)
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < colour; c++) pixels[i * colour + c] = values[i * channels + c]!
    if (alpha) alpha[i] = values[(i + 1) * channels - 1]!
  }
  return [pixels, alpha]
}

export interface WriteRasterOptions {
  /** Quality of JPEG and WebP, 1 to 100. Default: 95. */
  readonly quality?: number
  /** Opacity: one channel of the same size and bits. PNG and WebP only. */
  readonly alpha?: Raster
  readonly metadata?: ImageMetadata
}

const writeRasterNames = optionNames<WriteRasterOptions>('writeRaster', { quality: true, alpha: true, metadata: true })

/**
 * Writes a .png, .jpg, .jpeg or .webp completely or not at all, making its folder if needed. 16 bits are kept in PNG.
 * Errors: ARCHLOOM_PICTURE_UNWRITABLE, ARCHLOOM_OPTION.
 */
export async function writeRaster(path: string, image: Raster, options: WriteRasterOptions = {}): Promise<void> {
  const { quality = 95, alpha, metadata = {} } = writeRasterNames(options)
  if (!Number.isInteger(quality) || quality < 1 || quality > 100)
    throw optionError('writeRaster', 'quality', quality, 'a whole number from 1 to 100')
  const format = containerOf(path)
  const { height, width, channels } = image
  const pixels = alpha ? joined(image, alpha) : image.pixels
  const raw = { height, width, channels: (channels + (alpha ? 1 : 0)) as 1 | 2 | 3 | 4 }
  const sharp = await loadSharp()
  const bytes = sharp(pixels, { raw, limitInputPixels: IMAGE_LIMITS.pixels })
  const deep = pixels instanceof Uint16Array
  const space = channels === 1 ? (deep ? 'grey16' : 'b-w') : deep ? 'rgb16' : 'srgb'
  const spaced = bytes.toColourspace(space)
  const encoded =
    format === 'png'
      ? spaced.png()
      : format === 'jpeg'
        ? spaced.jpeg({ quality, chromaSubsampling: '4:4:4' })
        : spaced.webp({ quality })
  const file = withMetadata(await encoded.toBuffer(), format, metadata, image)
  try {
    await replaceFile(path, file)
  } catch (cause) {
    throw error('ARCHLOOM_PICTURE_UNWRITABLE', { path, reason: messageOf(cause) }, { cause })
  }
}

function joined({ channels, pixels }: Raster, alpha: Raster): Uint8Array | Uint16Array {
  const Values = pixels instanceof Uint16Array ? Uint16Array : Uint8Array
  const out = new Values(pixels.length + alpha.pixels.length)
  for (let i = 0, to = 0; i < alpha.pixels.length; i++) {
    for (let c = 0; c < channels; c++) out[to++] = pixels[i * channels + c]!
    out[to++] = alpha.pixels[i]!
  }
  return out
}
