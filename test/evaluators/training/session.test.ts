import type * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { classify } from 'archloom/evaluators/metrics'
import { milliseconds, steps, trainingSession } from 'archloom/evaluators/training'
import { type ConvnetArchitecture, convnetSpace } from 'archloom/search-spaces/convnet'
import { softmaxCrossEntropy, useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 48, test: 12 })
const space = convnetSpace({ widths: [4], stages: 2, maxDepth: 1, kernels: [3] })
const architecture: ConvnetArchitecture = {
  width: 4,
  form: 'plain',
  normalisation: 'batch-norm',
  reduction: 'max',
  head: 'mean',
  stages: [
    { depth: 1, kernel: 3 },
    { depth: 1, kernel: 3 },
  ],
}
const begin = (seed = 1) =>
  trainingSession({
    network: space.build(architecture, { input: [8, 8, 3], classes: 3, rng: seeded(seed) }),
    rng: seeded('session'),
    loss: (outputs, targets) => softmaxCrossEntropy(outputs, targets),
    batchSize: 16,
  })
const values = ({ network }: { network: { trainable: readonly tf.Variable[] } }) =>
  network.trainable.flatMap((variable) => [...variable.dataSync()])

beforeAll(() => useEngine('wasm'))

describe('a training session', () => {
  it('takes the steps of its pace, and continues where it ended', async () => {
    await expectNoLeak(async () => {
      using session = begin()
      const rates: number[] = []
      const learningRate = (share: number) => {
        rates.push(share)
        return 0.05
      }
      await session.train({ data: data.train, pace: steps(10), learningRate })
      expect(session.steps).toBe(10)
      expect(session.examples).toBe(160)
      expect(rates).toEqual(Array.from({ length: 10 }, (_, i) => i / 10))
      const middle = values(session)
      await session.train({ data: data.train, pace: steps(30), learningRate })
      expect(session.steps).toBe(40)
      expect(values(session)).not.toEqual(middle)
    })
  })

  it('gives the same weights from the same seed', async () => {
    const run = async () => {
      using session = begin()
      await session.train({ data: data.train, pace: steps(12), learningRate: () => 0.05 })
      return values(session)
    }
    expect(await run()).toEqual(await run())
  })

  it('measures the average of the weights and puts the trained ones back', async () => {
    await expectNoLeak(async () => {
      using session = begin()
      const history: number[][] = []
      const onStep = (step: number) => {
        if (step % 4 === 0) history.push(values(session))
      }
      // With a memory of a tenth, 40 steps average over the last four alone: a new value weighs 1.
      await session.train({ data: data.train, pace: steps(40), learningRate: () => 0.05, onStep })
      const trained = values(session)
      const last = await session.averaged(async () => values(session))
      last.forEach((value, k) => {
        expect(value).toBeCloseTo(history.at(-1)![k]!, 5)
      })
      await session.train({ data: data.train, pace: steps(40), learningRate: () => 0.05, onStep })
      // The oracle: the recurrence in plain numbers, from the first value taken up.
      let mean = history[0]!
      for (const [i, point] of history.entries()) {
        const share = Math.min(1, 4 / Math.max(4, 0.1 * 4 * (i + 1)))
        mean = mean.map((each, k) => each + (point[k]! - each) * share)
      }
      const received = await session.averaged(async () => values(session))
      received.forEach((value, k) => {
        expect(value).toBeCloseTo(mean[k]!, 4)
      })
      expect(values(session)).toEqual(history.at(-1))
      expect(trained).toEqual(history[9])
      using network = session.adopt()
      expect(values({ network })).toEqual(received)
      expect((await classify(network, data.validation)).accuracy).toBeGreaterThan(0.4)
    })
  })

  it('ends by a clock and by a signal', async () => {
    using session = begin()
    let now = 0
    const pace = milliseconds(100, () => now)
    const tick = () => {
      now += 10
    }
    await session.train({ data: data.train, pace, learningRate: () => 0.05, onStep: tick })
    expect(session.steps).toBe(10)
    const stop = new AbortController()
    const onStep = () => stop.abort()
    await session.train({ data: data.train, pace: steps(50), learningRate: () => 0.05, signal: stop.signal, onStep })
    expect(session.steps).toBe(11)
  })

  it('refuses options that make no training, and reports a loss that is not finite', async () => {
    expect(() => trainingSession({ ...options(), batchSize: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => trainingSession({ ...options(), averageOver: 1 })).toThrow('ARCHLOOM_OPTION')
    using session = begin()
    const bad = session.train({ data: data.train, pace: steps(50), learningRate: () => 1e30 })
    await expect(bad).rejects.toThrow('ARCHLOOM_TRAINING_DIVERGED')
  })
})

const options = () => ({
  network: space.build(architecture, { input: [8, 8, 3], classes: 3, rng: seeded(1) }),
  rng: seeded(1),
  loss: (outputs: tf.Tensor, targets: tf.Tensor) => softmaxCrossEntropy(outputs, targets),
})
