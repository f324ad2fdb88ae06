// The generator of LCCGAN found by regularised evolution, with ASHA deciding how long each candidate is trained.
//     npx archloom run examples/compositions/generator-by-evolution.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions, seeded } from 'archloom'
import { generatedImages, type ImageDataset, symmetricRange, withoutClasses } from 'archloom/evaluators/data'
import { examplesOf, frechetDistance, trainFeatureNetwork } from 'archloom/evaluators/metrics/generative'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { asha } from 'archloom/plugins/asha'
import { evolution } from 'archloom/plugins/evolution'
import { type Gan, generated, generatorSpace, lccgan } from 'archloom/plugins/lccgan'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly data?: ImageDataset
  readonly trials?: number
  readonly epochs?: number
  readonly samples?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 9, epochs = 4, samples = 200, study = {}, ...rest }: Options = {}) {
  const { log = console.log } = rest
  await useEngine()
  const data = symmetricRange(rest.data ?? generatedImages({ size: 16, channels: 1, train: 1000, validation: 200 }))
  using eyes = await trainFeatureNetwork({ data, filters: 4, dimension: 16, rng: seeded('features') })
  const real = await eyes.measure(examplesOf(data.validation, samples))
  const distance = async (generator: Gan) => {
    const made = await eyes.measure(generated(generator, samples, seeded('samples')))
    return frechetDistance(real.features, made.features, eyes.dimension)
  }
  await using search = createSearch({
    space: generatorSpace({ latentDimension: 16, features: [4, 8], discriminatorFeatures: 4 }),
    evaluator: trainFromScratch({
      data: { train: withoutClasses(data.train), validation: withoutClasses(data.validation) },
      epochs,
      metrics: { frechetDistance: ({ network }) => distance(network as Gan) },
    }),
    plugins: [
      evolution({ population: 3, sample: 2 }),
      asha({ eta: 2, minFidelity: 0.25 }),
      lccgan({ latent: { bases: 16, features: 4, epochs: 1 }, coordinates: 3 }),
    ],
    objectives: { frechetDistance: 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
  await search.finish()
  const { completed, failed } = search.state()
  const rungs = search.record().trials.map((trial) => trial.rungs.length)
  const [best] = search.best(1)
  log(`${completed} of ${trials} trained to the end; best distance ${best?.metrics.frechetDistance?.toFixed(2)}`)
  return { completed, failed, rungs, best: best?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
