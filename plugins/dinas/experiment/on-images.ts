/** D4 and the ranking of NAS-Bench-201 over seeds, as claims. */
import { ArchloomError, type Dataset } from '../../../core/index.ts'
import { type Claim, inWords } from '../../../core/reproduction.ts'
import { nasBench201Table } from '../../../evaluators/tabular/index.ts'
import type { ProjectionOptions } from '../options.ts'
import { claim, type Log, type Named } from './forms.ts'
import { twoOnImages } from './images.ts'
import { type RankingForm, type RankingSettings, STAGES, tauOnTable } from './table-ranking.ts'

export interface ImageRun {
  readonly data: Dataset
  readonly seeds: readonly number[]
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

const CONVOLUTIONS: ProjectionOptions = { alpha: 1, rows: 40_000 }

/** D4: A then B on a convolutional supernet. */
export async function twoInTurn({ data, seeds, log, signal }: ImageRun, steps: number): Promise<Claim[]> {
  const outcome = async (name: string, projection?: ProjectionOptions) => {
    const [lost, learnt]: [number[], number[]] = [[], []]
    for (const seed of seeds) {
      const { drop, first, second } = await twoOnImages(data, projection, { steps, seed, ...(signal && { signal }) })
      lost.push(drop)
      learnt.push(second)
      log(
        `D4 seed ${seed}, ${name}: A learnt ${first.toFixed(1)} %, lost ${drop.toFixed(2)}; B learnt ${second.toFixed(1)} %`,
      )
    }
    log(`D4 ${name}: A lost ${inWords(lost)} points, B learnt ${inWords(learnt)} %`)
    return { lost: [name, lost] as Named, learnt: [name, learnt] as Named }
  }
  const plain = await outcome('SGD')
  const own = await outcome('projected', CONVOLUTIONS)
  const where = `on ${data.name}`
  const lost = [`points lost by A ${where}`, 'minimise', plain.lost, own.lost] as const
  const learnt = [`accuracy of B ${where}, %`, 'maximise', plain.learnt, own.learnt] as const
  return [claim('D4', ...lost, (x, y) => y > 3 && x < 1), claim('D4 plasticity', ...learnt, (x, y) => x >= y - 2)]
}

/** Settings of the runs on NAS-Bench-201, fixed before any of them was made: half the steps are plain. */
const automatic = (steps: number): ProjectionOptions => ({
  alpha: 1,
  warmUp: { steps: Math.floor(steps / 2) },
  protectEvery: 10,
  releaseEvery: 100,
})

/** τ against the table after equal weight steps: uniform sampling and CNAS, each with and without projection. */
export async function onTable(
  { data, seeds, log, signal }: ImageRun,
  settings: RankingSettings,
  environment: NodeJS.ProcessEnv,
): Promise<Claim[]> {
  let table: ReturnType<typeof nasBench201Table>
  try {
    table = nasBench201Table({ environment, protocol: 'oracle' })
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_TABLE_NOT_FOUND') throw thrown
    log(`NAS-Bench-201 left out: ${thrown.message.split('\n')[0]}`)
    return []
  }
  const projection = automatic(3 * STAGES * settings.weightSteps)
  const forms: readonly RankingForm[] = [
    { name: 'uniform', curriculum: false },
    { name: 'uniform + projection', curriculum: false, projection },
    { name: 'CNAS', curriculum: true },
    { name: 'CNAS + projection', curriculum: true, projection },
  ]
  const taus = new Map(forms.map(({ name }) => [name, [] as number[]]))
  for (const seed of seeds)
    for (const form of forms) {
      const run = { ...settings, seed, ...(signal && { signal }) }
      const { tau, accuracy, report } = await tauOnTable(data, table, form, run)
      taus.get(form.name)?.push(tau)
      const beside = report.slice(1).map(({ predictor, kendall }) => `${predictor} ${kendall.toFixed(3)}`)
      log(
        `NAS-Bench-201 seed ${seed}, ${form.name}: τ ${tau.toFixed(3)} (${beside.join(', ')}), one-shot accuracy ${accuracy.toFixed(1)} %`,
      )
    }
  for (const [name, values] of taus) log(`NAS-Bench-201 ${name}: τ ${inWords(values, 3)}`)
  const of = (name: string): Named => [name, taus.get(name) ?? []]
  const metric = 'Kendall τ against the NAS-Bench-201 table'
  return [
    claim('T1', metric, 'maximise', of('uniform'), of('uniform + projection')),
    claim('T2', metric, 'maximise', of('CNAS'), of('CNAS + projection')),
  ]
}
