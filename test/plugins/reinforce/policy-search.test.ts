import { proposed } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { defineSpace, type Genotype, oneOf, repeat } from '../../../core/space/index.ts'
import { controllerContract } from '../../../core/testing/index.ts'
import { policySearch, type ReinforceOptions } from '../../../plugins/reinforce/index.ts'

controllerContract('REINFORCE', policySearch({ hidden: 16 }), { trials: 30 })
controllerContract('REINFORCE with independent choices', policySearch({ policy: 'categorical', batchSize: 4 }))

const space = defineSpace(
  'words',
  repeat(3, () => oneOf('a', 'b', 'c')),
)

/** Probability of each genotype after the trials, from many proposals. */
function learn(options: ReinforceOptions, trials: number, f: (genotype: Genotype) => number | undefined) {
  using controller = policySearch(options)(space, seeded(1))
  const rng = seeded(2)
  const reports = []
  for (let trial = 0; trial < trials; trial++) {
    const proposal = proposed(controller.propose(rng))
    const reward = f(proposal.genotype)
    reports.push(
      controller.observe([{ trial, proposal, objectives: [], metrics: {}, ...(reward !== undefined && { reward }) }]),
    )
  }
  const drawn = Array.from({ length: 300 }, () => proposed(controller.propose(rng)))
  return {
    drawn,
    reports,
    share: (wanted: (genotype: Genotype) => boolean) => drawn.filter(({ genotype }) => wanted(genotype)).length / 300,
  }
}
const count = (genotype: Genotype) => genotype.filter((value) => value === 1).length

describe('REINFORCE', () => {
  it.each([
    ['lstm', {}],
    ['lstm, one head for all', { share: true }],
    ['lstm, four episodes an update', { batchSize: 4, learningRate: 0.02 }],
    ['categorical', { policy: 'categorical' }],
    ['categorical, without baseline', { policy: 'categorical', baselineDecay: null }],
    ['categorical, plain advantages', { policy: 'categorical', standardise: false, entropyWeight: 0.01 }],
  ] as const)('%s: comes to propose what is rewarded', (_, options) => {
    const { share } = learn({ hidden: 16, ...options }, 250, count)
    expect(share((genotype) => count(genotype) === 3)).toBeGreaterThan(0.5)
  })

  it('learns alike from rewards of any unit and origin', () => {
    const small = learn({ hidden: 8 }, 60, (genotype) => 1e-3 * count(genotype))
    const large = learn({ hidden: 8 }, 60, (genotype) => 1e3 * count(genotype) - 500)
    expect(large.drawn.map(({ genotype }) => genotype)).toEqual(small.drawn.map(({ genotype }) => genotype))
  })

  it('comes to avoid what fails, once it knows what does not', () => {
    const { share } = learn({ policy: 'categorical' }, 250, (genotype) =>
      genotype[0] === 0 ? undefined : 1 + seeded(genotype.join()).float(),
    )
    expect(share((genotype) => genotype[0] === 0)).toBeLessThan(0.1)
  })

  it('says the probability of what it proposes, and how its policy fares', () => {
    const { drawn, reports } = learn({ hidden: 8, batchSize: 2 }, 4, count)
    const [one] = drawn
    expect(Math.exp(one?.logProbability as number)).toBeGreaterThan(0.01)
    expect(reports.map((report) => Object.keys(report).sort())).toEqual([
      ['baseline'],
      ['baseline', 'entropy', 'gradientNorm', 'loss'],
      ['baseline'],
      ['baseline', 'entropy', 'gradientNorm', 'loss'],
    ])
    expect(reports[1]?.entropy).toBeCloseTo(3 * Math.log(3), 2)
  })

  it('refuses senseless options: ARCHLOOM_OPTION', () => {
    for (const [options, words] of [
      [{ policy: 'mlp' as never }, '"lstm" or "categorical"'],
      [{ hidden: 0 }, '"hidden" is 0'],
      [{ learningRate: Number.NaN }, 'a number above 0'],
      [{ entropyWeight: -1 }, 'a number of at least 0'],
      [{ baselineDecay: 1 }, 'in [0, 1)'],
      [{ batchSize: 1.5 }, '"batchSize" is 1.5'],
    ] as const) {
      expect(() => policySearch(options)).toThrow('ARCHLOOM_OPTION')
      expect(() => policySearch(options)).toThrow(words)
    }
  })
})
