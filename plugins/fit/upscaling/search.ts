import {
  type CreateSearchOptions,
  createSearch,
  defineSpace,
  type Infer,
  memoryStore,
  oneOf,
  product,
  real,
  seeded,
} from '../../../core/index.ts'
import { l1Loss, useEngine } from '../../../core/tensor/index.ts'
import { type PicturePair, patchSplit, upscaleBicubic } from '../../../evaluators/data/images/index.ts'
import { parameterCount, psnr, upscalingQuality } from '../../../evaluators/metrics/index.ts'
import { type TrainingSession, trainingSession } from '../../../evaluators/training/index.ts'
import type { Upscaler } from '../../../evaluators/upscaling/index.ts'
import { buildCompactNetwork } from '../../../search-spaces/super-resolution/index.ts'
import { random } from '../../random/index.ts'
import { tpe } from '../../tpe/index.ts'
import type { Allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import type { FitEvent, Limits, TrialRecord } from '../events.ts'
import { bytesOf, costWithin, describeLimits } from '../limits.ts'
import { PATCH } from './read.ts'

/** A compact network and the learning rate that it is trained with. */
const decisions = product({
  features: oneOf(8, 16, 24, 32, 48),
  blocks: oneOf(1, 2, 3, 5, 8),
  learningRate: real(3e-4, 3e-3, { scale: 'log' }),
})
export type UpscalingArchitecture = Infer<typeof decisions>

/** What is tried first; a network made by hand is the first of them. */
const portfolio: readonly UpscalingArchitecture[] = [
  { features: 32, blocks: 5, learningRate: 1e-3 },
  { features: 16, blocks: 3, learningRate: 2e-3 },
  { features: 24, blocks: 2, learningRate: 1e-3 },
  { features: 8, blocks: 1, learningRate: 2e-3 },
]

const [BATCH, WARM_UP] = [16, 0.1]
/** Share of the budget of all first stretches together, and of the second one of each of the two best trials. */
const [FIRST, SECOND] = [0.3, 0.1]
const MOST_DRAWS = 100

export interface UpscalingSearchOptions {
  readonly train: readonly PicturePair[]
  readonly validation: readonly PicturePair[]
  readonly scale: number
  readonly allowance: Allowance
  readonly seed: number
  readonly limits: Limits
  readonly trials?: number
  readonly onEvent: (event: FitEvent) => void
  readonly signal: AbortSignal | undefined
  readonly strategy: 'search' | 'random'
  readonly study?: CreateSearchOptions<UpscalingArchitecture>['study']
}

export interface FoundUpscaler extends Disposable {
  readonly network: Upscaler
  readonly architecture: UpscalingArchitecture
  readonly trials: readonly TrialRecord<UpscalingArchitecture>[]
  /** Of the finished network and of bicubic enlargement, on held-out images. */
  readonly metrics: { readonly psnr: number; readonly ssim: number; readonly bicubicPsnr: number }
}

interface Running {
  readonly number: number
  readonly architecture: UpscalingArchitecture
  readonly network: Upscaler
  readonly session: TrainingSession
  quality: number
}

/**
 * Searches for a network that enlarges images: each trial trains for a short stretch, the two best continue, and the best is
 * trained to the end from there while its learning rate falls. The images that are measured are never trained on.
 * Errors: ARCHLOOM_FIT_LIMITS, ARCHLOOM_FIT_NOTHING_TRAINED.
 */
export async function searchUpscaler(options: UpscalingSearchOptions): Promise<FoundUpscaler> {
  const { train, validation, scale, allowance, seed, limits, onEvent, signal, strategy } = options
  await useEngine()
  const rng = seeded(seed)
  const minutes = allowance.left() / 60
  const count =
    options.trials ?? (allowance.timed ? Math.round(Math.min(8, Math.max(2, 4 * Math.sqrt(minutes / 10)))) : 3)
  const data = patchSplit('train', train, { patch: PATCH, patches: Math.max(BATCH, 16 * train.length) })
  const records: TrialRecord<UpscalingArchitecture>[] = []
  const running: Running[] = []
  const seen = new Set<string>()
  const least = { smallest: Number.POSITIVE_INFINITY }
  let spent = 0

  const build = (architecture: UpscalingArchitecture, number: number): Upscaler =>
    buildCompactNetwork(
      { scale, ...sizeOf(architecture) },
      { input: [PATCH, PATCH, 3], rng: rng.fork(`trial ${number}`) },
    )
  const fits = (architecture: UpscalingArchitecture) => {
    using network = build(architecture, 0)
    const parameters = parameterCount(network)
    least.smallest = Math.min(least.smallest, parameters)
    return costWithin({ parameters, multiplyAdds: 0 }, limits)
  }
  await using search = createSearch({
    space: defineSpace('fit-upscaling', decisions),
    // This loop asks and tells: it knows how the budget is shared.
    evaluator: () => ({ psnr: Number.NaN }),
    plugins: [strategy === 'search' ? tpe() : random()],
    objectives: { psnr: 'maximise' },
    budget: { maxConsecutiveFailures: MOST_DRAWS },
    seed,
    study: options.study ?? memoryStore(),
  })
  for (const architecture of strategy === 'search' ? portfolio : portfolio.slice(0, 1))
    await search.enqueue(architecture)

  const advance = async (trial: Running, share: number, rung: number) => {
    const { learningRate: peak } = trial.architecture
    const before = trial.session.steps
    const warm = (progress: number) =>
      rung === 0 && progress < WARM_UP ? peak * Math.max(0.02, progress / WARM_UP) : peak
    await trial.session.train({ data, pace: allowance.stretch(share), learningRate: warm, signal })
    spent += trial.session.steps - before
    const { psnr: quality, ssim } = await trial.session.averaged(() => qualityOf(trial.network, validation))
    trial.quality = quality
    const record: TrialRecord<UpscalingArchitecture> = {
      trial: trial.number,
      rung,
      name: nameOf(trial.architecture, trial.number),
      architecture: trial.architecture,
      metrics: { psnr: quality, ssim, parameters: parameterCount(trial.network) },
      steps: trial.session.steps,
      seconds: allowance.seconds(),
    }
    records.push(record)
    onEvent({ type: 'trial', ...record })
    return record.metrics
  }
  const giveUp = (trial: Running) => {
    running.splice(running.indexOf(trial), 1)
    trial.session[Symbol.dispose]()
  }

  try {
    for (let draws = 0; running.length < count && draws < MOST_DRAWS; draws++) {
      if (signal?.aborted && running.length > 0) break
      const proposal = await search.propose()
      const { architecture } = proposal
      const key = JSON.stringify(architecture)
      if (seen.has(key) || !fits(architecture)) {
        await search.observe(proposal, { failed: 'it was tried, or is larger than the limits allow' })
        continue
      }
      seen.add(key)
      const number = running.length
      const network = build(architecture, number)
      const session = trainingSession({
        network,
        rng: rng.fork(`training ${number}`),
        optimizer: 'adamW',
        weightDecay: 0,
        batchSize: BATCH,
        loss: l1Loss,
      })
      const trial = { number, architecture, network, session, quality: Number.NEGATIVE_INFINITY }
      running.push(trial)
      const outcome = await advance(trial, FIRST / count, 0)
      await search.observe(proposal, outcome)
    }
    if (running.length === 0)
      throw Number.isFinite(least.smallest)
        ? error('ARCHLOOM_FIT_LIMITS', {
            limits: describeLimits(limits),
            least: `the smallest one has ${least.smallest} parameters (${bytesOf({ parameters: least.smallest, multiplyAdds: 0 })} bytes)`,
          })
        : error('ARCHLOOM_FIT_NOTHING_TRAINED', { trials: 0 })
    const ranked = () => running.toSorted((a, b) => b.quality - a.quality || a.number - b.number)
    for (const trial of ranked().slice(2)) giveUp(trial)
    if (running.length > 1) for (const trial of running) if (!signal?.aborted) await advance(trial, SECOND, 1)
    for (const trial of ranked().slice(1)) giveUp(trial)
    const winner = running[0]!
    const { architecture, number } = winner
    onEvent({ type: 'winner', trial: number, name: nameOf(architecture, number), metrics: { psnr: winner.quality } })
    const began = allowance.seconds()
    await winner.session.train({
      data,
      pace: allowance.rest(spent),
      learningRate: (share) => architecture.learningRate * Math.max(1e-3, 1 - share),
      signal,
      onStep: (step, loss, share) => {
        if (step % 25 === 0) onEvent({ type: 'progress', share, step, loss, seconds: allowance.seconds() - began })
      },
    })
    winner.session.adopt()
    running.length = 0
    const { psnr: found, ssim } = await qualityOf(winner.network, validation)
    const bicubicPsnr = mean(validation.map(({ lr, hr }) => psnr(upscaleBicubic(lr, scale), hr, { border: scale })))
    return {
      network: winner.network,
      architecture,
      trials: records,
      metrics: { psnr: found, ssim, bicubicPsnr },
      [Symbol.dispose]: () => winner.network[Symbol.dispose](),
    }
  } finally {
    for (const trial of running) trial.session[Symbol.dispose]()
  }
}

const qualityOf = (network: Upscaler, pairs: readonly PicturePair[]) =>
  upscalingQuality((lr) => network.upscale(lr, { training: false }), pairs)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The options of the network. */
export const sizeOf = ({ features, blocks }: UpscalingArchitecture) => ({ features, blocks })

const nameOf = ({ features, blocks, learningRate }: UpscalingArchitecture, trial: number) =>
  `${trial === 0 ? 'hand-made ' : ''}${blocks} residual block${blocks === 1 ? '' : 's'} of ${features} channels, rate ${learningRate.toPrecision(2)}`
