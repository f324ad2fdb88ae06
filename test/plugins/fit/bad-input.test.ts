import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { seeded } from 'archloom'
import { type FitEvent, fit, fitSeries } from 'archloom/fit'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableOfRows } from '../../../evaluators/tables/index.ts'
import { prepareTable } from '../../../plugins/fit/tables/examples.ts'

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'fit-bad-')))
})
afterAll(() => rmSync(folder, { recursive: true }))

const quick = { budget: { steps: 20 }, trials: 2 } as const
/** A class that a number tells, with chance. */
function rowsOf(count: number, seed = 'rows') {
  const rng = seeded(seed)
  return Array.from({ length: count }, () => {
    const x = rng.normal()
    return { x, other: rng.normal(), kind: x + 0.3 * rng.normal() > 0 ? 'in' : 'out' }
  })
}
const fileOf = (name: string, text: string) => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

describe('what a person would not notice in a table', () => {
  it('refuses a file with ragged rows and says which row is the first', async () => {
    const lines = rowsOf(30).map(({ x, kind }) => `${x},${kind}`)
    for (let i = 4; i < 12; i++) lines[i] = '1,2,in'
    const file = fileOf('ragged.csv', `x,kind\n${lines.join('\n')}\n`)
    await expect(fit({ data: file, ...quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_RAGGED.*8 rows.*row \d+ has 3, expected 2/,
    )
  })

  it('names the column that is no number, is missing, or has no values', async () => {
    const rows = rowsOf(60).map((row, i) => ({ ...row, when: `2024-01-${10 + (i % 20)}`, empty: null }))
    await expect(fit({ data: rows, target: 'kind', task: 'regression', ...quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_TARGET_TYPE: column "kind" holds texts such as "(in|out)".*need numbers/,
    )
    await expect(fitSeries({ data: rows, target: 'when', fit: quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_TARGET_TYPE: column "when" holds dates such as "2024-01-10"/,
    )
    await expect(fit({ data: rows, target: 'kind', group: 'Other', ...quick })).rejects.toThrow(
      /no column "Other" to group rows by; .*Did you mean "other"/,
    )
    await expect(fit({ data: rows, target: 'kind', time: 'then', ...quick })).rejects.toThrow(
      /no column "then" to order rows by/,
    )
    const file = fileOf('no-target.csv', `x,y\n${rows.map(({ x }) => `${x},`).join('\n')}\n`)
    await expect(fit({ data: file, ...quick })).rejects.toThrow(/ARCHLOOM_TABLE_TOO_SMALL: 0 rows have a value/)
    await expect(fit({ data: rows.map(({ kind }) => ({ kind })), ...quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_FEATURES.*the table has no other column/,
    )
    const numbered = rows.map(({ kind }, i) => ({ row: i, kind }))
    await expect(fit({ data: numbered, ...quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_FEATURES.*column "row" is left out because it numbers the rows/,
    )
    const binary = fileOf('binary.csv', String.fromCharCode(...Array.from({ length: 999 }, (_, i) => (i * 7) % 128)))
    await expect(fit({ data: binary, ...quick })).rejects.toThrow(/ARCHLOOM_TABLE_READ.*binary data, not text/)
  })

  it('compares with a baseline once, also where the baseline is the best trial', async () => {
    using result = await fit({ data: rowsOf(60), target: 'kind', budget: { steps: 20 }, trials: 1 })
    expect(result.comparison).toHaveLength(1)
    expect(result.comparison[0]!.baseline.name).toMatch(/^baseline/)
  })

  it('goes on where numbers are missing, not a number or infinite', async () => {
    const lines = rowsOf(80).map(({ x, other, kind }, i) => `${['NaN', 'inf', '-inf', ''][i] ?? x},${other},${kind}`)
    const file = fileOf('infinite.csv', `x,other,kind\n${lines.join('\n')}\n`)
    using result = await fit({ data: file, ...quick })
    const predicted = await result.predict([
      { x: Number.NaN, other: 1 },
      { x: Number.POSITIVE_INFINITY, other: null },
      {},
    ])
    for (const each of predicted) {
      if (!('probability' in each)) throw new Error('no classes')
      expect(each.probability).toBeGreaterThan(0)
      expect(Number.isFinite(each.probability)).toBe(true)
    }
  })

  it('leaves rows without a target out and says how many', async () => {
    const notes: string[] = []
    const rows = rowsOf(60).map((row, i) => (i % 10 === 0 ? { ...row, kind: null } : row))
    using _ = await fit({
      data: rows,
      target: 'kind',
      ...quick,
      onEvent: (event) => void (event.type === 'note' && notes.push(event.message)),
    })
    expect(notes).toContain('6 of 60 rows have no kind and are left out')
  })

  it('gives a category of thousands of values few features, by which it can still tell', () => {
    const rng = seeded('many')
    const rows = Array.from({ length: 12_000 }, () => {
      const town = rng.int(4000)
      return { town: `town ${town}`, kind: town % 2 === 0 ? 'even' : 'odd' }
    })
    const { examples } = prepareTable(tableOfRows(rows), { target: 'kind' })
    expect(examples.features).toBeLessThan(40)
    // The mean target of a row comes from other folds: for most towns it says the class, and never the row's own.
    const at = examples.features - 1
    let right = 0
    for (let i = 0; i < examples.rows; i++)
      if (examples.x[i * examples.features + at]! > 0.5 === (examples.targets[i] === 1)) right++
    expect(right / examples.rows).toBeGreaterThan(0.8)
  })

  it('warns of a column that says the target, of more columns than rows, and of ids', () => {
    const rows = rowsOf(40).map((row, i) => ({
      id: `customer-${i}`,
      code: row.kind === 'in' ? 'A' : 'B',
      ...Object.fromEntries(Array.from({ length: 45 }, (_, k) => [`n${k}`, Math.sin(7 * i + k)])),
      ...row,
    }))
    const { warnings } = prepareTable(tableOfRows(rows), { target: 'kind' })
    const all = warnings.join('\n')
    expect(all).toMatch(/"code" says "kind" by itself: was it made from it\?/)
    expect(all).toMatch(/49 columns for 40 rows/)
    expect(all).toMatch(/"id" is left out/)
    expect(prepareTable(tableOfRows(rowsOf(40)), { target: 'kind' }).warnings).toEqual([])
  })

  it('keeps repeated rows in one fold, and says so', () => {
    const rows = rowsOf(100)
    const { examples, warnings } = prepareTable(tableOfRows([...rows, ...rows.slice(0, 30)]), { target: 'kind' })
    expect(warnings.join('\n')).toMatch(/30 of 130 rows repeat another row/)
    for (let i = 0; i < 30; i++) expect(examples.folds[100 + i]).toBe(examples.folds[i])
  })

  it('spreads rare classes over the folds even so', () => {
    const rows = rowsOf(100).map((row, i) => ({ ...row, kind: i < 10 ? 'rare' : 'usual' }))
    const { examples } = prepareTable(tableOfRows([...rows, ...rows.slice(50, 60)]), { target: 'kind' })
    const rare = Array.from({ length: 5 }, (_, fold) =>
      rows.filter((row, i) => row.kind === 'rare' && examples.folds[i] === fold),
    )
    expect(rare.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2])
  })

  it('keeps rows of a group in one fold, and checks the latest rows where there is a time', () => {
    const rows = rowsOf(90).map((row, i) => ({ ...row, person: `p${i % 9}`, year: 2000 + ((7 * i) % 90) }))
    const grouped = prepareTable(tableOfRows(rows), { target: 'kind', group: 'person' }).examples
    for (let i = 9; i < 90; i++) expect(grouped.folds[i]).toBe(grouped.folds[i % 9])
    expect(new Set(grouped.folds).size).toBe(5)
    const timed = prepareTable(tableOfRows(rows), { target: 'kind', time: 'year' }).examples
    expect(timed.used).toEqual([4])
    const held = rows.filter((_, i) => timed.folds[i] === 4).map(({ year }) => year)
    expect(Math.min(...held)).toBe(2072)
    expect(held).toHaveLength(18)
  })
})

describe('what a person would not notice among images', () => {
  it('leaves repeated images out, and says which have two classes', async () => {
    const root = join(folder, 'images')
    const rng = seeded('images')
    for (const label of ['bright', 'dark']) {
      mkdirSync(join(root, label), { recursive: true })
      for (let i = 0; i < 14; i++) {
        const raw = Buffer.from(Uint8Array.from({ length: 192 }, () => (label === 'bright' ? 170 : 40) + rng.int(60)))
        const image = await sharp(raw, { raw: { width: 8, height: 8, channels: 3 } })
          .png()
          .toBuffer()
        writeFileSync(join(root, label, `${i}.png`), image)
        if (i === 0) writeFileSync(join(root, label, 'again.png'), image)
        if (i === 1 && label === 'bright') {
          mkdirSync(join(root, 'dark'), { recursive: true })
          writeFileSync(join(root, 'dark', 'bright.png'), image)
        }
      }
    }
    const notes: string[] = []
    const onEvent = (event: FitEvent) => void (event.type === 'note' && notes.push(event.message))
    const limits = { parameters: 2500 }
    using result = await fit({ data: root, budget: { steps: 4 }, trials: 1, limits, onEvent })
    const warnings = result.warnings.join('\n')
    expect(warnings).toMatch(/2 images repeat another and are left out/)
    // 14 + 14 images, of which one is in two classes: none of the other 27 is lost.
    const [, train, validation] = /: (\d+) images to train, (\d+) to check/.exec(notes.join('\n'))!
    expect(Number(train) + Number(validation)).toBe(27)
    expect(warnings).toMatch(/1 image is in two classes and is left out of both.*bright\.png/)
  })
})
