/** D4 and the ranking of NAS-Bench-201 by themselves: they may run in a process of their own, beside the rest. */
import type { Dataset } from '../../../core/index.ts'
import type { Claim } from '../../../core/reproduction.ts'
import { cifar10, describeDataset, generatedImages, orGenerated } from '../../../evaluators/data/index.ts'
import type { Log } from './forms.ts'
import { onTable, twoInTurn } from './on-images.ts'
import type { RankingSettings } from './table-ranking.ts'

/** Plain data. */
export interface ImagePart {
  readonly seed: number
  readonly d4: { readonly seeds: number; readonly steps: number }
  readonly table?: RankingSettings & { readonly seeds: number }
  /** Absent: all there are. */
  readonly train?: number
  readonly validation: number
}

export async function imagePart(
  part: ImagePart,
  { environment, log, signal }: { environment: NodeJS.ProcessEnv; log: Log; signal?: AbortSignal | undefined },
): Promise<Claim[]> {
  const { seed, d4, table } = part
  const over = (count: number) => ({ seeds: Array.from({ length: count }, (_, i) => seed + i), log, signal })
  const data = await imagesOf(part, environment, log)
  return [
    ...(await twoInTurn({ data, ...over(d4.seeds) }, d4.steps)),
    ...(table ? await onTable({ data, ...over(table.seeds) }, table, environment) : []),
  ]
}

/** CIFAR-10, or generated textures where it cannot be had and where few will do. */
async function imagesOf({ train, validation }: ImagePart, environment: NodeJS.ProcessEnv, log: Log) {
  const sizes = { train: train ?? 10_000, validation, test: 500 }
  const real = () =>
    cifar10({ environment, validation, testSize: 500, ...(train !== undefined && { trainSize: train }) })
  const images: Dataset = sizes.train <= 1000 ? generatedImages(sizes) : await orGenerated(real, sizes)
  log(describeDataset(images))
  for (const note of images.notes ?? []) log(`note: ${note}`)
  return images
}
