import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import {
  dense,
  globalAvgPool,
  type Layer,
  type Normalisation,
  network,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import type { BuildOptions, Supernet } from '../../core/trainer.ts'
import { convNorm, imageShape, mbConv, type PlacedOperation } from '../operations/index.ts'
import { type OptionVariables, sharedWeights, variablesOf } from '../operations/weight-sharing.ts'
import { chainOf } from './network.ts'
import type { ChainArchitectureOf, ChainOptions } from './space.ts'

interface Option extends OptionVariables {
  readonly layer: Layer
}

/**
 * Name of an option of the supernet: a block at a position of a stage, with the widths before and after it, which
 * determine the shape of its weights.
 */
const optionOf = ({
  name,
  operation,
  channelsIn,
  channelsOut,
}: Pick<PlacedOperation, 'name' | 'channelsIn' | 'channelsOut'> & {
  operation: { readonly name: string }
}) => `${name}/${operation.name}_${channelsIn}_${channelsOut}`

type Build = BuildOptions & { readonly normalisation?: Normalisation }
const buildNames = optionNames<Build>('chainSupernet', { input: true, classes: true, rng: true, normalisation: true })

/**
 * A supernet with every block that an architecture can have at each position of each stage. Architectures share a
 * block if its kernel, expansion and the widths before and after it are equal, and the last convolution if the last
 * width is. A shallower stage leaves out its last blocks. Normalisations in the blocks are not affine. There is no
 * relaxation, because blocks of different widths cannot be added.
 */
export function chainSupernet<K extends readonly number[], E extends readonly number[]>(
  options: Required<ChainOptions<K, E>>,
  build: Build,
): Supernet<ChainArchitectureOf<K, E>> {
  const { input, classes, rng, normalisation } = buildNames(build)
  const { stages, kernels, expansions, stem: stemFilters, head: headFilters } = options
  const shape = imageShape('chain', input)
  const scope = variableScope({ rng, ...(normalisation && { normalisation }) })
  const known = new Map<string, Option>()
  const add = (key: string, at: VariableScope, build: (at: VariableScope) => Layer) => {
    if (!known.has(key)) known.set(key, { layer: build(at), ...variablesOf(at) })
  }

  const stem = convNorm(scope.child('stem'), {
    channelsIn: shape.channels,
    channelsOut: stemFilters,
    kernel: 3,
    relu: true,
  })
  let before: readonly number[] = [stemFilters]
  stages.forEach(({ widths, depth, stride = 2 }, stage) => {
    for (let index = 0; index < depth.max; index++)
      for (const channelsOut of widths)
        for (const channelsIn of index === 0 ? before : [channelsOut])
          for (const kernel of kernels)
            for (const expansion of expansions) {
              const operation = mbConv({ kernel, expansion })
              const place = { name: `stage_${stage}_block_${index}`, channelsIn, channelsOut }
              const key = optionOf({ ...place, operation })
              const own = scope.child(place.name).child(key.slice(place.name.length + 1))
              add(key, own, (at) =>
                operation.build(at, { channelsIn, channelsOut, stride: index === 0 ? stride : 1, affine: false }),
              )
            }
    before = widths
  })
  const pooled = globalAvgPool()
  /** Name of the part after the blocks, which depends on the last width. */
  const endOf = (width: number) => `end/${width}`
  if (headFilters > 0) {
    const classifier = dense(scope.child('classifier'), { inputs: headFilters, units: classes })
    for (const width of before)
      add(endOf(width), scope.child('head').child(width), (at) => {
        const head = convNorm(at, { channelsIn: width, channelsOut: headFilters, kernel: 1, relu: true })
        return (x, mode) => classifier(pooled(head(x, mode), mode), mode)
      })
  } else
    for (const width of before)
      add(endOf(width), scope.child('classifier').child(width), (at) => {
        const classifier = dense(at, { inputs: width, units: classes })
        return (x, mode) => classifier(pooled(x, mode), mode)
      })

  const chosen = (architecture: ChainArchitectureOf<K, E>): readonly Option[] => {
    const { blocks } = chainOf(architecture, options, input, classes)
    const last = blocks.at(-1) as PlacedOperation
    return [...blocks.map(optionOf), endOf(last.channelsOut)].map((key) => known.get(key) as Option)
  }
  let selected: readonly Option[] = []
  const whole = network({
    scope,
    inputShape: [shape.height, shape.width, shape.channels],
    outputShape: [classes],
    apply: (x, mode) => {
      // In evaluation, the intermediate tensors of each block are disposed at once.
      const run = (layer: Layer, y: tf.Tensor) => (mode.training ? layer(y, mode) : tf.tidy(() => layer(y, mode)))
      return selected.reduce((y, { layer }) => run(layer, y), stem(x, mode))
    },
  })
  return sharedWeights<ChainArchitectureOf<K, E>>({
    whole,
    options: [...known.values()],
    select: (architecture) => {
      selected = chosen(architecture)
    },
    chosen,
  })
}
