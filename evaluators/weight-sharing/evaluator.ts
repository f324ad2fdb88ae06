import type {
  Batch,
  Dataset,
  Evaluator,
  EvaluatorDefinition,
  EvaluatorParts,
  SearchSpace,
  Split,
  Supernet,
} from '../../core/index.ts'
import { among, type OptionsOf, options, required, text, value, whole } from '../../core/options/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { parameterCount } from '../metrics/parameters.ts'
import { error } from './errors.ts'
import { type Measured, measureBatch, measureSplit } from './measure.ts'
import { recalibrate, type Statistics } from './statistics.ts'

const declared = options('weightSharing', {
  /** Training and validation splits to classify; the test split is not looked at. */
  data: required(
    value<Pick<Dataset, 'train' | 'validation'>>(
      'a data set to classify, with train and validation splits, such as `await cifar10()`',
      { holds: isData },
    ),
  ),
  /** Examples of a weight step and of a batch of a measurement. Default 96. */
  batchSize: whole({ min: 1, default: 96 }),
  /** Of batch normalisation when a path is measured. Default 'batch'. */
  statistics: among(['batch', 'recalibrated'], { default: 'batch' }),
  /** Training batches that `recalibrated` statistics are taken from. Default 20. */
  calibrationBatches: whole({ min: 1, default: 20 }),
  /** Name of the tensor engine. Default 'auto'. */
  engine: text({ absent: 'auto' }),
})
export type WeightSharingOptions = OptionsOf<typeof declared>

function isData(data: unknown): boolean {
  const { train, validation } = (data ?? {}) as Partial<Dataset>
  const splits = typeof train?.batches === 'function' && typeof validation?.batches === 'function'
  return splits && train.classes > 0
}

/** An evaluator with shared weights, as one-shot methods see it: they train its supernet, and measure paths through it. */
export interface SharedWeights<A = unknown> extends Evaluator<A> {
  readonly kind: 'weight-sharing'
  readonly space: SearchSpace<A>
  readonly supernet: Supernet<A>
  readonly train: Split<'train'>
  readonly validation: Split<'validation'>
  readonly batchSize: number
  readonly statistics: Statistics
  /** Accuracy and loss on one batch (disposed), with the statistics chosen; no weight is changed. */
  measureBatch(architecture: A, batch: Batch): Promise<Measured>
  /** Accuracy and loss on the whole validation split. */
  measure(architecture: A, signal?: AbortSignal): Promise<Measured>
}

const NAME = 'weight-sharing'

/**
 * Measures an architecture by its path through one supernet of the space: `accuracy` and `loss` on the validation split,
 * `parameters` of a network of its own, `multiplyAdds`, and `pathParameters`. The weights are random until a method
 * trains them: one-shot plugins do.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_WEIGHT_SHARING_SUPERNET.
 */
export function weightSharing(given: WeightSharingOptions): EvaluatorDefinition {
  const { data, batchSize, statistics, calibrationBatches, engine } = declared.read(given)
  const { train, validation } = data

  async function create<A>({ space, rng }: EvaluatorParts<A>): Promise<SharedWeights<A>> {
    if (!space.supernet) throw error('ARCHLOOM_WEIGHT_SHARING_SUPERNET', { space: space.name })
    await useEngine(engine)
    const form = { input: train.inputShape, classes: train.classes }
    const supernet = space.supernet({ ...form, rng: rng.fork('supernet') })
    const ready = (architecture: A) => {
      const path = supernet.path(architecture)
      if (statistics === 'recalibrated') recalibrate(path, train, calibrationBatches, Math.min(batchSize, train.size))
      return path
    }
    const training = statistics === 'batch'
    const measure: SharedWeights<A>['measure'] = async (architecture, signal) =>
      measureSplit(ready(architecture), validation, { batchSize, training, ...(signal && { signal }) })
    return {
      kind: 'weight-sharing',
      name: NAME,
      ...{ space, supernet, train, validation, batchSize, statistics, measure },
      measureBatch: async (architecture, batch) => measureBatch(ready(architecture), batch, training),
      ...(space.cost && { costs: (architecture: A) => ({ ...space.cost!(architecture, form) }) }),
      async evaluate({ architecture }, { signal }) {
        const { accuracy, loss } = await measure(architecture, signal)
        const cost = space.cost?.(architecture, form)
        return {
          metrics: { accuracy, loss, pathParameters: parameterCount(supernet.path(architecture)), ...cost },
        }
      },
      [Symbol.asyncDispose]: async () => supernet[Symbol.dispose](),
    }
  }
  return {
    kind: 'weight-sharing',
    name: NAME,
    needs: ['networks', 'supernet'],
    provides: ['shared-weights'],
    metrics: ['accuracy', 'loss', 'pathParameters', 'parameters', 'multiplyAdds'],
    create: create as EvaluatorDefinition['create'],
  }
}

/** The evaluator of a search as shared weights. Throws ARCHLOOM_WEIGHT_SHARING_EVALUATOR. */
export function sharedWeightsOf<A>(evaluator: Evaluator<A>, method: string): SharedWeights<A> {
  if (evaluator.kind !== 'weight-sharing' || !('supernet' in evaluator))
    throw error('ARCHLOOM_WEIGHT_SHARING_EVALUATOR', { method, received: evaluator.name, kind: evaluator.kind })
  return evaluator as SharedWeights<A>
}
