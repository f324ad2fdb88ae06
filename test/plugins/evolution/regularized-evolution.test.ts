import { createSearch, memoryStore, type Plugin } from 'archloom'
import { proposed } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import type { Controller, Observation } from '../../../core/controller.ts'
import { seeded } from '../../../core/random.ts'
import { defineSpace, type Genotype, oneOf, repeat } from '../../../core/space/index.ts'
import { banditSpace, controllerContract } from '../../../core/testing/index.ts'
import {
  type EvolutionOptions,
  evolution,
  populationFor,
  regularizedEvolution,
} from '../../../plugins/evolution/index.ts'
import { random } from '../../../plugins/random/index.ts'

controllerContract('regularised evolution', regularizedEvolution({ population: 10, sample: 5 }))
controllerContract(
  'regularised evolution by dominance',
  regularizedEvolution({ population: 10, sample: 5, select: 'pareto' }),
)

const space = defineSpace(
  'words',
  repeat(12, () => oneOf('a', 'b', 'c', 'd')),
)
const rng = seeded(1)
const start = (options: EvolutionOptions) => regularizedEvolution(options)(space, rng)
let trials = 0
const seen = (genotype: Genotype, objectives: readonly number[]): Observation => ({
  trial: trials++,
  proposal: { genotype },
  metrics: {},
  objectives,
  ...(objectives.length > 0 && { reward: objectives[0] as number }),
})
const distance = (a: Genotype, b: Genotype) => a.filter((value, i) => value !== b[i]).length
const children = (controller: Controller, count = 40) =>
  Array.from({ length: count }, (_, i) => proposed(controller.propose(rng.fork(`child ${i}`))).genotype)
/** Which of the parents each child is one mutation away from, the most frequent one first. */
const parentsOf = (kids: readonly Genotype[], parents: readonly Genotype[]) => {
  const from = kids.map((kid) => parents.findIndex((parent) => distance(kid, parent) === 1))
  const count = (parent: number) => from.filter((each) => each === parent).length
  return [...new Set(from)].sort((a, b) => count(b) - count(a))
}

describe('regularised evolution', () => {
  const parents = Array.from({ length: 4 }, (_, i) => space.random(seeded(`parent ${i}`))) as readonly Genotype[]

  it('draws at random until the population is full, failures made up for, then mutates the winner', () => {
    using controller = start({ population: 4, sample: 4 })
    controller.observe([seen(parents[0] as Genotype, [1]), seen(parents[1] as Genotype, [])])
    expect(parentsOf(children(controller), parents)).toEqual([-1])
    const reported = controller.observe([
      seen(parents[1] as Genotype, [4]),
      seen(parents[2] as Genotype, [3]),
      seen(parents[3] as Genotype, [2]),
    ])
    expect(reported).toEqual({ population: 4, meanReward: 2.5, bestReward: 4 })
    // The best of four draws with replacement: parent 1 in 68 %, 2 in 25 %, 3 in 6 %, 0 in 0.4 % of the tournaments.
    expect(parentsOf(children(controller, 200), parents).slice(0, 3)).toEqual([1, 2, 3])
  })

  it('lets the oldest die, however good', () => {
    using controller = start({ population: 4, sample: 4 })
    controller.observe(parents.map((parent, i) => seen(parent, [i === 0 ? 100 : i])))
    expect(parentsOf(children(controller, 200), parents)[0]).toBe(0)
    controller.observe([seen(space.random(rng), [0])])
    const [best, ...others] = parentsOf(children(controller, 200), parents)
    expect(best).toBe(3)
    expect(others).not.toContain(0)
  })

  it('draws its samples with replacement: small ones let others than the best win', () => {
    using controller = start({ population: 4, sample: 1 })
    controller.observe(parents.map((parent, i) => seen(parent, [i])))
    expect(parentsOf(children(controller), parents).sort()).toEqual([0, 1, 2, 3])
  })

  it('with dominance breeds from the ends of the front, whatever the scalar reward', () => {
    // Six copies of each, so that a tournament of 24 misses one of them in 0.1 % of the cases.
    using controller = start({ population: 24, sample: 24, select: 'pareto' })
    const points = [
      [3, 0],
      [2, 1],
      [0, 3],
      [1, 0],
    ] as const
    for (let copy = 0; copy < 6; copy++)
      // The largest reward is that of the point in the middle of the front.
      controller.observe(points.map((point, i) => ({ ...seen(parents[i]!, point), reward: i === 1 ? 9 : point[0] })))
    expect([0, 2]).toContain(parentsOf(children(controller, 100), parents)[0])
  })

  it('mutates a given architecture instead, when asked to', () => {
    using controller = start({ population: 4 })
    const from = parents[2] as Genotype
    expect(distance(proposed(controller.propose(rng, { from })).genotype, from)).toBe(1)
  })

  it('refuses senseless options: ARCHLOOM_OPTION', () => {
    expect(() => regularizedEvolution({ population: 0 })).toThrow(
      'ARCHLOOM_OPTION: evolution: option "population" is 0; expected a whole number of at least 1',
    )
    expect(() => regularizedEvolution({ sample: 2.5 })).toThrow('option "sample" is 2.5')
    expect(() => regularizedEvolution({ population: 4, sample: 5 })).toThrow(
      /ARCHLOOM_OPTION: .*option "sample" is 5; expected at most the population, which has 4 individuals/,
    )
    expect(() => regularizedEvolution({ population: 4, sample: 4 })).not.toThrow()
    expect(() => regularizedEvolution({ select: 'best' as never })).toThrow('"reward" or "pareto"')
  })
})

describe('the default population', () => {
  it('follows the budget of the search', () => {
    expect([1, 20, 100, 200, 1000, Number.POSITIVE_INFINITY].map(populationFor)).toEqual([5, 5, 25, 50, 100, 100])
  })

  it('leaves most of 100 trials to evolution: only the first quarter is that of random search', async () => {
    const proposalsOf = async (plugin: Plugin) => {
      await using search = createSearch({
        space: banditSpace(8, 4),
        evaluator: ({ arm }) => ({ value: arm.reduce((sum, option) => sum + option, 0) }),
        plugins: [plugin],
        objectives: { value: 'maximise' },
        budget: { maxTrials: 100 },
        study: memoryStore(),
        seed: 1,
      })
      const genotypes: string[] = []
      for await (const event of search.run())
        if (event.type === 'trial.proposed') genotypes.push(JSON.stringify(event.genotype))
      return genotypes
    }
    const [evolved, drawn] = [await proposalsOf(evolution()), await proposalsOf(random())]
    const same = evolved.map((genotype, i) => genotype === drawn[i])
    expect(same.slice(0, 25)).toEqual(Array(25).fill(true))
    expect(same.slice(25).filter(Boolean).length).toBeLessThan(3)
  })

  it('refuses a wrong option at once', () => {
    expect(() => evolution({ sample: 0 })).toThrow('ARCHLOOM_OPTION')
  })
})
