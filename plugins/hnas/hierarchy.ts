import type { ChoiceDecision, Decision, Genotype, SearchSpace } from '../../core/index.ts'
import type { DecisionProcess } from '../../core/policy/index.ts'
import { error } from './errors.ts'

/** One of the two blocks: its nodes each add two earlier states, each through an operation. */
export interface BlockLevel {
  /** 'normal' or 'upsampling'. */
  readonly name: string
  readonly nodes: number
  readonly operations: readonly string[]
}

/**
 * A space of two levels in the order in which the controller decides: the nodes of one block, those of the other (for
 * each node two inputs, then two operations), and the position of the second block in the network. Choices are a
 * genotype in this order.
 */
export interface Hierarchy {
  readonly process: DecisionProcess
  readonly blocks: readonly [BlockLevel, BlockLevel]
  /** Number of places for the second block. */
  readonly positions: number
  toGenotype(choices: Genotype): Genotype
  toChoices(genotype: Genotype): Genotype
}

const EDGE = /^(\w+)\.(\d+)\.(left|right)\.(input|op)$/

/**
 * Reads the hierarchy of a space. Error: ARCHLOOM_HNAS_SPACE if its decisions are not those of two blocks and a
 * position.
 */
export function hierarchyOf(space: Pick<SearchSpace, 'name' | 'decisions' | 'isActive' | 'allowed'>): Hierarchy {
  const edges = space.decisions.slice(0, -1).map(({ name }) => EDGE.exec(name))
  const position = space.decisions.at(-1)
  const names = [...new Set(edges.map((match) => match?.[1]))]
  const ofBlock = (block: string | undefined) => space.decisions.filter((_, at) => edges[at]?.[1] === block)
  const whole = names.map((block) => ofBlock(block).length % 4 === 0)
  if (edges.includes(null) || names.length !== 2 || whole.includes(false) || position?.kind !== 'choice')
    throw error('ARCHLOOM_HNAS_SPACE', {
      space: space.name,
      received: `whose decisions are ${space.decisions
        .map(({ name }) => name)
        .join(', ')
        .slice(0, 160)}`,
      expected: 'two blocks of nodes with two inputs and two operations each, then one choice of a position',
    })
  const blockOf = (name: string | undefined): BlockLevel => {
    const own = ofBlock(name) as readonly ChoiceDecision[]
    const op = own.find((_, at) => at % 4 === 1) as ChoiceDecision
    return { name: name as string, nodes: own.length / 4, operations: op.options as readonly string[] }
  }

  // In the space an input is followed by its operation; the controller chooses both inputs of a node first.
  const turns = space.decisions.map((_, at) =>
    at === space.decisions.length - 1 ? at : at - (at % 4) + ([0, 2, 1, 3][at % 4] as number),
  )
  const spread = (choices: readonly number[]) => {
    const known = new Array<number>(space.decisions.length).fill(0)
    for (const [turn, value] of choices.entries()) known[turns[turn] as number] = value
    return known
  }
  const process: DecisionProcess = {
    decisions: turns.map((at) => space.decisions[at] as Decision),
    isActive: (choices, turn) => space.isActive(spread(choices), turns[turn] as number),
    allowed: (choices) => {
      const at = turns[choices.length] as number
      return space.allowed(spread(choices).slice(0, at))
    },
  }
  return {
    process,
    blocks: [blockOf(names[0]), blockOf(names[1])],
    positions: position.options.length,
    toGenotype: spread,
    toChoices: (genotype) => turns.map((at) => genotype[at] as number),
  }
}
