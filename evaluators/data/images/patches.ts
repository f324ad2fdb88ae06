import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../../core/options/index.ts'
import { type Random, seeded } from '../../../core/random.ts'
import type { Batch, BatchOptions, Dataset, Split, SplitRole } from '../../../core/trainer.ts'
import { error } from './errors.ts'
import { holdOutPairs, type PicturePair } from './pairs.ts'
import { type Picture, type Symmetry, sizeOf, symmetries } from './picture.ts'

/** Small patches, large patches, and the intermediate sizes (smallest first); values 0 to 255. */
export interface PatchBatch extends Batch {
  readonly between: readonly tf.Tensor[]
}

/** Patches of image pairs: inputs [n, patch, patch, 3], targets [n, patch·scale, patch·scale, 3]. */
export interface PatchSplit<R extends SplitRole = SplitRole> extends Split<R> {
  readonly pairs: readonly PicturePair[]
  readonly scale: number
  batches(options: BatchOptions): Iterable<PatchBatch>
}

export interface PatchOptions {
  /** Side of a low-resolution patch in pixels. */
  readonly patch: number
  /** Number of patches per epoch. Default: 16 per image. */
  readonly patches?: number
  /** Whether batches with a generator apply one of the eight symmetries of the square to each patch. Default: true. */
  readonly augment?: boolean
}

/**
 * A split of aligned patches. With a generator, image, position and symmetry of every patch are drawn. Without one the
 * patches are the same each time and are taken from the images in turn. Errors: ARCHLOOM_OPTION,
 * ARCHLOOM_PAIR_TOO_SMALL.
 */
export function patchSplit<R extends SplitRole>(
  role: R,
  pairs: readonly PicturePair[],
  { patch, patches = 16 * pairs.length, augment = true }: PatchOptions,
): PatchSplit<R> {
  const scale = pairs[0]?.scale ?? 0
  const check = (option: string, received: unknown, valid: boolean, expected: string) => {
    if (!valid) throw optionError('patchSplit', option, received, expected)
  }
  const scales = [...new Set(pairs.map((pair) => pair.scale))]
  check('pairs', scales, scales.length === 1, 'at least one pair, and the same scale for all')
  check('patch', patch, Number.isInteger(patch) && patch >= 1, 'a whole number of at least 1')
  check('patches', patches, Number.isInteger(patches) && patches >= 1, 'a whole number of at least 1')
  for (const { name, lr } of pairs)
    if (lr.height < patch || lr.width < patch)
      throw error('ARCHLOOM_PAIR_TOO_SMALL', { name, received: sizeOf(lr), patch })
  return {
    role,
    size: patches,
    inputShape: [patch, patch, 3],
    classes: 0,
    pairs,
    scale,
    batches({ batchSize, rng, dropRemainder = false }) {
      check('batchSize', batchSize, Number.isInteger(batchSize) && batchSize >= 1, 'a whole number of at least 1')
      // One draw from the caller's generator seeds a separate stream, as in every split.
      const stream = rng?.fork(`patches ${rng.tensorSeed()}`)
      return drawn(pairs, { patch, patches, batchSize, dropRemainder, augment }, stream)
    },
  }
}

interface Drawing extends Required<PatchOptions> {
  readonly batchSize: number
  readonly dropRemainder: boolean
}

const whole = symmetries[0] as Symmetry

function* drawn(pairs: readonly PicturePair[], options: Drawing, rng?: Random): Generator<PatchBatch, void, undefined> {
  const { patch, patches, batchSize, dropRemainder, augment } = options
  const first = pairs[0] as PicturePair
  const end = dropRemainder ? patches - (patches % batchSize) : patches
  const factors = [1, ...first.between.map(({ height }) => height / first.lr.height), first.scale]
  for (let start = 0; start < end; start += batchSize) {
    const n = Math.min(batchSize, end - start)
    const values = factors.map((factor) => new Float32Array(n * (patch * factor) ** 2 * 3))
    for (let i = 0; i < n; i++) {
      const place = rng ?? seeded(`patch ${start + i}`)
      const pair = rng ? rng.pick(pairs) : (pairs[(start + i) % pairs.length] as PicturePair)
      const top = place.int(pair.lr.height - patch + 1)
      const left = place.int(pair.lr.width - patch + 1)
      const symmetry = rng && augment ? rng.pick(symmetries) : whole
      for (const [level, image] of [pair.lr, ...pair.between, pair.hr].entries()) {
        const factor = factors[level] as number
        const side = patch * factor
        writePatch(
          image,
          top * factor,
          left * factor,
          side,
          symmetry,
          values[level] as Float32Array,
          i * side * side * 3,
        )
      }
    }
    const tensors = values.map((level, at) => {
      const side = patch * factors[at]!
      return tf.tensor4d(level, [n, side, side, 3])
    })
    yield {
      inputs: tensors[0] as tf.Tensor,
      targets: tensors.at(-1) as tf.Tensor,
      between: tensors.slice(1, -1),
    }
  }
}

function writePatch(
  { pixels, width, channels }: Picture,
  top: number,
  left: number,
  side: number,
  { mirror, flip, transpose }: Symmetry,
  out: Float32Array,
  to: number,
): void {
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++) {
      const [a, b] = transpose ? [j, i] : [i, j]
      const y = top + (flip ? side - 1 - a : a)
      const x = left + (mirror ? side - 1 - b : b)
      const from = (y * width + x) * channels
      for (let c = 0; c < 3; c++) out[to++] = pixels[from + (channels === 3 ? c : 0)] as number
    }
}

/** Data for a search: patches of training, held-out and test images, and the complete test images. */
export interface PatchDataset extends Dataset {
  readonly train: PatchSplit<'train'>
  readonly validation: PatchSplit<'validation'>
  readonly test: PatchSplit<'test'>
}

export interface PatchDatasetOptions extends PatchOptions {
  readonly name: string
  readonly train: readonly PicturePair[]
  /** Separate pairs, or the number of training images to hold out. Default: a tenth, at least one. */
  readonly validation?: readonly PicturePair[] | number
  readonly test: readonly PicturePair[]
  /** Default 0. */
  readonly seed?: number
  readonly notes?: readonly string[]
  readonly source?: Dataset['source']
}

/** Errors: those of patchSplit and holdOutPairs. */
export function patchDataset(options: PatchDatasetOptions): PatchDataset {
  const { name, train, test, seed = 0, notes = [], source = 'own' } = options
  const held = options.validation ?? Math.max(1, Math.round(train.length / 10))
  const parts = typeof held === 'number' ? holdOutPairs(train, held, seeded(seed)) : { train, validation: held }
  const fixed = { patch: options.patch }
  return {
    name,
    source,
    notes,
    train: patchSplit('train', parts.train, options),
    validation: patchSplit('validation', parts.validation, fixed),
    test: patchSplit('test', test, fixed),
  }
}
