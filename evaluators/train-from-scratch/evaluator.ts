import type { EvaluationContext, EvaluationRequest, EvaluatorDefinition, EvaluatorParts } from '../../core/evaluator.ts'
import { options as declare, isObject, type OptionsOf, required, value, whole } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import type { Json } from '../../core/space/index.ts'
import { decodeSafetensors, encodeSafetensors, useEngine } from '../../core/tensor/index.ts'
import type { Dataset, FitOptions, Network, Split, Trainer, TrainingState } from '../../core/trainer.ts'
import { classify } from '../metrics/classification.ts'
import { meanLoss } from '../metrics/mean-loss.ts'
import { parameterCount } from '../metrics/parameters.ts'
import { error } from './errors.ts'
import { augmented, trainerOf, trainingFields } from './options.ts'

/** What a measurement of your own may look at. The network is disposed afterwards. */
export interface Trained<A = unknown> {
  readonly network: Network
  readonly architecture: A
  readonly train: Split<'train'>
  readonly validation: Split<'validation'>
  readonly epochs: number
  /** Training time by the search's clock. */
  readonly seconds: number
  readonly signal: AbortSignal
}
export type Measurement = (trained: Trained) => number | Promise<number>

/** Training time as a metric: `metrics: { trainSeconds }`. Left out by default, because it differs from run to run. */
export const trainSeconds: Measurement = ({ seconds }) => seconds

const declared = declare('trainFromScratch', {
  /** Training and validation splits; the test split is not looked at. */
  data: required(
    value<Pick<Dataset, 'train' | 'validation'>>(
      'a data set with train and validation splits, such as `await cifar10()`',
      { holds: isData },
    ),
  ),
  ...trainingFields,
  /** Train so many times from different weights and report the mean of each metric, and `accuracySd`. Default 1. */
  repeats: whole({ min: 1, default: 1 }),
  /** Metrics of your own by name, measured after training. */
  metrics: value<Readonly<Record<string, Measurement>>>('an object of functions by name', {
    default: {},
    holds: isObject,
  }),
})
export type TrainFromScratchOptions = OptionsOf<typeof declared>

function isData(data: unknown): boolean {
  const { train, validation } = (data ?? {}) as Partial<Dataset>
  return typeof train?.batches === 'function' && typeof validation?.batches === 'function'
}

const NAME = 'train-from-scratch'

/**
 * Trains every architecture from fresh weights and measures it on the validation split: `loss` (cross-entropy of
 * classifiers, the trainer's own where the targets are not classes), `accuracy` (of classifiers), `parameters`, `multiplyAdds` where the space has cost, and the metrics you add. Fidelity scales the
 * epochs. Weights, order of examples and augmentation depend on the trial's seed only.
 * With a scheduler, a paused trial goes on exactly from where it was (weights, optimizer, order of examples, random
 * streams), where the trainer saves its state, as the stock one does; with another trainer it starts again.
 * Errors: ARCHLOOM_OPTION; as failed trials those of the trainer.
 */
export function trainFromScratch(options: TrainFromScratchOptions): EvaluatorDefinition {
  const { data, repeats, metrics } = declared.read(options)
  const train = augmented('trainFromScratch', data.train, options.augment)
  // A trainer of a plugin's is known only when the search is composed: `loss` is then promised, and checked per trial.
  const measured = train.classes > 0 ? ['accuracy', 'loss', ...(repeats > 1 ? ['accuracySd'] : [])] : ['loss']
  return {
    kind: 'from-scratch',
    name: NAME,
    needs: ['networks'],
    metrics: [...measured, 'parameters', 'multiplyAdds', ...Object.keys(metrics)],
    create: async (parts) => {
      await useEngine(options.engine)
      return {
        kind: 'from-scratch',
        name: NAME,
        ...(parts.space.cost && {
          costs: (architecture) => ({
            ...parts.space.cost!(architecture, { input: train.inputShape, classes: train.classes }),
          }),
        }),
        evaluate: async (request, context) => {
          const runs: Metrics[] = []
          const states: TrainingState[] = []
          const known = context.checkpoint && decodeStates(context.checkpoint.data)
          for (let repeat = 0; repeat < repeats; repeat++)
            runs.push(
              await trainOnce({ ...options, train, metrics }, parts, request, context, {
                repeat,
                from: known?.[repeat],
                save: (state) => void states.push(state),
              }),
            )
          if (states.length === repeats) context.saveCheckpoint?.(encodeStates(states))
          return { metrics: repeats === 1 ? (runs[0] as Metrics) : meanOf(runs) }
        },
      }
    },
  }
}

/** Trainings as the bytes of one safetensors file. */
const encodeStates = (states: readonly TrainingState[]): Uint8Array =>
  encodeSafetensors(
    states.flatMap(({ weights }, i) => weights.map((weight) => ({ ...weight, name: `${i}/${weight.name}` }))),
    { metadata: { progress: JSON.stringify(states.map(({ progress }) => progress)) } },
  )

function decodeStates(data: Uint8Array): TrainingState[] {
  const { weights, metadata } = decodeSafetensors(data, 'a checkpoint')
  return (JSON.parse(metadata.progress!) as Json[]).map((progress, i) => ({
    progress,
    weights: weights
      .filter(({ name }) => name.startsWith(`${i}/`))
      .map((weight) => ({ ...weight, name: weight.name.slice(`${i}/`.length) })),
  }))
}

interface RunOptions {
  readonly repeat: number
  readonly from: TrainingState | undefined
  readonly save: (state: TrainingState) => void
}

type Metrics = Readonly<Record<string, number>>
type Resolved = TrainFromScratchOptions & {
  readonly train: Split<'train'>
  readonly metrics: NonNullable<TrainFromScratchOptions['metrics']>
}

async function trainOnce(
  options: Resolved,
  { space, clock, trainer: provided }: EvaluatorParts,
  { architecture, seed, fidelity }: EvaluationRequest,
  { signal, report, tell, saveCheckpoint }: EvaluationContext,
  { repeat, from, save }: RunOptions,
): Promise<Metrics> {
  signal.throwIfAborted()
  if (!space.build) throw error('ARCHLOOM_TRAIN_FROM_SCRATCH_NETWORKS', { space: space.name })
  const { train, data } = options
  const { validation } = data
  const rng = seeded(seed).fork(`repeat/${repeat}`)
  const form = { input: train.inputShape, classes: train.classes }
  using network = space.build(architecture, { ...form, rng: rng.fork('weights') })
  const epochs = options.epochs * fidelity
  const began = clock.now()
  const fit: FitOptions = {
    epochs,
    // Schedules span the full effort: a rung is its beginning, and the next one goes on.
    horizon: options.epochs,
    rng: rng.fork('training'),
    validation,
    signal,
    tell,
    ...(from && { from }),
    ...(saveCheckpoint && { save }),
  }
  // Steps of all repeats count up: a display sees one run.
  const trainer = trainerOf(options, provided)
  for await (const { step, steps, metrics } of trainer.fit(network, train, fit))
    if (report(repeat * steps + step, metrics) === 'stop') break
  signal.throwIfAborted()
  const seconds = (clock.now() - began) / 1000
  const trained: Trained = { network, architecture, train, validation, epochs, seconds, signal }
  const own: Record<string, number> = {}
  for (const [name, measure] of Object.entries(options.metrics)) own[name] = await measure(trained)
  const cost = space.cost?.(architecture, form)
  return {
    ...(await scores(network, validation, trainer, signal)),
    parameters: parameterCount(network),
    ...(cost && { multiplyAdds: cost.multiplyAdds }),
    ...own,
  }
}

async function scores(
  network: Network,
  validation: Split<'validation'>,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<Metrics> {
  if (validation.classes === 0)
    return trainer.loss ? { loss: await meanLoss(network, validation, trainer.loss, { signal }) } : {}
  const { accuracy, loss } = await classify(network, validation, { signal })
  return { accuracy, loss }
}

/** The mean of each metric, and the standard deviation of the accuracy (n − 1). */
function meanOf(runs: readonly Metrics[]): Metrics {
  const mean = (name: string) => runs.reduce((sum, run) => sum + (run[name] as number), 0) / runs.length
  const means = Object.fromEntries(Object.keys(runs[0] as Metrics).map((name) => [name, mean(name)]))
  const { accuracy } = means
  if (accuracy === undefined) return means
  const squares = runs.reduce((sum, run) => sum + ((run.accuracy as number) - accuracy) ** 2, 0)
  return { ...means, accuracySd: Math.sqrt(squares / (runs.length - 1)) }
}
