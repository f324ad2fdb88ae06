import { join } from 'node:path'
import { ArchloomError, realClock } from '../../core/index.ts'
import {
  claim,
  type Reproduction as Form,
  inWords,
  type ReproduceOptions,
  type Scale,
} from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { describeDataset } from '../../evaluators/data/index.ts'
import { nasBench201Table } from '../../evaluators/tabular/index.ts'
import { type ArmName, type ArmResult, runArm } from './experiment/arms.ts'
import { scales } from './experiment/scales.ts'
import { tableSearch } from './experiment/table-curriculum.ts'

export interface Reproduction extends Form {
  readonly paper: 'cnas'
  /** Every run of E1 by arm, with its stage curve; E2's mean test accuracy at the end of each stage. */
  readonly runs: Readonly<Record<string, readonly ArmResult[]>>
  readonly tableCurve?: readonly number[]
}

const percent = (shares: readonly number[]) => `${inWords(shares.map((share) => 100 * share))} %`

/** Published: teaser figure of the paper, CIFAR-10 test accuracy of fixed-space and curriculum search: 0.9710, 0.9740. */
const PUBLISHED = 0.974

/**
 * E1: fixed space, curriculum, curriculum without warm-up and random at the same number of weight and policy steps;
 * the derived cell is trained from scratch. E2: the same policy on the table of NAS-Bench-201, without shared weights.
 */
export async function reproduce(options: ReproduceOptions): Promise<Reproduction> {
  const { scale, seed, log, signal } = options
  const began = realClock.now()
  const environment = { ...process.env, ...(options.data !== undefined && { ARCHLOOM_DATA: options.data }) }
  const settings = scales[scale]
  const engine = await useEngine('auto')
  const data = await settings.data(environment)
  log(`engine ${engine.name}; ${describeDataset(data)}`)
  for (const note of data.notes) log(`note: ${note}`)

  const runs: Partial<Record<ArmName, ArmResult[]>> = {}
  for (let k = 0; k < settings.seeds; k++)
    for (const arm of settings.arms) {
      const folder = join('archloom-studies', `cnas-paper-seed-${seed + k}-${arm.replaceAll(' ', '-')}`)
      const directory = scale === 'paper' ? { directory: folder } : {}
      const result = await runArm({ arm, settings: settings.arm, data, seed: seed + k, log, signal, ...directory })
      runs[arm] = [...(runs[arm] ?? []), result]
    }
  const tested = (arm: ArmName) => (runs[arm] ?? []).map(({ testAccuracy }) => testAccuracy)
  const METRIC = `test accuracy on ${data.name}, trained from scratch`
  const claims = settings.arms
    .filter((arm) => arm !== 'curriculum')
    .map((arm) =>
      claim(
        arm === 'fixed space' ? 'E1' : `E1 ${arm}`,
        METRIC,
        arm === 'fixed space' && scale !== 'smoke' ? PUBLISHED : null,
        [arm, tested(arm)],
        tested('curriculum'),
      ),
    )
  for (const arm of settings.arms) log(`E1 ${arm}: ${percent(tested(arm))}`)

  const table = tableExperiment(scale, seed, environment, log)
  if (table) claims.push(table.claim)
  return {
    paper: 'cnas',
    scale,
    seed,
    seconds: (realClock.now() - began) / 1000,
    claims,
    runs,
    ...(table && { tableCurve: table.curve }),
  }
}

function tableExperiment(scale: Scale, seed: number, environment: NodeJS.ProcessEnv, log: (text: string) => void) {
  const { table: settings } = scales[scale]
  let table: ReturnType<typeof nasBench201Table>
  try {
    table = nasBench201Table({ environment, protocol: 'oracle' })
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_TABLE_NOT_FOUND') throw thrown
    log('E2 left out: the table of NAS-Bench-201 is not in ARCHLOOM_DATA')
    return undefined
  }
  const curves = (grow: 'operations' | 'none') =>
    Array.from({ length: settings.seeds }, (_, k) => tableSearch(table, grow, settings, seed + k))
  const [fixed, grown] = [curves('none'), curves('operations')]
  const last = (all: readonly (readonly number[])[]) => all.map((curve) => curve.at(-1) as number)
  const curve = (grown[0] as readonly number[]).map(
    (_, stage) => grown.reduce((sum, each) => sum + each[stage]!, 0) / grown.length,
  )
  log(`E2 fixed space ${percent(last(fixed))}, curriculum ${percent(last(grown))} (${settings.seeds} seeds)`)
  log(`E2 curriculum by stage: ${curve.map((accuracy) => (100 * accuracy).toFixed(2)).join(' ')} %`)
  return {
    claim: claim('E2', 'test accuracy in the table of NAS-Bench-201', null, ['fixed space', last(fixed)], last(grown)),
    curve,
  }
}
