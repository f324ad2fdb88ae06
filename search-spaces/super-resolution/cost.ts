import type { NetworkCost } from '../../core/trainer.ts'
import { imageShape } from '../operations/cost.ts'
import { countNormalOperation, type OperationCost } from './normal-operations.ts'
import type { ResolvedOptions, SuperResolutionArchitecture } from './space.ts'
import { countUpsamplingOperation } from './upsampling-operations.ts'

/** The cost of a network for one small image; transposed convolutions and the mean shift are also given separately. */
export interface SuperResolutionCost extends NetworkCost {
  /** The share of transposed convolutions in `multiplyAdds`; the released counter takes it as zero. */
  readonly transposedMultiplyAdds: number
  /**
   * Cost of subtracting and adding the mean colour, which the released counter counts as 1×1 convolutions. It is not
   * part of `multiplyAdds`.
   */
  readonly meanShiftMultiplyAdds: number
}

/** Cost of one architecture, computed from its description alone. */
export function superResolutionCost(
  { normal, upsampling, position }: SuperResolutionArchitecture,
  options: ResolvedOptions,
  input: readonly number[],
): SuperResolutionCost {
  const { channels: c, nodes, scale, normalised } = options
  const width = c * nodes
  const small = imageShape('super-resolution', input)
  const large = { height: small.height * scale, width: small.width * scale }
  const [lowPositions, highPositions] = [small.height * small.width, large.height * large.width]
  const total = { parameters: 0, multiplyAdds: 0, transposedMultiplyAdds: 0 }
  const add = (cost: OperationCost) => {
    total.parameters += cost.parameters
    total.multiplyAdds += cost.multiplyAdds
    total.transposedMultiplyAdds += cost.transposedMultiplyAdds
  }
  const convolution = (weights: number, positions: number, extra = 0) =>
    add({ parameters: weights + extra, multiplyAdds: weights * positions, transposedMultiplyAdds: 0 })

  convolution(9 * small.channels * width, lowPositions, normalised ? 2 * width : 0)
  for (let index = 0; index < options.cells; index++) {
    const size = index <= position ? small : large
    convolution(2 * width * c, size.height * size.width)
    if (index !== position)
      for (const { left, right } of normal)
        for (const { op } of [left, right]) add(countNormalOperation(op, { channels: c, normalised }, size))
    else
      for (const { left, right } of upsampling)
        for (const { input: state, op } of [left, right])
          add(
            state < 2
              ? countUpsamplingOperation(op, { channels: c, factor: scale }, small)
              : countUpsamplingOperation(op, { channels: c, factor: 1 }, large),
          )
  }
  convolution(9 * width * small.channels, highPositions, small.channels)
  return { ...total, meanShiftMultiplyAdds: small.channels ** 2 * (lowPositions + highPositions) }
}

/**
 * The number in the paper's column "#FLOPs (G)": multiply-adds at a 48×48 small image × 10⁻⁸, transposed convolutions
 * free, the mean shift counted. The unit is a tenth of what its name says (from 48×48 to 480×480 the cost grows a
 * hundredfold, which would give 10⁻⁷). So it must not be compared with figures of other papers at 1280×720, which are
 * `multiplyAdds` at that size.
 */
export const publishedFlops = (cost: SuperResolutionCost): number =>
  (cost.multiplyAdds - cost.transposedMultiplyAdds + cost.meanShiftMultiplyAdds) * 1e-8

/** The released reward's cost: the same count for the search network (8 channels), halved. */
export const publishedSearchCost = (cost: SuperResolutionCost): number =>
  Math.round(publishedFlops(cost) * 0.5 * 1000) / 1000
