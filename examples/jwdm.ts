/**
 * Two domains that were never seen side by side: eight modes on a large ring, and eight on a smaller one. A joint network
 * learns to translate both ways, and what lies between two points of one domain has its counterpart in the other.
 *
 *   npx tsx --conditions=archloom-source examples/jwdm.ts
 */
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import { mixture, pointSplit, unpairedSplit } from 'archloom/evaluators/data'
import {
  denseJointNetwork,
  interpolate,
  jointAgreement,
  jwdmTrainer,
  objectives,
  translate,
} from 'archloom/plugins/jwdm'
import { useEngine } from 'archloom/tensor'

export interface JwdmExampleOptions {
  readonly points?: number
  readonly epochs?: number
  readonly log?: (text: string) => void
}

export async function main({ points = 2048, epochs = 40, log = console.log }: JwdmExampleOptions = {}) {
  await useEngine()
  const ring = (radius: number, name: string, count: number) => {
    const drawn = mixture({ modes: 8, noise: 0.05 }).draw(count, seeded(name))
    return { ...drawn, points: drawn.points.map((value) => radius * value) }
  }
  const data = unpairedSplit(
    'train',
    pointSplit('train', ring(1.5, 'large', points)),
    pointSplit('train', ring(0.8, 'small', points)),
  )

  // The joint objective and a baseline that differs in its terms only, on the same network.
  const found: Record<string, { joint: number; interpolation: number }> = {}
  for (const name of ['cycleGan', 'jwdm'] as const) {
    using network = denseJointNetwork({ x: 2, y: 2, latent: 2, hidden: [32, 32], rng: seeded(1) })
    const trainer = jwdmTrainer({ objective: objectives[name], batchSize: 64, learningRate: 1e-3 })
    for await (const { step, steps, metrics } of trainer.fit(network, data, { epochs, rng: seeded(2) }))
      if (step === steps) log(`${name}: cycle loss ${metrics.cycle?.toFixed(3)} after ${steps} steps`)

    tf.tidy(() => {
      const n = Math.min(200, points)
      const x = tf.tensor2d(ring(1.5, 'unseen large', n).points, [n, 2])
      const y = tf.tensor2d(ring(0.8, 'unseen small', n).points, [n, 2])
      const { joint, interpolation } = jointAgreement(network, x, y)
      found[name] = { joint, interpolation }
      log(
        `${name}: joint W₂² ${joint.toFixed(3)}, interpolations of both domains differ by ${interpolation.toFixed(3)}`,
      )

      const [begin, end] = [tf.slice(x, 0, 1), tf.slice(x, 1, 1)] as [tf.Tensor, tf.Tensor]
      const { translated } = interpolate(network, 'x', { begin, end, frames: 3 })
      const radii = tf.norm(translated, 'euclidean', 1).dataSync()
      log(`${name}: radii of a translated walk ${Array.from(radii, (radius) => radius.toFixed(2)).join(' ')}`)
      const there = translate(network, 'x', x)
      log(
        `${name}: mean radius ${tf
          .mean(tf.norm(there, 'euclidean', 1))
          .dataSync()[0]
          ?.toFixed(2)} of 0.80`,
      )
    })
  }
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
