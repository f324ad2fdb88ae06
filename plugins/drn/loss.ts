import * as tf from '@tensorflow/tfjs-core'
import { l1Loss } from '../../core/tensor/index.ts'
import type { ApplyMode } from '../../core/trainer.ts'
import type { DualNetworks } from './dual.ts'
import { error } from './errors.ts'

export interface RegressionLosses {
  /** Σ mean|ŷ_k − t_k| over the images that the network computes. */
  readonly primal: tf.Scalar
  /** Σ mean|D_k(ŷ_k) − t_{k−1}|, k = 1 … K. */
  readonly dual: tf.Scalar
}

const sum = (terms: readonly tf.Tensor[]): tf.Scalar =>
  (terms.length === 0 ? tf.scalar(0) : tf.addN([...terms])) as tf.Scalar

function checkShapes(image: tf.Tensor, target: tf.Tensor): void {
  if (image.shape.join() !== target.shape.join())
    throw error('ARCHLOOM_DRN_SCALE', { received: image.shape, expected: target.shape })
}

/**
 * Primal and dual loss of paired images (Guo et al., eq. (3), at every size as released). If a network computes all
 * sizes, each is compared and mapped back by one step. If it computes only the largest, that is compared and mapped
 * back step by step. Call it inside a tidy.
 * @param images ŷ, smallest first: K + 1 of them, or the largest alone.
 * @param targets t_0 (the small image itself) … t_K.
 * @param duals Without them the dual loss is 0. Error: ARCHLOOM_DRN_SCALE.
 */
export function regressionLosses(
  images: readonly tf.Tensor[],
  targets: readonly tf.Tensor[],
  duals: DualNetworks | undefined,
  mode: ApplyMode,
): RegressionLosses {
  const skipped = targets.length - images.length
  const largest = images.at(-1) as tf.Tensor
  checkShapes(largest, targets.at(-1) as tf.Tensor)
  const primal = images.map((image, k) => {
    const target = targets[k + skipped] as tf.Tensor
    checkShapes(image, target)
    return l1Loss(image, target)
  })
  const back: tf.Tensor[] = []
  let sent = largest
  for (let k = targets.length - 1; duals && k >= 1; k--) {
    const from = skipped === 0 ? (images[k] as tf.Tensor) : sent
    sent = (duals.layers[k - 1] as DualNetworks['layers'][0])(from, mode)
    back.push(l1Loss(sent, targets[k - 1] as tf.Tensor))
  }
  return { primal: sum(primal), dual: sum(back) }
}

/**
 * Dual loss of small images that have no large ones: D_1(… D_K(ŷ_K)) against x, and D_1(ŷ_1) where the network gives
 * that size too. The paper does not say what is compared for a network with many sizes; the whole chain is our choice.
 */
export function unpairedDualLoss(
  images: readonly tf.Tensor[],
  lr: tf.Tensor,
  duals: DualNetworks,
  mode: ApplyMode,
): tf.Scalar {
  const chain = duals.layers.reduceRight((image, dual) => dual(image, mode), images.at(-1) as tf.Tensor)
  checkShapes(chain, lr)
  const terms: tf.Tensor[] = [l1Loss(chain, lr)]
  const [first] = duals.layers
  if (images.length === duals.layers.length + 1 && images.length > 2 && first)
    terms.push(l1Loss(first(images[1] as tf.Tensor, mode), lr))
  return sum(terms)
}
