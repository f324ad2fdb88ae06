import * as tf from '@tensorflow/tfjs-core'
import { type Json, type RandomState, stepMeans } from '../../core/index.ts'
import {
  among,
  callback,
  either,
  flag,
  group,
  number,
  type OptionsOf,
  options,
  whole,
} from '../../core/options/index.ts'
import {
  adam,
  adamW,
  momentum as momentumOptimizer,
  StepOptimizer,
  softmaxCrossEntropy,
  trainStep,
  trainStepAsync,
} from '../../core/tensor/index.ts'
import type {
  ApplyMode,
  Batch,
  FitOptions,
  Network,
  OptimizerFactory,
  Progress,
  SavedWeight,
  Split,
  Trainer,
} from '../../core/trainer.ts'
import { classify } from '../metrics/classification.ts'
import { nextTurn } from './batches.ts'
import { checkEpochs, error } from './errors.ts'
import { cosine, type Schedule, toSchedule } from './schedules.ts'

/** The names of the built-in optimizers. */
const stock = ['sgd', 'adam', 'adamW'] as const
const shareOrSchedule = [number({ min: 0, below: 1 }), callback<Schedule>()] as const

export const supervisedFields = {
  batchSize: whole({ min: 1, default: 64, doc: 'Examples of a batch.' }),
  optimizer: either([among(stock), callback<OptimizerFactory>()], {
    default: 'sgd',
    doc: "'sgd' has momentum. A factory brings any tfjs optimizer; one with a `tap` is shown the inputs of linear layers.",
  }),
  learningRate: either([number({ above: 0 }), callback<Schedule>()], {
    absent: "a cosine from 0.05 ('sgd') or 0.001 ('adam', 'adamW') to 0",
    doc: 'Learning rate, or a schedule of it.',
  }),
  momentum: number({ min: 0, below: 1, default: 0.9, doc: "Only for 'sgd'." }),
  nesterov: flag({ default: true, doc: "Only for 'sgd'." }),
  weightDecay: number({ min: 0, default: 3e-4, doc: 'On kernels, not on biases and normalisation.' }),
  labelSmoothing: number({ min: 0, below: 1, default: 0, doc: 'Share of the target that is spread over all classes.' }),
  clipNorm: either([number({ above: 0 }), among([false])], {
    default: 5,
    doc: 'Largest global L2 norm of the gradients. With false there is no limit.',
  }),
  auxiliaryWeight: number({
    min: 0,
    absent: 'what the network says',
    doc: 'Share of the auxiliary loss, for networks that have an auxiliary head.',
  }),
  dropPath: either(shareOrSchedule, {
    default: 0,
    doc: 'Probability of dropping a path, for networks that have drop-path.',
  }),
  loss: callback<(outputs: tf.Tensor, targets: tf.Tensor) => tf.Scalar>({
    absent: 'cross-entropy',
    doc: 'Mean loss of a batch; default cross-entropy of class indices. Synchronous; called inside a tidy.',
  }),
  reportEvery: whole({ min: 1, default: 25, doc: 'Progress after so many steps, and after the last one.' }),
  validateEvery: whole({
    min: 0,
    absent: '1 with `patience`, else 0',
    doc: 'Measure the validation split after so many epochs; 0: never.',
  }),
  patience: whole({
    min: 1,
    absent: 'no early stop',
    doc: 'Stop when the validation accuracy has not risen for so many measurements.',
  }),
  aroundStep: callback<(step: () => number, on: StepContext) => number>({
    doc: 'Called in the place of every gradient step; calls `step` once and returns its loss. Synchronous; the batch lives.',
  }),
  stopWhen: callback<(progress: Progress) => boolean>({
    doc: 'Stop when this says so of a progress report: a training that is clearly bad need not be finished.',
  }),
}
const declared = options('supervisedTrainer', supervisedFields)
export type SupervisedTrainerOptions = OptionsOf<typeof declared>
/** The same options as a group inside the options of an evaluator. */
export const supervisedOption = group(supervisedFields, { optional: true })

/** What a gradient step works on. */
export interface StepContext {
  readonly network: Network
  readonly batch: Batch
  readonly mode: ApplyMode
}

/**
 * Trains by gradient descent on (inputs, targets); a classifier on logits and class indices unless `loss` says
 * otherwise. Reports `loss` (mean since the last report), `learningRate`, and, if measured, `validationAccuracy` and
 * `validationLoss`. Between two steps the event loop runs, and the signal is checked. Errors:
 * ARCHLOOM_TRAINING_DIVERGED, ARCHLOOM_OPTION, ARCHLOOM_TRAINING_OUTPUT, ARCHLOOM_TRAINING_NO_BATCHES.
 */
export function supervisedTrainer(options: SupervisedTrainerOptions = {}): Trainer {
  const settings = resolve(options)
  return { name: NAME, loss: settings.loss, fit: (...run) => train(settings, ...run) }
}

const NAME = 'supervisedTrainer'
type Settings = ReturnType<typeof resolve>

function resolve(given: SupervisedTrainerOptions) {
  const options = declared.read(given)
  const { batchSize, reportEvery, patience, labelSmoothing, clipNorm, momentum, weightDecay } = options
  const { optimizer, nesterov, validateEvery = patience === undefined ? 0 : 1 } = options
  const initial = { learningRate: 0, weightDecay, decays: (variable: tf.Variable) => variable.rank > 1 }
  const optimizers: Readonly<Record<(typeof stock)[number], OptimizerFactory>> = {
    sgd: () => momentumOptimizer({ ...initial, momentum, nesterov }),
    adam: () => adam(initial),
    adamW: () => adamW(initial),
  }
  const makeOptimizer = typeof optimizer === 'function' ? optimizer : optimizers[optimizer]
  // The caller's own optimizer follows a schedule only if one is given.
  const usual = typeof optimizer === 'function' ? undefined : cosine({ peak: optimizer === 'sgd' ? 0.05 : 0.001 })
  const learningRate = options.learningRate === undefined ? usual : toSchedule(options.learningRate)
  return {
    batchSize,
    reportEvery,
    validateEvery,
    patience,
    clipNorm,
    makeOptimizer,
    learningRate,
    dropPath: toSchedule(options.dropPath),
    auxiliaryWeight: options.auxiliaryWeight,
    aroundStep: options.aroundStep,
    stopWhen: options.stopWhen ?? (() => false),
    classifies: options.loss === undefined,
    loss: options.loss ?? ((outputs, targets) => softmaxCrossEntropy(outputs, targets, { labelSmoothing })),
  }
}

/**
 * Number of steps per epoch and in the whole run. A smaller last batch is left out, because its statistics would be
 * noisy.
 */
function plan(settings: Settings, data: Split<'train'>, epochs: number) {
  checkEpochs(NAME, epochs)
  const batchSize = Math.max(1, Math.min(settings.batchSize, data.size))
  const epochSteps = Math.floor(data.size / batchSize)
  return { batchSize, epochSteps, steps: Math.max(1, Math.round(epochs * epochSteps)) }
}

async function* train(
  settings: Settings,
  network: Network,
  data: Split<'train'>,
  { epochs, horizon = epochs, rng, validation, signal, from, save }: FitOptions,
): AsyncGenerator<Progress, void, undefined> {
  const { reportEvery, validateEvery, patience = Number.POSITIVE_INFINITY } = settings
  if (settings.classifies && (network.outputShape.length !== 1 || network.outputShape[0] !== data.classes))
    throw error('ARCHLOOM_TRAINING_OUTPUT', { received: network.outputShape, classes: data.classes })
  const { batchSize, epochSteps, steps } = plan(settings, data, epochs)
  const total = Math.max(steps, plan(settings, data, horizon).steps)
  const optimizer: tf.Optimizer & Pick<ApplyMode, 'tap'> = settings.makeOptimizer(total)
  const rated = optimizer instanceof StepOptimizer ? optimizer : undefined
  const order = rng.fork('batches')
  const noise = rng.fork('noise')
  const means = stepMeans()
  let [step, best, withoutGain] = [0, Number.NEGATIVE_INFINITY, 0]
  try {
    if (from) {
      const known = from.progress as unknown as SavedProgress
      ;({ step, withoutGain } = known)
      best = known.best ?? Number.NEGATIVE_INFINITY
      order.restore(known.order)
      noise.restore(known.noise)
      await restoreWeights(network, optimizer, from.weights)
    }
    if (step >= steps) return
    for (let epoch = Math.floor(step / epochSteps); step < steps; epoch++) {
      const before = step
      // A pass that was interrupted is drawn again, and the batches already used are skipped.
      let passed = step % epochSteps
      const atPass = order.snapshot()
      for (const batch of data.batches({ batchSize, rng: order, dropRemainder: true })) {
        if (passed > 0) {
          passed--
          tf.dispose([batch.inputs, batch.targets])
          continue
        }
        const learningRate = settings.learningRate?.(step, total)
        if (learningRate !== undefined && rated) rated.learningRate = learningRate
        const mode: ApplyMode = {
          training: true,
          rng: noise,
          dropPath: settings.dropPath(step, total),
          ...(optimizer.tap && { tap: (use) => optimizer.tap?.(use) }),
        }
        const loss = await stepOn(batch, settings, network, optimizer, mode)
        step++
        if (!Number.isFinite(loss))
          throw error('ARCHLOOM_TRAINING_DIVERGED', {
            trainer: NAME,
            step,
            steps,
            learningRate: learningRate ?? Number.NaN,
          })
        means.add({ loss })
        await nextTurn()
        signal?.throwIfAborted()

        const last = step === steps
        const epochEnded = last || step % epochSteps === 0
        const measure = validation && validateEvery > 0 && (last || (epochEnded && (epoch + 1) % validateEvery === 0))
        const measured = measure ? await classify(network, validation, signal ? { signal } : {}) : undefined
        if (measured || last || step % reportEvery === 0) {
          const metrics = {
            ...means.take(),
            ...(learningRate !== undefined && { learningRate }),
            ...(measured && { validationAccuracy: measured.accuracy, validationLoss: measured.loss }),
          }
          const progress: Progress = { step, steps, epoch: epoch + 1, metrics }
          yield progress
          if (settings.stopWhen(progress)) return
        }
        if (measured) {
          withoutGain = measured.accuracy > best ? 0 : withoutGain + 1
          best = Math.max(best, measured.accuracy)
          if (withoutGain >= patience) return
        }
        if (last && save) {
          const progress: SavedProgress = {
            step,
            withoutGain,
            best: Number.isFinite(best) ? best : null,
            order: step % epochSteps === 0 ? order.snapshot() : atPass,
            noise: noise.snapshot(),
          }
          save({ weights: await weightsOf(network, optimizer), progress: progress as unknown as Json })
        }
        if (last) return
      }
      if (step === before) throw error('ARCHLOOM_TRAINING_NO_BATCHES', { size: data.size, batchSize })
    }
  } finally {
    optimizer.dispose()
  }
}

interface SavedProgress {
  readonly step: number
  readonly withoutGain: number
  readonly best: number | null
  readonly order: RandomState
  readonly noise: RandomState
}

/** The variables in a fixed order. They are saved by position, because their names are valid in one process only. */
const variablesOf = ({ trainable, state }: Network) => [...trainable, ...state]

async function weightsOf(network: Network, optimizer: tf.Optimizer): Promise<SavedWeight[]> {
  const record = async (name: string, tensor: tf.Tensor): Promise<SavedWeight> => ({
    name,
    shape: [...tensor.shape],
    data: Float32Array.from(await tensor.data()),
  })
  const variables = variablesOf(network)
  const saved = await Promise.all(variables.map((variable, i) => record(`network/${i}`, variable as tf.Tensor)))
  const state = await optimizer.getWeights()
  try {
    for (const { name, tensor } of state) {
      const at = network.trainable.findIndex((variable) => name.startsWith(`${variable.name}/`))
      const path = at < 0 ? name : `${at}/${name.slice(network.trainable[at]!.name.length + 1)}`
      saved.push(await record(`optimizer/${path}`, tensor))
    }
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
  return saved
}

async function restoreWeights(network: Network, optimizer: tf.Optimizer, weights: readonly SavedWeight[]) {
  const byName = new Map(weights.map((weight) => [weight.name, weight]))
  for (const [i, variable] of variablesOf(network).entries()) {
    const { shape, data } = byName.get(`network/${i}`)!
    const tensor = tf.tensor(data, [...shape])
    variable.assign(tensor)
    tensor.dispose()
  }
  const state = weights
    .filter(({ name }) => name.startsWith('optimizer/'))
    .map(({ name, shape, data }) => {
      const [, at, ...kind] = name.split('/')
      const variable = kind.length > 0 ? network.trainable[Number(at)] : undefined
      return { name: variable ? `${variable.name}/${kind.join('/')}` : at!, tensor: tf.tensor(data, [...shape]) }
    })
  try {
    if (state.length > 0) await optimizer.setWeights(state)
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
}

/**
 * One gradient step; the batch is disposed whatever happens. Without `aroundStep` the loss is awaited: in a page, WebGPU
 * is slow to read at once.
 */
async function stepOn(
  batch: Batch,
  settings: Settings,
  network: Network,
  optimizer: tf.Optimizer,
  mode: ApplyMode,
): Promise<number> {
  const { inputs, targets } = batch
  const loss = () => {
    const total = settings.loss(network.apply(inputs, mode), targets)
    const auxiliary = network.auxiliary?.logits()
    const weight = settings.auxiliaryWeight ?? network.auxiliary?.weight ?? 0
    return auxiliary ? tf.add(total, tf.mul(settings.loss(auxiliary, targets), weight)) : total
  }
  try {
    const clip = settings.clipNorm === false ? {} : { clipNorm: settings.clipNorm }
    const step = { variables: network.trainable, optimizer, loss: loss as () => tf.Scalar, ...clip }
    const { aroundStep } = settings
    return aroundStep
      ? aroundStep(() => trainStep(step).loss, { network, batch, mode })
      : (await trainStepAsync(step)).loss
  } finally {
    tf.dispose([inputs, targets])
  }
}
