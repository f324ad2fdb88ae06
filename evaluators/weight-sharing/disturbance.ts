import type { Batch } from '../../core/index.ts'
import { error } from './errors.ts'
import type { SharedWeights } from './evaluator.ts'

export interface DisturbanceOptions {
  /** Weight steps from an architecture's own step to its second measurement. Default 50. */
  readonly after?: number
}

export type DisturbanceMetrics = Readonly<Record<'disturbance' | 'accuracyLost', number>>

/**
 * Performance disturbance of shared weights: PD(A) = L(A; W′) − L(A; W), where W are the weights right after a step of
 * A's own and W′ those after some steps of other architectures (Niu et al., Disturbance-immune weight sharing). Both are
 * measured on the same first batch of the validation split. Above 0: the others did A harm.
 */
export interface DisturbanceWatch<A> {
  /** To be called after each weight step. Nothing but now and then: `disturbance` in nats, and accuracy lost. */
  after(architecture: A): Promise<DisturbanceMetrics | undefined>
  /** Begins anew, so that what is measured does not depend on where a search was resumed. */
  forget(): void
}

/** `false` watches nothing. Throws ARCHLOOM_WEIGHT_SHARING_OPTION. */
export function disturbanceWatch<A>(
  shared: Pick<SharedWeights<A>, 'measureBatch' | 'validation' | 'batchSize'>,
  options: DisturbanceOptions | false = {},
): DisturbanceWatch<A> | undefined {
  if (options === false) return undefined
  const { after = 50 } = options
  if (!(Number.isInteger(after) && after >= 1))
    throw error('ARCHLOOM_WEIGHT_SHARING_OPTION', {
      ...{ where: 'disturbance', option: 'after', received: after },
      expected: 'a whole number of steps, at least 1',
    })
  const { validation, batchSize } = shared
  const measure = async (architecture: A) => {
    const [batch] = firstOf(validation.batches({ batchSize: Math.min(batchSize, validation.size) }))
    return shared.measureBatch(architecture, batch as Batch)
  }
  let watched: { readonly architecture: A; readonly loss: number; readonly accuracy: number; age: number } | undefined
  return {
    async after(architecture) {
      let metrics: DisturbanceMetrics | undefined
      if (watched) {
        if (++watched.age < after) return undefined
        const { loss, accuracy } = await measure(watched.architecture)
        metrics = { disturbance: loss - watched.loss, accuracyLost: watched.accuracy - accuracy }
      }
      const { loss, accuracy } = await measure(architecture)
      watched = { architecture, loss, accuracy, age: 0 }
      return metrics
    },
    forget() {
      watched = undefined
    },
  }
}

function firstOf<T>(items: Iterable<T>): readonly T[] {
  for (const item of items) return [item]
  return []
}
