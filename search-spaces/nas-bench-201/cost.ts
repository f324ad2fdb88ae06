import { optionNames } from '../../core/options/index.ts'
import type { NetworkCost } from '../../core/trainer.ts'
import {
  addCosts,
  countClassifier,
  countConvolution,
  countFree,
  countInSequence,
  countNorm,
  type ImageShape,
} from '../operations/cost.ts'
import { edgeOperations } from '../operations/edge-operations.ts'
import type { NasBench201Plan } from './plan.ts'
import { edgesOf, type NasBench201Architecture } from './space.ts'

const convNorm = (filters: number, stride = 1, affine = true) =>
  countInSequence(countConvolution({ filters, kernel: 3, stride }), countNorm(affine))

/**
 * Cost of a residual block of stride 2: two 3×3 convolutions in parallel to average pooling and a 1×1 convolution
 * without normalisation.
 */
export const countResidual = (input: ImageShape, filters: number, affine: boolean): NetworkCost =>
  addCosts(
    countInSequence(convNorm(filters, 2, affine), convNorm(filters, 1, affine))(input),
    countInSequence(countFree({ stride: 2 }), countConvolution({ filters, kernel: 1 }))(input),
  )

const nasBench201CostNames = optionNames<{ affine?: boolean }>('nasBench201Cost', { affine: true })

/**
 * The cost as counted in the benchmark's files: every chosen operation, even if its output is not used; multiply-adds
 * of convolutions and of the classifier, whose bias counts as one multiply-add per class.
 */
export function nasBench201Cost(
  architecture: NasBench201Architecture,
  { input, stages, classes }: NasBench201Plan,
  given: { affine?: boolean } = {},
): NetworkCost {
  const { affine = true } = nasBench201CostNames(given)
  const parts = stages.flatMap((stage): NetworkCost[] => {
    const { channels } = stage.shape
    const options = { channelsIn: channels, channelsOut: channels, affine }
    const cell = addCosts(...edgesOf(architecture).map(({ op }) => edgeOperations[op].cost(options)(stage.shape)))
    const cells = { multiplyAdds: stage.cells * cell.multiplyAdds, parameters: stage.cells * cell.parameters }
    return stage.reduces ? [countResidual(stage.input, channels, affine), cells] : [cells]
  })
  const [first, last] = [stages[0]?.shape, stages.at(-1)?.shape] as [ImageShape, ImageShape]
  const body = addCosts(
    convNorm(first.channels)(input),
    ...parts,
    countInSequence(countNorm(), countClassifier(classes))(last),
  )
  return { ...body, multiplyAdds: body.multiplyAdds + classes }
}
