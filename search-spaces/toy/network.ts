import {
  dense,
  globalAvgPool,
  type Normalisation,
  network,
  type ScopedNetwork,
  sequential,
  variableScope,
} from '../../core/tensor/index.ts'
import type { BuildOptions, NetworkCost } from '../../core/trainer.ts'
import { convNorm, countClassifier, countConvNorm, countInSequence, imageShape } from '../operations/index.ts'
import type { ToyArchitecture } from './space.ts'

const each = <T>({ layers }: ToyArchitecture, make: (index: number) => T): T[] =>
  Array.from({ length: layers }, (_, index) => make(index))

/** Cost for one image: multiply-adds of convolutions and the dense layer, and parameters including normalisations. */
export function toyCost(architecture: ToyArchitecture, input: readonly number[], classes: number): NetworkCost {
  const { filters, kernel } = architecture
  const { multiplyAdds, parameters } = countInSequence(
    ...each(architecture, () => countConvNorm({ kernel, filters, stride: 2 })),
    countClassifier(classes),
  )(imageShape('toy', input))
  return { multiplyAdds, parameters }
}

/** Strided convolutions with normalisation and ReLU, mean over positions, dense layer. */
export function buildToyNetwork(
  architecture: ToyArchitecture,
  { input, classes, rng, normalisation }: BuildOptions & { normalisation?: Normalisation },
): ScopedNetwork {
  const { filters, kernel } = architecture
  const { channels } = imageShape('toy', input)
  const scope = variableScope({ rng, ...(normalisation && { normalisation }) })
  const apply = sequential(
    ...each(architecture, (index) =>
      convNorm(scope.child(`layer_${index}`), {
        channelsIn: index === 0 ? channels : filters,
        channelsOut: filters,
        kernel,
        stride: 2,
        relu: true,
      }),
    ),
    globalAvgPool(),
    dense(scope.child('classifier'), { inputs: filters, units: classes }),
  )
  return network({ scope, inputShape: input, outputShape: [classes], apply })
}
