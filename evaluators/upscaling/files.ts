import { stat } from 'node:fs/promises'
import { basename, extname, join, relative, resolve, sep } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { among, optionError, optionNames, options } from '../../core/options/index.ts'
import { upscaleBicubic } from '../data/images/bicubic.ts'
import { picturesIn, readPicture, writePicture } from '../data/images/files.ts'
import { IMAGE_LIMITS } from '../data/images/open.ts'
import { type Picture, sizeOf } from '../data/images/picture.ts'
import { resizeImage } from '../data/images/resize.ts'
import { error } from './errors.ts'
import type { LoadedUpscaler } from './model.ts'
import { sideBySide } from './side-by-side.ts'
import { type TilingOptions, upscaleTiled } from './tiling.ts'

/** One file to read and the one to write. */
export interface FilePair {
  readonly from: string
  readonly to: string
}

const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp'])
const isFolder = (path: string) =>
  stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  )

export interface FilePairsOptions {
  /** What images written into folders become. Default 'png'. */
  readonly format?: 'png' | 'jpg' | 'webp'
}

const declared = options('filePairs', {
  format: among(['png', 'jpg', 'webp'], { default: 'png', doc: 'What images written into folders become.' }),
})

/**
 * What is read and written: a file to a file, a file into a folder, a folder and the folders within it into a folder.
 * Images written into folders keep their place and their name but for the extension; where two would get one name, each
 * keeps its old extension as a part of it (`photo.jpg` and `photo.png` become `photo-jpg.png` and `photo-png.png`). An
 * output folder within the input folder is not read. Errors: ARCHLOOM_UPSCALING_PATHS, ARCHLOOM_OPTION,
 * ARCHLOOM_PICTURE_FOLDER_EMPTY.
 */
export async function filePairs(
  input: string,
  output: string,
  given: FilePairsOptions = {},
): Promise<readonly FilePair[]> {
  const { format } = declared.read(given)
  const refuse = (reason: string) => error('ARCHLOOM_UPSCALING_PATHS', { input, output, reason })
  const many = await isFolder(input)
  const into = (await isFolder(output)) || extname(output) === ''
  if (many && !into) throw refuse('the input is a folder, so the output must be one')
  if (!into && !WRITABLE.has(extname(output).toLowerCase()))
    throw refuse(`pictures are written as ${[...WRITABLE].join(', ')}`)
  const pairs = many
    ? placed(await sources(input, output), input, output, format)
    : [{ from: input, to: into ? join(output, named(basename(input), format)) : output }]
  if (pairs.some(({ from, to }) => resolve(from) === resolve(to)))
    throw refuse('the picture would be written over itself; name another file or folder')
  return pairs
}

/** The images of a folder, but for what lies in an output folder within it. */
async function sources(input: string, output: string): Promise<readonly string[]> {
  const all = await picturesIn(input, { recursive: true })
  const written = `${resolve(output)}${sep}`
  return resolve(input).startsWith(resolve(output)) ? all : all.filter((path) => !resolve(path).startsWith(written))
}

const named = (path: string, format: string) => `${path.slice(0, path.length - extname(path).length)}.${format}`
const keeping = (path: string, format: string) =>
  `${path.slice(0, path.length - extname(path).length)}-${extname(path).slice(1).toLowerCase()}.${format}`

/** Gives each file a name that no other has. */
function placed(files: readonly string[], input: string, output: string, format: string): FilePair[] {
  const paths = files.map((from) => relative(input, from))
  // Some file systems tell no capitals apart.
  const key = (path: string) => path.toLowerCase()
  const wanted = new Map<string, number>()
  for (const path of paths) wanted.set(key(named(path, format)), (wanted.get(key(named(path, format))) ?? 0) + 1)
  const alone = paths.filter((path) => wanted.get(key(named(path, format))) === 1)
  const taken = new Set(alone.map((path) => key(named(path, format))))
  return paths.map((path, i) => {
    const from = files[i]!
    if (wanted.get(key(named(path, format))) === 1) return { from, to: join(output, named(path, format)) }
    let to = keeping(path, format)
    for (let n = 2; taken.has(key(to)); n++)
      to = named(`${keeping(path, format).replace(/\.[^.]*$/, '')}-${n}.x`, format)
    taken.add(key(to))
    return { from, to: join(output, to) }
  })
}

export interface UpscaledFile extends FilePair {
  /** height×width, before and after. */
  readonly size: readonly [before: string, after: string]
  /** What had to be converted to read the picture. */
  readonly notes: readonly string[]
  /** The picture that shows bicubic and the network side by side, where asked for. */
  readonly comparison?: string
}

export interface FailedFile extends FilePair {
  readonly failure: string
}

export interface UpscaleFilesOptions extends Omit<TilingOptions, 'onTile'> {
  /** Also writes name-compared.png: enlarged by bicubic, and by the network. Default false. */
  readonly compare?: boolean
  /** Of JPEG and WebP, 1 to 100. Default 95. */
  readonly quality?: number
  /**
   * The size to write, in pixels: of a width or a height alone the other follows. The network's result is brought to it
   * by bicubic interpolation. Default: the network's scale.
   */
  readonly to?: { readonly width?: number; readonly height?: number }
  /** 0 to 1 of the whole work, and the picture at work. */
  readonly onProgress?: (share: number, from: string) => void
}

interface Size {
  readonly height: number
  readonly width: number
}

/** The size that is written for an image of this size. */
function sizeWritten({ height, width }: Size, scale: number, to: UpscaleFilesOptions['to']): Size {
  if (to === undefined) return { height: height * scale, width: width * scale }
  const across = to.width ?? Math.max(1, Math.round((width * (to.height ?? 1)) / height))
  return { width: across, height: to.height ?? Math.max(1, Math.round((height * across) / width)) }
}

/** Colours of invisible pixels are whatever the file holds: those of visible neighbours take their place. */
function withoutInvisible(image: Picture, alpha: Picture, steps: number): Picture {
  const { height, width, channels } = image
  const pixels = Uint8Array.from(image.pixels)
  let seen = Uint8Array.from(alpha.pixels, (value) => (value > 0 ? 1 : 0))
  for (let step = 0; step < steps; step++) {
    const next = Uint8Array.from(seen)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (seen[y * width + x]) continue
        const near: number[] = []
        for (const [dy, dx] of [
          [-1, 0],
          [1, 0],
          [0, -1],
          [0, 1],
        ] as const) {
          const [v, u] = [y + dy, x + dx]
          if (v >= 0 && v < height && u >= 0 && u < width && seen[v * width + u]) near.push(v * width + u)
        }
        if (near.length === 0) continue
        for (let c = 0; c < channels; c++)
          pixels[(y * width + x) * channels + c] =
            near.reduce((sum, at) => sum + pixels[at * channels + c]!, 0) / near.length
        next[y * width + x] = 1
      }
    seen = next
  }
  return { ...image, pixels }
}

/** One channel of three that are equal but for rounding. */
function toGrey({ height, width, pixels }: Picture): Picture {
  const grey = new Uint8Array(height * width)
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.round((pixels[3 * i]! + pixels[3 * i + 1]! + pixels[3 * i + 2]!) / 3)
  return { height, width, channels: 1, pixels: grey }
}

/** Invisible pixels that the networks here may look at from a visible one. */
const REACH = 16

const upscaleFilesNames = optionNames<UpscaleFilesOptions>('upscaleFiles', {
  tile: true,
  overlap: true,
  signal: true,
  compare: true,
  quality: true,
  to: true,
  onProgress: true,
})

/**
 * Enlarges images one after the other, each written before the next is read. Grey images stay grey; transparency is
 * enlarged by bicubic and kept in PNG and WebP; what cannot be kept (16 bits, colour profiles, transparency in JPEG) is
 * named in `notes`. Of several images one that cannot be read, or would become too large, is yielded with its failure,
 * and the others go on; a single one throws. Errors: ARCHLOOM_UPSCALING_SIZE, ARCHLOOM_OPTION,
 * ARCHLOOM_PICTURE_UNREADABLE, ARCHLOOM_PICTURE_UNWRITABLE, ARCHLOOM_PICTURE_OPTION.
 */
export async function* upscaleFiles(
  model: LoadedUpscaler,
  pairs: readonly FilePair[],
  given: UpscaleFilesOptions = {},
): AsyncGenerator<UpscaledFile | FailedFile, void, undefined> {
  const { compare = false, quality, to: target, onProgress, ...tiling } = upscaleFilesNames(given)
  const { network, description } = model
  const { scale } = network
  if (quality !== undefined && !(Number.isInteger(quality) && quality >= 1 && quality <= 100))
    throw optionError('upscaleFiles', 'quality', quality, 'a whole number from 1 to 100')
  for (const [option, received] of Object.entries(target ?? {}))
    if (!['width', 'height'].includes(option) || !Number.isInteger(received) || received < 1 || received > 65_535)
      throw optionError(
        'upscaleFiles',
        `to.${option}`,
        received,
        'a width or height as a whole number of pixels from 1 to 65535',
      )
  for (const [index, { from, to }] of pairs.entries()) {
    tiling.signal?.throwIfAborted()
    try {
      const jpeg = /\.jpe?g$/i.test(to)
      // Before anything is decoded or computed.
      let tooLarge: Size | undefined
      const accept = (size: Size) => {
        const sizes = [sizeWritten(size, scale, undefined), sizeWritten(size, scale, target)]
        tooLarge = sizes.find(({ height, width }) => height * width > IMAGE_LIMITS.pixels)
        if (tooLarge) throw new Error('its result would be too large')
      }
      const image = await readPicture(from, { grey: 'keep', alpha: jpeg ? 'flatten' : 'keep', accept }).catch(
        (thrown) => {
          if (!tooLarge) throw thrown
          throw error('ARCHLOOM_UPSCALING_SIZE', { path: from, size: sizeOf(tooLarge), most: IMAGE_LIMITS.pixels })
        },
      )
      const { alpha } = image
      const colours = alpha ? withoutInvisible(image, alpha, REACH) : image
      const large = await upscaleTiled({ network, reach: description.reach }, colours, {
        ...tiling,
        onTile: (done, of) => onProgress?.((index + done / of) / pairs.length, from),
      })
      const written = sizeWritten(image, scale, target)
      const fitted = target ? resizeImage(large, written) : large
      const result = image.channels === 1 ? toGrey(fitted) : fitted
      await writePicture(to, result, {
        ...(quality !== undefined && { quality }),
        ...(alpha && { alpha: resizeImage(alpha, written) }),
      })
      const comparison = `${to.slice(0, -extname(to).length)}-compared.png`
      if (compare) await writePicture(comparison, sideBySide([upscaleBicubic(colours, scale), large]))
      yield {
        from,
        to,
        notes: image.notes,
        size: [sizeOf(image), sizeOf(result)],
        ...(compare && { comparison }),
      }
    } catch (thrown) {
      if (pairs.length === 1 || tiling.signal?.aborted) throw thrown
      yield { from, to, failure: messageOf(thrown) }
    }
  }
}
