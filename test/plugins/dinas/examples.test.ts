import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatedImages } from 'archloom/evaluators/data'
import { expect, it } from 'vitest'

const data = generatedImages({ train: 64, validation: 32, test: 32, size: 8 })

it('the example of DI-NAS measures both kinds of update', async () => {
  const { main } = await import('../../../examples/dinas.ts')
  const said: string[] = []
  const { plain, projected } = await main({ data, steps: 2, channels: 2, log: (text) => said.push(text) })
  expect(plain?.freedom).toBe(1)
  expect(projected?.freedom).toBeLessThan(1)
  expect(said.filter((text) => text.includes('trace(P)/d'))).toHaveLength(2)
})

it('CNAS trains with the weight optimizer of DI-NAS, and says how free it is', async () => {
  const { main } = await import('../../../examples/cnas-with-dinas.ts')
  const directory = mkdtempSync(join(tmpdir(), 'archloom-dinas-'))
  const said: string[] = []
  try {
    const big = generatedImages({ train: 64, validation: 32, test: 32, size: 16 })
    const { accuracy } = await main({ data: big, weightSteps: 6, directory, log: (text) => said.push(text) })
    expect(accuracy).toBeGreaterThanOrEqual(0)
  } finally {
    rmSync(directory, { recursive: true })
  }
  const freedom = said.flatMap((text) => /trace\(P\)\/d ([\d.]+)/.exec(text)?.[1] ?? []).map(Number)
  expect(freedom[0]).toBe(1)
  expect(Math.min(...freedom)).toBeLessThan(1)
  expect(said.some((text) => /disturbance -?[\d.]+ nats/.test(text))).toBe(true)
})
