import { createSearch, memoryStore } from 'archloom'
import { describe, expect, it } from 'vitest'
import type { Observation } from '../../../core/controller.ts'
import { defineSpace, type Genotype, integer, oneOf, product, repeat, seeded } from '../../../core/index.ts'
import { hypervolume, type Outcome } from '../../../core/policy/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { constrainedFronts, geneticSearch, nsga2, nsga2PopulationFor } from '../../../plugins/nsga2/index.ts'

controllerContract('NSGA-II', geneticSearch({ population: 10 }))

const outcome = (objectives: readonly number[], violation = 0): Outcome => ({
  genotype: [0],
  reward: objectives[0]!,
  objectives,
  violation,
  trial: 0,
  fidelity: 1,
})

describe('constrained fronts', () => {
  it('put feasible points in non-dominated fronts, infeasible ones after them by violation, failed ones nowhere', () => {
    const [a, b, c] = [outcome([1, 3]), outcome([3, 1]), outcome([1, 1])]
    const [near, far] = [outcome([9, 9], 0.1), outcome([99, 99], 2)]
    const failed: Outcome = { genotype: [0], objectives: [], violation: 0, trial: 0, fidelity: 1 }
    expect(constrainedFronts([far, c, failed, b, near, a])).toEqual([[b, a], [c], [near], [far]])
    expect(constrainedFronts([failed])).toEqual([])
  })
})

/** A front of 13 points: more ones at the front of the genotype earn the first objective and cost the second. */
const space = defineSpace('trade', product({ bits: repeat(12, () => oneOf('a', 'b', 'c')), n: integer(0, 9) }))
const objectivesOf = (genotype: Genotype): readonly number[] => {
  const ones = genotype.slice(0, 12).filter((value) => value === 1).length
  const twos = genotype.slice(0, 12).filter((value) => value === 2).length
  return [ones - genotype[12]! / 10, 12 - ones - twos - genotype[12]! / 10]
}

function front(factory: ReturnType<typeof geneticSearch>, trials: number, seed: number) {
  const rng = seeded(seed)
  using controller = factory(space, rng)
  const points: (readonly number[])[] = []
  for (let trial = 0; trial < trials; trial++) {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    const objectives = objectivesOf(proposal.genotype)
    points.push(objectives)
    controller.observe([{ trial, proposal, reward: objectives[0]!, objectives, metrics: {} }])
  }
  return hypervolume(points, [-2, -2])
}

describe('NSGA-II', () => {
  it('covers a larger part of the front than random draws', () => {
    const volumes = (size: number) =>
      Array.from({ length: 5 }, (_, seed) => front(geneticSearch({ population: size }), 300, seed))
    const [evolved, drawn] = [volumes(20), volumes(300)]
    expect(Math.min(...evolved)).toBeGreaterThan(Math.max(...drawn))
  })

  it('keeps to the bounds, by the same way in any unit', () => {
    const play = (unit: number) => {
      const rng = seeded(1)
      using controller = geneticSearch({ population: 10 })(space, rng)
      const violations: number[] = []
      for (let trial = 0; trial < 200; trial++) {
        const proposal = proposed(controller.propose(rng.fork(trial)))
        const objectives = objectivesOf(proposal.genotype).map((value) => unit * value)
        const violation = Math.max(0, proposal.genotype[12]! - 1)
        violations.push(violation)
        const observation: Observation = {
          trial,
          proposal,
          reward: objectives[0]!,
          objectives,
          metrics: {},
          violation,
          feasible: violation === 0,
        }
        controller.observe([observation])
      }
      return violations
    }
    expect(play(1)).toEqual(play(1000))
    // Random draws keep to the bound in a fifth of the cases.
    expect(
      play(1)
        .slice(100)
        .filter((violation) => violation === 0).length,
    ).toBeGreaterThan(70)
  })

  it('has a population that follows the budget', async () => {
    expect([1, 200, 600, 5000, Number.POSITIVE_INFINITY].map(nsga2PopulationFor)).toEqual([10, 10, 30, 50, 50])
    await using search = createSearch({
      space,
      evaluator: ({ n }) => ({ n }),
      plugins: [nsga2()],
      objectives: { n: 'minimise' },
      budget: { maxTrials: 60 },
      study: memoryStore(),
      seed: 1,
    })
    const populations: number[] = []
    for await (const event of search.run())
      if (event.type === 'controller.updated') populations.push(event.diagnostics.population ?? -1)
    expect(Math.max(...populations)).toBe(10)
  })

  it('refuses options it does not know, and wrong ones', () => {
    expect(() => nsga2({ populaton: 10 } as never)).toThrow('population')
    expect(() => nsga2({ population: 1 })).toThrow('ARCHLOOM_OPTION')
  })
})
