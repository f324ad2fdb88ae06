import { optionNames } from '../../core/options/index.ts'
import type { NetworkCost } from '../../core/trainer.ts'
import { error } from '../errors.ts'

/** Shape of one image or feature map. */
export interface ImageShape {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** Cost of a layer for one image, and its output shape. */
export interface LayerCost extends NetworkCost {
  readonly output: ImageShape
}

/**
 * Cost of a layer as a function of its input shape. It counts as the papers do: multiply-adds of convolutions and
 * dense layers only (not of pooling, normalisation, activation or bias), and parameters of normalisations if they are
 * affine.
 */
export type LayerCounter = (input: ImageShape) => LayerCost

/** The shape of an image from `BuildOptions.input`, or ARCHLOOM_SPACE_INPUT_SHAPE. */
export function imageShape(space: string, input: readonly number[]): ImageShape {
  const [height, width, channels] = input
  if (input.length !== 3 || !input.every((size) => Number.isInteger(size) && size > 0))
    throw error('ARCHLOOM_SPACE_INPUT_SHAPE', { space, received: input })
  return { height: height as number, width: width as number, channels: channels as number }
}

const positions = ({ height, width }: ImageShape) => height * width

/** 'same' keeps ⌈size / stride⌉ positions, 'valid' only those where the whole kernel fits. */
const slid = (input: ImageShape, kernel: number, stride: number, padding: 'same' | 'valid', channels: number) => {
  const along = (size: number) =>
    padding === 'same' ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1
  return { height: along(input.height), width: along(input.width), channels }
}

export interface ConvolutionShape {
  readonly filters: number
  readonly kernel: number
  readonly stride?: number
  readonly padding?: 'same' | 'valid'
}

const countConvolutionNames = optionNames<ConvolutionShape>('countConvolution', {
  filters: true,
  kernel: true,
  stride: true,
  padding: true,
})

/** Counts a convolution: k²·C·F weights, each used once per position. */
export const countConvolution = (given: ConvolutionShape): LayerCounter => {
  const { filters, kernel, stride = 1, padding = 'same' } = countConvolutionNames(given)
  return (input) => {
    const output = slid(input, kernel, stride, padding, filters)
    const parameters = kernel * kernel * input.channels * filters
    return { parameters, multiplyAdds: parameters * positions(output), output }
  }
}

const countDepthwiseNames = optionNames<{ kernel: number; stride?: number }>('countDepthwise', {
  kernel: true,
  stride: true,
})

/** Counts a depthwise convolution: k²·C weights, each used once per position. */
export const countDepthwise = (given: { kernel: number; stride?: number }): LayerCounter => {
  const { kernel, stride = 1 } = countDepthwiseNames(given)
  return (input) => {
    const output = slid(input, kernel, stride, 'same', input.channels)
    const parameters = kernel * kernel * input.channels
    return { parameters, multiplyAdds: parameters * positions(output), output }
  }
}

/** Counts a normalisation: scale and offset per channel if it is affine; running statistics are not parameters. */
export const countNorm =
  (affine = true): LayerCounter =>
  (input) => ({ parameters: affine ? 2 * input.channels : 0, multiplyAdds: 0, output: input })

const countFactorisedReductionNames = optionNames<{ filters: number; affine?: boolean }>('countFactorisedReduction', {
  filters: true,
  affine: true,
})

/**
 * Counts a factorised reduction: two 1×1 convolutions of stride 2 with half of the filters each, and a normalisation.
 */
export const countFactorisedReduction = (given: { filters: number; affine?: boolean }): LayerCounter => {
  const { filters, affine = true } = countFactorisedReductionNames(given)
  return (input) => countInSequence(countConvolution({ filters, kernel: 1, stride: 2 }), countNorm(affine))(input)
}

const countFreeNames = optionNames<{ stride?: number }>('countFree', { stride: true })

/** Counts a layer without weights or multiply-adds: pooling, identity, zeros. */
export const countFree = (given: { stride?: number } = {}): LayerCounter => {
  const { stride = 1 } = countFreeNames(given)
  return (input) => ({ parameters: 0, multiplyAdds: 0, output: slid(input, 1, stride, 'same', input.channels) })
}

/**
 * Counts a mean over all positions and a dense layer with bias; the bias counts as parameters, not as multiply-adds.
 */
export const countClassifier =
  (classes: number): LayerCounter =>
  ({ channels }) => ({
    parameters: (channels + 1) * classes,
    multiplyAdds: channels * classes,
    output: { height: 1, width: 1, channels: classes },
  })

/** Counts layers in sequence. */
export const countInSequence =
  (...counters: readonly LayerCounter[]): LayerCounter =>
  (input) =>
    counters.reduce<LayerCost>(
      (sum, count) => {
        const next = count(sum.output)
        return { ...addCosts(sum, next), output: next.output }
      },
      { parameters: 0, multiplyAdds: 0, output: input },
    )

export const addCosts = (...costs: readonly NetworkCost[]): NetworkCost => ({
  multiplyAdds: costs.reduce((sum, cost) => sum + cost.multiplyAdds, 0),
  parameters: costs.reduce((sum, cost) => sum + cost.parameters, 0),
})
