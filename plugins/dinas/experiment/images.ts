/** Convolutional supernets on images: D4, two architectures in turn, and bursts, all nine in turn. */
import * as tf from '@tensorflow/tfjs-core'
import { type Batch, type Dataset, type Network, type OptimizerFactory, seeded } from '../../../core/index.ts'
import {
  conv2d,
  dense,
  globalAvgPool,
  momentum,
  network,
  sequential,
  variableScope,
} from '../../../core/tensor/index.ts'
import { kendallTau, measureSplit } from '../../../evaluators/weight-sharing/index.ts'
import { sharedWeights, variablesOf } from '../../../search-spaces/operations/weight-sharing.ts'
import type { ProjectionOptions } from '../options.ts'
import { ProjectedOptimizer, projected } from '../projected.ts'
import { type Course, train, trainInTurn } from './train-in-turn.ts'

type Images = Pick<Dataset, 'train' | 'validation'>
const sgd =
  (learningRate: number): OptimizerFactory =>
  () =>
    momentum({ learningRate, momentum: 0.9 })
const optimizerOf = (projection: ProjectionOptions | undefined, learningRate = 0.05) =>
  projection ? projected(sgd(learningRate), projection)(0) : sgd(learningRate)(0)

function course(
  { train: split, validation }: Images,
  options: { optimizer: tf.Optimizer; batchSize: number; seed: string; training: boolean; signal?: AbortSignal },
): Course {
  const { optimizer, batchSize, seed, training, signal } = options
  const rng = seeded(seed)
  const fresh = () => split.batches({ batchSize, rng, dropRemainder: true })[Symbol.iterator]()
  let batches = fresh()
  const next = (): Batch => {
    const { value, done } = batches.next()
    if (!done) return value
    batches = fresh()
    return next()
  }
  const measure = async (path: Network) => (await measureSplit(path, validation, { batchSize: 128, training })).accuracy
  return { optimizer, next, measure, signal }
}

/** Two layers of 1×1, 3×3 or 5×5 convolutions on images of half the size. No normalisation: its statistics are not protected. */
function convSupernet(data: Images, seed: string) {
  const [, , inputs = 3] = data.train.inputShape
  const { classes } = data.train
  const scope = variableScope({ rng: seeded(seed) })
  const convolution = (at: ReturnType<typeof scope.child>, inputChannels: number, kernel: number) =>
    sequential(conv2d(at, { inputChannels, filters: 16, kernel }), tf.relu)
  const stem = convolution(scope.child('stem'), inputs, 3)
  const options = [0, 1].map((layer) =>
    [1, 3, 5].map((kernel) => {
      const at = scope.child(`layer_${layer}`).child(kernel)
      return { layer: convolution(at, 16, kernel), ...variablesOf(at) }
    }),
  )
  const head = sequential(globalAvgPool(), dense(scope.child('head'), { inputs: 16, units: classes }))
  type Choice = readonly [number, number]
  let chosen: Choice = [0, 0]
  const option = (layer: number, choice: Choice) => options[layer]?.[choice[layer] as number] as (typeof options)[0][0]
  return sharedWeights<Choice>({
    whole: network({
      scope,
      inputShape: data.train.inputShape,
      outputShape: [classes],
      apply: (x, mode) => {
        const pool = (y: tf.Tensor) => tf.avgPool(y as tf.Tensor4D, 2, 2, 'valid')
        const first = option(0, chosen).layer(stem(pool(x), mode), mode)
        return head(option(1, chosen).layer(pool(first), mode), mode)
      },
    }),
    options: options.flat(),
    select: (choice) => {
      chosen = choice
    },
    chosen: (choice) => [option(0, choice), option(1, choice)],
  })
}

/** D4: A (1×1 first) then B (5×5 first), which share stem, second layer and head. In percent and points. */
export async function twoOnImages(
  data: Images,
  projection: ProjectionOptions | undefined,
  { steps, seed, signal }: { steps: number; seed: number; signal?: AbortSignal },
) {
  using supernet = convSupernet(data, `dinas D4 weights ${seed}`)
  const optimizer = optimizerOf(projection && { ...projection, protectEvery: 0, releaseEvery: 0 })
  const own = { optimizer, batchSize: 64, seed: `dinas D4 order ${seed}`, training: false, ...(signal && { signal }) }
  try {
    const paths = ([0, 2] as const).map((first) => supernet.path([first, 1]))
    const lessons = course(data, own)
    const shown = () => course(data, { ...own, batchSize: 128 })
    const { learnt, drop } = await trainInTurn(paths, { ...lessons, steps, shown: () => [shown().next()] })
    return { drop: 100 * drop, first: 100 * learnt[0]!, second: 100 * learnt[1]! }
  } finally {
    optimizer.dispose()
  }
}

/** First and second kernel of the nine architectures: 1×1, 3×3 or 5×5 each. */
const ninePaths = [0, 1, 2].flatMap((first) => [0, 1, 2].map((second) => [first, second] as const))

export interface BurstSettings {
  /** Steps of each architecture in its turn. */
  readonly steps: number
  /** Steps of each architecture by itself, on weights of its own: the order to be found. */
  readonly alone: number
  readonly batchSize: number
  readonly learningRate: number
}

export interface BurstArm {
  readonly projection?: ProjectionOptions
  /** Default: that of the settings. */
  readonly learningRate?: number
  /** Share of steps that train an earlier architecture, drawn at random, instead of the one whose turn it is. Default 0. */
  readonly replay?: number
}

/** Accuracies of the nine architectures, each trained alone on fresh weights. */
export async function trainedAlone(
  data: Images,
  { alone: steps, batchSize, learningRate }: BurstSettings,
  { seed, signal }: { seed: number; signal?: AbortSignal },
): Promise<readonly number[]> {
  const accuracies: number[] = []
  for (const choice of ninePaths) {
    using supernet = convSupernet(data, `dinas bursts alone ${seed} ${choice}`)
    const optimizer = optimizerOf(undefined, learningRate)
    try {
      const own = { optimizer, batchSize, seed: `dinas bursts alone order ${seed}`, training: false }
      const lessons = course(data, { ...own, ...(signal && { signal }) })
      const path = supernet.path(choice)
      await train(path, steps, lessons)
      accuracies.push(await lessons.measure(path))
    } finally {
      optimizer.dispose()
    }
  }
  return accuracies
}

/**
 * All nine architectures in turn, in an order of the seed's own. `truth`: accuracies of each alone. Returns Kendall's τ
 * of the final accuracies against them, and in percent what was learnt, what was lost and the mean of what is left.
 */
export async function nineInTurn(
  data: Images,
  { projection, learningRate, replay = 0 }: BurstArm,
  { steps, batchSize, ...settings }: BurstSettings,
  { truth, seed, signal }: { truth: readonly number[]; seed: number; signal?: AbortSignal },
) {
  using supernet = convSupernet(data, `dinas bursts weights ${seed}`)
  const optimizer = optimizerOf(
    projection && { ...projection, protectEvery: 0, releaseEvery: 0 },
    learningRate ?? settings.learningRate,
  )
  const own = { optimizer, batchSize, seed: `dinas bursts order ${seed}`, training: false, ...(signal && { signal }) }
  const rng = seeded(`dinas bursts turns ${seed}`)
  const turns = rng.shuffle(ninePaths.map((_, index) => index))
  const lessons = course(data, own)
  const shown = course(data, { ...own, seed: `dinas bursts shown ${seed}`, batchSize: 2 * batchSize })
  try {
    const paths = turns.map((index) => supernet.path(ninePaths[index]!))
    const draws = rng.fork('replay')
    const inTurn = await trainInTurn(paths, {
      ...lessons,
      steps,
      shown: () => [shown.next()],
      ...(replay > 0 && {
        instead: (turn: number) => (turn > 0 && draws.float() < replay ? paths[draws.int(turn)] : undefined),
      }),
    })
    const final = ninePaths.map((_, index) => inTurn.final[turns.indexOf(index)]!)
    const mean = (values: readonly number[]) => (100 * values.reduce((sum, x) => sum + x, 0)) / values.length
    const tau = kendallTau(final, truth)
    return {
      // Where all are alike there is no order.
      tau: Number.isNaN(tau) ? 0 : tau,
      lost: 100 * inTurn.drop,
      learnt: mean(inTurn.learnt),
      final: mean(final),
      freedom: optimizer instanceof ProjectedOptimizer ? optimizer.metrics().freedom : 1,
    }
  } finally {
    optimizer.dispose()
  }
}
