import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it, vi } from 'vitest'
import { main } from '../examples/tabular-search.ts'
import { itWithData } from './conditional-suites.ts'

const directory = mkdtempSync(join(tmpdir(), 'archloom-tabular-example-'))
afterEach(() => vi.unstubAllEnvs())
afterAll(() => rmSync(directory, { recursive: true }))

itWithData('the tabular search compares controllers on its table', ['nas/nb201.csv.gz'], async () => {
  const result = await main({ trials: 50, seeds: 2, directory, log: () => {} })
  expect(result.found).toBe(true)
  expect(result.means?.evolution).toBeGreaterThan(0.93)
})

it('the tabular search says how to get its table where there is none', async () => {
  vi.stubEnv('ARCHLOOM_DATA', '')
  const said: string[] = []
  expect(await main({ trials: 50, seeds: 2, directory, log: (text) => said.push(text) })).toMatchObject({
    found: false,
  })
  expect(said.join(' ')).toMatch(/ARCHLOOM_TABLE_NOT_FOUND.*set ARCHLOOM_DATA/)
})
