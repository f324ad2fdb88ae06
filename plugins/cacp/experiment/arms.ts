import { type Random, seeded } from '../../../core/index.ts'
import type { ImageDataset } from '../../../evaluators/data/index.ts'
import {
  type ChannelSpace,
  channelSpace,
  type LayerGraph,
  type PruningOptions,
  uniformCounts,
} from '../../../search-spaces/compression/prunable.ts'
import { calibrate } from '../calibration.ts'
import { cacpController } from '../controller.ts'
import { conditionalEvolution } from '../evolution.ts'
import type { CacpOptions } from '../options.ts'
import { pruneChannels } from '../prune.ts'
import { graphAccuracy } from '../pruned-accuracy.ts'
import { bestOfRates, type MeasurePruning, type PruningEpisode, pruningSearch, remembered } from '../search.ts'

export interface ArmsPlan {
  readonly rates: readonly number[]
  readonly pruning: PruningOptions
  /** Episodes of the conditional agent for all rates together, and of each separate agent. */
  readonly episodes: number
  readonly agent: CacpOptions
  readonly calibration: { readonly images: number; readonly points: number }
}

export interface ArmResult {
  readonly name: string
  readonly episodes: readonly PruningEpisode[]
  /** Largest validation accuracy before fine-tuning for each rate, and the corresponding channels. */
  readonly best: readonly number[]
  readonly kept: readonly (readonly number[])[]
  /** Accuracy of the policy without noise, if there is one. */
  readonly greedy?: readonly number[]
  /** Total number of episodes. */
  readonly total: number
}

/** A pre-trained network, its pruning problem, and functions that measure a pruning. */
export interface Task {
  readonly space: ChannelSpace
  readonly graph: LayerGraph
  /** Accuracy with reconstruction, on the validation split. */
  readonly measure: MeasurePruning
  /** Accuracy without reconstruction. */
  readonly measureSliced: MeasurePruning
  /** The pruned network, with reconstruction. */
  readonly prune: (kept: readonly number[]) => LayerGraph
}

export async function pruningTask(
  graph: LayerGraph,
  data: ImageDataset,
  plan: ArmsPlan,
  rng: Random,
  signal: AbortSignal,
): Promise<Task> {
  const space = channelSpace(graph, { ...plan.pruning, rates: plan.rates })
  const calibration = await calibrate(space.problem, data.train, { ...plan.calibration, rng })
  const prune = (kept: readonly number[]) => pruneChannels(space.problem, kept, calibration)
  const accuracy = async (small: LayerGraph) => (await graphAccuracy(small, data.validation, signal)).accuracy
  return {
    space,
    graph,
    prune,
    measure: remembered((kept) => accuracy(prune(kept))),
    measureSliced: remembered((kept) => accuracy(pruneChannels(space.problem, kept))),
  }
}

const armOf = (name: string, space: ChannelSpace, episodes: readonly PruningEpisode[], greedy?: readonly number[]) => {
  const found = bestOfRates(episodes, space.rates)
  const best = found.map((episode) => episode?.accuracy ?? 0)
  const kept = found.map((episode) => episode?.kept ?? [])
  return { name, episodes, best, kept, total: episodes.length, ...(greedy && { greedy }) }
}

/** One agent for all rates (or, with one rate, AMC). */
async function agentArm(
  name: string,
  space: ChannelSpace,
  { measure }: Task,
  plan: ArmsPlan,
  agent: CacpOptions,
  seed: number,
  signal: AbortSignal,
): Promise<ArmResult> {
  const rng = seeded(seed).fork(name)
  const controller = cacpController({ ...plan.agent, ...agent })(space, rng.fork('controller'))
  const episodes = await pruningSearch(space, controller, measure, {
    episodes: plan.episodes,
    rng: rng.fork('episodes'),
    signal,
  })
  const greedy: number[] = []
  for (const rate of space.rates) greedy.push(await measure(controller.greedy(rate)))
  return armOf(name, space, episodes, greedy)
}

/** Every method on one pruning task. */
export async function runArms(
  task: Task,
  plan: ArmsPlan,
  seed: number,
  signal: AbortSignal,
  tell: (arm: ArmResult) => void,
): Promise<ReadonlyMap<string, ArmResult>> {
  const { space, measure } = task
  const arms = new Map<string, ArmResult>()
  const add = (arm: ArmResult) => {
    arms.set(arm.name, arm)
    tell(arm)
  }
  const kept = space.rates.map((rate) => uniformCounts(space.problem, rate))
  const best: number[] = []
  for (const counts of kept) best.push(await measure(counts))
  add({ name: 'uniform', episodes: [], best, kept, total: 0 })

  add(await agentArm('conditional', space, task, plan, {}, seed, signal))
  const separate: ArmResult[] = []
  for (const rate of space.rates) {
    const own = channelSpace(task.graph, { ...plan.pruning, rates: [rate] })
    separate.push(await agentArm(`AMC at ${rate}`, own, task, plan, {}, seed, signal))
  }
  add({
    name: 'separate (AMC)',
    episodes: separate.flatMap(({ episodes }) => episodes),
    best: separate.map((arm) => arm.best[0] as number),
    kept: separate.map((arm) => arm.kept[0] as readonly number[]),
    greedy: separate.map((arm) => arm.greedy?.[0] as number),
    total: separate.reduce((sum, { total }) => sum + total, 0),
  })
  add(await agentArm('blind', space, task, plan, { sight: 'blind' }, seed, signal))
  add(await agentArm('per-rate reward', space, task, plan, { reward: 'difference' }, seed, signal))
  add(await agentArm('random', space, task, plan, { warmUp: { episodes: Number.POSITIVE_INFINITY } }, seed, signal))

  const rng = seeded(seed).fork('evolution')
  const evolution = conditionalEvolution({ population: Math.max(2, Math.floor(plan.episodes / 18)) })
  using controller = evolution(space, rng.fork('controller'))
  const evolved = await pruningSearch(space, controller, measure, {
    episodes: plan.episodes,
    rng: rng.fork('episodes'),
    signal,
  })
  add(armOf('evolution', space, evolved))
  return arms
}
