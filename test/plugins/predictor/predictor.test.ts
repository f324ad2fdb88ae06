import { defineSpace, oneOf, product, real, repeat, type SearchSpace, seeded, variant } from 'archloom'
import { predictorSearch } from 'archloom/plugins/predictor'
import { randomSearch } from 'archloom/plugins/random'
import { controllerContract, proposed } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import type { ControllerFactory } from '../../../core/controller.ts'
import { bootstrapSample, goesLeft, regressionTree, treeValue } from '../../../core/policy/regression-tree.ts'

controllerContract('predictor-guided evolution', predictorSearch({ startup: 4, members: 4, candidates: 20 }))

type Measure = (genotype: readonly number[]) => number | undefined

function play(space: SearchSpace, factory: ControllerFactory, measure: Measure, trials: number, seed: number) {
  const rng = seeded(seed)
  using controller = factory(space, rng)
  return Array.from({ length: trials }, (_, trial) => {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    const reward = measure(proposal.genotype)
    const objectives = reward === undefined ? [] : [reward]
    controller.observe([{ trial, proposal, ...(reward !== undefined && { reward }), objectives, metrics: {} }])
    return { genotype: proposal.genotype, reward: reward ?? Number.NEGATIVE_INFINITY }
  })
}

describe('predictor-guided evolution', () => {
  it('finds the best of 65,536 architectures whose choices interact, where random search does not', () => {
    const space = defineSpace('pairs', product({ c: repeat(8, () => oneOf('a', 'b', 'c', 'd')) })) as SearchSpace
    const rng = seeded(5)
    const single = Array.from({ length: 32 }, () => rng.normal())
    const pair = Array.from({ length: 8 * 32 * 4 }, () => 0.5 * rng.normal())
    const measure = (g: readonly number[]) =>
      g.reduce(
        (sum, a, i) =>
          sum + single[4 * i + a]! + g.slice(i + 1).reduce((s, b, k) => s + pair[((8 * i + k) * 4 + a) * 4 + b]!, 0),
        0,
      )
    const best = Math.max(...[...space.enumerate()].map(measure))
    const gaps = (factory: ControllerFactory) =>
      [1, 2, 3, 4, 5].map((seed) => best - Math.max(...play(space, factory, measure, 150, seed).map((t) => t.reward)))
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(gaps(predictorSearch()))).toBeLessThan(mean(gaps(randomSearch())) / 3)
  })

  it('does not mind the unit, nor trials that fail', () => {
    const space = defineSpace(
      'branch',
      variant({ good: product({ x: real(0, 1), y: real(0, 1) }), bad: product({ z: oneOf('a', 'b') }) }),
    ) as SearchSpace
    const of = (unit: number) =>
      play(
        space,
        predictorSearch(),
        (g) => (g[0] === 1 ? undefined : unit * (1 - Math.abs(g[1]! - 0.3) - g[2]!)),
        60,
        2,
      )
    const [small, large] = [of(1e-6), of(1e6)]
    expect(small.map(({ genotype }) => genotype)).toEqual(large.map(({ genotype }) => genotype))
    // Half of the random draws fail; of the later trials hardly any.
    expect(small.slice(30).filter(({ reward }) => reward === Number.NEGATIVE_INFINITY).length).toBeLessThan(4)
    expect(Math.max(...large.map(({ reward }) => reward))).toBeGreaterThan(0.85e6)
  })

  it('proposes no architecture twice while a quarter of the space is new', () => {
    const space = defineSpace('small', product({ c: repeat(4, () => oneOf(0, 1, 2, 3)) })) as SearchSpace
    const trials = play(space, predictorSearch(), (g) => g[0]! + g[1]!, 64, 3)
    expect(new Set(trials.map(({ genotype }) => genotype.join())).size).toBeGreaterThan(60)
  })
})

describe('regression trees', () => {
  const rng = seeded(1)
  const rows = Array.from({ length: 200 }, () => [rng.float(), rng.int(5), rng.float()])
  const table = {
    columns: [{ kind: 'ordered' }, { kind: 'categories', count: 5 }, { kind: 'ordered' }] as const,
    rows,
    targets: rows.map(([x, c]) => (x! > 0.5 ? 3 : 0) + (c === 1 || c === 4 ? 1 : 0)),
  }

  it('the best split is the one of least squared error, and categories are split into the best subset', () => {
    const tree = regressionTree(table, { rng: seeded(2) })
    expect(tree.column).toBe(0)
    expect(Math.abs(tree.threshold! - 0.5)).toBeLessThan(0.05)
    for (const side of [tree.left!, tree.right!]) {
      expect(side.column).toBe(1)
      const left = [...side.subset!]
      expect(left[1]).toBe(left[4])
      expect(left[0]).not.toBe(left[1])
    }
    for (const [i, row] of rows.entries()) expect(treeValue(tree, row)).toBe(table.targets[i])
  })

  it('random splits learn the rows by heart too, and respect the size of leaves', () => {
    const tree = regressionTree(table, { splits: 'random', rng: seeded(3) })
    for (const [i, row] of rows.entries()) expect(treeValue(tree, row)).toBeCloseTo(table.targets[i]!, 12)
    const coarse = regressionTree(table, { splits: 'random', leafRows: 20, rng: seeded(3) })
    const count = new Map<number, number>()
    for (const row of rows) {
      let [node, path] = [coarse, 1]
      while (node.column !== undefined) {
        const left = goesLeft(node, row[node.column]!)
        node = left ? node.left! : node.right!
        path = 2 * path + Number(left)
      }
      count.set(path, (count.get(path) ?? 0) + 1)
    }
    expect(Math.min(...count.values())).toBeGreaterThanOrEqual(20)
    expect(() => regressionTree(table, { leafRow: 2, rng: seeded(1) } as never)).toThrow(/ARCHLOOM_OPTION.*leafRows/)
    expect(bootstrapSample(5, seeded(1))).toEqual(bootstrapSample(5, seeded(1)))
  })
})
