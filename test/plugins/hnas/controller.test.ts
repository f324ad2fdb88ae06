import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { hierarchicalPolicy, hierarchyOf, policyLearner } from '../../../plugins/hnas/index.ts'
import { cellSpace } from '../../../search-spaces/cell/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

const published = hierarchyOf(superResolutionSpace())
const tinySpace = superResolutionSpace({ nodes: 1, cells: 3, channels: 3 })
const tiny = hierarchyOf(tinySpace)
const size = (parameters: readonly { readonly value: Float64Array }[]) =>
  parameters.reduce((sum, { value }) => sum + value.length, 0)

/** All genotypes of the tiny space with given blocks: 2·2 inputs and operations of one node each, then the position. */
const positionsOf = (choices: readonly number[], count: number) =>
  Array.from({ length: count }, (_, position) => [...choices.slice(0, -1), position])

describe('the hierarchical controller', () => {
  it('2h has 348,323 parameters: 102,606 + 102,405 + 143,312', () => {
    const { parameters, trained } = hierarchicalPolicy(published, seeded(1))
    const of = (prefix: string) => size(parameters.filter(({ name }) => name.startsWith(`${prefix}/`)))
    expect([of('normal'), of('upsampling'), of('position')]).toEqual([102_606, 102_405, 143_312])
    expect(size(parameters)).toBe(348_323)
    // A head of twelve that nothing is computed with.
    expect(size(parameters) - size(trained)).toBe(12 * 100 + 12)
  })

  it('begins uniform in ±0.1, the bias of the normal head alone at zero', () => {
    const { parameters } = hierarchicalPolicy(published, seeded(1), { hidden: 8 })
    for (const { name, value } of parameters) {
      expect(Math.max(...value), name).toBeLessThanOrEqual(0.1)
      expect(
        value.every((x) => x === 0),
        name,
      ).toBe(name === 'normal/operation/bias')
    }
  })

  it('2h gives the twelve positions probabilities that sum to 1, and −ln 12 each where they are alike', () => {
    const policy = hierarchicalPolicy(published, seeded(2), { hidden: 8 })
    const { genotype } = policy.sample(seeded(3))
    const probabilities = positionsOf(genotype, 12).map((choices) => policy.score(choices).logProbability)
    const [first = 0] = probabilities
    for (const { name, value } of policy.parameters) if (name === 'position/attention/score') value.fill(0)
    const alike = positionsOf(genotype, 12).map((choices) => policy.score(choices).logProbability)
    expect(new Set(alike).size).toBe(1)
    // What the blocks contribute is the same with any position.
    const ofBlocks = alike[0]! + Math.log(12)
    expect(-Math.log(12)).toBeCloseTo(-2.4849, 4)
    expect(probabilities.reduce((sum, value) => sum + Math.exp(value - ofBlocks), 0)).toBeCloseTo(1, 10)
    expect(first).not.toBe(alike[0])
  })

  it('decides for each node two inputs, then two operations; choices and genotypes are one to one', () => {
    const space = superResolutionSpace()
    const names = published.process.decisions.map(({ name }) => name)
    expect(names.slice(0, 5)).toEqual([
      'normal.0.left.input',
      'normal.0.right.input',
      'normal.0.left.op',
      'normal.0.right.op',
      'normal.1.left.input',
    ])
    expect(names).toHaveLength(33)
    expect(names.at(-1)).toBe('position')
    const policy = hierarchicalPolicy(published, seeded(1), { hidden: 4 })
    const rng = seeded(4)
    for (let i = 0; i < 20; i++) {
      const { genotype: choices } = policy.sample(rng)
      const genotype = published.toGenotype(choices)
      expect(space.validate(genotype).ok).toBe(true)
      expect(published.toChoices(genotype)).toEqual(choices)
    }
  })

  it('conditions the position on both blocks; the flat one does not', () => {
    const positions = (hierarchical: boolean) => {
      const policy = hierarchicalPolicy(tiny, seeded(5), { hidden: 8, hierarchical })
      return [
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 5, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 4, 0, 0],
      ].map((choices) => {
        const [a = 0, b = 0] = positionsOf(choices, 2).map((each) => policy.score(each).logProbability)
        return a - b
      })
    }
    const [one, two, three] = positions(true)
    expect(two).not.toBe(one)
    expect(three).not.toBe(one)
    const flat = positions(false)
    for (const value of flat) expect(value).toBeCloseTo(flat[0] as number, 13)
  })

  it('has the gradient of its loss: ten times the position, through both blocks', () => {
    const policy = hierarchicalPolicy(tiny, seeded(6), { hidden: 3 })
    const choices = [1, 0, 3, 2, 0, 1, 4, 1, 2]
    const [onLog, onEntropy] = [-0.7, -0.3]
    policy.differentiate(choices, onLog, onEntropy)
    const analytic = policy.parameters.map(({ gradient }) => gradient.slice())
    /** ln p and entropy of the blocks, and of the position ten times. */
    const loss = () => {
      const all = policy.score(choices)
      const each = positionsOf(choices, 3).map((other) => policy.score(other).logProbability)
      const total = Math.log(each.reduce((sum, value) => sum + Math.exp(value), 0))
      const ln = each.map((value) => value - total)
      const position = { ln: ln[2] as number, entropy: -ln.reduce((sum, value) => sum + Math.exp(value) * value, 0) }
      return onLog * (all.logProbability + 9 * position.ln) + onEntropy * (all.entropy + 9 * position.entropy)
    }
    const step = 1e-6
    for (const [at, { name, value }] of policy.parameters.entries())
      for (const i of [0, value.length - 1]) {
        const kept = value[i] as number
        value[i] = kept + step
        const up = loss()
        value[i] = kept - step
        const down = loss()
        value[i] = kept
        expect((analytic[at] as Float64Array)[i], `${name}[${i}]`).toBeCloseTo((up - down) / (2 * step), 6)
      }
  })

  it('refuses spaces that are not two blocks and a position', () => {
    expect(() => hierarchyOf(cellSpace())).toThrow('ARCHLOOM_HNAS_SPACE')
  })
})

describe('the policy learner', () => {
  it('2h has advantage exactly 0 at the first reward of every epoch', () => {
    const learner = policyLearner(tiny, seeded(7), { hidden: 4 })
    const { genotype } = learner.policy.sample(seeded(8))
    learner.enterEpoch(0)
    expect(learner.update(genotype, 6).advantage).toBe(0)
    const second = learner.update(genotype, 7)
    expect(second.baseline).toBeCloseTo(0.95 * 6 + 0.05 * 7, 12)
    expect(second.advantage).toBeCloseTo(0.95, 12)
    learner.enterEpoch(1)
    expect(learner.baseline).toBeUndefined()
    expect(learner.update(genotype, -3).advantage).toBe(0)
  })

  it('halves its step from an epoch on', () => {
    const moved = (epoch: number) => {
      const learner = policyLearner(tiny, seeded(7), { hidden: 4, halveAtEpoch: 2, weightDecay: 0 })
      const before = learner.policy.trained.map(({ value }) => value.slice())
      learner.enterEpoch(epoch)
      learner.update([0, 0, 0, 0, 0, 0, 0, 0, 0], 1)
      return learner.policy.trained.flatMap(({ value }, at) =>
        [...value].map((x, i) => x - (before[at]?.[i] as number)),
      )
    }
    const [whole, half] = [moved(1), moved(2)]
    expect(Math.max(...whole)).toBeGreaterThan(1e-4)
    for (const [i, value] of whole.entries()) expect(half[i]).toBeCloseTo(value / 2, 12)
  })

  it('learns what is rewarded, goes on from a snapshot as if nothing had been, and leaves the unused head alone', () => {
    const options = { hidden: 8, learningRate: 0.02, entropyWeight: 0, freshBaseline: false } as const
    const learner = policyLearner(tiny, seeded(9), options)
    const rng = seeded(10)
    const reward = (choices: readonly number[]) => (choices[8] === choices[4] ? 1 : 0)
    const run = (own: typeof learner, steps: number, random: typeof rng) =>
      Array.from({ length: steps }, () => {
        const { genotype } = own.policy.sample(random)
        return own.update(genotype, reward(genotype)).reward as number
      })
    const unused = () => learner.policy.parameters.filter((p) => !learner.policy.trained.includes(p))
    const before = unused().map(({ value }) => [...value])
    run(learner, 300, rng)
    const mean = run(learner, 100, rng).reduce((a, b) => a + b, 0) / 100
    expect(mean).toBeGreaterThan(0.9)
    expect(unused().map(({ value }) => [...value])).toEqual(before)

    const other = policyLearner(tiny, seeded(11), options)
    other.restore(JSON.parse(JSON.stringify(learner.snapshot())))
    expect(run(other, 20, seeded(12))).toEqual(run(learner, 20, seeded(12)))
    expect(other.snapshot()).toEqual(learner.snapshot())
  })
})
