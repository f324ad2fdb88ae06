import * as tf from '@tensorflow/tfjs-core'
import {
  conv2d,
  identity,
  type Layer,
  pixelShuffle,
  sequential,
  transposedConv2d,
  type VariableScope,
} from '../../core/tensor/index.ts'
import type { OperationCost } from './normal-operations.ts'
import type { UpsamplingOperationName } from './space.ts'

export interface UpsamplingOperationOptions {
  readonly channels: number
  /** 1 on edges between nodes, which are already enlarged; otherwise the scale of the network. */
  readonly factor: 1 | 2 | 3 | 4
}

/** Factors of the sub-pixel convolutions: two doublings for 4. */
const steps = (factor: number): readonly number[] => (factor === 4 ? [2, 2] : factor === 1 ? [] : [factor])

/**
 * Kernel of the transposed convolution. With a padding of 1 the output size is exactly factor times that of the input.
 * The kernel for factor 3 is not from the released code.
 */
const deconvolutionKernel = { 1: 3, 2: 3, 3: 5, 4: 5 } as const

const resized =
  (factor: number, resize: typeof tf.image.resizeBilinear): Layer =>
  (x) => {
    const [, height, width] = (x as tf.Tensor4D).shape
    return resize(x as tf.Tensor4D, [height * factor, width * factor], false, true)
  }

/** Builds an operation of the upsampling cell: [b, h, w, C] → [b, h·factor, w·factor, C]. */
export function buildUpsamplingOperation(
  scope: VariableScope,
  op: UpsamplingOperationName,
  { channels, factor }: UpsamplingOperationOptions,
): Layer {
  if (op === 'deconvolution') {
    const kernel = deconvolutionKernel[factor]
    return transposedConv2d(scope, {
      inputChannels: channels,
      filters: channels,
      kernel,
      stride: factor,
      padding: 1,
      bias: true,
    })
  }
  if (factor === 1) return identity()
  if (op === 'sub_pixel')
    return sequential(
      ...steps(factor).flatMap((step, index) => [
        conv2d(scope.child(index), {
          inputChannels: channels,
          filters: channels * step * step,
          kernel: 3,
          bias: true,
        }),
        pixelShuffle({ factor: step }),
      ]),
    )
  return resized(factor, op === 'bilinear' ? tf.image.resizeBilinear : tf.image.resizeNearestNeighbor)
}

/** Cost for an image with height × width positions at the start of the edge. */
export function countUpsamplingOperation(
  op: UpsamplingOperationName,
  { channels, factor }: UpsamplingOperationOptions,
  { height, width }: { readonly height: number; readonly width: number },
): OperationCost {
  if (op === 'deconvolution') {
    const weights = deconvolutionKernel[factor] ** 2 * channels * channels
    const multiplyAdds = weights * height * width
    return { parameters: weights + channels, multiplyAdds, transposedMultiplyAdds: multiplyAdds }
  }
  let [parameters, multiplyAdds, positions] = [0, 0, height * width]
  for (const step of op === 'sub_pixel' ? steps(factor) : []) {
    const weights = 9 * channels * channels * step * step
    parameters += weights + channels * step * step
    multiplyAdds += weights * positions
    positions *= step * step
  }
  return { parameters, multiplyAdds, transposedMultiplyAdds: 0 }
}
