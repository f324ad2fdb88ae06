import * as tf from '@tensorflow/tfjs-core'
import { among, optionsFor, required, whole } from '../../core/options/index.ts'
import { conv2d, type Layer, pixelShuffle, relu, sequential } from '../../core/tensor/index.ts'
import type { BuildOptions } from '../../core/trainer.ts'
import { imageShape } from '../operations/cost.ts'
import { stack } from '../operations/operation.ts'
import { countResidualChannelAttention, residualChannelAttention } from './attention.ts'
import type { SuperResolutionCost } from './cost.ts'
import { lastLayer, modestKernels, scopeFor } from './network.ts'
import { type ResolvedOptions, resolveOptions, type SuperResolutionOptions, superResolutionFields } from './space.ts'
import { countUpsamplingOperation } from './upsampling-operations.ts'
import { type ScopedUpscalingNetwork, subtractMean, upscalingNetwork } from './upscaler.ts'

/**
 * A baseline for searched cells: cells that are a row of fixed blocks. 'residual': x + conv(relu(conv(x))) of EDSR;
 * 'rcab': the same with channel attention.
 */
export interface BaselineOptions
  extends Pick<SuperResolutionOptions, 'scale' | 'cells' | 'channels' | 'nodes' | 'shortcut'> {
  readonly block: 'residual' | 'rcab'
  /** Blocks of a cell. Default 2 residual ones or 4 RCABs, as published. */
  readonly blocks?: number
  /** Place of the upsampling cell. Default: the last. */
  readonly position?: number
}

interface Resolved extends ResolvedOptions {
  readonly block: 'residual' | 'rcab'
  readonly blocks: number
  readonly position: number
}

const { scale, cells, channels, nodes, shortcut } = superResolutionFields
const declared = optionsFor<BaselineOptions>()('baseline upscaler', {
  scale,
  cells,
  channels,
  nodes,
  shortcut,
  block: required(
    among(['residual', 'rcab'], { doc: 'The fixed block: that of EDSR, or the same with channel attention.' }),
  ),
  blocks: whole({ min: 1, absent: '2 residual ones or 4 RCABs', doc: 'Blocks of a cell.' }),
  position: whole({ min: 0, absent: 'the last', doc: 'Place of the upsampling cell in the row, from 0.' }),
})

function resolve(options: BaselineOptions): Resolved {
  const { block, blocks, position, ...given } = declared.read(options)
  const read = resolveOptions(given)
  return { ...read, block, blocks: blocks ?? (block === 'rcab' ? 4 : 2), position: position ?? read.cells - 1 }
}

/**
 * Widths of the inputs of a cell. The stem is as wide as in the searched networks; cells have `channels` outputs only.
 */
const widths = (index: number, { channels, nodes }: Resolved): readonly [number, number] => [
  index < 2 ? channels * nodes : channels,
  index < 1 ? channels * nodes : channels,
]

/**
 * A network of fixed cells on the skeleton of the space. Both inputs of a cell pass through ReLU and a 1×1 convolution
 * and are added; the blocks follow, and the output of a cell is that of its last block. The upsampling cell adds a
 * sub-pixel convolution of each input. The paper does not describe these connections; they were chosen so that the
 * cost with the published options equals that of the paper (47.5 and 84.9 in its unit). Error: ARCHLOOM_OPTION.
 */
export function buildBaselineNetwork(
  given: BaselineOptions,
  { input, rng }: Pick<BuildOptions, 'input' | 'rng'>,
): ScopedUpscalingNetwork {
  const options = resolve(given)
  const { channels, scale, position } = options
  const { channels: colours } = imageShape('super-resolution', input)
  const scope = scopeFor(options, { rng })
  const modest = modestKernels(scope)
  const convolution = (at: typeof scope, filters = channels, bias = true) =>
    conv2d(at, { inputChannels: channels, filters, kernel: 3, bias })
  const block = (at: typeof scope): Layer => {
    if (options.block === 'rcab')
      return residualChannelAttention(at, { channels, bottleneck: Math.floor(channels / 3) })
    const body = sequential(convolution(at.child('first')), relu(), convolution(at.child('second')))
    return (x, mode) => tf.add(x, body(x, mode))
  }
  const enlarge = (at: typeof scope): Layer =>
    sequential(
      ...(scale === 4 ? [2, 2] : [scale]).flatMap((factor, step) => [
        convolution(at.child(step), channels * factor * factor),
        pixelShuffle({ factor }),
      ]),
    )

  const stem = conv2d(modest.child('stem'), { inputChannels: colours, filters: channels * options.nodes, kernel: 3 })
  const cells = Array.from({ length: options.cells }, (_, index) => {
    const own = modest.child(`cell_${index}`)
    const entrances = widths(index, options).map((inputChannels, side) =>
      stack(own.child(`preprocess_${side}`), relu, (s) => conv2d(s, { inputChannels, filters: channels, kernel: 1 })),
    )
    const branches = entrances.map((entrance, side) =>
      index === position ? sequential(entrance, enlarge(own.child(`enlarge_${side}`))) : entrance,
    ) as [Layer, Layer]
    const blocks = index === position ? [] : Array.from({ length: options.blocks }, (_, k) => block(own.child(k)))
    const body = sequential(...blocks)
    return (s0: tf.Tensor, s1: tf.Tensor, mode: Parameters<Layer>[1]) =>
      body(tf.add(branches[0](s0, mode), branches[1](s1, mode)), mode)
  })
  const finish = lastLayer(scope.child('last'), { width: channels, colours, options })
  const upscale: Layer = (lr, mode) => {
    let s1 = stem(subtractMean(lr), mode)
    let s0 = s1
    for (const [index, cell] of cells.entries()) {
      const run = () => cell(s0, s1, mode)
      const output = mode.training ? run() : tf.tidy(run)
      ;[s0, s1] = index === position ? [output, output] : [s1, output]
    }
    return finish(s1, lr, mode)
  }
  return upscalingNetwork({ scope, scale, input, outputs: (lr, mode) => [upscale(lr, mode)] })
}

/** Cost of `buildBaselineNetwork`, by the same conventions as that of the space. */
export function baselineCost(given: BaselineOptions, input: readonly number[]): SuperResolutionCost {
  const options = resolve(given)
  const { channels: c, nodes, scale, position, cells } = options
  const small = imageShape('super-resolution', input)
  const low = small.height * small.width
  const high = low * scale * scale
  const total = { parameters: 0, multiplyAdds: 0 }
  const add = (parameters: number, multiplyAdds: number) => {
    total.parameters += parameters
    total.multiplyAdds += multiplyAdds
  }
  const kernel = (weights: number, positions: number, bias = 0) => add(weights + bias, weights * positions)
  kernel(9 * small.channels * c * nodes, low)
  for (let index = 0; index < cells; index++) {
    const size = index <= position ? small : { height: small.height * scale, width: small.width * scale }
    const positions = size.height * size.width
    for (const width of widths(index, options)) kernel(width * c, positions)
    if (index === position)
      for (const _ of [0, 1]) {
        const counted = countUpsamplingOperation('sub_pixel', { channels: c, factor: scale }, small)
        add(counted.parameters, counted.multiplyAdds)
      }
    else
      for (let k = 0; k < options.blocks; k++) {
        const attention = countResidualChannelAttention({ channels: c, bottleneck: Math.floor(c / 3) })
        const counted = attention({ ...size, channels: c })
        if (options.block === 'rcab') add(counted.parameters, counted.multiplyAdds)
        else add(2 * (9 * c * c + c), 18 * c * c * positions)
      }
  }
  kernel(9 * c * small.channels, high, small.channels)
  return {
    ...total,
    transposedMultiplyAdds: 0,
    meanShiftMultiplyAdds: small.channels ** 2 * (low + high),
  }
}

/** The number of channels whose multiply-adds are closest to a budget, for comparisons at equal cost. */
export function baselineChannels(given: BaselineOptions, multiplyAdds: number, input: readonly number[]): number {
  const distance = (channels: number) =>
    Math.abs(baselineCost({ ...given, channels }, input).multiplyAdds / multiplyAdds - 1)
  let channels = 3
  while (distance(channels + 1) < distance(channels)) channels++
  return channels
}
