/** Identities of what surrounds the projector: policy gradient, rank correlation, the size of the cell space. */
import { describe, expect, it } from 'vitest'
import { tokens } from '../../../core/index.ts'
import { categoricalPolicy } from '../../../core/policy/index.ts'
import { defineSpace, oneOf, product } from '../../../core/space/index.ts'
import { kendallTau, WEIGHT_OPTIMIZER } from '../../../evaluators/weight-sharing/index.ts'
import { dinas } from '../../../plugins/dinas/index.ts'
import { cellSpace } from '../../../search-spaces/cell/index.ts'

describe('around the projector', () => {
  it('DO13 two options of equal probability, rewards 1 and 0, baseline 1/2: the expected ascent is (1/4, −1/4)', () => {
    const space = defineSpace('two', product({ choice: oneOf('good', 'bad') }))
    const policy = categoricalPolicy(space)
    // Each option is drawn half the time; its advantage is reward − baseline.
    policy.differentiate([0], 0.5 * (1 - 0.5), 0)
    policy.differentiate([1], 0.5 * (0 - 0.5), 0)
    const [first, second] = policy.parameters.flatMap(({ gradient }) => [...gradient])
    expect(Math.abs(first as number)).toBeCloseTo(0.25, 12)
    expect(second).toBeCloseTo(-(first as number), 12)
    expect(first as number).toBeGreaterThan(0)
  })

  it('DO14 Kendall τ is 1 for the same order, −1 for the reverse, and does not count a tie', () => {
    const order = [1, 2, 3, 4, 5]
    expect(kendallTau(order, [10, 20, 30, 40, 50])).toBe(1)
    expect(kendallTau(order, [5, 4, 3, 2, 1])).toBe(-1)
    expect(kendallTau([1, 1, 2], [1, 2, 3])).toBeCloseTo(2 / Math.sqrt(6), 12)
  })

  it('DO15 a cell of four nodes and eight operations has (16·24·32·40)² forms', () => {
    const operations = [
      ...(['none', 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect'] as const),
      ...(['sep_conv_3x3', 'sep_conv_5x5', 'dil_conv_3x3', 'dil_conv_5x5'] as const),
    ]
    const forms = 241_591_910_400n
    expect((16n * 24n * 32n * 40n) ** 2n).toBe(forms)
    expect(cellSpace({ operations }).size).toBe(forms ** 2n)
  })

  it('the plugin gives a weight optimizer and asks for shared weights', () => {
    const plugin = dinas({ alpha: 0.5 })
    expect(plugin.provides).toEqual(['weight-optimizer'])
    expect(plugin.needs).toEqual(['evaluator:weight-sharing'])
    expect(plugin.papers.map(({ year }) => year)).toEqual([2021, 2019])
    expect(JSON.parse(JSON.stringify(plugin.options))).toMatchObject({ alpha: 0.5, columns: 'second-moment' })
    let bound: unknown
    plugin.bind({
      bind: (token: unknown) => ({
        to: (value: unknown) => {
          expect(token).toBe(WEIGHT_OPTIMIZER)
          bound = value
        },
        toFactory: () => {},
      }),
    } as unknown as Parameters<typeof plugin.bind>[0])
    expect(typeof bound).toBe('function')
    expect(tokens.token('weight-optimizer')).toBe(WEIGHT_OPTIMIZER)
    expect(() => dinas({ alpha: -1 })).toThrow('ARCHLOOM_OPTION')
    expect(() => dinas({ protect: 'second-moment' } as never)).toThrow(/ARCHLOOM_OPTION.*one of alpha/)
  })
})
