import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Genotype, Json, OneShotEpoch, Random } from '../../core/index.ts'
import { group, number, type Resolved } from '../../core/options/index.ts'
import { loadParameters, type Parameter, policyAdam, restored, saveParameters } from '../../core/policy/index.ts'
import { softmaxCrossEntropy } from '../../core/tensor/index.ts'
import type { ApplyMode, SupernetMixture } from '../../core/trainer.ts'
import { error } from './errors.ts'
import type { OneShotParts, OneShotStrategy } from './one-shot.ts'

/** Options of methods that relax the choice. */
export const relaxationFields = {
  controller: group(
    {
      learningRate: number({ above: 0, default: 3e-4, doc: 'Learning rate of Adam, on α.' }),
      weightDecay: number({ min: 0, default: 1e-3, doc: 'L2 penalty on α.' }),
    },
    { doc: 'The architecture parameters α, which Adam trains.' },
  ),
}
export type RelaxationOptions = Resolved<typeof relaxationFields>

/** How α becomes the weights of the operations in one step. */
export interface Relaxation {
  /** [edges, operations] from α [edges, operations]; differentiable. */
  weights(alpha: tf.Tensor2D): tf.Tensor
  /** Operations that need not be computed. */
  readonly skip?: (edge: number, operation: number) => boolean
}

export interface RelaxedMethod {
  readonly name: string
  readonly options: RelaxationOptions
  /** The relaxation of one step from the present α, row by row; `progress` runs from 0 to 1 over the search. */
  relax(alpha: readonly (readonly number[])[], rng: Random, progress: number): Relaxation
  /** Further metrics of each policy step. */
  metrics?(progress: number): Readonly<Record<string, number>>
}

/**
 * The strategy of methods that relax the choice. α, one row per edge, is trained by gradient descent on validation
 * batches, with one step before each step of the weights on a training batch (Liu et al., DARTS, arXiv:1806.09055,
 * algorithm 1 in first order). An architecture is derived from softmax(α) by the rule of its space. During the warm-up
 * α does not change. Throws ARCHLOOM_WEIGHT_SHARING_MIXTURE for supernets without a relaxation.
 */
export function relaxedStrategy(method: RelaxedMethod, parts: OneShotParts): OneShotStrategy {
  const { space, shared, trainer } = parts
  const { supernet } = shared
  const found = supernet.mixture
  if (!found) throw error('ARCHLOOM_WEIGHT_SHARING_MIXTURE', { method: method.name, space: space.name })
  const mixture: SupernetMixture = found
  const [edges, operations] = [mixture.edges.length, mixture.operations.length]
  const alpha: Parameter = {
    name: 'alpha',
    shape: [edges, operations],
    value: new Float64Array(edges * operations).map(() => 1e-3 * parts.rng.normal()),
    gradient: new Float64Array(edges * operations),
  }
  const { learningRate, weightDecay } = method.options.controller
  const adam = policyAdam([alpha], { learningRate, beta1: 0.5, beta2: 0.999, weightDecay })
  const rows = () =>
    Array.from({ length: edges }, (_, edge) => [...alpha.value.subarray(edge * operations, (edge + 1) * operations)])

  const lossOf = (relaxed: Relaxation, at: tf.Tensor2D, { inputs, targets }: Batch, mode: ApplyMode) =>
    softmaxCrossEntropy(mixture.apply(relaxed.weights(at), inputs, mode, relaxed.skip), targets)
  const tensorOf = () => tf.tensor2d(Float32Array.from(alpha.value), [edges, operations])

  async function architectureStep(batch: Batch, relaxed: Relaxation, rng: Random): Promise<number> {
    const { value, grad } = tf.tidy(() =>
      tf.valueAndGrad((at: tf.Tensor) => {
        const loss = lossOf(relaxed, at as tf.Tensor2D, batch, { training: true, rng })
        // Zero operations may cut every path from α to the loss. Its gradient is then 0, not an error.
        return tf.add(loss, tf.mul(tf.sum(at), 0))
      })(tensorOf()),
    )
    try {
      const [loss, gradient] = await Promise.all([value.data(), grad.data()])
      if (!gradient.every(Number.isFinite) || !Number.isFinite(loss[0]))
        throw error('ARCHLOOM_WEIGHT_SHARING_DIVERGED', { step: trainer.steps })
      alpha.gradient.set(gradient)
      adam.step()
      return loss[0] as number
    } finally {
      tf.dispose([value, grad, batch.inputs, batch.targets])
    }
  }

  const weightStep = (batch: Batch, relaxed: Relaxation, rng: Random): Promise<number> =>
    trainer.descend(supernet.trainable, (mode) => lossOf(relaxed, tensorOf(), batch, mode), rng)

  const entropy = () =>
    rows()
      .map(softmax)
      .reduce((sum, row) => sum - row.reduce((s, p) => s + (p > 0 ? p * Math.log(p) : 0), 0), 0)
  const most = edges * Math.log(operations)
  const derived = (): Genotype => space.encode(mixture.derive(rows().map(softmax)))
  const perEpoch = Math.max(1, Math.floor(shared.train.size / Math.min(shared.batchSize, shared.train.size)))
  const progress = () => Math.min(1, trainer.steps / Math.max(1, parts.epochs * perEpoch - 1))
  /** Metrics of the architecture steps that were taken between weight steps and are not reported yet. */
  let taken: Readonly<Record<string, number>>[] = []

  return {
    async *weights(epoch: OneShotEpoch) {
      taken = []
      const validation = parts.validation(epoch)
      try {
        yield* parts.train(epoch, async (batch, rng) => {
          const relax = () => method.relax(rows(), rng, progress())
          if (!epoch.warmUp) {
            const loss = await architectureStep(validation.next().value, relax(), rng)
            taken.push({ loss, entropy: entropy(), ...method.metrics?.(progress()) })
          }
          return { loss: await weightStep(batch, relax(), rng) }
        })
      } finally {
        validation.return?.()
      }
    },
    async *policy() {
      yield* taken
    },
    likely: () => ({ genotype: derived(), entropy: { value: entropy(), most } }),
    derive: () => [derived()],
    save: () => ({ alpha: saveParameters([alpha]), adam: adam.snapshot() }),
    restore(saved) {
      const state = restored(method.name, saved, { alpha: 'array', adam: 'object' })
      loadParameters([alpha], state.alpha)
      adam.restore(state.adam as Json)
    },
  }
}

const softmax = (row: readonly number[]): number[] => {
  const largest = Math.max(...row)
  const powers = row.map((value) => Math.exp(value - largest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}
