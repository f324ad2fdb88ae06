import { realClock, seeded } from '../../core/index.ts'
import type { Reproduction as Form, ReproduceOptions } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cosine } from '../../evaluators/training/index.ts'
import { fineTune } from './compress.ts'
import { pruningTask, runArms, type Task } from './experiment/arms.ts'
import { armClaims, reconstructionClaim, syntheticClaims, wallClaim } from './experiment/claims.ts'
import { percent, type Row } from './experiment/forms.ts'
import { type Plan, plans } from './experiment/scales.ts'
import { syntheticBounds, syntheticRun } from './experiment/synthetic.ts'
import type { CacpOptions } from './options.ts'
import { graphAccuracy } from './pruned-accuracy.ts'

export interface Reproduction extends Form {
  readonly paper: 'cacp'
  /** The figures of every method. */
  readonly rows: readonly Row[]
}

type Log = (text: string) => void

async function synthetic(plan: Plan, seed: number, log: Log, signal: AbortSignal) {
  const rows = Object.entries(syntheticBounds()).map(
    ([method, values]): Row => ({ task: 'synthetic', method, figure: 'accuracy', values }),
  )
  const runs: Record<string, Awaited<ReturnType<typeof syntheticRun>>> = {}
  const variants: Readonly<Record<string, CacpOptions>> = {
    conditional: {},
    blind: { sight: 'blind' },
    'per-rate reward': { reward: 'difference' },
    random: { warmUp: { episodes: Number.POSITIVE_INFINITY } },
  }
  for (const [method, agent] of Object.entries(variants)) {
    const result = await syntheticRun({ ...plan.synthetic, agent: { ...plan.synthetic.agent, ...agent } }, seed, signal)
    runs[method] = result
    const means = (of: 'greedy' | 'best') => result[of].map(({ mean }) => mean)
    if (method !== 'random') rows.push({ task: 'synthetic', method, figure: 'greedy', values: means('greedy') })
    rows.push({ task: 'synthetic', method, figure: 'best', values: means('best') })
    log(`synthetic, ${method}: greedy ${percent(means('greedy'))}, best ${percent(means('best'))}`)
  }
  return { rows, runs }
}

/**
 * Fine-tunes the best prunings of two methods and measures them on the test split, which was not used for any choice.
 */
async function fineTuned(
  task: Task,
  strategies: Readonly<Record<string, readonly (readonly number[])[]>>,
  data: Awaited<ReturnType<Plan['data']>>,
  plan: Plan,
  seed: number,
  signal: AbortSignal,
): Promise<Row[]> {
  const rows: Row[] = []
  const { epochs, learningRate, batchSize } = plan.fineTuning
  const trainer = { learningRate: cosine({ peak: learningRate }), batchSize }
  for (const [method, strategy] of Object.entries(strategies)) {
    const [before, after]: [number[], number[]] = [[], []]
    for (const kept of strategy) {
      const small = task.prune(kept)
      before.push((await graphAccuracy(small, data.test, signal)).accuracy)
      const tuned = await fineTune(small, { data, epochs, trainer, seed, signal })
      after.push((await graphAccuracy(tuned, data.test, signal)).accuracy)
    }
    rows.push({ task: data.name, method, figure: 'test accuracy', values: before })
    rows.push({ task: data.name, method, figure: 'test accuracy, fine-tuned', values: after })
  }
  return rows
}

/**
 * `archloom reproduce cacp`: C1 to C6. One pre-trained network with every method under the same constraint, and the
 * cost of VGG-16 with an artificial accuracy, on which the constraint does not reveal the rate.
 */
export async function reproduce({
  scale,
  seed,
  data: folder,
  log = () => {},
  signal = new AbortController().signal,
}: ReproduceOptions): Promise<Reproduction> {
  const plan = plans[scale]
  const began = realClock.now()
  const engine = await useEngine()
  const environment = { ...process.env, ...(folder !== undefined && { ARCHLOOM_DATA: folder }) }
  const data = await plan.data(environment, signal)
  log(`engine ${engine.name}; ${data.name}`)
  for (const note of data.notes) log(`note: ${note}`)

  const made = await synthetic(plan, seed, log, signal)

  const rng = seeded(seed)
  const { epochs, learningRate, batchSize } = plan.training
  const trainer = { learningRate: cosine({ peak: learningRate }), batchSize, weightDecay: 5e-4 }
  const fresh = plan.network(data, rng.fork('weights'))
  const graph = await fineTune(fresh, { data, epochs, trainer, seed, signal })
  const whole = await graphAccuracy(graph, data.test, signal)
  const task = await pruningTask(graph, data, plan, rng.fork('calibration'), signal)
  const { multiplyAdds, minimum } = task.space.problem
  log(
    `network: ${multiplyAdds} multiply-adds, test accuracy ${whole.accuracy.toFixed(3)}; least rate ${minimum.toFixed(3)}`,
  )
  const rows: Row[] = [
    ...made.rows,
    { task: data.name, method: 'whole', figure: 'test accuracy', values: plan.rates.map(() => whole.accuracy) },
  ]
  const arms = await runArms(task, plan, seed, signal, ({ name, best, greedy, total }) => {
    rows.push({ task: data.name, method: name, figure: 'best', values: best })
    if (greedy) rows.push({ task: data.name, method: name, figure: 'greedy', values: greedy })
    log(`${name} (${total} episodes): best ${percent(best)}${greedy ? `, greedy ${percent(greedy)}` : ''}`)
  })
  const strategies = {
    conditional: arms.get('conditional')?.kept ?? [],
    uniform: arms.get('uniform')?.kept ?? [],
  }
  const reconstruction = await reconstructionClaim(task, strategies)
  rows.push(...reconstruction.rows.map((row) => ({ ...row, task: data.name })))
  rows.push(...(await fineTuned(task, strategies, data, plan, seed, signal)))
  const claims = [
    ...armClaims(arms, plan.rates),
    ...syntheticClaims(made.runs, plan.rates),
    wallClaim(task.space.problem, arms, made.runs),
    reconstruction.claim,
  ]
  for (const { task: on, method, figure, values } of rows) log(`${on} | ${method} | ${figure} | ${percent(values)}`)
  return { paper: 'cacp', scale, seed, seconds: (realClock.now() - began) / 1000, claims, rows }
}
