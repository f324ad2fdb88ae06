import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seeded } from 'archloom'
import {
  findTask,
  foldsOf,
  numberOf,
  planFeatures,
  prepareRows,
  prepareTraining,
  readDelimited,
  readTable,
  secondsOf,
  tableOfRows,
  truthOfRows,
  typeOf,
} from 'archloom/evaluators/tables'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-tables-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
const written = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const column = (cells: readonly (string | number | null)[], name = 'c') => typeOf({ name, cells })

describe('tables', () => {
  it.each([
    [',', 'a,b\n1,"x, y"\n2,z\n'],
    [';', 'a;b\n1;x\n2;"y; z"\n'],
    ['\t', 'a\tb\n1\tx, y\n2\tz\n'],
    ['|', 'a|b\r\n1|x\r\n2|y\r\n'],
  ])('finds the delimiter %j, outside quotes', async (delimiter, text) => {
    const table = await readDelimited(text, 'text')
    expect(table.delimiter).toBe(delimiter)
    expect(table.columns.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(table.rows).toBe(2)
  })

  it('names columns that have no name or the same one, and takes a first row of numbers for data', async () => {
    expect((await readDelimited('a,,a\n1,2,3\n', 'text')).columns.map(({ name }) => name)).toEqual([
      'a',
      'column_2',
      'a_2',
    ])
    const { rows, columns } = await readDelimited('1,2\n3,4\n', 'text')
    expect(rows).toBe(2)
    expect(columns[0]).toEqual({ name: 'column_1', cells: ['1', '3'] })
  })

  it('reads JSON lines, JSON and in-memory rows alike', async () => {
    const rows = [
      { a: 1, b: 'x' },
      { a: null, b: true },
    ]
    const expected = [
      { name: 'a', cells: [1, null] },
      { name: 'b', cells: ['x', 'true'] },
    ]
    expect(tableOfRows(rows).columns).toEqual(expected)
    expect((await readTable(written('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')))).columns).toEqual(
      expected,
    )
    expect((await readTable(written('rows.json', JSON.stringify(rows)))).columns).toEqual(expected)
  })

  it.each([
    ['little-endian', [0xff, 0xfe], (text: string) => Buffer.from(text, 'utf16le')],
    ['big-endian', [0xfe, 0xff], (text: string) => Buffer.from(text, 'utf16le').swap16()],
  ] as const)('reads UTF-16, %s, as spreadsheets write it', async (_order, mark, encode) => {
    const path = join(folder, 'unicode.txt')
    writeFileSync(path, Buffer.concat([Buffer.from(mark), encode('größe\tort\n1\tZürich\n2\tBern\n')]))
    expect((await readTable(path)).columns).toEqual([
      { name: 'größe', cells: ['1', '2'] },
      { name: 'ort', cells: ['Zürich', 'Bern'] },
    ])
  })

  it('refuses input that is not a table, and leaves out a few ragged rows', async () => {
    await expect(readTable(join(folder, 'none.csv'))).rejects.toThrow('ARCHLOOM_TABLE_READ')
    await expect(readTable(written('bad.jsonl', '{"a":1}\nnope'))).rejects.toThrow(/ARCHLOOM_TABLE_READ.*line 2/)
    await expect(readTable(written('list.json', '[1,2]'))).rejects.toThrow('ARCHLOOM_TABLE_READ')
    await expect(readTable(written('bad.parquet', 'PAR1'))).rejects.toThrow('ARCHLOOM_TABLE_READ')
    await expect(readTable(written('empty.csv', ''))).rejects.toThrow('ARCHLOOM_TABLE_EMPTY')
    await expect(readTable(written('names.csv', 'a,b\n'))).rejects.toThrow('ARCHLOOM_TABLE_EMPTY')
    await expect(readTable(written('ragged.csv', 'a,b\n1,2\n3\n4\n5,6\n'))).rejects.toThrow(
      /ARCHLOOM_TABLE_RAGGED.*row 3 has 1, expected 2/,
    )
    await expect(readTable(written('open.csv', 'a,b\n1,2\n3,"4\n5,6\n'))).rejects.toThrow(
      /ARCHLOOM_TABLE_READ: open.csv .*quotation mark that opens a field in row 3 is never closed/,
    )
    const lines = Array.from({ length: 100 }, (_, i) => (i === 40 ? '1,2,3' : `${i},x`))
    const table = await readTable(written('one.csv', `a,b\n${lines.join('\n')}\n`))
    expect(table.rows).toBe(99)
    expect(table.notes[0]).toContain('1 of 100 rows')
  })

  it('types a column by all of its values', () => {
    expect(column(['1', '2.5', '-3e2', null]).type.kind).toBe('number')
    expect(column(['00123', '00456', '7']).type.kind).toBe('category')
    expect(column(['9007199254740993', '1']).type.kind).toBe('category')
    expect(column(['0x10', '0x20']).type.kind).toBe('category')
    expect(column(['1,234.50', '2,000.00', '3']).type).toMatchObject({ kind: 'number' })
    expect(column(['5 %', '7 %', '12 %']).warnings[0]).toContain('read as numbers')
    expect(typeOf({ name: 'c', cells: ['1,5', '2,5', '1.000,25'] }, ';').type).toMatchObject({
      kind: 'number',
      decimalComma: true,
    })
    const stray = [...Array.from({ length: 99 }, (_, i) => String(i * 1.5)), 'broken']
    expect(column(stray)).toMatchObject({ type: { kind: 'number' }, warnings: [expect.stringContaining('"broken"')] })
    expect(column(['1', 'inf', '2', '-Infinity', '3']).warnings[0]).toContain('2 infinite values')
    expect(column(['2024-02-28', '2024-02-29']).type).toEqual({ kind: 'date', order: 'iso' })
    expect(column(['2024-02-30', '2024-02-29']).type.kind).toBe('category')
    expect(column(['13/2/2024', '1/2/2024']).type).toEqual({ kind: 'date', order: 'dmy' })
    expect(column(['2/13/2024', '1/2/2024']).type).toEqual({ kind: 'date', order: 'mdy' })
    expect(column(['2/1/2024', '1/2/2024']).warnings[0]).toContain('both orders fit')
    expect(column(Array.from({ length: 30 }, (_, i) => String(i + 5))).drop).toBe('it numbers the rows')
    expect(column(['a', 'a']).drop).toContain('the same')
    expect(column([null, null]).drop).toContain('empty')
  })

  it('finds the task that a target asks for', () => {
    const taskOf = (values: readonly unknown[]) => findTask(tableOfRows(values.map((y, i) => ({ x: i, y }))), 'y').task
    expect(taskOf(Array.from({ length: 40 }, (_, i) => (i % 2 ? 'yes' : 'no')))).toMatchObject({
      kind: 'classification',
      classes: ['no', 'yes'],
    })
    expect(taskOf(Array.from({ length: 40 }, (_, i) => i % 2))).toMatchObject({
      kind: 'classification',
      classes: ['0', '1'],
    })
    expect(taskOf(Array.from({ length: 200 }, (_, i) => i % 11))).toMatchObject({ kind: 'classification' })
    // Sorted as numbers: 10 comes after 9.
    expect(taskOf(Array.from({ length: 200 }, (_, i) => i % 11))).toMatchObject({
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
    })
    expect(taskOf(Array.from({ length: 40 }, (_, i) => i))).toMatchObject({ kind: 'regression' })
    expect(taskOf(Array.from({ length: 40 }, (_, i) => (i % 3) + 0.5))).toMatchObject({ kind: 'regression' })
    const lost = findTask(tableOfRows(Array.from({ length: 40 }, (_, i) => ({ x: i, y: i % 4 ? i / 7 : null }))), 'y')
    expect(lost.table.rows).toBe(30)
    expect(lost.notes[0]).toContain('10 of 40 rows have no y')
  })

  it('spreads classes evenly over folds, keeps groups together, and cuts time in stretches', () => {
    const targets = Float64Array.from({ length: 103 }, (_, i) => Number(i % 10 === 0))
    const task = { kind: 'classification', target: 'y', classes: ['0', '1'] } as const
    const folds = foldsOf({ targets, task }, 5, seeded(1))
    const rare = [0, 1, 2, 3, 4].map((fold) => targets.filter((target, i) => target === 1 && folds[i] === fold).length)
    expect(Math.max(...rare) - Math.min(...rare)).toBeLessThanOrEqual(1)
    const groups = Array.from(targets, (_, i) => `g${i % 13}`)
    const grouped = foldsOf({ targets, task }, 5, seeded(1), { groups })
    for (const group of new Set(groups))
      expect(new Set(groups.flatMap((each, i) => (each === group ? [grouped[i]] : []))).size).toBe(1)
    const ordered = [...foldsOf({ targets, task }, 5, seeded(1), { ordered: true })]
    expect(ordered).toEqual(ordered.toSorted((a, b) => a - b))
  })

  it('gives a row no mean target that its own target is part of', () => {
    // One category for each pair of rows: a mean of both would tell each its own target.
    const rows = Array.from({ length: 40 }, (_, i) => ({ c: `k${i >> 1}`, y: i % 2 }))
    const table = tableOfRows(rows.map(({ c }) => ({ c })))
    const target = { outputs: 1, values: Float64Array.from(rows, ({ y }) => y) }
    const plan = planFeatures(
      table,
      table.columns.map((each) => typeOf(each)),
      target,
    )
    const at = plan.features.findIndex(({ kind }) => kind === 'target')
    const x = prepareTraining(
      plan,
      table,
      target,
      Int32Array.from(rows, (_, i) => i % 2),
    )
    const value = (row: number) => x[row * plan.features.length + at]!
    // Rows of fold 0 (target 0) see fold 1 only (target 1), and the other way round.
    for (let row = 0; row < 40; row++) expect(value(row)).toBeCloseTo(1 - (row % 2), 6)
    const known = prepareRows(plan, [{ c: 'k3' }, { c: 'never seen' }])
    expect(known[at]).toBeCloseTo(0.5, 6)
    expect(known[plan.features.length + at]).toBeCloseTo(0.5, 6)
  })

  it('writes as many features as it names, all finite, for any row', () => {
    const rng = seeded(3)
    const rows = Array.from({ length: 60 }, () => ({
      n: rng.float() < 0.2 ? null : rng.normal(),
      k: rng.int(4),
      c: rng.pick(['a', 'b', null]),
      d: `2023-0${1 + rng.int(9)}-05`,
    }))
    const table = tableOfRows(rows)
    const plan = planFeatures(
      table,
      table.columns.map((each) => typeOf(each)),
      { outputs: 1, values: new Float64Array(60) },
    )
    fc.assert(
      fc.property(
        fc.record({ n: fc.anything(), k: fc.anything(), c: fc.anything(), d: fc.anything() }, { requiredKeys: [] }),
        (row) => {
          const features = prepareRows(plan, [row])
          expect(features).toHaveLength(plan.features.length)
          expect(features.every(Number.isFinite)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('values that could be read as others', () => {
  const planOf = (rows: readonly Record<string, unknown>[], delimiter = ',') => {
    const table = tableOfRows(rows)
    const typed = table.columns.map((each) => typeOf(each, delimiter))
    return planFeatures(table, typed, { outputs: 1, values: new Float64Array(rows.length) })
  }
  const seconds = (text: string) => secondsOf(text, 'iso')

  it('dates say their distance from UTC', () => {
    expect(seconds('2024-03-01T00:30:00+05:30')).toBe(seconds('2024-02-29T19:00:00Z'))
    expect(seconds('2024-03-01T00:30-0100')).toBe(seconds('2024-03-01T01:30:00'))
    const plan = planOf(['2024-03-01T00:30:00+05:30', '2024-05-01T00:00:00Z'].map((d) => ({ d })))
    const features = (d: unknown) => [...prepareRows(plan, [{ d }])]
    expect(features('2024-03-01T00:30:00+05:30')).toEqual(features('2024-02-29T19:00:00Z'))
    expect(features(new Date('2024-02-29T19:00:00Z'))).toEqual(features('2024-02-29T19:00:00Z'))
    for (const none of ['2024-02-30', '2024-13-01', '2024-01-01T25:00', '2024-01-01 or so'])
      expect(features(none), none).toEqual(features(null))
    const days = planOf(['13/01/2024', '14/05/2024'].map((d) => ({ d })))
    expect(prepareRows(days, [{ d: new Date('2024-05-14') }])).toEqual(prepareRows(days, [{ d: '14/05/2024' }]))
  })

  it('a point beside a decimal comma is no thousands separator unless three digits follow', () => {
    expect(numberOf('3.5', { decimalComma: true })).toBeNaN()
    expect(numberOf('1.234,5', { decimalComma: true })).toBe(1234.5)
    const mixed = typeOf({ name: 'c', cells: ['1,5', '2,5', '3.5', '4,5'] }, ';')
    expect(mixed.type.kind).toBe('category')
    const german = planOf(
      ['1,5', '2,5', '4,5', '1.234,5'].map((c) => ({ c })),
      ';',
    )
    const english = planOf(['1,500', '2,500', '4,750'].map((c) => ({ c })))
    expect([...prepareRows(german, [{ c: '3.5' }])]).toEqual([...prepareRows(german, [{ c: null }])])
    expect([...prepareRows(english, [{ c: '1,5' }])]).toEqual([...prepareRows(english, [{ c: null }])])
    expect([...prepareRows(english, [{ c: '1e999' }])]).toEqual([...prepareRows(english, [{ c: null }])])
    expect([...prepareRows(english, [{ c: 1500 }])]).toEqual([...prepareRows(english, [{ c: '1,500' }])])
  })

  it('true is True, and 1 among numbers', () => {
    const flags = planOf(['True', 'False', 'True'].map((c) => ({ c })))
    expect(prepareRows(flags, [{ c: true }, { c: 'true' }])).toEqual(prepareRows(flags, [{ c: 'True' }, { c: 'True' }]))
    const bits = planOf([0, 1, 1, 0].map((c) => ({ c })))
    expect(prepareRows(bits, [{ c: true }])).toEqual(prepareRows(bits, [{ c: 1 }]))
  })

  it('infinite values of rows are noted, as those of texts are', () => {
    const { notes } = tableOfRows([{ a: 1, b: Number.POSITIVE_INFINITY }, { a: 2, b: Number.NEGATIVE_INFINITY }, { a: Number.NaN }]) // biome-ignore format: one line
    expect(notes).toEqual(['b: 2 infinite values count as missing'])
  })

  it('a row without its true value, or with a class that is not known, is not measured', () => {
    const amount = { kind: 'regression', target: 'amount' } as const
    for (const value of [null, undefined, '', 'much'])
      expect(() => truthOfRows(amount, [{ amount: 1 }, { amount: value }])).toThrow(
        /ARCHLOOM_TABLE_TRUTH: row 2 .*"amount"/,
      )
    expect([...truthOfRows({ ...amount, decimalComma: true }, [{ amount: '1,5' }])]).toEqual([1.5])
    const kind = { kind: 'classification', target: 'kind', classes: ['False', 'True'] } as const
    expect([...truthOfRows(kind, [{ kind: ' True' }, { kind: false }])]).toEqual([1, 0])
    for (const value of [null, 'Maybe'])
      expect(() => truthOfRows(kind, [{ kind: value }])).toThrow(/ARCHLOOM_TABLE_TRUTH.*\["False","True"\]/)
    const several = { kind: 'multi-target', target: 'a, b', targets: ['a', 'b'] } as const
    expect(() => truthOfRows(several, [{ a: 1, b: null }])).toThrow(/ARCHLOOM_TABLE_TRUTH.*"b"/)
  })
})
