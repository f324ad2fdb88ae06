import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError, type FitOptions, type Network, type Progress, seeded, type Trainer } from 'archloom'
import { classify } from 'archloom/evaluators/metrics'
import { linear, type SupervisedTrainerOptions, supervisedTrainer } from 'archloom/evaluators/training'
import { useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { perceptron, rings, weightsOf } from './tiny.ts'

const train = rings('train', 256, 1)
const validation = rings('validation', 128, 2)

/** Runs to the end; what was reported, or what was thrown. */
async function run(trainer: Trainer, net: Network, options: Partial<FitOptions> = {}, data = train) {
  const reports: Progress[] = []
  try {
    for await (const progress of trainer.fit(net, data, { epochs: 2, rng: seeded(1), ...options }))
      reports.push(progress)
  } catch (thrown) {
    return { reports, code: ArchloomError.is(thrown) ? thrown.code : thrown }
  }
  return { reports, code: undefined }
}

const trainerOf = (options: SupervisedTrainerOptions = {}) => supervisedTrainer({ batchSize: 32, ...options })

beforeAll(() => useEngine('cpu'))

describe('supervisedTrainer', () => {
  it('teaches two rings to a small network, with every optimizer, and leaves no tensor', async () => {
    for (const options of [
      { optimizer: 'sgd', learningRate: 0.1 },
      { optimizer: 'sgd', nesterov: false, momentum: 0.5, learningRate: 0.3, clipNorm: false },
      { optimizer: 'adam', learningRate: 0.02 },
      { optimizer: 'adamW', learningRate: 0.02, labelSmoothing: 0.1 },
      { optimizer: () => tf.train.sgd(0.5) },
    ] as const)
      await expectNoLeak(async () => {
        using net = perceptron(seeded(1).fork('weights'))
        const before = await classify(net, validation)
        await run(trainerOf(options), net, { epochs: 15 })
        const after = await classify(net, validation)
        expect(after.accuracy, JSON.stringify(options)).toBeGreaterThan(0.95)
        expect(after.loss).toBeLessThan(before.loss)
      })
  })

  it('does the same from the same generator, and something else from another', async () => {
    const weights = async (seed: number) => {
      using net = perceptron(seeded(1))
      await run(trainerOf(), net, { rng: seeded(seed) })
      return weightsOf(net)
    }
    expect(await weights(1)).toEqual(await weights(1))
    expect(await weights(1)).not.toEqual(await weights(2))
  })

  it('reports every n steps and at the end, with mean loss and the learning rate of the schedule', async () => {
    using net = perceptron(seeded(1))
    const learningRate = linear({ from: 0.1, to: 0 })
    const { reports } = await run(trainerOf({ reportEvery: 6, learningRate }), net)
    expect(reports.map(({ step, steps, epoch }) => [step, steps, epoch])).toEqual([
      [6, 16, 1],
      [12, 16, 2],
      [16, 16, 2],
    ])
    expect(reports[0]?.metrics.learningRate).toBe(learningRate(5, 16))
    for (const { metrics } of reports) expect(metrics.loss).toBeGreaterThan(0)
  })

  it('trains parts of an epoch: the steps are those of the share', async () => {
    using net = perceptron(seeded(1))
    expect((await run(trainerOf(), net, { epochs: 0.5 })).reports.at(-1)?.step).toBe(4)
    expect((await run(trainerOf(), net, { epochs: 1e-6 })).reports.at(-1)?.step).toBe(1)
  })

  it('measures the validation split and stops when it no longer gains', async () => {
    using net = perceptron(seeded(1))
    const options = { epochs: 50, validation }
    const { reports } = await run(trainerOf({ patience: 2, learningRate: 0.1, reportEvery: 1000 }), net, options)
    const accuracies = reports.map(({ metrics }) => metrics.validationAccuracy as number)
    expect(accuracies.length).toBeLessThan(50)
    const best = Math.max(...accuracies)
    expect(accuracies.indexOf(best)).toBe(accuracies.length - 3)
  })

  it('stops when stopWhen says that the training is bad', async () => {
    using net = perceptron(seeded(1))
    const { reports } = await run(trainerOf({ reportEvery: 3, stopWhen: ({ step }) => step >= 6 }), net, { epochs: 9 })
    expect(reports.map(({ step }) => step)).toEqual([3, 6])
  })

  it('ends a diverged training with ARCHLOOM_TRAINING_DIVERGED, and leaves no tensor', async () => {
    for (const clipNorm of [false, 5] as const)
      await expectNoLeak(async () => {
        using net = perceptron(seeded(1))
        const loss = (outputs: tf.Tensor) => tf.mean(tf.mul(outputs, Number.NaN)) as tf.Scalar
        const { code, reports } = await run(trainerOf({ loss, clipNorm }), net)
        expect(code).toBe('ARCHLOOM_TRAINING_DIVERGED')
        expect(reports).toEqual([])
      })
  })

  it('ends between two steps when the signal aborts, even if nobody reads the reports', async () => {
    await expectNoLeak(async () => {
      using net = perceptron(seeded(1))
      const abort = new AbortController()
      setTimeout(() => abort.abort(new Error('enough')), 20)
      const { code } = await run(trainerOf(), net, { epochs: 100_000, signal: abort.signal })
      expect(code).toEqual(new Error('enough'))
    })
  })

  it('is clean when its consumer leaves in the middle, and holds no scope while waiting', async () => {
    await expectNoLeak(async () => {
      using net = perceptron(seeded(1))
      for await (const _ of trainerOf({ reportEvery: 1 }).fit(net, train, { epochs: 2, rng: seeded(1) })) {
        const mine = tf.scalar(1)
        await new Promise((resolve) => setTimeout(resolve, 1))
        expect(mine.dataSync()[0]).toBe(1)
        mine.dispose()
        break
      }
    })
  })

  it('interleaves two trainings without mixing them', async () => {
    const alone = async (seed: number) => {
      using net = perceptron(seeded(seed))
      await run(trainerOf(), net)
      return weightsOf(net)
    }
    expect(await Promise.all([alone(1), alone(2)])).toEqual([await alone(1), await alone(2)])
  })

  it('adds the auxiliary loss in its share', async () => {
    const gradients = async (auxiliaryWeight?: number) => {
      using net = perceptron(seeded(1))
      let last: tf.Tensor | undefined
      const auxiliary = { weight: 0.5, logits: () => last && tf.mul(last, 1) }
      const withHead: Network = {
        ...net,
        auxiliary,
        apply: (inputs, mode) => {
          last = net.apply(inputs, mode)
          return last
        },
      }
      const options = { batchSize: 256, reportEvery: 1, ...(auxiliaryWeight !== undefined && { auxiliaryWeight }) }
      return (await run(trainerOf(options), withHead, { epochs: 1 })).reports[0]?.metrics.loss as number
    }
    const plain = await gradients(0)
    expect(await gradients()).toBeCloseTo(1.5 * plain, 5)
    expect(await gradients(2)).toBeCloseTo(3 * plain, 5)
  })

  it('hands the mode its drop-path probability and shows taps to an optimizer that has one', async () => {
    using net = perceptron(seeded(1))
    const seen: number[] = []
    const taps: string[] = []
    const spied: Network = {
      ...net,
      apply: (inputs, mode) => {
        seen.push(mode.dropPath as number)
        return net.apply(inputs, mode)
      },
    }
    const optimizer = () => Object.assign(tf.train.sgd(0.1), { tap: ({ name }: { name: string }) => taps.push(name) })
    await run(trainerOf({ optimizer, dropPath: linear({ from: 0, to: 0.7 }), batchSize: 128 }), spied, { epochs: 4 })
    expect(seen.map((value) => Number(value.toFixed(6)))).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    expect(taps.slice(0, 2)).toEqual(['hidden/kernel', 'out/kernel'])
  })

  it('decays kernels but not biases', async () => {
    using net = perceptron(seeded(1))
    const loss = (outputs: tf.Tensor) => tf.mul(tf.mean(outputs), 0) as tf.Scalar
    const [kernel, bias] = net.trainable
    bias?.assign(tf.onesLike(bias as tf.Tensor))
    const before = kernel?.dataSync()[0] as number
    const options = { loss, learningRate: 1, weightDecay: 0.5, momentum: 0, batchSize: 256 }
    await run(trainerOf(options), net, { epochs: 1 })
    expect(kernel?.dataSync()[0]).toBeCloseTo(before / 2, 6)
    expect(bias?.dataSync()[0]).toBe(1)
  })

  it('refuses options that make no training', async () => {
    for (const bad of [
      { batchSize: 0 },
      { batchSize: 1.5 },
      { labelSmoothing: 1 },
      { clipNorm: 0 },
      { patience: 0 },
      { reportEvery: 0 },
      { validateEvery: -1 },
      { weightDecay: -1 },
      { momentum: 1 },
      { optimizer: 'adagrad' as 'adam' },
    ])
      expect(() => supervisedTrainer(bad), JSON.stringify(bad)).toThrow('ARCHLOOM_OPTION')
    using net = perceptron(seeded(1))
    expect((await run(trainerOf(), net, { epochs: 0 })).code).toBe('ARCHLOOM_OPTION')
  })

  it('refuses a network of other classes, and a split without batches', async () => {
    using three = perceptron(seeded(1), { classes: 3 })
    expect((await run(trainerOf(), three)).code).toBe('ARCHLOOM_TRAINING_OUTPUT')
    using two = perceptron(seeded(1))
    expect((await run(trainerOf(), two, {}, rings('train', 0))).code).toBe('ARCHLOOM_TRAINING_NO_BATCHES')
  })
})
