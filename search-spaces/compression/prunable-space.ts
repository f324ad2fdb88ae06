import { optionError, optionNames } from '../../core/options/index.ts'
import { type Constraint, oneOf, product, repeat, type SearchSpace } from '../../core/space/index.ts'
import { defineSpace } from '../../core/space/space.ts'
import {
  type ChannelChoice,
  checkRate,
  type PruningOptions,
  type PruningProblem,
  pruningProblem,
} from './prunable-choices.ts'
import type { LayerGraph } from './prunable-graph.ts'

/** A pruning: the share of multiply-adds that it is meant for, and the number of channels that each choice keeps. */
export interface PrunedArchitecture {
  readonly rate: number
  readonly kept: readonly number[]
}

/** Prunings of one network at several rates. The cost of every member is at most its rate. */
export interface ChannelSpace extends SearchSpace<PrunedArchitecture> {
  readonly problem: PruningProblem
  /** Shares of the multiply-adds to keep, in the order given. */
  readonly rates: readonly number[]
}

export interface ChannelSpaceOptions extends PruningOptions {
  /** Shares of the multiply-adds to keep. Default 0.3, 0.5, 0.7. */
  readonly rates?: readonly number[]
}

/** The budget must be reachable if all later choices keep their smallest number. */
const withinBudget = ({ choices, cost, multiplyAdds }: PruningProblem): Constraint => ({
  paths: ['rate', 'kept.*'],
  description: `at most the rate of ${multiplyAdds} multiply-adds`,
  possible(values, open) {
    const [rate, ...kept] = values
    if (open[0]) return true
    const counts = choices.map(({ allowed }, i) => (open[i + 1] ? allowed[0]! : (kept[i] as number)))
    return cost(counts) <= (rate as number) * multiplyAdds
  },
})

const channelSpaceNames = optionNames<ChannelSpaceOptions>('channelSpace', {
  groups: true,
  least: true,
  multiple: true,
  rates: true,
})

/**
 * The space of CACP: a rate and the number of channels that each group of a network keeps. Any controller can search
 * it. The constraint is exact and propagated while sampling. Errors: ARCHLOOM_PRUNING_INFEASIBLE (which states the
 * smallest possible rate), ARCHLOOM_OPTION, ARCHLOOM_PRUNING_NOTHING.
 */
export function channelSpace(graph: LayerGraph, options: ChannelSpaceOptions = {}): ChannelSpace {
  channelSpaceNames(options)
  const { rates = [0.3, 0.5, 0.7], ...rest } = options
  if (rates.length === 0) throw optionError('compression', 'rates', rates, 'at least one rate')
  const problem = pruningProblem(graph, rest)
  for (const rate of rates) checkRate(problem, rate)
  const node = product({
    rate: oneOf(...rates),
    kept: repeat(problem.choices.length as number, (i) => oneOf(...(problem.choices[i] as ChannelChoice).allowed)),
  })
  const space = defineSpace<PrunedArchitecture>('channels', node, { constraints: [withinBudget(problem)] })
  return Object.defineProperties({} as ChannelSpace, {
    ...Object.getOwnPropertyDescriptors(space),
    problem: { value: problem, enumerable: true },
    rates: { value: rates, enumerable: true },
    size: { enumerable: true, get: () => sizeOf(space) },
  })
}

/** Spaces up to this size are counted one by one. */
const COUNTABLE = 20_000n

/** The exact number of prunings if there are few; otherwise an upper bound, the number without the constraint. */
function sizeOf(space: SearchSpace): bigint {
  const bound = space.decisions.reduce(
    (size, each) => size * BigInt(each.kind === 'choice' ? each.options.length : 1),
    1n,
  )
  return bound > COUNTABLE ? bound : space.size
}

/** Whether a space is a channel space. */
export const isChannelSpace = (space: SearchSpace): space is ChannelSpace => 'problem' in space && 'rates' in space
