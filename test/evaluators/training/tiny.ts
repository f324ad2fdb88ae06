import * as tf from '@tensorflow/tfjs-core'
import { type Batch, type Network, type Random, type Split, type SplitRole, seeded } from 'archloom'
import { dense, network, relu, sequential, variableScope } from 'archloom/tensor'

/** Points of the plane in two rings: class 1 is the outer one. No line separates them. */
export function rings<R extends SplitRole>(role: R, size: number, seed = 1): Split<R> {
  const rng = seeded(seed)
  const points = Array.from({ length: size }, (_, i) => {
    const [angle, radius] = [2 * Math.PI * rng.float(), (i % 2) + 0.6 + 0.3 * rng.float()]
    return [radius * Math.cos(angle), radius * Math.sin(angle)]
  })
  return {
    role,
    size,
    inputShape: [2],
    classes: 2,
    *batches({ batchSize, rng: order, dropRemainder }): Iterable<Batch> {
      const all = points.map((_, i) => i)
      const indices = order ? order.shuffle(all) : all
      for (let from = 0; from < size; from += batchSize) {
        const chosen = indices.slice(from, from + batchSize)
        if (dropRemainder && chosen.length < batchSize) return
        yield {
          inputs: tf.tensor2d(chosen.map((i) => points[i] as number[])),
          targets: tf.tensor1d(
            chosen.map((i) => i % 2),
            'int32',
          ),
        }
      }
    },
  }
}

/** Two dense layers. */
export function perceptron(rng: Random, { units = 8, classes = 2 } = {}): Network {
  const scope = variableScope({ rng })
  return network({
    scope,
    inputShape: [2],
    outputShape: [classes],
    apply: sequential(
      dense(scope.child('hidden'), { inputs: 2, units }),
      relu(),
      dense(scope.child('out'), { inputs: units, units: classes }),
    ),
  })
}

/** The weights as plain numbers. */
export const weightsOf = (net: Network) => net.trainable.map((variable) => [...variable.dataSync()])
