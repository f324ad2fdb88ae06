import { seeded, virtualClock } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { tableOf, tabular } from 'archloom/evaluators/tabular'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { banditSpace, evaluatorContract } from 'archloom/testing'
import { tinySpace } from './train-from-scratch/tiny-space.ts'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 48, test: 48 })

evaluatorContract('train-from-scratch', async () => {
  const space = tinySpace()
  const definition = trainFromScratch({ data, epochs: 2, batchSize: 16, engine: 'wasm' })
  return { space, evaluator: await definition.create({ space, rng: seeded(1), clock: virtualClock() }) }
})

evaluatorContract('tabular', async () => {
  const space = banditSpace(2, 3)
  const key = ({ arm }: { readonly arm: readonly number[] }) => arm.join('')
  const rows = Object.fromEntries([...space.enumerate()].map((g, i) => [key(space.decode(g)), { accuracy: i / 9 }]))
  const definition = tabular(tableOf({ name: 'arms', rows, key, seconds: () => 60 }))
  return { space, evaluator: await definition.create({ space, rng: seeded(1), clock: virtualClock() }) }
})
