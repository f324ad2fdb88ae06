import { optionNames } from '../../core/options/index.ts'
import type { NetworkCost } from '../../core/trainer.ts'
import {
  addCosts,
  countClassifier,
  countConvolution,
  countFactorisedReduction,
  countInSequence,
  countNorm,
  type ImageShape,
} from '../operations/cost.ts'
import { edgeOperations } from '../operations/edge-operations.ts'
import { type CellPlace, type CellPlan, countHead, countStem, stateShape, strideOf } from './plan.ts'
import type { CellArchitecture, CellNode, CellOperationName } from './space.ts'

/** The cost of a network, with the share of the classifier, which some papers do not count in multiply-adds. */
export interface CellCost extends NetworkCost {
  readonly convolutionMultiplyAdds: number
  readonly classifierMultiplyAdds: number
}

export interface CellCostOptions {
  /** Learned scale and offset inside the cells. Default true; the stem always has them. */
  readonly affine?: boolean
}

/**
 * Counts the preprocessing of an input: ReLU-conv1×1-norm, or a factorised reduction if the cell before the last is
 * larger.
 */
export function countPreprocessing(place: CellPlace, which: 0 | 1, affine = true): NetworkCost {
  const filters = place.state.channels
  const count =
    which === 0 && place.reducesFirst
      ? countFactorisedReduction({ filters, affine })
      : countInSequence(countConvolution({ filters, kernel: 1 }), countNorm(affine))
  return count(place.inputs[which])
}

/** Counts one operation on an edge from a state of a cell. */
export function countEdge(place: CellPlace, input: number, op: CellOperationName, affine = true): NetworkCost {
  const shape = stateShape(place, input)
  const { channels } = shape
  return edgeOperations[op].cost({
    channelsIn: channels,
    channelsOut: channels,
    stride: strideOf(place, input),
    affine,
  })(shape)
}

const countCell = (place: CellPlace, nodes: readonly CellNode[], affine: boolean): NetworkCost =>
  addCosts(
    countPreprocessing(place, 0, affine),
    countPreprocessing(place, 1, affine),
    ...nodes.flatMap(({ left, right }) => [left, right].map(({ input, op }) => countEdge(place, input, op, affine))),
  )

const cellCostNames = optionNames<CellCostOptions>('cellCost', { affine: true })

/**
 * Cost for one image of the network without its auxiliary classifier: multiply-adds of convolutions and of the dense
 * layer (papers on this space quote `convolutionMultiplyAdds`), parameters with those of affine normalisation.
 */
export function cellCost(architecture: CellArchitecture, plan: CellPlan, given: CellCostOptions = {}): CellCost {
  const { affine = true } = cellCostNames(given)
  const head = countHead(plan)
  const body = addCosts(
    ...countStem(plan.options, plan.input),
    ...plan.cells.map((place) => countCell(place, architecture[place.reduction ? 'reduction' : 'normal'], affine)),
  )
  return {
    ...addCosts(body, head),
    convolutionMultiplyAdds: body.multiplyAdds,
    classifierMultiplyAdds: head.multiplyAdds,
  }
}

/** Pooling of the auxiliary classifier: windows of 5 as published, if the image is large enough, else none. */
export const auxiliaryPooling = ({ stem }: Pick<CellPlan['options'], 'stem'>, { height, width }: ImageShape) => {
  const stride = stem === 'cifar' ? 3 : 2
  // After pooling a 2×2 convolution must still fit.
  return Math.min(height, width) >= 5 + stride ? { kernel: 5, stride } : undefined
}

/** Kernel of the auxiliary classifier's second convolution: 2, or 1 if only a single position is left. */
export const auxiliaryKernel = ({ height, width }: ImageShape) => (Math.min(height, width) >= 2 ? 2 : 1)

/** Cost of the auxiliary classifier, which exists only while training and is not part of published sizes. */
export function auxiliaryCost(plan: CellPlan): NetworkCost {
  const input = (plan.cells[plan.auxiliaryAfter] as CellPlace).output
  const pooling = auxiliaryPooling(plan.options, input)
  const pooled = pooling
    ? {
        height: Math.floor((input.height - pooling.kernel) / pooling.stride) + 1,
        width: Math.floor((input.width - pooling.kernel) / pooling.stride) + 1,
        channels: input.channels,
      }
    : input
  return countInSequence(
    countConvolution({ filters: 128, kernel: 1 }),
    countNorm(),
    countConvolution({ filters: 768, kernel: auxiliaryKernel(pooled), padding: 'valid' }),
    // The published imagenet results were trained without this normalisation.
    countNorm(plan.options.stem === 'cifar'),
    countClassifier(plan.classes),
  )(pooled)
}
