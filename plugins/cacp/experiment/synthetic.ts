import { seeded } from '../../../core/index.ts'
import { type Measured, measured } from '../../../core/reproduction.ts'
import {
  channelSpace,
  constrainedCounts,
  uniformCounts,
  vggGraph,
} from '../../../search-spaces/compression/prunable.ts'
import { cacpController } from '../controller.ts'
import type { CacpOptions } from '../options.ts'
import { bestOfRates, pruningSearch, violations } from '../search.ts'

/** Sensitivity of the artificial accuracy to each of the three choices; late layers are the most sensitive. */
const SENSITIVITIES = [0.1, 0.6, 3]
export const syntheticRates: readonly number[] = [0.3, 0.5, 0.7]

/**
 * The cost of the first six convolutions of VGG-16, where the input of every second one is prunable in steps of eight
 * channels, with an artificial accuracy. Late layers are sensitive. The policy "keep everything and let the constraint
 * prune" prunes exactly these layers, so a good policy must know the rate. If early layers were sensitive, that policy
 * would be best at every rate, because the constraint alone would reveal the rate.
 */
export function syntheticTask(
  sensitivities: readonly number[] = SENSITIVITIES,
  rates: readonly number[] = syntheticRates,
) {
  const space = channelSpace(vggGraph({ layers: [64, 64, 'pool', 128, 128, 'pool', 256, 256] }), {
    groups: (_, index) => index % 2 === 0 && index < 6,
    multiple: 8,
    least: 0.2,
    rates,
  })
  const accuracy = (kept: readonly number[]) => {
    const harm = sensitivities.reduce((sum, sensitivity, i) => {
      const share = kept[i]! / (space.problem.choices[i]?.channels as number)
      return sum + sensitivity * (1 - share) ** 2
    }, 0)
    return 0.93 * Math.exp(-1.2 * harm)
  }
  return { space, accuracy }
}

export interface SyntheticPlan {
  readonly episodes: number
  readonly seeds: number
  readonly agent: CacpOptions
}

export interface SyntheticResult {
  /** Accuracy of the greedy policy, one per rate. */
  readonly greedy: readonly Measured[]
  /** Best accuracy that was seen, one per rate. */
  readonly best: readonly Measured[]
  readonly violations: number
  readonly episodes: number
  /** Mean over the learned episodes. */
  readonly targetVariance: Measured
}

/** One agent with one seed over the rates of its task. */
export async function syntheticAgent(
  { space, accuracy }: ReturnType<typeof syntheticTask>,
  plan: Omit<SyntheticPlan, 'seeds'>,
  seed: number,
) {
  const rng = seeded(seed)
  const controller = cacpController(plan.agent)(space, rng.fork('controller'))
  const options = { episodes: plan.episodes, rng: rng.fork('episodes') }
  const episodes = await pruningSearch(space, controller, accuracy, options)
  const variances = episodes.flatMap(({ diagnostics }) => diagnostics.targetVariance ?? [])
  return {
    greedy: space.rates.map((rate) => accuracy(controller.greedy(rate))),
    best: bestOfRates(episodes, space.rates).map((episode) => episode?.accuracy ?? 0),
    violations: violations(space.problem, episodes),
    targetVariance: variances.length ? variances.reduce((sum, v) => sum + v, 0) / variances.length : 0,
  }
}

/** One agent over all rates, several seeds. */
export async function syntheticRun(plan: SyntheticPlan, seed: number, signal?: AbortSignal): Promise<SyntheticResult> {
  const task = syntheticTask()
  const runs: Awaited<ReturnType<typeof syntheticAgent>>[] = []
  for (let run = 0; run < plan.seeds; run++) {
    signal?.throwIfAborted()
    runs.push(await syntheticAgent(task, plan, seed + run))
  }
  const each = (of: (run: (typeof runs)[number]) => readonly number[]) =>
    task.space.rates.map((_, r) => measured(runs.map((run) => of(run)[r] as number)))
  return {
    greedy: each(({ greedy }) => greedy),
    best: each(({ best }) => best),
    violations: runs.reduce((sum, run) => sum + run.violations, 0),
    episodes: plan.episodes * plan.seeds,
    targetVariance: measured(runs.map((run) => run.targetVariance)),
  }
}

/**
 * Bounds for comparison: equal shares, the best of a grid at each rate, and the best policy that does not know the
 * rate.
 */
export function syntheticBounds(sensitivities: readonly number[] = SENSITIVITIES) {
  const { space, accuracy } = syntheticTask(sensitivities)
  const grid = Array.from({ length: 17 }, (_, i) => 0.2 + 0.05 * i)
  const wishes = space.problem.choices.reduce<number[][]>(
    (all) => all.flatMap((before) => grid.map((wish) => [...before, wish])),
    [[]],
  )
  const accuracies = wishes.map((each) =>
    syntheticRates.map((rate) => accuracy(constrainedCounts(space.problem, rate, each))),
  )
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
  return {
    uniform: syntheticRates.map((rate) => accuracy(uniformCounts(space.problem, rate))),
    optimum: syntheticRates.map((_, r) => Math.max(...accuracies.map((each) => each[r] as number))),
    'best blind policy': accuracies.reduce((best, each) => (total(each) > total(best) ? each : best)),
  }
}
