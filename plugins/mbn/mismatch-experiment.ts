import * as tf from '@tensorflow/tfjs-core'
import { type Random, seeded } from '../../core/index.ts'
import { pickOptions } from '../../core/options/index.ts'
import {
  dense,
  momentum,
  network,
  sequential,
  softmaxCrossEntropy,
  trainStep,
  variableScope,
} from '../../core/tensor/index.ts'
import type { ApplyMode } from '../../core/trainer.ts'
import { memorizedBatchNorm } from './layer.ts'
import { memoriesAmong } from './memory.ts'
import { doubleForwardStep } from './trainer.ts'
import { type MemoryWeights, meanAge, weightsOf } from './weights.ts'

const [FEATURES, CLASSES, HIDDEN] = [20, 10, 64]

/** Every class consists of three clouds of points; centres are normal with deviation 1.6/√2. */
function mixture(examples: number, rng: Random) {
  const centres = Array.from({ length: CLASSES * 3 }, () =>
    Array.from({ length: FEATURES }, () => (rng.normal() * 1.6) / Math.SQRT2),
  )
  const points = new Float32Array(examples * FEATURES)
  const labels = new Int32Array(examples)
  for (let i = 0; i < examples; i++) {
    const centre = rng.int(centres.length)
    labels[i] = Math.floor(centre / 3)
    for (let f = 0; f < FEATURES; f++)
      points[i * FEATURES + f] = ((centres[centre] as number[])[f] as number) + rng.normal()
  }
  return { points, labels }
}

export interface MismatchOptions extends MemoryWeights {
  readonly batches: number
  readonly learningRate: number
  readonly doubleForward: boolean
  readonly steps: number
  readonly examples: number
  readonly seed: number
}

/**
 * The error of the first layer's memory after a step: the mean over channels and steps (from a full memory on)
 * of (μ̃ − μ)², where μ is the mean under the present weights. All examples form one batch, so only the
 * change of the weights makes a difference.
 */
export function mismatch(options: MismatchOptions): number {
  const { batches, learningRate, doubleForward, steps, examples, seed } = options
  const rng = seeded(seed)
  const { points, labels } = mixture(examples, rng.fork('points'))
  const scope = variableScope({
    rng: rng.fork('weights'),
    normalisation: memorizedBatchNorm(pickOptions(options, ['family', 'batches', 'decay'])),
  })
  const first = dense(scope.child('dense_0'), { inputs: FEATURES, units: HIDDEN })
  const deeper = [1, 2].flatMap((i) => [
    dense(scope.child(`dense_${i}`), { inputs: HIDDEN, units: HIDDEN }),
    scope.child(`norm_${i}`).normalise(HIDDEN, { relu: true }),
  ])
  const normalise = scope.child('norm_0').normalise(HIDDEN, { relu: true })
  const out = dense(scope.child('out'), { inputs: HIDDEN, units: CLASSES })
  using net = network({
    scope,
    inputShape: [FEATURES],
    outputShape: [CLASSES],
    apply: sequential(first, normalise, ...deeper, out),
  })
  const inputs = tf.tensor2d(points, [examples, FEATURES])
  const targets = tf.tensor1d(labels, 'int32')
  const optimizer = momentum({ learningRate, momentum: 0 })
  const [statistics] = memoriesAmong(scope.child('norm_0').stateful) as [tf.Variable]
  const weights = weightsOf(pickOptions(options, ['family', 'batches', 'decay']), batches)
  let [sum, count] = [0, 0]
  try {
    for (let step = 1; step <= steps; step++) {
      const mode: ApplyMode = { training: true }
      const loss = () => softmaxCrossEntropy(net.apply(inputs, mode), targets) as tf.Scalar
      const descend = () => trainStep({ variables: net.trainable, optimizer, loss }).loss
      if (doubleForward) doubleForwardStep(descend, { network: net, batch: { inputs, targets }, mode })
      else descend()
      if (step < batches) continue
      const remembered = statistics.dataSync()
      const truth = tf.tidy(() => tf.mean(first(inputs, mode), 0).dataSync())
      for (let c = 0; c < HIDDEN; c++) {
        const mean = weights.reduce((total, w, i) => total + w * remembered[2 * HIDDEN * i + c]!, 0)
        sum += (mean - truth[c]!) ** 2
        count++
      }
    }
  } finally {
    optimizer.dispose()
    tf.dispose([inputs, targets])
  }
  return sum / count
}

/** The ratio of mismatches if statistics drift along straight lines: ((age − 1) / age)². */
export function driftRatio(options: MemoryWeights & { readonly batches: number }): number {
  const weights = weightsOf(pickOptions(options, ['family', 'batches', 'decay']), options.batches)
  return (meanAge(weights, true) / meanAge(weights, false)) ** 2
}
