import { createSearch, memoryStore } from 'archloom'
import { proposed } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import type { ControllerFactory } from '../../core/controller.ts'
import { seeded } from '../../core/random.ts'
import { stockSpaces } from '../../core/testing/index.ts'
import { nasBench201Table } from '../../evaluators/tabular/index.ts'
import { annealing } from '../../plugins/annealing/index.ts'
import { cmaEs } from '../../plugins/cma-es/index.ts'
import { evolution, regularizedEvolution } from '../../plugins/evolution/index.ts'
import { gp } from '../../plugins/gp/index.ts'
import { hillClimbing, localSearch } from '../../plugins/local-search/index.ts'
import { nsga2 } from '../../plugins/nsga2/index.ts'
import { predictor } from '../../plugins/predictor/index.ts'
import { random, randomSearch } from '../../plugins/random/index.ts'
import { policySearch, reinforce } from '../../plugins/reinforce/index.ts'
import { sobol } from '../../plugins/sobol/index.ts'
import { tpe } from '../../plugins/tpe/index.ts'
import { nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'
import { describeWithData } from '../conditional-suites.ts'

describe.each([
  ['random', () => random(), 'li2020random'],
  ['evolution', () => evolution({ population: 5, sample: 3 }), 'real2019regularized'],
  ['reinforce', () => reinforce({ hidden: 8 }), 'zoph2017neural'],
  ['local-search', () => localSearch(), 'white2021exploring'],
  ['tpe', () => tpe({ startup: 4 }), 'watanabe2023tree'],
  ['gp', () => gp({ startup: 4, candidates: 10 }), 'ament2023unexpected'],
  ['annealing', () => annealing({ startup: 4 }), 'kirkpatrick1983optimization'],
  ['cma-es', () => cmaEs({ population: 4 }), 'hansen2016cma'],
  ['sobol', () => sobol(), 'joe2008constructing'],
  ['predictor', () => predictor({ startup: 4 }), 'white2021bananas'],
  ['nsga2', () => nsga2({ population: 4 }), 'deb2002fast'],
] as const)('the plugin %s', (name, plugin, citation) => {
  it.each([
    ['infinitely good', Number.NEGATIVE_INFINITY],
    ['so good that its square is no number', -1e300],
  ])('goes on after an objective that is %s', async (_, value) => {
    const [space] = stockSpaces()
    let trial = 0
    await using search = createSearch({
      space: space as NonNullable<typeof space>,
      evaluator: () => ({ loss: trial++ % 3 === 1 ? value : 1 / trial }),
      plugins: [plugin()],
      objectives: { loss: 'minimise' },
      budget: { maxTrials: 20 },
      study: memoryStore(),
      seed: 1,
    })
    const { completed } = await search.finish()
    expect(completed).toBeGreaterThan(10)
    expect(search.best(1)[0]!.metrics.loss).toBe(value)
  })

  it('composes a search, which runs, describes and cites itself', async () => {
    const [space] = stockSpaces()
    await using search = createSearch({
      space: space as NonNullable<typeof space>,
      evaluator: () => ({ value: 1 }),
      plugins: [plugin()],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 12 },
      study: memoryStore(),
      seed: 1,
    })
    let completed = 0
    for await (const event of search.run()) if (event.type === 'trial.completed') completed++
    expect(completed).toBe(12)
    expect(search.describe()).toContain(name)
    expect(search.cite()).toContain(citation)
  })
})

/** Best mean CIFAR-10 test accuracy (percent, 200 epochs) after 200 evaluations: mean and standard deviation over seeds. */
function bestAfter200(factory: ControllerFactory, seeds: number) {
  const table = nasBench201Table({ protocol: 'oracle' })
  const space = nasBench201Space()
  const bests = Array.from({ length: seeds }, (_, seed) => {
    const rng = seeded(seed)
    using controller = factory(space, rng.fork('controller'))
    let best = 0
    for (let trial = 0; trial < 200; trial++) {
      const proposal = proposed(controller.propose(rng.fork(`propose/${trial}`)))
      const reward = 100 * (table.lookup(space.decode(proposal.genotype), 1).metrics.accuracy as number)
      best = Math.max(best, reward)
      controller.observe([{ trial, proposal, reward, objectives: [reward], metrics: {} }])
    }
    return best
  })
  const mean = bests.reduce((sum, best) => sum + best, 0) / seeds
  return { mean, sd: Math.sqrt(bests.reduce((sum, best) => sum + (best - mean) ** 2, 0) / (seeds - 1)) }
}

describeWithData('on the NAS-Bench-201 table', ['nas/nb201.csv.gz'], () => {
  it('evolution reaches 94.36 ± 0.07 and random search 93.98 in 200 evaluations', () => {
    const evolved = bestAfter200(regularizedEvolution({ population: 10, sample: 10 }), 200)
    expect(Math.abs(evolved.mean - 94.36)).toBeLessThan(0.015)
    expect(evolved.sd).toBeLessThan(0.1)
    expect(Math.abs(bestAfter200(randomSearch(), 200).mean - 93.98)).toBeLessThan(0.04)
  })

  it('local search and REINFORCE stand between, or above', () => {
    expect(bestAfter200(hillClimbing(), 50).mean).toBeGreaterThan(94.28)
    expect(bestAfter200(policySearch({ policy: 'categorical' }), 50).mean).toBeGreaterThan(94.2)
    expect(bestAfter200(policySearch(), 10).mean).toBeGreaterThan(93.98)
  })
})
