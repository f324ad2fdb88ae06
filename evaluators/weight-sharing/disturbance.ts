import type { Batch } from '../../core/index.ts'
import { among, either, group, type OptionsOf, options, whole } from '../../core/options/index.ts'
import type { SharedWeights } from './evaluator.ts'

const fields = {
  after: whole({ min: 1, default: 50, doc: "Weight steps from an architecture's own step to its second measurement." }),
}
const declared = options('disturbanceWatch', fields)
export type DisturbanceOptions = OptionsOf<typeof declared>
/** The option `disturbance` of a method. */
export const disturbanceOption = either([among([false]), group(fields)], {
  absent: 'measured',
  doc: 'When to measure what weight steps do to earlier architectures; false: never.',
})

export type DisturbanceMetrics = Readonly<Record<'disturbance' | 'accuracyLost', number>>

/**
 * Performance disturbance of shared weights: PD(A) = L(A; W′) − L(A; W), where W are the weights right after a step on
 * A, and W′ those after some steps on other architectures (Niu et al., Disturbance-immune weight sharing). Both losses
 * are measured on the same first batch of the validation split. A positive value means that the other steps harmed A.
 */
export interface DisturbanceWatch<A> {
  /**
   * Call it after each weight step. It resolves to undefined, or from time to time to a measurement: `disturbance` in
   * nats and the loss of accuracy.
   */
  after(architecture: A): Promise<DisturbanceMetrics | undefined>
  /** Starts over, so that measurements do not depend on where a search was resumed. */
  forget(): void
}

/** Makes the watch; `false` turns it off. Error: ARCHLOOM_OPTION. */
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
