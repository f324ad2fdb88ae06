import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Random } from '../../../core/index.ts'
import {
  conv2d,
  dense,
  type Layer,
  network,
  type ScopedNetwork,
  sequential,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { SavedWeight } from '../../../core/trainer.ts'
import { supervisedTrainer } from '../../training/index.ts'
import { classify } from '../classification.ts'
import { error } from './errors.ts'

/**
 * A network whose features generative metrics compare. Figures obtained with different feature networks are not
 * comparable.
 */
export interface FeatureNetwork extends Disposable {
  /** Describes the network and who trained it; state it with every figure. */
  readonly name: string
  /** Length of a feature vector. */
  readonly dimension: number
  /** Length of a probability vector; 0 if it is not a classifier. */
  readonly classes: number
  /**
   * The features of images, flat [count, ...shape], in the value range that the network was trained on (or is declared
   * for).
   */
  measure(images: Float32Array): Promise<Features>
  /** Saves its weights, to be passed as `weights` in another process. Missing if it was not trained here. */
  save?(): Promise<readonly SavedWeight[]>
}

export interface Features {
  /** [count, dimension] */
  readonly features: Float32Array
  /** [count, classes], rows of sum 1. */
  readonly probabilities: Float32Array
}

export interface FeatureNetworkOptions {
  /** Images in the value range of the generators. Its test split only measures how good the network is. */
  readonly data: Dataset
  /** Default 1. */
  readonly epochs?: number
  /** Maps of the first convolution. Default 16. */
  readonly filters?: number
  /** Length of a feature vector. Default 64. */
  readonly dimension?: number
  readonly batchSize?: number
  /** Weights that such a network saved. It is then not trained. */
  readonly weights?: readonly SavedWeight[]
  readonly rng: Random
  readonly signal?: AbortSignal
}

/**
 * Trains a small convolutional classifier on labelled images, for measuring generators of such images. Features are
 * the values of its last hidden layer (after the ReLU). This is *not* Inception: figures are comparable only with
 * those of the same network, which the name states.
 */
export async function trainFeatureNetwork(options: FeatureNetworkOptions): Promise<FeatureNetwork> {
  const { data, rng, epochs = 1, filters = 16, dimension = 64, batchSize = 64, weights, signal } = options
  const { train, test } = data
  const [height = 0, width = 0, channels = 0] = train.inputShape
  if (train.inputShape.length !== 3 || train.classes < 2)
    throw error('ARCHLOOM_FEATURE_NETWORK', {
      name: data.name,
      received: `examples [${train.inputShape.join(', ')}] in ${train.classes} classes`,
      expected: 'images [height, width, channels] in at least two classes',
    })
  const scope = variableScope({ rng: rng.fork('weights') })
  const halving = (index: number, inputChannels: number, out: number): Layer => {
    const own = scope.child(`layer_${index}`)
    const convolution = conv2d(own, { inputChannels, filters: out, kernel: 3, stride: 2 })
    return sequential(convolution, own.child('norm').normalise(out, { relu: true }))
  }
  const flat = Math.ceil(height / 4) * Math.ceil(width / 4) * 2 * filters
  const hidden = dense(scope.child('hidden'), { inputs: flat, units: dimension })
  const features = sequential(halving(0, channels, filters), halving(1, filters, 2 * filters), (x, mode) =>
    tf.relu(hidden(tf.reshape(x, [-1, flat]), mode)),
  )
  const classifier = dense(scope.child('classifier'), { inputs: dimension, units: train.classes })
  const trained = network({
    scope,
    inputShape: train.inputShape,
    outputShape: [train.classes],
    apply: sequential(features, classifier),
  })
  const fit = { epochs, rng: rng.fork('training'), ...(signal && { signal }) }
  if (weights) scope.load(weights)
  else for await (const _ of supervisedTrainer({ optimizer: 'adam', batchSize }).fit(trained, train, fit));
  const { accuracy } = await classify(trained, test, signal ? { signal } : {})
  return wrapped(trained, features, {
    name: `archloom's own classifier of ${data.name}, test accuracy ${accuracy.toFixed(3)}, ${dimension} features`,
    dimension,
    classes: train.classes,
  })
}

function wrapped(
  trained: ScopedNetwork,
  features: Layer,
  form: { name: string; dimension: number; classes: number },
): FeatureNetwork {
  const mode = { training: false }
  const { dimension, classes } = form
  return {
    ...form,
    measure: async (images) => {
      const count = rowsIn(form.name, images, trained.inputShape)
      const out = { features: new Float32Array(count * dimension), probabilities: new Float32Array(count * classes) }
      const size = images.length / count
      const head = trained.scope.child('classifier').trainable as readonly tf.Tensor[]
      for (let start = 0; start < count; start += 250) {
        const n = Math.min(250, count - start)
        const [hidden, shares] = tf.tidy(() => {
          const x = tf.tensor(images.slice(start * size, (start + n) * size), [n, ...trained.inputShape])
          const found = features(x, mode)
          const [kernel, bias] = head as [tf.Tensor2D, tf.Tensor1D]
          const logits = tf.add(tf.matMul(found as tf.Tensor2D, kernel), bias)
          return [found.dataSync(), tf.softmax(logits).dataSync()] as unknown as tf.TensorContainer
        }) as unknown as [Float32Array, Float32Array]
        out.features.set(hidden, start * dimension)
        out.probabilities.set(shares, start * classes)
      }
      return out
    },
    save: () => trained.scope.save(),
    [Symbol.dispose]: () => trained[Symbol.dispose](),
  }
}

/** Number of images in a flat array. Error: ARCHLOOM_FEATURE_NETWORK. */
export function rowsIn(name: string, images: Float32Array, shape: readonly number[]): number {
  const count = images.length / shape.reduce((a, b) => a * b, 1)
  if (!Number.isInteger(count) || count < 1)
    throw error('ARCHLOOM_FEATURE_NETWORK', {
      name,
      received: `it received ${images.length} values`,
      expected: `one or more images of [${shape.join(', ')}]`,
    })
  return count
}

/** All examples of a split as flat values, in stored order, for comparison with generated ones. */
export function examplesOf(split: Pick<Dataset['train'], 'batches' | 'inputShape' | 'size'>, count = split.size) {
  const size = split.inputShape.reduce((a, b) => a * b, 1)
  const out = new Float32Array(Math.min(count, split.size) * size)
  let at = 0
  for (const { inputs, targets } of split.batches({ batchSize: 250 })) {
    if (at < out.length) {
      const values = inputs.dataSync() as Float32Array
      out.set(values.subarray(0, Math.min(values.length, out.length - at)), at)
      at += values.length
    }
    inputs.dispose()
    targets.dispose()
    if (at >= out.length) break
  }
  return out
}
