import { join } from 'node:path'
import { optionError } from '../../../core/options/index.ts'
import { seeded } from '../../../core/random.ts'
import { dataDirectory, type Environment } from '../places.ts'
import { exists } from '../read-bytes.ts'
import { type PicturePair, pairOf, type ReadPairs, readPairs } from './pairs.ts'
import { type PatchDataset, type PatchDatasetOptions, patchDataset } from './patches.ts'
import { drawScene } from './scenes.ts'

/** Standard data sets of super-resolution, which are looked for under `sr/` (or directly) in ARCHLOOM_DATA. */
export type PairSetName = 'T91' | 'Set5' | 'Set14' | 'BSD100' | 'Urban100' | (string & {})

/** Reads a set from ARCHLOOM_DATA; undefined if it is not there. Errors: those of readPairs. */
export async function findPairs(
  name: PairSetName,
  { scale, limit, environment = process.env }: { scale: number; limit?: number; environment?: Environment },
): Promise<ReadPairs | undefined> {
  const root = await dataDirectory(environment)
  for (const folder of root ? [join(root, 'sr', name), join(root, name)] : [])
    if (await exists(folder)) return readPairs(folder, { scale, ...(limit !== undefined && { limit }) })
  return undefined
}

/** Pairs of generated scenes. Scene i does not depend on `count`. */
export function generatedPairs(count: number, options: { scale: number; size?: number; seed?: number }): PicturePair[] {
  const { scale, size = 96, seed = 0 } = options
  if (!Number.isInteger(count) || count < 1)
    throw optionError('generatedPairs', 'count', count, 'a whole number of at least 1')
  return Array.from({ length: count }, (_, i) =>
    pairOf(`scene ${i}`, drawScene(size, size, seeded(`${seed}/${i}`)), scale),
  )
}

export type SuperResolutionDataOptions = Pick<PatchDatasetOptions, 'patch' | 'patches' | 'augment' | 'seed'> & {
  readonly scale: number
  readonly environment?: Environment
  /** Number of generated images if T91 or Set5 is missing. Default: 24. */
  readonly generated?: number
}

/**
 * T91 for training (a tenth is held out) and Set5 for testing, or generated scenes if ARCHLOOM_DATA does not have
 * them.
 */
export async function superResolutionData(options: SuperResolutionDataOptions): Promise<PatchDataset> {
  const { scale, environment = process.env, generated = 24, ...rest } = options
  const train = await findPairs('T91', { scale, environment })
  const test = train && (await findPairs('Set5', { scale, environment }))
  if (train && test) {
    // Images that are smaller than a patch are left out.
    const large = train.pairs.filter(({ lr }) => Math.min(lr.height, lr.width) >= options.patch)
    const left = train.pairs.length - large.length
    const notes = [
      ...train.notes,
      ...test.notes,
      ...(left ? [`${left} images of T91 are smaller than a patch and were left out`] : []),
    ]
    return patchDataset({
      ...rest,
      name: `T91 ×${scale}`,
      train: large,
      test: test.pairs,
      notes,
      source: 'archloom-data',
    })
  }
  const size = Math.max(96, options.patch * scale)
  return patchDataset({
    ...rest,
    name: `generated scenes ×${scale}`,
    train: generatedPairs(generated, { scale, size, seed: options.seed ?? 0 }),
    test: generatedPairs(5, { scale, size, seed: -1 - (options.seed ?? 0) }),
    notes: ['generated images, not photographs: figures on them say nothing about benchmarks'],
    source: 'generated',
  })
}
