import * as tf from '@tensorflow/tfjs-core'
import {
  conv2d,
  dense,
  globalAvgPool,
  type Layer,
  maxPool,
  network,
  normalisationOf,
  type ScopedNetwork,
  sequential,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import type { BuildOptions, NetworkCost } from '../../core/trainer.ts'
import {
  countClassifier,
  countConvNorm,
  countFree,
  countInSequence,
  imageShape,
  type LayerCounter,
} from '../operations/index.ts'
import type { ConvnetArchitecture } from './space.ts'

/** One convolution with its normalisation and ReLU. */
interface Convolution {
  readonly name: string
  readonly channelsIn: number
  readonly channelsOut: number
  readonly kernel: number
  readonly stride: 1 | 2
}

/** What a network consists of, in order. */
type Part =
  | ({ readonly kind: 'convolution' } & Convolution)
  | { readonly kind: 'residual'; readonly first: Convolution; readonly second: Convolution }
  | { readonly kind: 'halve' }

function partsOf({ width, form, stages, reduction }: ConvnetArchitecture, channels: number): readonly Part[] {
  const parts: Part[] = []
  let channelsIn = channels
  stages.forEach(({ depth, kernel }, stage) => {
    const channelsOut = width * 2 ** stage
    const strided = stage > 0 && reduction === 'stride'
    if (stage > 0 && !strided) parts.push({ kind: 'halve' })
    const at = (block: number | string, from: number, stride: 1 | 2): Convolution => ({
      name: `stage_${stage}_block_${block}`,
      channelsIn: from,
      channelsOut,
      kernel,
      stride,
    })
    parts.push({ kind: 'convolution', ...at(0, channelsIn, strided ? 2 : 1) })
    for (let block = 1; block < depth; block++)
      parts.push(
        form === 'plain'
          ? { kind: 'convolution', ...at(block, channelsOut, 1) }
          : {
              kind: 'residual',
              first: at(`${block}_first`, channelsOut, 1),
              second: at(`${block}_second`, channelsOut, 1),
            },
      )
    channelsIn = channelsOut
  })
  return parts
}

const featuresOf = ({ width, stages }: ConvnetArchitecture) => width * 2 ** (stages.length - 1)

export function convnetCost(
  architecture: ConvnetArchitecture,
  { input, classes }: Pick<BuildOptions, 'input' | 'classes'>,
): NetworkCost {
  const shape = imageShape('convnet', input)
  const counted = ({ kernel, stride, channelsOut }: Convolution) =>
    countConvNorm({ kernel, stride, filters: channelsOut })
  const counters = partsOf(architecture, shape.channels).flatMap((part): LayerCounter[] =>
    part.kind === 'halve'
      ? [countFree({ stride: 2 })]
      : part.kind === 'convolution'
        ? [counted(part)]
        : [counted(part.first), counted(part.second)],
  )
  const { multiplyAdds, parameters } = countInSequence(...counters, countClassifier(classes))(shape)
  return { multiplyAdds, parameters }
}

function convolution(
  scope: VariableScope,
  { name, channelsIn, channelsOut, kernel, stride }: Convolution,
  relu: boolean,
) {
  const own = scope.child(name)
  return sequential(
    conv2d(own.child('conv'), { inputChannels: channelsIn, filters: channelsOut, kernel, stride }),
    own.child('norm').normalise(channelsOut, { relu }),
  )
}

function residual(scope: VariableScope, first: Convolution, second: Convolution): Layer {
  const branch = sequential(convolution(scope, first, true), convolution(scope, second, false))
  return (x, mode) => tf.relu(tf.add(x, branch(x, mode)))
}

export function buildConvnet(architecture: ConvnetArchitecture, { input, classes, rng }: BuildOptions): ScopedNetwork {
  const { height, width, channels } = imageShape('convnet', input)
  const normalisation = normalisationOf(architecture.normalisation).layer
  const scope = variableScope({ rng, normalisation })
  const layers = partsOf(architecture, channels).map((part): Layer => {
    if (part.kind === 'halve') return maxPool({ kernel: 2, stride: 2 })
    if (part.kind === 'convolution') return convolution(scope, part, true)
    return residual(scope, part.first, part.second)
  })
  const pooled: Layer = architecture.head === 'mean' ? globalAvgPool() : (x) => tf.max(x, [1, 2])
  const classifier = dense(scope.child('classifier'), { inputs: featuresOf(architecture), units: classes })
  return network({
    scope,
    inputShape: [height, width, channels],
    outputShape: [classes],
    apply: sequential(...layers, pooled, classifier),
  })
}
