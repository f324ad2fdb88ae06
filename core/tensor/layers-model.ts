import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { Network } from '../trainer.ts'
import { error } from './errors.ts'

/** What `fromLayersModel` uses of a model of @tensorflow/tfjs-layers, which is not a dependency of this package. */
export interface LayersModelLike {
  readonly inputs: readonly { readonly shape: readonly (number | null)[] }[]
  readonly outputs: readonly { readonly shape: readonly (number | null)[] }[]
  readonly layers: readonly { getClassName(): string; getConfig(): object }[]
  readonly trainableWeights: readonly object[]
  readonly nonTrainableWeights: readonly object[]
  apply(inputs: never, options?: { training?: boolean }): unknown
  dispose(): unknown
}

const refuse = (received: string, expected: string) => error('ARCHLOOM_LAYERS_MODEL', { received, expected })

/** The shape of a model's only input or output, without the batch. */
function shapeOf(tensors: LayersModelLike['inputs'], which: string): readonly number[] {
  const [only] = tensors
  if (!only || tensors.length !== 1) throw refuse(`a model with ${tensors.length} ${which}s`, `one ${which}`)
  const shape = only.shape.slice(1)
  if (!shape.every((size) => typeof size === 'number'))
    throw refuse(`an ${which} with shape [${only.shape.join(', ')}]`, 'every size but the batch to be known')
  return shape as readonly number[]
}

/** The tfjs variable inside a LayerVariable. */
function variableOf(weight: object): Variable {
  const { val } = weight as { readonly val?: Variable }
  if (!val || typeof val.assign !== 'function')
    throw refuse('a weight without a tfjs variable', 'a model of @tensorflow/tfjs-layers 4')
  return val
}

/**
 * A model of @tensorflow/tfjs-layers (`tf.sequential`, `tf.model`) as a network, for the `build` function of a space. It
 * owns the model: disposing the network disposes it. The model has one input, one output of logits (no softmax at the
 * end), and known shapes. Its weights are initialised by the model itself: give each initialiser a `seed` from the
 * `rng` of the build options, such as `rng.tensorSeed()`, or trials are not reproducible.
 * Error: ARCHLOOM_LAYERS_MODEL.
 */
export function fromLayersModel(model: LayersModelLike): Network {
  if (!Array.isArray(model?.layers) || !Array.isArray(model.inputs) || typeof model.apply !== 'function')
    throw refuse(typeof model, 'a built model of @tensorflow/tfjs-layers whose first layer has an inputShape')
  const inputShape = shapeOf(model.inputs, 'input')
  const outputShape = shapeOf(model.outputs, 'output')
  const last = model.layers.at(-1)
  const activation = (last?.getConfig() as { readonly activation?: unknown } | undefined)?.activation
  if (last?.getClassName() === 'Softmax' || activation === 'softmax')
    throw refuse(
      'a model that ends in a softmax',
      'logits: leave the last activation out, the loss applies the softmax',
    )
  return {
    inputShape,
    outputShape,
    get trainable() {
      return model.trainableWeights.map(variableOf)
    },
    get state() {
      return model.nonTrainableWeights.map(variableOf)
    },
    apply: (inputs, { training }) => model.apply(inputs as never, { training }) as Tensor,
    [Symbol.dispose]: () => {
      model.dispose()
    },
  }
}
