import { expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { embedded, type Manifold, mixture, moons, rings, swissRoll } from '../../../evaluators/data/index.ts'

const rows = ({ points, dimension, count }: ReturnType<Manifold['draw']>) =>
  Array.from({ length: count }, (_, i) => [...points.subarray(i * dimension, (i + 1) * dimension)])

it('rings have their radii, parts take turns evenly', () => {
  const drawn = rings({ rings: 2, noise: 0, centre: [3, -1] }).draw(400, seeded(1))
  for (const [i, [x = 0, y = 0]] of rows(drawn).entries())
    expect(Math.hypot(x - 3, y + 1)).toBeCloseTo((drawn.labels[i]! + 1) / 2, 5)
  const first = drawn.labels.filter((label) => label === 0).length
  expect(Math.abs(first - 200)).toBeLessThan(50)
})

it('moons are half circles of radius 1, interleaved', () => {
  const drawn = moons({ noise: 0 }).draw(200, seeded(2))
  for (const [i, [x = 0, y = 0]] of rows(drawn).entries()) {
    const upper = drawn.labels[i] === 0
    expect(upper ? Math.hypot(x, y) : Math.hypot(x - 1, y - 0.5)).toBeCloseTo(1, 5)
    if (upper) expect(y).toBeGreaterThanOrEqual(0)
    else expect(y).toBeLessThanOrEqual(0.5)
  }
})

it('the roll winds one and a half times outwards to radius 1', () => {
  const radii = rows(swissRoll({ noise: 0 }).draw(500, seeded(3))).map(([x = 0, y = 0]) => Math.hypot(x, y))
  expect(Math.min(...radii)).toBeGreaterThan(1 / 3 - 1e-6)
  expect(Math.max(...radii)).toBeLessThanOrEqual(1 + 1e-6)
})

it('modes lie around their centres, on a ring or a grid', () => {
  for (const layout of ['ring', 'grid'] as const) {
    const modes = mixture({ modes: 9, layout, noise: 0.01 })
    const drawn = modes.draw(300, seeded(4))
    for (const [i, point] of rows(drawn).entries()) {
      const centre = modes.centres?.[drawn.labels[i] as number] as readonly number[]
      expect(Math.hypot(...point.map((x, k) => x - centre[k]!))).toBeLessThan(0.06)
    }
  }
})

it('embedding bends points and centres by one map, the same for the same generator', () => {
  const flat = mixture({ modes: 10, noise: 0 })
  const lifted = embedded(flat, { dimension: 8, rng: seeded(5) })
  const drawn = lifted.draw(50, seeded(6))
  expect(drawn.dimension).toBe(8)
  for (const [i, point] of rows(drawn).entries())
    for (const [k, x] of point.entries())
      expect(x).toBeCloseTo(lifted.centres?.[drawn.labels[i] as number]?.[k] as number, 5)
  expect(embedded(flat, { dimension: 8, rng: seeded(5) }).draw(50, seeded(6))).toEqual(drawn)
  expect(flat.draw(50, seeded(6)).labels).toEqual(drawn.labels)
})

it('bad settings are ARCHLOOM_MANIFOLD', () => {
  expect(() => rings({ rings: 0 })).toThrow(/ARCHLOOM_MANIFOLD.*rings is 0/)
  expect(() => mixture({ modes: 2.5 })).toThrow(/ARCHLOOM_MANIFOLD.*modes/)
  expect(() => moons({ noise: -1 })).toThrow(/ARCHLOOM_MANIFOLD.*noise/)
  expect(() => rings().draw(0, seeded(1))).toThrow(/ARCHLOOM_MANIFOLD.*count/)
  expect(() => embedded(rings(), { dimension: 1, rng: seeded(1) })).toThrow(/ARCHLOOM_MANIFOLD.*dimension/)
})
