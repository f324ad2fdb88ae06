import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Random, seeded } from '../../../core/index.ts'
import { writePicture } from '../../../evaluators/data/images/index.ts'
import { type ImageDataset, symmetricRange } from '../../../evaluators/data/index.ts'
import {
  examplesOf,
  type FeatureNetwork,
  frechetDistance,
  inceptionScore,
  pairSimilarity,
  pictureGrid,
  precisionRecall,
  trainFeatureNetwork,
} from '../../../evaluators/metrics/generative/index.ts'
import { learnLatent } from '../latent.ts'
import { convolutionalGan } from '../networks.ts'
import type { Rows } from '../rows.ts'
import { gaussianSampler, type LatentSampler, lccSampler } from '../sampler.ts'
import { ganTrainer, generated, walked } from '../trainer.ts'

export interface ImagePlan {
  readonly sets: readonly ('mnist' | 'fashion-mnist')[]
  /** d, of both priors. */
  readonly dimensions: readonly number[]
  /** d of the WGAN-GP baseline. */
  readonly wasserstein: readonly number[]
  readonly seeds: number
  readonly steps: number
  readonly batchSize: number
  /** ngf; the discriminator begins with as many maps. */
  readonly features: number
  readonly train: number
  readonly samples: number
  readonly featureEpochs: number
  readonly latent: {
    readonly dimension: number
    readonly bases: number
    readonly steps: number
    readonly learningRate: number
  }
}

/** One generator, measured. */
export interface ImageResult {
  readonly data: string
  readonly prior: 'Gaussian' | 'LCC'
  readonly game: 'DCGAN' | 'WGAN-GP'
  readonly d: number
  readonly seed: number
  readonly frechet: number
  readonly score: number
  /** MS-SSIM of pairs; lower is more diverse. */
  readonly similarity: number
  readonly precision: number
  readonly recall: number
}

/** Real images measured like generated ones: the least that can be hoped for. */
export interface Floor {
  readonly data: string
  readonly network: string
  readonly frechet: number
  readonly score: number
  readonly similarity: number
}

interface Run {
  readonly seed: number
  readonly signal: AbortSignal
  readonly log: (text: string) => void
  /** Folder for samples and walks; none are written without. */
  readonly pictures?: string
}

/** All priors at all dimensions on one data set: equal steps, equal networks but for their first layer. */
export async function imageTable(
  set: ImageDataset,
  plan: ImagePlan,
  run: Run,
): Promise<{ readonly results: readonly ImageResult[]; readonly floor: Floor }> {
  const data = symmetricRange(set)
  const { train } = data
  const shape = train.inputShape
  const rng = seeded(run.seed).fork(set.name)
  using eyes = await trainFeatureNetwork({
    data,
    epochs: plan.featureEpochs,
    rng: rng.fork('features'),
    signal: run.signal,
  })
  const real = await eyes.measure(examplesOf(data.test, plan.samples))
  const measure = measuring(eyes, real.features, shape)
  const floor = await measure(examplesOf(train, plan.samples))
  run.log(`${set.name}: measured through ${eyes.name}; real images: Fréchet ${floor.frechet.toFixed(2)}`)
  const results: ImageResult[] = []
  for (let own = run.seed; own < run.seed + plan.seeds; own++) {
    const seed = seeded(own).fork(set.name)
    const { steps: latentSteps, ...form } = plan.latent
    const epochs = (latentSteps * plan.batchSize) / train.size
    const { bases, reconstruction } = await learnLatent(train, {
      ...form,
      features: plan.features,
      batchSize: plan.batchSize,
      epochs,
      points: 2000,
      order: 2,
      rng: seed.fork('latent'),
      signal: run.signal,
    })
    run.log(`${set.name}, seed ${own}: auto-encoder L1 ${reconstruction.toFixed(3)}, ${bases.length} bases`)
    for (const { prior, game, d, sampler } of contestants(plan, bases)) {
      run.signal.throwIfAborted()
      const wasserstein = game === 'WGAN-GP'
      using network = convolutionalGan({
        shape,
        latentDimension: sampler.dimension,
        features: plan.features,
        rng: seed.fork('weights'),
        discriminatorFeatures: Math.max(1, plan.features / 2),
        discriminatorNormalisation: wasserstein ? 'none' : 'batch-norm',
      })
      // As many batches of real images for every game: the critic of WGAN-GP sees five to one step of its generator.
      const rates = wasserstein ? { learningRate: 5e-4, loss: 'wasserstein' as const, criticSteps: 5 } : {}
      const steps = wasserstein ? Math.max(1, Math.round(plan.steps / 5)) : plan.steps
      const trainer = ganTrainer({ prior: sampler, batchSize: plan.batchSize, learningRate: 5e-4, ...rates })
      const fit = { epochs: (steps * plan.batchSize) / train.size, rng: seed.fork('training'), signal: run.signal }
      for await (const _ of trainer.fit(network, train, fit));
      const images = generated(network, plan.samples, seed.fork('samples'))
      const found = await measure(images)
      results.push({ data: set.name, prior, game, d, seed: own, ...found })
      run.log(
        `${set.name}, seed ${own}, ${game}, ${prior} d = ${d}: Fréchet ${found.frechet.toFixed(2)}, ` +
          `score ${found.score.toFixed(2)}, MS-SSIM ${found.similarity.toFixed(3)}, ` +
          `precision ${found.precision.toFixed(2)}, recall ${found.recall.toFixed(2)}`,
      )
      if (!run.pictures || own !== run.seed) continue
      await mkdir(run.pictures, { recursive: true })
      const file = (kind: string) =>
        join(run.pictures as string, `${set.name}-${game}-${prior}-${d}-${kind}.png`.toLowerCase())
      const size = shape.reduce((a, b) => a * b, 1)
      await writePicture(
        file('samples'),
        pictureGrid(images.subarray(0, 50 * size), shape, { columns: 10, enlarge: 2 }),
      )
      const walk = walked(network, 20, seed.fork('walk'))
      await writePicture(file('walk'), pictureGrid(walk, shape, { columns: 20, enlarge: 2 }))
    }
  }
  const { frechet, score, similarity } = floor
  return { results, floor: { data: set.name, network: eyes.name, frechet, score, similarity } }
}

interface Contestant {
  readonly prior: 'Gaussian' | 'LCC'
  readonly game: 'DCGAN' | 'WGAN-GP'
  readonly d: number
  readonly sampler: LatentSampler
}

function contestants(plan: ImagePlan, bases: Rows): readonly Contestant[] {
  const gaussian = (d: number) => gaussianSampler({ dimension: d })
  return [
    ...plan.dimensions.flatMap((d): Contestant[] => [
      { prior: 'Gaussian', game: 'DCGAN', d, sampler: gaussian(d) },
      { prior: 'LCC', game: 'DCGAN', d, sampler: lccSampler({ bases, neighbours: d, normalise: 'convex' }) },
    ]),
    ...plan.wasserstein.map((d): Contestant => ({ prior: 'Gaussian', game: 'WGAN-GP', d, sampler: gaussian(d) })),
  ]
}

export interface BasisSettings {
  readonly steps: number
  readonly batchSize: number
  readonly features: number
  readonly learningRate: number
  readonly samples: number
}

/** One DCGAN with a prior, trained from weights and batches of the seed's own, and measured. */
export async function generatorWith(
  sampler: LatentSampler,
  data: ImageDataset,
  eyes: FeatureNetwork,
  { steps, batchSize, features, learningRate, samples }: BasisSettings,
  { seed, signal }: { seed: number; signal: AbortSignal },
) {
  const { train } = data
  const rng = seeded(`lccgan bases ${seed}`)
  using network = convolutionalGan({
    shape: train.inputShape,
    latentDimension: sampler.dimension,
    features,
    discriminatorFeatures: Math.max(1, features / 2),
    discriminatorNormalisation: 'batch-norm',
    rng: rng.fork('weights'),
  })
  const trainer = ganTrainer({ prior: sampler, batchSize, learningRate })
  const fit = { epochs: (steps * batchSize) / train.size, rng: rng.fork('training'), signal }
  for await (const _ of trainer.fit(network, train, fit));
  const { features: real } = await eyes.measure(examplesOf(data.test, samples))
  return measuring(eyes, real, train.inputShape)(generated(network, samples, rng.fork('samples')))
}

/** The same numbers in every coordinate, dealt to the bases anew: marginal distributions stay, the geometry goes. */
export function permuted(bases: Rows, rng: Random): Rows {
  const shuffled = bases[0]!.length
  const columns = Array.from({ length: shuffled }, (_, k) => rng.shuffle(bases.map((base) => base[k]!)))
  return bases.map((_, m) => Float64Array.from(columns, (column) => column[m]!))
}

/** Everything that is measured of a cloud of images, against the features of real ones. */
function measuring(eyes: FeatureNetwork, real: Float32Array, shape: readonly number[]) {
  return async (images: Float32Array) => {
    const { features, probabilities } = await eyes.measure(images)
    // Precision and recall compare all pairs: a thousand of each is enough.
    const few = (values: Float32Array) => values.subarray(0, 1000 * eyes.dimension)
    return {
      frechet: frechetDistance(real, features, eyes.dimension),
      score: inceptionScore(probabilities, eyes.classes).mean,
      similarity: pairSimilarity(images, shape, { rng: seeded('pairs'), pairs: 200 }),
      ...precisionRecall(few(real), few(features), eyes.dimension),
    }
  }
}
