import { optionError, optionNames } from '../../core/options/index.ts'
import { type ChannelGroup, type Coupling, coupleChannels } from './prunable-channels.ts'
import { type PrunedCost, prunedCost } from './prunable-cost.ts'
import { error } from './prunable-errors.ts'
import { channelsIn, channelsOut, isMixing, type LayerGraph, type MixingNode } from './prunable-graph.ts'

export interface PruningOptions {
  /**
   * Which groups may be pruned: those inside blocks, which no addition ties ('inner', as in the published
   * experiments), all of them, or those that a test of your own picks. Default 'inner'.
   */
  readonly groups?: 'inner' | 'all' | ((group: ChannelGroup, index: number) => boolean)
  /** Least share of a group's channels that stays, in (0, 1]. Default 0.2. */
  readonly least?: number
  /** Kept channels are a multiple of this (or all). Default 1. */
  readonly multiple?: number
}

/** A group whose number of kept channels is chosen. */
export interface ChannelChoice {
  /** Index in the coupling. */
  readonly group: number
  readonly name: string
  /** Number of channels in the unpruned network. */
  readonly channels: number
  /** Allowed numbers of kept channels, ascending; the last is all of them. */
  readonly allowed: readonly number[]
  /** The first layer that reads the channels. */
  readonly reader: MixingNode
}

/** The choices in pruning a network, and the cost of the result. */
export interface PruningProblem {
  readonly graph: LayerGraph
  readonly coupling: Coupling
  readonly choices: readonly ChannelChoice[]
  /** Multiply-adds of the unpruned network for one image. */
  readonly multiplyAdds: number
  /** Multiply-adds if choice i keeps kept[i] channels and nothing else is pruned. */
  cost(kept: readonly number[]): number
  /** Share of the multiply-adds that remains if every choice keeps its smallest allowed number. */
  readonly minimum: number
}

/** Allowed numbers of kept channels, ascending. */
function allowedCounts(channels: number, least: number, multiple: number): number[] {
  const from = Math.max(1, Math.ceil(least * channels - 1e-9))
  const counts = Array.from({ length: Math.floor(channels / multiple) }, (_, i) => (i + 1) * multiple)
  return [...counts.filter((count) => count >= from && count < channels), channels]
}

const pruningProblemNames = optionNames<PruningOptions>('pruningProblem', { groups: true, least: true, multiple: true })

/**
 * Finds the choices in pruning a network's channels. Errors: ARCHLOOM_OPTION, ARCHLOOM_PRUNING_NOTHING,
 * ARCHLOOM_PRUNABLE_GRAPH.
 */
export function pruningProblem(graph: LayerGraph, options: PruningOptions = {}): PruningProblem {
  pruningProblemNames(options)
  const { groups = 'inner', least = 0.2, multiple = 1 } = options
  if (!(least > 0 && least <= 1)) throw optionError('compression', 'least', least, 'a share in (0, 1]')
  if (!Number.isInteger(multiple) || multiple < 1)
    throw optionError('compression', 'multiple', multiple, 'a positive whole number')
  const coupling = coupleChannels(graph)
  const picked =
    typeof groups === 'function' ? groups : ({ producers }: ChannelGroup) => groups === 'all' || producers.length === 1
  const mixing = new Map(graph.nodes.filter(isMixing).map((node) => [node.name, node]))
  const choices = coupling.groups.flatMap((group, index): ChannelChoice[] => {
    if (!picked(group, index)) return []
    const channels = group.channels.length
    const reader = mixing.get(group.consumers[0] as string) as MixingNode
    return [{ group: index, name: group.name, channels, allowed: allowedCounts(channels, least, multiple), reader }]
  })
  if (choices.length === 0) throw error('ARCHLOOM_PRUNING_NOTHING', { groups: coupling.groups.map(({ name }) => name) })
  const model: PrunedCost = prunedCost(graph, coupling)
  const cost = (kept: readonly number[]) => {
    const all = [...model.whole]
    for (const [i, { group }] of choices.entries()) all[group] = kept[i] as number
    return model.multiplyAdds(all)
  }
  const multiplyAdds = model.multiplyAdds(model.whole)
  const minimum = cost(choices.map(({ allowed }) => allowed[0] as number)) / multiplyAdds
  return { graph, coupling, choices, multiplyAdds, cost, minimum }
}

/** Throws ARCHLOOM_PRUNING_INFEASIBLE if no pruning reaches the rate, and ARCHLOOM_OPTION if the rate is invalid. */
export function checkRate({ minimum }: Pick<PruningProblem, 'minimum'>, rate: number): void {
  if (!(rate > 0 && rate <= 1))
    throw optionError('compression', 'rate', rate, 'the share of the multiply-adds to keep, in (0, 1]')
  if (minimum > rate) throw error('ARCHLOOM_PRUNING_INFEASIBLE', { rate, minimum })
}

/**
 * The number of channels that the next choice keeps, from the previous numbers and the desired share. It is the
 * desired share rounded up to an allowed number, or the largest allowed number with which the budget can still be met
 * if all later choices keep their smallest number. The constraint is exact: the resulting network never exceeds rate ·
 * multiplyAdds, and numbers chosen before are not changed again.
 */
export function constrainedCount(
  { choices, cost, multiplyAdds }: PruningProblem,
  rate: number,
  before: readonly number[],
  wish: number,
): number {
  const { allowed, channels } = choices[before.length] as ChannelChoice
  const wished = Math.max(1, Math.round(channels * Math.min(1, Math.max(0, wish))))
  const later = choices.slice(before.length + 1).map((choice) => choice.allowed[0] as number)
  const fits = (count: number) => cost([...before, count, ...later]) <= rate * multiplyAdds
  const upTo = allowed.findIndex((count) => count >= wished)
  for (let at = upTo; at > 0; at--) if (fits(allowed[at]!)) return allowed[at] as number
  return allowed[0] as number
}

/** The number of kept channels of every choice from one desired share each, under the constraint. */
export function constrainedCounts(problem: PruningProblem, rate: number, wishes: readonly number[]): number[] {
  const kept: number[] = []
  for (const wish of wishes) kept.push(constrainedCount(problem, rate, kept, wish))
  return kept
}

/** Keeps the same share of every group, as large as the rate allows; the usual baseline of pruning methods. */
export function uniformCounts(problem: PruningProblem, rate: number): number[] {
  checkRate(problem, rate)
  const at = (share: number) =>
    problem.choices.map(({ allowed, channels }) => {
      const below = allowed.filter((count) => count <= share * channels + 1e-9)
      return below.at(-1) ?? allowed[0]!
    })
  const shares = [
    ...new Set(problem.choices.flatMap(({ allowed, channels }) => allowed.map((count) => count / channels))),
  ].sort((a, b) => b - a)
  const share = shares.find((each) => problem.cost(at(each)) <= rate * problem.multiplyAdds)
  return at(share ?? 0)
}

/** Ordinal, kind (0 convolution, 1 dense), channels in and out, stride, kernel and weights of each reading layer. */
export const staticFeatures = ({ choices }: Pick<PruningProblem, 'choices'>): number[][] =>
  choices.map(({ reader }, ordinal) => [
    ordinal,
    reader.op === 'dense' ? 1 : 0,
    channelsIn(reader),
    channelsOut(reader),
    reader.op === 'convolution' ? reader.stride : 1,
    reader.op === 'convolution' ? reader.kernel.shape[0]! : 1,
    reader.kernel.data.length,
  ])
