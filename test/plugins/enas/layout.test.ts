import { enas, enasLayout } from 'archloom/plugins/enas'
import { lstmPolicy } from 'archloom/policy'
import { cellSpace } from 'archloom/search-spaces/cell'
import { describe, expect, it } from 'vitest'
import type { ChoiceDecision, SearchSpace } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'

describe('the layout of ENAS', () => {
  const space = cellSpace({
    nodes: 2,
    operations: ['sep_conv_3x3', 'skip_connect', 'avg_pool_3x3'],
  }) as SearchSpace<unknown>
  const options = { tanhConstant: 1.1, operationTanhReduction: 2.5 }

  it('squashes the logits of operations 2.5 times as much as those of inputs', () => {
    const layout = enasLayout(space, options)
    expect(layout).toHaveLength(16)
    space.decisions.forEach(({ name }, index) => {
      expect(layout[index]?.tanhConstant).toBeCloseTo(name.endsWith('op') ? 0.44 : 1.1, 12)
    })
    expect(
      enasLayout(space, { ...options, tanhConstant: null }).every((entry) => entry.tanhConstant === undefined),
    ).toBe(true)
  })

  it('keeps every probability away from 0, whatever is learnt', () => {
    const policy = lstmPolicy(space, seeded(1), { hidden: 8, initialLimit: 50, layout: enasLayout(space, options) })
    // Ratio of two probabilities of one decision at most e^(2c).
    const { genotype, entropy } = policy.mode()
    const uniform = genotype.reduce(
      (sum, _, index) => sum + Math.log((space.decisions[index] as ChoiceDecision).options.length),
      0,
    )
    expect(entropy).toBeGreaterThan(0.6 * uniform)
    expect(entropy).toBeLessThanOrEqual(uniform + 1e-9)
  })

  it('refuses options that mean nothing', () => {
    for (const wrong of [
      { hidden: 0 },
      { candidates: 0 },
      { baselineDecay: 1 },
      { tanhConstant: 0 },
      { entropyWeight: -1 },
    ])
      expect(() => enas(wrong)).toThrow('ARCHLOOM_OPTION')
  })
})
