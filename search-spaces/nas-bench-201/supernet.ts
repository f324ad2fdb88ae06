import * as tf from '@tensorflow/tfjs-core'
import { type Layer, type Normalisation, variableScope } from '../../core/tensor/index.ts'
import type { BuildOptions, Supernet } from '../../core/trainer.ts'
import { type OptionVariables, sharedWeights, variablesOf } from '../operations/weight-sharing.ts'
import { buildNasBench201Edge, nasBench201Network } from './network.ts'
import type { NasBench201Plan } from './plan.ts'
import { edgesOf, type NasBench201Architecture, type NasBench201Operation, nasBench201Operations } from './space.ts'

const edges = [
  { from: 0, to: 1 },
  { from: 0, to: 2 },
  { from: 1, to: 2 },
  { from: 0, to: 3 },
  { from: 1, to: 3 },
  { from: 2, to: 3 },
] as const

interface EdgeOption extends OptionVariables {
  readonly layer: Layer
}

/**
 * A supernet with all five operations on all six edges of every cell. Normalisations are not affine, as in the
 * benchmark's own searches.
 */
export function nasBench201Supernet(
  plan: NasBench201Plan,
  { rng, normalisation }: { rng: BuildOptions['rng']; normalisation?: Normalisation },
): Supernet<NasBench201Architecture> {
  const scope = variableScope({ rng, ...(normalisation && { normalisation }) })
  const cells: EdgeOption[][][] = []
  type Chosen = (edge: number) => readonly { readonly op: number; readonly weight?: tf.Tensor }[]
  let chosen: Chosen = () => []

  const whole = nasBench201Network({
    scope,
    plan,
    affine: false,
    body: (own, place) => {
      const options = edges.map(({ from, to }) =>
        nasBench201Operations.map((op) => {
          const at = own.child(`edge_${from}_${to}`).child(op)
          return { layer: buildNasBench201Edge(at, place, op, false), ...variablesOf(at) }
        }),
      )
      cells.push(options)
      return (x, mode) => {
        const nodes: tf.Tensor[] = [x]
        for (const node of [1, 2, 3]) {
          const terms = edges.flatMap(({ from, to }, edge) =>
            to !== node
              ? []
              : chosen(edge)
                  .filter(({ op }) => nasBench201Operations[op] !== 'none')
                  .map(({ op, weight }) => {
                    const option = options[edge]?.[op] as EdgeOption
                    const y = option.layer(nodes[from] as tf.Tensor, mode)
                    return weight ? tf.mul(y, weight) : y
                  }),
          )
          nodes.push(terms.length === 0 ? tf.zerosLike(x) : terms.reduce((sum, y) => tf.add(sum, y)))
        }
        return nodes[3] as tf.Tensor
      }
    },
  })
  const index = (op: NasBench201Operation) => nasBench201Operations.indexOf(op)
  const supernet = sharedWeights<NasBench201Architecture>({
    whole,
    options: cells.flat(2),
    select: (architecture) => {
      const ops = edgesOf(architecture).map(({ op }) => [{ op: index(op) }])
      chosen = (edge) => ops[edge] as { op: number }[]
    },
    chosen: (architecture) =>
      cells.flatMap((cell) => edgesOf(architecture).map(({ op }, edge) => cell[edge]?.[index(op)] as EdgeOption)),
  })
  return {
    ...supernet,
    mixture: {
      edges: edges.map(({ from, to }) => `${from}→${to}`),
      operations: nasBench201Operations,
      apply(weights, inputs, mode, skip = () => false) {
        const rows = tf.unstack(weights)
        chosen = (edge) =>
          nasBench201Operations.flatMap((_, op) =>
            skip(edge, op) ? [] : [{ op, weight: tf.slice(rows[edge] as tf.Tensor, [op], [1]) }],
          )
        return whole.apply(inputs, mode)
      },
      /**
       * Takes the operation with the largest weight on every edge, including 'none', as in the benchmark's searches.
       */
      derive(weights) {
        const best = (edge: number) => {
          const row = weights[edge] as readonly number[]
          return nasBench201Operations[row.indexOf(Math.max(...row))] as NasBench201Operation
        }
        return {
          node1: { from0: best(0) },
          node2: { from0: best(1), from1: best(2) },
          node3: { from0: best(3), from1: best(4), from2: best(5) },
        }
      },
    },
  }
}
