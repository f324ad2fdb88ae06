/** `archloom reproduce dinas`: disturbance and ranking with and without projection, under the same steps. */
import { ArchloomError, type Dataset, realClock } from '../../core/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10, describeDataset, generatedImages, orGenerated } from '../../evaluators/data/index.ts'
import { nasBench201Table } from '../../evaluators/tabular/index.ts'
import { tauOnTable, twoOnImages } from './experiment/images.ts'
import {
  allChoices,
  disturbanceOf,
  interleavedOf,
  rankedChoices,
  rankingOf,
  standAlone,
  type Update,
  updates,
} from './experiment/synthetic.ts'
import type { ProjectionOptions } from './options.ts'

const scales = {
  smoke: { d1: 1, d2: 1, d3: 0, d4: { seeds: 1, steps: 60 }, table: undefined, train: 1000, validation: 500 },
  small: {
    ...{ d1: 3, d2: 3, d3: 1, d4: { seeds: 3, steps: 400 }, train: 8000, validation: 1000 },
    table: { seeds: 1, steps: 400, ranked: 40, channels: 8, batchSize: 32 },
  },
  paper: {
    ...{ d1: 5, d2: 5, d3: 3, d4: { seeds: 5, steps: 2000 }, train: undefined, validation: 5000 },
    table: { seeds: 3, steps: 40_000, ranked: 500, channels: 16, batchSize: 96 },
  },
} as const
type Scale = keyof typeof scales

export interface ReproduceOptions {
  readonly scale: Scale
  readonly seed: number
  readonly data?: string
  readonly log?: (text: string) => void
  readonly signal?: AbortSignal
}

interface Measured {
  readonly mean: number
  readonly sd: number
  readonly seeds: number
}

interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  /** The text of the paper's results was not at hand: null throughout. */
  readonly published: null
  readonly baseline: Measured & { readonly name: string }
  readonly ours: Measured & { readonly name: string }
  readonly holds: boolean
}

function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, seeds: values.length }
}

type Named = readonly [name: string, values: readonly number[]]
/** Holds by comparison of means, or by the given criterion. */
function claim(
  id: string,
  metric: string,
  direction: Claim['direction'],
  [baselineName, theirs]: Named,
  [name, own]: Named,
  holds?: (ours: number, baseline: number) => boolean,
): Claim {
  const [baseline, ours] = [measured(theirs), measured(own)]
  const better = direction === 'maximise' ? ours.mean > baseline.mean : ours.mean < baseline.mean
  return {
    ...{
      id,
      metric: `${metric}; ${name}`,
      direction,
      published: null,
      holds: holds ? holds(ours.mean, baseline.mean) : better,
    },
    ...{ baseline: { name: baselineName, ...baseline }, ours: { name, ...ours } },
  }
}

/** Settings of the runs on images, fixed before any of them was made. */
const conv: ProjectionOptions = { alpha: 0.1 }
const automatic = (steps: number): ProjectionOptions => ({
  ...{ alpha: 1, warmUp: Math.floor(steps / 2), protectEvery: 10, releaseEvery: 100 },
})

export async function reproduce({ scale, seed, data, log = () => {}, signal }: ReproduceOptions) {
  const began = realClock.now()
  const environment = { ...process.env, ...(data !== undefined && { ARCHLOOM_DATA: data }) }
  const settings = scales[scale]
  const engine = await useEngine('auto')
  log(`engine ${engine.name}`)
  const seedsOf = (count: number) => Array.from({ length: count }, (_, i) => seed + i)
  const kinds: readonly Update[] = Object.values(updates)
  const claims: Claim[] = []
  const text = (values: readonly number[], digits = 2) => {
    const { mean, sd } = measured(values)
    return `${mean.toFixed(digits)} ± ${sd.toFixed(digits)}`
  }

  const d1 = new Map(kinds.map(({ name }) => [name, { drop: [] as number[], learnt: [] as number[] }]))
  for (const update of kinds) {
    const into = d1.get(update.name) as { drop: number[]; learnt: number[] }
    for (const each of seedsOf(settings.d1)) {
      const { drop, learnt } = await disturbanceOf(update, each, signal)
      into.drop.push(drop)
      into.learnt.push(learnt)
    }
    log(`D1 ${update.name}: drop ${text(into.drop)} points, learnt ${text(into.learnt)} %`)
  }
  const plain = d1.get(updates.sgd.name) as { drop: number[]; learnt: number[] }
  for (const { name } of kinds.slice(1)) {
    const own = d1.get(name) as typeof plain
    const drops = 'accuracy points lost by earlier architectures'
    claims.push(claim('D1', drops, 'minimise', ['SGD', plain.drop], [name, own.drop], (x) => x <= 1))
    claims.push(
      claim(
        'D1 plasticity',
        'accuracy right after own training, %',
        'maximise',
        ['SGD', plain.learnt],
        [name, own.learnt],
        (x, y) => x >= y - 2,
      ),
    )
  }

  const taus = new Map(kinds.map(({ name }) => [name, [] as number[]]))
  for (const each of seedsOf(settings.d2)) {
    const alone = await standAlone(rankedChoices(each), each, signal)
    for (const update of kinds) {
      const { tau, drop, worst } = await rankingOf(update, each, alone, signal)
      taus.get(update.name)?.push(tau)
      log(`D2 seed ${each}, ${update.name}: τ ${tau.toFixed(3)}, drop ${drop.toFixed(2)}, worst ${worst.toFixed(2)}`)
    }
  }
  for (const { name } of kinds.slice(1))
    claims.push(
      claim(
        'D2',
        'Kendall τ against stand-alone training',
        'maximise',
        ['SGD', taus.get('SGD') ?? []],
        [name, taus.get(name) ?? []],
      ),
    )

  if (settings.d3 > 0) claims.push(...(await interleaved(seedsOf(settings.d3), log, signal)))
  const images = await imagesOf(settings, environment, log)
  claims.push(...(await onImages(images, settings.d4, seedsOf(settings.d4.seeds), log, signal)))
  if (settings.table) {
    const { seeds, ...rest } = settings.table
    claims.push(...(await onTable(images, environment, seedsOf(seeds), rest, log, signal)))
  }
  return { paper: 'dinas', scale, seed, seconds: (realClock.now() - began) / 1000, claims } as const
}

type Log = (text: string) => void

/** D3, where nothing is claimed: rapid interleaving, in which projection costs more than it saves. */
async function interleaved(seeds: readonly number[], log: Log, signal?: AbortSignal): Promise<Claim[]> {
  const loose = updates.loose
  const forms = [
    updates.sgd,
    { ...loose, name: 'second moment, α = 1, reset every 10' },
    { ...loose, name: 'second moment, α = 1, never reset', release: 0 },
    { ...loose, name: 'second moment, α = 1, reset every 10, warm-up 75', warmUp: 75 },
  ]
  const taus = new Map(forms.map(({ name }) => [name, [] as number[]]))
  for (const seed of seeds) {
    const alone = await standAlone(allChoices, seed, signal)
    for (const form of forms) {
      const { tau, accuracy } = await interleavedOf(form, seed, alone, signal)
      taus.get(form.name)?.push(tau)
      log(`D3 seed ${seed}, ${form.name}: τ ${tau.toFixed(3)}, one-shot accuracy ${accuracy.toFixed(1)} %`)
    }
  }
  const of = (name: string): Named => [name, taus.get(name) ?? []]
  return forms
    .slice(1)
    .map(({ name }) => claim('D3', 'Kendall τ, rapid interleaving', 'maximise', of(updates.sgd.name), of(name)))
}

async function imagesOf(
  { train, validation }: { train: number | undefined; validation: number },
  environment: NodeJS.ProcessEnv,
  log: Log,
): Promise<Dataset> {
  const sizes = { train: train ?? 10_000, validation, test: 500 }
  const images =
    sizes.train <= 1000
      ? generatedImages(sizes)
      : await orGenerated(
          () => cifar10({ environment, validation, testSize: 500, ...(train !== undefined && { trainSize: train }) }),
          sizes,
        )
  log(describeDataset(images))
  for (const note of images.notes) log(`note: ${note}`)
  return images
}

async function onImages(
  data: Dataset,
  { steps }: { readonly steps: number },
  seeds: readonly number[],
  log: Log,
  signal?: AbortSignal,
): Promise<Claim[]> {
  const results = {
    plain: { drop: [] as number[], second: [] as number[] },
    own: { drop: [] as number[], second: [] as number[] },
  }
  for (const seed of seeds)
    for (const [key, projection] of [
      ['plain', undefined],
      ['own', conv],
    ] as const) {
      const { drop, first, second } = await twoOnImages(data, projection, { steps, seed, ...(signal && { signal }) })
      results[key].drop.push(drop)
      results[key].second.push(second)
      const name = projection ? 'projected' : 'SGD'
      log(
        `D4 seed ${seed}, ${name}: A learnt ${first.toFixed(1)} %, lost ${drop.toFixed(2)}; B learnt ${second.toFixed(1)} %`,
      )
    }
  const { plain, own } = results
  const where = `on ${data.name}`
  return [
    claim('D4', `points lost by A ${where}`, 'minimise', ['SGD', plain.drop], ['projected', own.drop], (x) => x < 1),
    claim(
      'D4 plasticity',
      `accuracy of B ${where}, %`,
      'maximise',
      ['SGD', plain.second],
      ['projected', own.second],
      (x, y) => x >= y - 2,
    ),
  ]
}

async function onTable(
  data: Dataset,
  environment: NodeJS.ProcessEnv,
  seeds: readonly number[],
  settings: { steps: number; ranked: number; channels: number; batchSize: number },
  log: Log,
  signal?: AbortSignal,
): Promise<Claim[]> {
  let table: ReturnType<typeof nasBench201Table>
  try {
    table = nasBench201Table({ environment })
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_TABLE_NOT_FOUND') throw thrown
    log(`NAS-Bench-201 left out: ${thrown.message.split('\n')[0]}`)
    return []
  }
  const projection = automatic(settings.steps)
  const forms = [
    { name: 'uniform', curriculum: false },
    { name: 'uniform + projection', curriculum: false, projection },
    { name: 'curriculum', curriculum: true },
    { name: 'curriculum + projection', curriculum: true, projection },
  ]
  const taus = new Map(forms.map(({ name }) => [name, [] as number[]]))
  for (const seed of seeds)
    for (const form of forms) {
      const run = { ...settings, seed, ...(signal && { signal }) }
      const { tau, accuracy } = await tauOnTable(data, table, form, run)
      taus.get(form.name)?.push(tau)
      log(`NAS-Bench-201 seed ${seed}, ${form.name}: τ ${tau.toFixed(3)}, one-shot accuracy ${accuracy.toFixed(1)} %`)
    }
  const of = (name: string): Named => [name, taus.get(name) ?? []]
  const metric = 'Kendall τ against the NAS-Bench-201 table'
  return [
    claim('T1', metric, 'maximise', of('uniform'), of('uniform + projection')),
    claim('T2', metric, 'maximise', of('curriculum'), of('curriculum + projection')),
  ]
}
