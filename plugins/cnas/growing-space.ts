import {
  type ChoiceDecision,
  type Decision,
  drawValue,
  type Genotype,
  type Random,
  type SearchSpace,
} from '../../core/index.ts'
import type { DecisionProcess } from '../../core/policy/index.ts'
import { type CellDecision, cellDecisionsOf } from './cell-decisions.ts'
import { error } from './errors.ts'

/** What a stage adds: an operation, a node of the cells, or nothing (a fixed space: one stage). */
export type Grow = 'operations' | 'nodes' | 'none'

export interface GrowingOptions {
  readonly grow: Grow
  /**
   * Operations in the order in which they are added; operations that are left out are never used. Default: see
   * `operationOrder`.
   */
  readonly order?: readonly string[]
  /** Number of stages. Default: until nothing is left to add. */
  readonly stages?: number
}

/**
 * The order that the released program draws with its seed 2020 (by the generator of PyTorch), for the eight operations
 * of the cell space.
 */
export const releasedOrder = [
  'sep_conv_3x3',
  'avg_pool_3x3',
  'max_pool_3x3',
  'skip_connect',
  'dil_conv_3x3',
  'none',
  'dil_conv_5x5',
  'sep_conv_5x5',
] as const

/** Operations with weights that a curriculum may start with, because a space without weights cannot be trained. */
const BEGINNINGS = ['sep_conv_3x3', 'nor_conv_3x3']

/** An operation with weights first, the others in random order. */
export function operationOrder(operations: readonly string[], rng: Random): readonly string[] {
  const first = BEGINNINGS.find((name) => operations.includes(name)) ?? (operations[0] as string)
  return [first, ...rng.shuffle(operations.filter((name) => name !== first))]
}

/**
 * Nested spaces Ω₁ ⊂ Ω₂ ⊂ … within one search space, represented by masks: the controller and the supernet are those
 * of the whole space from the beginning. Choices are a genotype in the order in which the controller takes decisions.
 */
export interface GrowingSpace {
  /** The present stage, as a policy sees it. */
  readonly process: DecisionProcess
  /** All operations, in the order of the space's own list. */
  readonly operations: readonly string[]
  /** The curriculum: operations in order of addition. */
  readonly order: readonly string[]
  readonly stages: number
  /** The positions of decisions in a space of cells; undefined in other spaces. */
  readonly cells: readonly CellDecision[] | undefined
  /** The present stage, from 0. */
  readonly stage: number
  enter(stage: number): void
  /** Operations that a stage allows. */
  operationsIn(stage: number): readonly string[]
  /** Intermediate nodes in use in a stage; undefined in spaces without cells. */
  nodesIn(stage: number): number | undefined
  /** Number of architectures of a stage; undefined if constraints make counting too expensive. */
  sizeOf(stage: number): bigint | undefined
  /** Whether a stage uses option `option` of decision `index` of the process. */
  uses(stage: number, index: number, option: number): boolean
  /** Draws a genotype; each decision is uniform on its own scale over the options of the present stage. */
  uniform(rng: Random): Genotype
  toGenotype(choices: Genotype): Genotype
  toChoices(genotype: Genotype): Genotype
}

const isOperation = (decision: Decision): decision is ChoiceDecision =>
  decision.kind === 'choice' && decision.options.every((option) => typeof option === 'string')

/** Errors: ARCHLOOM_CNAS_SPACE, ARCHLOOM_CNAS_CURRICULUM. */
export function growingSpace(space: SearchSpace, options: GrowingOptions, rng: Random): GrowingSpace {
  const { grow } = options
  const refuse = (expected: string) => error('ARCHLOOM_CNAS_SPACE', { space: space.name, grow, expected })
  const first = space.decisions.find(isOperation)
  if (!first) throw refuse('decisions that choose operations by name')
  const operations = first.options as readonly string[]
  const sameList = JSON.stringify(operations)
  const choosesOperation = space.decisions.map((d) => isOperation(d) && JSON.stringify(d.options) === sameList)
  const cells = cellDecisionsOf(space.decisions)
  const none = operations.indexOf('none')
  if (grow === 'nodes' && (!cells || none < 0))
    throw refuse('cells of nodes with two inputs, and the operation "none" to fill missing nodes with zeros')
  const nodes = cells && 1 + Math.max(...cells.map(({ node }) => node))

  const order = checkedOrder(options.order ?? operationOrder(operations, rng), operations)
  const most = grow === 'operations' ? order.length : grow === 'nodes' ? (nodes as number) : 1
  const stages = options.stages ?? most
  if (!(Number.isInteger(stages) && stages >= 1 && stages <= most))
    throw error('ARCHLOOM_CNAS_CURRICULUM', {
      received: `${stages} stages`,
      available: order,
      expected: `1 to ${most} stages`,
    })

  // In a cell, the two inputs of a node are chosen before its two operations.
  const places = cells ? [...cells].sort((a, b) => a.turn - b.turn) : undefined
  const turns = places ? places.map(({ index }) => index) : space.decisions.map((_, index) => index)
  const nodeOf = turns.map((_, turn) => places?.[turn]?.node ?? 0)
  const decisions = turns.map((index) => space.decisions[index] as Decision)
  const operationsIn = (stage: number) => (grow === 'operations' ? order.slice(0, stage + 1) : order)
  const nodesIn = (stage: number) => (grow === 'nodes' ? stage + 1 : nodes)
  const masks = Array.from({ length: stages }, (_, stage) => {
    const allowed = new Set(operationsIn(stage))
    return operations.map((name) => allowed.has(name))
  })
  let stage = 0

  const inUse = (at: number, turn: number) => nodes === undefined || nodeOf[turn]! < (nodesIn(at) as number)
  const masked = (turn: number) => choosesOperation[turns[turn] as number] === true
  const uses = (at: number, turn: number, option: number) =>
    inUse(at, turn) && (!masked(turn) || masks[at]?.[option] === true)
  /** The values known so far at their positions in the space; the others are 0. */
  const spread = (choices: readonly number[]) => {
    const known = new Array<number>(space.decisions.length).fill(0)
    for (const [turn, value] of choices.entries()) known[turns[turn] as number] = value
    return known
  }
  const process: DecisionProcess = {
    decisions,
    isActive: (choices, turn) => inUse(stage, turn) && space.isActive(spread(choices), turns[turn] as number),
    allowed: (choices) => {
      const turn = choices.length
      const all = space.allowed(spread(choices).slice(0, turns[turn] as number))
      if (all === null || !masked(turn)) return all
      const left = all.filter((option) => uses(stage, turn, option))
      if (left.length === 0)
        throw refuse(`constraints that leave ${decisions[turn]?.name} one of ${operationsIn(stage).join(', ')}`)
      return left
    },
  }
  const sizeOf = (at: number) =>
    decisions.reduce((product, decision, turn) => {
      const count = decision.kind === 'choice' ? decision.options.filter((_, o) => uses(at, turn, o)).length : 0
      return inUse(at, turn) ? product * BigInt(count) : product
    }, 1n)
  const countable =
    decisions.every((decision) => decision.kind === 'choice') &&
    decisions.reduce((product, d) => product * BigInt(d.kind === 'choice' ? d.options.length : 0), 1n) === space.size

  return {
    process,
    operations,
    order,
    stages,
    cells: places,
    get stage() {
      return stage
    },
    enter(next) {
      stage = next
    },
    operationsIn,
    nodesIn,
    sizeOf: (at) => (countable ? sizeOf(at) : undefined),
    uses,
    uniform(own) {
      const choices: number[] = []
      for (let turn = 0; turn < decisions.length; turn++) {
        const allowed = process.isActive(choices, turn) ? process.allowed(choices) : [0]
        choices.push(drawValue(decisions[turn]!, allowed, own))
      }
      return choices
    },
    toGenotype(choices) {
      const genotype = spread(choices)
      // A node that is not added yet is a node of zeros, so that the output of the cell keeps its channels.
      for (const [turn, index] of turns.entries())
        if (!inUse(stage, turn)) genotype[index] = choosesOperation[index] ? none : 0
      return genotype
    },
    toChoices: (genotype) => turns.map((index, turn) => (inUse(stage, turn) ? genotype[index]! : 0)),
  }
}

function checkedOrder(order: readonly string[], operations: readonly string[]): readonly string[] {
  const refuse = (expected: string) =>
    error('ARCHLOOM_CNAS_CURRICULUM', { received: order, available: operations, expected })
  if (order.length > operations.length) throw refuse(`at most ${operations.length} operations`)
  if (order.length === 0) throw refuse('at least one operation')
  if (new Set(order).size < order.length) throw refuse('each operation once')
  if (!order.every((name) => operations.includes(name))) throw refuse('operations of the space')
  return order
}
