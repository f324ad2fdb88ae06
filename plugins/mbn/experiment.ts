import { realClock } from '../../core/index.ts'
import { type Claim, measured, type ReproduceOptions, type Scale } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10, fashionMnist, orGenerated } from '../../evaluators/data/index.ts'
import { type AccuracyPlan, accuracyTable, type Cell } from './accuracy-experiment.ts'
import { driftRatio, mismatch } from './mismatch-experiment.ts'

interface Plan extends AccuracyPlan {
  readonly sets: readonly ('fashion-mnist' | 'cifar10')[]
  readonly test: number
  readonly mismatch: { readonly steps: number; readonly examples: number; readonly seeds: number }
}

/** Small batches are given more steps, and still see fewer examples. */
const stepsOf = (many: number) => (batchSize: number) => Math.max(1, Math.round(many * Math.sqrt(2 / batchSize)))

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    sets: ['fashion-mnist'],
    samplings: ['iid', 'biased'],
    batchSizes: [2, 16],
    steps: stepsOf(400),
    learningRate: 0.08,
    filters: [8, 16],
    seeds: 1,
    test: 500,
    mismatch: { steps: 30, examples: 200, seeds: 1 },
  },
  small: {
    sets: ['fashion-mnist', 'cifar10'],
    samplings: ['iid', 'biased'],
    batchSizes: [2, 4, 16, 64],
    steps: stepsOf(1600),
    learningRate: 0.02,
    filters: [8, 16, 32],
    seeds: 3,
    test: 2000,
    mismatch: { steps: 200, examples: 1000, seeds: 5 },
  },
  paper: {
    sets: ['fashion-mnist', 'cifar10'],
    samplings: ['iid', 'biased'],
    batchSizes: [2, 4, 16, 64],
    steps: stepsOf(60_000),
    learningRate: 0.02,
    filters: [32, 64, 128],
    seeds: 5,
    test: 10_000,
    mismatch: { steps: 1000, examples: 4000, seeds: 5 },
  },
}

const loadSet = { 'fashion-mnist': fashionMnist, cifar10 }

/**
 * The claim, which the authors make in words: MBN with Double-Forward is ahead of BN at batch size 2 and under biased
 * sampling.
 */
export function accuracyClaims(cells: readonly Cell[]): readonly Claim[] {
  return cells
    .filter(({ method, sampling, batchSize }) => method === 'MBN+DF' && (sampling === 'biased' || batchSize === 2))
    .map(({ data, sampling, batchSize, accuracies }) => {
      const rival = cells.find(
        (cell) =>
          cell.method === 'BN' && cell.data === data && cell.sampling === sampling && cell.batchSize === batchSize,
      ) as Cell
      const [ours, baseline] = [measured(accuracies), measured(rival.accuracies)]
      return {
        id: `${data}, ${sampling}, batch ${batchSize}`,
        metric: 'test accuracy',
        direction: 'maximise',
        published: null,
        baseline: { name: 'BN', ...baseline },
        ours,
        holds: ours.mean > baseline.mean,
      }
    })
}

/**
 * The claim that Double-Forward updates the memory: mismatches with and without it, and the ratio by straight drift.
 */
export function mismatchClaims(
  plan: Plan['mismatch'],
  seed: number,
  log: (text: string) => void,
): readonly [figures: Claim, ratio: Claim] {
  const memory = { batches: 5, decay: 0.9, learningRate: 0.1 }
  const runs = Array.from({ length: plan.seeds }, (_, run) => {
    const of = (doubleForward: boolean) => mismatch({ ...memory, ...plan, doubleForward, seed: seed + run })
    const [without, withIt] = [of(false), of(true)]
    log(
      `mismatch at k = 5, λ = 0.9: ${without.toExponential(2)} without, ${withIt.toExponential(2)} with Double-Forward`,
    )
    return { without, with: withIt }
  })
  const [plain, refreshed] = [measured(runs.map((run) => run.without)), measured(runs.map((run) => run.with))]
  const [ratio, theory] = [measured(runs.map((run) => run.with / run.without)), driftRatio(memory)]
  const common = { direction: 'minimise', published: null } as const
  return [
    {
      id: 'mismatch, k = 5, λ = 0.9',
      metric: '(μ̃ − μ)² of the first layer',
      ...common,
      baseline: { name: 'without Double-Forward', ...plain },
      ours: refreshed,
      holds: refreshed.mean < plain.mean,
    },
    {
      id: 'ratio of mismatches',
      metric: 'with over without Double-Forward',
      ...common,
      baseline: { name: 'straight drift', mean: theory },
      ours: ratio,
      holds: Math.abs(ratio.mean - theory) < 0.05,
    },
  ]
}

/**
 * `archloom reproduce mbn`. `cells` contains the accuracies of every method, including those where plain BN is ahead.
 */
export async function reproduce({ scale, seed, data, log, signal }: ReproduceOptions) {
  const plan = plans[scale]
  const began = realClock.now()
  await useEngine()
  const claims: Claim[] = [...mismatchClaims(plan.mismatch, seed, log)]
  const cells: Cell[] = []
  for (const name of plan.sets) {
    const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
    const set = await orGenerated(() => loadSet[name]({ environment, testSize: plan.test, signal }))
    for (const note of set.notes) log(note)
    const found = await accuracyTable(set, plan, { seed, log, signal })
    cells.push(...found)
    claims.push(...accuracyClaims(found))
  }
  return { paper: 'mbn', scale, seed, seconds: (realClock.now() - began) / 1000, claims, cells }
}
