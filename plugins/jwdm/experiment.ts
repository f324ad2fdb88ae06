import { join } from 'node:path'
import { ArchloomError, realClock } from '../../core/index.ts'
import { type Claim, measured, type ReproduceOptions, type Scale } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { writePicture } from '../../evaluators/data/images/index.ts'
import {
  type DigitsPlan,
  type DigitsReference,
  type DigitsRun,
  digitClassifier,
  digitMethods,
  loadDigits,
  referenceDigits,
  scoreDigits,
  trainDigits,
  translationPicture,
} from './experiment/digits.ts'
import { type ToyPlan, type ToyRun, type ToySet, toyRuns } from './experiment/toy.ts'
import { loadFilm, type VideoPlan, type VideoRun, videoMethods, videoRun } from './experiment/video.ts'

interface Plan {
  readonly toy: ToyPlan
  readonly digits?: DigitsPlan
  readonly video: VideoPlan
}

/** The image networks of the paper at a width and depth that a CPU can train. */
const narrow = { features: 8, halvings: 1, blocks: 2 }

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    toy: {
      sets: ['gaussians'],
      steps: { gaussians: 150, rings: 150 },
      batch: 64,
      hidden: [32, 32],
      measured: 150,
      seeds: 1,
    },
    video: {
      height: 24,
      width: 56,
      patch: 16,
      batch: 2,
      steps: 20,
      ...narrow,
      blocks: 1,
      learningRate: 2e-3,
      between: 3,
      seeds: 1,
    },
  },
  small: {
    toy: {
      sets: ['gaussians', 'rings'],
      steps: { gaussians: 600, rings: 800 },
      batch: 128,
      hidden: [64, 64],
      measured: 400,
      seeds: 3,
    },
    digits: {
      train: 6000,
      test: 1000,
      classifierEpochs: 5,
      steps: 300,
      batch: 16,
      ...narrow,
      learningRate: 3e-3,
      seeds: 3,
    },
    video: {
      height: 48,
      width: 112,
      patch: 32,
      batch: 4,
      steps: 150,
      ...narrow,
      learningRate: 3e-3,
      between: 3,
      seeds: 1,
    },
  },
  paper: {
    toy: {
      sets: ['gaussians', 'rings'],
      steps: { gaussians: 3000, rings: 5000 },
      batch: 128,
      hidden: [64, 64],
      measured: 400,
      seeds: 5,
    },
    digits: {
      train: 6000,
      test: 2000,
      classifierEpochs: 20,
      steps: 100_000,
      batch: 1,
      features: 64,
      halvings: 2,
      blocks: 3,
      learningRate: 2e-4,
      seeds: 3,
    },
    video: {
      height: 128,
      width: 300,
      patch: 128,
      batch: 1,
      steps: 100_000,
      features: 64,
      halvings: 2,
      blocks: 3,
      learningRate: 2e-4,
      between: 7,
      seeds: 3,
    },
  },
}

/** Two claims a set: joint matching needs more than marginals; interpolations agree in both domains. */
export function toyClaims(runs: readonly ToyRun[]): readonly Claim[] {
  const sets = [...new Set(runs.map(({ set }) => set))]
  return sets.flatMap((set: ToySet) => {
    const of = (method: string, value: (run: ToyRun) => number) =>
      measured(runs.filter((run) => run.set === set && run.method === method).map(value))
    const compare = (
      id: string,
      metric: string,
      value: (run: ToyRun) => number,
      rival: string,
      factor: number,
    ): Claim => {
      const [ours, baseline] = [of('JWDM', value), of(rival, value)]
      return {
        id: `${set}: ${id}`,
        metric,
        direction: 'minimise',
        published: null,
        ours,
        baseline: { name: rival, ...baseline },
        holds: ours.mean * factor <= baseline.mean,
      }
    }
    const joint = ({ joint: value, floor }: ToyRun) => Math.max(0, value - floor)
    return [
      compare(
        'joint laws match',
        'joint W₂² above the floor (half or less of the marginals’ alone)',
        joint,
        'two GANs',
        2,
      ),
      compare(
        'interpolations agree',
        'mean |f(G(z)) − G′(z)| at midpoints (a third or less)',
        ({ interpolation }) => interpolation,
        'CycleGAN-style',
        3,
      ),
    ]
  })
}

/** Both directions, against showing the classifier the images as they are. */
export function digitClaims(runs: readonly DigitsRun[], { untranslated }: DigitsReference): readonly Claim[] {
  const own = runs.filter(({ method }) => method === 'JWDM')
  return (['mnistToUsps', 'uspsToMnist'] as const).map((direction) => {
    const ours = measured(own.map((run) => run[direction]))
    const baseline = untranslated[direction === 'mnistToUsps' ? 'x' : 'y']
    return {
      id: direction === 'mnistToUsps' ? 'MNIST → USPS' : 'USPS → MNIST',
      metric: 'accuracy of a classifier of the target domain (trained by us) on translated test images',
      direction: 'maximise',
      published: null,
      ours,
      baseline: { name: 'untranslated', mean: baseline, seeds: 1 },
      holds: ours.mean > baseline,
    }
  })
}

export function videoClaim(runs: readonly VideoRun[]): Claim {
  const of = (method: string) => measured(runs.filter((run) => run.method === method).map(({ gap }) => gap))
  const [ours, baseline] = [of('JWDM'), of('CycleGAN-style')]
  return {
    id: 'video strip',
    metric: 'difference between the two ways to a translated in-between frame, grey levels',
    direction: 'minimise',
    published: null,
    ours,
    baseline: { name: 'CycleGAN-style', ...baseline },
    holds: ours.mean < baseline.mean,
  }
}

type PicturedOptions = Omit<ReproduceOptions, 'scale'> & { readonly pictures: string }

async function digits(plan: DigitsPlan, { data, seed, pictures, ...context }: PicturedOptions) {
  const { signal, log } = context
  const images = await loadDigits(plan, { data, signal })
  using x = await digitClassifier(images.train.x, plan.classifierEpochs, { seed, signal })
  using y = await digitClassifier(images.train.y, plan.classifierEpochs, { seed, signal })
  const classifiers = { x, y }
  const reference = await referenceDigits(classifiers, images, signal)
  const { own, untranslated } = reference
  log(
    `classifiers: MNIST ${own.x}, USPS ${own.y}; on untranslated images MNIST → USPS ${untranslated.x}, USPS → MNIST ${untranslated.y}`,
  )
  const runs: DigitsRun[] = []
  for (let k = 0; k < plan.seeds; k++)
    for (const method of Object.keys(digitMethods)) {
      using joint = await trainDigits(images, method, plan, { ...context, seed: seed + k })
      const run = { method, seed: seed + k, ...(await scoreDigits(joint, classifiers, images.test, signal)) }
      log(`digits, seed ${run.seed}, ${method}: MNIST → USPS ${run.mnistToUsps}, USPS → MNIST ${run.uspsToMnist}`)
      runs.push(run)
      if (k > 0) continue
      const path = join(pictures, `digits-${method.toLowerCase()}-${run.seed}.png`)
      await writePicture(path, translationPicture(joint, images.test))
      log(`translated digits: ${path}`)
    }
  return { runs, reference }
}

/** Real digits are not generated: where they are missing, the rest of the experiment still runs. */
async function digitsWhereFound(plan: DigitsPlan, options: PicturedOptions) {
  try {
    return await digits(plan, options)
  } catch (thrown) {
    const absent = ArchloomError.is(thrown) && /^ARCHLOOM_(DATA_SET_NOT_FOUND|DOWNLOAD_)/.test(thrown.code)
    if (!absent) throw thrown
    options.log(`MNIST ↔ USPS left out: ${thrown.message.split('\n')[0]}`)
    return undefined
  }
}

/** `archloom reproduce jwdm`. `runs` holds every measurement, those where a baseline is ahead included. */
export async function reproduce({ scale, ...options }: ReproduceOptions) {
  const { seed, data, log, signal } = options
  const plan = plans[scale]
  const began = realClock.now()
  await useEngine()
  const pictures = join('archloom-studies', `jwdm-${scale}-${seed}`)
  const found = plan.digits && (await digitsWhereFound(plan.digits, { ...options, pictures }))
  const film = await loadFilm(plan.video, data)
  const video: VideoRun[] = []
  for (let k = 0; k < plan.video.seeds; k++)
    for (const method of Object.keys(videoMethods))
      video.push(await videoRun(film, method, plan.video, { seed: seed + k, log, signal, pictures }))
  const toy = await toyRuns(plan.toy, { seed, log, signal })
  const claims = [...toyClaims(toy), videoClaim(video), ...(found ? digitClaims(found.runs, found.reference) : [])]
  const runs = { toy, video, digits: found?.runs ?? [], reference: found?.reference ?? null }
  return { paper: 'jwdm', scale, seed, seconds: (realClock.now() - began) / 1000, claims, runs }
}
