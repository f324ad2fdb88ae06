import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as tf from '@tensorflow/tfjs-core'
import {
  type BuildOptions,
  createSearch,
  defineSpace,
  memoryStore,
  oneOf,
  type Progress,
  product,
  realClock,
  type SearchEvent,
  type Split,
  seeded,
  type Trainer,
  virtualClock,
} from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { retrain, trainFromScratch, trainSeconds } from 'archloom/evaluators/train-from-scratch'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { random } from 'archloom/plugins/random'
import { dense, l2Loss, network, variableScope } from 'archloom/tensor'
import { evaluationContext, expectNoLeak } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { tinySpace } from './tiny-space.ts'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 48, test: 48 })
const space = tinySpace()
const parts = { space, rng: seeded(1), clock: virtualClock() }
const quick = { data, epochs: 2, batchSize: 16, engine: 'wasm' } as const
const architecture = { width: 4, kernel: 3, depth: 1 } as const

async function evaluate(options: Partial<Parameters<typeof trainFromScratch>[0]> = {}, seed = 1, fidelity = 1) {
  const reports: number[] = []
  const evaluator = await trainFromScratch({ ...quick, ...options }).create(parts)
  const request = { trial: 0, genotype: space.encode(architecture), architecture, seed, fidelity }
  const context = evaluationContext({
    report: (step) => {
      reports.push(step)
      return 'continue'
    },
  })
  const { metrics } = await evaluator.evaluate(request, context)
  return { metrics, reports }
}

/** Notes what it was asked for and trains nothing. */
function spy(): Trainer & { readonly epochs: number[] } {
  const epochs: number[] = []
  return {
    name: 'spy',
    epochs,
    async *fit(_network, _split, options): AsyncGenerator<Progress> {
      epochs.push(options.epochs)
      yield { step: 1, steps: 1, epoch: 1, metrics: { loss: 1 } }
    },
  }
}

describe('trainFromScratch', () => {
  it('measures accuracy, loss, parameters and multiply-adds, which depend on the seed only', async () => {
    await expectNoLeak(async () => {
      const { metrics, reports } = await evaluate()
      expect(Object.keys(metrics).sort()).toEqual(['accuracy', 'loss', 'multiplyAdds', 'parameters'])
      expect(metrics).toMatchObject(space.cost?.(architecture, { input: [8, 8, 3], classes: 3 }) ?? {})
      expect(reports).toEqual([12])
      expect((await evaluate()).metrics).toEqual(metrics)
      expect((await evaluate({}, 2)).metrics).not.toEqual(metrics)
    })
  })

  it('learns: many epochs beat chance by far', async () => {
    expect((await evaluate({ epochs: 40 })).metrics.accuracy).toBeGreaterThan(0.6)
  })

  it('repeats from other weights and reports mean and spread', async () => {
    const { metrics, reports } = await evaluate({ repeats: 3 })
    expect(metrics.accuracySd).toBeGreaterThan(0)
    expect(metrics.parameters).toBe((await evaluate()).metrics.parameters)
    expect(reports).toEqual([12, 24, 36])
  })

  it('scales the epochs by the fidelity, and takes a trainer, own options, or the trainer of a plugin', async () => {
    const trainer = spy()
    await evaluate({ trainer, epochs: 8 }, 1, 0.25)
    expect(trainer.epochs).toEqual([2])
    const provided = spy()
    const evaluator = await trainFromScratch(quick).create({ ...parts, trainer: provided })
    const request = { trial: 0, genotype: [], architecture, seed: 1, fidelity: 1 }
    await evaluator.evaluate(request, evaluationContext())
    expect(provided.epochs).toEqual([2])
    expect((await evaluate({ trainer: { reportEvery: 4 } })).reports).toEqual([4, 8, 12])
  })

  it('adds metrics of your own, and training time when asked', async () => {
    const layers = async ({ network }: { network: { trainable: readonly unknown[] } }) => network.trainable.length
    const definition = trainFromScratch({ ...quick, metrics: { layers, trainSeconds } })
    expect(definition.metrics).toEqual(['accuracy', 'loss', 'parameters', 'multiplyAdds', 'layers', 'trainSeconds'])
    expect((await evaluate({ metrics: { layers, trainSeconds } })).metrics).toMatchObject({
      layers: 5,
      trainSeconds: 0,
    })
  })

  it('augments the training images, and refuses what it cannot augment', async () => {
    const same = await evaluate({ augment: false })
    expect(same.metrics).toEqual((await evaluate()).metrics)
    expect((await evaluate({ augment: { flip: true, cutout: 4 } })).metrics.loss).not.toBe(same.metrics.loss)
    const { images: _, ...plain } = data.train
    const bad = () => trainFromScratch({ ...quick, data: { ...data, train: plain }, augment: { flip: true } })
    expect(bad).toThrow('ARCHLOOM_OPTION')
  })

  it('refuses options that make no evaluation', async () => {
    const code = 'ARCHLOOM_OPTION'
    expect(() => trainFromScratch({ ...quick, epochs: 0 })).toThrow(code)
    expect(() => trainFromScratch({ ...quick, repeats: 1.5 })).toThrow(code)
    expect(() => trainFromScratch({ ...quick, data: {} as typeof data })).toThrow(code)
    const bare = defineSpace('bare', product({ width: oneOf(4, 8) }))
    const evaluator = await trainFromScratch(quick).create({ ...parts, space: bare })
    const request = { trial: 0, genotype: [0], architecture: { width: 4 }, seed: 1, fidelity: 1 }
    const context = evaluationContext()
    await expect(evaluator.evaluate(request, context)).rejects.toThrow('ARCHLOOM_TRAIN_FROM_SCRATCH_NETWORKS')
    const options = { plugins: [random()], objectives: { accuracy: 'maximise' }, budget: {} } as const
    const compose = () => createSearch({ space: bare, evaluator: trainFromScratch(quick), ...options })
    expect(compose).toThrow('ARCHLOOM_PLUGIN_NEEDS_NETWORKS')
  })
})

describe('retrain', () => {
  const winner = {
    build: (options: Parameters<NonNullable<typeof space.build>>[1]) => space.build!(architecture, options),
  }

  it('trains the winner on and measures it on the test split', async () => {
    await expectNoLeak(async () => {
      const steps: number[] = []
      using trained = await retrain(winner, { ...quick, epochs: 40, onProgress: ({ step }) => steps.push(step) })
      expect(trained.testAccuracy).toBeGreaterThan(0.5)
      expect(trained.parameters).toBe(space.cost?.(architecture, { input: [8, 8, 3], classes: 3 }).parameters)
      expect(steps.at(-1)).toBe(240)
      expect(trained.seconds).toBeGreaterThan(0)
    })
  })

  it('measures a network without classes by the loss of its trainer', async () => {
    await expectNoLeak(async () => {
      /** Targets are the mean of the input: y = mean(x). */
      const numbers = <R extends 'train' | 'validation' | 'test'>(role: R, size: number): Split<R> => ({
        role,
        size,
        inputShape: [3],
        classes: 0,
        *batches({ batchSize }) {
          for (let start = 0; start < size; start += batchSize) {
            const n = Math.min(batchSize, size - start)
            const x = Float32Array.from({ length: n * 3 }, (_, i) => Math.sin(start * 3 + i))
            const y = Float32Array.from({ length: n }, (_, i) => (x[3 * i]! + x[3 * i + 1]! + x[3 * i + 2]!) / 3)
            yield { inputs: tf.tensor2d(x, [n, 3]), targets: tf.tensor2d(y, [n, 1]) }
          }
        },
      })
      const parts = {
        name: 'means',
        train: numbers('train', 64),
        validation: numbers('validation', 10),
        test: numbers('test', 7),
      }
      const linear = {
        build: ({ input, rng }: BuildOptions) => {
          const scope = variableScope({ rng })
          return network({ scope, inputShape: input, outputShape: [1], apply: dense(scope, { inputs: 3, units: 1 }) })
        },
      }
      const trainer = { optimizer: 'adam', learningRate: 0.05, loss: l2Loss } as const
      using trained = await retrain(linear, { data: parts, epochs: 200, batchSize: 16, trainer })
      expect(trained).not.toHaveProperty('testAccuracy')
      expect(trained.testLoss).toBeLessThan(1e-3)
      // The oracle: every example of the test split at once, in plain numbers.
      const [kernel, bias] = trained.network.trainable.map((variable) => [...variable.dataSync()])
      let squares = 0
      for (let i = 0; i < 7; i++) {
        const x = [0, 1, 2].map((k) => Math.sin(3 * i + k))
        const error = x.reduce((sum, each, k) => sum + each * (kernel![k]! - 1 / 3), bias![0]!)
        squares += error ** 2
      }
      expect(trained.testLoss).toBeCloseTo(squares / 7, 6)
      // A trainer of unknown loss leaves nothing to measure, and still keeps the network.
      const own: Trainer = { name: 'own', fit: supervisedTrainer({ ...trainer, batchSize: 16 }).fit }
      using unmeasured = await retrain(linear, { data: parts, epochs: 1, trainer: own })
      expect(unmeasured).not.toHaveProperty('testLoss')
      expect(unmeasured.parameters).toBe(4)
    })
  })

  it('disposes the network when it is stopped or diverges', async () => {
    await expectNoLeak(async () => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(retrain(winner, { ...quick, signal })).rejects.toThrow('enough')
      const diverging = { learningRate: 1e30, clipNorm: false } as const
      await expect(retrain(winner, { ...quick, epochs: 20, trainer: diverging })).rejects.toThrow(
        'ARCHLOOM_TRAINING_DIVERGED',
      )
    })
  })
})

/** A search over the tiny space; the ended trials. */
async function ended(options: Partial<Parameters<typeof createSearch>[0]>) {
  await using search = createSearch({
    space: tinySpace(),
    plugins: [random()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: 3 },
    study: memoryStore(),
    ...options,
  } as Parameters<typeof createSearch>[0])
  const events: SearchEvent[] = []
  for await (const event of search.run())
    if (event.type === 'trial.completed' || event.type === 'trial.failed') events.push(event)
  return events.map((event) => (event.type === 'trial.failed' ? `${event.reason} ${event.code}` : event.type))
}

describe('a search', () => {
  it('trains on, and two runs of one seed give the same trials', async () => {
    const metrics = async () => {
      await using search = createSearch({
        space: tinySpace(),
        evaluator: trainFromScratch(quick),
        plugins: [random()],
        objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
        budget: { maxTrials: 3 },
        study: memoryStore(),
        seed: 5,
      })
      await search.finish()
      return search.best(3).map(({ trial, text, metrics, reward }) => ({ trial, text, metrics, reward }))
    }
    expect(await metrics()).toEqual(await metrics())
  })

  it('records a diverged training as a failed trial', async () => {
    const evaluator = trainFromScratch({ ...quick, epochs: 20, trainer: { learningRate: 1e30, clipNorm: false } })
    await expectNoLeak(async () => {
      expect(await ended({ evaluator })).toEqual(Array(3).fill('diverged ARCHLOOM_TRAINING_DIVERGED'))
    })
  })

  it('times a training out, and the abandoned one ends and frees its network', async () => {
    const evaluator = trainFromScratch({ ...quick, epochs: 1e6 })
    await expectNoLeak(async () => {
      const outcomes = await ended({ evaluator, budget: { maxTrials: 2, trialSeconds: 0.05 }, clock: realClock })
      expect(outcomes).toEqual(Array(2).fill('timeout ARCHLOOM_EVALUATION_TIMEOUT'))
      await new Promise((resolve) => setTimeout(resolve, 100))
    })
  })

  it('makes every bad answer of an evaluator a failed trial with a code', async () => {
    const answers = {
      'error ARCHLOOM_EVALUATION_THREW': () => {
        throw new Error('out of luck')
      },
      'diverged ARCHLOOM_EVALUATION_NOT_FINITE': () => ({ accuracy: Number.NaN }),
      'invalid ARCHLOOM_EVALUATION_INVALID': () => ({ accuracy: '0.9' as unknown as number }),
      'timeout ARCHLOOM_EVALUATION_TIMEOUT': () => new Promise<never>(() => {}),
    }
    for (const [outcome, evaluator] of Object.entries(answers))
      expect(await ended({ evaluator, budget: { maxTrials: 2, trialSeconds: 0.05 } })).toEqual([outcome, outcome])
    const text = () => 'high' as unknown as { accuracy: number }
    expect(await ended({ evaluator: text })).toEqual(Array(3).fill('invalid ARCHLOOM_EVALUATION_INVALID'))
  })
})

describe('memory', () => {
  // What waits for the collector is no leak, and comes and goes: collect before looking.
  setFlagsFromString('--expose_gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const slow = Boolean(process.env.ARCHLOOM_SLOW)
  const trials = slow ? 100 : 30
  it(`is flat over ${trials} trials of training from scratch`, { timeout: 600_000 }, async () => {
    const size = slow ? { size: 16, train: 512 } : { size: 8, train: 96 }
    const images = generatedImages({ classes: 3, validation: 48, test: 48, ...size })
    const resident: number[] = []
    await expectNoLeak(async () => {
      await using search = createSearch({
        space: tinySpace(),
        evaluator: trainFromScratch({ ...quick, data: images }),
        plugins: [random()],
        objectives: { accuracy: 'maximise' },
        budget: { maxTrials: trials },
        study: memoryStore(),
      })
      for await (const event of search.run()) {
        expect(event.type).not.toBe('trial.failed')
        if (event.type !== 'trial.completed') continue
        collectGarbage()
        resident.push(process.memoryUsage().rss)
      }
    })
    expect(resident.length).toBe(trials)
    const settled = resident.slice(10)
    const spread = Math.max(...settled) / settled[0]!
    expect(spread, `resident memory grew by the factor ${spread.toFixed(3)}`).toBeLessThan(1.1)
  })
})
