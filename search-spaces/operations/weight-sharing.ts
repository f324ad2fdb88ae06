import type * as tf from '@tensorflow/tfjs-core'
import type { ScopedNetwork, VariableScope } from '../../core/tensor/index.ts'
import type { Network, Supernet } from '../../core/trainer.ts'

/** The variables of one option in a supernet, separate from those that every path uses. */
export interface OptionVariables {
  readonly trainable: readonly tf.Variable[]
  readonly state: readonly tf.Variable[]
}

export const variablesOf = (scope: VariableScope): OptionVariables => ({
  trainable: scope.trainable,
  state: scope.stateful,
})

export interface SharedWeightsParts<A> {
  /** The network that applies the selected path. */
  readonly whole: ScopedNetwork
  /** The variables of every option. All other variables are part of every path. */
  readonly options: readonly OptionVariables[]
  /** Chooses the path of the following `whole.apply`. */
  readonly select: (architecture: A) => void
  /** The option variables on an architecture's path. */
  readonly chosen: (architecture: A) => readonly OptionVariables[]
}

/** Makes a supernet of a network whose path can be selected. */
export function sharedWeights<A>({ whole, options, select, chosen }: SharedWeightsParts<A>): Supernet<A> {
  const optional = new Set(options.flatMap((option) => [...option.trainable, ...option.state]))
  const always = {
    trainable: whole.trainable.filter((variable) => !optional.has(variable)),
    state: whole.state.filter((variable) => !optional.has(variable)),
  }
  const { trainable, state } = whole
  return {
    inputShape: whole.inputShape,
    outputShape: whole.outputShape,
    trainable,
    state,
    path(architecture): Network {
      // An option may be chosen twice; its variables count once.
      const of = (kind: keyof OptionVariables) => [
        ...new Set([...always[kind], ...chosen(architecture).flatMap((option) => option[kind])]),
      ]
      return {
        inputShape: whole.inputShape,
        outputShape: whole.outputShape,
        trainable: of('trainable'),
        state: of('state'),
        apply(inputs, mode) {
          select(architecture)
          return whole.apply(inputs, mode)
        },
        ...(whole.auxiliary && { auxiliary: whole.auxiliary }),
        [Symbol.dispose]() {},
      }
    },
    save: () => whole.scope.save(),
    load: (weights) => whole.scope.load(weights),
    [Symbol.dispose]: () => whole[Symbol.dispose](),
  }
}
