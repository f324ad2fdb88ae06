import { generatedImages } from 'archloom/evaluators/data'
import { useEngine } from 'archloom/tensor'
import { expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { accuracyTable } from '../../../plugins/mbn/accuracy-experiment.ts'
import { classBiased } from '../../../plugins/mbn/class-biased.ts'
import { accuracyClaims, mismatchClaims } from '../../../plugins/mbn/experiment.ts'
import { driftRatio, mismatch } from '../../../plugins/mbn/mismatch-experiment.ts'

await useEngine('wasm')

const quiet = () => {}

it('Double-Forward makes the memory fresher by what straight drift predicts', () => {
  expect(driftRatio({ batches: 5, decay: 0.9 })).toBeCloseTo(0.412, 3)
  expect(driftRatio({ batches: 20, decay: 0.95 })).toBeCloseTo(0.786, 3)
  const [figures, ratio] = mismatchClaims({ steps: 30, examples: 100, seeds: 1 }, 1, quiet)
  expect(figures.holds && ratio.holds).toBe(true)
  expect(ratio.ours.mean).toBeCloseTo(figures.ours.mean / figures.baseline!.mean, 12)
  expect(Math.abs(ratio.ours.mean - 0.412)).toBeLessThan(0.05)
})

it('a memory of one batch has no mismatch at all after the second pass', () => {
  const options = { batches: 1, learningRate: 0.1, steps: 5, examples: 60, seed: 1 }
  expect(mismatch({ ...options, doubleForward: true })).toBeLessThan(1e-12)
  expect(mismatch({ ...options, doubleForward: false })).toBeGreaterThan(1e-9)
})

it('biased batches hold two classes, all of them in time, and are drawn anew', () => {
  const { train } = generatedImages({ train: 60, validation: 10, test: 10, classes: 4, size: 8 })
  const biased = classBiased(train)
  const labelsOf = (seed: number) =>
    [...biased.batches({ batchSize: 8, rng: seeded(seed) })].map(({ inputs, targets }) => {
      const labels = [...targets.dataSync()]
      inputs.dispose()
      targets.dispose()
      return labels
    })
  const batches = labelsOf(1)
  expect(batches).toHaveLength(7)
  for (const labels of batches) expect(new Set(labels).size).toBeLessThanOrEqual(2)
  expect(new Set(batches.flat()).size).toBe(4)
  expect(labelsOf(1)).toEqual(batches)
  expect(labelsOf(2)).not.toEqual(batches)
})

it.each([0, 1.5, 5])('%d classes a batch is ARCHLOOM_OPTION', (classes) => {
  const { train } = generatedImages({ train: 20, validation: 10, test: 10, classes: 4, size: 8 })
  expect(() => classBiased(train, classes)).toThrow(/ARCHLOOM_OPTION.*classesPerBatch/)
})

it('the table has every method in every place, repeatably; claims compare with batch normalisation', async () => {
  const data = generatedImages({ train: 64, validation: 10, test: 20, classes: 2, size: 8 })
  const plan = {
    samplings: ['iid', 'biased'] as const,
    batchSizes: [2, 8],
    steps: () => 3,
    filters: [4],
    seeds: 2,
    learningRate: 0.05,
  }
  const run = () => accuracyTable(data, plan, { seed: 1, log: quiet, signal: new AbortController().signal })
  const cells = await run()
  expect(cells.map(({ method }) => method).slice(0, 5)).toEqual(['BN', 'BRN', 'MBN', 'MBN+DF', 'MBN V2+DF'])
  expect(cells).toHaveLength(5 * 4)
  expect(await run()).toEqual(cells)
  const claims = accuracyClaims(cells)
  expect(claims.map(({ id }) => id.replace(/^[^,]*, /, ''))).toEqual([
    'iid, batch 2',
    'biased, batch 2',
    'biased, batch 8',
  ])
  for (const { ours, baseline, holds } of claims) expect(holds).toBe(ours.mean > baseline!.mean)
})
