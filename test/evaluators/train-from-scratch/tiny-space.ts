import { defineSpace, integer, oneOf, product } from '../../../core/space/index.ts'
import {
  batchNorm,
  conv2d,
  dense,
  globalAvgPool,
  network,
  relu,
  sequential,
  variableScope,
} from '../../../core/tensor/index.ts'

/** A small convolutional network of one or two layers: quick to train, and real. */
export const tinySpace = () =>
  defineSpace('tiny-conv', product({ width: integer(4, 8, { step: 4 }), kernel: oneOf(1, 3), depth: integer(1, 2) }), {
    build: ({ width, kernel, depth }, { input, classes, rng }) => {
      const scope = variableScope({ rng })
      const layers = Array.from({ length: depth }, (_, i) => {
        const layer = scope.child(`layer_${i}`)
        const inputChannels = i === 0 ? input[2]! : width
        return sequential(
          conv2d(layer.child('conv'), { inputChannels, filters: width, kernel, stride: 2 }),
          batchNorm(layer.child('norm'), { channels: width }),
          relu(),
        )
      })
      return network({
        scope,
        inputShape: input,
        outputShape: [classes],
        apply: sequential(...layers, globalAvgPool(), dense(scope.child('head'), { inputs: width, units: classes })),
      })
    },
    cost: ({ width, kernel, depth }, { input, classes }) => {
      const [height = 1, , channels = 1] = input
      let [multiplyAdds, parameters] = [width * classes, (width + 1) * classes]
      for (let i = 0; i < depth; i++) {
        const weights = kernel * kernel * (i === 0 ? channels : width) * width
        multiplyAdds += weights * Math.ceil(height / 2 ** (i + 1)) ** 2
        parameters += weights + 2 * width
      }
      return { multiplyAdds, parameters }
    },
  })
