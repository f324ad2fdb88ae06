import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { type MemoryWeights, meanAge, weightsOf } from '../../../plugins/mbn/index.ts'
import {
  backward,
  batchNormalisation,
  combine,
  type Entry,
  EPSILON,
  entryOf,
  normalised,
  type Table,
} from './reference.ts'

const rng = seeded('formulas')
const table = (rows: number, shift = 0, channels = 3): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: channels }, (_, c) => rng.normal() * (c + 1) + shift))
const kinds = ['averaged', 'pooled'] as const
const largest = (a: Table, b: Table) =>
  Math.max(...a.flatMap((row, j) => row.map((v, c) => Math.abs(v - ((b[j] as number[])[c] as number)))))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('the formulas, in double precision', () => {
  it.each(kinds)('%s: a memory of one batch is batch normalisation bit for bit', (kind) => {
    const [x, g] = [table(7), table(7)]
    const statistics = combine([entryOf(x)], weightsOf({ batches: 1 }, 9), kind)
    const { y, dx } = batchNormalisation(x, g)
    expect(normalised(x, statistics)).toEqual(y)
    expect(backward(x, g, statistics, kind)).toEqual(dx)
  })

  it.each(kinds)('%s: the gradient is that of central differences', (kind) => {
    const [x, g] = [table(5, 1), table(5)]
    // Batches with other means: a wrong share or centre shows only there.
    const older = [entryOf(table(6, -2)), entryOf(table(4, 3))]
    const weights = weightsOf({ batches: 3, decay: 0.8 }, 3)
    const loss = (input: Table) => {
      const y = normalised(input, combine([entryOf(input), ...older], weights, kind))
      return sum(y.flatMap((row, j) => row.map((v, c) => v * ((g[j] as number[])[c] as number))))
    }
    const step = 1e-5
    const moved = (row: number, column: number, by: number) =>
      loss(x.map((values, j) => values.map((v, c) => (j === row && c === column ? v + by : v))))
    const numeric = x.map((values, j) => values.map((_, c) => (moved(j, c, step) - moved(j, c, -step)) / (2 * step)))
    const statistics = combine([entryOf(x), ...older], weights, kind)
    const analytic = backward(x, g, statistics, kind)
    expect(largest(analytic, numeric)).toBeLessThan(1e-8)
    // The test can tell the mistakes it is there for.
    expect(largest(backward(x, g, { ...statistics, share: 1 }, kind), numeric)).toBeGreaterThan(1e-2)
    expect(largest(backward(x, g, statistics, kind === 'pooled' ? 'averaged' : 'pooled'), numeric)).toBeGreaterThan(
      1e-2,
    )
  })

  it('averaged: Σdx = (1 − w₁)·Σg / s', () => {
    const [x, g] = [table(6, 2), table(6)]
    const statistics = combine([entryOf(x), entryOf(table(6))], weightsOf({ batches: 2 }, 2), 'averaged')
    const dx = backward(x, g, statistics, 'averaged')
    for (const c of [0, 1, 2]) {
      const s = Math.sqrt(statistics.variance[c]! + EPSILON)
      const expected = ((1 - statistics.share) * sum(g.map((row) => row[c] as number))) / s
      expect(Math.abs(sum(dx.map((row) => row[c] as number)) - expected)).toBeLessThan(1e-14)
    }
  })

  it('equal weights and pooled variance: the statistics of all batches together', () => {
    const batches = [table(4, 1), table(4, -1), table(4, 5)]
    const together = entryOf(batches.flat())
    const weights = weightsOf({ family: 'uniform', batches: 3 }, 3)
    const pooled = combine(batches.map(entryOf), weights, 'pooled')
    const averaged = combine(batches.map(entryOf), weights, 'averaged')
    for (const c of [0, 1, 2]) {
      expect(pooled.mean[c]).toBeCloseTo(together.mean[c] as number, 14)
      expect(Math.abs(pooled.variance[c]! - together.variance[c]!)).toBeLessThan(1e-13)
      // Averaging loses what lies between the means.
      const between = sum(batches.map((b) => ((entryOf(b).mean[c] as number) - pooled.mean[c]!) ** 2 / 3))
      expect(pooled.variance[c]! - averaged.variance[c]!).toBeCloseTo(between, 12)
      expect(averaged.variance[c]).toBeLessThan(pooled.variance[c]!)
    }
  })

  it.each(kinds)('%s: one batch many times is that batch', (kind) => {
    const own = entryOf(table(5))
    const combined = combine([own, own, own, own] as Entry[], weightsOf({ batches: 4, decay: 0.7 }, 4), kind)
    for (const c of [0, 1, 2]) {
      expect(combined.mean[c]).toBeCloseTo(own.mean[c] as number, 14)
      expect(combined.variance[c]).toBeCloseTo(own.variance[c] as number, 14)
    }
  })

  it('averaged: a shift of the present batch alone moves its output by c·(1 − w₁)/s', () => {
    const [x, older] = [table(5), entryOf(table(5))]
    const weights = weightsOf({ batches: 2, decay: 0.8 }, 2)
    const statistics = combine([entryOf(x), older], weights, 'averaged')
    const shifted = x.map((row) => row.map((v) => v + 3))
    const after = normalised(shifted, combine([entryOf(shifted), older], weights, 'averaged'))
    const before = normalised(x, statistics)
    const by = (c: number) => (3 * (1 - statistics.share)) / Math.sqrt(statistics.variance[c]! + EPSILON)
    after.forEach((row, j) => {
      row.forEach((v, c) => {
        expect(v - ((before[j] as number[])[c] as number)).toBeCloseTo(by(c), 12)
      })
    })
  })
})

describe('weights', () => {
  it('sum to one, over what is in memory', () => {
    for (const family of ['uniform', 'exponential', 'infinite'] as const)
      for (const seen of [1, 2, 7, 30]) expect(sum(weightsOf({ family, batches: 7 }, seen))).toBeCloseTo(1, 14)
    expect(weightsOf({ batches: 9, decay: 0.3 }, 1)).toEqual([1])
    const four = weightsOf({ batches: 4, decay: 0.8 }, 40)
    const expected = [0.33875339, 0.27100271, 0.21680217, 0.17344173]
    four.forEach((weight, i) => {
      expect(weight).toBeCloseTo(expected[i] as number, 8)
    })
  })

  it.each<[MemoryWeights, number, number, number]>([
    [{ batches: 5, decay: 0.9 }, 0.2442, 2.79, 4.89],
    [{ batches: 20, decay: 0.95 }, 0.0779, 8.824, 18.42],
    [{ family: 'uniform', batches: 10 }, 0.1, 5.5, 10],
  ])('%o: first weight, mean age and effective number of batches', (options, first, age, effective) => {
    const weights = weightsOf(options, 100)
    expect(weights[0]).toBeCloseTo(first, 4)
    expect(meanAge(weights, false)).toBeCloseTo(age, 2)
    expect(meanAge(weights, true)).toBeCloseTo(age - 1, 2)
    expect(1 / sum(weights.map((w) => w * w))).toBeCloseTo(effective, 1)
  })

  it('the variance of a combined mean is σ²/m · Σ wᵢ²', () => {
    const weights = weightsOf({ batches: 6, decay: 0.7 }, 6)
    const draws = Array.from(
      { length: 4000 },
      () =>
        combine(
          weights.map(() => entryOf(table(4, 0, 1))),
          weights,
          'averaged',
        ).mean[0] as number,
    )
    const measured = sum(draws.map((mean) => mean * mean)) / draws.length
    expect(measured / ((1 / 4) * sum(weights.map((w) => w * w)))).toBeGreaterThan(0.92)
    expect(measured / ((1 / 4) * sum(weights.map((w) => w * w)))).toBeLessThan(1.08)
  })
})
