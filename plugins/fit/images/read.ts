import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { messageOf } from '../../../core/errors.ts'
import { openImage } from '../../../evaluators/data/images/open.ts'
import { type ImageDataset, labelledImages, splitDataset } from '../../../evaluators/data/index.ts'
import type { Table } from '../../../evaluators/tables/index.ts'
import { error } from '../errors.ts'
import { type Pixels, resizeImage } from './prepare.ts'

export const imageExtensions: ReadonlySet<string> = new Set([
  '.png',
  '.jpg',
  '.jpeg',
  '.webp',
  '.gif',
  '.avif',
  '.tif',
  '.tiff',
  '.bmp',
])

/** A file and the name of its class. */
export interface LabelledFile {
  readonly file: string
  readonly label: string
}

/** Decodes an image file, upright, in eight bits. */
export async function decodeImage(file: string): Promise<Pixels> {
  const { image } = await openImage(file)
  const { data, info } = await image
    .autoOrient()
    .flatten({ background: '#000' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height, channels: info.channels }
}

/** Image files in one sub-folder for each class. Errors: ARCHLOOM_FIT_IMAGES. */
export async function filesOfFolder(folder: string): Promise<LabelledFile[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'))
  const classes = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  const files: LabelledFile[] = []
  for (const label of classes) {
    const names = (await readdir(join(folder, label)))
      .filter((name) => imageExtensions.has(extname(name).toLowerCase()))
      .sort()
    for (const name of names) files.push({ file: join(folder, label, name), label })
  }
  if (files.length === 0)
    throw error('ARCHLOOM_FIT_IMAGES', {
      path: folder,
      received: entries.length === 0 ? 'nothing' : 'no images in sub-folders',
      expected: 'one sub-folder for each class, with images in it',
    })
  return files
}

/** Files and labels of a table that names image files; undefined where no column does. */
export function filesOfTable(table: Table, path: string, target: string | undefined): LabelledFile[] | undefined {
  const isImage = (cell: unknown) => typeof cell === 'string' && imageExtensions.has(extname(cell).toLowerCase())
  const files = table.columns.find(
    ({ cells }) => cells.length > 0 && cells.every((cell) => cell === null || isImage(cell)),
  )
  if (!files) return undefined
  const labels = table.columns.find(({ name }) => (target === undefined ? name !== files.name : name === target))
  if (!labels) return undefined
  return files.cells.flatMap((cell, i) =>
    cell === null || labels.cells[i] === null
      ? []
      : [{ file: resolve(dirname(path), String(cell)), label: String(labels.cells[i]) }],
  )
}

/** Largest side that images are brought to: more takes too long to learn from. */
const LARGEST = 64

export interface ReadImages {
  readonly data: ImageDataset
  readonly warnings: readonly string[]
}

const FEWEST = 2

/**
 * Reads image files as a data set: damaged files and classes of one image are left out with a warning, images of several
 * sizes are brought to one.
 * Errors: ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_CLASSES.
 */
export async function readImages(files: readonly LabelledFile[], path: string, seed: number): Promise<ReadImages> {
  const warnings: string[] = []
  const decoded: { image: Pixels; label: string }[] = []
  const broken: string[] = []
  for (const { file, label } of files)
    try {
      decoded.push({ image: await decodeImage(file), label })
    } catch (cause) {
      broken.push(`${file} (${messageOf(cause)})`)
    }
  if (broken.length > 0)
    warnings.push(
      `${broken.length} of ${files.length} images cannot be decoded and are left out: ${broken.slice(0, 3).join('; ')}`,
    )
  if (decoded.length === 0)
    throw error('ARCHLOOM_FIT_IMAGES', {
      path,
      received: `${files.length} files that cannot be decoded`,
      expected: 'images that can be decoded',
    })
  const counts = new Map<string, number>()
  for (const { label } of decoded) counts.set(label, (counts.get(label) ?? 0) + 1)
  const rare = [...counts].filter(([, count]) => count < FEWEST).map(([label]) => label)
  if (rare.length > 0)
    warnings.push(`classes with a single image are left out, because nothing could be checked: ${rare.join(', ')}`)
  const classNames = [...counts.keys()].filter((label) => !rare.includes(label)).sort()
  if (classNames.length < 2)
    throw error('ARCHLOOM_FIT_CLASSES', {
      path,
      received: classNames,
      expected: 'at least two classes of two images each',
    })
  const kept = decoded.filter(({ label }) => !rare.includes(label))
  const sizes = new Set(kept.map(({ image }) => `${image.width}×${image.height}`))
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!
  const height = Math.min(LARGEST, middle(kept.map(({ image }) => image.height)))
  const width = Math.min(LARGEST, middle(kept.map(({ image }) => image.width)))
  if (sizes.size > 1 || !sizes.has(`${width}×${height}`))
    warnings.push(
      `images of ${sizes.size} size${sizes.size === 1 ? '' : 's'} (${[...sizes].slice(0, 3).join(', ')}${sizes.size > 3 ? ', …' : ''}) are brought to ${width}×${height}`,
    )
  const channels = kept.every(({ image }) => image.channels === 1) ? 1 : 3
  const bytes = height * width * channels
  const pixels = new Uint8Array(kept.length * bytes)
  const labels = new Int32Array(kept.length)
  for (const [i, { image, label }] of kept.entries()) {
    pixels.set(resizeImage(image, { height, width, channels }), i * bytes)
    labels[i] = classNames.indexOf(label)
  }
  const images = labelledImages({ height, width, channels, classes: classNames.length, pixels, labels }, path)
  const validation = Math.max(classNames.length, Math.round(kept.length / 6))
  // `fit` measures on validation images only: the smallest test part is set apart because a data set has one.
  const data = splitDataset({
    name: basename(path),
    train: images,
    validation: Math.min(validation, kept.length - 3),
    test: 1,
    classNames,
    seed,
    location: path,
  })
  return { data, warnings }
}
