/**
 * `archloom reproduce mbn --scale medium`: small and class-biased batches, with competing methods that need no batch
 * statistics.
 */
import type { Experiment, ExperimentPart } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { fashionMnist } from '../../evaluators/data/index.ts'
import { methodsFor, momentumOf, rivalsFor, type Sampling, trainedAccuracy } from './accuracy-experiment.ts'

const network = { filters: [8, 16, 32], learningRate: 0.02, test: 5000 }
const OURS = 'MBN+DF'
const arms = ['BN', OURS, 'GroupNorm', 'BRN', 'MBN', 'BN, mean of weights']

function part(sampling: Sampling, batchSize: number, steps: number): ExperimentPart {
  const settings = { ...network, sampling, batchSize, steps }
  const how = sampling === 'iid' ? 'drawn at random' : 'of two classes each'
  return {
    name: `${sampling}-${batchSize}`,
    title: `Fashion-MNIST, batches of ${batchSize} images ${how}`,
    setting: `Three strided convolutions of 8, 16 and 32 filters, ${steps} steps, SGD with momentum; test accuracy on 5,000 images. All arms of a seed start from the same weights and see the same batches.`,
    settings,
    arms,
    seeds: [11, 12, 13, 14, 15],
    seconds: (steps * (5 + batchSize / 4)) / 1000,
    async run(arm, { seed, data, signal }) {
      await useEngine()
      const environment = { ...process.env, ...(data !== undefined && { ARCHLOOM_DATA: data }) }
      const set = await fashionMnist({ environment, testSize: network.test, signal })
      const momentum = momentumOf(steps)
      const method = { ...methodsFor(momentum), ...rivalsFor(momentum) }[arm]!
      return [
        {
          step: steps,
          metric: 'accuracy, %',
          value: 100 * (await trainedAccuracy(set, method, settings, { seed, signal })),
        },
      ]
    },
    metrics: [{ name: 'accuracy, %' }],
    comparisons: arms
      .filter((arm) => arm !== OURS)
      .map((control) => ({
        claim: `MBN with Double-Forward is more accurate than ${control}`,
        arm: OURS,
        control,
        metric: 'accuracy, %',
        direction: 'maximise' as const,
        published: null,
        effect: 1,
      })),
  }
}

export const medium: Experiment = {
  paper: 'mbn',
  parts: [
    part('iid', 2, 1600),
    part('biased', 4, 1131),
    part('biased', 16, 566),
    part('iid', 4, 1131),
    part('iid', 8, 800),
    part('iid', 1, 2263),
  ],
}
