import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatedPairs, patchDataset } from 'archloom/evaluators/data/images'
import { afterAll, beforeAll, expect, it } from 'vitest'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-hnas-examples-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const data = patchDataset({
  name: 'generated scenes ×2',
  patch: 14,
  patches: 8,
  validation: 1,
  train: generatedPairs(4, { scale: 2, size: 40 }),
  test: generatedPairs(1, { scale: 2, size: 40, seed: 9 }),
})
const least = { data, epochs: 1, steps: 1, retrainEpochs: 1 }

it('examples/hnas.ts searches, and trains its winner from what bicubic gives', async () => {
  const { main } = await import('../../../examples/hnas.ts')
  const said: string[] = []
  const result = await main({ ...least, directory, log: (text) => said.push(text) })
  expect(said.filter((text) => text.startsWith('derived'))).toHaveLength(6)
  expect(said.filter((text) => text.startsWith('policy'))).toHaveLength(1)
  expect(Math.abs(result.psnr - result.bicubic)).toBeLessThan(1)
  expect(result.architecture.normal).toHaveLength(2)
})

it('examples/hnas-with-drn.ts trains a searched network in a closed loop', async () => {
  const { main } = await import('../../../examples/hnas-with-drn.ts')
  const { results } = await main({ ...least, directory, log: () => {} })
  expect(Object.keys(results)).toEqual(['closed loop', 'no loop'])
  for (const { psnr, lrConsistency } of Object.values(results)) {
    expect(psnr).toBeGreaterThan(10)
    expect(lrConsistency).toBeGreaterThan(psnr)
  }
  expect(results['closed loop']?.psnr).not.toBe(results['no loop']?.psnr)
})
