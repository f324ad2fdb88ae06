import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import { type Layer, type Normalisation, variableScope } from '../../core/tensor/index.ts'
import type { ApplyMode, BuildOptions, Supernet } from '../../core/trainer.ts'
import { type OptionVariables, sharedWeights, variablesOf } from '../operations/weight-sharing.ts'
import { buildEdge, cellNetwork } from './network.ts'
import type { CellPlan } from './plan.ts'
import type { CellArchitecture, CellEdge, CellNode, CellOperationName } from './space.ts'

/** Position of the edge from state `from` to state `to` among the edges of a cell: 0 for 0→2, 1 for 1→2, 2 for 0→3 … */
export const edgeIndex = (from: number, to: number): number => ((to - 2) * (to + 1)) / 2 + from

/** Edges of a cell with `nodes` nodes. */
export const edgeCount = (nodes: number): number => edgeIndex(0, nodes + 2)

/** Operation `op` on one edge of one cell. */
interface EdgeOption extends OptionVariables {
  readonly layer: Layer
}

export interface CellSupernetOptions {
  readonly operations: readonly CellOperationName[]
  readonly rng: BuildOptions['rng']
  readonly normalisation?: Normalisation
}

const supernetNames = optionNames<CellSupernetOptions>('cellSupernet', {
  operations: true,
  rng: true,
  normalisation: true,
})

/**
 * A supernet with one instance of every operation on every edge of every cell. Two inputs of a node that choose the
 * same edge and operation use the same weights twice. Normalisations in the cells are not affine and pooling is
 * normalised, as in DARTS.
 */
export function cellSupernet<A extends CellArchitecture>(plan: CellPlan, options: CellSupernetOptions): Supernet<A> {
  const { operations } = supernetNames(options)
  const { nodes } = plan.options
  const style = { affine: false, normalisePooling: true }
  const scope = variableScope({
    rng: options.rng,
    ...(options.normalisation && { normalisation: options.normalisation }),
  })
  const opIndex = new Map(operations.map((op, index) => [op, index]))
  /** Options by cell, edge, operation. */
  const cells: EdgeOption[][][] = []
  type Selection =
    | { readonly kind: 'path'; readonly architecture: CellArchitecture }
    | {
        readonly kind: 'mixture'
        readonly rows: readonly tf.Tensor[]
        readonly skip: (edge: number, op: number) => boolean
      }
  let selected: Selection | undefined

  const whole = cellNetwork({
    scope,
    plan,
    ...style,
    body: (own, place) => {
      const edges: EdgeOption[][] = []
      for (let to = 2; to < nodes + 2; to++)
        for (let from = 0; from < to; from++)
          edges.push(
            operations.map((op) => {
              const at = own.child(`edge_${from}_${to}`).child(op)
              const layer = buildEdge(at, place, from, op, style)
              return { layer, ...variablesOf(at) }
            }),
          )
      cells.push(edges)
      const option = ({ input, op }: CellEdge, to: number) =>
        edges[edgeIndex(input, to)]?.[opIndex.get(op) as number] as EdgeOption
      const along = (architecture: CellArchitecture, states: tf.Tensor[], mode: ApplyMode) => {
        for (const { left, right } of architecture[place.reduction ? 'reduction' : 'normal'] as readonly CellNode[]) {
          const to = states.length
          const value = (edge: CellEdge) => option(edge, to).layer(states[edge.input] as tf.Tensor, mode)
          states.push(tf.add(value(left), value(right)))
        }
      }
      const mixed = ({ rows, skip }: Extract<Selection, { kind: 'mixture' }>, states: tf.Tensor[], mode: ApplyMode) => {
        const first = place.reduction ? edges.length : 0
        for (let to = 2; to < nodes + 2; to++) {
          const terms: tf.Tensor[] = []
          for (let from = 0; from < to; from++) {
            const edge = edgeIndex(from, to)
            const row = rows[first + edge] as tf.Tensor
            operations.forEach((name, op) => {
              // A zero operation contributes nothing, whatever its weight.
              if (name === 'none' || skip(first + edge, op)) return
              const option = edges[edge]?.[op] as EdgeOption
              terms.push(tf.mul(option.layer(states[from] as tf.Tensor, mode), tf.slice(row, [op], [1])))
            })
          }
          states.push(terms.length > 0 ? tf.addN(terms) : emptyNode(states, place.node))
        }
      }
      return (inputs, mode) => {
        const states: tf.Tensor[] = [...inputs]
        if (selected?.kind === 'mixture') mixed(selected, states, mode)
        else if (selected) along(selected.architecture, states, mode)
        return tf.concat(states.slice(2), 3)
      }
    },
  })

  const chosen = (architecture: A) =>
    plan.cells.flatMap((place, index) =>
      (architecture[place.reduction ? 'reduction' : 'normal'] as readonly CellNode[]).flatMap((node, at) =>
        [node.left, node.right].map(
          ({ input, op }) => cells[index]?.[edgeIndex(input, at + 2)]?.[opIndex.get(op) as number] as EdgeOption,
        ),
      ),
    )
  const supernet = sharedWeights<A>({
    whole,
    options: cells.flat(2),
    select: (architecture) => {
      selected = { kind: 'path', architecture }
    },
    chosen,
  })
  const edgeNames = ['normal', 'reduction'].flatMap((cell) =>
    Array.from({ length: nodes }, (_, node) => node + 2).flatMap((to) =>
      Array.from({ length: to }, (_, from) => `${cell} ${from}→${to}`),
    ),
  )
  return {
    ...supernet,
    mixture: {
      edges: edgeNames,
      operations,
      apply(weights, inputs, mode, skip = () => false) {
        selected = { kind: 'mixture', rows: tf.unstack(weights), skip }
        return whole.apply(inputs, mode)
      },
      derive: (weights) => deriveCells(weights, nodes, operations) as unknown as A,
    },
  }
}

/** A node without inputs: zeros of its shape. */
function emptyNode(states: readonly tf.Tensor[], shape: { height: number; width: number; channels: number }) {
  return tf.zeros([states[0]?.shape[0] as number, shape.height, shape.width, shape.channels])
}

/**
 * Derives discrete cells from one distribution per edge, by the rule of Liu et al., DARTS (arXiv:1806.09055), §2.4: a
 * node keeps its two inputs with the largest weight of a non-zero operation, each with that operation.
 */
export function deriveCells(
  weights: readonly (readonly number[])[],
  nodes: number,
  operations: readonly CellOperationName[],
): CellArchitecture {
  const edges = edgeCount(nodes)
  const none = operations.indexOf('none')
  const cell = (first: number): CellNode[] =>
    Array.from({ length: nodes }, (_, node) => {
      const to = node + 2
      const ranked = Array.from({ length: to }, (_, from) => {
        const row = weights[first + edgeIndex(from, to)] as readonly number[]
        const best = row.reduce((a, value, op) => (op !== none && (a < 0 || value > row[a]!) ? op : a), -1)
        return { edge: { input: from, op: operations[best] as CellOperationName }, weight: row[best] as number }
      }).sort((a, b) => b.weight - a.weight || a.edge.input - b.edge.input)
      const [left, right] = ranked as [(typeof ranked)[0], (typeof ranked)[0]]
      return { left: left.edge, right: right.edge }
    })
  return { normal: cell(0), reduction: cell(edges) }
}
