import type * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import type { Random } from '../../core/random.ts'
import {
  dense,
  globalAvgPool,
  type Layer,
  type Normalisation,
  network,
  type ScopedNetwork,
  sequential,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import type { ApplyMode, NetworkCost } from '../../core/trainer.ts'
import { countClassifier, countInSequence, type ImageShape, type LayerCounter } from './cost.ts'
import { convNorm, countConvNorm } from './mb-conv.ts'
import type { Operation, OperationOptions } from './operation.ts'

/** One block of a chain at its position. */
export interface ChainPlace extends OperationOptions {
  /** Stable name of its variables' scope. */
  readonly name: string
}

/** A block with its chosen operation. */
export interface PlacedOperation extends ChainPlace {
  readonly operation: Operation
}

/** A network without branches: stem, blocks, last convolution, classifier. */
export interface BlockChain<P extends ChainPlace = PlacedOperation> {
  readonly input: ImageShape
  /** Filters of the 3×3 convolution at the beginning. */
  readonly stem: number
  readonly blocks: readonly P[]
  /** Filters of the 1×1 convolution before the classifier; 0: none. */
  readonly head: number
  readonly classes: number
}

/** Cost of a chain for one image: multiply-adds of convolutions and the classifier, parameters with normalisations. */
export function blockChainCost({ input, stem, blocks, head, classes }: BlockChain): NetworkCost {
  const counters: LayerCounter[] = blocks.map(({ operation, ...options }) => operation.cost(options))
  const { multiplyAdds, parameters } = countInSequence(
    countConvNorm({ kernel: 3, filters: stem }),
    ...counters,
    ...(head > 0 ? [countConvNorm({ kernel: 1, filters: head })] : []),
    countClassifier(classes),
  )(input)
  return { multiplyAdds, parameters }
}

/** The chain's network; `block` makes each block in its own scope (a supernet makes all options of a block in it). */
export function blockChainNetwork<P extends ChainPlace>(
  scope: VariableScope,
  chain: BlockChain<P>,
  block: (scope: VariableScope, place: P) => Layer,
): ScopedNetwork {
  const { input, stem, blocks, head, classes } = chain
  const features = blocks.at(-1)?.channelsOut ?? stem
  const layers = [
    convNorm(scope.child('stem'), { channelsIn: input.channels, channelsOut: stem, kernel: 3, relu: true }),
    ...blocks.map((place) => block(scope.child(place.name), place)),
    ...(head > 0
      ? [convNorm(scope.child('head'), { channelsIn: features, channelsOut: head, kernel: 1, relu: true })]
      : []),
    globalAvgPool(),
    dense(scope.child('classifier'), { inputs: head > 0 ? head : features, units: classes }),
  ]
  const all = sequential(...layers)
  return network({
    scope,
    inputShape: [input.height, input.width, input.channels],
    outputShape: [classes],
    apply: (x: tf.Tensor, mode: ApplyMode) => all(x, mode),
  })
}

const buildBlockChainNames = optionNames<{ readonly normalisation?: Normalisation }>('buildBlockChain', {
  normalisation: true,
})

/** The network of a chain whose operations are chosen. */
export const buildBlockChain = (
  chain: BlockChain,
  rng: Random,
  options: { readonly normalisation?: Normalisation } = {},
): ScopedNetwork => {
  buildBlockChainNames(options)
  return blockChainNetwork(variableScope({ rng, ...options }), chain, (scope, { operation, ...options }) =>
    operation.build(scope, options),
  )
}
