import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/random.ts'
import { buildCompactNetwork } from '../../../search-spaces/super-resolution/index.ts'

export const compact = { scale: 2, features: 4, blocks: 1 } as const

/** A small network whose last layers say something: fresh ones are plain bicubic. */
export function network(options: { scale: number; features: number; blocks: number } = compact) {
  const made = buildCompactNetwork(options, { input: [8, 8, 3], rng: seeded('model') })
  const rng = seeded('weights')
  tf.tidy(() => {
    for (const variable of made.trainable) {
      const values = Float32Array.from({ length: variable.size }, () => 0.2 * rng.normal())
      variable.assign(tf.tensor(values, variable.shape))
    }
  })
  return made
}
