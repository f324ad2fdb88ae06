import {
  type Algorithm,
  type Dataset,
  declarePlugin,
  definePlugin,
  type EvaluatorDefinition,
  type EventDraft,
  measureTrials,
  type Plugin,
  type Proposal,
  stepMeans,
} from '../../core/index.ts'
import {
  callback,
  options as declare,
  either,
  group,
  isObject,
  list,
  number,
  type OptionsOf,
  type ReadOptionsOf,
  required,
  value,
  whole,
} from '../../core/options/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import { type QuantisedModel, quantisedNetwork, type SuperBitSpace } from '../../search-spaces/compression/index.ts'
import { absCompress } from './compress.ts'
import { error } from './errors.ts'
import { papers } from './paper.ts'
import type { Compression } from './search.ts'

const share = number({ above: 0, max: 1 })
const declared = declare('abs', {
  data: required(
    value<Pick<Dataset, 'train' | 'validation'>>('a data set with train and validation splits', {
      holds: isObject,
      doc: 'The search trains on `train`; the final gates and the accuracy are computed on `validation`.',
    }),
  ),
  target: required(
    group(
      {
        bops: required(
          either([share, list(share)], {
            doc: 'BOPs as a share of those of the network in floating point. Each value of a list is a separate search and trial.',
          }),
        ),
      },
      { doc: 'The target of the compression.' },
    ),
  ),
  searchEpochs: number({ above: 0, default: 30, doc: 'Epochs of a search.' }),
  fineTuneEpochs: number({
    min: 0,
    default: 30,
    doc: 'Epochs of fine-tuning after the search, with fixed bits and filters; 0 for none.',
  }),
  batchSize: whole({ min: 1, default: 128, doc: 'Number of examples per batch.' }),
  reportEvery: whole({ min: 1, default: 50, doc: 'Number of steps per progress event.' }),
  onFound: callback<(found: Compression, at: { readonly trial: number; readonly bops: number }) => void>({
    doc: 'Called with each network that was found, before it is measured.',
  }),
})
export type AbsOptions = OptionsOf<typeof declared>
type Read = ReadOptionsOf<typeof declared>

/** Networks that the searches of one study found, by configuration. */
type Found = Map<string, QuantisedModel>

function foundModels({ data, batchSize }: Read, found: Found): EvaluatorDefinition {
  return {
    kind: 'from-scratch',
    name: 'abs',
    metrics: ['accuracy', 'loss', 'bops', 'share'],
    create: ({ space }) => ({
      kind: 'from-scratch',
      name: 'abs',
      async evaluate({ genotype }, { signal }) {
        const configuration = space.format(genotype)
        const model = found.get(configuration)
        if (!model) throw error('ARCHLOOM_ABS_NOT_FOUND', { configuration })
        using network = quantisedNetwork(model)
        const { accuracy, loss } = await classify(network, data.validation, { batchSize, signal })
        return { metrics: { accuracy, loss, bops: model.bops, share: model.bops / model.fullBops } }
      },
    }),
  }
}

/** One search and one trial for each target. If the time budget is spent, a search ends at its step without a trial. */
const targetByTarget = (options: Read, found: Found): Algorithm =>
  async function* (parts) {
    const { trials, rng, signal, spent } = parts
    const space = parts.space as unknown as SuperBitSpace
    const { data, searchEpochs, fineTuneEpochs, batchSize, reportEvery, onFound } = options
    const targets = [options.target.bops].flat()
    // The interrupted trial of a target needs its network again.
    const first = trials.pending.length > 0 ? trials.proposed - 1 : trials.proposed
    for (const [index, bops] of targets.entries()) {
      if (index < first) continue
      const reason = spent()
      if (reason) return reason
      yield { type: 'stage.started', stage: `target ${bops}`, index, facts: { bops } }
      const abort = new AbortController()
      const means = stepMeans()
      let news: EventDraft[] = []
      let wake = () => {}
      const work = absCompress(space.graph, {
        ...space.options,
        data,
        target: { bops },
        searchEpochs,
        fineTuneEpochs,
        batchSize,
        seed: rng.fork(`abs/${index}`).tensorSeed(),
        signal: abort.signal,
        onProgress({ step, steps, loss, lambda, share }) {
          if (signal.aborted || spent() === 'time') abort.abort()
          means.add({ loss, lambda, share })
          if (means.count < reportEvery && step < steps && !abort.signal.aborted) return
          news.push({ type: 'weights.progress', step, metrics: means.take() })
          wake()
        },
      }).catch((thrown: unknown) => {
        if (!abort.signal.aborted) throw thrown
        return undefined
      })
      let compression: Compression | undefined
      let over = false
      try {
        const done = work.then((result) => {
          compression = result
          over = true
        })
        while (!over) {
          await Promise.race([
            done,
            new Promise<void>((resolve) => {
              wake = resolve
            }),
          ])
          const told = news
          news = []
          yield* told
        }
      } finally {
        abort.abort()
        await work.catch(() => {})
      }
      if (!compression) return spent() ?? 'algorithm'
      const { choice, model } = compression
      const genotype = space.encode({
        bits: choice.bits.filter((_, layer) => space.plan.layers[layer]!.role === 'inner'),
        keptGroups: choice.kept.map(({ length }) => length),
      })
      found.set(space.format(genotype), model)
      onFound?.(compression, { trial: index, bops })
      const proposals: Proposal[] = []
      proposals[index] = { genotype }
      yield* measureTrials(proposals, parts)
    }
    return 'algorithm'
  }

const about = declarePlugin({
  name: 'abs',
  kind: 'compression',
  does: 'Bits of weights and activations, layer by layer, by differentiable gates.',
  provides: ['algorithm', 'evaluator'],
  needs: ['space:super-bit'],
  paper: papers,
  options: declared,
})

/**
 * ABS as a search with a study, events, budget and citation: `createSearch({ space: superBitSpace(graph), plugins:
 * [abs({ data, target: { bops: 0.02 } })], objectives: { accuracy: 'maximise' }, budget: {} })`. Each target is
 * searched in one network, fine-tuned, and recorded as a trial with `accuracy`, `loss`, `bops` and `share`. A resumed
 * study repeats the search of a target that has no trial yet. Errors: ARCHLOOM_OPTION; from the search, those of
 * `absCompress`, and ARCHLOOM_ABS_NOT_FOUND for configurations that no search found.
 */
export function abs(given: AbsOptions): Plugin {
  const read = declared.read(given)
  const { data: _, onFound: __, ...plain } = read
  return definePlugin({
    ...about,
    options: plain,
    bind: ({ algorithm, evaluator }) => {
      const found: Found = new Map()
      algorithm.to(targetByTarget(read, found))
      evaluator.to(foundModels(read, found))
    },
  })
}
