// Your own search space: decisions, conditions and a constraint, and the networks and costs of its architectures.
//     npx archloom run examples/custom-search-space.ts
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import {
  createSearch,
  defineSpace,
  type Infer,
  integer,
  oneOf,
  product,
  registerSearchSpace,
  repeat,
  type StudyOptions,
  when,
  where,
} from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { random } from 'archloom/plugins/random'
import { dense, dropout, type Layer, network, sequential, variableScope } from 'archloom/tensor'

const decisions = product({
  activation: oneOf('relu', 'swish'),
  layers: repeat({ min: 1, max: 3 }, () =>
    product({
      units: integer(16, 64, { step: 16 }),
      // A number if the decision is true, null if it is false.
      dropout: when(oneOf(true, false), () => oneOf(0.1, 0.3)),
    }),
  ),
})
export type Mlp = Infer<typeof decisions>

const activations: Record<Mlp['activation'], Layer> = {
  relu: (x) => tf.relu(x),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
}

const flatten: Layer = (x) => tf.reshape(x, [x.shape[0] ?? 1, -1])

export const space = defineSpace<Mlp>('example-mlp', decisions, {
  // Constraints are propagated while sampling, so no draws are rejected.
  constraints: [
    where(
      ['activation', 'layers.length'],
      'swish only in deep networks',
      (activation, length) => activation === 'relu' || (length as number) > 1,
    ),
  ],
  build: ({ activation, layers }, { input, classes, rng }) => {
    const scope = variableScope({ rng })
    let inputs = input.reduce((size, n) => size * n, 1)
    const hidden = layers.map(({ units, dropout: rate }, i) => {
      const layer = dense(scope.child(`layer_${i}`), { inputs, units })
      inputs = units
      return sequential(layer, activations[activation], dropout({ rate: rate ?? 0 }))
    })
    const classifier = dense(scope.child('classifier'), { inputs, units: classes })
    return network({
      scope,
      inputShape: input,
      outputShape: [classes],
      apply: sequential(flatten, ...hidden, classifier),
    })
  },
  cost: ({ layers }, { input, classes }) => {
    const sizes = [input.reduce((size, n) => size * n, 1), ...layers.map(({ units }) => units), classes]
    const multiplyAdds = sizes.slice(1).reduce((sum, size, i) => sum + size * sizes[i]!, 0)
    return { multiplyAdds, parameters: multiplyAdds + sizes.slice(1).reduce((sum, size) => sum + size, 0) }
  },
})
registerSearchSpace(space)

interface Options {
  readonly trials?: number
  readonly pictures?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 8, pictures = 800, study = {}, log = console.log }: Options = {}) {
  log(`${space.name}: ${space.size} architectures, ${space.decisions.length} decisions`)
  await using search = createSearch({
    space,
    evaluator: trainFromScratch({
      data: generatedImages({ classes: 2, size: 8, train: pictures, validation: 200 }),
      epochs: 4,
      trainer: { optimizer: 'adam', learningRate: 0.003 },
    }),
    plugins: [random()],
    objectives: { accuracy: 'maximise', multiplyAdds: { direction: 'minimise', atMost: 20_000 } },
    budget: { maxTrials: trials },
    seed: 3,
    study,
  })
  await search.finish()
  for (const { architecture, metrics } of search.front()) {
    // Typed: architecture.layers[0].dropout is 0.1 | 0.3 | null.
    const layers = architecture.layers.map(({ units, dropout: rate }) => (rate ? `${units} (dropout ${rate})` : units))
    log(
      `${metrics.accuracy?.toFixed(3)}  ${metrics.multiplyAdds} multiply-adds  ${architecture.activation} ${layers.join(' → ')}`,
    )
  }
  return { study: search.study, front: search.front().length }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
