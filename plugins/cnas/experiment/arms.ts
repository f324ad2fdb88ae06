import { join } from 'node:path'
import {
  createSearch,
  type Dataset,
  memoryStore,
  type Plugin,
  type Progress,
  type StudyOptions,
} from '../../../core/index.ts'
import { retrain, type TrainingOptions } from '../../../evaluators/train-from-scratch/index.ts'
import { weightSharing } from '../../../evaluators/weight-sharing/index.ts'
import { type CellOperationName, type CellOptions, cellSpace } from '../../../search-spaces/cell/index.ts'
import { type CnasOptions, cnas } from '../index.ts'
import { type ResumableOptions, resumableTrainer } from './resumable-trainer.ts'

/** The effort, which is the same in every arm. */
export interface ArmSettings {
  readonly space: CellOptions<number, readonly CellOperationName[]>
  readonly batchSize: number
  /** Epochs of a stage of the curriculum. */
  readonly warmUpEpochs: number
  readonly epochs: number
  /** Number of steps per epoch. Default: whole passes. */
  readonly weightSteps?: number
  readonly policySteps?: number
  readonly candidates: number
  readonly controller?: NonNullable<CnasOptions['controller']>
  /** SGD of the shared weights. */
  readonly weights?: Pick<CnasOptions, 'learningRate' | 'momentum' | 'weightDecay' | 'clipNorm'>
  readonly retraining: Omit<TrainingOptions, 'trainer'> & { readonly schedule: RetrainingSchedule }
  /** Space of the retrained network. Default: that of the search. */
  readonly retrainedSpace?: CellOptions<number, readonly CellOperationName[]>
}

/** Schedules over the whole retraining. */
export type RetrainingSchedule = Pick<ResumableOptions, 'learningRate' | 'dropPath' | 'clipNorm'>

export const armNames = ['fixed space', 'curriculum', 'curriculum without warm-up', 'random'] as const
export type ArmName = (typeof armNames)[number]

/**
 * The same number of weight steps in every arm, and of policy steps in all but `random`, which spends their validation
 * batches on measuring uniformly drawn architectures with the shared weights.
 */
export function armOptions(arm: ArmName, settings: ArmSettings, validationSize: number): CnasOptions {
  const { space, warmUpEpochs, epochs, candidates, batchSize, controller, weights } = settings
  const { weightSteps, policySteps } = settings
  const stages = (space.operations ?? []).length
  const shared = {
    candidates,
    ...(controller && { controller }),
    ...weights,
    ...(weightSteps !== undefined && { weightSteps }),
    ...(policySteps !== undefined && { policySteps }),
  }
  const batches = Math.ceil(validationSize / batchSize)
  switch (arm) {
    case 'curriculum':
      return { ...shared, grow: 'operations', warmUp: { epochs: warmUpEpochs }, epochs }
    case 'fixed space':
      return { ...shared, grow: 'none', warmUp: { epochs: stages * warmUpEpochs }, epochs: stages * epochs }
    case 'curriculum without warm-up': {
      if (weightSteps === undefined) throw new Error('this arm needs a number of weight steps')
      const every = (weightSteps * (warmUpEpochs + epochs)) / epochs
      return { ...shared, grow: 'operations', warmUp: { epochs: 0 }, epochs, weightSteps: every }
    }
    case 'random': {
      const spent = (policySteps ?? batches) * stages * epochs
      const more = Math.floor(spent / batches)
      return {
        ...shared,
        grow: 'none',
        warmUp: { epochs: stages * (warmUpEpochs + epochs) },
        epochs: 0,
        candidates: candidates + more,
      }
    }
  }
}

/** The end of a stage: the architecture that its policy derives, measured with shared weights. */
export interface StagePoint {
  readonly stage: number
  readonly accuracy: number
}

export interface ArmResult {
  readonly testAccuracy: number
  readonly sharedAccuracy: number
  readonly weightSteps: number
  readonly policySteps: number
  readonly parameters: number
  readonly architecture: string
  readonly curve: readonly StagePoint[]
}

export interface ArmRun {
  readonly arm: ArmName
  readonly settings: ArmSettings
  readonly data: Dataset
  readonly seed: number
  readonly log: (text: string) => void
  readonly signal: AbortSignal
  /** Folder of checkpoint and study, for long searches. */
  readonly directory?: string
  /** Such as a weight optimizer. */
  readonly plugins?: readonly Plugin[]
}

/** Runs one search, trains its winner from scratch and tests it once. */
export async function runArm({
  arm,
  settings,
  data,
  seed,
  log,
  signal,
  directory,
  plugins = [],
}: ArmRun): Promise<ArmResult> {
  const space = cellSpace(settings.space)
  const checkpoint = directory === undefined ? {} : { checkpoint: { directory } }
  const study: StudyOptions | undefined = directory === undefined ? undefined : { directory, name: 'study' }
  await using search = createSearch({
    space,
    evaluator: weightSharing({ data, batchSize: settings.batchSize }),
    plugins: [cnas({ ...armOptions(arm, settings, data.validation.size), ...checkpoint }), ...plugins],
    objectives: { accuracy: 'maximise' },
    budget: {},
    seed,
    study: study ?? memoryStore(),
  })
  const steps = { weights: 0, policy: 0 }
  const curve: StagePoint[] = []
  for await (const event of search.run({ signal })) {
    if (event.type === 'weights.progress') steps.weights = event.step
    else if (event.type === 'policy.progress') steps.policy = event.step
    else if (event.type === 'stage.started' && directory !== undefined) log(`${arm}: ${event.stage}`)
    else if (event.type === 'checkpoint.written' && directory !== undefined)
      log(`${arm}: epoch ${event.step}, ${steps.weights} weight steps, ${steps.policy} policy steps`)
    else if (event.type === 'plugin.event' && event.name === 'stage derived')
      curve.push(event.facts as unknown as StagePoint)
  }
  signal.throwIfAborted()
  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')
  curve.push({ stage: curve.length, accuracy: best.reward })
  const full = settings.retrainedSpace ? cellSpace(settings.retrainedSpace) : space
  const { schedule, ...retraining } = settings.retraining
  const { batchSize = 64, epochs } = retraining
  const trainer = directory
    ? resumableTrainer({
        directory: join(directory, 'retraining'),
        batchSize,
        ...schedule,
        identity: {
          space: full.fingerprint,
          spaceName: full.name,
          settings: JSON.stringify({ epochs, batchSize, seed, genotype: best.genotype }),
        },
      })
    : schedule
  const onProgress = ({ epoch, metrics }: Progress) => {
    if (directory !== undefined) log(`${arm}: retraining epoch ${epoch} of ${epochs}, loss ${metrics.loss?.toFixed(3)}`)
  }
  using trained = await retrain(
    { build: (options) => full.build(best.architecture, options) },
    { ...retraining, trainer, data, seed, signal, onProgress },
  )
  const result: ArmResult = {
    testAccuracy: trained.testAccuracy!,
    sharedAccuracy: best.reward,
    weightSteps: steps.weights,
    policySteps: steps.policy,
    parameters: trained.parameters,
    architecture: space.format(best.genotype),
    curve,
  }
  log(
    `seed ${seed}, ${arm}: test ${(100 * result.testAccuracy).toFixed(2)} % from scratch, ${(100 * result.sharedAccuracy).toFixed(2)} % with shared weights; ${steps.weights} weight steps, ${steps.policy} policy steps; curve ${curve.map(({ accuracy }) => (100 * accuracy).toFixed(1)).join(' ')}`,
  )
  return result
}
