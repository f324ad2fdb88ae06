import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  bitsOf,
  codeOf,
  codes,
  decompose,
  gateGradients,
  gatesOf,
  isNested,
  levelOf,
  logisticSlope,
  meanResiduals,
  nestedLadder,
  quantise,
  quantiseGradient,
  ratiosOf,
  recompose,
  roundHalfUp,
  signedGrid,
  stepsOf,
  unsignedGrid,
} from '../../../search-spaces/compression/index.ts'

const ladder = [2, 4, 8]
const uniform = (count: number, seed = 1) => {
  const rng = seeded(seed)
  return Float64Array.from({ length: count }, () => rng.float())
}
const isTie = (z: number) => ladder.some((bits) => Math.abs(((stepsOf(bits) * z) % 1) - 0.5) < 1e-9)

describe('ladders', () => {
  it('AO10 grids nest when each width is a multiple of the one before', () => {
    expect(ratiosOf(ladder)).toEqual([0, 5, 17])
    expect(ratiosOf([1, 2, 4, 8])).toEqual([0, 3, 5, 17])
    for (const i of [0, 1, 2, 3]) expect([5 * i, 17 * 5 * i].map(Number.isInteger)).toEqual([true, true])
    for (let i = 0; i <= 3; i++) expect(i / 3).toBeCloseTo((5 * i) / 15, 15)
    for (let i = 0; i <= 15; i++) expect(i / 15).toBeCloseTo((17 * i) / 255, 15)
    expect([[2, 4, 8], [1, 2, 4, 8], [3, 6], [2]].map(isNested)).toEqual([true, true, true, true])
    expect(
      [
        [2, 3, 4],
        [2, 4, 6],
        [4, 2],
        [2, 2],
      ].map(isNested),
    ).toEqual([false, false, false, false])
  })

  it.each([[[2, 3, 4]], [[2, 4, 6]], [[]], [[0, 2]], [[2.5]], [[8, 32]]])('%j is refused', (widths) => {
    expect(() => nestedLadder(widths)).toThrow('ARCHLOOM_SUPER_BIT_LADDER')
  })
})

describe('codes', () => {
  it('ties go up, which commutes with whole numbers', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5].map(roundHalfUp)).toEqual([1, 2, 3, 0, -1])
    for (const x of [0.5, 1.5, 7.25, 3.999]) expect(roundHalfUp(x - 5)).toBe(roundHalfUp(x) - 5)
  })

  it.each([[ladder], [[1, 2, 4, 8]], [[3, 6, 12]]])('AO7 offsets of %j add up to direct codes', (widths) => {
    for (const z of uniform(4000)) {
      if (widths === ladder && isTie(z)) continue
      expect(recompose(decompose(z, widths), widths)).toEqual(widths.map((bits) => codeOf(z, bits)))
    }
  })

  it('AO8 offsets stay in their ranges', () => {
    for (const z of [...uniform(4000), 0, 1, 0.5, 1 / 6, 1 / 30]) {
      const [n2, e4, e8] = decompose(z, ladder) as [number, number, number]
      expect(n2 >= 0 && n2 <= 3).toBe(true)
      expect(e4 >= -2 && e4 <= (isTie(z) ? 3 : 2)).toBe(true)
      expect(e8 >= -8 && e8 <= (isTie(z) ? 9 : 8)).toBe(true)
      const code = recompose([n2, e4, e8], ladder)[2] as number
      expect(code >= 0 && code <= 255).toBe(true)
    }
    // A weight of 0 lies in the middle: half up, always.
    expect([2, 4, 8].map((bits) => codeOf(0.5, bits))).toEqual([2, 8, 128])
  })

  it('AO9 no value is further than half a step from its level', () => {
    for (const z of uniform(1000, 2))
      for (const bits of ladder)
        expect(Math.abs(z - codeOf(z, bits) / stepsOf(bits))).toBeLessThanOrEqual(0.5 / stepsOf(bits) + 1e-12)
  })

  it('vectors give the codes of single values, at any length', () => {
    for (const length of [0, 1, 2, 3, 64, 4097]) {
      const values = Float32Array.from(uniform(length, 3), (x) => 4 * x - 1.5)
      for (const grid of [unsignedGrid(1.7), signedGrid(1.2, 0.3, 0.8, 0.8)])
        for (const bits of [1, 2, 4, 8]) {
          const expected = [...codes(values, grid, bits)].map((code) => (code * grid.range) / stepsOf(bits) + grid.low)
          const found = quantise(values, grid, bits)
          expect(found).toHaveLength(length)
          found.forEach((value, i) => {
            expect(value).toBeCloseTo(expected[i] as number, 6)
          })
        }
    }
    expect(quantise(Float32Array.of(Number.NaN, 1), unsignedGrid(1), 4)[0]).toBeNaN()
  })
})

describe('gates', () => {
  it('AO15 mean residuals of uniform values are 1/12 and 1/60', () => {
    const means = meanResiduals(Float32Array.from(uniform(100_001)), unsignedGrid(1), ladder)
    expect(means[0]! * 12).toBeCloseTo(1, 1.9)
    expect(means[1]! * 60).toBeCloseTo(1, 1.9)
  })

  it('AO11 the truth table of two gates', () => {
    const patterns = [
      [[0, 0], 2],
      [[0, 1], 2],
      [[1, 0], 4],
      [[1, 1], 8],
    ] as const
    for (const [open, bits] of patterns) {
      expect(bitsOf(open, ladder)).toBe(bits)
      for (const z of uniform(200)) {
        const [a, b, c] = recompose(decompose(z, ladder), ladder).map((code, j) => code / stepsOf(ladder[j]!))
        const gated =
          (a as number) + open[0] * ((b as number) - (a as number) + open[1] * ((c as number) - (b as number)))
        expect(gated).toBeCloseTo(codeOf(z, bits) / stepsOf(bits), 12)
      }
    }
  })

  it('open strictly above the threshold, and read the residual of the gated value', () => {
    expect(gatesOf([0.05, 0.01], [0, 0])).toEqual({ open: [1, 1], residuals: [0.05, 0.01] })
    expect(gatesOf([0.05, 0.01], [0, 0.02])).toEqual({ open: [1, 0], residuals: [0.05, 0.01] })
    // Shut at 2 bits: the second gate sees the residual of 2 bits too.
    expect(gatesOf([0.05, 0.01], [0.1, 0.02])).toEqual({ open: [0, 1], residuals: [0.05, 0.05] })
    expect(levelOf([0, 1])).toBe(0)
    expect(gatesOf([0.05], [0.05]).open).toEqual([0])
    // A tensor that lies on its grid stays shut at a threshold of 0.
    expect(gatesOf([1e-17], [0]).open).toEqual([0])
  })

  it('AO12 costs telescope for every pattern', () => {
    const costs = ladder.map((bits) => bits * 4 * 1000)
    for (const open of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      let [sum, product] = [costs[0] as number, 1]
      open.forEach((gate, j) => {
        product *= gate
        sum += product * (costs[j + 1]! - costs[j]!)
      })
      expect(sum).toBe(costs[levelOf(open)])
      const gradients = gateGradients(open, costs)
      const [d2, d3] = [16_000 - 8000, 32_000 - 16_000]
      expect(gradients).toEqual([d2 + open[1]! * d3, open[0]! * d3])
    }
  })

  it('AO14 the hand-made case z = 0.45', () => {
    const x = Float32Array.of(0.45)
    const grid = unsignedGrid(1)
    const means = meanResiduals(x, grid, ladder)
    expect(means[0]).toBeCloseTo(0.1166667, 6)
    expect(means[1]).toBeCloseTo(0.0166667, 6)
    const gates = gatesOf(means, [0, 0])
    const { products } = quantiseGradient(Float32Array.of(1), x, grid, 8, ladder)
    const [ofFirst, ofSecond] = gateGradients(gates.open, products) as [number, number]
    expect(ofFirst).toBeCloseTo(0.1176471, 6)
    expect(ofSecond).toBeCloseTo(-0.0156863, 6)
    expect(-ofFirst * logisticSlope(gates.residuals[0]!)).toBeCloseTo(-0.0293119, 6)
    expect(-ofSecond * logisticSlope(gates.residuals[1]!)).toBeCloseTo(0.0039213, 6)
  })
})

describe('gradients', () => {
  it('AO13 the slope is 1 inside the clip at every width, 0 outside', () => {
    const x = Float32Array.of(-0.2, 0.01, 0.4, 0.9, 1.2, 0.33, 0.77)
    const dy = Float32Array.of(1, 2, 3, 4, 5, 6, 7)
    for (const bits of ladder)
      expect([...quantiseGradient(dy, x, unsignedGrid(1), bits).dx]).toEqual([0, 2, 3, 4, 0, 6, 7])
    // Weights: unit / deviation inside.
    const weights = quantiseGradient(dy, Float32Array.of(-3, -1, 0, 1, 2, 3, 9), signedGrid(1, 1, 2, 1), 4).dx
    expect([...weights]).toEqual([0, 0, 1.5, 2, 2.5, 0, 0])
  })

  it('clips get Q/v inside less what the input moves, and the edge of the grid outside', () => {
    const v = 0.8
    const x = Float32Array.of(-0.5, 0.3, 0.5, 2)
    const expected = (value: number, bits: number) => {
      const z = Math.min(Math.max(value / v, 0), 1)
      const inside = value >= 0 && value < v
      return inside ? codeOf(z, bits) / stepsOf(bits) - value / v : z
    }
    for (const bits of ladder) {
      const { clip } = quantiseGradient(Float32Array.of(1, 1, 1, 1), x, unsignedGrid(v), bits)
      expect(clip).toBeCloseTo(
        [...x].reduce((sum, value) => sum + expected(value, bits), 0),
        5,
      )
    }
    const w = Float32Array.of(-2, -0.4, 0.1, 3, 0.6)
    const { clip } = quantiseGradient(Float32Array.of(1, 1, 1, 1, 1), w, signedGrid(v), 2)
    const level = (value: number) => (2 * codeOf((value / v + 1) / 2, 2)) / 3 - 1
    expect(clip).toBeCloseTo(
      [-0.4, 0.1, 0.6].reduce((sum, value) => sum + level(value) - value / v, 0),
      5,
    )
  })
})
