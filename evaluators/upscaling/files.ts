import { stat } from 'node:fs/promises'
import { basename, extname, join, relative, resolve, sep } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { among, optionError, optionNames, options } from '../../core/options/index.ts'
import { upscaleBicubic } from '../data/images/bicubic.ts'
import { picturesIn, writePicture } from '../data/images/files.ts'
import { IMAGE_LIMITS } from '../data/images/open.ts'
import type { Picture } from '../data/images/picture.ts'
import { containerOf, levelsOf, type Raster, readRaster, writeRaster } from '../data/images/raster.ts'
import { resizeImage } from '../data/images/resize.ts'
import { error } from './errors.ts'
import { filmExtension, isFilm } from './film-formats.ts'
import type { UpscalerModel } from './model.ts'
import type { UpscalerFamily } from './pretrained.ts'
import { sideBySide } from './side-by-side.ts'
import { checkSizeOptions, familyOf, type Plan, planFor, type Size, type SizeOptions } from './sizing.ts'
import { type TilingOptions, upscaleTiled } from './tiling.ts'

/** A file to read and the file to write. */
export interface FilePair {
  readonly from: string
  readonly to: string
}

const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp'])
const stemOf = (path: string) => basename(path, extname(path))
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
 * Finds the files to read and write: a file to a file, a file into a folder, or a folder with its sub-folders into a
 * folder. Images written into folders keep their relative path and their name without the extension. If two would get
 * the same name, each keeps its old extension as a part of the name (`photo.jpg` and `photo.png` become
 * `photo-jpg.png` and `photo-png.png`). An output folder inside the input folder is not read. Errors:
 * ARCHLOOM_UPSCALING_PATHS, ARCHLOOM_OPTION, ARCHLOOM_PICTURE_FOLDER_EMPTY.
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
  if (many && !into) throw refuse('the input is a folder, so the output must be a folder too')
  if (!many && isFilm(input))
    return [{ from: input, to: into ? join(output, `${stemOf(input)}${filmExtension(input)}`) : output }]
  if (!into && !WRITABLE.has(extname(output).toLowerCase()))
    throw refuse(`images are written as ${[...WRITABLE].join(', ')}`)
  const pairs = many
    ? placed(await sources(input, output), input, output, format)
    : [{ from: input, to: into ? join(output, named(basename(input), format)) : output }]
  if (pairs.some(({ from, to }) => resolve(from) === resolve(to)))
    throw refuse('the image would overwrite itself; choose another file or folder')
  return pairs
}

/** Options of `defaultOutput`. */
export interface DefaultOutputOptions extends FilePairsOptions, SizeOptions {}

const defaultOutputNames = optionNames<DefaultOutputOptions>('defaultOutput', { format: true, scale: true, to: true })

/**
 * Where the result for a file or folder goes if no output is named: beside it, with the scale or size in its name
 * (`photo-x2.png`, `photos-1920x`). Images become PNG unless `format` says otherwise; films keep their container where
 * it can be written.
 */
export async function defaultOutput(input: string, options: DefaultOutputOptions = {}): Promise<string> {
  const { format, scale, to } = defaultOutputNames(options)
  const suffix = to ? `${to.width ?? ''}x${to.height ?? ''}` : `x${scale ?? 2}`
  if (await isFolder(input)) return `${input.replace(/[\\/]+$/, '')}-${suffix}`
  const extension = extname(input)
  const stem = input.slice(0, input.length - extension.length)
  return `${stem}-${suffix}${isFilm(input) ? filmExtension(input) : `.${format ?? 'png'}`}`
}

/** The images of a folder, except those in an output folder inside it. */
async function sources(input: string, output: string): Promise<readonly string[]> {
  const all = await picturesIn(input, { recursive: true })
  const written = `${resolve(output)}${sep}`
  return resolve(input).startsWith(resolve(output)) ? all : all.filter((path) => !resolve(path).startsWith(written))
}

const named = (path: string, format: string) => `${path.slice(0, path.length - extname(path).length)}.${format}`
const keeping = (path: string, format: string) =>
  `${path.slice(0, path.length - extname(path).length)}-${extname(path).slice(1).toLowerCase()}.${format}`

/** Gives each file a unique output name. */
function placed(files: readonly string[], input: string, output: string, format: string): FilePair[] {
  const paths = files.map((from) => relative(input, from))
  // Some file systems are not case-sensitive.
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
  /** Size (width×height) before and after. */
  readonly size: readonly [before: string, after: string]
  /** What of the image could not be kept, and what was done otherwise than asked for. */
  readonly notes: readonly string[]
  /** Scale of the network that was used; 1: none was needed. */
  readonly scale: number
  /** Path of the image that shows bicubic and the network side by side, if requested. */
  readonly comparison?: string
}

/** Width×height, as programs for images show sizes. */
const shown = ({ height, width }: { readonly height: number; readonly width: number }) => `${width}×${height}`

export interface FailedFile extends FilePair {
  readonly failure: string
}

export interface UpscaleFilesOptions extends Omit<TilingOptions, 'onTile'>, SizeOptions {
  /** Whether to also write name-compared.png, which shows the results of bicubic and of the network. Default: false. */
  readonly compare?: boolean
  /** Quality of JPEG and WebP, 1 to 100. Default: 95. */
  readonly quality?: number
  /** Whether to average over the eight symmetries of the image, which takes eight times as long. Default: false. */
  readonly selfEnsemble?: boolean
  /** Called with the completed share of the work, 0 to 1, and the path of the current image. */
  readonly onProgress?: (share: number, from: string) => void
}

/** Replaces the colours of invisible pixels, which are arbitrary, by those of visible neighbours. */
function withoutInvisible(image: Raster, alpha: Raster, steps: number): Raster {
  const { height, width, channels } = image
  const pixels = image.pixels.slice()
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

/** Converts three channels that are equal up to rounding to one. */
function toGrey({ height, width, pixels }: Raster): Raster {
  const grey = pixels instanceof Uint16Array ? new Uint16Array(height * width) : new Uint8Array(height * width)
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.round((pixels[3 * i]! + pixels[3 * i + 1]! + pixels[3 * i + 2]!) / 3)
  return { height, width, channels: 1, pixels: grey }
}

/** The image in 8 bits. */
function toBytes(image: Raster): Picture {
  const { height, width, channels, pixels } = image
  const step = levelsOf(image) / 255
  return { height, width, channels, pixels: Uint8Array.from(pixels, (value) => Math.round(value / step)) }
}

/** How far from a visible pixel invisible pixels may affect the networks here, in pixels. */
const REACH = 16

const upscaleFilesNames = optionNames<UpscaleFilesOptions>('upscaleFiles', {
  tile: true,
  overlap: true,
  signal: true,
  compare: true,
  quality: true,
  scale: true,
  to: true,
  selfEnsemble: true,
  onProgress: true,
})

/**
 * Enlarges images one after the other, each written before the next is read. Grey images stay grey; 16 bits stay in
 * PNG; transparency is enlarged by bicubic and kept in PNG and WebP; the colour profile, EXIF and XMP are kept. `notes`
 * names what cannot be kept. Of several models, each image uses the smallest that reaches its size. If one of several
 * images cannot be read or would become too large, it is yielded with its failure and the others continue; a single
 * image throws. Errors: ARCHLOOM_UPSCALING_SIZE, ARCHLOOM_UPSCALING_SCALE, ARCHLOOM_OPTION,
 * ARCHLOOM_PICTURE_UNREADABLE, ARCHLOOM_PICTURE_UNWRITABLE.
 */
export async function* upscaleFiles(
  models: UpscalerModel | UpscalerFamily,
  pairs: readonly FilePair[],
  given: UpscaleFilesOptions = {},
): AsyncGenerator<UpscaledFile | FailedFile, void, undefined> {
  const options = upscaleFilesNames(given)
  const { compare = false, quality, scale, to: target, selfEnsemble = false, onProgress, ...tiling } = options
  if (quality !== undefined && !(Number.isInteger(quality) && quality >= 1 && quality <= 100))
    throw optionError('upscaleFiles', 'quality', quality, 'a whole number from 1 to 100')
  const sizes = { ...(scale !== undefined && { scale }), ...(target !== undefined && { to: target }) }
  checkSizeOptions('upscaleFiles', sizes)
  const family = familyOf(models, selfEnsemble)
  if (scale !== undefined) planFor({ height: 1, width: 1 }, family.scales, { scale })
  for (const [index, { from, to }] of pairs.entries()) {
    tiling.signal?.throwIfAborted()
    try {
      // Checked before anything is decoded or computed.
      let tooLarge: Size | undefined
      const accept = (size: Size) => {
        const { large, written } = planFor(size, family.scales, sizes)
        tooLarge = [large, written].find(({ height, width }) => height * width > IMAGE_LIMITS.pixels)
        if (tooLarge) throw new Error('its result would be too large')
      }
      const image = await readRaster(from, { for: containerOf(to), accept }).catch((thrown) => {
        if (!tooLarge) throw thrown
        throw error('ARCHLOOM_UPSCALING_SIZE', { path: from, size: shown(tooLarge), most: IMAGE_LIMITS.pixels })
      })
      const { alpha, metadata } = image
      const plan = planFor(image, family.scales, sizes)
      const colours = alpha ? withoutInvisible(image, alpha, REACH) : image
      const onTile = (done: number, of: number) => onProgress?.((index + done / of) / pairs.length, from)
      const large = await enlarged(family, colours, plan, { ...tiling, onTile })
      const fitted = fittedTo(large, plan.written)
      const result = image.channels === 1 && fitted.channels === 3 ? toGrey(fitted) : fitted
      await writeRaster(to, result, {
        ...(quality !== undefined && { quality }),
        ...(alpha && { alpha: resizeImage(alpha, plan.written) }),
        metadata,
      })
      const comparison = `${to.slice(0, -extname(to).length)}-compared.png`
      if (compare)
        await writePicture(
          comparison,
          sideBySide([upscaleBicubic(toBytes(colours), Math.max(1, plan.network)), toBytes(large)]),
        )
      yield {
        from,
        to,
        notes: [...image.notes, ...plan.notes],
        size: [shown(image), shown(result)],
        scale: plan.network,
        ...(compare && { comparison }),
      }
    } catch (thrown) {
      if (pairs.length === 1 || tiling.signal?.aborted) throw thrown
      yield { from, to, failure: messageOf(thrown) }
    }
  }
}

/** What the network of the plan makes of an image. */
export async function enlarged(
  family: UpscalerFamily,
  image: Raster,
  plan: Plan,
  options: TilingOptions,
): Promise<Raster> {
  if (plan.network === 1) {
    options.onTile?.(1, 1)
    return image
  }
  const { network, description } = await family.at(plan.network)
  return upscaleTiled({ network, reach: description.reach }, image, options)
}

export const fittedTo = (image: Raster, size: Size): Raster =>
  image.height === size.height && image.width === size.width
    ? image
    : resizeImage(image, { ...size, filter: 'lanczos' })
