import type { Random } from '../../../core/index.ts'
import type { Scale } from '../../../core/reproduction.ts'
import type { ImageDataset } from '../../../evaluators/data/index.ts'
import { type LayerGraph, resNetGraph, vggGraph } from '../../../search-spaces/compression/prunable.ts'
import type { CacpOptions } from '../options.ts'
import type { ArmsPlan } from './arms.ts'
import { photographs } from './data.ts'
import type { SyntheticPlan } from './synthetic.ts'

export interface Plan extends ArmsPlan {
  readonly data: (environment: NodeJS.ProcessEnv, signal: AbortSignal) => Promise<ImageDataset>
  readonly network: (data: ImageDataset, rng: Random) => LayerGraph
  /** Training of the network that is pruned. */
  readonly training: { readonly epochs: number; readonly learningRate: number; readonly batchSize: number }
  readonly fineTuning: { readonly epochs: number; readonly learningRate: number; readonly batchSize: number }
  readonly synthetic: SyntheticPlan
}

const rates = [0.3, 0.5, 0.7]

/** Learning rates of the published code, for searches of its length. */
const published: CacpOptions = { warmUp: { episodes: 100 }, actorLearningRate: 1e-4, exploration: { floor: 0 } }

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    rates,
    pruning: {},
    episodes: 90,
    agent: { hidden: 64, warmUp: { episodes: 30 } },
    calibration: { images: 64, points: 8 },
    data: (environment, signal) => photographs({ train: 4000, validation: 500, test: 1000 }, environment, 2, signal),
    network: (data, rng) => vggGraph({ layers: [16, 16, 'pool', 32, 32], size: 8, classes: data.train.classes, rng }),
    training: { epochs: 8, learningRate: 0.05, batchSize: 64 },
    fineTuning: { epochs: 2, learningRate: 0.02, batchSize: 64 },
    synthetic: { episodes: 300, seeds: 2, agent: { hidden: 64, warmUp: { episodes: 100 } } },
  },
  small: {
    rates,
    pruning: {},
    calibration: { images: 128, points: 10 },
    episodes: 150,
    agent: { hidden: 100, warmUp: { episodes: 45 } },
    data: (environment, signal) => photographs({ train: 4000, validation: 500, test: 2000 }, environment, 1, signal),
    network: (data, rng) =>
      vggGraph({ layers: [16, 16, 'pool', 32, 32, 'pool', 48, 48], size: 16, classes: data.train.classes, rng }),
    training: { epochs: 10, learningRate: 0.05, batchSize: 64 },
    fineTuning: { epochs: 3, learningRate: 0.02, batchSize: 64 },
    synthetic: { episodes: 600, seeds: 5, agent: { hidden: 64, warmUp: { episodes: 100 } } },
  },
  paper: {
    rates,
    pruning: {},
    episodes: 900,
    agent: published,
    calibration: { images: 300, points: 10 },
    data: (environment, signal) =>
      photographs({ train: 45_000, validation: 5000, test: 10_000 }, environment, 0, signal),
    network: (_, rng) => resNetGraph({ depth: 56, rng }),
    training: { epochs: 200, learningRate: 0.1, batchSize: 128 },
    fineTuning: { epochs: 400, learningRate: 0.1, batchSize: 256 },
    synthetic: { episodes: 900, seeds: 5, agent: published },
  },
}
