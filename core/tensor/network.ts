import type { Tensor } from '@tensorflow/tfjs-core'
import { optionNames } from '../options/index.ts'
import type { ApplyMode, Network } from '../trainer.ts'
import { error } from './errors.ts'
import type { Layer, VariableScope } from './scope.ts'

export interface NetworkOptions {
  /** The variables of the network, which then owns the scope. */
  readonly scope: VariableScope
  /** Shape of one input, without the batch. */
  readonly inputShape: readonly number[]
  readonly outputShape: readonly number[]
  readonly apply: Layer
  readonly auxiliary?: NonNullable<Network['auxiliary']>
}

/** A network whose variables can be saved and loaded through its scope. */
export interface ScopedNetwork extends Network {
  readonly scope: VariableScope
}

const agrees = (x: Tensor, shape: readonly number[]) =>
  x.shape.length === shape.length + 1 && shape.every((size, i) => size === x.shape[i + 1])

const networkNames = optionNames<NetworkOptions>('network', {
  scope: true,
  inputShape: true,
  outputShape: true,
  apply: true,
  auxiliary: true,
})

/** Makes a network from a scope and an apply function; inputs and outputs are checked against the declared shapes. */
export function network(options: NetworkOptions): ScopedNetwork {
  networkNames(options)
  const { scope, inputShape, outputShape, auxiliary } = options
  return {
    scope,
    inputShape,
    outputShape,
    get trainable() {
      return scope.trainable
    },
    get state() {
      return scope.stateful
    },
    apply: (inputs: Tensor, mode: ApplyMode) => {
      if (!agrees(inputs, inputShape))
        throw error('ARCHLOOM_NETWORK_INPUT_SHAPE', { received: inputs.shape, expected: inputShape })
      const outputs = options.apply(inputs, mode)
      if (!agrees(outputs, outputShape) || outputs.shape[0] !== inputs.shape[0])
        throw error('ARCHLOOM_NETWORK_OUTPUT_SHAPE', {
          received: outputs.shape,
          expected: [inputs.shape[0] ?? 0, ...outputShape],
        })
      return outputs
    },
    ...(auxiliary ? { auxiliary } : {}),
    [Symbol.dispose]: () => scope.dispose(),
  }
}
