import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bestTable, shortArchitecture } from '../../../core/cli/report/best-table.ts'
import { svgOfDot, writePicture } from '../../../core/cli/report/pictures.ts'
import { progressChart } from '../../../core/cli/report/progress-chart.ts'
import { seriesOf } from '../../../core/cli/report/series.ts'
import { terminalPlot } from '../../../core/cli/report/terminal-plot.ts'
import { niceTicks } from '../../../core/cli/report/ticks.ts'
import { cut, durationText, numberText, tableText } from '../../../core/cli/text.ts'
import type { Trial } from '../../../core/trial/trial.ts'

const objective = { metric: 'error', direction: 'minimise', weight: 1, scale: 1 } as const
const open = (n: number): Trial => ({
  trial: n,
  status: 'running',
  genotype: [n],
  text: String(n),
  seed: 1,
  metrics: {},
  architecture: null,
  rungs: [],
  attempts: 1,
})
const trial = (n: number, error: number, feasible = true): Trial => ({
  ...open(n),
  trial: n,
  status: 'completed',
  genotype: [n],
  text: String(n),
  seed: 1,
  metrics: { error },
  reward: -error,
  feasible,
  elapsedMs: 1000,
})
const lost = (n: number): Trial => ({ ...open(n), status: 'failed', text: '' })
const trials = [trial(0, 5), trial(1, 6), lost(2), trial(3, 1, false), trial(4, 3), trial(5, 4)]
const series = seriesOf(trials, objective)

describe('text', () => {
  it('writes durations and numbers for people', () => {
    expect([400, 59_499, 61_000, 3_599_000, 3_600_000, 36_300_000].map(durationText)).toEqual([
      ...['0 s', '59 s', '1 min 01 s', '59 min 59 s', '1 h 00 min', '10 h 05 min'],
    ])
    expect([0, 7, 0.5, 1.5, 123.456, 12_345, 2.5e6, 3e9, 0.0001, -4321].map(numberText)).toEqual([
      ...['0', '7', '0.5000', '1.500', '123.5', '12.3 k', '2.50 M', '3.00 G', '1.00e-4', '-4321'],
    ])
    expect(cut('abcdef', 4)).toBe('abc…')
  })

  it('lines up tables, numbers to the right', () => {
    expect(
      tableText(
        ['name', 'n'],
        [
          ['a', '1'],
          ['bcdef', '10'],
        ],
      ),
    ).toBe(['name    n', '─────────', 'a       1', 'bcdef  10'].join('\n'))
  })
})

describe('series', () => {
  it('holds the best feasible value so far, in the direction of the objective', () => {
    expect(series.best.map(({ trial: at, value }) => [at, value])).toEqual([
      [0, 5],
      [4, 3],
    ])
    expect(series.points).toHaveLength(5)
    expect(series.failed).toEqual([2])
  })
})

describe('ticks', () => {
  it('are round, evenly spaced and cover the range', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const ticks = niceTicks(low, low + span)
          const [first, second] = ticks as [number, number]
          const step = second - first
          expect(first).toBeLessThanOrEqual(low + 1e-9 * (Math.abs(low) + span))
          expect(ticks.at(-1)).toBeGreaterThanOrEqual(low + span - 1e-9 * (Math.abs(low) + span))
          expect(ticks.length).toBeLessThanOrEqual(8)
          const mantissa = step / 10 ** Math.floor(Math.log10(step) + 1e-9)
          expect([1, 2, 5, 10].some((m) => Math.abs(m - mantissa) < 1e-3)).toBe(true)
        },
      ),
    )
    expect(niceTicks(0.1, 0.3)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3])
    expect(niceTicks(2, 2).length).toBeGreaterThan(1)
  })
})

describe('pictures', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'archloom-pictures-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('draws every trial, the failed ones and the best so far', async () => {
    const svg = progressChart(series, 'a <study>')
    expect(svg.match(/<circle[^>]*r="3.5"/g)).toHaveLength(5 + 2)
    expect(svg).toContain('a &lt;study&gt;')
    expect(svg).toContain('best so far: 3 (trial 4)')
    expect(svg).toContain('out of bounds')
    expect(svg).toContain('failed')
    const { png, svg: file } = await writePicture(folder, 'progress', svg)
    expect(readFileSync(file, 'utf8')).toBe(svg)
    const picture = sharp(png)
    expect(await picture.metadata()).toMatchObject({ format: 'png', width: 1720, height: 840 })
    // The red of the best-so-far line is really there.
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true })
    let red = 0
    for (let i = 0; i < data.length; i += info.channels)
      if (data[i]! > 200 && data[i + 1]! < 90 && data[i + 2]! < 110) red++
    expect(red).toBeGreaterThan(1000)
  })

  it('draws a study without results, or with one', () => {
    expect(progressChart(seriesOf([lost(0)], objective), 'none')).not.toContain('NaN')
    expect(progressChart(seriesOf([trial(0, 1)], objective), 'one')).not.toContain('NaN')
  })

  it('draws DOT', async () => {
    const svg = await svgOfDot('digraph { a -> b [label="conv"] }')
    expect(svg).toContain('<svg')
    expect(svg).toContain('conv')
    await expect(svgOfDot('digraph {')).rejects.toThrow()
  })
})

describe('in the terminal', () => {
  it('plots the best so far', () => {
    const plot = terminalPlot(series)
    expect(plot).toContain('best error so far, trials 0 to 5')
    expect(plot.split('\n')).toHaveLength(10)
    // Ranges that overflow, that are lost beside their values, and values that are infinite.
    for (const [low, high] of [
      [-1e308, 1e308],
      [1e300, 1.0000000000000002e300],
      [1, Number.POSITIVE_INFINITY],
    ]) {
      const best = [
        { trial: 0, value: low!, feasible: true },
        { trial: 3, value: high!, feasible: true },
      ]
      expect(terminalPlot({ ...series, best, trials: 9 })).toBe('')
    }
    expect(terminalPlot(seriesOf([trial(0, 1), trial(1, 2), trial(2, 3)], objective))).toBe('')
    expect(
      terminalPlot(
        seriesOf(
          Array.from({ length: 500 }, (_, i) => trial(i, 500 - i)),
          objective,
        ),
      ).split('\n')[1]?.length,
    ).toBeLessThan(100)
  })

  it('tells architectures in a line', () => {
    expect(shortArchitecture({ layers: 3, op: { kernel: 5 } })).toBe('layers 3, op.kernel 5')
    expect(shortArchitecture(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`decision${i}`, i])))).toBe(
      '0 1 2 3 4 5 6 7 8',
    )
    expect(shortArchitecture('relu')).toBe('relu')
    const rows = [{ ...trial(4, 3), architecture: { op: 'a' } }]
    expect(bestTable(rows, [objective], { label: () => 'my label' })).toMatch(/my label$/)
    expect(bestTable(rows, [objective])).toMatch(/1 {6}4 {6}3 {2}1 s {3}4 {2}op a$/)
  })
})
