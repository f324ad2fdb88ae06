/** `archloom reproduce dinas`: disturbance and ranking with and without projection, under the same steps. */
import { type Dataset, realClock } from '../../core/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10, describeDataset, generatedImages, orGenerated } from '../../evaluators/data/index.ts'
import type { Claim, Log } from './experiment/forms.ts'
import { onTable, twoInTurn } from './experiment/on-images.ts'
import { inTurn, interleaved, ranked } from './experiment/on-points.ts'
import type { RankingSettings } from './experiment/table-ranking.ts'

export type Scale = 'smoke' | 'small' | 'paper'

/** How many seeds each part has, and how long it is. */
interface ScaleSettings {
  readonly d1: number
  readonly d2: number
  readonly d3: number
  readonly d4: { readonly seeds: number; readonly steps: number }
  readonly d5: number
  readonly table?: RankingSettings & { readonly seeds: number }
  /** Absent: all there are. */
  readonly train?: number
  readonly validation: number
}

const scales: Readonly<Record<Scale, ScaleSettings>> = {
  smoke: { d1: 1, d2: 1, d3: 0, d4: { seeds: 1, steps: 60 }, d5: 0, train: 1000, validation: 500 },
  small: {
    ...{ d1: 5, d2: 5, d3: 3, d4: { seeds: 3, steps: 300 }, d5: 5, train: 8000, validation: 1000 },
    table: { seeds: 2, weightSteps: 20, policySteps: 20, ranked: 40, channels: 8, batchSize: 32 },
  },
  paper: {
    ...{ d1: 5, d2: 5, d3: 5, d4: { seeds: 5, steps: 2000 }, d5: 5, validation: 5000 },
    table: { seeds: 3, weightSteps: 2700, policySteps: 300, ranked: 500, channels: 16, batchSize: 96 },
  },
}

export interface ReproduceOptions {
  readonly scale: Scale
  readonly seed: number
  readonly data?: string
  readonly log?: Log
  readonly signal?: AbortSignal
}

export interface Reproduction {
  readonly paper: 'dinas'
  readonly scale: Scale
  readonly seed: number
  readonly seconds: number
  readonly claims: readonly Claim[]
}

export async function reproduce({
  scale,
  seed,
  data,
  log = () => {},
  signal,
}: ReproduceOptions): Promise<Reproduction> {
  const began = realClock.now()
  const environment = { ...process.env, ...(data !== undefined && { ARCHLOOM_DATA: data }) }
  const settings = scales[scale]
  const engine = await useEngine('auto')
  log(`engine ${engine.name}`)
  const seedsOf = (count: number) => Array.from({ length: count }, (_, i) => seed + i)
  const over = (count: number) => ({ seeds: seedsOf(count), log, signal })

  const claims = [
    ...(await inTurn(over(settings.d1))),
    ...(await ranked(over(settings.d2))),
    ...(await interleaved(over(settings.d3), seedsOf(settings.d5))),
  ]
  const images = await imagesOf(settings, environment, log)
  claims.push(...(await twoInTurn({ data: images, ...over(settings.d4.seeds) }, settings.d4.steps)))
  const { table } = settings
  if (table) claims.push(...(await onTable({ data: images, ...over(table.seeds) }, table, environment)))
  return { paper: 'dinas', scale, seed, seconds: (realClock.now() - began) / 1000, claims }
}

/** CIFAR-10, or generated textures where it cannot be had and where few will do. */
async function imagesOf({ train, validation }: ScaleSettings, environment: NodeJS.ProcessEnv, log: Log) {
  const sizes = { train: train ?? 10_000, validation, test: 500 }
  const real = () =>
    cifar10({ environment, validation, testSize: 500, ...(train !== undefined && { trainSize: train }) })
  const images: Dataset = sizes.train <= 1000 ? generatedImages(sizes) : await orGenerated(real, sizes)
  log(describeDataset(images))
  for (const note of images.notes ?? []) log(`note: ${note}`)
  return images
}
