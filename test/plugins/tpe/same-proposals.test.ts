import { createHash } from 'node:crypto'
import {
  defineSpace,
  type Genotype,
  integer,
  oneOf,
  type Proposal,
  product,
  real,
  repeat,
  type SearchSpace,
  seeded,
  variant,
} from 'archloom'
import { type TpeOptions, treeParzen } from 'archloom/plugins/tpe'
import { describe, expect, it } from 'vitest'

const spaces = {
  mixed: product({
    reals: repeat(4, () => real(0, 1)),
    integers: repeat(3, () => integer(0, 9)),
    categories: repeat(3, () => oneOf('a', 'b', 'c', 'd')),
  }),
  choices: product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) }),
  conditional: variant({
    small: product({ width: integer(1, 8), rate: real(1e-5, 1, { scale: 'log' }) }),
    large: product({ width: integer(1, 500), kind: oneOf('x', 'y', 'z'), depth: repeat(2, () => integer(1, 4)) }),
  }),
}

/** All proposals of a search of `trials` trials, three of them open at any time. */
function proposalsOf(name: keyof typeof spaces, trials: number, objectives: number, options: TpeOptions = {}) {
  const space = defineSpace(name, spaces[name] as never) as SearchSpace
  const rng = seeded(7)
  using controller = treeParzen(options)(space, rng.fork('controller'))
  const near = (genotype: Genotype, centre: number) =>
    -genotype.reduce((sum, value, d) => {
      const decision = space.decisions[d]!
      if (!space.isActive(genotype, d)) return sum
      const share = decision.kind === 'real' ? value / decision.max : value / (decision.options.length - 1)
      return sum + (share - ((centre * (d + 1)) % 1)) ** 2
    }, 0)
  const open: { readonly trial: number; readonly proposal: Proposal }[] = []
  const all: Genotype[] = []
  for (let trial = 0; trial < trials; trial++) {
    const proposal = controller.propose(rng.fork(`propose/${trial}`)) as Proposal
    all.push(proposal.genotype)
    open.push({ trial, proposal })
    if (open.length < 3) continue
    const oldest = open.shift()!
    const values = [0.37, 0.71].slice(0, objectives).map((centre) => near(oldest.proposal.genotype, centre))
    // Every eleventh trial fails.
    const failed = oldest.trial % 11 === 10
    controller.observe([
      failed
        ? { ...oldest, objectives: [], metrics: {} }
        : { ...oldest, reward: values[0]!, objectives: values, metrics: {} },
    ])
  }
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16)
}

// Faster code must not change what is proposed: a study that is resumed with a newer version repeats its proposals.
describe('the proposals of earlier versions are repeated', () => {
  it.each([
    ['mixed', 300, 1, {}, '4a6343da290901ec'],
    ['mixed', 150, 2, {}, 'eb18ee6ef8dfd9f0'],
    ['mixed', 120, 1, { kernels: 20, candidates: 8 }, '46cf42e583787df8'],
    ['choices', 300, 1, {}, '056d49637915362c'],
    ['conditional', 300, 1, {}, '3d51949e89e90a3b'],
  ] as const)(
    'in the space %s, %d trials, %d objectives, options %j',
    (name, trials, objectives, options, expected) => {
      expect(proposalsOf(name, trials, objectives, options)).toBe(expected)
    },
  )
})
