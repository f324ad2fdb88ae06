import { describe, expect, it } from 'vitest'
import { age, byReward, drawSample, individualOf, winner } from '../../../core/policy/index.ts'
import { seeded } from '../../../core/random.ts'

describe('populations', () => {
  it('age: the oldest makes room', () => {
    let population: readonly number[] = []
    for (let i = 0; i < 5; i++) population = age(population, i, 3)
    expect(population).toEqual([2, 3, 4])
  })

  it('draw samples with replacement, or without', () => {
    const rng = seeded(1)
    const population = [0, 1, 2, 3, 4]
    expect(drawSample(population, 20, rng)).toHaveLength(20)
    expect([...drawSample(population, 5, rng, false)].sort()).toEqual(population)
    // All of n draws from n differ with probability n!/nⁿ only.
    const draws = Array.from({ length: 500 }, () => new Set(drawSample(population, 5, rng)).size)
    expect(draws.filter((distinct) => distinct === 5).length / 500).toBeLessThan(0.1)
  })

  it('have one winner, the first among equals', () => {
    const sample = [
      { name: 'a', reward: 1 },
      { name: 'b', reward: 2 },
      { name: 'c', reward: 2 },
    ] as const
    expect(winner(sample, (x, y) => y.reward - x.reward).name).toBe('b')
  })

  it('sort the larger reward first, and what is not a number last', () => {
    const rewards = [1, Number.NaN, 3, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 2, 3]
    const individuals = rewards.map((reward) => ({ genotype: [0], objectives: [reward], reward }))
    expect(individuals.sort(byReward).map(({ reward }) => reward)).toEqual([
      Number.POSITIVE_INFINITY,
      3,
      3,
      2,
      1,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ])
    const [unknown, known] = [Number.NaN, 1].map((reward) => ({ genotype: [0], objectives: [reward], reward }))
    expect(winner([unknown!, known!], byReward)).toBe(known)
    expect(
      individualOf({ trial: 0, proposal: unknown!, reward: Number.NaN, objectives: [], metrics: {} }),
    ).toBeUndefined()
  })

  it('leave failed trials out', () => {
    const proposal = { genotype: [1, 2] }
    expect(individualOf({ trial: 0, proposal, objectives: [], metrics: {} })).toBeUndefined()
    expect(individualOf({ trial: 0, proposal, reward: 0.5, objectives: [0.5], metrics: { a: 0.5 } })).toEqual({
      genotype: [1, 2],
      reward: 0.5,
      objectives: [0.5],
    })
  })
})
