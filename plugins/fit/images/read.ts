import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { messageOf } from '../../../core/errors.ts'
import { seeded } from '../../../core/random.ts'
import { loadSharp, openImage } from '../../../evaluators/data/images/open.ts'
import {
  holdOut,
  type ImageDataset,
  imageSplit,
  type LabelledImages,
  labelledImages,
  stratifiedChoice,
} from '../../../evaluators/data/index.ts'
import {
  type Cell,
  type Column,
  findTask,
  holdsTruths,
  labelsIn,
  looksLikeLabels,
  noColumn,
  recordsOf,
  rowsOf,
  type Table,
  type TableTask,
  truthOfRows,
} from '../../../evaluators/tables/index.ts'
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

/** Decodes an image file that predictions are asked for. Error: ARCHLOOM_FIT_IMAGES names the file. */
export const decodeNamed = (file: string): Promise<Pixels> =>
  decodeImage(file).catch((cause: unknown) => {
    const received = `what cannot be decoded (${messageOf(cause)})`
    throw error('ARCHLOOM_FIT_IMAGES', { path: file, received, expected: 'an image' }, { cause })
  })

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

/** The image files that a table names, as paths from here. Error: ARCHLOOM_FIT_DATA. */
export function imagesOfTable(table: Table, path: string): string[] {
  const column = fileColumnOf(table)
  if (!column)
    throw error('ARCHLOOM_FIT_DATA', {
      received: `${path} with the columns ${table.columns.map(({ name }) => name).join(', ')}`,
      expected: 'a column of image files, or an image, or a folder of images',
    })
  return column.cells.flatMap((cell) => {
    if (cell === null) return []
    return isAbsolute(String(cell)) ? [String(cell)] : [join(dirname(path), String(cell))]
  })
}

/** What a table says of image files: the class of each, or any number of labels. */
export type ListedFiles =
  | { readonly kind: 'classes'; readonly files: readonly LabelledFile[] }
  | {
      readonly kind: 'labels'
      readonly files: readonly string[]
      readonly task: LabelTask
      /** [files, labels], 0 or 1. */
      readonly truth: Float64Array
      readonly notes: readonly string[]
    }

export type LabelTask = Extract<TableTask, { kind: 'multi-label' }>

const isImage = (cell: unknown) => typeof cell === 'string' && imageExtensions.has(extname(cell).toLowerCase())

/** The column of a table that names image files. */
const fileColumnOf = ({ columns }: Table): Column | undefined =>
  columns.find(({ cells }) => cells.some(isImage) && cells.every((cell) => cell === null || isImage(cell)))

const pathsOf = (cells: readonly Cell[], table: string) => cells.map((cell) => resolve(dirname(table), String(cell)))

export interface ListedFilesOptions {
  readonly target?: string | readonly string[]
  readonly task?: TableTask['kind']
}

/**
 * Files and labels of a table that names image files; undefined where no column does. A column of lists (`cat;dog`, JSON
 * arrays) holds labels, and so do several columns of 0 and 1; any other column holds classes.
 * Errors: ARCHLOOM_FIT_TASK, ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_TARGET_TYPE, ARCHLOOM_TABLE_TOO_SMALL,
 * ARCHLOOM_TABLE_CONSTANT.
 */
export function filesOfTable(
  table: Table,
  path: string,
  { target, task }: ListedFilesOptions = {},
): ListedFiles | undefined {
  const files = fileColumnOf(table)
  if (!files) return undefined
  if (task === 'regression') throw error('ARCHLOOM_FIT_TASK', { option: 'task regression', task: 'tables' })
  const others = table.columns.filter((column) => column !== files)
  const names = others.map(({ name }) => name)
  const wanted = typeof target === 'string' ? [target] : target
  const unknown = wanted?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw noColumn(unknown, 'predict', names)
  const flags = task !== 'classification' && others.length > 1 && others.every(holdsTruths) ? names : undefined
  const chosen = wanted ?? flags ?? names.slice(0, 1)
  const labels = others.find(({ name }) => name === chosen[0])
  if (!labels) return undefined
  if (chosen.length > 1 && task === 'classification')
    throw error('ARCHLOOM_FIT_TASK', { option: 'more than one --target', task: '--task multi-label' })
  const present = files.cells.flatMap((cell, i) => (cell === null ? [] : [i]))
  if (chosen.length > 1 || task === 'multi-label' || (task === undefined && looksLikeLabels(labels))) {
    const found = findTask(rowsOf(table, present), chosen, 'multi-label')
    if (found.task.kind !== 'multi-label') throw new Error(`a task of ${found.task.kind}`)
    const paths = pathsOf(fileColumnOf(found.table)!.cells, path)
    return { kind: 'labels', files: paths, task: found.task, truth: found.targets, notes: found.notes }
  }
  const named = present.filter((i) => labels.cells[i] !== null)
  const paths = pathsOf(
    named.map((i) => files.cells[i]!),
    path,
  )
  return { kind: 'classes', files: named.map((i, place) => ({ file: paths[place]!, label: String(labels.cells[i]) })) }
}

/**
 * The labels of images that a model has not seen, [files, classes]. Errors: ARCHLOOM_FIT_DATA; ARCHLOOM_FIT_CLASSES for a label
 * that the model does not know; ARCHLOOM_TABLE_TARGET.
 */
export function labelsOfTable(
  table: Table,
  path: string,
  task: LabelTask,
  classes: readonly string[],
): { readonly files: readonly string[]; readonly truth: Float64Array } {
  const files = fileColumnOf(table)
  if (!files) throw error('ARCHLOOM_FIT_DATA', { received: path, expected: 'a table with a column of image files' })
  const names = table.columns.map(({ name }) => name)
  const absent = task.targets.find((name) => !names.includes(name))
  if (absent !== undefined) throw noColumn(absent, 'compare predictions with', names)
  const present = rowsOf(
    table,
    files.cells.flatMap((cell, i) => (cell === null ? [] : [i])),
  )
  const rows = recordsOf(present)
  const [column = ''] = task.targets
  const said = task.targets.length > 1 ? [] : rows.flatMap((row) => labelsIn(row[column], task.separator))
  const unknown = [...new Set(said)].filter((label) => !task.classes.includes(label))
  if (unknown.length > 0)
    throw error('ARCHLOOM_FIT_CLASSES', {
      path,
      received: unknown,
      expected: `no labels but those of the model: ${classes.join(', ')}`,
    })
  const truth = truthOfRows(task, rows)
  const width = task.classes.length
  const places = classes.map((name) => task.classes.indexOf(name))
  const own = Float64Array.from({ length: rows.length * classes.length }, (_, i) => {
    const row = Math.floor(i / classes.length)
    return truth[row * width + places[i % classes.length]!]!
  })
  return { files: pathsOf(fileColumnOf(present)!.cells, path), truth: own }
}

/** Largest side that images are brought to: more takes too long to learn from. */
const LARGEST = 64

/** Images to train and to validate with. */
export type FitImages = Pick<ImageDataset, 'name' | 'train' | 'validation' | 'classNames'>

export interface ReadImages {
  readonly data: FitImages
  readonly warnings: readonly string[]
}

const FEWEST = 2

interface Decoded extends LabelledFile {
  readonly image: Pixels
}

/** Images that others repeat would be trained on and checked with; one that has two classes teaches neither. */
function withoutRepetitions(
  decoded: readonly Decoded[],
  warnings: string[],
  kind: ListedFiles['kind'],
): readonly Decoded[] {
  const first = new Map<string, Decoded>()
  const contradicted = new Map<string, string>()
  let repeated = 0
  const keyOf = ({ image: { data, width, height } }: Decoded) =>
    createHash('sha256').update(`${width}×${height} `).update(Uint8Array.from(data)).digest('base64')
  const keys = decoded.map(keyOf)
  for (const [i, each] of decoded.entries()) {
    const before = first.get(keys[i]!)
    if (!before) first.set(keys[i]!, each)
    else if (before.label === each.label) repeated++
    else contradicted.set(keys[i]!, `${before.file} is ${each.file}`)
  }
  if (repeated > 0)
    warnings.push(
      repeated === 1 ? '1 image repeats another and is left out' : `${repeated} images repeat another and are left out`,
    )
  if (contradicted.size > 0) {
    const names = [...contradicted.values()].slice(0, 3)
    warnings.push(
      kind === 'labels'
        ? `${contradicted.size} image${contradicted.size === 1 ? ' is' : 's are'} listed with different labels and left out: ${names.join(', ')}`
        : contradicted.size === 1
          ? `1 image is in two classes and is left out of both: ${names[0]}`
          : `${contradicted.size} images are in several classes and are left out: ${names.join(', ')}`,
    )
  }
  return decoded.filter((each, i) => first.get(keys[i]!) === each && !contradicted.has(keys[i]!))
}

/** Decodes files; those that cannot be decoded, and repetitions, are left out with a warning. Error: ARCHLOOM_FIT_IMAGES. */
async function decodeAll(
  files: readonly LabelledFile[],
  path: string,
  warnings: string[],
  kind: ListedFiles['kind'],
): Promise<readonly Decoded[]> {
  const decoded: Decoded[] = []
  const broken: string[] = []
  await loadSharp()
  for (const { file, label } of files)
    try {
      decoded.push({ image: await decodeImage(file), file, label })
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
  return withoutRepetitions(decoded, warnings, kind)
}

/** Images of several sizes as bytes of one size. */
function pixelsOf(kept: readonly Decoded[], warnings: string[]) {
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
  for (const [i, { image }] of kept.entries()) pixels.set(resizeImage(image, { height, width, channels }), i * bytes)
  return { height, width, channels, pixels }
}

/** Images as two splits; the normalisation is that of the training images alone. */
function splitsOf(
  path: string,
  images: LabelledImages,
  classNames: readonly string[],
  parts: { readonly train: Int32Array; readonly validation: Int32Array },
): FitImages {
  const train = imageSplit('train', images, { indices: parts.train })
  const { normalisation } = train
  const validation = imageSplit('validation', images, { indices: parts.validation, normalisation })
  return { name: basename(path), train, validation, classNames }
}

/**
 * Reads image files as a data set: damaged files and classes of one image are left out with a warning, images of several
 * sizes are brought to one.
 * Errors: ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_CLASSES.
 */
export async function readImages(files: readonly LabelledFile[], path: string, seed: number): Promise<ReadImages> {
  const warnings: string[] = []
  const unlike = await decodeAll(files, path, warnings, 'classes')
  const counts = new Map<string, number>()
  for (const { label } of unlike) counts.set(label, (counts.get(label) ?? 0) + 1)
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
  const kept = unlike.filter(({ label }) => !rare.includes(label))
  const labels = Int32Array.from(kept, ({ label }) => classNames.indexOf(label))
  const images = labelledImages({ ...pixelsOf(kept, warnings), classes: classNames.length, labels }, path)
  const validation = Math.max(classNames.length, Math.round(kept.length / 6))
  const parts = holdOut(
    imageSplit('train', images),
    Math.min(validation, kept.length - classNames.length),
    seeded(seed).fork('validation'),
  )
  const indices = { train: parts.train.indices, validation: parts.validation.indices }
  return { data: splitsOf(path, images, classNames, indices), warnings }
}

/**
 * Reads image files that have any number of labels each. Labels of a single image or of all images are left out with a
 * warning. A sixth of the images is held out, spread by the rarest label of each; every label keeps a training image.
 * Errors: ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_CLASSES.
 */
export async function readLabelledImages(
  { files, task, truth }: Extract<ListedFiles, { kind: 'labels' }>,
  path: string,
  seed: number,
): Promise<ReadImages> {
  const warnings: string[] = []
  const width = task.classes.length
  const said = (row: number) => task.classes.filter((_, k) => truth[row * width + k] === 1).join('; ') || 'no label'
  const rowOf = new Map(files.map((file, row) => [file, row]))
  const kept = await decodeAll(
    files.map((file, row) => ({ file, label: said(row) })),
    path,
    warnings,
    'labels',
  )
  const applies = (image: number, k: number) => truth[rowOf.get(kept[image]!.file)! * width + k] === 1
  const counts = task.classes.map((_, k) => kept.filter((_image, i) => applies(i, k)).length)
  const namesOf = (isMeant: (count: number) => boolean) => task.classes.filter((_, k) => isMeant(counts[k]!))
  const rare = namesOf((count) => count < FEWEST)
  if (rare.length > 0)
    warnings.push(`labels of fewer than two images are left out, because nothing could be checked: ${rare.join(', ')}`)
  const constant = namesOf((count) => count >= FEWEST && count === kept.length)
  if (constant.length > 0)
    warnings.push(`labels of all images are left out, because there is nothing to learn: ${constant.join(', ')}`)
  const classNames = namesOf((count) => count >= FEWEST && count < kept.length)
  if (classNames.length === 0)
    throw error('ARCHLOOM_FIT_CLASSES', {
      path,
      received: task.classes.map((name, k) => `${name} (${counts[k]} of ${kept.length} images)`),
      expected: 'at least one label that two images have and others lack',
    })
  const places = classNames.map((name) => task.classes.indexOf(name))
  const classes = classNames.length
  const multiHot = Uint8Array.from({ length: kept.length * classes }, (_, i) =>
    applies(Math.floor(i / classes), places[i % classes]!) ? 1 : 0,
  )
  const byCount = places.map((_, k) => k).sort((a, b) => counts[places[a]!]! - counts[places[b]!]! || a - b)
  const strata = Int32Array.from(kept, (_, i) => {
    const rarest = byCount.find((k) => multiHot[i * classes + k] === 1)
    return rarest ?? classes
  })
  const all = Int32Array.from(kept, (_, i) => i)
  const held = Math.min(Math.max(classes, Math.round(kept.length / 6)), kept.length >> 1)
  const drawn = stratifiedChoice(strata, all, held, classes + 1, seeded(seed).fork('validation'))
  const parts = withEveryLabel({ train: drawn.rest, validation: drawn.chosen }, multiHot, classes)
  const unchecked = classNames.filter((_, k) => !parts.validation.some((i) => multiHot[i * classes + k] === 1))
  if (unchecked.length > 0)
    warnings.push(
      `no validation image has ${unchecked.length === 1 ? 'the label' : 'the labels'} ${unchecked.join(', ')}: ${unchecked.length === 1 ? 'it is' : 'they are'} not measured, and said from a probability of 1/2 on`,
    )
  const labels = strata.map((stratum) => Math.min(stratum, classes - 1))
  const images = labelledImages({ ...pixelsOf(kept, warnings), classes, labels, multiHot }, path)
  return { data: splitsOf(path, images, classNames, parts), warnings }
}

/** Moves images from validation to training until every label has a training image. */
export function withEveryLabel(
  parts: { readonly train: Int32Array; readonly validation: Int32Array },
  multiHot: Uint8Array,
  classes: number,
): { readonly train: Int32Array; readonly validation: Int32Array } {
  const moved = new Set<number>()
  for (let k = 0; k < classes; k++) {
    const has = (i: number) => multiHot[i * classes + k] === 1
    if (parts.train.some(has) || [...moved].some(has)) continue
    const first = parts.validation.find(has)
    if (first !== undefined) moved.add(first)
  }
  return {
    train: Int32Array.from([...parts.train, ...moved]).sort(),
    validation: parts.validation.filter((i) => !moved.has(i)),
  }
}
