import { basename, join } from 'node:path'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import { readCifar } from './cifar.ts'
import { error } from './errors.ts'
import { type ImageFolderOptions, readImageFolder } from './image-folder.ts'
import type { LabelledImages } from './images.ts'
import { dataDirectory, type Environment } from './places.ts'
import { exists, firstExisting } from './read-bytes.ts'
import { type UnpairedImageDataset, type UnpairedImagesOptions, unpairedImages } from './unpaired.ts'

export type UnpairedFoldersOptions = Pick<ImageFolderOptions, 'resize' | 'channels'> &
  Pick<UnpairedImagesOptions, 'validationShare' | 'seed'>

const unpairedFoldersNames = optionNames<UnpairedFoldersOptions>('unpairedFolders', {
  resize: true,
  channels: true,
  validationShare: true,
  seed: true,
})

/**
 * Reads two domains from folders in the layout of CycleGAN: trainA, trainB, testA and testB with images directly
 * inside. Without test folders, the last tenth of each domain's images becomes its test part. Errors:
 * ARCHLOOM_DATA_FILE_MISSING, ARCHLOOM_IMAGE_FOLDER_EMPTY, ARCHLOOM_IMAGE_UNDECODABLE, ARCHLOOM_IMAGE_SIZE.
 */
export async function unpairedFolders(
  path: string,
  options: UnpairedFoldersOptions = {},
): Promise<UnpairedImageDataset> {
  unpairedFoldersNames(options)
  const notes: string[] = []
  const read = async (folder: string) => {
    // Reads the folder as one class of an image folder.
    const found = await readImageFolder(path, { ...pickOptions(options, ['resize', 'channels']), classNames: [folder] })
    notes.push(...found.notes)
    return found.images
  }
  const domain = async (letter: 'A' | 'B') => {
    const train = await read(`train${letter}`)
    if (await exists(join(path, `test${letter}`))) return { train, test: await read(`test${letter}`) }
    return cut(train, Math.max(1, Math.round(train.count / 10)), join(path, `train${letter}`))
  }
  const [x, y] = [await domain('A'), await domain('B')]
  return unpairedImages({
    ...pickOptions(options, ['validationShare', 'seed']),
    name: basename(path),
    x,
    y,
    notes: [...new Set(notes)],
  })
}

function cut(images: LabelledImages, last: number, where: string) {
  const kept = images.count - last
  if (kept < 2)
    throw error('ARCHLOOM_DATA_SHAPE', {
      where,
      received: `${images.count} images and no test folder`,
      expected: 'a test folder next to it, or at least 3 images',
    })
  const bytes = images.height * images.width * images.channels
  const part = (from: number, to: number): LabelledImages => ({
    ...images,
    count: to - from,
    pixels: images.pixels.subarray(from * bytes, to * bytes),
    labels: images.labels.subarray(from, to),
  })
  return { train: part(0, kept), test: part(kept, images.count) }
}

const appleOrangeNames = optionNames<{ environment?: Environment; seed?: number }>('appleOrange', {
  environment: true,
  seed: true,
})

/**
 * Apples (x) and oranges (y) of CIFAR-100, 32×32×3, from `cifar100-apple-orange/` in ARCHLOOM_DATA: trainA, trainB, testA
 * and testB as CIFAR records of one label byte. Errors: ARCHLOOM_DATA_SET_NOT_FOUND, and those of readCifar.
 */
export async function appleOrange(options: { environment?: Environment; seed?: number } = {}) {
  appleOrangeNames(options)
  const root = await dataDirectory(options.environment)
  const folder = root === undefined ? undefined : join(root, 'cifar100-apple-orange')
  const read = async (name: string) => {
    const path = folder && (await firstExisting([join(folder, `${name}.bin`)]))
    if (!path)
      throw error('ARCHLOOM_DATA_SET_NOT_FOUND', {
        name: 'apple ↔ orange',
        looked: folder ? [join(folder, `${name}.bin`)] : ['(ARCHLOOM_DATA is not set)'],
        remedy: 'Point ARCHLOOM_DATA to a folder with cifar100-apple-orange/, or give folders to unpairedFolders().',
      })
    return readCifar(path, { classes: 2 })
  }
  return unpairedImages({
    name: 'apple ↔ orange',
    x: { train: await read('trainA'), test: await read('testA') },
    y: { train: await read('trainB'), test: await read('testB') },
    source: 'archloom-data',
    ...(options.seed !== undefined && { seed: options.seed }),
  })
}
