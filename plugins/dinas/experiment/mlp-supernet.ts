import * as tf from '@tensorflow/tfjs-core'
import type { Random, Supernet } from '../../../core/index.ts'
import { dense, network, variableScope } from '../../../core/tensor/index.ts'
import { sharedWeights, variablesOf } from '../../../search-spaces/operations/weight-sharing.ts'

/** One operation a layer, by its number. */
export type Choice = readonly number[]

export interface MlpOptions {
  readonly width: number
  readonly classes: number
  readonly layers: number
  /** Units that each operation of a layer leaves alive: its capacity. */
  readonly live: readonly number[]
}

/** Residual layers h ← h + mask · relu(W h + b), each with several operations to choose from, and one shared head. */
export function mlpSupernet({ width, classes, layers, live }: MlpOptions, rng: Random): Supernet<Choice> {
  const scope = variableScope({ rng })
  const masks = live.map((units) => tf.tensor1d(Float32Array.from({ length: width }, (_, i) => (i < units ? 1 : 0))))
  const options = Array.from({ length: layers }, (_, layer) =>
    live.map((units, op) => {
      const at = scope.child(`layer_${layer}`).child(op)
      const linear = dense(at, { inputs: width, units: width })
      return { linear, mask: units < width ? masks[op] : undefined, ...variablesOf(at) }
    }),
  )
  const head = dense(scope.child('head'), { inputs: width, units: classes })
  let chosen: Choice = []
  const whole = network({
    scope,
    inputShape: [width],
    outputShape: [classes],
    apply: (x, mode) => {
      let h = x
      for (const [layer, ops] of options.entries()) {
        const { linear, mask } = ops[chosen[layer] as number] as (typeof ops)[number]
        const y = tf.relu(linear(h, mode))
        h = tf.add(h, mask ? tf.mul(y, mask) : y)
      }
      return head(h, mode)
    },
  })
  const supernet = sharedWeights<Choice>({
    whole,
    options: options.flat(),
    select: (choice) => {
      chosen = choice
    },
    chosen: (choice) => choice.map((op, layer) => options[layer]?.[op] as (typeof options)[0][0]),
  })
  return {
    ...supernet,
    [Symbol.dispose]: () => {
      tf.dispose(masks)
      supernet[Symbol.dispose]()
    },
  }
}

/** Every choice of `operations` in `layers`, in order. */
export const everyChoice = (layers: number, operations: number): readonly Choice[] =>
  Array.from({ length: operations ** layers }, (_, index) =>
    Array.from({ length: layers }, (_, layer) => Math.floor(index / operations ** layer) % operations),
  )
