import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import {
  avgPool,
  conv2d,
  dense,
  dropPath,
  factorisedReduction,
  globalAvgPool,
  identity,
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
import { type OperationOptions, stack } from '../operations/operation.ts'
import { auxiliaryKernel, auxiliaryPooling } from './cost.ts'
import { type CellPlace, type CellPlan, featuresOf, stateShape, strideOf } from './plan.ts'
import type { CellArchitecture, CellOperationName } from './space.ts'

/** What a cell computes from its two preprocessed inputs: [b, h, w, C] × 2 → the concatenation of all nodes. */
export type CellBody = (states: readonly [tf.Tensor, tf.Tensor], mode: ApplyMode) => tf.Tensor

export interface CellNormalisation {
  /**
   * Whether normalisations inside the cells learn a scale and an offset; those of the stem always do. Default: true.
   */
  readonly affine?: boolean
  /** Whether to normalise after pooling, as supernets do. Default: false. */
  readonly normalisePooling?: boolean
}

export interface CellSkeletonParts extends CellNormalisation {
  readonly scope: VariableScope
  readonly plan: CellPlan
  /** Makes the inside of a cell; its variables go into `scope`. */
  readonly body: (scope: VariableScope, place: CellPlace) => CellBody
}

/** One operation on the edge from a state of a cell, with drop-path unless it is the identity. */
export function buildEdge(
  scope: VariableScope,
  place: CellPlace,
  input: number,
  op: CellOperationName,
  normalisation: CellNormalisation = {},
): Layer {
  const { channels } = stateShape(place, input)
  const options: OperationOptions = {
    channelsIn: channels,
    channelsOut: channels,
    stride: strideOf(place, input),
    ...normalisation,
  }
  const operation = edgeOperations[op]
  const layer = operation.build(scope, options)
  return operation.isIdentity(options) ? layer : sequential(layer, dropPath())
}

/** Builds the stem, which gives the two inputs of the first cell. */
function buildStem(
  scope: VariableScope,
  { options, input }: CellPlan,
): (x: tf.Tensor, mode: ApplyMode) => [tf.Tensor, tf.Tensor] {
  const { channels, stem, stemMultiplier } = options
  const block = (at: VariableScope, channelsIn: number, channelsOut: number, stride: number, activated = false) =>
    convNorm(at, { channelsIn, channelsOut, kernel: 3, stride, relu: activated })
  if (stem === 'cifar') {
    const only = block(scope, input.channels, stemMultiplier * channels, 1)
    return (x, mode) => {
      const y = only(x, mode)
      return [y, y]
    }
  }
  const first = stack(
    scope.child(0),
    (s) => block(s, input.channels, channels / 2, 2, true),
    (s) => block(s, channels / 2, channels, 2),
  )
  const second = sequential(relu(), block(scope.child(1), channels, channels, 2))
  return (x, mode) => {
    const s0 = first(x, mode)
    return [s0, second(s0, mode)]
  }
}

function buildPreprocessing(scope: VariableScope, place: CellPlace, which: 0 | 1, affine: boolean): Layer {
  const [inputChannels, filters] = [place.inputs[which].channels, place.state.channels]
  if (which === 0 && place.reducesFirst) return factorisedReduction(scope, { inputChannels, filters, affine })
  return stack(scope, relu, (s) =>
    convNorm(s, { channelsIn: inputChannels, channelsOut: filters, kernel: 1, affine, relu: false }),
  )
}

/** Builds a classifier on the features of an inner cell, which is used while training: [b, h, w, C] → [b, classes]. */
function buildAuxiliary(scope: VariableScope, plan: CellPlan): Layer {
  const input = (plan.cells[plan.auxiliaryAfter] as CellPlace).output
  const pooling = auxiliaryPooling(plan.options, input)
  const kernel = pooling ? 2 : auxiliaryKernel(input)
  const wide = { inputChannels: 128, filters: 768, kernel, padding: 'valid' } as const
  return stack(
    scope,
    relu,
    () => (pooling ? avgPool({ ...pooling, padding: 'valid' }) : identity()),
    (s) => convNorm(s, { channelsIn: input.channels, channelsOut: 128, kernel: 1, relu: true }),
    (s) => conv2d(s, wide),
    (s) => (plan.options.stem === 'cifar' ? s.normalise(768, { affine: true, relu: true }) : relu()),
    globalAvgPool,
    (s) => dense(s, { inputs: 768, units: plan.classes }),
  )
}

const partNames = optionNames<CellSkeletonParts>('cellNetwork', {
  scope: true,
  plan: true,
  body: true,
  affine: true,
  normalisePooling: true,
})

/**
 * A network of a stem, a row of cells with their preprocessing, and a classifier; used for single networks and
 * supernets.
 */
export function cellNetwork(given: CellSkeletonParts): ScopedNetwork {
  const { scope, plan, body, affine = true } = partNames(given)
  const { options, input, classes } = plan
  const stem = buildStem(scope.child('stem'), plan)
  const cells = plan.cells.map((place) => {
    const own = scope.child(`cell_${place.index}`)
    return {
      place,
      first: buildPreprocessing(own.child('preprocess_0'), place, 0, affine),
      second: buildPreprocessing(own.child('preprocess_1'), place, 1, affine),
      body: body(own, place),
    }
  })
  const pooled = globalAvgPool()
  const classifier = dense(scope.child('classifier'), { inputs: featuresOf(plan).channels, units: classes })
  const auxiliary = options.auxiliary > 0 ? buildAuxiliary(scope.child('auxiliary'), plan) : undefined
  let auxiliaryLogits: tf.Tensor | undefined

  const apply: Layer = (x, mode) => {
    auxiliaryLogits = undefined
    let [s0, s1] = stem(x, mode)
    for (const { place, first, second, body: inside } of cells) {
      const run = () => inside([first(s0, mode), second(s1, mode)], mode)
      // In evaluation, the intermediate tensors of each cell are disposed at once.
      const output = mode.training ? run() : tf.tidy(run)
      ;[s0, s1] = [s1, output]
      if (auxiliary && mode.training && place.index === plan.auxiliaryAfter) auxiliaryLogits = auxiliary(s1, mode)
    }
    return classifier(pooled(s1, mode), mode)
  }
  return network({
    scope,
    inputShape: [input.height, input.width, input.channels],
    outputShape: [classes],
    apply,
    ...(auxiliary && { auxiliary: { weight: options.auxiliary, logits: () => auxiliaryLogits } }),
  })
}

/** The inside of a cell whose architecture is fixed. */
export const fixedBody =
  (architecture: CellArchitecture, normalisation: CellNormalisation = {}): CellSkeletonParts['body'] =>
  (scope, place) => {
    const nodes = architecture[place.reduction ? 'reduction' : 'normal'].map((node, index) => {
      const own = scope.child(`node_${index + 2}`)
      const edge = (side: 'left' | 'right') => {
        const { input, op } = node[side]
        const layer = buildEdge(own.child(side), place, input, op, normalisation)
        return (states: readonly tf.Tensor[], mode: ApplyMode) => layer(states[input] as tf.Tensor, mode)
      }
      return { left: edge('left'), right: edge('right') }
    })
    return (inputs, mode) => {
      const states = [...inputs]
      for (const { left, right } of nodes) states.push(tf.add(left(states, mode), right(states, mode)))
      return tf.concat(states.slice(2), 3)
    }
  }

const buildCellNetworkNames = optionNames<{ readonly normalisation?: Normalisation }>('buildCellNetwork', {
  normalisation: true,
})

/** The network of one architecture, ready to be trained from scratch. */
export const buildCellNetwork = (
  architecture: CellArchitecture,
  plan: CellPlan,
  rng: BuildOptions['rng'],
  options: { readonly normalisation?: Normalisation } = {},
): Network => {
  buildCellNetworkNames(options)
  return cellNetwork({ scope: variableScope({ rng, ...options }), plan, body: fixedBody(architecture) })
}
