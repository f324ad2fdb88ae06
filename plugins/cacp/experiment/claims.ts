import { type Claim, measured } from '../../../core/reproduction.ts'
import type { PruningProblem } from '../../../search-spaces/compression/prunable.ts'
import type { PruningEpisode } from '../search.ts'
import { violations } from '../search.ts'
import type { ArmResult, Task } from './arms.ts'
import type { Row } from './forms.ts'
import type { SyntheticResult } from './synthetic.ts'

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** C1 and C2, and the conditional agent against the other searches of the same length. */
export function armClaims(arms: ReadonlyMap<string, ArmResult>, rates: readonly number[]): Claim[] {
  const best = (name: string) => arms.get(name)?.best ?? rates.map(() => 0)
  const ours = best('conditional')
  const against = (id: string, name: string, tolerance: number): Claim => ({
    id,
    metric: 'mean over rates of the best validation accuracy',
    direction: 'maximise',
    published: null,
    baseline: { name, ...measured([meanOf(best(name))]) },
    ours: measured([meanOf(ours)]),
    holds: meanOf(ours) >= meanOf(best(name)) - tolerance,
  })
  const uniform = rates.map((rate, r): Claim => {
    const baseline = best('uniform')[r] as number
    const mine = ours[r] as number
    return {
      id: `C1 at ${rate}`,
      metric: 'validation accuracy, not fine-tuned',
      direction: 'maximise',
      published: null,
      baseline: { name: 'uniform', ...measured([baseline]) },
      ours: measured([mine]),
      holds: mine >= baseline,
    }
  })
  return [
    ...uniform,
    // Within two points at a third of the episodes.
    against('C2 at a third of the episodes', 'separate (AMC)', 0.02),
    against('random search, same length', 'random', 0),
    against('conditional evolution, same length', 'evolution', 0),
  ]
}

/** C3 and C4, on the task whose constraint does not reveal the rate. */
export function syntheticClaims(runs: Readonly<Record<string, SyntheticResult>>, rates: readonly number[]): Claim[] {
  const [ours, blind, normalised] = [runs.conditional, runs.blind, runs['per-rate reward']]
  if (!ours || !blind || !normalised) return []
  const lower = rates.filter((_, r) => (ours.greedy[r]?.mean ?? 0) - (blind.greedy[r]?.mean ?? 0) > 0.02).length
  const seeds = ours.targetVariance.seeds
  const overRates = (result: SyntheticResult) => ({ mean: meanOf(result.greedy.map(({ mean }) => mean)), seeds })
  return [
    {
      id: 'C3',
      metric: `greedy accuracy; ahead by more than 2 points at ${lower} of ${rates.length} rates`,
      direction: 'maximise',
      published: null,
      baseline: { name: 'blind to the rate', ...overRates(blind) },
      ours: overRates(ours),
      holds: lower >= 2,
    },
    {
      id: 'C4',
      metric: 'variance of critic targets, per-rate reward',
      direction: 'minimise',
      published: null,
      baseline: { name: 'plain accuracy', ...ours.targetVariance },
      ours: normalised.targetVariance,
      holds: normalised.targetVariance.mean < ours.targetVariance.mean,
    },
  ]
}

/** The raw actions rounded to whole channels, without the constraint. */
const unconstrained = ({ choices }: PruningProblem, episodes: readonly PruningEpisode[]) =>
  episodes.flatMap(({ rate, actions }) =>
    actions
      ? [{ rate, kept: actions.map((a, i) => Math.max(1, Math.round(a * (choices[i]?.channels as number)))) }]
      : [],
  )

/** C5. */
export function wallClaim(
  problem: PruningProblem,
  arms: ReadonlyMap<string, ArmResult>,
  runs: Readonly<Record<string, SyntheticResult>>,
): Claim {
  const episodes = [...arms.values()].flatMap((arm) => arm.episodes)
  const raw = unconstrained(problem, episodes)
  const made = Object.values(runs)
  const total = episodes.length + made.reduce((sum, run) => sum + run.episodes, 0)
  const broken = violations(problem, episodes) + made.reduce((sum, run) => sum + run.violations, 0)
  return {
    id: 'C5',
    metric: `share of ${total} episodes over their budget`,
    direction: 'minimise',
    published: null,
    baseline: { name: 'the same actions without the constraint', ...measured([violations(problem, raw) / raw.length]) },
    ours: measured([broken / total]),
    holds: broken === 0 && violations(problem, raw) > 0,
  }
}

/** C6: the same prunings with and without new weights for the layers that read fewer channels. */
export async function reconstructionClaim(
  task: Task,
  strategies: Readonly<Record<string, readonly (readonly number[])[]>>,
): Promise<{ readonly claim: Claim; readonly rows: readonly Omit<Row, 'task'>[] }> {
  const rows: Omit<Row, 'task'>[] = []
  const [withIt, without]: [number[], number[]] = [[], []]
  for (const [method, strategy] of Object.entries(strategies)) {
    const plain: number[] = []
    for (const kept of strategy) {
      plain.push(await task.measureSliced(kept))
      withIt.push(await task.measure(kept))
    }
    without.push(...plain)
    rows.push({ method, figure: 'best, without reconstruction', values: plain })
  }
  const [ours, baseline] = [meanOf(withIt), meanOf(without)]
  return {
    rows,
    claim: {
      id: 'C6',
      metric: 'validation accuracy of the same prunings',
      direction: 'maximise',
      published: null,
      baseline: { name: 'without least squares', ...measured([baseline]) },
      ours: measured([ours]),
      holds: ours > baseline,
    },
  }
}
