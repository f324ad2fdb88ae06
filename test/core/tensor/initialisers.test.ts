import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  constant,
  fanInUniform,
  fanOf,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initialiser,
  normal,
  truncatedNormal,
  uniform,
  varianceScaling,
} from '../../../core/tensor/initialisers.ts'

const shape = [3, 3, 40, 50]
const fan = fanOf(shape)
const draw = (initialiser: Initialiser) => initialiser(shape, seeded(5), fan)
const moments = (values: Float32Array) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length }
}

describe('initialisers', () => {
  it('take fan from the kernel: [..., inputs, outputs]', () => {
    expect(fan).toEqual({ in: 360, out: 450 })
    expect(fanOf([7, 9])).toEqual({ in: 7, out: 9 })
    expect(fanOf([5])).toEqual({ in: 1, out: 5 })
  })

  it.each([
    ['he normal', heNormal(), 2 / 360],
    ['he normal, fan-out', heNormal('out'), 2 / 450],
    ['he uniform', heUniform(), 2 / 360],
    ['glorot normal', glorotNormal(), 1 / 405],
    ['glorot uniform', glorotUniform(), 1 / 405],
    ['fan-in uniform', fanInUniform(), 1 / 3 / 360],
    ['scaled, truncated', varianceScaling({ scale: 3, mode: 'in', distribution: 'truncated-normal' }), 3 / 360],
    ['normal', normal({ stdDev: 0.2 }), 0.04],
    // A unit normal cut at ±2 has variance 0.7737.
    ['truncated normal', truncatedNormal({ stdDev: 0.2 }), 0.04 * 0.7737],
    ['uniform', uniform({ min: -0.3, max: 0.3 }), 0.03],
  ])('%s has mean 0 and the stated variance, and repeats', (_name, initialiser, expected) => {
    const values = draw(initialiser)
    const { mean, variance } = moments(values)
    expect(values).toHaveLength(18_000)
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(expected / values.length))
    expect(variance / expected).toBeGreaterThan(0.96)
    expect(variance / expected).toBeLessThan(1.04)
    expect(draw(initialiser)).toEqual(values)
  })

  it('keep their limits', () => {
    expect(Math.max(...draw(fanInUniform()).map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(360))
    expect(Math.max(...draw(truncatedNormal({ stdDev: 0.2 })).map(Math.abs))).toBeLessThanOrEqual(0.4 + 1e-6)
    expect(new Set(draw(constant(0.25)))).toEqual(new Set([0.25]))
  })

  it('give these values from seed 5, on every engine and version', () => {
    expect([...heNormal()([2], seeded(5), { in: 2, out: 2 })].map((value) => value.toFixed(6))).toMatchInlineSnapshot(`
      [
        "-0.947768",
        "-0.106175",
      ]
    `)
  })
})
