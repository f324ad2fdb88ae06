import {
  createSearch,
  memoryStore,
  type Random,
  type SearchSpace,
  type StudyOptions,
  seeded,
} from '../../../core/index.ts'
import {
  type PatchDataset,
  type Picture,
  type PicturePair,
  patchDataset,
} from '../../../evaluators/data/images/index.ts'
import { upscaled } from '../../../evaluators/metrics/index.ts'
import {
  type BaselineOptions,
  baselineChannels,
  baselineCost,
  buildBaselineNetwork,
  type SuperResolutionArchitecture,
  type SuperResolutionOptions,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'
import { COST_SIDE, type HnasOptions, hnas, retrainUpscaler, sharedUpscaling } from '../index.ts'

/** How much is spent on one search and on training one network alone; the same in every arm. */
export interface ArmSettings {
  /** Of the search; retrained networks have no normalisation. */
  readonly space: SuperResolutionOptions
  /** Of retraining. Default: those of the search. */
  readonly retrainedSpace?: SuperResolutionOptions
  readonly patch: number
  readonly batchSize: number
  readonly search: HnasOptions
  /** Held-out images that candidates are measured on. */
  readonly images: number
  readonly calibrationBatches: number
  /** Steps of training alone, their batches and patches. */
  readonly retrainSteps: number
  readonly retrainBatch: number
  readonly retrainPatch: number
  /** Random architectures cost what the searched one costs, within this share. */
  readonly tolerance: number
  /** Measure the retrained networks as the mean over eight mirrorings and turns. */
  readonly ensemble: boolean
}

export interface Pictures {
  readonly name: string
  readonly train: readonly PicturePair[]
  readonly validation: readonly PicturePair[]
  /** By name; looked at only after training. */
  readonly tests: Readonly<Record<string, readonly PicturePair[]>>
  readonly notes: readonly string[]
}

const form = { input: [COST_SIDE, COST_SIDE, 3], classes: 0 }

export function dataOf(pictures: Pictures, patch: number, patches?: number): PatchDataset {
  const { train, validation, tests } = pictures
  const count = patches === undefined ? {} : { patches }
  return patchDataset({ name: pictures.name, train, validation, test: Object.values(tests)[0] ?? [], patch, ...count })
}

export interface Searched {
  readonly architecture: SuperResolutionArchitecture
  readonly text: string
  /** With shared weights, on held-out images. */
  readonly psnr: number
  readonly multiplyAdds: number
  /** Mean multiply-adds of all architectures that were drawn from the final policy. */
  readonly drawn: number
}

export interface SearchRun {
  readonly settings: ArmSettings
  readonly pictures: Pictures
  readonly tradeOff: number
  readonly seed: number
  readonly signal: AbortSignal
  /** Folder of checkpoint and study, for searches that last. */
  readonly directory?: string
}

/** One search; its best candidate on held-out images. */
export async function searchArchitecture(run: SearchRun): Promise<Searched> {
  const { settings, pictures, tradeOff, seed, signal, directory } = run
  const space = superResolutionSpace({ ...settings.space, normalised: true })
  const study: StudyOptions | undefined = directory === undefined ? undefined : { directory, name: 'study' }
  const { batchSize, images, calibrationBatches } = settings
  await using search = createSearch({
    space,
    evaluator: sharedUpscaling({ data: dataOf(pictures, settings.patch), batchSize, images, calibrationBatches }),
    plugins: [hnas({ ...settings.search, tradeOff, ...(directory !== undefined && { checkpoint: { directory } }) })],
    objectives: { psnr: 'maximise' },
    budget: {},
    seed,
    study: study ?? memoryStore(),
  })
  const costs: number[] = []
  for await (const event of search.run({ signal }))
    if (event.type === 'trial.completed') costs.push(event.metrics.multiplyAdds as number)
  signal.throwIfAborted()
  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')
  return {
    architecture: best.architecture,
    text: space.format(best.genotype),
    psnr: best.reward,
    multiplyAdds: best.metrics.multiplyAdds as number,
    drawn: costs.reduce((sum, cost) => sum + cost, 0) / costs.length,
  }
}

/** The first uniformly drawn architecture whose cost is within the tolerance. */
export function randomAtCost(
  space: SearchSpace<SuperResolutionArchitecture>,
  multiplyAdds: number,
  tolerance: number,
  rng: Random,
): SuperResolutionArchitecture {
  for (;;) {
    const architecture = space.decode(space.random(rng))
    const cost = space.cost?.(architecture, form).multiplyAdds as number
    if (Math.abs(cost / multiplyAdds - 1) <= tolerance) return architecture
  }
}

export const armNames = ['searched', 'random', 'residual', 'rcab'] as const
export type ArmName = (typeof armNames)[number]

export interface ArmResult {
  readonly parameters: number
  readonly multiplyAdds: number
  readonly validation: number
  /** PSNR in dB by test set. */
  readonly tests: Readonly<Record<string, { readonly psnr: number; readonly ssim: number }>>
  /** Of the first image of the first test set. */
  readonly picture: Picture
}

/** One network trained alone and measured once on the test sets. */
export async function trainArm(
  arm: ArmName,
  { settings, pictures, seed, signal }: Omit<SearchRun, 'tradeOff'>,
  searched: Pick<Searched, 'architecture'>,
): Promise<ArmResult> {
  const options = { ...(settings.retrainedSpace ?? settings.space), normalised: false }
  const space = superResolutionSpace(options)
  const { multiplyAdds } = space.cost(searched.architecture, form)
  const winner = () => {
    if (arm === 'searched' || arm === 'random') {
      const drawn = seeded(seed).fork('random architecture')
      const architecture =
        arm === 'searched' ? searched.architecture : randomAtCost(space, multiplyAdds, settings.tolerance, drawn)
      return { build: space.build.bind(space, architecture), cost: space.cost(architecture, form) }
    }
    const { scale, cells, nodes, shortcut } = space.options
    const given: BaselineOptions = { block: arm, scale, cells, nodes, shortcut }
    const channels = baselineChannels(given, multiplyAdds, form.input)
    const fixed = { ...given, channels }
    return {
      build: (build: Parameters<typeof buildBaselineNetwork>[1]) => buildBaselineNetwork(fixed, build),
      cost: baselineCost(fixed, form.input),
    }
  }
  const made = winner()
  const { retrainSteps, retrainBatch, retrainPatch, ensemble } = settings
  const data = dataOf(pictures, retrainPatch, retrainSteps * retrainBatch)
  using trained = await retrainUpscaler(made, { data, epochs: 1, batchSize: retrainBatch, ensemble, seed, signal })
  const tests: Record<string, { psnr: number; ssim: number }> = {}
  for (const [at, [name, pairs]] of Object.entries(pictures.tests).entries()) {
    const { psnr, ssim } = at === 0 ? trained.test : await trained.measure(pairs)
    tests[name] = { psnr, ssim }
  }
  const [first] = Object.values(pictures.tests)[0] ?? []
  return {
    parameters: trained.parameters,
    multiplyAdds: made.cost.multiplyAdds,
    validation: trained.validation.psnr,
    tests,
    picture: await upscaled((lr) => trained.network.upscale(lr, { training: false }), (first as PicturePair).lr),
  }
}
