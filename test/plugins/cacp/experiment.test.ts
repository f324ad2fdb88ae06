import { seeded } from 'archloom'
import { generatedImages, halfSize } from 'archloom/evaluators/data'
import { useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { pruningTask, runArms } from '../../../plugins/cacp/experiment/arms.ts'
import { armClaims, reconstructionClaim, syntheticClaims, wallClaim } from '../../../plugins/cacp/experiment/claims.ts'
import { syntheticBounds, syntheticRun } from '../../../plugins/cacp/experiment/synthetic.ts'
import { vggGraph } from '../../../search-spaces/compression/prunable.ts'

await useEngine('wasm')

const signal = new AbortController().signal
const agent = { hidden: 8, warmUp: { episodes: 6 }, batchSize: 8 }

it('every method prunes within the budgets, and claims are computed from what they reached', async () => {
  const data = generatedImages({ train: 40, validation: 24, test: 24, classes: 2, size: 8 })
  const graph = vggGraph({ layers: [4, 4, 'pool', 6], size: 8, classes: 2, rng: seeded(1) })
  const plan = { rates: [0.4, 0.7], pruning: {}, episodes: 10, agent, calibration: { images: 8, points: 4 } }
  const task = await pruningTask(graph, data, plan, seeded(2), signal)
  const told: string[] = []
  const arms = await runArms(task, plan, 1, signal, ({ name }) => told.push(name))
  expect(told).toEqual(['uniform', 'conditional', 'separate (AMC)', 'blind', 'per-rate reward', 'random', 'evolution'])
  expect(arms.get('conditional')?.total).toBe(10)
  expect(arms.get('separate (AMC)')?.total).toBe(20)
  for (const { best, kept } of arms.values()) {
    expect(best).toHaveLength(2)
    for (const counts of kept) expect(counts).toHaveLength(3)
  }
  const claims = armClaims(arms, plan.rates)
  for (const { id, ours, baseline, holds } of claims) {
    const tolerance = id.startsWith('C2') ? 0.02 : 0
    expect(holds, id).toBe(ours.mean >= (baseline?.mean ?? 0) - tolerance)
  }
  const wall = wallClaim(task.space.problem, arms, {})
  expect(wall.ours.mean).toBe(0)
  expect(wall.baseline?.mean).toBeGreaterThan(0)
  const { claim, rows } = await reconstructionClaim(task, { uniform: arms.get('uniform')?.kept ?? [] })
  expect(claim.holds).toBe(claim.ours.mean > (claim.baseline?.mean ?? 1))
  expect(rows[0]?.values).toHaveLength(2)
})

describe('the made-up task', () => {
  it('rewards knowing the rate: no blind policy is as good, and keeping all is bad', () => {
    const bounds = syntheticBounds()
    bounds.optimum.forEach((best, r) => {
      expect(best - bounds['best blind policy'][r]!).toBeGreaterThan(0.02)
      expect(best).toBeGreaterThan(bounds.uniform[r]!)
    })
    // With sensitive early layers the constraint gives the rate away: a blind policy is (almost) as good as any.
    const early = syntheticBounds([3, 0.6, 0.1])
    const gap = ({ optimum, 'best blind policy': blind }: typeof bounds) =>
      optimum.reduce((sum, best, r) => sum + best - blind[r]!, 0)
    expect(gap(early)).toBeLessThan(0.2 * gap(bounds))
  })

  it('is run repeatably, and compared', async () => {
    const run = (sight: 'rate' | 'blind') => syntheticRun({ episodes: 12, seeds: 2, agent: { ...agent, sight } }, 1)
    const [conditional, blind] = [await run('rate'), await run('blind')]
    expect(await run('rate')).toEqual(conditional)
    expect(conditional.violations).toBe(0)
    const claims = syntheticClaims({ conditional, blind, 'per-rate reward': conditional }, [0.3, 0.5, 0.7])
    expect(claims.map(({ id }) => id)).toEqual(['C3', 'C4'])
    expect(claims[1]?.holds).toBe(false)
  })
})

it('half the size is the mean of four pixels, with the same split', () => {
  const data = generatedImages({ train: 20, validation: 10, test: 10, classes: 2, size: 16 })
  const small = halfSize(data)
  expect(small.train.inputShape).toEqual([8, 8, 3])
  expect([...small.validation.indices]).toEqual([...data.validation.indices])
  const { pixels } = data.test.images
  const four = [0, 3, 48, 51].map((at) => pixels[at] as number)
  expect(small.test.images.pixels[0]).toBe(Math.round(four.reduce((sum, value) => sum + value, 0) / 4))
})
