import { describe, expect, it } from 'vitest'
import type { Controller, Observation, Proposal } from '../../../core/controller.ts'
import {
  defineSpace,
  integer,
  oneOf,
  product,
  real,
  repeat,
  type SearchSpace,
  seeded,
  variant,
} from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { tpe, treeParzen } from '../../../plugins/tpe/index.ts'

controllerContract('the Parzen estimator', treeParzen())

type Measure = (genotype: readonly number[]) => number | undefined

function play(space: SearchSpace<unknown>, measure: Measure, trials: number, seed: number, options = {}) {
  const rng = seeded(seed)
  using controller = treeParzen(options)(space, rng)
  const rewards: number[] = []
  for (let trial = 0; trial < trials; trial++) {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    const reward = measure(proposal.genotype)
    rewards.push(reward ?? Number.NEGATIVE_INFINITY)
    controller.observe([
      {
        trial,
        proposal,
        ...(reward !== undefined && { reward }),
        objectives: reward === undefined ? [] : [reward],
        metrics: {},
      },
    ])
  }
  return rewards
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('the tree-structured Parzen estimator', () => {
  it('finds the minimum of a quadratic function of reals and integers much closer than random draws', () => {
    const space = defineSpace('bowl', product({ x: repeat(3, () => real(0, 1)), n: repeat(2, () => integer(0, 40)) }))
    const summit = [0.3, 0.9, 0.5, 0.2, 0.7]
    const bowl: Measure = (g) => -summit.reduce((sum, at, i) => sum + ((i < 3 ? g[i]! : g[i]! / 40) - at) ** 2, 0)
    const best = Array.from({ length: 10 }, (_, seed) => Math.max(...play(space, bowl, 100, seed)))
    const drawn = Array.from({ length: 10 }, (_, seed) => Math.max(...play(space, bowl, 100, seed, { startup: 100 })))
    expect(mean(best)).toBeGreaterThan(mean(drawn) / 4)
  })

  it('learns which branch of a condition is the good one, and tunes it', () => {
    const space = defineSpace(
      'branches',
      variant({ good: product({ x: real(0, 1) }), bad: product({ y: real(0, 1), z: oneOf('a', 'b') }) }),
    )
    const rewards = play(space, (g) => (g[0] === 0 ? 1 - Math.abs(g[1]! - 0.25) : 0.3 * g[2]!), 60, 1)
    expect(Math.max(...rewards)).toBeGreaterThan(0.98)
    expect(rewards.slice(30).filter((reward) => reward > 0.5).length).toBeGreaterThan(24)
  })

  it('proposes no architecture twice while a new one is at hand', () => {
    const space = defineSpace(
      'small',
      repeat(3, () => oneOf('a', 'b', 'c', 'd')),
    )
    const rng = seeded(1)
    using controller = treeParzen({ unique: 1 })(space, rng)
    const seen = new Set<string>()
    for (let trial = 0; trial < 60; trial++) {
      const proposal = proposed(controller.propose(rng.fork(trial)))
      if (trial >= 10) expect(seen.has(space.format(proposal.genotype))).toBe(false)
      seen.add(space.format(proposal.genotype))
      const reward = proposal.genotype[0]!
      controller.observe([{ trial, proposal, reward, objectives: [reward], metrics: {} }])
    }
  })

  it('spreads proposals that are under way at once', () => {
    const space = defineSpace('line', product({ x: real(0, 1) }))
    const rng = seeded(3)
    const start = () => {
      const controller = treeParzen()(space, rng)
      for (let trial = 0; trial < 30; trial++) {
        const proposal: Proposal = { genotype: [trial / 29] }
        controller.observe([{ trial, proposal, reward: -((trial / 29 - 0.5) ** 2), objectives: [], metrics: {} }])
      }
      return controller
    }
    const deviation = (values: readonly number[]) => Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)))
    const placeOf = (controller: Controller, i: number) => proposed(controller.propose(rng.fork(i))).genotype[0]!
    const together = start()
    const indices = Array.from({ length: 20 }, (_, i) => i)
    const [open, alone] = [indices.map((i) => placeOf(together, i)), indices.map((i) => placeOf(start(), i))]
    expect(deviation(open)).toBeGreaterThan(1.5 * deviation(alone))
  })

  it('takes the last of several results of a trial', () => {
    const space = defineSpace('rungs', product({ x: real(0, 1) }))
    const rng = seeded(1)
    using controller = treeParzen()(space, rng)
    const tell = (trial: number, fidelity: number, reward: number) =>
      controller.observe([
        { trial, proposal: { genotype: [trial / 20] }, reward, fidelity, objectives: [reward], metrics: {} },
      ])
    for (let trial = 0; trial < 20; trial++) tell(trial, 0.1, trial)
    expect(tell(3, 1, 0.5)).toMatchObject({ trials: 20, bestReward: 0.5 })
    const near = Array.from({ length: 20 }, (_, i) => proposed(controller.propose(rng.fork(i))).genotype[0]!)
    expect(near.filter((x) => x < 0.5).length).toBeGreaterThan(4)
  })

  it('prefers feasible trials whatever the unit of the objective', () => {
    const space = defineSpace(
      'bound',
      repeat(4, () => integer(0, 9)),
    )
    const feasibleShare = (unit: number) => {
      const rng = seeded(5)
      using controller = treeParzen()(space, rng)
      let feasible = 0
      for (let trial = 0; trial < 120; trial++) {
        const proposal = proposed(controller.propose(rng.fork(trial)))
        const cost = proposal.genotype.reduce((sum, value) => sum + value, 0)
        const violation = Math.max(0, cost - 12) / 12
        if (trial >= 60 && violation === 0) feasible++
        const observation: Observation = {
          trial,
          proposal,
          reward: unit * cost,
          objectives: [unit * cost],
          metrics: {},
          violation,
          feasible: violation === 0,
        }
        controller.observe([observation])
      }
      return feasible / 60
    }
    expect(feasibleShare(1)).toBe(feasibleShare(100))
    expect(feasibleShare(1)).toBeGreaterThan(0.4)
  })

  it('refuses options it does not know, and wrong ones', () => {
    expect(() => tpe({ startups: 3 } as never)).toThrow('ARCHLOOM_OPTION')
    expect(() => tpe({ startup: 0 })).toThrow('ARCHLOOM_OPTION')
  })
})
