/**
 * What proposals cost in processor time: of `gp` after 200 trials, of `tpe` after 1,000 and 10,000, of `nsga2` on average over
 * 10,000 trials of two objectives; and, with --peers, of Optuna's samplers in the same run.
 *   npm run build && npm run bench -- proposals [--only gp,tpe,nsga2] [--peers] [--python python3] [--json]
 * The space `mixed` has ten decisions: four reals, three integers and three categories; `choices` has ten categories. `gp` and `tpe` are told random trials first;
 * then proposals are measured together with what the strategy does with their results, as many as it takes for `gp` to fit its
 * hyperparameters again at least once.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'

interface Case {
  readonly strategy: 'gp' | 'tpe' | 'nsga2'
  readonly space: 'mixed' | 'choices'
  /** Trials that the strategy knows when the measurement begins. */
  readonly told: number
  /** Trials that are measured. */
  readonly measured: number
  readonly objectives: 1 | 2
}
const cases: readonly Case[] = [
  { strategy: 'gp', space: 'mixed', told: 200, measured: 25, objectives: 1 },
  { strategy: 'tpe', space: 'mixed', told: 1000, measured: 1000, objectives: 1 },
  { strategy: 'tpe', space: 'mixed', told: 10_000, measured: 1000, objectives: 1 },
  { strategy: 'tpe', space: 'choices', told: 1000, measured: 1000, objectives: 1 },
  { strategy: 'tpe', space: 'choices', told: 10_000, measured: 1000, objectives: 1 },
  { strategy: 'nsga2', space: 'mixed', told: 0, measured: 10_000, objectives: 2 },
]
/** Optuna's proposals are slower, so that fewer are measured. */
const peerMeasured: Readonly<Record<Case['strategy'], number>> = { gp: 10, tpe: 20, nsga2: 10_000 }

const root = new URL('../..', import.meta.url)
/** The package as a user installs it. Without a build, the sources run through tsx, which slows every small function. */
const isBuilt = existsSync(new URL('dist/core/index.js', root))
const propose = fileURLToPath(new URL('./strategies/propose.mjs', import.meta.url))

/** Milliseconds of processor time per trial, in a process of its own. */
function measure(one: Case): number {
  const flags = isBuilt ? [] : ['--conditions=archloom-source', '--import', 'tsx']
  const run = spawnSync(process.execPath, [...flags, propose], {
    input: JSON.stringify(one),
    encoding: 'utf8',
    cwd: fileURLToPath(root),
  })
  if (run.status !== 0) throw new Error(`${one.strategy}: ${run.stderr.trim()}`)
  return (JSON.parse(run.stdout) as { milliseconds: number }).milliseconds
}

const program = fileURLToPath(new URL('./strategies/optuna_proposals.py', import.meta.url))

/** The same in Optuna: its version and milliseconds per trial, or why it cannot be measured. */
function measurePeer(one: Case, python: string): { readonly version: string; readonly milliseconds: number } | string {
  const input = JSON.stringify({ ...one, measured: peerMeasured[one.strategy] })
  // More threads would only add processor time to matrices as small as these.
  const env = { ...process.env, OMP_NUM_THREADS: '1' }
  const run = spawnSync(python, [program], { input, env, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
  if (run.error) return `${python} cannot be started: ${run.error.message}`
  if (run.status !== 0) return `${python} ended with ${run.status}: ${run.stderr.trim().split('\n').at(-1)}`
  return JSON.parse(run.stdout) as { version: string; milliseconds: number }
}

export interface ProposalsOptions {
  /** Names of strategies, separated by commas. */
  readonly only?: string
  readonly peers?: true
  readonly python?: string
  readonly log?: (line: string) => void
}

export async function run(options: ProposalsOptions = {}): Promise<Bench> {
  const { only, peers, python = 'python3', log = () => {} } = options
  const names = only?.split(',')
  const results: BenchResult[] = []
  log(
    isBuilt
      ? 'measuring the build in dist/'
      : 'measuring the sources through tsx; "npm run build" measures the package',
  )
  for (const one of cases) {
    if (names && !names.includes(one.strategy)) continue
    const { strategy, space, told, measured } = one
    const value = measure(one)
    const when = `(${space}) ${told > 0 ? `after ${told} trials` : `over ${measured} trials`}`
    const peer = peers && measurePeer(one, python)
    if (typeof peer === 'string') log(`Optuna is left out: ${peer}`)
    const isMeasured = typeof peer === 'object'
    log(
      `${strategy} ${when}: ${value.toFixed(3)} ms of processor time per trial` +
        (isMeasured ? `; Optuna ${peer.version}: ${peer.milliseconds.toFixed(3)} ms` : ''),
    )
    const reference = isMeasured && {
      reference: `Optuna ${peer.version}, ${peer.milliseconds.toFixed(3)} ms`,
      ratio: peer.milliseconds / value,
    }
    results.push({ name: `${strategy} ${when}`, value, unit: 'ms/trial', ...reference })
  }
  return { bench: 'proposals', results }
}
