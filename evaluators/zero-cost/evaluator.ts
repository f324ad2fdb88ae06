import type { Evaluator, EvaluatorDefinition, EvaluatorParts } from '../../core/evaluator.ts'
import { among, list, type OptionsOf, optionError, options, text, value, whole } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { Batch, Dataset, Split } from '../../core/trainer.ts'
import { needsData, zeroCostProxies, zeroCostScores } from './scores.ts'

export const zeroCostOptions = options('zeroCost', {
  proxies: list(among(zeroCostProxies), {
    default: zeroCostProxies,
    min: 1,
    doc: 'Which scores are taken; each is a metric of its name. Larger is meant to be better in each.',
  }),
  data: value<Pick<Dataset, 'train'>>('a data set with a train split, such as `await cifar10()`', {
    holds: (data) => typeof (data as Partial<Dataset> | null)?.train?.batches === 'function',
    doc: 'Labelled images of classes. Needed by snip, gradNorm, grasp, fisher, naswot and jacov; the others need no data.',
  }),
  batchSize: whole({ min: 2, default: 32, doc: 'Images that a network sees: the same first batch for every network.' }),
  input: list(whole({ min: 1 }), {
    absent: 'that of the data',
    doc: 'Shape of one input, where there is no data.',
  }),
  classes: whole({ min: 1, absent: 'those of the data, else 10', doc: 'Outputs of a network.' }),
  engine: text({ absent: 'auto', doc: 'Name of the tensor engine.' }),
})
export type ZeroCostOptions = OptionsOf<typeof zeroCostOptions>
type Read = ReturnType<typeof zeroCostOptions.read>

/** What is measured of an architecture, once an engine is there. */
type Score<A> = (architecture: A, seed: number) => Promise<Readonly<Record<string, number>>>

function checked(given: ZeroCostOptions): Read {
  const read = zeroCostOptions.read(given)
  const { proxies, data, input } = read
  if (!data && needsData(proxies))
    throw zeroCostOptions.refuse(
      'data',
      data,
      `a data set, because ${proxies.filter((each) => needsData([each])).join(', ')} look at images`,
    )
  if (data && needsData(proxies) && data.train.classes < 2)
    throw zeroCostOptions.refuse('data', data.train.classes, 'a data set of classes')
  if (!data && !input) throw zeroCostOptions.refuse('input', input, 'the shape of one input, or data')
  return read
}

async function scoring<A>(read: Read, { space }: EvaluatorParts<A>): Promise<Score<A>> {
  const { data, proxies } = read
  await useEngine(read.engine)
  const train: Split | undefined = data?.train
  const input = read.input ?? train!.inputShape
  const classes = read.classes ?? train?.classes ?? 10
  return async (architecture, seed) => {
    if (!space.build) throw optionError('zeroCost', 'space', space.name, 'a space with networks')
    using network = space.build(architecture, { input, classes, rng: seeded(seed) })
    const batch = train && needsData(proxies) ? firstBatch(train, read.batchSize) : undefined
    try {
      const scores = await zeroCostScores(network, { proxies, batch, seed })
      return scores as Readonly<Record<string, number>>
    } finally {
      batch?.inputs.dispose()
      batch?.targets.dispose()
    }
  }
}

function firstBatch(train: Split, batchSize: number): Batch {
  for (const batch of train.batches({ batchSize, rng: seeded('zero-cost batch') })) return batch
  throw zeroCostOptions.refuse('data', train.size, 'a training split with at least one example')
}

const NAME = 'zero-cost'

/**
 * Scores of fresh networks that predict, for the price of a few passes over one batch, how good they become: an evaluator
 * whose metrics are the names of its proxies. Weights depend on the trial's seed.
 * Error: ARCHLOOM_OPTION.
 */
export function zeroCost<A = unknown>(given: ZeroCostOptions = {}): EvaluatorDefinition<A> {
  const read = checked(given)
  return {
    kind: 'zero-cost',
    name: NAME,
    needs: ['networks'],
    metrics: read.proxies,
    create: async (parts) => {
      const score = await scoring(read, parts)
      return {
        kind: 'zero-cost',
        name: NAME,
        async evaluate({ architecture, seed }, { signal }) {
          signal.throwIfAborted()
          return { metrics: await score(architecture, seed) }
        },
      }
    },
  }
}

/**
 * An evaluator that takes zero-cost scores first and adds them to its metrics. A bound on one of them is a filter: where
 * it is not kept, the trial is pruned before anything is trained. `objectives: { accuracy: 'maximise', naswot: { direction:
 * 'maximise', atLeast: 150, weight: 0 } }`. Error: ARCHLOOM_OPTION.
 */
export function withZeroCost<A>(inner: EvaluatorDefinition<A>, given: ZeroCostOptions): EvaluatorDefinition<A> {
  const read = checked(given)
  const name = `${NAME}(${inner.name})`
  return {
    ...inner,
    name,
    needs: [...new Set([...(inner.needs ?? []), 'networks' as const])],
    ...(inner.metrics && { metrics: [...inner.metrics, ...read.proxies] }),
    create: async (parts) => {
      const evaluator = await inner.create(parts)
      const score = await scoring(read, parts)
      /** The scores of the trial that is about to be evaluated are taken once. */
      let last: { readonly architecture: A; readonly scores: Readonly<Record<string, number>> } | undefined
      const scoresOf = async (architecture: A) => {
        if (last?.architecture !== architecture)
          last = { architecture, scores: await score(architecture, seeded(JSON.stringify(architecture)).tensorSeed()) }
        return last.scores
      }
      return Object.assign(Object.create(evaluator) as Evaluator<A>, {
        name,
        costs: async (architecture: A) => ({
          ...(await evaluator.costs?.(architecture)),
          ...(await scoresOf(architecture)),
        }),
        evaluate: async (
          request: Parameters<Evaluator<A>['evaluate']>[0],
          context: Parameters<Evaluator<A>['evaluate']>[1],
        ) => {
          const scores = await scoresOf(request.architecture)
          const { metrics, ...rest } = await evaluator.evaluate(request, context)
          return { ...rest, metrics: { ...metrics, ...scores } }
        },
      })
    },
  }
}
