import * as tf from '@tensorflow/tfjs-core'
import { createSearch, defineSpace, memoryStore, product, real, seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { asha } from 'archloom/plugins/asha'
import { pbt, perturb } from 'archloom/plugins/pbt'
import { random } from 'archloom/plugins/random'
import { evaluationContext } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { tinySpace } from './tiny-space.ts'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 32, test: 32 })

describe('a trial that is continued', () => {
  it.each([
    ['sgd', 1 / 3],
    ['adamW', 0.4],
  ] as const)('with %s from fidelity %f is the trial that was never interrupted', async (optimizer, first) => {
    const space = tinySpace()
    const options = { data, epochs: 3, batchSize: 16, engine: 'cpu', trainer: { optimizer, reportEvery: 1 } } as const
    const genotype = space.random(seeded(2))
    const run = async (fidelity: number, checkpoint?: { fidelity: number; data: Uint8Array }) => {
      const evaluator = await trainFromScratch(options).create({
        space: space as never,
        rng: seeded(1),
        clock: { now: () => 0, sleep: async () => {} },
      })
      let saved: Uint8Array | undefined
      const losses: number[] = []
      const { metrics } = await evaluator.evaluate(
        { trial: 0, genotype, architecture: space.decode(genotype), seed: 7, fidelity },
        evaluationContext({
          report: (_step, { loss }) => {
            losses.push(loss!)
            return 'continue'
          },
          saveCheckpoint: (bytes) => {
            saved = bytes
          },
          ...(checkpoint && { checkpoint }),
        }),
      )
      return { metrics, losses, saved: saved! }
    }
    const whole = await run(1)
    const before = tf.memory().numTensors
    const begun = await run(first)
    const continued = await run(1, { fidelity: first, data: begun.saved })
    expect(tf.memory().numTensors).toBe(before)
    expect([...begun.losses, ...continued.losses]).toEqual(whole.losses)
    expect(continued.metrics).toEqual(whole.metrics)
  })

  it('continues the weights of another trial at its own learning rate, under pbt', async () => {
    const rates: number[] = []
    const tiny = tinySpace()
    const space = defineSpace('rates', product({ rate: real(1e-4, 1e-1, { scale: 'log' }) }), {
      build: (_, options) => tiny.build!({ width: 8, kernel: 3, depth: 1 }, options),
    })
    await using search = createSearch({
      space: space as never,
      evaluator: trainFromScratch({
        data,
        epochs: 4,
        batchSize: 16,
        engine: 'cpu',
        trainer: ({ rate }: { rate: number }) => ({ learningRate: rate, reportEvery: 1 }),
      }) as never,
      plugins: [pbt({ population: 4, generations: 4 }), perturb()],
      objectives: { loss: 'minimise' },
      budget: { maxTrials: 7 },
      study: memoryStore(),
    })
    search.on('trial.progress', ({ trial, metrics }) => {
      rates[trial] = metrics.learningRate!
    })
    await search.finish()
    expect(search.state()).toMatchObject({ failed: 0, completed: 4 })
    const { trials } = search.record()
    for (const [trial, { architecture }] of trials.entries())
      expect(rates[trial]).toBeCloseTo((architecture as { rate: number }).rate)
    const children = trials.filter(({ checkpointOf }) => checkpointOf !== undefined)
    expect(children).toHaveLength(3)
    // None begins from untrained weights: its first loss is below the largest that a first stretch left.
    const worst = Math.max(...trials.slice(0, 4).map(({ rungs }) => rungs[0]!.metrics.loss!))
    for (const { rungs } of children) expect(rungs[0]!.metrics.loss).toBeLessThan(worst)
  })

  it('continues under asha, in a search', async () => {
    await using search = createSearch({
      space: tinySpace() as never,
      evaluator: trainFromScratch({ data, epochs: 4, batchSize: 16, engine: 'cpu' }) as never,
      plugins: [random(), asha({ minFidelity: 0.25, eta: 2 })],
      objectives: { loss: 'minimise' },
      budget: { maxTrials: 6 },
      study: memoryStore(),
    })
    await search.finish()
    const rungs = search.record().trials.map((trial) => trial.rungs.length)
    expect(Math.max(...rungs)).toBeGreaterThan(1)
    expect(search.state().failed).toBe(0)
  })
})
