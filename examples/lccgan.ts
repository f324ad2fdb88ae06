// Digits from few random numbers: it learns a latent manifold, bases of local coordinate coding on it, and a generator
// whose input is a combination of d neighbouring bases. It is compared with the same generator whose input is d normal
// numbers.
//     npx archloom run examples/lccgan.ts --steps 400
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Progress, seeded, type Trainer } from 'archloom'
import { describeDataset, type ImageDataset, mnist, orGenerated, symmetricRange } from 'archloom/evaluators/data'
import { examplesOf, frechetDistance, trainFeatureNetwork } from 'archloom/evaluators/metrics/generative'
import {
  convolutionalGan,
  type Gan,
  gallery,
  ganTrainer,
  gaussianSampler,
  generated,
  lccganTrainer,
} from 'archloom/plugins/lccgan'
import { useEngine } from 'archloom/tensor'

interface Options {
  /** Generator steps; the auto-encoder takes as many. */
  readonly steps?: number
  /** d. */
  readonly coordinates?: number
  readonly data?: ImageDataset
  /** Maps of generator, discriminator and auto-encoder. */
  readonly features?: number
  readonly samples?: number
  readonly out?: string
  readonly log?: (text: string) => void
}

export async function main({ steps = 200, coordinates = 5, features = 16, samples = 1000, ...rest }: Options = {}) {
  const { out = 'archloom-studies/lccgan-example', log = console.log } = rest
  await useEngine()
  const data = symmetricRange(rest.data ?? (await orGenerated(() => mnist({ trainSize: 5000 }))))
  log(describeDataset(data))
  const shape = data.train.inputShape
  const epochs = (steps * 64) / data.train.size
  const shown = gallery({ directory: out, samples: 30 })
  const trainers: Record<string, { trainer: Trainer; latentDimension: number }> = {
    'LCCGAN++': {
      trainer: lccganTrainer({
        coordinates,
        learningRate: 5e-4,
        latent: { bases: 64, features, epochs, learningRate: 1e-3, order: 2 },
        onSamples: shown.onSamples,
      }),
      latentDimension: 32,
    },
    DCGAN: {
      trainer: ganTrainer({
        prior: gaussianSampler({ dimension: coordinates }),
        learningRate: 5e-4,
        onSamples: shown.onSamples,
      }),
      latentDimension: coordinates,
    },
  }

  // Distances use the features of a small classifier trained here, so they are comparable with each other but not with
  // those of Inception.
  using eyes = await trainFeatureNetwork({ data, filters: 8, dimension: 32, rng: seeded('features') })
  log(`measured through ${eyes.name}`)
  const real = await eyes.measure(examplesOf(data.test, samples))
  const distances: Record<string, number> = {}
  for (const [name, { trainer, latentDimension }] of Object.entries(trainers)) {
    using network: Gan = convolutionalGan({ shape, latentDimension, features, rng: seeded('weights') })
    let last: Progress | undefined
    for await (last of trainer.fit(network, data.train, { epochs, rng: seeded('training') }));
    const made = await eyes.measure(generated(network, samples, seeded('samples')))
    distances[name] = frechetDistance(real.features, made.features, eyes.dimension)
    log(`${name}, ${coordinates} random numbers, ${last?.steps} steps: Fréchet distance ${distances[name].toFixed(1)}`)
  }
  log(`samples and walks through the latent space: ${join(out, '*.png')}`)
  return { distances, pictures: shown.written }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
