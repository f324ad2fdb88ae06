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
  data: required(
    value<Pick<Dataset, 'train' | 'validation'>>(
      'a data set to classify, with train and validation splits, such as `await cifar10()`',
      { holds: isData, doc: 'Training and validation splits to classify; the test split is not looked at.' },
    ),
  ),
  batchSize: whole({ min: 1, default: 96, doc: 'Examples of a weight step and of a batch of a measurement.' }),
  statistics: among(['batch', 'recalibrated'], {
    default: 'batch',
    doc: 'Statistics of batch normalisation when a path is measured.',
  }),
  calibrationBatches: whole({
    min: 1,
    default: 20,
    doc: 'Training batches that `recalibrated` statistics are taken from.',
  }),
  engine: text({ absent: 'auto', doc: 'Name of the tensor engine.' }),
})
export type WeightSharingOptions = OptionsOf<typeof declared>

function isData(data: unknown): boolean {
  const { train, validation } = (data ?? {}) as Partial<Dataset>
  const splits = typeof train?.batches === 'function' && typeof validation?.batches === 'function'
  return splits && train.classes > 0
}

/** An evaluator with shared weights for one-shot methods, which train its supernet and measure paths through it. */
export interface SharedWeights<A = unknown> extends Evaluator<A> {
  readonly kind: 'weight-sharing'
  readonly space: SearchSpace<A>
  readonly supernet: Supernet<A>
  readonly train: Split<'train'>
  readonly validation: Split<'validation'>
  readonly batchSize: number
  readonly statistics: Statistics
  /** Measures accuracy and loss on one batch with the chosen statistics. The batch is disposed; no weight changes. */
  measureBatch(architecture: A, batch: Batch): Promise<Measured>
  /** Measures accuracy and loss on the whole validation split. */
  measure(architecture: A, signal?: AbortSignal): Promise<Measured>
}

const NAME = 'weight-sharing'

/**
 * Measures an architecture by its path through one supernet of the space: `accuracy` and `loss` on the validation
 * split, `parameters` of a separate network, `multiplyAdds`, and `pathParameters`. The weights are random until a
 * one-shot method trains them. Errors: ARCHLOOM_OPTION, ARCHLOOM_WEIGHT_SHARING_SUPERNET.
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
      space,
      supernet,
      train,
      validation,
      batchSize,
      statistics,
      measure,
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

/**
 * Checks that the evaluator of a search has shared weights, and returns it as such. Throws
 * ARCHLOOM_WEIGHT_SHARING_EVALUATOR.
 */
export function sharedWeightsOf<A>(evaluator: Evaluator<A>, method: string): SharedWeights<A> {
  if (evaluator.kind !== 'weight-sharing' || !('supernet' in evaluator))
    throw error('ARCHLOOM_WEIGHT_SHARING_EVALUATOR', { method, received: evaluator.name, kind: evaluator.kind })
  return evaluator as SharedWeights<A>
}
