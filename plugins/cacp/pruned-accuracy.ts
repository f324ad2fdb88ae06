import { type EvaluatorDefinition, seeded } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { Dataset, Split } from '../../core/trainer.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import {
  graphCost,
  graphNetwork,
  isChannelSpace,
  type LayerGraph,
  type PrunedArchitecture,
} from '../../search-spaces/compression/prunable.ts'
import { type Calibration, calibrate } from './calibration.ts'
import { error } from './errors.ts'
import { pruneChannels } from './prune.ts'

export interface PrunedAccuracyOptions {
  /** Calibration uses training images, accuracy the validation split. The test split is not used. */
  readonly data: Pick<Dataset, 'train' | 'validation'>
  /** Whether layers that read fewer channels get new weights by least squares. Default: true. */
  readonly reconstruct?: boolean
  /** Number of images, and of positions per feature map, for reconstruction. Default: 128 and 10. */
  readonly calibration?: { readonly images?: number; readonly points?: number }
  /** Seed of the choice of images and positions. Default: 0. */
  readonly seed?: number
}

/** Measures accuracy and loss of a graph on a split. */
export async function graphAccuracy(graph: LayerGraph, split: Split, signal?: AbortSignal) {
  using network = graphNetwork(graph)
  return await classify(network, split, signal ? { signal } : {})
}

const prunedAccuracyNames = optionNames<PrunedAccuracyOptions>('prunedAccuracy', {
  data: true,
  reconstruct: true,
  calibration: true,
  seed: true,
})

/**
 * Evaluates prunings of a channelSpace without training: `accuracy` and `loss` on the validation split,
 * `multiplyAdds`, `parameters`, and the remaining `share` of multiply-adds. Errors: ARCHLOOM_CACP_SPACE,
 * ARCHLOOM_CACP_CALIBRATION.
 */
export function prunedAccuracy(options: PrunedAccuracyOptions): EvaluatorDefinition {
  prunedAccuracyNames(options)
  const { data, reconstruct = true, calibration = {}, seed = 1 } = options
  const name = 'pruned-accuracy'
  return {
    kind: 'zero-cost',
    name,
    metrics: ['accuracy', 'loss', 'multiplyAdds', 'parameters', 'share', 'rate'],
    create: async ({ space }) => {
      if (!isChannelSpace(space)) throw error('ARCHLOOM_CACP_SPACE', { received: space.name })
      await useEngine()
      const { problem } = space
      const rng = seeded(seed).fork('calibration')
      const collected: Calibration | undefined = reconstruct
        ? await calibrate(problem, data.train, { ...calibration, rng })
        : undefined
      return {
        kind: 'zero-cost',
        name,
        async evaluate({ architecture }, { signal }) {
          const { rate, kept } = architecture as PrunedArchitecture
          const pruned = pruneChannels(problem, kept, collected)
          const { accuracy, loss } = await graphAccuracy(pruned, data.validation, signal)
          const { multiplyAdds, parameters } = graphCost(pruned)
          const share = multiplyAdds / problem.multiplyAdds
          return { metrics: { accuracy, loss, multiplyAdds, parameters, share, rate } }
        },
      }
    },
  }
}
