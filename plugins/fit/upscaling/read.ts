import { existsSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { messageOf } from '../../../core/errors.ts'
import { seeded } from '../../../core/random.ts'
import {
  crop,
  holdOutPairs,
  type Picture,
  type PicturePair,
  pairOf,
  picturesIn,
  readPairs,
  readPicture,
  sizeOf,
} from '../../../evaluators/data/images/index.ts'
import { error } from '../errors.ts'

/** Side of a patch of the small image that a network is trained with, in pixels. */
export const PATCH = 24
/** Most pixels per side that are kept of an image, so that a thousand photos fit in memory. */
const LARGEST = 1024
/** Most images that are read. */
const MOST = 1000
/** Images that are held out: a fifth, and at most this many. Of each, at most so many pixels per side are measured. */
const [MOST_HELD, MEASURED] = [20, 384]

export interface UpscalingPairs {
  readonly name: string
  readonly train: readonly PicturePair[]
  readonly validation: readonly PicturePair[]
  readonly warnings: readonly string[]
}

const middle = (image: Picture, side: number): Picture => {
  const [height, width] = [Math.min(side, image.height), Math.min(side, image.width)]
  return crop(image, (image.height - height) >> 1, (image.width - width) >> 1, height, width)
}

/**
 * Reads the images of a folder and its sub-folders as pairs, whose small images are made by bicubic shrinking; a folder in
 * the layout of EDSR (`HR`, `LR_bicubic/X2`) gives its own. Images that cannot be decoded or are too small are left out with
 * a warning. Errors: ARCHLOOM_FIT_IMAGES, ARCHLOOM_PICTURE_FOLDER_EMPTY, those of readPairs.
 */
export async function readUpscaling(folder: string, scale: number, seed: number): Promise<UpscalingPairs> {
  const warnings: string[] = []
  const pairs = existsSync(join(folder, 'HR'))
    ? (await readPairs(folder, { scale, limit: MOST })).pairs
    : await pairsOf(await picturesIn(folder, { recursive: true }), scale, warnings)
  const isLarge = ({ lr }: PicturePair) => lr.height >= PATCH && lr.width >= PATCH
  const small = pairs.filter((pair) => !isLarge(pair))
  if (small.length > 0)
    warnings.push(
      `${small.length} of ${pairs.length} images are left out, because they have fewer than ${PATCH * scale} pixels on a side: ${small
        .slice(0, 3)
        .map(({ name }) => name)
        .join(', ')}`,
    )
  const usable = pairs.filter(isLarge)
  if (usable.length < 2)
    throw error('ARCHLOOM_FIT_IMAGES', {
      path: folder,
      received: `${usable.length} usable images`,
      expected: `at least 2 images of ${PATCH * scale}×${PATCH * scale} pixels or more, one to train and one to validate`,
    })
  const held = Math.min(MOST_HELD, Math.max(1, Math.round(usable.length / 5)))
  const { train, validation } = holdOutPairs(usable, held, seeded(seed).fork('validation'))
  return {
    name: basename(folder),
    train,
    validation: validation.map(({ name, hr }) => pairOf(name, middle(hr, MEASURED), scale)),
    warnings,
  }
}

async function pairsOf(files: readonly string[], scale: number, warnings: string[]): Promise<readonly PicturePair[]> {
  if (files.length > MOST) warnings.push(`only the first ${MOST} of ${files.length} images are read`)
  const pairs: PicturePair[] = []
  const broken: string[] = []
  let cut = 0
  for (const file of files.slice(0, MOST))
    try {
      const image = await readPicture(file)
      if (Math.max(image.height, image.width) > LARGEST) cut++
      const kept = middle(image, LARGEST)
      if (Math.min(kept.height, kept.width) >= scale) pairs.push(pairOf(basename(file, extname(file)), kept, scale))
      else warnings.push(`${basename(file)} is left out: it has ${sizeOf(image)} pixels`)
    } catch (cause) {
      broken.push(`${file} (${messageOf(cause)})`)
    }
  if (cut > 0) warnings.push(`of ${cut} large images, the middle ${LARGEST}×${LARGEST} pixels are used`)
  if (broken.length > 0)
    warnings.push(
      `${broken.length} of ${files.length} images cannot be decoded and are left out: ${broken.slice(0, 3).join('; ')}`,
    )
  return pairs
}
