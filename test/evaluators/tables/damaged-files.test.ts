import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileTable } from 'archloom/evaluators/tabular'
import { toySpace } from 'archloom/search-spaces/toy'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTable } from '../../../evaluators/tables/index.ts'
import { bytes, coded, codedLater, inputs, limits, spoilt, values, withBytes } from '../../damage.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-damaged-tables-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const houses = Array.from({ length: 40 }, (_, i) => ({
  rooms: 1 + (i % 6),
  area: 20.5 + i * 1.25,
  city: ['Ulm', 'Graz "am Berg"', 'Bern, Nord'][i % 3]!,
  built: `19${10 + i}-04-01`,
}))
const quoted = (value: unknown) => (typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value))
const csv = `rooms,area,city,built\n${houses.map((row) => Object.values(row).map(quoted).join(',')).join('\n')}\n`
const files: Readonly<Record<string, Buffer>> = {
  'houses.csv': Buffer.from(csv),
  'houses.jsonl': Buffer.from(houses.map((row) => JSON.stringify(row)).join('\n')),
  'houses.json': Buffer.from(JSON.stringify(houses)),
  'houses.parquet': readFileSync(new URL('../../assets/houses.parquet', import.meta.url)),
}

/** What was read has one value in each row for each column. */
async function readBack(file: string): Promise<void> {
  const table = await codedLater(() => readTable(file))
  for (const column of table?.columns ?? []) expect(column.cells).toHaveLength(table!.rows)
}

describe('damaged tables are read or refused with a code', limits, () => {
  it.each(Object.keys(files))('%s with other bytes', async (name) => {
    const file = join(folder, name)
    await readBackWhole(name)
    await fc.assert(
      fc.asyncProperty(bytes, async (changes) => {
        writeFileSync(file, withBytes(files[name]!, changes))
        await readBack(file)
      }),
      // Each Parquet file is decoded in a thread of its own, and some take ten seconds until they are given up.
      { numRuns: name.endsWith('.parquet') ? Math.ceil(inputs / 10) : inputs },
    )
  })

  it('JSON with other values', async () => {
    const file = join(folder, 'values.json')
    await fc.assert(
      fc.asyncProperty(values, async (changes) => {
        writeFileSync(file, spoilt(files['houses.json']!.toString(), changes))
        await readBack(file)
      }),
      { numRuns: inputs },
    )
  })

  it('tables of architectures with other values and bytes', () => {
    const space = toySpace()
    const rows = [1, 2, 3].map((layers) => ({
      architecture: JSON.stringify({ layers, filters: 8, kernel: 3 }),
      accuracy: 0.5 + layers / 100,
      test: 0.5,
    }))
    const file = join(folder, 'table.json')
    const open = () => fileTable({ file, chooses: 'accuracy', reports: 'test', space })
    writeFileSync(file, JSON.stringify(rows))
    expect(open().name).toBe(file)
    fc.assert(
      fc.property(values, bytes, fc.boolean(), (changes, others, both) => {
        const text = Buffer.from(spoilt(JSON.stringify(rows), changes))
        writeFileSync(file, both ? withBytes(text, others) : text)
        coded(open)
      }),
      { numRuns: inputs },
    )
  })
})

/** The file as it was written can be read, so that the damage is what is tested. */
async function readBackWhole(name: string): Promise<void> {
  const file = join(folder, name)
  writeFileSync(file, files[name]!)
  expect(await readTable(file)).toMatchObject({ rows: houses.length })
}
