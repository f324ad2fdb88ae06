import { defineSpace, integer, oneOf, product, real, repeat, variant } from 'archloom'
import { importance } from 'archloom/analysis'
import { describe, expect, it } from 'vitest'
import { studyOf } from './study.ts'

const share = (result: ReturnType<typeof importance>, name: string) =>
  result.decisions.find(({ decision }) => decision === name)!.importance

/** Every architecture once: the trial's number read as digits. */
const grid = defineSpace('grid', product({ a: oneOf('p', 'q', 'r'), b: integer(0, 3), c: oneOf('x', 'y') }))
const genotypes = [...grid.enumerate()]

async function factorial(value: (genotype: readonly number[]) => number) {
  const study = await studyOf(grid as never, () => ({ value: 0 }), { trials: genotypes.length })
  const trials = study.trials.map((trial, i) => ({
    ...trial,
    text: trial.text,
    architecture: trial.architecture,
    rungs: trial.rungs,
    genotype: genotypes[i]!,
    metrics: { value: value(genotypes[i]!) },
  }))
  return { name: 'grid', started: study.started, trials }
}

const variance = (values: readonly number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

describe('fANOVA', () => {
  it('equals the analysis of variance of a full factorial design', async () => {
    const [a, b] = [
      [0, 5, 1],
      [2, -1, 3, 4],
    ]
    const value = (g: readonly number[]) => a[g[0]!]! + b[g[1]!]! + (g[0] === 1 && g[2] === 1 ? 2 : 0)
    const study = await factorial(value)
    const result = importance(study, { bootstrap: false, trees: 1, pairs: true })
    const total = variance(genotypes.map(value))
    const marginal = (index: number, option: number) => {
      const own = genotypes.filter((g) => g[index] === option).map(value)
      return own.reduce((sum, each) => sum + each, 0) / own.length
    }
    for (const [index, name, options] of [
      [0, 'a', 3],
      [1, 'b', 4],
      [2, 'c', 2],
    ] as const) {
      const means = Array.from({ length: options }, (_, option) => marginal(index, option))
      expect(share(result, name)).toBeCloseTo(variance(means) / total, 10)
    }
    // What is left is the interaction of a and c.
    const [pair] = result.pairs!
    expect(pair!.decisions).toEqual(['a', 'c'])
    const singles = result.decisions.reduce((sum, each) => sum + each.importance, 0)
    expect(singles + pair!.importance).toBeCloseTo(1, 10)
    expect(result.pairs![1]!.importance).toBeCloseTo(0, 10)
  })

  it('finds the decisions of a random study that matter, whatever their kind and scale', async () => {
    const space = defineSpace(
      'mixed',
      product({
        rate: real(1e-4, 1, { scale: 'log' }),
        op: oneOf('a', 'b', 'c', 'd'),
        rest: repeat(3, () => real(0, 1)),
      }),
    )
    const study = await studyOf(
      space as never,
      (g) => ({ value: Math.log10(g[0]!) + (g[1] === 2 ? 4 : 0) + 0.1 * g[2]! }),
      { trials: 200 },
    )
    const result = importance(study, { trees: 16 })
    // log10 over [−4, 0] has variance 16/12, the option 16 · 3/16.
    const [rate, op] = [16 / 12, 3]
    expect(Math.abs(share(result, 'rate') - rate / (rate + op))).toBeLessThan(0.12)
    expect(Math.abs(share(result, 'op') - op / (rate + op))).toBeLessThan(0.12)
    expect(share(result, 'rest.0')).toBeLessThan(0.02)
    expect(importance(study, { trees: 16 })).toEqual(result)
  })

  it('distinguishes inactive decisions from their first option if it has the space', async () => {
    const space = defineSpace('branch', variant({ on: product({ x: oneOf('low', 'high') }), off: product({}) }))
    const study = await studyOf(space as never, (g) => ({ value: g[0] === 0 ? (g[1] === 0 ? -1 : 1) : 0.5 }), {
      trials: 100,
    })
    const told = importance(study, { space: space as never, bootstrap: false, trees: 1 })
    expect(share(told, 'on.x')).toBeGreaterThan(0.5)
  })
})

describe('PED-ANOVA', () => {
  it('is the divergence of the shares of options among the best trials', async () => {
    // The best eight of 24 trials are those with a = q: shares 0, 1, 0 against a third each.
    const study = await factorial((g) => (g[0] === 1 ? 1 : 0) + 1e-6 * (g[1] === 0 ? 0 : 1))
    const result = importance(study, { method: 'ped-anova', best: 8 / 24 })
    expect(result.decisions[0]!.decision).toBe('a')
    const exact = importance(await factorial((g) => (g[0] === 1 ? 1 : 0) + (g[2] === 1 ? 0.5 : 0)), {
      method: 'ped-anova',
      best: 4 / 24,
    })
    // a: (2/3)(0 − 1)² + (1/3)(3 − 1)² = 2; c: (1/2)(0 − 1)² + (1/2)(2 − 1)² = 1.
    expect(share(exact, 'a')).toBeCloseTo(2 / 3, 10)
    expect(share(exact, 'c')).toBeCloseTo(1 / 3, 10)
  })

  it('finds the decisions that set the best apart, whereas fANOVA finds those that explain the variance', async () => {
    const space = defineSpace('steep', product({ op: oneOf('none', 'a', 'b', 'c'), width: integer(0, 9) }))
    const study = await studyOf(space as never, (g) => ({ value: g[0] === 0 ? 0.1 : 0.9 + 0.005 * g[1]! }), {
      trials: 300,
    })
    expect(importance(study, { trees: 8 }).decisions[0]!.decision).toBe('op')
    const ped = importance(study, { method: 'ped-anova' })
    expect(ped.decisions[0]!.decision).toBe('width')
    expect(share(ped, 'width')).toBeGreaterThan(0.8)
  })

  it('takes the direction of the objective into account', async () => {
    const space = defineSpace('two', product({ a: oneOf(0, 1, 2, 3), b: oneOf(0, 1, 2, 3) }))
    const value = (g: readonly number[]) => ({ value: g[0] === 3 ? 10 : g[1] === 3 ? -10 : 0 })
    const of = async (direction: 'maximise' | 'minimise') =>
      importance(await studyOf(space as never, value, { trials: 200, objectives: { value: direction } }), {
        method: 'ped-anova',
      }).decisions[0]!.decision
    expect(await of('maximise')).toBe('a')
    expect(await of('minimise')).toBe('b')
  })
})

describe('bad input', () => {
  it('is refused with what is there', async () => {
    const study = await studyOf(grid as never, () => ({ value: 1, other: 2 }), { trials: 20 })
    expect(() => importance(study)).toThrow(/ARCHLOOM_ANALYSIS_CONSTANT: value is 1 in every/)
    expect(() => importance(study, { metric: 'acuracy' })).toThrow(/ARCHLOOM_ANALYSIS_METRIC: .*\["value","other"\]/)
    const loss = await studyOf(grid as never, (g) => ({ value: g[0]!, loss: g[1]! }), { trials: 20 })
    expect(() => importance(loss, { method: 'ped-anova', metric: 'loss' })).toThrow(
      /ARCHLOOM_ANALYSIS_DIRECTION: "loss" is no objective of study "study"/,
    )
    expect(importance(loss, { metric: 'loss' }).decisions[0]!.decision).toBe('b')
    const ped = importance(loss, { method: 'ped-anova', metric: 'loss', direction: 'minimise' })
    expect(ped.decisions[0]!.decision).toBe('b')
    const short = await studyOf(grid as never, (g) => ({ value: g[0]! }), { trials: 3 })
    expect(() => importance(short)).toThrow(/ARCHLOOM_ANALYSIS_TRIALS: importance received 3 usable .*at least 8/)
    expect(() => importance(short, { metod: 'fanova' } as never)).toThrow(/ARCHLOOM_OPTION.*method/)
  })
})
