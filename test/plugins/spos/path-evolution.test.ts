import { crossover, mutation, pathEvolution } from 'archloom/plugins/spos'
import { chainSpace } from 'archloom/search-spaces/chain'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { controllerContract, proposed, stockSpaces } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { defineSpace, type Genotype, integer, product, real, type SearchSpace } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'

controllerContract('path evolution', pathEvolution({ population: 6, generations: 1000, parents: 3 }))

const bench = nasBench201Space()
/** Convolutions in a genotype: the planted reward. */
const convolutions = (genotype: Genotype) => genotype.filter((op) => op === 3).length

function evolve(space: SearchSpace<unknown>, reward: (genotype: Genotype) => number, seed: number, options = {}) {
  const rng = seeded(seed)
  using controller = pathEvolution(options)(space, rng)
  const genotypes: Genotype[] = []
  for (let trial = 0; !controller.exhausted; trial++) {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    genotypes.push(proposal.genotype)
    const value = reward(proposal.genotype)
    controller.observe([{ trial, proposal, reward: value, objectives: [value], metrics: {} }])
  }
  return genotypes
}

describe('path evolution', () => {
  it('ends after its generations, and rises from one to the next', () => {
    for (const seed of [1, 2, 3]) {
      const rewards = evolve(bench as SearchSpace<unknown>, convolutions, seed, { population: 20, generations: 6 }).map(
        convolutions,
      )
      expect(rewards).toHaveLength(120)
      const mean = (generation: number) =>
        rewards.slice(20 * generation, 20 * (generation + 1)).reduce((sum, value) => sum + value, 0) / 20
      // A random cell has 1.2 of six.
      expect(mean(0)).toBeLessThan(2)
      expect(mean(5)).toBeGreaterThan(mean(0) + 1.5)
      expect(Math.max(...rewards)).toBeGreaterThanOrEqual(5)
    }
  })

  it('proposes nothing twice in a space that is large enough', () => {
    const genotypes = evolve(bench as SearchSpace<unknown>, convolutions, 4, { population: 10, generations: 10 })
    expect(new Set(genotypes.map((genotype) => bench.format(genotype))).size).toBe(100)
  })

  it('crosses and mutates within any space', () => {
    for (const space of [...stockSpaces(), chainSpace() as SearchSpace<unknown>]) {
      const rng = seeded(8)
      for (let i = 0; i < 40; i++) {
        const [a, b] = [space.random(rng), space.random(rng)]
        expect(space.validate(crossover(space, a, b, rng))).toMatchObject({ ok: true })
        expect(space.validate(mutation(space, a, 0.3, rng))).toMatchObject({ ok: true })
        expect(crossover(space, a, a, rng)).toEqual(a)
        expect(mutation(space, a, 0, rng)).toEqual(a)
      }
    }
  })

  it('takes each decision from a parent, and mutates the share asked for', () => {
    const rng = seeded(9)
    const [a, b] = [bench.parse('000000'), bench.parse('333333')]
    let [fromFirst, changed] = [0, 0]
    for (let i = 0; i < 500; i++) {
      const child = crossover(bench as SearchSpace<unknown>, a, b, rng)
      for (const op of child) expect([0, 3]).toContain(op)
      fromFirst += child.filter((op) => op === 0).length
      changed += mutation(bench as SearchSpace<unknown>, a, 0.1, rng).filter((op) => op !== 0).length
    }
    expect(fromFirst / 3000).toBeCloseTo(0.5, 1)
    // Drawn anew, one in five is what it was.
    expect(changed / 3000).toBeGreaterThan(0.06)
    expect(changed / 3000).toBeLessThan(0.1)
  })

  it('refuses options that mean nothing', () => {
    for (const wrong of [{ population: 0 }, { parents: 0.5 }, { mutationProbability: 2 }, { crossovers: -1 }])
      expect(() => pathEvolution(wrong)).toThrow('ARCHLOOM_OPTION')
  })
})

describe('numbers on a log scale', () => {
  it('are drawn by their logarithm when a mutation draws them anew', () => {
    const rates = defineSpace(
      'rates',
      product({ rate: real(1e-4, 1, { scale: 'log' }), width: integer(1, 1024, { scale: 'log' }) }),
    )
    const rng = seeded(1)
    const parent = rates.random(rng)
    const drawn = Array.from({ length: 2_000 }, () => rates.decode(mutation(rates, parent, 1, rng)))
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[1_000]!
    expect(Math.abs(Math.log10(median(drawn.map(({ rate }) => rate))) + 2)).toBeLessThan(0.1)
    expect(Math.abs(Math.log2(median(drawn.map(({ width }) => width))) - 5)).toBeLessThan(0.4)
  })
})
