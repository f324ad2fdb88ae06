import * as tf from '@tensorflow/tfjs-core'
import { stepMeans } from '../../core/index.ts'
import { callback, number, type OptionsOf, optionError, options, value, whole } from '../../core/options/index.ts'
import { adam } from '../../core/tensor/index.ts'
import type { ApplyMode, Batch, FitOptions, Network, Progress, Split, Trainer } from '../../core/trainer.ts'
import { bicubicMatrix } from '../../evaluators/data/images/bicubic.ts'
import { batchesOf, nextTurn } from '../../evaluators/training/batches.ts'
import { checkEpochs, error as trainingError } from '../../evaluators/training/errors.ts'
import { interpolation, type UpscalingNetwork } from '../../search-spaces/super-resolution/index.ts'
import { type DualNetworks, dualNetworks, factorsOf } from './dual.ts'
import { error } from './errors.ts'
import { regressionLosses, unpairedDualLoss } from './loss.ts'

const NAME = 'dualRegressionTrainer'

export const dualRegressionFields = {
  dualWeight: number({ min: 0, default: 0.1, doc: 'λ; 0 trains without the loop.' }),
  duals: value<DualNetworks>('networks that lead back to the small image', {
    absent: 'new ones for each fit',
    doc: "The way back: networks of the caller's (learnt along, or fixed: `bicubicDuals`).",
  }),
  batchSize: whole({ min: 1, default: 32, doc: 'Examples of a batch.' }),
  learningRate: number({
    above: 0,
    default: 1e-4,
    doc: 'Learning rate of the network, at the beginning; falls along a cosine, epoch by epoch, to 10⁻³ of it.',
  }),
  dualLearningRate: number({ above: 0, absent: 'that of the network', doc: 'Learning rate of the duals.' }),
  unpaired: value<Split<'train'>>('a training split', {
    doc: 'Small images without large ones, of the domain to adapt to: patches as `inputs`, their targets are ignored.',
  }),
  unpairedDuals: value<DualNetworks>('networks that lead back to the small image', {
    absent: '`duals`',
    doc: "The way back of the unpaired images' domain, where it is not that of the pairs: fixed where the degradation is known (`degradationDual`), or learnt along.",
  }),
  unpairedWeight: number({ min: 0, absent: '`dualWeight`', doc: 'λ of the unpaired images.' }),
  unpairedRatio: number({ default: 0.3, doc: 'ρ: share of every batch that is unpaired; only with `unpaired`.' }),
  skipAbove: number({
    above: 1,
    infinite: true,
    default: 1e6,
    doc: 'A step whose loss is this many times the mean of the last epoch is skipped.',
  }),
  reportEvery: whole({ min: 1, default: 25, doc: 'Progress after so many steps, and after the last one.' }),
} as const
const declared = options(NAME, {
  ...dualRegressionFields,
  onTrained: callback<
    (
      network: UpscalingNetwork,
      at: { readonly steps: number; readonly tell?: FitOptions['tell'] },
    ) => void | Promise<void>
  >({ doc: 'Called after the last step, before the last progress is told; networks without `upscale` are refused.' }),
})
export type DualRegressionOptions = OptionsOf<typeof declared>

function resolve(given: DualRegressionOptions) {
  const options = declared.read(given)
  const { dualWeight, batchSize, learningRate, reportEvery, unpairedRatio: ratio, skipAbove } = options
  const { dualLearningRate = learningRate, duals, unpaired, onTrained } = options
  const { unpairedDuals, unpairedWeight = dualWeight } = options
  const one = batchSize * ratio
  if (unpaired && !(ratio > 0 && ratio < 1 && Math.round(one) >= 1 && Math.round(one) < batchSize))
    throw declared.refuse(
      'unpairedRatio',
      ratio,
      `a share that leaves both paired and unpaired images in a batch of ${batchSize}`,
    )
  const unpairedCount = unpaired ? Math.round(one) : 0
  return {
    dualWeight,
    batchSize,
    learningRate,
    dualLearningRate,
    reportEvery,
    skipAbove,
    duals,
    unpaired,
    unpairedDuals: unpaired && unpairedWeight > 0 ? unpairedDuals : undefined,
    unpairedWeight,
    unpairedCount,
    onTrained,
  }
}

type Settings = ReturnType<typeof resolve>

/**
 * Closed-loop training of any enlarging network (Guo et al., arXiv:2003.07018): the L1 loss to the large image plus λ
 * times the L1 loss of the dual networks to the small one; the duals are trained as well. With `unpaired` it is
 * Algorithm 1 of the paper: a share of every batch has no large image and contributes only to the dual loss, and every
 * image has the same weight. It works on patches with values 0 to 255. Intermediate sizes come with the batches, or
 * are made from the large patch by bicubic shrinking. Reports loss, primal, dual, learningRate, skipped. Errors:
 * ARCHLOOM_OPTION, ARCHLOOM_TRAINING_DIVERGED, ARCHLOOM_TRAINING_NO_BATCHES, ARCHLOOM_DRN_SCALE.
 */
export function dualRegressionTrainer(options: DualRegressionOptions = {}): Trainer {
  const settings = resolve(options)
  return { name: NAME, fit: (...run) => train(settings, ...run) }
}

type AnyNetwork = Network & Partial<Pick<UpscalingNetwork, 'outputs'>>
const isUpscaling = (network: AnyNetwork): network is UpscalingNetwork => 'upscale' in network
type AnyBatch = Batch & { readonly between?: readonly tf.Tensor[] }

const imagesOf = (network: AnyNetwork, lr: tf.Tensor, mode: ApplyMode): readonly tf.Tensor[] =>
  network.outputs?.(lr, mode) ?? [network.apply(lr, mode)]

/** t_0 … t_K. */
function targetsOf({ inputs, targets, between = [] }: AnyBatch, factors: readonly number[], mode: ApplyMode) {
  if (between.length === factors.length - 1) return [inputs, ...between, targets]
  const made = factors.slice(1).map((_, k) => {
    const factor = factors.slice(k + 1).reduce((a, b) => a * b, 1)
    const shrink = interpolation((size) => ({
      outputs: size / factor,
      matrix: bicubicMatrix(size, size / factor, 1 / factor, 'symmetric'),
    }))
    return shrink(targets, mode)
  })
  return [inputs, ...made, targets]
}

async function* train(
  settings: Settings,
  network: AnyNetwork,
  data: Split<'train'>,
  { epochs, rng, signal, tell }: FitOptions,
): AsyncGenerator<Progress, void, undefined> {
  checkEpochs(NAME, epochs)
  const scale = network.outputShape[0]! / network.inputShape[0]!
  const factors = factorsOf(scale)
  // Checked before anything is computed, if the split states its shapes.
  const held = (data as Partial<Pick<UpscalingNetwork, 'scale'>>).scale
  if (held !== undefined && held !== scale)
    throw error('ARCHLOOM_DRN_SCALE', {
      received: network.outputShape,
      expected: data.inputShape.map((size, axis) => (axis < 2 ? size * held : size)),
    })
  if (settings.onTrained && !isUpscaling(network))
    throw optionError(
      'drn',
      'onTrained (pictures)',
      'a network without upscale()',
      'networks that enlarge images of any size, as those of the super-resolution space and of buildDrn do',
    )
  const shared = !settings.unpairedDuals && settings.unpaired !== undefined && settings.unpairedWeight > 0
  const looped = settings.dualWeight > 0 || shared
  const owned = looped && !settings.duals ? dualNetworks({ scale, rng: rng.fork('duals') }) : undefined
  const duals = looped ? (settings.duals ?? owned) : undefined
  const paired = Math.max(1, Math.min(settings.batchSize - settings.unpairedCount, data.size))
  const epochSteps = Math.max(1, Math.floor(data.size / paired))
  const steps = Math.max(1, Math.round(epochs * epochSteps))
  const batches = batchesOf(data, { batchSize: paired, order: rng.fork('batches') })
  const others =
    settings.unpaired &&
    batchesOf(settings.unpaired, { batchSize: settings.unpairedCount, order: rng.fork('unpaired') })
  const optimizer = adam({ learningRate: settings.learningRate })
  const dualOptimizer = adam({ learningRate: settings.dualLearningRate })
  const mode: ApplyMode = { training: true, rng: rng.fork('noise') }
  const means = stepMeans()
  let skipped = 0
  const epochLoss = { sum: 0, count: 0, last: 1e8 }
  try {
    for (let step = 0; step < steps; step++) {
      // The learning rate changes only between epochs.
      const epoch = Math.floor(step / epochSteps)
      const falling = 1e-3 + ((1 - 1e-3) * (1 + Math.cos((Math.PI * epoch) / Math.max(1, Math.ceil(epochs))))) / 2
      optimizer.learningRate = settings.learningRate * falling
      dualOptimizer.learningRate = settings.dualLearningRate * falling
      const batch = batches.next().value as AnyBatch
      const other = others?.next().value as Batch | undefined
      const result = stepOn({ batch, other, network, duals, factors, settings, mode }, (loss, gradients) => {
        if (!(loss < settings.skipAbove * epochLoss.last)) return false
        const ofDuals = new Set(
          [...(duals?.trainable ?? []), ...(settings.unpairedDuals?.trainable ?? [])].map(({ name }) => name),
        )
        const part = (own: boolean) =>
          Object.fromEntries(Object.entries(gradients).filter(([name]) => ofDuals.has(name) !== own))
        optimizer.applyGradients(part(true))
        dualOptimizer.applyGradients(part(false))
        return true
      })
      if (!Number.isFinite(result.loss))
        throw trainingError('ARCHLOOM_TRAINING_DIVERGED', {
          trainer: NAME,
          step: step + 1,
          steps,
          learningRate: optimizer.learningRate,
        })
      means.add({ loss: result.loss, primal: result.primal, dual: result.dual })
      if (!result.applied) skipped++
      epochLoss.sum += result.loss
      epochLoss.count++
      if (epochLoss.count === epochSteps) {
        epochLoss.last = epochLoss.sum / epochLoss.count
        epochLoss.sum = epochLoss.count = 0
      }
      await nextTurn()
      signal?.throwIfAborted()
      if (step + 1 === steps && isUpscaling(network)) await settings.onTrained?.(network, { steps, tell })
      if ((step + 1) % settings.reportEvery === 0 || step + 1 === steps) {
        const metrics = { ...means.take(), learningRate: optimizer.learningRate, skipped }
        skipped = 0
        yield { step: step + 1, steps, epoch: epoch + 1, metrics }
      }
    }
  } finally {
    optimizer.dispose()
    dualOptimizer.dispose()
    owned?.[Symbol.dispose]()
    batches.return()
    others?.return()
  }
}

interface StepParts {
  readonly batch: AnyBatch
  readonly other: Batch | undefined
  readonly network: AnyNetwork
  readonly duals: DualNetworks | undefined
  readonly factors: readonly number[]
  readonly settings: Settings
  readonly mode: ApplyMode
}

/** One forward and one backward pass for the network and all duals; the batches are disposed whatever happens. */
function stepOn(
  { batch, other, network, duals, factors, settings, mode }: StepParts,
  apply: (loss: number, gradients: tf.NamedTensorMap) => boolean,
): { readonly loss: number; readonly primal: number; readonly dual: number; readonly applied: boolean } {
  try {
    const share = (other?.inputs.shape[0] ?? 0) / batch.inputs.shape[0]!
    return tf.tidy(() => {
      let parts: tf.Tensor | undefined
      const { value, grads } = tf.variableGrads(() => {
        const targets = targetsOf(batch, factors, mode)
        const { primal, dual } = regressionLosses(imagesOf(network, batch.inputs, mode), targets, duals, mode)
        const wayBack = settings.unpairedDuals ?? duals
        const unpaired =
          other && wayBack && unpairedDualLoss(imagesOf(network, other.inputs, mode), other.inputs, wayBack, mode)
        // Algorithm 1 sums over images, so the means of m unpaired and n paired images are weighted m to n.
        const foreign = unpaired ? tf.mul(unpaired, share) : tf.scalar(0)
        parts = tf.keep(tf.stack([primal, tf.add(dual, foreign)]))
        return tf.addN([primal, tf.mul(dual, settings.dualWeight), tf.mul(foreign, settings.unpairedWeight)])
      }, [...network.trainable, ...(duals?.trainable ?? []), ...(settings.unpairedDuals?.trainable ?? [])])
      const [loss = Number.NaN] = value.dataSync()
      const [primal = Number.NaN, dual = Number.NaN] = (parts as tf.Tensor).dataSync()
      parts?.dispose()
      const present = Object.fromEntries(Object.entries(grads).filter(([, gradient]) => gradient != null))
      return { loss, primal, dual, applied: Number.isFinite(loss) && apply(loss, present) }
    })
  } finally {
    tf.dispose([batch.inputs, batch.targets, ...(batch.between ?? [])])
    if (other) tf.dispose([other.inputs, other.targets, ...((other as AnyBatch).between ?? [])])
  }
}
