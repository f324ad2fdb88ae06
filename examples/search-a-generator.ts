// Search for a generator: its width, its kernels and its depth are decisions; every candidate is trained on the local
// coordinates of the same latent manifold. Its objectives are the Fréchet distance of its samples and its cost.
//     npx archloom run examples/search-a-generator.ts --trials 6
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions, seeded } from 'archloom'
import { type ImageDataset, mnist, orGenerated, symmetricRange, withoutClasses } from 'archloom/evaluators/data'
import { examplesOf, frechetDistance, trainFeatureNetwork } from 'archloom/evaluators/metrics/generative'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { type Gan, generated, generatorSpace, lccgan } from 'archloom/plugins/lccgan'
import { random } from 'archloom/plugins/random'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly trials?: number
  /** Training steps of each generator, in batches of 64. */
  readonly steps?: number
  readonly data?: ImageDataset
  /** Maps to choose from. */
  readonly features?: readonly number[]
  readonly samples?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 6, steps = 100, features = [4, 8, 16], samples = 500, ...rest }: Options = {}) {
  const { study = {}, log = console.log } = rest
  await useEngine()
  const data = symmetricRange(rest.data ?? (await orGenerated(() => mnist({ trainSize: 4000 }))))
  const epochs = (steps * 64) / data.train.size

  // The reference: features of a small classifier trained here, and those of validation images.
  using eyes = await trainFeatureNetwork({ data, filters: 8, dimension: 32, rng: seeded('features') })
  log(`measured through ${eyes.name}`)
  const real = await eyes.measure(examplesOf(data.validation, samples))
  const frechet = async (generator: Gan) => {
    const made = await eyes.measure(generated(generator, samples, seeded('samples')))
    return frechetDistance(real.features, made.features, eyes.dimension)
  }

  await using search = createSearch({
    space: generatorSpace({ latentDimension: 32, features, discriminatorFeatures: 8 }),
    evaluator: trainFromScratch({
      // Without classes, only the requested metrics are measured.
      data: { train: withoutClasses(data.train), validation: withoutClasses(data.validation) },
      epochs,
      metrics: { frechetDistance: ({ network }) => frechet(network as Gan) },
    }),
    plugins: [
      random(),
      lccgan({
        coordinates: 5,
        learningRate: 5e-4,
        latent: { bases: 64, features: 8, epochs, learningRate: 1e-3 },
        images: { directory: join(study.directory ?? 'archloom-studies', 'generators'), samples: 20 },
      }),
    ],
    objectives: { frechetDistance: 'minimise', multiplyAdds: { direction: 'minimise', weight: 0.1, scale: 1e6 } },
    budget: { maxTrials: trials },
    seed: 1,
    study,
  })
  const pictures: string[] = []
  for await (const event of search.run()) {
    if (event.type === 'plugin.event') pictures.push((event.facts as { samples: string }).samples)
    if (event.type === 'trial.completed')
      log(`trial ${event.trial}: Fréchet distance ${event.metrics.frechetDistance?.toFixed(1)}`)
  }
  const [best] = search.best(1)
  log(`best: ${JSON.stringify(best?.architecture)}; pictures: ${pictures.join(', ')}`)
  return { study: search.study, best: best?.architecture, pictures }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
