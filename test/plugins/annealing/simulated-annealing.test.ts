import { describe, expect, it } from 'vitest'
import { defineSpace, integer, repeat, seeded } from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { annealing, simulatedAnnealing } from '../../../plugins/annealing/index.ts'

controllerContract('simulated annealing', simulatedAnnealing())

const space = defineSpace(
  'hills',
  repeat(4, () => integer(0, 31)),
)
/** Many local maxima; the best is 0, where every decision is 20. */
const height = (genotype: readonly number[]) =>
  -genotype.reduce((sum, value) => sum + (value - 20) ** 2 / 10 + 2 * (1 - Math.cos(value - 20)), 0)

function play(options: Parameters<typeof simulatedAnnealing>[0], seed: number, unit = 1) {
  const rng = seeded(seed)
  using controller = simulatedAnnealing(options)(space, rng)
  const genotypes: (readonly number[])[] = []
  for (let trial = 0; trial < 200; trial++) {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    genotypes.push(proposal.genotype)
    const reward = unit * height(proposal.genotype)
    controller.observe([{ trial, proposal, reward, objectives: [reward], metrics: {} }])
  }
  return genotypes
}
const best = (genotypes: readonly (readonly number[])[]) => Math.max(...genotypes.map(height))
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const seeds = Array.from({ length: 10 }, (_, seed) => seed)

describe('simulated annealing', () => {
  it('ends much higher than random draws', () => {
    const annealed = mean(seeds.map((seed) => best(play({}, seed))))
    const drawn = mean(seeds.map((seed) => best(play({ startup: 200 }, seed))))
    expect(annealed).toBeGreaterThan(drawn / 2)
  })

  it('goes the same way in any unit of the objective', () => {
    // A power of two scales without rounding.
    expect(play({}, 1, 1024)).toEqual(play({}, 1))
  })

  it('takes losses while it is hot, and none when it is cold', () => {
    const losses = (temperature: number) => {
      const rng = seeded(3)
      using controller = simulatedAnnealing({ temperature, cooling: 1 })(space, rng)
      let [before, count] = [Number.NEGATIVE_INFINITY, 0]
      for (let trial = 0; trial < 100; trial++) {
        const proposal = proposed(controller.propose(rng.fork(trial)))
        const reward = height(proposal.genotype)
        const { reward: state = before } = controller.observe([
          { trial, proposal, reward, objectives: [], metrics: {} },
        ])
        if (state < before) count++
        before = state
      }
      return count
    }
    expect(losses(1e-9)).toBe(0)
    expect(losses(10)).toBeGreaterThan(20)
  })

  it('refuses options it does not know, and wrong ones', () => {
    expect(() => annealing({ cool: 0.9 } as never)).toThrow('ARCHLOOM_OPTION')
    expect(() => annealing({ cooling: 2 })).toThrow('ARCHLOOM_OPTION')
  })
})
