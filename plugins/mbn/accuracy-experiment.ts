import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../core/index.ts'
import {
  batchNorm,
  batchRenorm,
  dense,
  globalAvgPool,
  groupNorm,
  type Normalisation,
  network,
  type ScopedNetwork,
  sequential,
  variableScope,
} from '../../core/tensor/index.ts'
import type { Trainer } from '../../core/trainer.ts'
import type { ImageDataset } from '../../evaluators/data/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import { cosine, type SupervisedTrainerOptions } from '../../evaluators/training/index.ts'
import { convNorm } from '../../search-spaces/operations/index.ts'
import { classBiased } from './class-biased.ts'
import { memorizedBatchNorm } from './layer.ts'
import { mbnTrainer } from './trainer.ts'

export type Sampling = 'iid' | 'biased'

/** One cell of the table: a method, a data set, a sampling and a batch size. */
export interface Cell {
  readonly data: string
  readonly sampling: Sampling
  readonly batchSize: number
  readonly method: string
  /** Test accuracy of each seed. */
  readonly accuracies: readonly number[]
}

export interface Method {
  readonly normalisation: Normalisation
  readonly doubleForward: boolean
  /**
   * Decay of an exponential mean of weights and running statistics; the network with the means is measured. Default:
   * none.
   */
  readonly averaged?: number
}

const memory = { batches: 20, decay: 0.95 } as const

/** Competing methods that need no batch statistics, or that average the weights. */
export const rivalsFor = (momentum: number): Readonly<Record<string, Method>> => ({
  GroupNorm: { normalisation: (scope, o) => groupNorm(scope, o), doubleForward: false },
  'BN, mean of weights': {
    normalisation: (scope, o) => batchNorm(scope, { ...o, momentum }),
    doubleForward: false,
    averaged: momentum,
  },
})

/** Running averages over the last hundred steps, or over the last tenth of a shorter run. */
export const momentumOf = (steps: number) => Math.min(0.99, Math.max(0.9, 1 - 10 / steps))

export const methodsFor = (momentum: number): Readonly<Record<string, Method>> => ({
  BN: { normalisation: (scope, o) => batchNorm(scope, { ...o, momentum }), doubleForward: false },
  BRN: {
    normalisation: (scope, o) =>
      batchRenorm(scope, { ...o, momentum, epsilon: 1e-5, ramp: { from: 0, rMaxAt: 0, dMaxAt: 0 } }),
    doubleForward: false,
  },
  MBN: { normalisation: memorizedBatchNorm(memory), doubleForward: false },
  'MBN+DF': { normalisation: memorizedBatchNorm(memory), doubleForward: true },
  'MBN V2+DF': { normalisation: memorizedBatchNorm({ ...memory, variance: 'pooled' }), doubleForward: true },
})

export interface AccuracyPlan {
  readonly samplings: readonly Sampling[]
  readonly batchSizes: readonly number[]
  /** Optimizer steps at a batch size; the same for all methods. */
  readonly steps: (batchSize: number) => number
  readonly learningRate: number
  readonly filters: readonly number[]
  readonly seeds: number
}

/** A network of strided 3×3 convolutions with normalisation and ReLU, a mean over positions, and a dense layer. */
export function smallConvNet(
  { train }: Pick<ImageDataset, 'train'>,
  normalisation: Normalisation,
  filters: readonly number[],
  seed: number,
): ScopedNetwork {
  const scope = variableScope({ rng: seeded(seed).fork('weights'), normalisation })
  const layers = filters.map((channelsOut, i) =>
    convNorm(scope.child(`layer_${i}`), {
      channelsIn: filters[i - 1] ?? train.inputShape[2]!,
      channelsOut,
      kernel: 3,
      stride: 2,
      relu: true,
    }),
  )
  const classifier = dense(scope.child('classifier'), { inputs: filters.at(-1) as number, units: train.classes })
  return network({
    scope,
    inputShape: train.inputShape,
    outputShape: [train.classes],
    apply: sequential(...layers, globalAvgPool(), classifier),
  })
}

/** An exponential mean of variables: `take` after every step, `put` at the end. */
function meanOf(variables: readonly tf.Variable[], decay: number) {
  const means = variables.map((variable) => Float64Array.from(variable.dataSync()))
  return {
    take() {
      for (const [i, variable] of variables.entries())
        for (const [k, value] of variable.dataSync().entries())
          means[i]![k] = decay * means[i]![k]! + (1 - decay) * value
    },
    put() {
      for (const [i, variable] of variables.entries())
        tf.tidy(() => variable.assign(tf.tensor(Float32Array.from(means[i]!), variable.shape)))
    },
  }
}

/** SGD with momentum 0.9; the rate falls along a cosine from its peak, which is lower for batches under 16. */
const trainerFor = (
  batchSize: number,
  peak: number,
  doubleForward: boolean,
  aroundStep?: SupervisedTrainerOptions['aroundStep'],
): Trainer => {
  const options: SupervisedTrainerOptions = {
    batchSize,
    clipNorm: false,
    nesterov: false,
    weightDecay: 5e-4,
    reportEvery: 1_000_000,
    learningRate: cosine({ peak: peak * Math.min(1, batchSize / 16) }),
    ...(aroundStep && { aroundStep }),
  }
  return mbnTrainer({ ...options, doubleForward })
}

export interface TrainedSettings extends Pick<AccuracyPlan, 'filters' | 'learningRate'> {
  readonly sampling: Sampling
  readonly batchSize: number
  readonly steps: number
}

/** Test accuracy of one network; the same seed gives all methods the same weights and batches. */
export async function trainedAccuracy(
  data: ImageDataset,
  { normalisation, doubleForward, averaged }: Method,
  { sampling, batchSize, steps, filters, learningRate }: TrainedSettings,
  { seed, signal }: { seed: number; signal: AbortSignal },
): Promise<number> {
  using net = smallConvNet(data, normalisation, filters, seed)
  const train = sampling === 'biased' ? classBiased(data.train) : data.train
  const epochs = steps / Math.floor(train.size / batchSize)
  const mean = averaged === undefined ? undefined : meanOf([...net.trainable, ...net.state], averaged)
  const around =
    mean &&
    ((step: () => number) => {
      const loss = step()
      mean.take()
      return loss
    })
  const fit = { epochs, rng: seeded(seed).fork('training'), signal }
  for await (const _ of trainerFor(batchSize, learningRate, doubleForward, around).fit(net, train, fit));
  mean?.put()
  return (await classify(net, data.test, { signal })).accuracy
}

/** Trains every method for every cell of the table; the same seed gives all methods the same weights and batches. */
export async function accuracyTable(
  data: ImageDataset,
  plan: AccuracyPlan,
  { seed, log, signal }: { seed: number; log: (text: string) => void; signal: AbortSignal },
): Promise<readonly Cell[]> {
  const cells: Cell[] = []
  for (const sampling of plan.samplings)
    for (const batchSize of plan.batchSizes)
      for (const [method, form] of Object.entries(methodsFor(momentumOf(plan.steps(batchSize))))) {
        const accuracies: number[] = []
        const { filters, learningRate } = plan
        const place = { sampling, batchSize, steps: plan.steps(batchSize), filters, learningRate }
        for (let run = 0; run < plan.seeds; run++)
          accuracies.push(await trainedAccuracy(data, form, place, { seed: seed + run, signal }))
        cells.push({ data: data.name, sampling, batchSize, method, accuracies })
        const shown = accuracies.map((accuracy) => accuracy.toFixed(3)).join(' ')
        log(`${data.name}, ${sampling}, batches of ${batchSize}, ${method}: test accuracy ${shown}`)
      }
  return cells
}
