import { proposed } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import type { Controller, Proposal } from '../../../core/controller.ts'
import { seeded } from '../../../core/random.ts'
import { deduped } from '../../../core/search/wrappers.ts'
import { defineSpace, type Genotype, integer, repeat } from '../../../core/space/index.ts'
import { controllerContract } from '../../../core/testing/index.ts'
import { type HillClimbingOptions, hillClimbing } from '../../../plugins/local-search/index.ts'

controllerContract('hill climbing', hillClimbing())
controllerContract('hill climbing by the first better', hillClimbing({ improvement: 'first' }))
controllerContract('hill climbing of three climbs', hillClimbing({ restarts: 3, steps: 2 }), { learns: false })

const space = defineSpace(
  'grid',
  repeat(3, () => integer(0, 4)),
)
/** One summit, at 4 4 4. */
const height = (genotype: Genotype) => genotype.reduce((sum, value) => sum + value, 0)

function climb(
  controller: Controller,
  trials: number,
  f: (genotype: Genotype) => number | undefined = height,
  parallel = 1,
) {
  const proposals: Proposal[] = []
  for (let trial = 0; trial < trials && controller.exhausted !== true; trial += parallel) {
    const open = Array.from({ length: parallel }, (_, i) => proposed(controller.propose(seeded(trial + i))))
    proposals.push(...open)
    controller.observe(
      open.map((proposal, i) => {
        const reward = f(proposal.genotype)
        return { trial: trial + i, proposal, objectives: [], metrics: {}, ...(reward !== undefined && { reward }) }
      }),
    )
  }
  return proposals
}
const start = (options: HillClimbingOptions) => hillClimbing(options)(space, seeded(1))
const best = (proposals: readonly Proposal[]) => Math.max(...proposals.map(({ genotype }) => height(genotype)))

describe('hill climbing', () => {
  it.each(['best', 'first'] as const)('by the %s improvement ends on the only summit, and says so', (improvement) => {
    using controller = start({ restarts: 1, improvement })
    const proposals = climb(controller, 1000)
    expect(controller.exhausted).toBe(true)
    expect(best(proposals)).toBe(12)
    // No architecture is measured twice in a climb.
    expect(new Set(proposals.map(({ genotype }) => space.format(genotype))).size).toBe(proposals.length)
  })

  it('by the best measures every neighbour before it moves, by the first does not', () => {
    const moves = (improvement: 'best' | 'first') => {
      using controller = start({ restarts: 1, improvement })
      return climb(controller, 1000).length
    }
    // A start, and at each place its 12 neighbours but those seen.
    expect(moves('first')).toBeLessThan(moves('best'))
  })

  it('begins again at a local optimum, from another place', () => {
    using controller = start({})
    const proposals = climb(controller, 120, () => 1)
    // On a plain every start is an optimum: a start and its 12 neighbours a climb.
    const starts = proposals.filter((_, i) => i % 13 === 0).map(({ genotype }) => space.format(genotype))
    expect(new Set(starts).size).toBeGreaterThan(5)
    for (let i = 0; i + 13 <= proposals.length; i += 13)
      for (const { genotype } of proposals.slice(i + 1, i + 13))
        expect(genotype.filter((value, k) => value !== proposals[i]?.genotype[k]).length).toBe(1)
  })

  it('makes at most so many steps a climb', () => {
    using controller = start({ restarts: 1, steps: 1 })
    const proposals = climb(controller, 1000)
    expect(proposals.length).toBe(13)
  })

  it('does not step on failures', () => {
    using controller = start({ restarts: 1 })
    const lame = (genotype: Genotype) => (genotype[0] === 3 ? undefined : height(genotype))
    const proposals = climb(controller, 1000, lame)
    expect(Math.max(...proposals.map(({ genotype }) => lame(genotype) ?? 0))).toBe(12)
  })

  it('in parallel ends on the summit too, and begins the next climb ahead', () => {
    using controller = start({ restarts: 4, improvement: 'best' })
    const proposals = climb(controller, 2000, height, 5)
    expect(best(proposals)).toBe(12)
    expect(controller.exhausted).toBe(true)
  })

  it('gets over proposals that were dropped or replaced on the way', () => {
    using controller = deduped(hillClimbing({ improvement: 'first' }))(space, seeded(1))
    const proposals = climb(controller, 200)
    expect(proposals.length).toBe(125)
    expect(controller.exhausted).toBe(true)
  })

  it('refuses senseless options: ARCHLOOM_OPTION', () => {
    expect(() => hillClimbing({ restarts: 0 })).toThrow('ARCHLOOM_OPTION: local-search: option "restarts" is 0')
    expect(() => hillClimbing({ steps: -1 })).toThrow('or Infinity')
    expect(() => hillClimbing({ improvement: 'worst' as never })).toThrow('"best" or "first"')
  })
})
