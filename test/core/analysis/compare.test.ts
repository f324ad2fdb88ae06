import { defineSpace, product, real, repeat } from 'archloom'
import {
  bestSoFar,
  compareStudies,
  confidenceBand,
  contourPoints,
  empiricalDistribution,
  hypervolumeSoFar,
  parallelCoordinates,
  paretoFront,
  slicePoints,
} from 'archloom/analysis'
import { describe, expect, it } from 'vitest'
import { studyOf } from './study.ts'

const space = defineSpace('plane', product({ x: repeat(2, () => real(0, 1)) })) as never
const bowl = (shift: number) => (g: readonly number[]) => ({
  value: -((g[0]! - 0.5) ** 2) - (g[1]! - 0.5) ** 2 + shift,
})
const group = async (name: string, shift: number, seeds = 5) => ({
  name,
  studies: await Promise.all(
    Array.from({ length: seeds }, (_, i) =>
      studyOf(space, bowl(shift), { trials: 20, seed: i + 1, name: `${name}-${i + 1}` }),
    ),
  ),
})

describe('comparing studies', () => {
  it('tests the best values of groups, paired by seed, and gives curves with bands', async () => {
    const result = compareStudies([await group('good', 1), await group('bad', 0)])
    const [pair] = result.pairs
    // Every value of the first group is larger: U = 25, p = 2 / C(10, 5); Wilcoxon 2 / 2⁵.
    expect(pair).toMatchObject({ groups: ['good', 'bad'], sample: 'best', superiority: 1 })
    expect(pair!.mannWhitney.pValue).toBeCloseTo(2 / 252, 12)
    expect(pair!.corrected).toBeCloseTo(2 / 252, 12)
    // The differences are 1 up to rounding, so that they may or may not be ties.
    expect(pair!.wilcoxon!.pValue).toBeLessThan(0.07)
    const [good] = result.groups
    expect(good!.curve).toHaveLength(20)
    expect(good!.curve.at(-1)).toEqual(good!.best)
    expect(good!.best.count).toBe(5)
  })

  it('tests all trials if a group has a single study, and reports it', async () => {
    const result = compareStudies([await group('a', 0, 1), await group('b', 0.01, 1), await group('c', 3, 1)])
    expect(result.pairs.map(({ sample }) => sample)).toEqual(['trials', 'trials', 'trials'])
    expect(result.pairs[0]!.wilcoxon).toBeUndefined()
    expect(result.pairs[0]!.mannWhitney.pValue).toBeGreaterThan(0.05)
    expect(result.pairs[1]!.corrected).toBeLessThan(1e-5)
    expect(Number.isNaN(result.groups[0]!.best.sd)).toBe(true)
  })

  it('refuses studies of other objectives, and a single group', async () => {
    const a = await group('a', 0, 1)
    const other = await studyOf(space, bowl(0), { objectives: { value: 'minimise' }, name: 'other' })
    expect(() => compareStudies([a, { name: 'o', studies: [other] }])).toThrow(
      /ARCHLOOM_ANALYSIS_OBJECTIVES: study "other" optimises minimise value; expected maximise value/,
    )
    expect(() => compareStudies([a])).toThrow(
      /ARCHLOOM_ANALYSIS_SAMPLES: a comparison received "a" with 1 study; expected at least two groups/,
    )
  })

  it('compares a metric that is no objective only if it is told which values are better', async () => {
    const withCost = async (name: string, cost: number) => ({
      name,
      studies: await Promise.all(
        [1, 2].map((seed) =>
          studyOf(space, (g) => ({ ...bowl(0)(g), cost: cost + g[0]! }), { trials: 10, seed, name: `${name}-${seed}` }),
        ),
      ),
    })
    const groups = [await withCost('cheap', 0), await withCost('dear', 5)]
    expect(() => compareStudies(groups, { metric: 'cost' })).toThrow(
      /ARCHLOOM_ANALYSIS_DIRECTION: "cost" is no objective of study "cheap-1".*--direction/,
    )
    const result = compareStudies(groups, { metric: 'cost', direction: 'minimise' })
    expect(result).toMatchObject({ direction: 'minimise', pairs: [{ superiority: 1 }] })
    expect(result.groups[0]!.best.mean).toBeLessThan(1)
    expect(() => compareStudies(groups, { direction: 'minimise' })).toThrow(
      /ARCHLOOM_ANALYSIS_DIRECTION: "value" is an objective that study "cheap-1" maximises; received the direction "minimise"/,
    )
    // A named metric may be an objective of one study and only measured in the others.
    const costly = await studyOf(space, (g) => ({ cost: g[0]!, value: 0 }), { objectives: { cost: 'minimise' } })
    expect(compareStudies([...groups, { name: 'c', studies: [costly] }], { metric: 'cost' }).direction).toBe('minimise')
  })
})

describe('curves', () => {
  it('bands are means with the interval of Student’s t', () => {
    const [first] = confidenceBand([[1], [2], [4], [5], [8]])
    // Mean 4, sd √7.5, t(4) = 2.776.
    expect(first!.mean).toBe(4)
    expect(first!.sd).toBeCloseTo(Math.sqrt(7.5), 12)
    expect(first!.high).toBeCloseTo(4 + (2.776 * Math.sqrt(7.5)) / Math.sqrt(5), 10)
    expect(() => confidenceBand([])).toThrow(/ARCHLOOM_ANALYSIS_SAMPLES/)
  })

  it('the empirical distribution is a step at each distinct value', () => {
    expect(empiricalDistribution([3, 1, 3, 2])).toEqual([
      { value: 1, share: 0.25 },
      { value: 2, share: 0.5 },
      { value: 3, share: 1 },
    ])
  })
})

describe('a study of two objectives', () => {
  const objectives = { a: 'maximise', b: 'minimise' } as const
  const points = [
    [1, 5],
    [2, 6],
    [0, 7],
    [2, 4],
    [3, 8],
  ]
  const study = () =>
    studyOf(space, (_, trial) => ({ a: points[trial]![0]!, b: points[trial]![1]! }), { trials: 5, objectives })

  it('has its front and the course of its hypervolume', async () => {
    expect(paretoFront(await study()).map(({ trial }) => trial)).toEqual([3, 4])
    // Above (0, 10): 1·5; with (2, 6) one more column of 4; then 2·6; then a column of 2.
    expect(hypervolumeSoFar(await study(), { a: 0, b: 10 })).toEqual([5, 9, 9, 12, 14])
    const short = await study()
    expect(() => hypervolumeSoFar(short, { a: 0 })).toThrow(
      /ARCHLOOM_ANALYSIS_REFERENCE_VALUES: the reference point is \{"a":0\}.*\["a","b"\]/,
    )
    expect(() => hypervolumeSoFar(short, { a: 100, b: 0 })).toThrow(
      /ARCHLOOM_ANALYSIS_REFERENCE: the reference point is \{"a":100,"b":0\}/,
    )
  })

  it('gives the data of plots', async () => {
    const record = await study()
    expect(bestSoFar(record.trials, { metric: 'b', direction: 'minimise' })).toEqual([5, 5, 5, 4, 4])
    const lines = parallelCoordinates(record, 'b')
    expect(lines.decisions).toEqual(['x.0', 'x.1'])
    expect(lines.lines[2]).toEqual({ trial: 2, values: record.trials[2]!.genotype, value: 7 })
    expect(slicePoints(record, 'x.1')[4]).toEqual({ trial: 4, at: record.trials[4]!.genotype[1], value: 3 })
    expect(contourPoints(record, 'x.0', 'x.1')[0]).toMatchObject({ x: record.trials[0]!.genotype[0], value: 1 })
    expect(() => slicePoints(record, 'x.7')).toThrow(/ARCHLOOM_ANALYSIS_DECISION: .*"x\.7".*"x\.0","x\.1"/)
  })
})
