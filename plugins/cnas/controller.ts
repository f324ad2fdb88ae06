import type { Random } from '../../core/index.ts'
import { among, either, number, type OptionsOf, options, whole } from '../../core/options/index.ts'
import { type DecisionLayout, layoutOf, lstmPolicy, type Parameter, type Policy } from '../../core/policy/index.ts'
import type { GrowingSpace } from './growing-space.ts'

export const controllerFields = {
  hidden: whole({ min: 1, default: 128, doc: 'H, size of embeddings, LSTM state and attention.' }),
  temperature: number({ above: 0, default: 1, doc: 'T: logits are divided by it.' }),
  tanhConstant: either([among([null]), number({ above: 0 })], {
    default: null,
    doc: 'c in c · tanh(logits / T); null: they are not squashed. ENAS: 1.1.',
  }),
  operationTanhReduction: number({
    above: 0,
    default: 1,
    doc: 'c is divided by it where an operation is chosen. ENAS: 2.5.',
  }),
}
const declared = options('cnasController', controllerFields)
export type ControllerOptions = OptionsOf<typeof declared>

/**
 * The layout of the controller. In a space of cells it is that of the paper's authors: one LSTM and one embedding
 * table per kind of cell (rows: states of the cell, then operations), node attention over the states, and a linear
 * head with one output per operation. (The head of the released program has as many outputs as a cell has nodes, so
 * four of its eight operations can never be chosen.) In other spaces: one LSTM, and a linear head per decision.
 */
export function controllerLayout(growing: GrowingSpace, given: ControllerOptions = {}): readonly DecisionLayout[] {
  const { tanhConstant: c, operationTanhReduction } = declared.read(given)
  const { cells, process } = growing
  if (!cells)
    return layoutOf(process.decisions, { share: false }).map((entry) =>
      c === null ? entry : { ...entry, tanhConstant: c },
    )
  const states = 2 + Math.max(...cells.map(({ node }) => node))
  return cells.map(({ cell, node, kind }): DecisionLayout => {
    if (kind === 'input')
      return {
        unit: cell,
        head: 'state',
        kind: 'attention',
        tokens: Array.from({ length: node + 2 }, (_, state) => state),
        ...(c !== null && { tanhConstant: c }),
      }
    return {
      unit: cell,
      head: 'operation',
      kind: 'linear',
      tokens: growing.operations.map((_, o) => states + o),
      ...(c !== null && { tanhConstant: c / operationTanhReduction }),
    }
  })
}

/** π(α; θ, Ω). All initial values, including biases, are uniform in ±0.1; the first input of an LSTM is zero. */
export function cnasController(growing: GrowingSpace, rng: Random, given: ControllerOptions = {}): Policy {
  const { hidden, temperature } = declared.read(given)
  return lstmPolicy(growing.process, rng, {
    hidden,
    initialLimit: 0.1,
    temperature,
    layout: controllerLayout(growing, given),
  })
}

/**
 * Finds the rows of θ (embeddings, rows of linear heads and their biases) whose options exist in the present stage.
 * The only gradient of other rows would be weight decay, which Adam turns into full steps towards zero, so that a new
 * operation would always start with a logit of 0. Those rows do not change until their stage.
 */
export function activeRows(
  growing: GrowingSpace,
  layout: readonly DecisionLayout[],
): ReadonlyMap<string, ReadonlySet<number>> {
  const rows = new Map<string, Set<number>>()
  const heads = new Map<string, Map<string, number>>()
  const mark = (name: string, row?: number) => {
    const set = rows.get(name) ?? new Set()
    rows.set(name, set)
    if (row !== undefined) set.add(row)
  }
  for (const [turn, { unit, head, kind, tokens }] of layout.entries()) {
    const own = heads.get(unit) ?? new Map<string, number>()
    heads.set(unit, own)
    if (!own.has(head)) own.set(head, own.size)
    const path = `${unit}/head ${own.get(head)}`
    mark(`${unit}/embedding`)
    for (const [option, token] of tokens.entries()) {
      const used = growing.uses(growing.stage, turn, option)
      if (used) mark(`${unit}/embedding`, token)
      if (kind === 'linear') for (const part of ['weights', 'bias']) mark(`${path}/${part}`, used ? option : undefined)
    }
  }
  return rows
}

/** Adds λ·θ to the gradients, except in rows that are not active. */
export function addDecay(
  parameters: readonly Parameter[],
  weightDecay: number,
  active: ReadonlyMap<string, ReadonlySet<number>>,
): void {
  for (const { name, shape, value, gradient } of parameters) {
    const rows = active.get(name)
    const columns = shape.length > 1 ? shape[1]! : 1
    for (let i = 0; i < value.length; i++)
      if (!rows || rows.has(Math.floor(i / columns))) gradient[i] = gradient[i]! + weightDecay * value[i]!
  }
}
