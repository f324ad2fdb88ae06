import { createSearch, defineSpace, memoryStore, product, real, virtualClock } from 'archloom'
import { tpe } from 'archloom/plugins/tpe'
import { hypervolume } from 'archloom/policy'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/index.ts'
import { bestByFronts, frontChooser } from '../../../plugins/tpe/front.ts'

describe('the good trials of several objectives', () => {
  it('are whole fronts as long as they fit', () => {
    const points = [
      [0, 0],
      [3, 1],
      [1, 3],
      [1, 1],
      [2, 0],
    ]
    expect(bestByFronts(points, 3).indices.slice(0, 2)).toEqual([1, 2])
    expect(new Set(bestByFronts(points, 4).indices)).toEqual(new Set([1, 2, 3, 4]))
  })

  it('are a subset of a front with nearly the largest hypervolume of all subsets', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rng = seeded(seed)
      // Points of a concave front, so that all are on it; scaled to [0, 1] already.
      const angles = [0, Math.PI / 2, ...Array.from({ length: 8 }, () => (rng.float() * Math.PI) / 2)]
      const points = angles.map((angle) => [Math.sin(angle), Math.cos(angle)])
      const { indices } = bestByFronts(points, 3)
      expect(indices).toHaveLength(3)
      const volumeOf = (some: readonly number[]) =>
        hypervolume(
          some.map((i) => points[i]!),
          [-0.1, -0.1],
        )
      let largest = 0
      for (let a = 0; a < 10; a++)
        for (let b = a + 1; b < 10; b++)
          for (let c = b + 1; c < 10; c++) largest = Math.max(largest, volumeOf([a, b, c]))
      // What a greedy choice reaches at least (Nemhauser et al. 1978); it is much better in practice.
      expect(volumeOf(indices)).toBeGreaterThan((1 - 1 / Math.E) * largest)
      expect(volumeOf(indices)).toBeGreaterThan(0.9 * largest)
    }
  })

  it('have weights in proportion to what they add to the hypervolume', () => {
    // Scaled: (1, 0), (0.5, 0.5), (0, 1) above (−0.1, −0.1). The outer two add 0.5 · 0.1 each, the middle one 0.25.
    const { indices, weights } = bestByFronts(
      [
        [20, 0],
        [10, 5],
        [0, 10],
      ],
      3,
    )
    expect(indices).toEqual([0, 1, 2])
    expect(weights).toEqual([expect.closeTo(0.2), 1, expect.closeTo(0.2)])
  })

  it('are feasible and of the highest fidelity, where there are enough of these', () => {
    const outcome = (trial: number, objectives: readonly number[], violation = 0, fidelity = 1) => ({
      trial,
      genotype: [0],
      reward: objectives[0]!,
      objectives,
      violation,
      fidelity,
    })
    const outcomes = [
      outcome(0, [1, 2]),
      outcome(1, [0, 0]),
      outcome(2, [9, 9], 0, 0.5),
      outcome(3, [9, 9], 0.1),
      { trial: 4, genotype: [0], objectives: [], violation: 0, fidelity: 1 },
    ]
    const { choose } = frontChooser()
    const order = [0, 1, 2, 3, 4]
    expect([...choose(order, outcomes, 2).keys()]).toEqual([0, 1])
    expect([...choose(order, outcomes, 4).keys()]).toEqual([0, 1, 2, 3])
    expect([...choose(order, outcomes, 5).keys()]).toEqual([0, 1, 2, 3, 4])
  })

  it('still hold the best when there are thousands', () => {
    const rng = seeded(5)
    const { choose } = frontChooser()
    const outcomes = Array.from({ length: 2000 }, (_, trial) => {
      const objectives = trial === 1200 ? [2, 2] : [rng.float(), rng.float()]
      return { trial, genotype: [0], reward: objectives[0]!, objectives, violation: 0, fidelity: 1 }
    })
    for (let n = 100; n <= 2000; n += 100) {
      const best = choose([...Array(n).keys()], outcomes, 25)
      expect(best.size).toBe(25)
      if (n > 1200) expect([...best.keys()]).toContain(1200)
    }
  })
})

describe('tpe with several objectives', () => {
  const space = defineSpace('plane', product({ x: real(0, 1), y: real(0, 1), z: real(0, 1) }))
  /** Two goals that contradict one another in x, and agree that y and z should be 0.3. The front is y = z = 0.3. */
  const run = async (several: 'front' | 'reward', seed: number) => {
    await using search = createSearch({
      space,
      evaluator: ({ x, y, z }) => {
        const off = (y - 0.3) ** 2 + (z - 0.3) ** 2
        return { near: 1 - (x - 0.1) ** 2 - off, far: 1 - (x - 0.9) ** 2 - off }
      },
      plugins: [tpe({ several })],
      objectives: { near: 'maximise', far: 'maximise' },
      budget: { maxTrials: 80 },
      seed,
      clock: virtualClock(),
      study: memoryStore(),
    })
    await search.finish()
    return hypervolume(
      search.front().map(({ metrics }) => [metrics.near!, metrics.far!]),
      [0.3, 0.3],
    )
  }

  it('covers a front, and more of it than the weighted sum does', async () => {
    const mean = async (several: 'front' | 'reward') => {
      const volumes = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => run(several, seed)))
      return volumes.reduce((sum, volume) => sum + volume, 0) / volumes.length
    }
    const [front, reward] = [await mean('front'), await mean('reward')]
    expect(front).toBeGreaterThan(reward)
  })
})
