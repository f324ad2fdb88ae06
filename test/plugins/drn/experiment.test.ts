import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedPairs, patchSplit } from '../../../evaluators/data/images/index.ts'
import { pairsIn, shrinkers } from '../../../plugins/drn/experiment/domains.ts'
import { nameOf, type Plan, plans } from '../../../plugins/drn/experiment/plan.ts'
import { matrix, product, projection, shrinking } from '../../../plugins/drn/experiment/projection.ts'
import { adapted, qualityOf, trained } from '../../../plugins/drn/experiment/training.ts'
import { type AdaptationRun, claimsOf, pairedClaim, type Run } from '../../../plugins/drn/experiment.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const plan: Plan = { ...plans.smoke, steps: 3, patch: 4, batchSize: 4 }
const pairs = generatedPairs(2, { scale: 4, size: 32 })
const data = patchSplit('train', pairs, { patch: 4, patches: 8 })
const { signal } = new AbortController()

describe('plans', () => {
  it('compare what the paper compares, on at least four paired seeds', () => {
    const { variants, seeds } = plans.small
    expect(variants.map(nameOf)).toEqual([
      'λ = 0',
      'λ = 0.01',
      'λ = 0.1',
      'λ = 1',
      'λ = 0.1, dual fixed to bicubic',
      'λ = 1, dual fixed to bicubic',
    ])
    expect(seeds).toBeGreaterThanOrEqual(4)
    expect(plans.paper).toMatchObject({ features: 16, blocks: 30, shortcut: 'none', batchSize: 32, steps: 1_000_000 })
  })
})

describe('runs', () => {
  it('of one seed begin alike, and differ in what they are told only', async () => {
    const before = tf.memory().numTensors
    const qualityAfter = async (dualWeight: number, seed: number, duals: 'learnt' | 'bicubic' = 'learnt') => {
      using pair = await trained(plan, { dualWeight, duals }, { seed, data, signal })
      return await qualityOf(pair.network, pairs)
    }
    const same = await qualityAfter(0, 1)
    expect(await qualityAfter(0, 1)).toEqual(same)
    expect(await qualityAfter(0, 2)).not.toEqual(same)
    expect(await qualityAfter(1, 1)).not.toEqual(same)
    expect(await qualityAfter(1, 1, 'bicubic')).not.toEqual(same)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('adapt a copy: the pair that it began with stays', async () => {
    using pair = await trained(plan, { dualWeight: 0.1, duals: 'learnt' }, { seed: 1, data, signal })
    const first = await qualityOf(pair.network, pairs)
    const tensors = tf.memory().numTensors
    const unpaired = patchSplit('train', pairsIn('nearest', pairs), { patch: 4 })
    const results = []
    for (const more of [{}, { unpaired }]) {
      using copy = await adapted(plan, pair, { seed: 1, data, signal, ...more })
      results.push(await qualityOf(copy.network, pairs))
    }
    expect(results[0]).not.toEqual(first)
    expect(results[1]).not.toEqual(results[0])
    expect(await qualityOf(pair.network, pairs)).toEqual(first)
    expect(tf.memory().numTensors).toBe(tensors)
  })

  it('stop when asked', async () => {
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    const run = trained(plan, { dualWeight: 0, duals: 'learnt' }, { seed: 1, data, signal: stop.signal })
    await expect(run).rejects.toThrow('enough')
  })
})

describe('domains', () => {
  it('shrink the same large images in other ways', () => {
    for (const domain of ['nearest', 'blur-down'] as const) {
      const others = pairsIn(domain, pairs)
      expect(others.map(({ hr }) => hr)).toEqual(pairs.map(({ hr }) => hr))
      expect(others[0]?.lr).toEqual(shrinkers[domain]((pairs[0] as (typeof pairs)[number]).hr))
      expect(others[0]?.lr.pixels).not.toEqual(pairs[0]?.lr.pixels)
    }
    expect(pairsIn('nearest', pairs)[0]?.lr.pixels).not.toEqual(pairsIn('blur-down', pairs)[0]?.lr.pixels)
  })
})

describe('projection in two dimensions', () => {
  it('is exact: A A⁺ = I, and distances obey Pythagoras', () => {
    const { shrink, enlarge } = shrinking(32, 4)
    product(shrink, enlarge).values.forEach((value, k) => {
      expect(value).toBeCloseTo(k % 9 === 0 ? 1 : 0, 10)
    })
    const rng = seeded('projection')
    const truth = matrix(32, 24, () => 255 * rng.float())
    const guess = matrix(32, 24, (i, j) => truth.values[i * 24 + j]! + 10 * rng.normal())
    const { before, after, removed, inconsistency } = projection(guess, truth, 4)
    expect(after + removed).toBeCloseTo(before, 6)
    expect(after).toBeLessThan(before)
    expect(inconsistency).toBeLessThan(1e-9)
    expect(projection(truth, truth, 4)).toEqual({ before: 0, after: 0, removed: 0, inconsistency: 0 })
  })
})

describe('claims', () => {
  const run = (variant: string, seed: number, psnr: number, consistency: number): Run => ({
    variant,
    seed,
    quality: { Set5: { psnr, consistency } },
  })

  it('compare seed by seed', () => {
    const claim = pairedClaim({ id: 'x', metric: 'y' }, { name: 'old', values: [1, 5] }, [2, 5.5])
    expect(claim).toMatchObject({
      holds: true,
      difference: { mean: 0.75, seeds: 2 },
      baseline: { name: 'old', mean: 3 },
    })
    expect(pairedClaim({ id: 'x', metric: 'y' }, { name: 'old', values: [1, 1] }, [1, 1]).holds).toBe(false)
  })

  it('hold or not by the figures, the published one beside its own', () => {
    const runs = [
      ...[run('λ = 0', 1, 30, 45), run('λ = 0', 2, 31, 46)],
      ...[run('λ = 0.1', 1, 29, 47), run('λ = 0.1', 2, 31.5, 48)],
      ...[run('λ = 1', 1, 28, 40), run('λ = 1', 2, 28, 40)],
    ]
    const quality = (psnr: number) => ({ psnr, consistency: psnr })
    const adaptations: AdaptationRun[] = [
      { target: 'nearest', seed: 1, before: quality(20), control: quality(21), adapted: quality(20.5) },
    ]
    const verdicts = claimsOf(runs, adaptations).map(({ id, metric, holds, published }) => [
      id,
      metric,
      published,
      holds,
    ])
    expect(verdicts).toEqual([
      ['λ = 0.1 over λ = 0, Set5', 'LR-consistency, dB', null, true],
      ['λ = 0.1 over λ = 0, Set5', 'PSNR-Y, dB', 32.68, false],
      ['λ = 0.1 over λ = 1, Set5', 'PSNR-Y, dB', null, true],
      ['adaptation to nearest', 'PSNR-Y, dB', null, false],
      ['adaptation to nearest', 'consistency under the target degradation, dB', null, false],
    ])
  })
})
