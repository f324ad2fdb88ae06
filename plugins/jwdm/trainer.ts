import * as tf from '@tensorflow/tfjs-core'
import { stepMeans } from '../../core/index.ts'
import {
  callback,
  either,
  group,
  number,
  type OptionsOf,
  optionNames,
  options,
  whole,
} from '../../core/options/index.ts'
import { adam, type StepOptimizer } from '../../core/tensor/index.ts'
import type { ApplyMode, Batch, FitOptions, Network, Progress, Split, Trainer } from '../../core/trainer.ts'
import { batchesOf, nextTurn } from '../../evaluators/training/batches.ts'
import { checkEpochs, error as trainingError } from '../../evaluators/training/errors.ts'
import { type Schedule, toSchedule } from '../../evaluators/training/schedules.ts'
import { error } from './errors.ts'
import { isJointNetwork, type JointNetwork } from './joint-network.ts'
import { criticsLoss, generatorLosses } from './losses.ts'
import { hasLatentGame, type JointObjective, type Objective, objectiveFields, resolveObjective } from './objective.ts'
import { forward, type Passes } from './passes.ts'

const NAME = 'jwdmTrainer'
const CRITICS = `${NAME}, critics`

export const jwdmFields = {
  objective: group(objectiveFields, { doc: '`objectives` has those of the baselines.' }),
  batchSize: whole({ min: 1, default: 1, doc: 'Examples of each domain in a step.' }),
  learningRate: either([number({ above: 0 }), callback<Schedule>()], {
    absent: '2e-4, then in a line to 0',
    doc: 'Learning rate of Adam.',
  }),
  beta1: number({ min: 0, below: 1, default: 0.5, doc: 'β₁ of Adam.' }),
  criticSteps: whole({
    min: 1,
    absent: "1 ('wasserstein': 5)",
    doc: 'Critic steps, each on a batch of its own, to one of encoders and decoders.',
  }),
  reportEvery: whole({ min: 1, default: 100, doc: 'Progress after so many steps, and after the last one.' }),
}
export const declared = options(NAME, jwdmFields, { renamed: { discriminatorSteps: 'criticSteps' } })
export type JwdmOptions = OptionsOf<typeof declared>

/** Constant for the first half, then a line to 0. */
export const heldThenLinear =
  (start: number): Schedule =>
  (step, steps) =>
    start * Math.min(1, 2 * (1 - step / steps))

function resolve(given: JwdmOptions) {
  const options = declared.read(given)
  const objective = resolveObjective(options.objective)
  const { batchSize, learningRate, beta1, reportEvery } = options
  const { criticSteps = objective.adversary === 'wasserstein' ? 5 : 1 } = options
  const rate = learningRate === undefined ? heldThenLinear(2e-4) : toSchedule(learningRate)
  return { objective, batchSize, rate, beta1, criticSteps, reportEvery }
}

export type StepLosses = Readonly<Record<(typeof parts)[number], number>>
const parts = ['loss', 'critics', 'autoEncoder', 'cycle', 'adversarial', 'latent'] as const

/** The two optimizers of a run, and the steps they take. */
export interface JointSteps extends Disposable {
  learningRate: number
  /**
   * One step of Algorithm 1 (JWAE): the critics are updated on the outputs of encoders and decoders for the batch,
   * then encoders and decoders against the updated critics, with the same forward pass. The caller still owns the
   * batch. A loss that is not finite changes no weight and is returned as NaN.
   */
  step(x: tf.Tensor, y: tf.Tensor, rng: NonNullable<ApplyMode['rng']>): StepLosses
  /** An update of the critics alone; returns their loss. */
  criticStep(x: tf.Tensor, y: tf.Tensor, rng: NonNullable<ApplyMode['rng']>): number
}

const jointStepsNames = optionNames<{ objective?: JointObjective; learningRate: number; beta1?: number }>(
  'jointSteps',
  { objective: true, learningRate: true, beta1: true },
)

export function jointSteps(
  network: JointNetwork,
  options: { objective?: JointObjective; learningRate: number; beta1?: number },
): JointSteps {
  jointStepsNames(options)
  const objective = resolveObjective(options.objective)
  const { learningRate, beta1 = 0.5 } = options
  const ofCritics = adam({ learningRate, beta1 })
  const ofGenerators = adam({ learningRate, beta1 })
  const self: JointSteps = {
    learningRate,
    step: (x, y, rng) =>
      tf.tidy(() => {
        for (const optimizer of [ofCritics, ofGenerators]) optimizer.learningRate = self.learningRate
        let critics = Number.NaN
        let values: tf.Tensor | undefined
        const { grads } = tf.variableGrads(() => {
          const passes = forward(network, { x, y }, objective, { training: true, rng })
          critics = updateCritics(network, passes, objective, ofCritics, rng)
          const { loss, autoEncoder, cycle, adversarial, latent } = generatorLosses(network, passes, objective)
          values = tf.keep(tf.stack([loss, autoEncoder, cycle, adversarial, latent]))
          return loss
        }, [...network.trainable])
        const [loss = 0, autoEncoder = 0, cycle = 0, adversarial = 0, latent = 0] = values?.dataSync() ?? []
        values?.dispose()
        if (Number.isFinite(loss)) ofGenerators.applyGradients(present(grads))
        return { loss, critics, autoEncoder, cycle, adversarial, latent }
      }),
    criticStep: (x, y, rng) =>
      tf.tidy(() => {
        ofCritics.learningRate = self.learningRate
        const passes = forward(network, { x, y }, objective, { training: true, rng })
        return updateCritics(network, passes, objective, ofCritics, rng)
      }),
    [Symbol.dispose]: () => {
      ofCritics.dispose()
      ofGenerators.dispose()
    },
  }
  return self
}

const present = (gradients: tf.NamedTensorMap) =>
  Object.fromEntries(Object.entries(gradients).filter(([, gradient]) => gradient != null))

/** Updates the critics; their inputs are constants. Returns NaN if the loss is not finite. */
function updateCritics(
  network: JointNetwork,
  passes: Passes,
  objective: Objective,
  optimizer: StepOptimizer,
  rng: NonNullable<ApplyMode['rng']>,
): number {
  const plays = objective.adversarial.x + objective.adversarial.y > 0
  if (!plays && !hasLatentGame(objective)) return 0
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => criticsLoss(network, passes, objective, rng), [...network.critics])
    const loss = value.dataSync()[0] as number
    if (Number.isFinite(loss)) optimizer.applyGradients(present(grads))
    return Number.isFinite(loss) ? loss : Number.NaN
  })
}

/**
 * Trains a joint network on unpaired batches: `inputs` of domain x, `targets` of domain y (`unpairedSplit`). Reports loss,
 * critics, autoEncoder, cycle, adversarial, latent (means since the last report) and learningRate.
 * Errors: ARCHLOOM_JWDM_NETWORK, ARCHLOOM_JWDM_SHAPES, ARCHLOOM_OPTION,
 * ARCHLOOM_TRAINING_NO_BATCHES, ARCHLOOM_TRAINING_DIVERGED (which says whether it was the critics).
 */
export function jwdmTrainer(options: JwdmOptions = {}): Trainer {
  const settings = resolve(options)
  return { name: NAME, fit: (...run) => train(settings, ...run) }
}

async function* train(
  { objective, batchSize, rate, beta1, criticSteps, reportEvery }: ReturnType<typeof resolve>,
  network: Network,
  data: Split<'train'>,
  { epochs, rng, signal }: FitOptions,
): AsyncGenerator<Progress, void, undefined> {
  checkEpochs(NAME, epochs)
  if (!isJointNetwork(network))
    throw error('ARCHLOOM_JWDM_NETWORK', {
      trainer: NAME,
      received: `a network from [${network.inputShape.join(', ')}] to [${network.outputShape.join(', ')}]`,
    })
  const epochSteps = Math.max(1, Math.floor(data.size / batchSize))
  const steps = Math.max(1, Math.round(epochs * epochSteps))
  const batches = batchesOf(data, { batchSize: batchSize, order: rng.fork('batches') })
  const noise = rng.fork('noise')
  using joint = jointSteps(network, { objective, learningRate: rate(0, steps), beta1 })
  const means = stepMeans()
  const withBatch = <T>(use: (x: tf.Tensor, y: tf.Tensor) => T): T => {
    const { inputs, targets } = batches.next().value as Batch
    try {
      return use(inputs, targets)
    } finally {
      tf.dispose([inputs, targets])
    }
  }
  try {
    for (let step = 1; step <= steps; step++) {
      joint.learningRate = rate(step - 1, steps)
      const diverged = (trainer: string) =>
        trainingError('ARCHLOOM_TRAINING_DIVERGED', { trainer, step, steps, learningRate: joint.learningRate })
      for (let k = 1; k < criticSteps; k++)
        if (Number.isNaN(withBatch((x, y) => joint.criticStep(x, y, noise)))) throw diverged(CRITICS)
      const losses = withBatch((x, y) => joint.step(x, y, noise))
      if (!Number.isFinite(losses.critics)) throw diverged(CRITICS)
      if (!Number.isFinite(losses.loss)) throw diverged(NAME)
      means.add(losses)
      await nextTurn()
      signal?.throwIfAborted()
      if (step % reportEvery === 0 || step === steps) {
        const epoch = Math.ceil(step / epochSteps)
        yield { step, steps, epoch, metrics: { ...means.take(), learningRate: joint.learningRate } }
      }
    }
  } finally {
    batches.return()
  }
}
