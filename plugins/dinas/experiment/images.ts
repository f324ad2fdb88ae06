/** D4: a convolutional supernet on images. */
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
import { measureSplit } from '../../../evaluators/weight-sharing/index.ts'
import { sharedWeights, variablesOf } from '../../../search-spaces/operations/weight-sharing.ts'
import type { ProjectionOptions } from '../options.ts'
import { projected } from '../projected.ts'
import { type Course, trainInTurn } from './train-in-turn.ts'

type Images = Pick<Dataset, 'train' | 'validation'>
const sgd: OptimizerFactory = () => momentum({ learningRate: 0.05, momentum: 0.9 })
const optimizerOf = (projection: ProjectionOptions | undefined) => (projection ? projected(sgd, projection)(0) : sgd(0))

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
    return { drop: 100 * drop, first: 100 * (learnt[0] as number), second: 100 * (learnt[1] as number) }
  } finally {
    optimizer.dispose()
  }
}
