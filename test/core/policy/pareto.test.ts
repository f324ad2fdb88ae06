import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  crowdingDistance,
  dominates,
  hypervolume,
  nonDominatedRanking,
  nonDominatedSort,
} from '../../../core/policy/index.ts'

const check = <T>(arbitrary: fc.Arbitrary<T>, law: (value: T) => void) =>
  fc.assert(fc.property(arbitrary, law), { seed: 1, numRuns: 200 })
/** Points on a small grid: ties and duplicates are frequent. */
const pointsOf = (dimensions: number, max = 5) =>
  fc.array(fc.array(fc.integer({ min: 0, max }), { minLength: dimensions, maxLength: dimensions }), {
    minLength: 1,
    maxLength: 12,
  })
const anyPoints = fc.integer({ min: 1, max: 3 }).chain((dimensions) => pointsOf(dimensions))

describe('dominance', () => {
  it('is a strict partial order', () => {
    check(pointsOf(3, 2), (points) => {
      for (const a of points) {
        expect(dominates(a, a)).toBe(false)
        for (const b of points) {
          if (dominates(a, b)) expect(dominates(b, a)).toBe(false)
          for (const c of points) if (dominates(a, b) && dominates(b, c)) expect(dominates(a, c)).toBe(true)
        }
      }
    })
  })
})

describe('the non-dominated sort', () => {
  it('puts every point in one front, each dominated by one of the front before and by none of its own', () => {
    check(anyPoints, (points) => {
      const fronts = nonDominatedSort(points)
      expect(fronts.flat().sort((a, b) => a - b)).toEqual(points.map((_, i) => i))
      fronts.forEach((front, rank) => {
        for (const i of front) {
          const by = (j: number) => dominates(points[j] as number[], points[i] as number[])
          expect(front.some(by)).toBe(false)
          if (rank > 0) expect(fronts[rank - 1]?.some(by)).toBe(true)
        }
      })
      nonDominatedRanking(points).forEach(({ front }, i) => {
        expect(fronts[front]).toContain(i)
      })
    })
  })
})

describe('the crowding distance', () => {
  it('is the sum of shares between neighbours, and infinite at the ends', () => {
    const front = [
      [0, 10],
      [1, 8],
      [4, 2],
      [10, 0],
    ]
    const ends = Number.POSITIVE_INFINITY
    expect(crowdingDistance(front)).toEqual([ends, 4 / 10 + 8 / 10, 9 / 10 + 8 / 10, ends])
  })

  it('is a number for fronts of one, two and equal points', () => {
    for (const front of [
      [[1, 2]],
      [
        [1, 2],
        [2, 1],
      ],
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    ])
      for (const distance of crowdingDistance(front)) expect(Number.isNaN(distance)).toBe(false)
    expect(crowdingDistance([])).toEqual([])
  })
})

describe('points with a coordinate that is not a number', () => {
  const { NaN: unknown } = Number
  it('are the last front, whatever the others hold', () => {
    expect(
      nonDominatedSort([
        [unknown, 9],
        [1, 1],
        [2, 2],
        [9, unknown],
      ]),
    ).toEqual([[2], [1], [0, 3]])
    expect(nonDominatedSort([[unknown], [-Infinity]])).toEqual([[1], [0]])
    expect(nonDominatedSort([[unknown, unknown]])).toEqual([[0]])
    expect(
      nonDominatedRanking([
        [unknown, 1],
        [0, 0],
      ]).map(({ front }) => front),
    ).toEqual([1, 0])
  })

  it('have no crowding distance and leave that of the others alone', () => {
    const front = [
      [0, 10],
      [4, 8],
      [8, 1],
      [10, 0],
    ]
    const distances = crowdingDistance(front)
    const withUnknown = crowdingDistance([[unknown, 5], ...front, [3, unknown]])
    expect(withUnknown).toEqual([0, ...distances, 0])
    expect(crowdingDistance([[unknown, 1]])).toEqual([0])
  })

  it('add no volume; infinite coordinates have finite distances', () => {
    expect(
      hypervolume(
        [
          [unknown, 2],
          [1, 1],
        ],
        [0, 0],
      ),
    ).toBe(1)
    for (const distance of crowdingDistance([
      [-Infinity, 3],
      [0, 2],
      [1, 1],
      [Infinity, 0],
    ]))
      expect(Number.isNaN(distance)).toBe(false)
  })

  it('are refused in a reference point', () => {
    for (const reference of [[0, unknown], [0], [], [0, -Infinity]])
      expect(() => hypervolume([[1, 1]], reference)).toThrow('ARCHLOOM_HYPERVOLUME_REFERENCE')
  })
})

describe('the hypervolume', () => {
  it('is right by hand', () => {
    expect(
      hypervolume(
        [
          [3, 1],
          [2, 2],
          [1, 3],
        ],
        [0, 0],
      ),
    ).toBe(6)
    expect(hypervolume([[2, 2, 2]], [1, 1, 1])).toBe(1)
    expect(
      hypervolume(
        [
          [2, 1, 1],
          [1, 2, 1],
          [1, 1, 2],
        ],
        [0, 0, 0],
      ),
    ).toBe(4)
    expect(hypervolume([[5], [7]], [4])).toBe(3)
    expect(hypervolume([[1, 5]], [1, 0])).toBe(0)
    expect(hypervolume([], [0, 0])).toBe(0)
  })

  it.each([2, 3])('in %i dimensions equals the count of unit cells that a point dominates', (dimensions) => {
    check(pointsOf(dimensions), (points) => {
      let cells = 0
      const grid = Array.from({ length: 5 ** dimensions }, (_, n) =>
        Array.from({ length: dimensions }, (_, k) => Math.floor(n / 5 ** k) % 5),
      )
      for (const cell of grid) if (points.some((point) => point.every((v, k) => v > cell[k]!))) cells++
      const reference = new Array<number>(dimensions).fill(0)
      expect(hypervolume(points, reference)).toBe(cells)
    })
  })

  it('does not change with order, duplicates and dominated points, and grows with a new corner', () => {
    check(fc.tuple(pointsOf(3), fc.nat()), ([points, at]) => {
      const reference = [-1, -1, -1]
      const whole = hypervolume(points, reference)
      const again = points[at % points.length] as number[]
      expect(hypervolume([...points].reverse(), reference)).toBe(whole)
      expect(hypervolume([...points, again], reference)).toBe(whole)
      expect(hypervolume([...points, again.map((value) => value - 1)], reference)).toBe(whole)
      expect(hypervolume([...points, [6, 6, 6]], reference)).toBeGreaterThan(whole)
    })
  })
})
