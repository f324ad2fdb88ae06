import { describe, expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import type { NasBench201Table } from '../../../evaluators/tabular/index.ts'
import { beside } from '../../../plugins/dinas/experiment/beside.ts'
import { claim } from '../../../plugins/dinas/experiment/forms.ts'
import { imagePart } from '../../../plugins/dinas/experiment/image-part.ts'
import { nineInTurn, trainedAlone, twoOnImages } from '../../../plugins/dinas/experiment/images.ts'
import { tauOnChains, tauOnTable } from '../../../plugins/dinas/experiment/table-ranking.ts'
import { allChoices, rankedTask, updates } from '../../../plugins/dinas/experiment/task.ts'
import { trainInTurn } from '../../../plugins/dinas/experiment/train-in-turn.ts'

const data = generatedImages({ classes: 2, size: 8, train: 160, validation: 40, test: 8 })

describe('the experiment', () => {
  it('D7 frees less and less, and only where it projects', async () => {
    await useEngine('auto')
    const freedoms = async (update: (typeof updates)[keyof typeof updates]) => {
      const task = rankedTask(1)
      using supernet = task.supernet()
      using course = task.course(update, task.rng.fork('order'))
      const paths = [0, 1, 3].map((index) => supernet.path(allChoices[index] as readonly number[]))
      return (await trainInTurn(paths, { ...course, steps: 5 })).freedom
    }
    expect(await freedoms(updates.sgd)).toEqual([1, 1, 1])
    for (const update of [updates.mean, updates.strict, updates.loose]) {
      const [first, , last] = (await freedoms(update)) as [number, number, number]
      expect(first).toBeLessThan(1)
      // New operations come in free; those that are used again have less left.
      expect(last).toBeLessThan(first + 0.2)
    }
  })

  it('D4 trains two paths of one convolutional supernet, the same at first with and without projection', async () => {
    const [plain, own] = [
      await twoOnImages(data, undefined, { steps: 3, seed: 1 }),
      await twoOnImages(data, { alpha: 1 }, { steps: 3, seed: 1 }),
    ]
    // Nothing is protected before A has been trained.
    expect(own.first).toBe(plain.first)
    for (const value of [plain.drop, own.drop, plain.second, own.second])
      expect(Math.abs(value)).toBeLessThanOrEqual(100)
  })

  it('bursts: nine architectures in turn, alike until something is protected, replayed or slower', async () => {
    const settings = { steps: 3, alone: 2, batchSize: 16, learningRate: 0.05 }
    const truth = await trainedAlone(data, settings, { seed: 1 })
    expect(truth).toHaveLength(9)
    const arm = (form: Parameters<typeof nineInTurn>[1]) => nineInTurn(data, form, settings, { truth, seed: 1 })
    const plain = await arm({})
    expect(plain).toEqual(await arm({ replay: 0 }))
    expect(plain.freedom).toBe(1)
    expect((await arm({ projection: { alpha: 0.1 } })).freedom).toBeLessThan(1)
    for (const other of [await arm({ learningRate: 0.01 }), await arm({ replay: 0.5 })]) {
      expect(other).not.toEqual(plain)
      expect(Math.abs(other.tau)).toBeLessThanOrEqual(1)
      expect(other.final).toBeGreaterThan(0)
    }
    // Another order of architectures, other weights.
    expect(await nineInTurn(data, {}, settings, { truth, seed: 2 })).not.toEqual(plain)
  })

  it.each([
    { name: 'uniform', curriculum: false },
    { name: 'CNAS + projection', curriculum: true, projection: { alpha: 1, warmUp: { steps: 3 }, protectEvery: 2 } },
  ])('ranks all 27 chains after $name', async (form) => {
    const asked = new Set<string>()
    const table = {
      lookup: (cell: unknown) => {
        asked.add(JSON.stringify(cell))
        return { metrics: { accuracy: asked.size / 100, multiplyAdds: asked.size } }
      },
    } as unknown as NasBench201Table
    const settings = { channels: 2, batchSize: 16, weightSteps: 1, policySteps: 1, learningRate: 0.05, seed: 3 }
    const found = await tauOnChains(data, table, form, settings)
    expect(asked.size).toBe(27)
    expect(found.tauOfMultiplyAdds).toBe(1)
    expect(Math.abs(found.tauByLoss)).toBeLessThanOrEqual(1)
    expect(found.regret).toBeGreaterThanOrEqual(0)
  })

  it.each([
    { name: 'uniform', curriculum: false },
    { name: 'CNAS + projection', curriculum: true, projection: { alpha: 1, warmUp: { steps: 3 }, protectEvery: 2 } },
  ])('ranks what $name has trained beside what costs nothing', async (form) => {
    let row = 0
    const table = {
      lookup: () => ({ metrics: { accuracy: ++row / 10, parameters: row, multiplyAdds: -row } }),
    } as unknown as NasBench201Table
    const settings = { weightSteps: 1, policySteps: 1, ranked: 4, channels: 2, batchSize: 16, seed: 3 }
    const { tau, accuracy, report } = await tauOnTable(data, table, form, settings)
    expect(Math.abs(tau)).toBeLessThanOrEqual(1)
    expect(accuracy).toBeGreaterThan(0)
    const beside = Object.fromEntries(report.map(({ predictor, kendall }) => [predictor, kendall]))
    expect(beside).toMatchObject({ parameters: 1, multiplyAdds: -1 })
  })

  it('claims the same in a process of its own, which ends with its work or with the signal', async () => {
    const part = { seed: 1, d4: { seeds: 1, steps: 2 }, train: 200, validation: 40 }
    const said: string[] = []
    const own = { environment: process.env, log: (text: string) => void said.push(text) }
    const apart = await beside(part, own)
    expect(apart.map(({ id }) => id)).toEqual(['D4', 'D4 plasticity'])
    expect(said.filter((text) => text.startsWith('D4 seed 1'))).toHaveLength(2)
    await useEngine('auto')
    const names = (claims: typeof apart) => claims.map(({ id, metric, baseline }) => [id, metric, baseline?.seeds])
    expect(names(apart)).toEqual(names(await imagePart(part, own)))
    const stopped = AbortSignal.timeout(50)
    await expect(beside({ ...part, d4: { seeds: 9, steps: 900 } }, { ...own, signal: stopped })).rejects.toThrow()
  })

  it('says what holds', () => {
    const holds = (values: number[], criterion?: (x: number, y: number) => boolean) =>
      claim('D', 'points lost', 'minimise', ['SGD', [7]], ['own', values], criterion).holds
    expect([holds([6]), holds([8])]).toEqual([true, false])
    expect([holds([6], (x) => x <= 1), holds([0.5], (x) => x <= 1)]).toEqual([false, true])
  })
})
