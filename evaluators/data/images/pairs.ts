import { access } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { optionError } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'
import { checkScale, downscaleBicubic } from './bicubic.ts'
import { error } from './errors.ts'
import { picturesIn, readPicture } from './files.ts'
import { cropToMultiple, type Picture, sizeOf } from './picture.ts'

/** A small image and the corresponding large one, which is exactly `scale` times as high and wide. */
export interface PicturePair {
  readonly name: string
  readonly scale: number
  readonly lr: Picture
  readonly hr: Picture
  /**
   * Intermediate sizes, smallest first, for networks with an output at every doubling: ×2 for scale 4; ×2 and ×4 for
   * scale 8.
   */
  readonly between: readonly Picture[]
}

/**
 * Makes a pair; the large image is cut to a multiple of the scale. If the scale is a power of two, the intermediate
 * sizes are made from it by bicubic shrinking. Errors: ARCHLOOM_PAIR_SIZES, ARCHLOOM_OPTION.
 */
export function picturePair(name: string, large: Picture, small: Picture, scale: number): PicturePair {
  checkScale('picturePair', scale)
  const [height, width] = [Math.floor(large.height / scale), Math.floor(large.width / scale)]
  if (small.height !== height || small.width !== width)
    throw error('ARCHLOOM_PAIR_SIZES', {
      name,
      scale,
      small: sizeOf(small),
      large: sizeOf(large),
      expected: sizeOf({ height, width }),
    })
  const hr = cropToMultiple(large, scale)
  const between: Picture[] = []
  for (let factor = scale / 2; factor > 1 && Number.isInteger(factor); factor /= 2)
    between.push(downscaleBicubic(hr, factor))
  return { name, scale, lr: small, hr, between }
}

/** Makes the pair of a large image and its small version, by bicubic shrinking or another degradation. */
export const pairOf = (
  name: string,
  large: Picture,
  scale: number,
  small = downscaleBicubic(large, scale),
): PicturePair => picturePair(name, large, small, scale)

export interface ReadPairsOptions {
  readonly scale: number
  /** Maximum number of images, counted from the first. */
  readonly limit?: number
}

export interface ReadPairs {
  readonly pairs: readonly PicturePair[]
  /** What was converted, and how the small images were obtained. */
  readonly notes: readonly string[]
}

/**
 * Reads the pairs of a folder in the layout of EDSR: `HR/name.png` and `LR_bicubic/X4/namex4.png`. Missing small
 * images are made by bicubic shrinking. The images of a folder without `HR` count as large images. Errors:
 * ARCHLOOM_PAIR_WITHOUT_HR, ARCHLOOM_PAIR_SIZES, ARCHLOOM_PICTURE_FOLDER_EMPTY, ARCHLOOM_PICTURE_UNREADABLE.
 */
export async function readPairs(folder: string, { scale, limit }: ReadPairsOptions): Promise<ReadPairs> {
  checkScale('readPairs', scale)
  const smallFolder = join(folder, 'LR_bicubic', `X${scale}`)
  const largeFolder = join(folder, 'HR')
  const [hasSmall, hasLarge] = [await exists(smallFolder), await exists(largeFolder)]
  if (hasSmall && !hasLarge)
    throw error('ARCHLOOM_PAIR_WITHOUT_HR', {
      path: smallFolder,
      names: (await picturesIn(smallFolder)).slice(0, 5).map((path) => basename(path)),
      looked: largeFolder,
    })
  const large = await picturesIn(hasLarge ? largeFolder : folder)
  const small = new Map(hasSmall ? (await picturesIn(smallFolder)).map((path) => [stem(path), path]) : [])
  const alone = new Set(small.keys())
  const pairs: PicturePair[] = []
  const notes = new Map<string, number>()
  const note = (text: string) => notes.set(text, (notes.get(text) ?? 0) + 1)
  for (const path of large) {
    const name = stem(path)
    const own = small.has(`${name}x${scale}`) ? `${name}x${scale}` : name
    alone.delete(own)
    if (limit !== undefined && pairs.length >= limit) continue
    const smallPath = small.get(own)
    const hr = await readPicture(path)
    hr.notes.forEach(note)
    const lr = smallPath === undefined ? undefined : await readPicture(smallPath)
    if (lr === undefined) note(`no low-resolution image at ×${scale}, so it was made by bicubic shrinking`)
    lr?.notes.forEach(note)
    pairs.push(pairOf(name, hr, scale, lr))
  }
  if (alone.size > 0)
    throw error('ARCHLOOM_PAIR_WITHOUT_HR', { path: smallFolder, names: [...alone].slice(0, 5), looked: largeFolder })
  const where = basename(folder)
  return { pairs, notes: [...notes].map(([text, n]) => `${n} ${n === 1 ? 'image' : 'images'} in ${where}: ${text}`) }
}

const stem = (path: string) => basename(path, extname(path))

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

/** Holds out n pairs for validation, drawn by the generator. Error: ARCHLOOM_OPTION. */
export function holdOutPairs(
  pairs: readonly PicturePair[],
  n: number,
  rng: Random,
): { readonly train: readonly PicturePair[]; readonly validation: readonly PicturePair[] } {
  if (!Number.isInteger(n) || n < 1 || n >= pairs.length)
    throw optionError('holdOutPairs', 'n', n, `a whole number from 1 to ${pairs.length - 1}`)
  const held = new Set(rng.shuffle(pairs).slice(0, n))
  return { train: pairs.filter((pair) => !held.has(pair)), validation: pairs.filter((pair) => held.has(pair)) }
}
