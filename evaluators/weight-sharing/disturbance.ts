import type { Batch } from '../../core/index.ts'
import { among, either, group, type OptionsOf, options, whole } from '../../core/options/index.ts'
import type { SharedWeights } from './evaluator.ts'

const fields = {
  /** Weight steps from an architecture's own step to its second measurement. Default 50. */
  after: whole({ min: 1, default: 50 }),
}
const declared = options('disturbanceWatch', fields)
export type DisturbanceOptions = OptionsOf<typeof declared>
/** The option `disturbance` of a method. */
export const disturbanceOption = either([among([false]), group(fields)], { absent: 'measured' })

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

/** `false` watches nothing. Throws ARCHLOOM_OPTION. */
export function disturbanceWatch<A>(
  shared: Pick<SharedWeights<A>, 'measureBatch' | 'validation' | 'batchSize'>,
  given: DisturbanceOptions | false = {},
): DisturbanceWatch<A> | undefined {
  if (given === false) return undefined
  const { after } = declared.read(given)
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
