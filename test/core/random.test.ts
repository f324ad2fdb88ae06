import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'

const draw = (count: number, next: () => number) => Array.from({ length: count }, next)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const variance = (values: readonly number[]) => mean(values.map((value) => value ** 2)) - mean(values) ** 2

/** Pearson's χ² of observed counts against equal expectations. */
const chiSquare = (counts: readonly number[], expected: readonly number[]) =>
  counts.reduce((sum, count, i) => sum + (count - expected[i]!) ** 2 / expected[i]!, 0)

describe('seeded', () => {
  it('gives the same stream from the same seed, another from another; 0 is a seed', () => {
    const stream = (seed: number | string) => draw(20, seeded(seed).float)
    expect(stream(0)).toEqual(stream(0))
    expect(stream(7)).toEqual(stream(7))
    expect(new Set([0, 1, 2, -1, 0.5, 'a', 'b'].map((seed) => stream(seed).join())).size).toBe(7)
  })

  it('keeps its first numbers for ever: studies depend on them', () => {
    const rng = seeded(42)
    expect(draw(4, () => rng.int(1_000_000))).toMatchInlineSnapshot(`
      [
        957696,
        258945,
        75794,
        389483,
      ]
    `)
    expect(rng.fork('trial/3').tensorSeed()).toMatchInlineSnapshot(`1429278320`)
  })

  it('is uniform: χ² of 64 cells, and of pairs in 16 × 16 cells', () => {
    const rng = seeded('uniform')
    const counts = new Array<number>(64).fill(0)
    for (const value of draw(64_000, () => rng.int(64))) counts[value] = counts[value]! + 1
    // 99.9 % quantile with 63 degrees of freedom.
    expect(
      chiSquare(
        counts,
        counts.map(() => 1000),
      ),
    ).toBeLessThan(103.4)
    const pairs = new Array<number>(256).fill(0)
    for (const value of draw(64_000, () => rng.int(16) * 16 + rng.int(16))) pairs[value] = pairs[value]! + 1
    // 99.9 % quantile with 255 degrees of freedom.
    expect(
      chiSquare(
        pairs,
        pairs.map(() => 250),
      ),
    ).toBeLessThan(330.5)
  })

  it('has forks that are uniform and unlike their siblings', () => {
    const firsts = draw(10_000, () => 0).map((_, i) => seeded(1).fork(`trial/${i}`).float())
    expect(mean(firsts)).toBeCloseTo(0.5, 1)
    expect(variance(firsts)).toBeCloseTo(1 / 12, 2)
    expect(new Set(firsts).size).toBeGreaterThan(9_995)
  })

  it('draws standard normals', () => {
    const values = draw(50_000, seeded('normal').normal)
    expect(mean(values)).toBeCloseTo(0, 1)
    expect(variance(values)).toBeCloseTo(1, 1)
    expect(mean(values.map((value) => value ** 4))).toBeGreaterThan(2.8)
    expect(mean(values.map((value) => value ** 4))).toBeLessThan(3.2)
    expect(values.every(Number.isFinite)).toBe(true)
  })

  it('shuffles to permutations, all equally often', () => {
    const rng = seeded('shuffle')
    const items = [1, 2, 3, 4] as const
    const counts = new Map<string, number>()
    for (let i = 0; i < 24_000; i++) {
      const text = rng.shuffle(items).join('')
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    // 99.9 % quantile with 23 degrees of freedom.
    expect(chiSquare([...counts.values()], new Array<number>(24).fill(1000))).toBeLessThan(49.7)
    expect(items).toEqual([1, 2, 3, 4])
  })

  it('draws by weight, never a weight of zero', () => {
    const rng = seeded('weighted')
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 10_000; i++) {
      const index = rng.weighted([0, 1, 0, 3])
      counts[index] = counts[index]! + 1
    }
    expect(counts[0]).toBe(0)
    expect(counts[2]).toBe(0)
    expect(counts[3]! / counts[1]!).toBeGreaterThan(2.5)
    expect(counts[3]! / counts[1]!).toBeLessThan(3.5)
  })

  it('never gives tfjs the seed 0', () => {
    const rng = seeded(3)
    for (const seed of draw(10_000, rng.tensorSeed)) {
      expect(Number.isInteger(seed)).toBe(true)
      expect(seed).toBeGreaterThanOrEqual(1)
      expect(seed).toBeLessThan(2 ** 31)
    }
  })
})

describe('forks and snapshots', () => {
  it('a fork depends on its name and its ancestry, never on how much its parent was used', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.nat(50), (seed, label, used) => {
        const fresh = seeded(seed)
        const parent = seeded(seed)
        draw(used, parent.float)
        parent.fork('other').float()
        expect(draw(5, parent.fork(label).float)).toEqual(draw(5, fresh.fork(label).float))
        expect(parent.fork(label).float()).not.toBe(fresh.fork(`${label}.`).float())
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('continues from a snapshot that went through JSON, including forks', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(50), (seed, used) => {
        const original = seeded(seed)
        draw(used, original.float)
        const copy = seeded('another')
        copy.restore(JSON.parse(JSON.stringify(original.snapshot())))
        expect(draw(5, copy.float)).toEqual(draw(5, original.float))
        expect(copy.fork('x').float()).toBe(original.fork('x').float())
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})
