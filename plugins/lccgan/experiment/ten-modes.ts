import { type Random, seeded } from '../../../core/index.ts'
import { embedded, type Manifold, mixture, pointSplit, rings } from '../../../evaluators/data/index.ts'
import { modeCoverage } from '../../../evaluators/metrics/generative/index.ts'
import { learnLatent } from '../latent.ts'
import { denseGan } from '../networks.ts'
import { gaussianSampler, type LatentSampler, lccSampler } from '../sampler.ts'
import { ganTrainer, generated } from '../trainer.ts'

export interface ToyPlan {
  readonly seeds: number
  readonly autoEncoderSteps: number
  readonly steps: number
  readonly samples: number
}

/** Lengths of the auto-encoder's codes and number of bases in the toy of ten modes. */
const [LATENT, BASES, EXAMPLES, BATCH] = [4, 40, 4096, 128] as const

export interface ToyResult {
  readonly prior: string
  readonly found: number
  readonly quality: number
  readonly divergence: number
}

export const toyPriors = ['Gaussian d = 3', 'Gaussian d = 30', 'LCC d = 3, none', 'LCC d = 3, convex'] as const
export type ToyPrior = (typeof toyPriors)[number]

const tenModes = (rng: Random): Manifold =>
  embedded(mixture({ modes: 10, noise: 0.01 }), { dimension: 8, rng, bend: 1.5 })

/** One seed of every prior on the same data: ten tight modes on a ring, bent into R⁸. */
export async function tenModesOnce(
  plan: ToyPlan,
  priors: readonly ToyPrior[],
  { seed, signal, log }: { seed: number; signal: AbortSignal; log: (text: string) => void },
): Promise<readonly ToyResult[]> {
  const rng = seeded(seed).fork('ten modes')
  const modes = tenModes(rng.fork('map'))
  const data = pointSplit('train', modes.draw(EXAMPLES, rng.fork('examples')))
  // A sample is good within 2.5 times the distance that nine in ten real examples keep from their mode.
  const centres = modes.centres as readonly (readonly number[])[]
  const radius = 2.5 * usualDistance(modes, centres, rng.fork('radius'))
  const { bases } = await learnLatent(data, {
    dimension: LATENT,
    bases: BASES,
    points: 1000,
    order: 2,
    normalise: 'sum',
    neighbours: 3,
    locality: 2,
    batchSize: BATCH,
    learningRate: 1e-3,
    loss: 'l2',
    epochs: (plan.autoEncoderSteps * BATCH) / EXAMPLES,
    rng: rng.fork('latent'),
    signal,
  })
  const samplers: Record<ToyPrior, () => LatentSampler> = {
    'Gaussian d = 3': () => gaussianSampler({ dimension: 3 }),
    'Gaussian d = 30': () => gaussianSampler({ dimension: 30 }),
    'LCC d = 3, none': () => lccSampler({ bases, neighbours: 3, normalise: 'none' }),
    'LCC d = 3, convex': () => lccSampler({ bases, neighbours: 3, normalise: 'convex' }),
  }
  const results: ToyResult[] = []
  for (const name of priors) {
    const prior = samplers[name]()
    const samples = await played(prior, data, plan, rng.fork('game'), signal)
    const { found, quality, divergence } = modeCoverage(samples, centres, { radius, least: plan.samples / 1000 })
    log(`ten modes, seed ${seed}, ${name}: ${found} modes, quality ${quality.toFixed(2)}, KL ${divergence.toFixed(2)}`)
    results.push({ prior: name, found, quality, divergence })
  }
  return results
}

async function played(
  prior: LatentSampler,
  data: ReturnType<typeof pointSplit<'train'>>,
  plan: ToyPlan,
  rng: Random,
  signal: AbortSignal,
): Promise<Float32Array> {
  const dimension = data.inputShape[0] as number
  using network = denseGan({ latentDimension: prior.dimension, dimension, rng: rng.fork('weights') })
  const trainer = ganTrainer({
    prior,
    batchSize: BATCH,
    learningRate: 5e-4,
    discriminatorLearningRate: 1e-3,
    reportEvery: 1_000_000,
  })
  const epochs = (plan.steps * BATCH) / data.size
  for await (const _ of trainer.fit(network, data, { epochs, rng: rng.fork('training'), signal }));
  return generated(network, plan.samples, rng.fork('samples'))
}

function usualDistance(modes: Manifold, centres: readonly (readonly number[])[], rng: Random): number {
  const { points, labels, count, dimension } = modes.draw(2000, rng)
  const distances = Float64Array.from({ length: count }, (_, i) =>
    Math.hypot(...(centres[labels[i] as number] as readonly number[]).map((c, k) => c - points[i * dimension + k]!)),
  ).sort()
  return distances[Math.floor(0.9 * count)] as number
}

/** The places where a continuous curve is covered: share of 64 equal arcs that a good sample is nearest to. */
export interface CurveResult {
  readonly prior: string
  readonly coverage: number
  readonly quality: number
}

/** The other case: a closed curve without gaps in the same R⁸, where a plain prior of two numbers is enough. */
export async function closedCurveOnce(
  plan: ToyPlan,
  { seed, signal, log }: { seed: number; signal: AbortSignal; log: (text: string) => void },
): Promise<readonly CurveResult[]> {
  const rng = seeded(seed).fork('closed curve')
  const noise = 0.01
  const map = () => rng.fork('map')
  const ring = embedded(rings({ noise }), { dimension: 8, rng: map(), bend: 1.5 })
  const data = pointSplit('train', ring.draw(EXAMPLES, rng.fork('examples')))
  // The noiseless curve, densely: centres of a mixture on the same ring, through the same map.
  const ARCS = 64
  const dense = embedded(mixture({ modes: 8 * ARCS, noise: 0 }), { dimension: 8, rng: map(), bend: 1.5 })
  const along = dense.centres as readonly (readonly number[])[]
  const { bases } = await learnLatent(data, {
    dimension: LATENT,
    bases: BASES,
    points: 1000,
    order: 2,
    normalise: 'sum',
    neighbours: 3,
    locality: 2,
    batchSize: BATCH,
    learningRate: 1e-3,
    loss: 'l2',
    epochs: (plan.autoEncoderSteps * BATCH) / EXAMPLES,
    rng: rng.fork('latent'),
    signal,
  })
  const results: CurveResult[] = []
  for (const prior of [gaussianSampler({ dimension: 2 }), lccSampler({ bases, neighbours: 3 })]) {
    const samples = await played(prior, data, plan, rng.fork('game'), signal)
    const { counts, quality } = modeCoverage(samples, along, { radius: 0.15 })
    const arcs = new Set(counts.flatMap((count, k) => (count > 0 ? [Math.floor(k / 8)] : [])))
    const coverage = arcs.size / ARCS
    log(`closed curve, seed ${seed}, ${prior.name}: coverage ${coverage.toFixed(2)}, quality ${quality.toFixed(2)}`)
    results.push({ prior: prior.name, coverage, quality })
  }
  return results
}
