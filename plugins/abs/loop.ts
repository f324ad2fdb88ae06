import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Network } from '../../core/index.ts'
import { optionError } from '../../core/options/index.ts'
import { type StepOptimizer, softmaxCrossEntropy, trainStep } from '../../core/tensor/index.ts'
import { nextTurn } from '../../evaluators/training/batches.ts'
import { error } from './errors.ts'
import { PairedOptimizer } from './optimizer.ts'
import { nextLambda, resolve, type SearchOptions } from './options.ts'

/** A network that is searched by gradient descent. It gives logits and the logarithm of its cost. */
export interface Searched {
  readonly net: Network & { readonly plan: { readonly fullBops: number } }
  /** Variables that are trained in a step. */
  variables(step: number): readonly tf.Variable[]
  search(x: tf.Tensor, step: number): { readonly logits: tf.Tensor; readonly logBops: tf.Scalar }
  /** Variables that decide bits and filters, and the optimizers of weights and of these. */
  readonly deciding: readonly tf.Variable[]
  readonly optimizers: (rates: { learningRate: number; thresholdLearningRate: number; weightDecay: number }) => {
    readonly weights: StepOptimizer
    readonly deciding: StepOptimizer
  }
  before(x: tf.Tensor): void
  afterStep(): void
}

export interface SearchRun {
  /** λ at the end of the search. */
  readonly lambda: number
  /** Bytes of tensors that the forward pass keeps for the backward pass, beyond those of the network. */
  readonly liveBytes: number
}

/** Minimises CE + λ·ln R (eq. 17). Errors: ARCHLOOM_OPTION, ARCHLOOM_ABS_CLASSES, ARCHLOOM_ABS_DIVERGED. */
export async function searchLoop(searched: Searched, options: SearchOptions): Promise<SearchRun> {
  const { data, batchSize, steps, target, ...rates } = resolve(options)
  const { net } = searched
  if (net.outputShape.length !== 1 || net.outputShape[0] !== data.classes)
    throw error('ARCHLOOM_ABS_CLASSES', { received: net.outputShape, classes: data.classes })
  const made = searched.optimizers(rates)
  const optimizer = new PairedOptimizer(made.weights, made.deciding, new Set(searched.deciding.map(({ name }) => name)))
  const order = options.rng.fork('batches')
  let [step, lambda, liveBytes] = [0, rates.lambda, 0]
  let weight = lambda
  let firstLogShare: number | undefined
  const one = ({ inputs, targets }: Batch) => {
    let logShare = 0
    const before = tf.memory().numBytes
    const loss = () => {
      const { logits, logBops } = searched.search(inputs, step)
      logShare = (logBops.dataSync()[0] as number) - Math.log(net.plan.fullBops)
      const total = tf.add(softmaxCrossEntropy(logits, targets), tf.mul(logBops, weight)) as tf.Scalar
      liveBytes = tf.memory().numBytes - before
      return total
    }
    const { loss: value } = trainStep({ variables: searched.variables(step), optimizer, loss })
    step++
    if (!Number.isFinite(value)) throw error('ARCHLOOM_ABS_DIVERGED', { step, steps, learningRate: rates.learningRate })
    options.onProgress?.({ step, steps, loss: value, lambda: weight, share: Math.exp(logShare) })
    firstLogShare ??= logShare
    const next = nextLambda({ lambda, start: rates.lambda, logShare, firstLogShare, step, steps, target })
    lambda = next.lambda
    weight = next.weight
    searched.afterStep()
  }
  try {
    while (step < steps) {
      const from = step
      for (const batch of data.batches({ batchSize, rng: order, dropRemainder: true })) {
        try {
          if (step === 0) tf.tidy(() => searched.before(batch.inputs))
          one(batch)
        } finally {
          tf.dispose([batch.inputs, batch.targets])
        }
        await nextTurn()
        options.signal?.throwIfAborted()
        if (step === steps) break
      }
      if (step === from) throw optionError('abs', 'data', data.size, 'at least one example')
    }
  } finally {
    optimizer.dispose()
  }
  return { lambda, liveBytes }
}
