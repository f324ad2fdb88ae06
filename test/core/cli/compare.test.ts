import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archloom } from './terminal.ts'

const digits = fileURLToPath(new URL('./modules/digits.ts', import.meta.url))
let directory: string
const here = () => ['--directory', directory]

beforeAll(async () => {
  mkdirSync('.cache', { recursive: true })
  directory = mkdtempSync(resolve('.cache', 'compare-'))
  for (const [study, trials] of [
    ['long-1', '30'],
    ['long-2', '30'],
    ['short-1', '6'],
    ['short-2', '6'],
  ] as const)
    await archloom('run', digits, '--trials', trials, '--study', study, ...here())
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('archloom compare', () => {
  it('compares studies one by one and in groups', async () => {
    const human = await archloom('compare', 'long-1', 'short-1', ...here())
    expect(human.code).toBe(0)
    expect(human.stdout).toMatch(/long-1 against short-1 +all trials/)
    const { json } = await archloom('compare', 'long-*', 'short-1,short-2', '--json', ...here())
    expect(json.groups.map(({ studies }: { studies: string[] }) => studies)).toEqual([
      ['long-1', 'long-2'],
      ['short-1', 'short-2'],
    ])
    expect(json.pairs[0]).toMatchObject({ sample: 'best', groups: ['long-*', 'short-1,short-2'] })
    expect(json.groups[1].curve).toHaveLength(6)
  })

  it('prints the curves as CSV', async () => {
    const { stdout } = await archloom('compare', 'long-*', 'short-1,short-2', '--csv', ...here())
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('group,trials,studies,mean,sd,low,high')
    expect(lines).toHaveLength(1 + 30 + 6)
    expect(lines.at(-1)).toMatch(/^"short-1,short-2",6,2,/)
  })

  it('says what a single study and a wide interval do not tell, and refuses a single group', async () => {
    const single = await archloom('compare', 'long-1', 'short-1', ...here())
    expect(single.stdout).toMatch(/\n\nlong-1, short-1: one study, so there is no deviation and no interval/)
    expect(single.stdout).toMatch(/\n\nall trials: one of the two groups has a single study/)
    const pairs = await archloom('compare', 'long-*', 'short-*', ...here())
    expect(pairs.stdout).toMatch(/\[-?[\d.]+, -?[\d.]+\]/)
    expect(pairs.stdout).not.toMatch(/one study|all trials/)
    const { code, stderr } = await archloom('compare', 'long-*', ...here())
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^ARCHLOOM_ANALYSIS_SAMPLES: a comparison received "long-\*" with 2 studies; .*every argument/,
    )
  })

  it('refuses what matches nothing', async () => {
    const { code, stderr } = await archloom('compare', 'long-1', 'none-*', ...here())
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ARCHLOOM_COMPARE_NOTHING: no study matches "none-\*".*long-1/)
  })
})

describe('archloom importance', () => {
  it('lists every decision', async () => {
    const { json } = await archloom('importance', 'long-1', '--pairs', '--json', ...here())
    expect(json).toMatchObject({ study: 'long-1', method: 'fanova', metric: 'value', trials: 29 })
    expect(json.decisions).toHaveLength(4)
    expect(json.pairs).toHaveLength(6)
    const human = await archloom('importance', 'long-1', '--method', 'ped-anova', ...here())
    expect(human.stdout).toMatch(/digit\.\d +\d+\.\d/)
  })
})

it('archloom export --as csv writes a row for each trial', async () => {
  const out = join(directory, 'long.csv')
  expect((await archloom('export', 'long-1', '--as', 'csv', '--out', out, ...here())).code).toBe(0)
  expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toHaveLength(31)
})
