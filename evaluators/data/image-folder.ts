import { readdir } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { optionError, optionNames, pickOptions } from '../../core/options/index.ts'
import { type ImageDataset, type SplitDatasetOptions, splitDataset } from './dataset.ts'
import { error } from './errors.ts'
import { loadSharp, openImage } from './images/open.ts'
import { type Picture, picture, toRgb } from './images/picture.ts'
import { type ResizeTarget, resizeImage, resizeNames } from './images/resize.ts'
import { type LabelledImages, labelledImages } from './images.ts'
import { exists } from './read-bytes.ts'

export interface ImageFolderOptions {
  /**
   * Resizes every image to this size in pixels, by `resizeImage`. Default: images are unchanged and must all have the
   * same size.
   */
  readonly resize?: ResizeTarget
  /** 3 (red, green, blue) or 1 (grey). Default 3. */
  readonly channels?: 1 | 3
  /** Class names in label order. Default: the sub-folders' names, sorted. */
  readonly classNames?: readonly string[]
}

export interface ImageFolder {
  readonly images: LabelledImages
  readonly classNames: readonly string[]
  /** What was converted, and which files were left out. */
  readonly notes: readonly string[]
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff', '.svg'])

const readImageFolderNames = optionNames<ImageFolderOptions>('readImageFolder', {
  resize: true,
  channels: true,
  classNames: true,
})

/**
 * Reads images from one sub-folder per class. Pixels are converted to 8-bit red-green-blue (or grey), transparency is
 * composited on black, and orientation tags are applied; the notes count every such change. Errors:
 * ARCHLOOM_DATA_FILE_MISSING, ARCHLOOM_IMAGE_FOLDER_EMPTY, ARCHLOOM_IMAGE_UNDECODABLE (also for images beyond
 * IMAGE_LIMITS), ARCHLOOM_IMAGE_SIZE, ARCHLOOM_OPTION for other channels and an invalid size to resize to.
 */
export async function readImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  readImageFolderNames(options)
  const channels = options.channels ?? 3
  if (channels !== 1 && channels !== 3) throw optionError('readImageFolder', 'channels', channels, '1 or 3')
  if (options.resize) resizeNames(options.resize)
  const classNames = options.classNames ?? (await subFolders(path))
  if (classNames.length === 0)
    throw error('ARCHLOOM_IMAGE_FOLDER_EMPTY', { path, expected: 'one sub-folder per class' })
  const changes = new Map<string, number>()
  const count = (what: string, n = 1) => n > 0 && changes.set(what, (changes.get(what) ?? 0) + n)
  const decoded: Uint8Array[] = []
  const labels: number[] = []
  let size = options.resize
  for (const [label, name] of classNames.entries()) {
    const { files, others } = await imageFiles(join(path, name))
    count('not an image by its extension, left out', others)
    if (files.length === 0) throw error('ARCHLOOM_IMAGE_FOLDER_EMPTY', { path: join(path, name), expected: 'images' })
    for (const file of files) {
      const image = await decode(file, options, channels, count)
      size ??= image
      if (image.height !== size.height || image.width !== size.width)
        throw error('ARCHLOOM_IMAGE_SIZE', { path: file, received: shapeOf(image), expected: shapeOf(size) })
      decoded.push(image.pixels)
      labels.push(label)
    }
  }
  const { height, width } = size as { height: number; width: number }
  const pixels = new Uint8Array(decoded.length * height * width * channels)
  for (const [i, image] of decoded.entries()) pixels.set(image, i * height * width * channels)
  const parts = { height, width, channels, classes: classNames.length, pixels, labels: Int32Array.from(labels) }
  const notes = [...changes].map(([what, n]) => `${n} ${n === 1 ? 'file' : 'files'} in ${basename(path)}: ${what}`)
  return { images: labelledImages(parts, path), classNames, notes }
}

async function decode(path: string, options: ImageFolderOptions, channels: 1 | 3, count: (what: string) => void) {
  const { resize } = options
  await loadSharp()
  let whole: Picture
  try {
    const { image, facts } = await openImage(path)
    if (facts.hasAlpha) count('transparency composited on black')
    if (facts.depth !== 'uchar') count('reduced to 8 bits per channel')
    if (channels === 3 && facts.channels <= 2) count('grey, repeated as red, green and blue')
    if (channels === 1 && facts.channels > 2) count('colour, converted to grey')
    if ((facts.orientation ?? 1) !== 1) count('turned upright by its orientation tag')
    if ((facts.pages ?? 1) > 1) count('animation, first frame only')
    const pipeline = image
      .autoOrient()
      .flatten({ background: '#000' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    const read = picture(info.height, info.width, info.channels as 1 | 3, data)
    // Some grey files stay grey in spite of the requested colour space.
    whole = channels === 3 ? toRgb(read) : read
  } catch (cause) {
    throw error('ARCHLOOM_IMAGE_UNDECODABLE', { path, reason: messageOf(cause) }, { cause })
  }
  return resize ? resizeImage(whole, resize) : whole
}

const shapeOf = (image: { height: number; width: number }) => `${image.height}×${image.width}`

async function entries(path: string) {
  try {
    const all = await readdir(path, { withFileTypes: true })
    return all.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    throw error('ARCHLOOM_DATA_FILE_MISSING', { path, why: messageOf(cause) }, { cause })
  }
}

const subFolders = async (path: string) =>
  (await entries(path)).filter((entry) => entry.isDirectory()).map((entry) => entry.name)

async function imageFiles(path: string) {
  const names = (await entries(path)).filter((entry) => !entry.isDirectory()).map((entry) => entry.name)
  const files = names.filter((name) => EXTENSIONS.has(extname(name).toLowerCase()))
  return { files: files.map((name) => join(path, name)), others: names.length - files.length }
}

export type ImageFolderDatasetOptions = ImageFolderOptions &
  Partial<Omit<SplitDatasetOptions, 'train' | 'source' | 'location'>>

const imageFolderNames = optionNames<ImageFolderDatasetOptions>('imageFolder', {
  resize: true,
  channels: true,
  classNames: true,
  name: true,
  validation: true,
  test: true,
  trainSize: true,
  testSize: true,
  augment: true,
  normalisation: true,
  seed: true,
  notes: true,
})

/**
 * A data set from a folder: `train/` and `test/` (and `validation/` or `val/`) with one sub-folder per class each, or
 * the sub-folders of the classes alone, of which a tenth is then held out for testing. Errors: those of
 * readImageFolder and splitDataset.
 */
export async function imageFolder(path: string, options: ImageFolderDatasetOptions = {}): Promise<ImageDataset> {
  imageFolderNames(options)
  const { validation, test, notes = [], name = basename(path), resize, channels, classNames, ...rest } = options
  const reading = pickOptions(options, ['resize', 'channels', 'classNames'])
  const parted = (await exists(join(path, 'train'))) && (await exists(join(path, 'test')))
  const train = await readImageFolder(parted ? join(path, 'train') : path, reading)
  const read = (folder: string) => readImageFolder(folder, { ...reading, classNames: train.classNames })
  const tested = parted ? await read(join(path, 'test')) : undefined
  const folder = parted ? await validationFolder(path) : undefined
  const validated = folder ? await read(folder) : undefined
  return splitDataset({
    ...rest,
    name,
    train: train.images,
    test: tested?.images ?? test ?? Math.max(1, Math.round(train.images.count / 10)),
    ...((validated?.images ?? validation) !== undefined && { validation: validated?.images ?? (validation as number) }),
    classNames: train.classNames,
    source: 'own',
    location: path,
    notes: [...notes, ...train.notes, ...(tested?.notes ?? []), ...(validated?.notes ?? [])],
  })
}

async function validationFolder(path: string): Promise<string | undefined> {
  for (const name of ['validation', 'val', 'valid']) if (await exists(join(path, name))) return join(path, name)
  return undefined
}
