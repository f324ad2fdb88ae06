import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type { Plugin } from 'archloom'
import type { DartsOptions } from 'archloom/plugins/darts'
import { darts } from 'archloom/plugins/darts'
import { enas } from 'archloom/plugins/enas'
import { gdas } from 'archloom/plugins/gdas'
import { spos } from 'archloom/plugins/spos'
import { useEngine } from 'archloom/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { rings } from '../evaluators/training/tiny.ts'
import { eventsOf, plantedData, plantedSearch, plantedSpace } from '../evaluators/weight-sharing/planted.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

type Given = Omit<DartsOptions, 'controller'>
interface Method {
  readonly name: string
  /** With training short enough for a test. */
  readonly make: (options?: Given) => Plugin
  readonly citation: string
  readonly relaxes: boolean
  readonly learnsPolicy: boolean
}

const methods: readonly Method[] = [
  {
    name: 'spos',
    make: (options = {}) =>
      spos({ learningRate: 0.1, epochs: 70, population: 6, generations: 3, parents: 3, ...options }),
    citation: 'guo2020single',
    relaxes: false,
    learnsPolicy: false,
  },
  {
    name: 'enas',
    make: (options = {}) =>
      enas({
        learningRate: 0.1,
        epochs: 30,
        warmUp: { epochs: 10 },
        policySteps: 8,
        policyBatch: 4,
        candidates: 3,
        controller: { hidden: 16, learningRate: 0.02, baselineDecay: 0.9, tanhConstant: null },
        ...options,
      }),
    citation: 'pham2018enas',
    relaxes: false,
    learnsPolicy: true,
  },
  {
    name: 'darts',
    make: (options = {}) => darts({ learningRate: 0.1, epochs: 30, controller: { learningRate: 0.03 }, ...options }),
    citation: 'liu2019darts',
    relaxes: true,
    learnsPolicy: true,
  },
  {
    name: 'gdas',
    make: (options = {}) =>
      gdas({ learningRate: 0.1, epochs: 40, controller: { learningRate: 0.05 }, temperature: 5, ...options }),
    citation: 'dong2019gdas',
    relaxes: true,
    learnsPolicy: true,
  },
]

describe.each(methods.map((method) => [method.name, method] as const))('%s', (name, method) => {
  it('finds the operation that solves the task, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors
    {
      await using search = plantedSearch([method.make()])
      const events = await eventsOf(search)
      const [best] = search.best(1)
      expect(best && Object.values(best.architecture)).toContain('dense')
      expect(best?.metrics.accuracy).toBeGreaterThan(0.85)
      expect(events.at(-1)).toMatchObject({ type: 'search.finished' })
      const policy = events.filter((event) => event.type === 'policy.progress')
      if (method.learnsPolicy)
        expect(policy.at(-1)?.metrics.entropy).toBeLessThan(0.75 * (policy[0]?.metrics.entropy as number))
      expect(search.describe()).toContain(name)
      expect(search.cite()).toContain(method.citation)
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it('tells what it does: stages, weight steps, policy steps, trials', async () => {
    await using search = plantedSearch([
      method.make({ epochs: 2, ...(name !== 'spos' && { warmUp: { epochs: 1 } }), reportEvery: 4 }),
    ])
    const events = await eventsOf(search)
    const warmUp = name === 'spos' ? 0 : 1
    expect(events[1]).toMatchObject({
      type: 'stage.started',
      stage: 'supernet',
      facts: { method: name, stepsPerEpoch: 6 },
    })
    const weights = events.filter((event) => event.type === 'weights.progress')
    expect(weights.at(-1)).toMatchObject({ step: 6 * (2 + warmUp) })
    for (const { metrics } of weights) {
      expect(metrics.loss).toBeGreaterThan(0)
      expect(metrics.learningRate).toBeLessThanOrEqual(0.1)
    }
    const policy = events.filter((event) => event.type === 'policy.progress')
    expect(policy.length > 0).toBe(method.learnsPolicy)
    for (const { metrics } of policy) expect(metrics.entropy).toBeGreaterThan(0)
    if (method.relaxes) expect(policy.at(-1)?.step).toBe(12)
    const stages = events.flatMap((event) => (event.type === 'stage.started' ? [event.stage] : []))
    expect(stages).toEqual(['supernet', name === 'spos' ? 'search' : 'derivation'])
    expect(events.some((event) => event.type === 'trial.completed')).toBe(true)
  })

  it('takes the same course from the same seed, another from another', async () => {
    const short = () => method.make({ epochs: 2 })
    const course = async (seed: number) => {
      await using search = plantedSearch([short()], { seed })
      return (await eventsOf(search)).slice(1)
    }
    const first = await course(1)
    expect(await course(1)).toEqual(first)
    expect(await course(2)).not.toEqual(first)
  })

  it('goes on from its checkpoint as if it had not stopped', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'archloom-one-shot-'))
    try {
      const trialsOf = async (options: Given) => {
        await using search = plantedSearch([method.make({ epochs: 3, ...options })])
        const events = await eventsOf(search)
        return events.filter((event) => event.type === 'trial.completed')
      }
      const whole = await trialsOf({})
      {
        await using search = plantedSearch([method.make({ epochs: 3, checkpoint: { directory } })])
        for await (const event of search.run()) if (event.type === 'checkpoint.written' && event.step === 1) break
      }
      expect(existsSync(join(directory, 'checkpoint.bin'))).toBe(true)
      {
        // Other options that do not decide, and progress that counts on.
        await using rest = plantedSearch([
          method.make({ epochs: 3, checkpoint: { directory }, reportEvery: 1, collapse: false, disturbance: false }),
        ])
        const events = await eventsOf(rest)
        expect(events.filter((event) => event.type === 'trial.completed')).toEqual(whole)
        const [first] = events.flatMap((event) => (event.type === 'weights.progress' ? [event.step] : []))
        expect(first).toBeGreaterThan(1)
      }
      // A finished training is not repeated.
      await using again = plantedSearch([method.make({ epochs: 3, checkpoint: { directory } })])
      const events = await eventsOf(again)
      expect(events.filter((event) => event.type === 'weights.progress')).toEqual([])
      expect(events.filter((event) => event.type === 'trial.completed')).toEqual(whole)
      await using other = plantedSearch([method.make({ epochs: 4, checkpoint: { directory } })])
      await expect(other.finish()).rejects.toThrow('ARCHLOOM_CHECKPOINT_OTHER')
      // Other examples, as many as before.
      await using elsewhere = plantedSearch([method.make({ epochs: 3, checkpoint: { directory } })], {
        weights: { data: { ...plantedData, validation: rings('validation', 192, 3) } },
      })
      await expect(elsewhere.finish()).rejects.toThrow(/ARCHLOOM_CHECKPOINT_OTHER.*content\.validation/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('is refused without shared weights, without a supernet, and with options that mean nothing', async () => {
    const { createSearch, defineSpace, oneOf, product } = await import('archloom')
    const plain = defineSpace('plain', product({ op: oneOf('a', 'b') }))
    const parts = { objectives: { accuracy: 'maximise' }, budget: {}, plugins: [method.make()] } as const
    expect(() => createSearch({ ...parts, space: plantedSpace(), evaluator: () => ({ accuracy: 1 }) })).toThrow(
      'ARCHLOOM_PLUGIN_NEEDS_SUPERNET',
    )
    const { weightSharing } = await import('archloom/evaluators/weight-sharing')
    const { plantedData } = await import('../evaluators/weight-sharing/planted.ts')
    const withNetworks = defineSpace('plain', product({ op: oneOf('a', 'b') }), {
      build: (_, options) => plantedSpace().build?.({ first: 'none', second: 'none' }, options) as never,
    })
    expect(() =>
      createSearch({ ...parts, space: withNetworks, evaluator: weightSharing({ data: plantedData }) }),
    ).toThrow(/ARCHLOOM_PLUGIN_NEEDS: .*supernet/)
    expect(plain.supernet).toBeUndefined()
    for (const wrong of [{ epochs: 0 }, { learningRate: Number.NaN }, { momentum: 1 }, { clipNorm: 0 }])
      expect(() => method.make(wrong)).toThrow('ARCHLOOM_OPTION')
  })

  it('stops when asked to, and when the loss is not finite', async () => {
    const before = tf.memory().numTensors
    {
      await using search = plantedSearch([method.make({ reportEvery: 1 })])
      let steps = 0
      for await (const event of search.run())
        if (event.type === 'weights.progress' && ++steps === 3) search.stop('enough')
      expect(search.state()).toMatchObject({ status: 'stopped', reason: 'enough' })
      await using diverging = plantedSearch([method.make({ learningRate: 1e30, clipNorm: 1e30 })])
      await expect(diverging.finish()).rejects.toThrow('ARCHLOOM_WEIGHT_SHARING_DIVERGED')
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it(method.relaxes ? 'refuses a supernet without a relaxation' : 'needs no relaxation', async () => {
    await using search = plantedSearch([method.make({ epochs: 1 })], { space: plantedSpace({ relaxed: false }) })
    if (method.relaxes) await expect(search.finish()).rejects.toThrow('ARCHLOOM_WEIGHT_SHARING_MIXTURE')
    else expect((await search.finish()).status).toBe('finished')
  })
})
