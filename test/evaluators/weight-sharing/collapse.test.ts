import { createSearch, defineSpace, memoryStore, oneOf, product } from 'archloom'
import { nasBench201Table } from 'archloom/evaluators/tabular'
import { collapseWatch, operationShares, uniformEntropy, weightSharing } from 'archloom/evaluators/weight-sharing'
import { enas } from 'archloom/plugins/enas'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { formatArchString, nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { edgeOperations, operationNames } from '../../../search-spaces/operations/index.ts'
import { itWithData } from '../../conditional-suites.ts'
import { eventsOf, plantedData, plantedSpace } from './planted.ts'

const space = nasBench201Space()
const allSkips = space.parse('111111')
const likeliest = 'the likeliest architecture'
const derived = 'the derived architecture'
const codes = (warnings: readonly { readonly code: string }[]) => warnings.map(({ code }) => code)

describe('the cell of skip connections alone, which DARTS and ENAS end in on NAS-Bench-201', () => {
  it('is warned of', () => {
    const watch = collapseWatch(space)
    const warnings = watch.architecture(allSkips, derived)
    expect(codes(warnings)).toEqual(['ARCHLOOM_COLLAPSE_SKIPS', 'ARCHLOOM_COLLAPSE_PARAMETER_FREE'])
    expect(warnings[0]?.message).toMatch(/^the derived architecture "111111" has skip connections in 6 of 6 places/)
    expect(formatArchString(space.decode(allSkips))).toBe(
      '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|',
    )
  })

  itWithData('scores 54.30 / 15.61 / 16.32', ['nas/nb201.csv.gz'], () => {
    const accuracies = (['cifar10', 'cifar100', 'imagenet16'] as const).map((dataset) => {
      const { metrics } = nasBench201Table({ dataset }).lookup(space.decode(allSkips), 1)
      return (100 * (metrics.testAccuracy as number)).toFixed(2)
    })
    expect(accuracies).toEqual(['54.30', '15.61', '16.32'])
  })

  itWithData('and what is warned of is worse than the rest', ['nas/nb201.csv.gz'], () => {
    const table = nasBench201Table({ protocol: 'oracle' })
    const [warned, free, fine]: [number[], number[], number[]] = [[], [], []]
    for (const genotype of space.enumerate()) {
      const accuracy = 100 * (table.lookup(space.decode(genotype), 1).metrics.accuracy as number)
      const { skips, parameterFree, operations } = operationShares(space, genotype)
      ;(skips > 3 ? warned : fine).push(accuracy)
      if (parameterFree === operations) free.push(accuracy)
    }
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect([warned.length, mean(warned).toFixed(1), mean(fine).toFixed(1)]).toEqual([265, '81.9', '87.2'])
    expect([free.length, mean(free).toFixed(1)]).toEqual([729, '66.3'])
  })
})

describe('a watch', () => {
  it('says each thing once for the likely and once for the derived architectures', () => {
    const watch = collapseWatch(space)
    expect(watch.architecture(allSkips, likeliest)).toHaveLength(2)
    expect(watch.architecture(allSkips, likeliest)).toEqual([])
    expect(watch.architecture(allSkips, derived)).toHaveLength(2)
  })

  it('is silent on architectures that can be trained, and when it is turned off', () => {
    const watch = collapseWatch(space)
    for (const genotype of ['333333', '131323', '111333', '004334'])
      expect(watch.architecture(space.parse(genotype), derived)).toEqual([])
    expect(collapseWatch(space, false).architecture(allSkips, derived)).toEqual([])
    expect(collapseWatch(space, false).entropy(0, 1)).toEqual([])
  })

  it('warns of skips and of missing weights apart', () => {
    expect(codes(collapseWatch(space).architecture(space.parse('111133'), derived))).toEqual([
      'ARCHLOOM_COLLAPSE_SKIPS',
    ])
    expect(codes(collapseWatch(space).architecture(space.parse('404040'), derived))).toEqual([
      'ARCHLOOM_COLLAPSE_PARAMETER_FREE',
    ])
  })

  it('warns once of a policy without entropy', () => {
    const watch = collapseWatch(space)
    const most = uniformEntropy(space, allSkips)
    expect(most).toBeCloseTo(6 * Math.log(5), 12)
    expect(watch.entropy(most, most)).toEqual([])
    expect(watch.entropy(0.06 * most, most)).toEqual([])
    expect(codes(watch.entropy(0.04 * most, most))).toEqual(['ARCHLOOM_COLLAPSE_ENTROPY'])
    expect(watch.entropy(0, most)).toEqual([])
  })

  it('counts the operations of cells, and finds none in chains', () => {
    const cells = cellSpace()
    const shares = operationShares(cells, cells.random(seeded(1)))
    expect(shares.operations).toBe(16)
    expect(shares.parameterFree).toBeGreaterThanOrEqual(shares.skips)
    const chain = chainSpace()
    const genotype = chain.random(seeded(1))
    expect(operationShares(chain, genotype)).toEqual({ operations: 0, skips: 0, parameterFree: 0 })
    expect(collapseWatch(chain).architecture(genotype, derived)).toEqual([])
  })

  it('takes names and shares of your own, and refuses others', () => {
    const own = defineSpace(
      'own',
      product({ a: oneOf('pass', 'mlp'), b: oneOf('pass', 'mlp'), c: oneOf('pass', 'mlp') }),
    )
    expect(collapseWatch(own).architecture([0, 0, 0], derived)).toEqual([])
    expect(codes(collapseWatch(own, { skips: ['pass'], skipShare: 0.2 }).architecture([0, 1, 1], derived))).toEqual([
      'ARCHLOOM_COLLAPSE_SKIPS',
    ])
    expect(() => collapseWatch(own, { skipShare: 2 })).toThrow('ARCHLOOM_OPTION')
  })

  it('knows which operations have no weights', () => {
    const nasBench = defineSpace('every operation', product({ op: oneOf(...operationNames, 'other') }))
    expect(operationNames.length).toBeGreaterThan(8)
    operationNames.forEach((name, index) => {
      const form = { channelsIn: 8, channelsOut: 8 }
      const { parameters } = edgeOperations[name].cost(form)({ height: 8, width: 8, channels: 8 })
      expect(operationShares(nasBench, [index]).parameterFree, name).toBe(parameters === 0 ? 1 : 0)
    })
  })
})

describe('a search', () => {
  const search = (collapse?: false) =>
    createSearch({
      // A policy that has learnt one architecture by heart: only zero entropy is left.
      space: plantedSpace(),
      evaluator: weightSharing({ data: plantedData, batchSize: 96, engine: 'wasm' }),
      plugins: [
        enas({
          epochs: 2,
          policySteps: 40,
          policyBatch: 2,
          controller: { hidden: 8, tanhConstant: null, learningRate: 0.5, entropyWeight: 0 },
          candidates: 1,
          ...(collapse === false && { collapse }),
        }),
      ],
      objectives: { accuracy: 'maximise' },
      budget: {},
      study: memoryStore(),
    })

  it('warns by default in its events, and not if this is switched off', async () => {
    await using watched = search()
    const warnings = (await eventsOf(watched)).filter((event) => event.type === 'search.warning')
    expect(codes(warnings)).toContain('ARCHLOOM_COLLAPSE_ENTROPY')
    await using unwatched = search(false)
    expect((await eventsOf(unwatched)).filter((event) => event.type === 'search.warning')).toEqual([])
  })
})
