/** `archloom reproduce dinas`: disturbance and ranking with and without projection, under the same steps. */
import { realClock } from '../../core/index.ts'
import type { ReproduceOptions, Reproduction, Scale } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { beside } from './experiment/beside.ts'
import { type ImagePart, imagePart } from './experiment/image-part.ts'
import { inTurn, interleaved, ranked } from './experiment/on-points.ts'

/** How many seeds each part has, and how long it is. */
interface ScaleSettings extends Omit<ImagePart, 'seed'> {
  readonly d1: number
  readonly d2: number
  readonly d3: number
  readonly d5: number
}

const scales: Readonly<Record<Scale, ScaleSettings>> = {
  smoke: { d1: 1, d2: 1, d3: 0, d4: { seeds: 1, steps: 60 }, d5: 0, train: 1000, validation: 500 },
  small: {
    d1: 5,
    d2: 5,
    d3: 3,
    d4: { seeds: 3, steps: 300 },
    d5: 5,
    train: 8000,
    validation: 1000,
    table: { seeds: 2, weightSteps: 20, policySteps: 20, ranked: 40, channels: 8, batchSize: 32 },
  },
  paper: {
    d1: 5,
    d2: 5,
    d3: 5,
    d4: { seeds: 5, steps: 2000 },
    d5: 5,
    validation: 5000,
    table: { seeds: 3, weightSteps: 2700, policySteps: 300, ranked: 500, channels: 16, batchSize: 96 },
  },
}

export async function reproduce({ scale, seed, data, log, signal }: ReproduceOptions): Promise<Reproduction> {
  const began = realClock.now()
  const environment = { ...process.env, ...(data !== undefined && { ARCHLOOM_DATA: data }) }
  const settings = scales[scale]
  const engine = await useEngine('auto')
  log(`engine ${engine.name}`)
  const seedsOf = (count: number) => Array.from({ length: count }, (_, i) => seed + i)
  const over = (count: number) => ({ seeds: seedsOf(count), log, signal })

  const points = async () => [
    ...(await inTurn(over(settings.d1))),
    ...(await ranked(over(settings.d2))),
    ...(await interleaved(over(settings.d3), seedsOf(settings.d5))),
  ]
  const { d1: _, d2: __, d3: ___, d5: ____, ...images } = settings
  const own = { environment, log, signal }
  const both =
    scale === 'smoke'
      ? [await points(), await imagePart({ ...images, seed }, own)]
      : await Promise.all([points(), beside({ ...images, seed }, own)])
  return { paper: 'dinas', scale, seed, seconds: (realClock.now() - began) / 1000, claims: both.flat() }
}
