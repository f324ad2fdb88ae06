import { realClock } from '../../core/index.ts'
import { type Claim, measured, type ReproduceOptions } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import {
  findPairs,
  generatedPairs,
  type PatchSplit,
  type PicturePair,
  patchSplit,
  upscaleBicubic,
} from '../../evaluators/data/images/index.ts'
import { psnr, upscaled } from '../../evaluators/metrics/index.ts'
import { pairsIn, shrinkers } from './experiment/domains.ts'
import { nameOf, type Plan, plans, type Variant } from './experiment/plan.ts'
import { matrix, projection } from './experiment/projection.ts'
import { adapted, type Quality, qualityOf, SCALE, type Trained, trained } from './experiment/training.ts'

/** Runs of the same seeds against each other; holds where the mean of their differences is positive. */
export function pairedClaim(
  facts: Pick<Claim, 'id' | 'metric'> & { readonly published?: number },
  baseline: { readonly name: string; readonly values: readonly number[] },
  ours: readonly number[],
): Claim {
  const difference = measured(ours.map((value, i) => value - baseline.values[i]!))
  return {
    id: facts.id,
    metric: facts.metric,
    direction: 'maximise',
    published: facts.published ?? null,
    baseline: { name: baseline.name, ...measured(baseline.values) },
    ours: measured(ours),
    difference,
    holds: difference.mean > 0,
  }
}

interface TestSet {
  readonly name: string
  readonly pairs: readonly PicturePair[]
}

interface Data {
  readonly train: PatchSplit<'train'>
  readonly tests: readonly TestSet[]
  /** Photographs of the adaptation: adapted to, and tested on. */
  readonly unpaired: readonly PicturePair[]
  readonly tested: readonly PicturePair[]
}

async function dataOf(plan: Plan, { data, log }: Pick<ReproduceOptions, 'data' | 'log'>): Promise<Data> {
  const { patch, batchSize, photographs, adaptation } = plan
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  const found = async (name: string) => (await findPairs(name, { scale: SCALE, environment }))?.pairs
  const [t91, set5, bsd] = [await found('T91'), await found('Set5'), await found('BSD100')]
  const real = t91 && set5 && bsd
  if (!real)
    log('T91, Set5 or BSD100 is missing in ARCHLOOM_DATA: generated scenes instead, which say nothing about benchmarks')
  const scenes = (count: number, seed: number) => generatedPairs(count, { scale: SCALE, size: 96, seed })
  const train = real ? t91.filter(({ lr }) => Math.min(lr.height, lr.width) >= patch) : scenes(16, 1)
  const tests = real
    ? [
        { name: 'Set5', pairs: set5 },
        { name: 'BSD100', pairs: bsd.slice(0, photographs) },
      ]
    : [{ name: 'scenes', pairs: scenes(4, 2) }]
  const others = real ? bsd : scenes(adaptation.unpaired + adaptation.tested, 3)
  return {
    // The rate falls every 20 steps.
    train: patchSplit('train', train, { patch, patches: 20 * batchSize }),
    tests,
    unpaired: others.slice(0, adaptation.unpaired),
    tested: others.slice(adaptation.unpaired, adaptation.unpaired + adaptation.tested),
  }
}

export interface Run {
  readonly variant: string
  readonly seed: number
  /** By test set. */
  readonly quality: Readonly<Record<string, Quality>>
}

export interface AdaptationRun {
  readonly target: string
  readonly seed: number
  readonly before: Quality
  readonly control: Quality
  readonly adapted: Quality
}

interface Context extends Data {
  readonly plan: Plan
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

async function sweepRun(context: Context, variant: Variant, seed: number): Promise<{ run: Run; pair: Trained }> {
  const { plan, train, tests, log, signal } = context
  const pair = await trained(plan, variant, { seed, data: train, signal })
  const quality: Record<string, Quality> = {}
  for (const { name, pairs } of tests) {
    quality[name] = await qualityOf(pair.network, pairs)
    signal.throwIfAborted()
  }
  const text = Object.entries(quality).map(
    ([name, { psnr: db, consistency }]) => `${name} ${db.toFixed(3)} dB (consistency ${consistency.toFixed(2)})`,
  )
  log(`seed ${seed}, ${nameOf(variant)}: ${text.join(', ')}`)
  return { run: { variant: nameOf(variant), seed, quality }, pair }
}

async function adaptationRuns(context: Context, pair: Trained, seed: number): Promise<AdaptationRun[]> {
  const { plan, train, log, signal } = context
  const found: AdaptationRun[] = []
  for (const target of plan.adaptation.targets) {
    const [unpaired, tested] = [pairsIn(target, context.unpaired), pairsIn(target, context.tested)]
    const foreign = patchSplit('train', unpaired, { patch: plan.patch })
    const measure = ({ network }: Trained) => qualityOf(network, tested, shrinkers[target])
    const before = await measure(pair)
    using control = await adapted(plan, pair, { seed, data: train, signal })
    using adaptedPair = await adapted(plan, pair, { seed, data: train, unpaired: foreign, signal })
    const run = { target, seed, before, control: await measure(control), adapted: await measure(adaptedPair) }
    const say = ({ psnr: db, consistency }: Quality) => `${db.toFixed(3)} dB (${consistency.toFixed(2)})`
    log(`seed ${seed}, ${target}: ${say(run.before)}; paired only ${say(run.control)}; adapted ${say(run.adapted)}`)
    found.push(run)
  }
  return found
}

/** Pythagoras on the images of the first test set: how far projecting leads, in dB, and whether the identity is exact. */
async function projectionClaim({ tests, log }: Context, { network }: Trained): Promise<Claim> {
  const gains: number[] = []
  let [worst, inconsistency] = [0, 0]
  for (const { lr, hr } of tests[0]?.pairs ?? []) {
    const guess = await upscaled((x) => network.upscale(x, { training: false }), lr)
    const channel = ({ pixels }: { readonly pixels: Uint8Array }, c: number) =>
      matrix(hr.height, hr.width, (i, j) => pixels[3 * (i * hr.width + j) + c] as number)
    const parts = [0, 1, 2].map((c) => projection(channel(guess, c), channel(hr, c), SCALE))
    const total = (key: 'before' | 'after') => parts.reduce((sum, part) => sum + part[key], 0)
    gains.push(10 * Math.log10(total('before') / total('after')))
    for (const { before, after, removed, inconsistency: gap } of parts) {
      worst = Math.max(worst, Math.abs(before - after - removed) / before)
      inconsistency = Math.max(inconsistency, gap)
    }
  }
  log(
    `projection: identity within ${worst.toExponential(1)}, small images met within ${inconsistency.toExponential(1)}`,
  )
  return {
    id: 'exact projection onto the images that explain the small one, λ = 0.1',
    metric: 'gain in dB (RGB)',
    direction: 'maximise',
    published: null,
    baseline: { name: 'not projected', mean: 0 },
    ours: { ...measured(gains), seeds: 1 },
    holds: worst < 1e-9 && inconsistency < 1e-6 && gains.every((gain) => gain >= 0),
  }
}

/** The paper's claims out of the runs; PSNR of DRN-S on Set5 was published for λ = 0 and λ = 0.1 (32.53 and 32.68 dB). */
export function claimsOf(runs: readonly Run[], adaptations: readonly AdaptationRun[]): Claim[] {
  const names = Object.keys(runs[0]?.quality ?? {})
  const valuesOf = (variant: string, set: string, key: keyof Quality) =>
    runs.flatMap((run) => (run.variant === variant ? [(run.quality[set] as Quality)[key]] : []))
  const variants = [...new Set(runs.map(({ variant }) => variant))]
  const plain = nameOf({ dualWeight: 0, duals: 'learnt' })
  const [small, large] = [nameOf({ dualWeight: 0.1, duals: 'learnt' }), nameOf({ dualWeight: 1, duals: 'learnt' })]
  const against = (better: string, worse: string) =>
    (['consistency', 'psnr'] as const).flatMap((key) =>
      names.map((set) =>
        pairedClaim(
          {
            id: `${better} over ${worse}, ${set}`,
            metric: key === 'psnr' ? 'PSNR-Y, dB' : 'LR-consistency, dB',
            ...(key === 'psnr' && set === 'Set5' && better === small && worse === plain && { published: 32.68 }),
          },
          { name: worse, values: valuesOf(worse, set, key) },
          valuesOf(better, set, key),
        ),
      ),
    )
  const sweep = variants.filter((variant) => variant !== plain && variant !== large).flatMap((v) => against(v, plain))
  const harm = variants.includes(large) ? against(small, large).filter(({ metric }) => metric.startsWith('PSNR')) : []
  const targets = [...new Set(adaptations.map(({ target }) => target))]
  const adaptation = targets.flatMap((target) =>
    (['psnr', 'consistency'] as const).map((key) => {
      const of = adaptations.filter((run) => run.target === target)
      return pairedClaim(
        {
          id: `adaptation to ${target}`,
          metric: key === 'psnr' ? 'PSNR-Y, dB' : 'consistency under the target degradation, dB',
        },
        { name: 'paired only', values: of.map(({ control }) => control[key]) },
        of.map((run) => run.adapted[key]),
      )
    }),
  )
  return [...sweep, ...harm, ...adaptation]
}

/** `archloom reproduce drn`: ×4 on T91, equal steps, paired seeds. `runs` and `adaptations` have every figure. */
export async function reproduce({ scale, seed, data, log, signal }: ReproduceOptions) {
  const plan = plans[scale]
  const began = realClock.now()
  await useEngine()
  const context: Context = { ...(await dataOf(plan, { ...(data !== undefined && { data }), log })), plan, log, signal }
  for (const { name, pairs } of context.tests) {
    const own = measured(pairs.map(({ lr, hr }) => psnr(upscaleBicubic(lr, SCALE), hr, { border: SCALE })))
    log(`bicubic, ${name}: ${own.mean.toFixed(3)} dB`)
  }
  const runs: Run[] = []
  const adaptations: AdaptationRun[] = []
  const others: Claim[] = []
  for (let each = seed; each < seed + plan.seeds; each++)
    for (const variant of plan.variants) {
      const { run, pair } = await sweepRun(context, variant, each)
      using _pair = pair
      runs.push(run)
      if (variant.dualWeight !== 0.1 || variant.duals !== 'learnt') continue
      if (each === seed) others.push(await projectionClaim(context, pair))
      adaptations.push(...(await adaptationRuns(context, pair, each)))
    }
  const claims = [...claimsOf(runs, adaptations), ...others]
  return { paper: 'drn', scale, seed, seconds: (realClock.now() - began) / 1000, claims, runs, adaptations }
}
