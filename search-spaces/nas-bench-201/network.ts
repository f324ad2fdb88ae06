import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import {
  avgPool,
  conv2d,
  dense,
  dropPath,
  globalAvgPool,
  type Layer,
  type Normalisation,
  network,
  relu,
  type ScopedNetwork,
  sequential,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import type { ApplyMode, BuildOptions, Network } from '../../core/trainer.ts'
import { edgeOperations } from '../operations/edge-operations.ts'
import { convNorm } from '../operations/mb-conv.ts'
import { stack } from '../operations/operation.ts'
import type { NasBench201Plan, NasBench201Stage } from './plan.ts'
import { edgesOf, type NasBench201Architecture, type NasBench201Operation } from './space.ts'

/** The position of a cell. */
export interface NasBench201Place {
  readonly stage: NasBench201Stage
  readonly index: number
}

export interface NasBench201SkeletonParts {
  readonly scope: VariableScope
  readonly plan: NasBench201Plan
  /** Makes the inside of a cell, which keeps its input's shape; its variables go into `scope`. */
  readonly body: (scope: VariableScope, place: NasBench201Place) => Layer
  /** Whether normalisations in the residual blocks learn a scale and an offset. Default: true. */
  readonly affine?: boolean
}

/** The block of stride 2 between stages: two 3×3 convolutions in parallel to average pooling and a 1×1 convolution. */
export function buildResidual(
  scope: VariableScope,
  { input, shape }: Pick<NasBench201Stage, 'input' | 'shape'>,
  affine: boolean,
): Layer {
  const filters = shape.channels
  const long = stack(
    scope.child('convolutions'),
    relu,
    (s) => convNorm(s, { channelsIn: input.channels, channelsOut: filters, kernel: 3, stride: 2, affine, relu: true }),
    (s) => convNorm(s, { channelsIn: filters, channelsOut: filters, kernel: 3, affine, relu: false }),
  )
  const short = sequential(
    avgPool({ kernel: 2, stride: 2 }),
    conv2d(scope.child('shortcut'), { inputChannels: input.channels, filters, kernel: 1 }),
  )
  return (x, mode) => tf.add(short(x, mode), long(x, mode))
}

const partNames = optionNames<NasBench201SkeletonParts>('nasBench201Network', {
  scope: true,
  plan: true,
  body: true,
  affine: true,
})

/**
 * A network of a stem, three stages of cells with residual blocks between them, and a classifier; used for single
 * networks and supernets.
 */
export function nasBench201Network(given: NasBench201SkeletonParts): ScopedNetwork {
  const { scope, plan, body, affine = true } = partNames(given)
  const { input, stages, classes } = plan
  const channels = stages.at(-1)?.shape.channels as number
  let count = 0
  const layers = stages.flatMap((stage, at) => [
    ...(stage.reduces ? [buildResidual(scope.child(`residual_${at}`), stage, affine)] : []),
    ...Array.from({ length: stage.cells }, () => {
      const index = count++
      return body(scope.child(`cell_${index}`), { stage, index })
    }),
  ])
  const stem = convNorm(scope.child('stem'), {
    channelsIn: input.channels,
    channelsOut: stages[0]?.shape.channels as number,
    kernel: 3,
    relu: false,
  })
  const last = scope.child('last').normalise(channels, { relu: true })
  const classifier = sequential(globalAvgPool(), dense(scope.child('classifier'), { inputs: channels, units: classes }))
  const apply = (x: tf.Tensor, mode: ApplyMode) => {
    // In evaluation, the intermediate tensors of each layer are disposed at once.
    const run = (layer: Layer, y: tf.Tensor) => (mode.training ? layer(y, mode) : tf.tidy(() => layer(y, mode)))
    return classifier(
      last(
        layers.reduce((y, layer) => run(layer, y), stem(x, mode)),
        mode,
      ),
      mode,
    )
  }
  return network({ scope, inputShape: [input.height, input.width, input.channels], outputShape: [classes], apply })
}

/** One operation of a cell, with drop-path unless it is the identity. */
export function buildNasBench201Edge(
  scope: VariableScope,
  { stage }: NasBench201Place,
  op: NasBench201Operation,
  affine = true,
): Layer {
  const { channels } = stage.shape
  const options = { channelsIn: channels, channelsOut: channels, affine }
  const layer = edgeOperations[op].build(scope, options)
  return edgeOperations[op].isIdentity(options) ? layer : sequential(layer, dropPath())
}

/** The inside of a cell whose architecture is fixed: a node is the sum of its edges. */
export const fixedNasBench201Body =
  (architecture: NasBench201Architecture, affine = true): NasBench201SkeletonParts['body'] =>
  (scope, place) => {
    const edges = edgesOf(architecture).map(({ from, to, op }) => ({
      from,
      to,
      layer: buildNasBench201Edge(scope.child(`edge_${from}_${to}`), place, op, affine),
    }))
    return (x, mode) => {
      const nodes: tf.Tensor[] = [x]
      for (const node of [1, 2, 3]) {
        const inputs = edges.filter(({ to }) => to === node)
        nodes.push(
          inputs.map(({ from, layer }) => layer(nodes[from] as tf.Tensor, mode)).reduce((sum, y) => tf.add(sum, y)),
        )
      }
      return nodes[3] as tf.Tensor
    }
  }

const buildNasBench201NetworkNames = optionNames<{ readonly normalisation?: Normalisation }>(
  'buildNasBench201Network',
  { normalisation: true },
)

/** The network of one architecture, as the benchmark trained it. */
export const buildNasBench201Network = (
  architecture: NasBench201Architecture,
  plan: NasBench201Plan,
  rng: BuildOptions['rng'],
  options: { readonly normalisation?: Normalisation } = {},
): Network => {
  buildNasBench201NetworkNames(options)
  return nasBench201Network({
    scope: variableScope({ rng, ...options }),
    plan,
    body: fixedNasBench201Body(architecture),
  })
}
