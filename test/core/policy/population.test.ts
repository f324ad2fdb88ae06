import { describe, expect, it } from 'vitest'
import { age, drawSample, individualOf, winner } from '../../../core/policy/index.ts'
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
    expect(winner(sample, (x, y) => x.reward - y.reward).name).toBe('b')
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
