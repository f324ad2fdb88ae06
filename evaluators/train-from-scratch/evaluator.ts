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
import { augmented, searchTrainer, trainerOf, trainingFields } from './options.ts'

/** What your own measurement receives. The network is disposed afterwards. */
export interface Trained<A = unknown> {
  readonly network: Network
  readonly architecture: A
  readonly train: Split<'train'>
  readonly validation: Split<'validation'>
  readonly epochs: number
  /** Training time in seconds, by the search's clock. */
  readonly seconds: number
  readonly signal: AbortSignal
}
export type Measurement = (trained: Trained) => number | Promise<number>

/**
 * Training time as a metric: `metrics: { trainSeconds }`. It is not measured by default, because it differs from run
 * to run.
 */
export const trainSeconds: Measurement = ({ seconds }) => seconds

const declared = declare('trainFromScratch', {
  data: required(
    value<Pick<Dataset, 'train' | 'validation'>>(
      'a data set with train and validation splits, such as `await cifar10()`',
      { holds: isData, doc: 'Training and validation splits; the test split is not looked at.' },
    ),
  ),
  ...trainingFields,
  trainer: searchTrainer,
  repeats: whole({
    min: 1,
    default: 1,
    doc: 'Train so many times from different weights and report the mean of each metric, and `accuracySd`.',
  }),
  metrics: value<Readonly<Record<string, Measurement>>>('an object of functions by name', {
    default: {},
    holds: isObject,
    doc: 'Metrics of your own by name, measured after training.',
  }),
})
export type TrainFromScratchOptions = OptionsOf<typeof declared>

function isData(data: unknown): boolean {
  const { train, validation } = (data ?? {}) as Partial<Dataset>
  return typeof train?.batches === 'function' && typeof validation?.batches === 'function'
}

const NAME = 'train-from-scratch'

/**
 * Trains every architecture from fresh weights and measures it on the validation split: `loss` (cross-entropy for
 * classifiers, otherwise the loss of the trainer), `accuracy` (for classifiers), `parameters`, `multiplyAdds` if the
 * space has a cost function, and the metrics you add. Fidelity scales the epochs. Weights, order of examples and
 * augmentation depend on the trial's seed only. With a scheduler, a paused trial continues exactly where it stopped
 * (weights, optimizer, order of examples, random streams) if the trainer saves its state, as the built-in one does;
 * with another trainer it starts again. Errors: ARCHLOOM_OPTION; errors of the trainer become failed trials.
 */
export function trainFromScratch(options: TrainFromScratchOptions): EvaluatorDefinition {
  const { data, repeats, metrics } = declared.read(options)
  const train = augmented('trainFromScratch', data.train, options.augment)
  // The trainer of a plugin is known only when the search is composed. Until then `loss` is assumed to exist; it is
  // checked per trial.
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
        trainNetwork: async (request, { signal, report, checkpoint }) => {
          const from = checkpoint && decodeStates(checkpoint.data)[0]
          const context = { signal, report }
          const run = { repeat: 0, from }
          return (await trainOnce({ ...options, train, metrics }, parts, request, context, run)).network
        },
        evaluate: async (request, context) => {
          const runs: Metrics[] = []
          const states: TrainingState[] = []
          const known = context.checkpoint && decodeStates(context.checkpoint.data)
          for (let repeat = 0; repeat < repeats; repeat++)
            runs.push(
              await measureOnce({ ...options, train, metrics }, parts, request, context, {
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

/** Encodes training states as the bytes of one safetensors file. */
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
  readonly save?: ((state: TrainingState) => void) | undefined
}

type Metrics = Readonly<Record<string, number>>
type Resolved = TrainFromScratchOptions & {
  readonly train: Split<'train'>
  readonly metrics: NonNullable<TrainFromScratchOptions['metrics']>
}

/** Trains a network from its own seed, or from a saved state. The caller disposes it. */
async function trainOnce(
  options: Resolved,
  { space, clock, trainer: provided }: EvaluatorParts,
  { architecture, seed, fidelity }: EvaluationRequest,
  { signal, report, tell }: Pick<EvaluationContext, 'signal' | 'report'> & Partial<Pick<EvaluationContext, 'tell'>>,
  { repeat, from, save }: RunOptions,
) {
  signal.throwIfAborted()
  if (!space.build) throw error('ARCHLOOM_TRAIN_FROM_SCRATCH_NETWORKS', { space: space.name })
  const { train, data } = options
  const rng = seeded(seed).fork(`repeat/${repeat}`)
  const form = { input: train.inputShape, classes: train.classes }
  const network = space.build(architecture, { ...form, rng: rng.fork('weights') })
  try {
    const epochs = options.epochs * fidelity
    const began = clock.now()
    const fit: FitOptions = {
      epochs,
      // Schedules span the full effort. A rung runs a part of it, and the next rung continues.
      horizon: options.epochs,
      rng: rng.fork('training'),
      validation: data.validation,
      signal,
      ...(tell && { tell }),
      ...(from && { from }),
      ...(save && { save }),
    }
    // Steps are counted over all repeats, so that displays show one run.
    const { trainer: wanted, batchSize } = options
    const own = typeof wanted === 'function' ? wanted(architecture as never) : wanted
    const trainer = trainerOf({ ...(batchSize && { batchSize }), ...(own && { trainer: own }) }, provided)
    for await (const { step, steps, metrics } of trainer.fit(network, train, fit))
      if (report(repeat * steps + step, metrics) === 'stop') break
    signal.throwIfAborted()
    return { network, trainer, epochs, seconds: (clock.now() - began) / 1000 }
  } catch (thrown) {
    network[Symbol.dispose]()
    throw thrown
  }
}

async function measureOnce(
  options: Resolved,
  parts: EvaluatorParts,
  request: EvaluationRequest,
  context: EvaluationContext,
  { save, ...run }: RunOptions,
): Promise<Metrics> {
  const { train, data } = options
  const { architecture } = request
  const { signal } = context
  const {
    network: made,
    trainer,
    ...facts
  } = await trainOnce(options, parts, request, context, {
    ...run,
    save: context.saveCheckpoint && save,
  })
  using network = made
  const { validation } = data
  const trained: Trained = { network, architecture, train, validation, ...facts, signal }
  const own: Record<string, number> = {}
  for (const [name, measure] of Object.entries(options.metrics)) own[name] = await measure(trained)
  const cost = parts.space.cost?.(architecture, { input: train.inputShape, classes: train.classes })
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
  const mean = (name: string) => runs.reduce((sum, run) => sum + run[name]!, 0) / runs.length
  const means = Object.fromEntries(Object.keys(runs[0] as Metrics).map((name) => [name, mean(name)]))
  const { accuracy } = means
  if (accuracy === undefined) return means
  const squares = runs.reduce((sum, run) => sum + ((run.accuracy as number) - accuracy) ** 2, 0)
  return { ...means, accuracySd: Math.sqrt(squares / (runs.length - 1)) }
}
