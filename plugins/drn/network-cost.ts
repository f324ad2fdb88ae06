import type { NetworkCost } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { countResidualChannelAttention } from '../../search-spaces/super-resolution/index.ts'
import { type DrnOptions, planDrn, REDUCTION } from './network-plan.ts'

const drnCostNames = optionNames<DrnOptions>('drnCost', { scale: true, features: true, blocks: true, shortcut: true })

/** Cost of the primal network for one small image [height, width]; mean shift and interpolation are not counted. */
export function drnCost(options: DrnOptions, size: readonly [number, number]): NetworkCost {
  drnCostNames(options)
  const [height, width] = size
  const { features: f, blocks, levels, stages } = planDrn(options)
  let [parameters, multiplyAdds] = [0, 0]
  const convolution = (kernel: number, from: number, to: number, positions: number, bias = true) => {
    const weights = kernel * kernel * from * to
    parameters += weights + (bias ? to : 0)
    multiplyAdds += weights * positions
  }
  /** Positions of level k; 0 is the small image. */
  const at = (level: number) => height * width * 4 ** level

  convolution(3, 3, f, at(levels))
  for (let p = 0; p < levels; p++) {
    convolution(3, f * 2 ** p, f * 2 ** p, at(levels - p - 1), false)
    convolution(3, f * 2 ** p, f * 2 ** (p + 1), at(levels - p - 1), false)
  }
  convolution(3, f * 2 ** levels, 3, at(0))
  stages.forEach(({ channels, kept }, i) => {
    const block = countResidualChannelAttention({ channels, bottleneck: Math.floor(channels / REDUCTION) })
    const one = block({ height: height * 2 ** i, width: width * 2 ** i, channels })
    parameters += blocks * one.parameters
    multiplyAdds += blocks * one.multiplyAdds
    convolution(3, channels, 4 * channels, at(i))
    convolution(1, channels, kept, at(i + 1))
    convolution(3, 2 * kept, 3, at(i + 1))
  })
  return { parameters, multiplyAdds }
}
