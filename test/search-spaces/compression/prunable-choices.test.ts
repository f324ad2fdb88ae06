import { seeded } from 'archloom'
import { describe, expect, it } from 'vitest'
import {
  channelSpace,
  constrainedCounts,
  graphBuilder,
  graphCost,
  INPUT,
  type PruningProblem,
  pruningProblem,
  resNetGraph,
  sliceGraph,
  uniformCounts,
  vggGraph,
} from '../../../search-spaces/compression/prunable.ts'

const chained = () => pruningProblem(vggGraph({ layers: [8, 12, 'pool', 16, 16], size: 8 }))
const residual = () => pruningProblem(resNetGraph({ depth: 14, widths: [8, 12, 16], size: 8 }))
const rounded = () => pruningProblem(vggGraph({ layers: [16, 16, 'pool', 32, 32], size: 8 }), { multiple: 8 })
const everything = () =>
  pruningProblem(resNetGraph({ depth: 8, widths: [8, 8, 16], size: 8 }), { groups: 'all', least: 0.1 })

const problems: readonly (readonly [string, () => PruningProblem])[] = [
  ['chained layers', chained],
  ['the inside of residual blocks', residual],
  ['multiples of eight', rounded],
  ['residual streams too', everything],
]

describe.each(problems)('the constraint on %s', (_, make) => {
  const problem = make()
  const rates = [0.3, 0.5, 0.7, 1].filter((rate) => rate >= problem.minimum)
  const wishes = (trial: number) => problem.choices.map((_, i) => seeded(trial).fork(i).float() * 1.2 - 0.1)

  it('CO5 never exceeds the budget, whatever is wished for, after rounding', () => {
    for (let trial = 0; trial < 100; trial++)
      for (const rate of rates) {
        const kept = constrainedCounts(problem, rate, wishes(trial))
        expect(problem.cost(kept)).toBeLessThanOrEqual(rate * problem.multiplyAdds)
        kept.forEach((count, i) => {
          expect(problem.choices[i]?.allowed).toContain(count)
        })
      }
  })

  it('CO6 leaves alone what it has constrained', () => {
    for (let trial = 0; trial < 50; trial++)
      for (const rate of rates) {
        const kept = constrainedCounts(problem, rate, wishes(trial))
        const again = kept.map((count, i) => count / (problem.choices[i]?.channels as number))
        expect(constrainedCounts(problem, rate, again)).toEqual(kept)
      }
  })

  it('keeps everything at rate 1, and no more than the rate with equal shares', () => {
    const whole = problem.choices.map(({ channels }) => channels)
    expect(
      constrainedCounts(
        problem,
        1,
        whole.map(() => 1),
      ),
    ).toEqual(whole)
    expect(uniformCounts(problem, 1)).toEqual(whole)
    for (const rate of rates) {
      const kept = uniformCounts(problem, rate)
      expect(problem.cost(kept)).toBeLessThanOrEqual(rate * problem.multiplyAdds)
      // One channel more in every group would be too much.
      const more = kept.map((count, i) => problem.choices[i]?.allowed.find((each) => each > count) ?? count)
      if (rate < 1) expect(problem.cost(more)).toBeGreaterThan(rate * problem.multiplyAdds)
    }
  })

  it('counts as the sliced network counts', () => {
    const kept = constrainedCounts(problem, rates[1] as number, wishes(1))
    const places = problem.coupling.groups.map(({ channels }) => channels.map((_, place) => place))
    problem.choices.forEach(({ group }, i) => {
      places[group] = Array.from({ length: kept[i] as number }, (_, place) => place)
    })
    expect(graphCost(sliceGraph(problem.graph, problem.coupling, places)).multiplyAdds).toBe(problem.cost(kept))
  })
})

describe('the space of prunings', () => {
  const space = channelSpace(vggGraph({ layers: [4, 6, 'pool', 6], size: 8 }), { rates: [0.4, 0.8] })

  it('has only members within their budget, sampled, mutated and enumerated', () => {
    const rng = seeded(2)
    let genotype = space.random(rng)
    for (let trial = 0; trial < 60; trial++) {
      const { rate, kept } = space.decode(genotype)
      expect(space.problem.cost(kept)).toBeLessThanOrEqual(rate * space.problem.multiplyAdds)
      expect(space.encode({ rate, kept })).toEqual(genotype)
      genotype = trial % 2 ? space.random(rng) : space.mutate(genotype, rng)
    }
    const members = [...space.enumerate()]
    expect(BigInt(members.length)).toBe(space.size)
    const all = space.problem.choices.reduce((size, { allowed }) => size * allowed.length, 2)
    expect(members.length).toBeLessThan(all)
    expect(() => space.encode({ rate: 0.4, kept: [4, 6, 6] })).toThrow('ARCHLOOM_GENOTYPE_CONSTRAINT')
  })

  it('has an upper bound for a size where members are too many to count', () => {
    const large = channelSpace(resNetGraph({ depth: 56, size: 8 }), { rates: [0.5] })
    expect(large.size).toBe(large.problem.choices.reduce((size, { allowed }) => size * BigInt(allowed.length), 1n))
    const { kept } = large.decode(large.random(seeded(1)))
    expect(large.problem.cost(kept)).toBeLessThanOrEqual(0.5 * large.problem.multiplyAdds)
  }, 120_000)

  it('an infeasible rate is ARCHLOOM_PRUNING_INFEASIBLE, and says the least that can be reached', () => {
    const graph = vggGraph({ layers: [8, 8], size: 8 })
    const { minimum } = pruningProblem(graph, { least: 0.5 })
    expect(() => channelSpace(graph, { least: 0.5, rates: [0.9, 0.1] })).toThrow(
      new RegExp(`ARCHLOOM_PRUNING_INFEASIBLE: a share of 0.1 .*${minimum.toFixed(4)}`),
    )
    expect(channelSpace(graph, { least: 0.5, rates: [minimum] }).problem.minimum).toBe(minimum)
    expect(() => uniformCounts(pruningProblem(graph, { least: 0.5 }), 0.1)).toThrow('ARCHLOOM_PRUNING_INFEASIBLE')
  })

  it('options out of range are ARCHLOOM_OPTION', () => {
    const graph = vggGraph({ layers: [8, 8], size: 8 })
    expect(() => pruningProblem(graph, { least: 0 })).toThrow(/ARCHLOOM_OPTION.*least" is 0/)
    expect(() => pruningProblem(graph, { multiple: 2.5 })).toThrow(/ARCHLOOM_OPTION.*multiple" is 2.5/)
    expect(() => channelSpace(graph, { rates: [] })).toThrow(/ARCHLOOM_OPTION.*rates/)
    expect(() => channelSpace(graph, { rates: [30] })).toThrow(/ARCHLOOM_OPTION.*rate" is 30/)
  })

  it('a network without prunable channels is ARCHLOOM_PRUNING_NOTHING', () => {
    const build = graphBuilder(seeded(1))
    const pooled = build.add('pool', { op: 'global-average-pool' }, INPUT)
    const output = build.dense('classifier', pooled, 3, 4)
    expect(() => pruningProblem({ inputShape: [4, 4, 3], nodes: build.nodes, output })).toThrow(
      'ARCHLOOM_PRUNING_NOTHING',
    )
  })
})
