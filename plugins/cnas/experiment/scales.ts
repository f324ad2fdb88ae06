import type { Scale } from '../../../core/reproduction.ts'
import {
  type Augmentation,
  cifar10,
  findData,
  generatedImages,
  type ImageDataset,
} from '../../../evaluators/data/index.ts'
import { cosine, linear } from '../../../evaluators/training/index.ts'
import { dartsOperations } from '../../../search-spaces/cell/index.ts'
import { type ArmName, type ArmSettings, armNames } from './arms.ts'
import type { TableSettings } from './table-curriculum.ts'

export interface ScaleSettings {
  readonly seeds: number
  readonly arms: readonly ArmName[]
  readonly arm: ArmSettings
  readonly table: TableSettings & { readonly seeds: number }
  readonly data: (environment: NodeJS.ProcessEnv) => Promise<ImageDataset>
}

// For short searches the learning rate is ten times that of the paper, and the baseline decays within their length;
// both are the same in every arm.
const quickController = { hidden: 32, learningRate: 3e-3, baselineDecay: 0.9 } as const
const quickWeights = { learningRate: 0.05, clipNorm: 5 } as const
const standard: Augmentation = { crop: { padding: 4 }, flip: true }

const smoke: ScaleSettings = {
  seeds: 5,
  arms: armNames,
  arm: {
    space: {
      nodes: 1,
      channels: 4,
      cells: 2,
      reductions: [1],
      stemMultiplier: 1,
      operations: ['sep_conv_3x3', 'skip_connect', 'max_pool_3x3'],
    },
    batchSize: 32,
    warmUpEpochs: 1,
    epochs: 2,
    weightSteps: 4,
    policySteps: 4,
    candidates: 3,
    controller: quickController,
    weights: quickWeights,
    retraining: { epochs: 2, batchSize: 32, schedule: { learningRate: cosine({ peak: 0.05 }) } },
  },
  table: { steps: 500, noise: 0.05, candidates: 10, seeds: 5 },
  data: async () => generatedImages({ classes: 4, size: 8, train: 512, validation: 128, test: 512 }),
}

const small: ScaleSettings = {
  seeds: 3,
  arms: armNames,
  arm: {
    space: {
      // Photographs of 32×32; the stem brings them to 8×8, so that hundreds of steps fit into minutes.
      nodes: 2,
      channels: 8,
      cells: 3,
      reductions: [1],
      stem: 'imagenet',
      operations: ['sep_conv_3x3', 'skip_connect', 'max_pool_3x3', 'avg_pool_3x3', 'dil_conv_3x3', 'none'],
    },
    batchSize: 32,
    warmUpEpochs: 1,
    epochs: 2,
    weightSteps: 28,
    policySteps: 30,
    candidates: 5,
    controller: quickController,
    weights: quickWeights,
    retraining: { epochs: 6, batchSize: 32, schedule: { learningRate: cosine({ peak: 0.05 }) } },
  },
  table: { steps: 2000, noise: 0.05, candidates: 10, seeds: 20 },
  data: (environment) => cifar10({ trainSize: 2000, validation: 600, testSize: 2000, augment: true, environment }),
}

/** The published protocol: 40 % of the images for weights (20,000 of 50,000), 60 % for the policy; 8 stages of 20 + 40 epochs; 600 epochs after. */
const paper: ScaleSettings = {
  seeds: 1,
  arms: ['fixed space', 'curriculum'],
  arm: {
    space: { operations: dartsOperations },
    batchSize: 96,
    warmUpEpochs: 20,
    epochs: 40,
    candidates: 10,
    retrainedSpace: { channels: 36, cells: 20, auxiliary: 0.4, operations: dartsOperations },
    retraining: {
      epochs: 600,
      batchSize: 128,
      augment: { ...standard, cutout: 16 },
      schedule: { learningRate: cosine({ peak: 0.05 }), dropPath: linear({ from: 0, to: 0.2 }), clipNorm: 5 },
    },
  },
  table: { steps: 20_000, noise: 0.05, candidates: 10, seeds: 20 },
  data: async (environment) => {
    const { train } = await findData('cifar10', { environment })
    return cifar10({ validation: Math.round(0.6 * train.count), augment: true, environment })
  },
}

export const scales: Readonly<Record<Scale, ScaleSettings>> = { smoke, small, paper }
