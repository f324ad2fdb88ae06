/** `archloom reproduce abs --scale medium`: whether the search is what makes the bits good. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { seeded } from '../../core/index.ts'
import { replaceFileSync } from '../../core/node/files.ts'
import type { Experiment, ExperimentPart } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cosine } from '../../evaluators/training/index.ts'
import type { LayerGraph } from '../../search-spaces/compression/index.ts'
import { dataFor, methodsFor, type Plan, plans, pretrained, processorClock, shareOf, tested } from './experiment.ts'
import { fineTune } from './fine-tune.ts'
import { type AbsSearchOptions, absSearch } from './search.ts'

const NO_SEARCH = 'no search, same read-out'
const arms = ['ABS-Q', NO_SEARCH, 'random bits', 'uniform 2 bits', 'uniform 4 bits', 'multi-path', 'two-stage', 'ABS']
const GRAPH = 'network.bin'

interface Settings extends Plan {
  readonly ladder: readonly number[]
}

/** One step with fixed initial thresholds, so that the read-out chooses from residuals alone. */
const withoutSearch = (graph: LayerGraph, options: AbsSearchOptions, share: number) =>
  absSearch(graph, { ...options, prune: false, target: { bops: share }, steps: 1, thresholdLearningRate: 1e-12 })

function part(name: string, title: string, settings: Settings, seeds: readonly number[], seconds: number) {
  const { depth, widths, ladder, pretrainEpochs, searchSteps, fineTuneEpochs, train, test, target } = settings
  return {
    name,
    title,
    setting: `Pre-activation ResNet-${depth} of ${widths.join(', ')} filters on CIFAR-10 (${train || 'all'} training and ${test || 'all'} test images), trained for ${pretrainEpochs} epochs; ${searchSteps} steps of search among ${ladder.join(', ')} bits for ${target} of the bit operations of 4 bits everywhere; ${fineTuneEpochs} epochs of fine-tuning for every arm.`,
    settings,
    arms,
    seeds,
    seconds,
    async prepare({ seed, folder, data, log, signal }) {
      await useEngine()
      const set = await dataFor(settings, data, signal)
      const graph = await pretrained({ plan: settings, set, log, signal }, seed)
      replaceFileSync(join(folder, GRAPH), serialize(graph))
      return []
    },
    async run(arm, { seed, folder, data, signal }) {
      await useEngine()
      const set = await dataFor(settings, data, signal)
      const graph = deserialize(readFileSync(join(folder, GRAPH))) as LayerGraph
      const share = shareOf(graph, settings)
      const options: AbsSearchOptions = {
        data: set.train,
        calibration: set.validation,
        steps: searchSteps,
        batchSize: settings.batchSize,
        learningRate: settings.searchRate,
        ladder,
        rng: seeded(seed).fork('search'),
        clock: processorClock,
        signal,
      }
      const method = methodsFor(share, settings).find((each) => each.arm === arm)
      const found = method ? await method.run(graph, options) : await withoutSearch(graph, options, share)
      const model = 'model' in found ? found.model : found
      const tuned = await fineTune(model, {
        data: set.train,
        epochs: fineTuneEpochs,
        batchSize: settings.batchSize,
        learningRate: cosine({ peak: settings.fineTuneLearningRate }),
        rng: seeded(seed).fork('fine-tune'),
        signal,
      })
      return [
        { metric: 'test accuracy, %', value: 100 * (await tested(tuned, set.test)) },
        { metric: 'share of full precision, %', value: (100 * model.bops) / model.fullBops },
        { metric: 'search, CPU seconds', value: 'model' in found ? found.searchSeconds : 0 },
      ]
    },
    metrics: [
      { name: 'test accuracy, %' },
      { name: 'share of full precision, %', digits: 3 },
      { name: 'search, CPU seconds', digits: 1 },
    ],
    comparisons: [
      ...[NO_SEARCH, 'random bits', 'multi-path'].map((control) => ({
        claim: `Searched bits are more accurate than ${control}`,
        arm: 'ABS-Q',
        control,
        metric: 'test accuracy, %',
        direction: 'maximise' as const,
        published: null,
        effect: 0.5,
      })),
      {
        claim: 'Bits and filters together are more accurate than one after the other',
        arm: 'ABS',
        control: 'two-stage',
        metric: 'test accuracy, %',
        direction: 'maximise' as const,
        published: null,
        effect: 0.5,
      },
      {
        claim: 'One path searches faster than many',
        arm: 'ABS-Q',
        control: 'multi-path',
        metric: 'search, CPU seconds',
        direction: 'minimise' as const,
        published: null,
      },
    ],
  } satisfies ExperimentPart
}

const narrow: Settings = { ...plans.small, ladder: [2, 4, 8], searchSteps: 160, test: 5000 }
const wide: Settings = {
  ...plans.small,
  widths: [16, 32, 64],
  groupSize: 4,
  train: 0,
  test: 0,
  ladder: [1, 2, 4, 8],
  target: 0.35,
  pretrainEpochs: 40,
  searchSteps: 1000,
  fineTuneEpochs: 10,
}

export const medium: Experiment = {
  paper: 'abs',
  parts: [
    part('narrow', 'Bits of a narrow ResNet-8', narrow, [11, 12, 13, 14, 15], 25),
    part('wide', 'Bits of ResNet-8 at published widths, one bit allowed', wide, [11, 12, 13, 14, 15], 250),
  ],
}
