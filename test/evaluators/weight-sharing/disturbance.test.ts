import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Batch, type Split, virtualClock } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import {
  disturbanceWatch,
  type SharedWeights,
  weightSharing,
  weightTrainer,
} from '../../../evaluators/weight-sharing/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'

beforeAll(async () => void (await useEngine('wasm')))

const validation = {
  size: 5,
  *batches() {
    yield { inputs: tf.scalar(0), targets: tf.scalar(0) }
    throw new Error('one batch is enough')
  },
} as unknown as Split<'validation'>

describe('disturbance', () => {
  it('is what later steps do to an architecture, measured on one batch', async () => {
    // Each measurement finds a loss one higher than the one before; accuracy falls by a tenth.
    const measured: string[] = []
    const watch = disturbanceWatch<string>(
      {
        validation,
        batchSize: 8,
        async measureBatch(architecture, { inputs, targets }: Batch) {
          tf.dispose([inputs, targets])
          measured.push(architecture)
          return { loss: measured.length, accuracy: 1 - measured.length / 10, examples: 1 }
        },
      },
      { after: 2 },
    )
    const said = []
    for (const architecture of ['a', 'b', 'c', 'd', 'e']) said.push(await watch?.after(architecture))
    // a is measured after its own step and again two steps later, when c takes its place.
    expect(measured).toEqual(['a', 'a', 'c', 'c', 'e'])
    const one = { disturbance: 1, accuracyLost: expect.closeTo(0.1, 12) }
    expect(said).toEqual([undefined, undefined, one, undefined, one])
    watch?.forget()
    expect(await watch?.after('f')).toBeUndefined()
    expect(measured.at(-1)).toBe('f')
  })

  it('joins the numbers of weight steps, and can be left out', async () => {
    const data = generatedImages({ classes: 2, size: 8, train: 20, validation: 20, test: 4 })
    const space = nasBench201Space({ channels: 2, cells: 1 })
    const parts = { space, rng: seeded(1), clock: virtualClock() }
    const shared = (await weightSharing({ data, batchSize: 10, engine: 'wasm' }).create(parts)) as SharedWeights
    const disturbance = disturbanceWatch(shared, { after: 1 })
    using trainer = weightTrainer(shared.supernet, { disturbance })
    const step = async (seed: number) => {
      const [batch] = data.train.batches({ batchSize: 10 })
      return trainer.step(space.decode([3, 1, 3, 1, 3, seed % 2]), batch as Batch, seeded(seed))
    }
    expect(await step(1)).not.toHaveProperty('disturbance')
    const second = await step(2)
    expect(Number.isFinite(second.disturbance)).toBe(true)
    expect(Math.abs(second.accuracyLost as number)).toBeLessThanOrEqual(1)
    const { numTensors } = tf.memory()
    await step(3)
    await step(4)
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(disturbanceWatch(shared, false)).toBeUndefined()
    expect(() => disturbanceWatch(shared, { after: 0 })).toThrow('ARCHLOOM_OPTION')
    await shared[Symbol.asyncDispose]?.()
  })
})
