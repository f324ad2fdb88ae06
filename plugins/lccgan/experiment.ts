import { join } from 'node:path'
import { realClock } from '../../core/index.ts'
import { type Claim, measured, type ReproduceOptions, type Scale } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { fashionMnist, mnist, orGenerated } from '../../evaluators/data/index.ts'
import { type Floor, type ImagePlan, type ImageResult, imageTable } from './experiment/images.ts'
import { approximationError, curve, parabola, spacings } from './experiment/orders.ts'
import {
  type CurveResult,
  closedCurveOnce,
  type ToyPlan,
  type ToyPrior,
  type ToyResult,
  tenModesOnce,
  toyPriors,
} from './experiment/ten-modes.ts'

export interface Plan {
  readonly toy: ToyPlan & { readonly priors: readonly ToyPrior[] }
  readonly curve: ToyPlan
  readonly images: ImagePlan
}

const [plain3, plain30, , convex] = toyPriors

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    toy: { priors: [plain3, convex], seeds: 1, autoEncoderSteps: 800, steps: 2000, samples: 1000 },
    curve: { seeds: 1, autoEncoderSteps: 200, steps: 200, samples: 1000 },
    images: {
      sets: ['mnist'],
      dimensions: [3],
      wasserstein: [],
      seeds: 1,
      steps: 150,
      batchSize: 32,
      features: 8,
      train: 2000,
      samples: 300,
      featureEpochs: 1,
      latent: { dimension: 16, bases: 32, steps: 100, learningRate: 1e-3 },
    },
  },
  small: {
    toy: { priors: [plain3, plain30, convex], seeds: 3, autoEncoderSteps: 1500, steps: 9000, samples: 4000 },
    curve: { seeds: 1, autoEncoderSteps: 1500, steps: 6000, samples: 4000 },
    images: {
      sets: ['mnist', 'fashion-mnist'],
      dimensions: [3, 5, 30, 100],
      wasserstein: [5],
      seeds: 1,
      steps: 400,
      batchSize: 64,
      features: 16,
      train: 10_000,
      samples: 2000,
      featureEpochs: 2,
      latent: { dimension: 100, bases: 128, steps: 300, learningRate: 1e-3 },
    },
  },
  paper: {
    toy: { priors: toyPriors, seeds: 5, autoEncoderSteps: 1500, steps: 9000, samples: 10_000 },
    curve: { seeds: 3, autoEncoderSteps: 1500, steps: 9000, samples: 10_000 },
    images: {
      sets: ['mnist', 'fashion-mnist'],
      dimensions: [3, 5, 30, 100],
      wasserstein: [5, 100],
      seeds: 3,
      steps: 93_700,
      batchSize: 64,
      features: 64,
      train: 60_000,
      samples: 10_000,
      featureEpochs: 10,
      latent: { dimension: 100, bases: 128, steps: 93_700, learningRate: 1e-4 },
    },
  },
}

/** Halving the spacing of bases divides the error of LCC by 4 and that of LCC++ by 8; quadratics are exact in the latter. */
export function orderClaims(): readonly Claim[] {
  const ratio = (order: 1 | 2) => {
    const errors = spacings.slice(1).map((spacing) => approximationError(curve, spacing, order))
    return measured(errors.slice(1).map((error, i) => errors[i]! / error))
  }
  const of = (name: string, order: 1 | 2, theory: number, [least, most]: readonly [number, number]): Claim => {
    const ours = ratio(order)
    return {
      id: `approximation order of ${name}`,
      metric: 'ratio of errors on halving',
      direction: 'maximise',
      published: null,
      baseline: { name: 'theory', mean: theory },
      ours,
      holds: ours.mean >= least && ours.mean <= most,
    }
  }
  const exact = measured([approximationError(parabola, 0.25, 2)])
  return [
    of('LCC', 1, 4, [3.8, 4.3]),
    of('LCC++', 2, 8, [7.5, 8.5]),
    {
      id: 'LCC++ of a quadratic',
      metric: 'error',
      direction: 'minimise',
      published: null,
      baseline: { name: 'LCC', mean: approximationError(parabola, 0.25, 1) },
      ours: exact,
      holds: exact.mean < 1e-12,
    },
  ]
}

/** Convex local coordinates against normal inputs, on ten modes. */
export function modeClaims(results: readonly ToyResult[]): readonly Claim[] {
  const metrics = [
    ['found', 'modes found of 10', 'maximise'],
    ['quality', 'share of good samples', 'maximise'],
    ['divergence', 'KL to even modes', 'minimise'],
  ] as const
  const values = (prior: string, key: (typeof metrics)[number][0]) =>
    measured(results.filter((result) => result.prior === prior).map((result) => result[key]))
  const rivals = [plain3, plain30].filter((prior) => results.some((result) => result.prior === prior))
  return rivals.flatMap((rival) =>
    metrics.map(([key, metric, direction]): Claim => {
      const [ours, baseline] = [values(convex, key), values(rival, key)]
      // Where both find nothing there is nothing to be ahead in.
      const ahead = direction === 'maximise' ? ours.mean >= baseline.mean && ours.mean > 0 : ours.mean < baseline.mean
      return {
        id: `ten modes, ${convex} against ${rival}`,
        metric,
        direction,
        published: null,
        baseline: { name: rival, ...baseline },
        ours,
        holds: ahead,
      }
    }),
  )
}

/** Where the plain prior is expected to be ahead: a curve without gaps. */
export function curveClaims(results: readonly CurveResult[]): readonly Claim[] {
  const names = [...new Set(results.map(({ prior }) => prior))]
  const [plain = '', local = ''] = names
  return (['coverage', 'quality'] as const).map((key) => {
    const of = (name: string) => measured(results.filter(({ prior }) => prior === name).map((result) => result[key]))
    const [ours, baseline] = [of(local), of(plain)]
    return {
      id: 'closed curve: the plain prior is ahead',
      metric: key,
      direction: 'maximise',
      published: null,
      baseline: { name: plain, ...baseline },
      ours,
      holds: baseline.mean >= ours.mean && baseline.mean > 0,
    }
  })
}

/** Local coordinates against normal inputs of as many numbers, and d = 5 against normal inputs of 100. */
export function imageClaims(results: readonly ImageResult[]): readonly Claim[] {
  const sets = [...new Set(results.map(({ data }) => data))]
  const of = (data: string, prior: string, d: number) =>
    measured(
      results
        .filter((r) => r.game === 'DCGAN' && r.data === data && r.prior === prior && r.d === d)
        .map(({ frechet }) => frechet),
    )
  const claim = (data: string, d: number, rival: number): Claim => {
    const [ours, baseline] = [of(data, 'LCC', d), of(data, 'Gaussian', rival)]
    return {
      id: `${data}, LCC d = ${d} against Gaussian d = ${rival}`,
      metric: 'Fréchet distance over our features',
      direction: 'minimise',
      published: null,
      baseline: { name: `Gaussian d = ${rival}`, ...baseline },
      ours,
      holds: ours.mean < baseline.mean,
    }
  }
  return sets.flatMap((data) => {
    const dimensions = [...new Set(results.filter((r) => r.data === data && r.prior === 'LCC').map(({ d }) => d))]
    const large = dimensions.includes(5) && dimensions.includes(100) ? [claim(data, 5, 100)] : []
    return [...dimensions.map((d) => claim(data, d, d)), ...large]
  })
}

/** `archloom reproduce lccgan`. Beside the claims: every run, and the figures of real images. */
export async function reproduce({ scale, seed, data, log, signal }: ReproduceOptions) {
  const plan = plans[scale]
  const began = realClock.now()
  await useEngine()
  const claims: Claim[] = [...orderClaims()]
  const modes: ToyResult[] = []
  for (let run = 0; run < plan.toy.seeds; run++)
    modes.push(...(await tenModesOnce(plan.toy, plan.toy.priors, { seed: seed + run, log, signal })))
  claims.push(...modeClaims(modes))
  const images: ImageResult[] = []
  const floors: Floor[] = []
  const pictures = join('archloom-studies', `lccgan-${scale}-${seed}`)
  for (const name of plan.images.sets) {
    const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
    const load = name === 'mnist' ? mnist : fashionMnist
    const set = await orGenerated(() => load({ environment, trainSize: plan.images.train, signal }))
    for (const note of set.notes) log(note)
    const { results, floor } = await imageTable(set, plan.images, { seed, log, signal, pictures })
    images.push(...results)
    floors.push(floor)
  }
  log(`samples and latent walks: ${pictures}`)
  claims.push(...imageClaims(images))
  const curves: CurveResult[] = []
  for (let run = 0; run < plan.curve.seeds; run++)
    curves.push(...(await closedCurveOnce(plan.curve, { seed: seed + run, log, signal })))
  claims.push(...curveClaims(curves))
  const seconds = (realClock.now() - began) / 1000
  return { paper: 'lccgan', scale, seed, seconds, claims, modes, curves, images, floors, pictures }
}
