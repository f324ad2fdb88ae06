import { describe, expect, it } from 'vitest'
import { millsRatio, normalCdf, normalPdf } from '../../../core/policy/index.ts'

describe('the distribution function of the normal distribution', () => {
  it('has its tabulated values', () => {
    for (const [x, p] of [
      [0, 0.5],
      [1, 0.8413447],
      [-1.959964, 0.025],
      [3, 0.9986501],
    ] as const)
      expect(Math.abs(normalCdf(x) - p)).toBeLessThan(1e-6)
  })
})

describe('Mills’ ratio', () => {
  it('has its tabulated values', () => {
    // (1 − Φ(t)) / φ(t), from tables of the normal distribution to ten digits.
    for (const [t, tail] of [
      [1, 0.1586552539],
      [2, 0.0227501319],
      [4, 3.167124183e-5],
      [8, 6.22096057e-16],
    ] as const)
      expect(Math.abs((millsRatio(t) * normalPdf(t)) / tail - 1)).toBeLessThan(1e-8)
  })
})
