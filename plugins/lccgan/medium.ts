/** `archloom reproduce lccgan --scale medium`: tests whether the manifold itself helps. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { seeded } from '../../core/index.ts'
import { replaceFileSync } from '../../core/node/files.ts'
import type { Experiment, ExperimentPart, UnitContext } from '../../core/reproduction.ts'
import { readSafetensors, saveSafetensors, useEngine } from '../../core/tensor/index.ts'
import { mnist, symmetricRange } from '../../evaluators/data/index.ts'
import { trainFeatureNetwork } from '../../evaluators/metrics/generative/index.ts'
import { type BasisSettings, generatorWith, permuted } from './experiment/images.ts'
import { learnLatent } from './latent.ts'
import type { Rows } from './rows.ts'
import { gaussianSampler, type LatentSampler, lccSampler } from './sampler.ts'

const latent = { dimension: 100, bases: 128, steps: 300, learningRate: 1e-3, points: 2000, order: 2 } as const
const generators: Omit<BasisSettings, 'steps'> = { batchSize: 64, features: 16, learningRate: 5e-4, samples: 2000 }
const eyesOf = { train: 30_000, epochs: 3 }
const data = { train: 10_000, test: 3000 }

const [LEARNT, PERMUTED, NORMAL, CENTRES] = [
  'LCC, learnt bases',
  'LCC, permuted bases',
  'LCC, normal bases',
  'LCC, k-means centres',
]

interface Latent {
  readonly bases: readonly (readonly number[])[]
  readonly centres: readonly (readonly number[])[]
}
const rows = (values: readonly (readonly number[])[]): Rows => values.map((row) => Float64Array.from(row))

function samplerOf(arm: string, d: number, { bases, centres }: Latent, seed: number): LatentSampler {
  const rng = seeded(`lccgan controls ${seed}`)
  const gaussian = /^Gaussian of (\d+)/.exec(arm)
  if (gaussian) return gaussianSampler({ dimension: Number(gaussian[1]) })
  const placed = {
    [LEARNT]: () => rows(bases),
    [PERMUTED]: () => permuted(rows(bases), rng.fork('permuted')),
    [NORMAL]: () => bases.map((base) => Float64Array.from(base, () => rng.normal())),
    [CENTRES]: () => rows(centres),
  }[arm]!()
  return lccSampler({ bases: placed, neighbours: d, normalise: 'convex' })
}

const environmentOf = (context: UnitContext) => ({
  ...process.env,
  ...(context.data !== undefined && { ARCHLOOM_DATA: context.data }),
})
const imagesOf = async (context: UnitContext, trainSize: number) => {
  const environment = environmentOf(context)
  return symmetricRange(await mnist({ environment, trainSize, testSize: data.test, signal: context.signal }))
}

/**
 * One classifier for every unit of the paper, kept beside what is prepared: figures over different ones do not compare.
 */
async function eyes(context: UnitContext) {
  const file = join(dirname(context.folder), `mnist-classifier-${eyesOf.train}-${eyesOf.epochs}.safetensors`)
  const set = await imagesOf(context, eyesOf.train)
  const form = { data: set, epochs: eyesOf.epochs, rng: seeded('lccgan eyes'), signal: context.signal }
  if (existsSync(file)) return trainFeatureNetwork({ ...form, weights: (await readSafetensors(file)).weights })
  const made = await trainFeatureNetwork(form)
  await saveSafetensors(file, { save: made.save!, load() {} })
  return made
}

const LATENT = 'latent.json'

const part = (name: string, title: string, steps: number, dimensions: readonly number[], seeds: readonly number[]) => {
  const suffix = (d: number) => (dimensions.length > 1 ? `, d = ${d}` : '')
  const arms = new Map(
    dimensions.flatMap((d) => [
      ...[LEARNT, PERMUTED].map((arm) => [`${arm}${suffix(d)}`, { arm, d }] as const),
      [`Gaussian of ${d}`, { arm: `Gaussian of ${d}`, d }] as const,
      ...[NORMAL, CENTRES].map((arm) => [`${arm}${suffix(d)}`, { arm, d }] as const),
    ]),
  )
  arms.set('Gaussian of 100', { arm: 'Gaussian of 100', d: 100 })
  return {
    name,
    title,
    setting: `MNIST (10,000 training images), DCGAN of 16 maps, ${steps} steps of 64 images, 128 bases in 100 dimensions that an auto-encoder of 300 steps and LCC learnt; ${dimensions.length > 1 ? 'd as stated' : `d = ${dimensions[0]}`}. Permuted bases have each coordinate dealt to the bases anew: they keep the marginal distributions and lose the geometry. Fréchet distances are over one classifier that was trained here on 30,000 images.`,
    settings: { latent, generators, eyesOf, data, steps, dimensions },
    arms: [...arms.keys()],
    seeds,
    seconds: steps / 20,
    async prepare(context) {
      await useEngine()
      ;(await eyes(context))[Symbol.dispose]()
      const { train } = await imagesOf(context, data.train)
      const { steps: latentSteps, ...form } = latent
      const { bases, centres, reconstruction } = await learnLatent(train, {
        ...form,
        features: generators.features,
        batchSize: generators.batchSize,
        epochs: (latentSteps * generators.batchSize) / train.size,
        rng: seeded(`lccgan latent ${context.seed}`),
        signal: context.signal,
      })
      const plain = (values: Rows) => values.map((row) => [...row])
      replaceFileSync(
        join(context.folder, LATENT),
        JSON.stringify({ bases: plain(bases), centres: plain(centres!) } satisfies Latent),
      )
      return [{ metric: 'auto-encoder L1', value: reconstruction }]
    },
    async run(name, context) {
      await useEngine()
      const { arm, d } = arms.get(name)!
      const learnt = JSON.parse(readFileSync(join(context.folder, LATENT), 'utf8')) as Latent
      using classifier = await eyes(context)
      context.log(classifier.name)
      const { seed, signal } = context
      const set = await imagesOf(context, data.train)
      const sampler = samplerOf(arm, d, learnt, seed)
      const found = await generatorWith(sampler, set, classifier, { ...generators, steps }, { seed, signal })
      return [
        { step: steps, metric: 'Fréchet distance', value: found.frechet },
        { step: steps, metric: 'score', value: found.score },
        { step: steps, metric: 'MS-SSIM of pairs', value: found.similarity },
        { step: steps, metric: 'precision', value: found.precision },
        { step: steps, metric: 'recall', value: found.recall },
      ]
    },
    metrics: [
      { name: 'Fréchet distance', digits: 1 },
      { name: 'score' },
      { name: 'MS-SSIM of pairs', digits: 3 },
      { name: 'precision' },
      { name: 'recall' },
    ],
    comparisons: dimensions.flatMap((d) => [
      {
        claim: `Combinations of ${d} learnt bases are a better prior than a Gaussian of ${d} numbers`,
        arm: `${LEARNT}${suffix(d)}`,
        control: `Gaussian of ${d}`,
        metric: 'Fréchet distance',
        direction: 'minimise' as const,
        published: null,
        effect: 10,
      },
      ...[PERMUTED, NORMAL, CENTRES].map((control) => ({
        claim: `It is the manifold that helps${suffix(d)}: learnt bases are better than ${control.replace('LCC, ', '')}`,
        arm: `${LEARNT}${suffix(d)}`,
        control: `${control}${suffix(d)}`,
        metric: 'Fréchet distance',
        direction: 'minimise' as const,
        published: null,
        effect: 10,
      })),
      {
        claim: `Combinations of ${d} learnt bases are as good as a Gaussian of 100 numbers, or better`,
        arm: `${LEARNT}${suffix(d)}`,
        control: 'Gaussian of 100',
        metric: 'Fréchet distance',
        direction: 'minimise' as const,
        published: null,
        effect: 10,
      },
    ]),
  } satisfies ExperimentPart
}

export const medium: Experiment = {
  paper: 'lccgan',
  parts: [
    part('short', 'Five random numbers, 400 steps', 400, [5], [11, 12, 13, 14, 15]),
    part('long', 'Two to twelve random numbers, 4,000 steps', 4000, [2, 3, 5, 8, 12], [11, 12, 13]),
  ],
}
