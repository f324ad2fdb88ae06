import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { drawScene, pairOf, patchDataset } from 'archloom/evaluators/data/images'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-compositions-'))
})
afterAll(() => rmSync(directory, { recursive: true }))
const quietly = (name: string) => ({ study: { name, directory }, log: () => {} })

describe('compositions', { timeout: 120_000 }, () => {
  it('searches the space of HNAS by NSGA-II, trained by DRN, for PSNR and measured latency', async () => {
    const { main } = await import('../../examples/compositions/hnas-space-by-nsga2.ts')
    const pairs = Array.from({ length: 4 }, (_, i) => pairOf(`${i}`, drawScene(48, 48, seeded(`scene ${i}`)), 2))
    const [test, ...train] = pairs as [(typeof pairs)[number], ...typeof pairs]
    const data = patchDataset({ name: 'scenes', train, test: [test], patch: 12, patches: 8 })
    const { front, completed } = await main({ data, trials: 4, channels: 4, ...quietly('hnas') })
    expect(completed).toBe(4)
    for (const { psnr, latencyMs } of front) {
      expect(psnr).toBeGreaterThan(5)
      expect(latencyMs).toBeGreaterThan(0)
      // No trial of the front is better than another one in both.
      expect(front.filter((other) => other.psnr > psnr && other.latencyMs < latencyMs)).toEqual([])
    }
  })

  it('finds a generator of LCCGAN by evolution, with ASHA', async () => {
    const { main } = await import('../../examples/compositions/generator-by-evolution.ts')
    const data = generatedImages({ size: 16, channels: 1, train: 64, validation: 40, test: 10, classes: 2 })
    const result = await main({ data, trials: 4, epochs: 1, samples: 20, ...quietly('generator') })
    expect(result.failed).toBe(0)
    expect(result.completed).toBeGreaterThan(0)
    // ASHA gives some candidates more than one rung, and not all of them the last.
    expect(Math.max(...result.rungs)).toBeGreaterThan(1)
  })

  it('fits within a limit of bytes and compresses', async () => {
    const { main } = await import('../../examples/compositions/fit-then-compress.ts')
    const out = join(directory, 'small')
    const result = await main({ images: 60, bytes: 40_000, budget: { steps: 20 }, out, log: () => {} })
    expect(result.written).toBeLessThanOrEqual(40_000)
    // Four bytes for each parameter would be more.
    expect(result.accuracy).toBeGreaterThanOrEqual(0)
  })

  it('is BOHB over normalisations', async () => {
    const { main } = await import('../../examples/compositions/bohb-over-normalisations.ts')
    const { completed, failed } = await main({ images: 32, trials: 4, epochs: 1, ...quietly('bohb') })
    expect(failed).toBe(0)
    expect(completed).toBeGreaterThan(0)
  })

  it('searches shared weights of SPOS by NSGA-II', async () => {
    const { main } = await import('../../examples/compositions/supernet-by-nsga2.ts')
    const { front, completed } = await main({ images: 64, trials: 6, epochs: 1, ...quietly('shared') })
    expect(completed).toBeGreaterThan(0)
    expect(front.length).toBeGreaterThan(0)
  })

  it('trains only what a zero-cost score lets pass', async () => {
    const { main } = await import('../../examples/compositions/filtered-evolution.ts')
    const all = await main({ images: 32, trials: 4, atLeast: -1e9, ...quietly('all') })
    expect(all).toMatchObject({ completed: 4, pruned: 0 })
    const few = await main({ images: 32, trials: 4, atLeast: all.naswot!, ...quietly('few') })
    expect(few.pruned).toBeGreaterThan(0)
  })

  it('prunes channels by CACP, then chooses bits in the super-bit space', async () => {
    const { main } = await import('../../examples/compositions/channels-then-bits.ts')
    const result = await main({ images: 32, epochs: 1, episodes: 4, log: () => {} })
    expect(result.channels).toBeLessThan(0.75)
    expect(result.bops).toBeLessThan(1 / 16)
  })

  it('fine-tunes a network of few bits with memorized batch normalisation', async () => {
    const { main } = await import('../../examples/compositions/bits-with-memory.ts')
    const { bops, batchNorm, memory } = await main({ images: 32, epochs: 2, log: () => {} })
    expect(bops).toBeLessThan(1 / 32)
    // Both learn from the same batches, by different statistics.
    expect(batchNorm).toBeGreaterThan(0)
    expect(memory).toBeGreaterThan(0)
  })

  it('starts TPE with the results of a random search', async () => {
    const { main } = await import('../../examples/compositions/warm-started.ts')
    const { warm, best, cite } = await main({ images: 32, trials: 2, ...quietly('warm') })
    expect(warm).toBe(2)
    expect(best).toBeGreaterThanOrEqual(0)
    expect(cite).toContain('watanabe2023tree')
  })

  it('tests every example of the folder', () => {
    expect(readdirSync('examples/compositions').sort()).toEqual([
      'bits-with-memory.ts',
      'bohb-over-normalisations.ts',
      'channels-then-bits.ts',
      'filtered-evolution.ts',
      'fit-then-compress.ts',
      'generator-by-evolution.ts',
      'hnas-space-by-nsga2.ts',
      'supernet-by-nsga2.ts',
      'warm-started.ts',
    ])
  })
})
