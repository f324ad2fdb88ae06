import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { seeded } from 'archloom'
import { fit, loadModel } from 'archloom/fit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { findTask, tableOfRows } from '../../../evaluators/tables/index.ts'
import { prepareTable } from '../../../plugins/fit/tables/examples.ts'
import { lossAgainst, measured } from '../../../plugins/fit/tables/measure.ts'

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'fit-several-')))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Two numbers that tell three labels and two quantities. */
function rowsOf(count: number) {
  const rng = seeded('several')
  return Array.from({ length: count }, () => {
    const [x, y] = [rng.normal(), rng.normal()]
    const labels = [x > 0 && 'right', y > 0 && 'up', x * y > 0.5 && 'far'].filter((label) => label !== false)
    return { x, y, tags: labels.join(';'), a: 3 * x - y + 0.1 * rng.normal(), b: 1000 * y * y, rng: rng.int(9) }
  })
}
const quick = { budget: { steps: 60 }, trials: 5 } as const
const only = (rows: ReturnType<typeof rowsOf>, ...names: (keyof ReturnType<typeof rowsOf>[number])[]) =>
  rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])))

describe('scores of several labels', () => {
  // Two labels of four rows, interleaved. The first is the example in scikit-learn's documentation of
  // average_precision_score (0.8333); of the second every positive is ahead of every negative (1).
  const truth = Float64Array.of(0, 1, 0, 0, 1, 1, 1, 0)
  const scores = Float64Array.of(0.1, 0.9, 0.4, 0.2, 0.35, 0.6, 0.8, 0.1)

  it('are micro and macro F1 and the mean average precision', () => {
    const { microF1, macroF1, hammingLoss, meanAveragePrecision, loss } = measured(scores, truth, {
      kind: 'labels',
      outputs: 2,
    })
    // Label 1: 1 hit, 1 predicted, 2 present: F1 2/3. Label 2: 2 hits, 2 predicted, 2 present: F1 1.
    expect(macroF1).toBeCloseTo((2 / 3 + 1) / 2, 12)
    expect(microF1).toBeCloseTo((2 * 3) / (3 + 4), 12)
    // One of eight decisions is wrong.
    expect(hammingLoss).toBe(1 / 8)
    expect(meanAveragePrecision).toBeCloseTo((0.8333333333 + 1) / 2, 9)
    const logs = [0.9, 0.9, 0.6, 0.8, 0.35, 0.6, 0.8, 0.9].map(Math.log)
    expect(loss).toBeCloseTo(-logs.reduce((a, b) => a + b) / 8, 12)
  })

  it('count equal scores as one threshold, and a label that never occurs in macro F1 only', () => {
    const equal = measured(Float64Array.of(0.5, 0, 0.5, 0), Float64Array.of(1, 0, 0, 0), { kind: 'labels', outputs: 2 })
    expect(equal.meanAveragePrecision).toBe(0.5)
    expect(equal.macroF1).toBeCloseTo((2 / 3 + 0) / 2, 12)
  })

  it('measure several quantities in standard deviations of each', () => {
    const aim = { kind: 'quantities', outputs: 2 } as const
    const known = Float64Array.of(0, 0, 2, 2000)
    expect(lossAgainst(known, aim)(Float64Array.of(1, 1000, 1, 1000))).toBeCloseTo(1, 12)
    expect(measured(Float64Array.of(0, 1000, 2, 1000), known, aim, ['m', 'mm'])).toMatchObject({
      'rmse of m': 0,
      'rmse of mm': 1000,
      r2: 0.5,
    })
  })
})

describe('fit with several labels', () => {
  it('finds labels in a column of texts, predicts each, and its exported folder does the same', async () => {
    const rows = rowsOf(400)
    using result = await fit({ data: only(rows.slice(0, 300), 'x', 'y', 'tags'), ...quick })
    expect(result.task).toBe('multi-label')
    expect(result.classes).toEqual(['far', 'right', 'up'])
    expect(result.metrics.microF1).toBeGreaterThan(0.85)
    const baseline = result.comparison.find(({ baseline: { name } }) => name.startsWith('baseline'))!
    expect(baseline.found.value).toBeLessThan(0.6 * baseline.baseline.value)
    const unseen = rows.slice(300)
    const metrics = await result.evaluate(only(unseen, 'x', 'y', 'tags'))
    expect(metrics.meanAveragePrecision).toBeGreaterThan(0.85)
    expect(metrics.macroF1).toBeGreaterThan(0.75)

    const out = join(folder, 'tags')
    await result.export(out)
    const inputs = only(unseen, 'x', 'y')
    const ours = await result.predict(inputs)
    await using model = await loadModel(out)
    const theirs = await model.predict(inputs)
    for (const [i, own] of ours.entries()) {
      if (!('labels' in own)) throw new Error('no labels')
      expect(theirs[i]!['probability of far']).toBeCloseTo(own.probabilities.far!, 3)
      expect(theirs[i]!.predicted).toBe(own.labels.join(';'))
    }
    writeFileSync(join(out, 'rows.json'), JSON.stringify(inputs))
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), join(out, 'rows.json')], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const labels = (JSON.parse(printed) as { labels: string[] }[]).map((each) => each.labels.join(';'))
    expect(labels).toEqual(theirs.map(({ predicted }) => predicted))
  })

  it('takes several columns of 0 and 1 on the command line', async () => {
    const rows = rowsOf(120).map(({ x, y }) => ({ x, y, right: x > 0 ? 1 : 0, up: y > 0 ? 1 : 0 }))
    const file = join(folder, 'flags.csv')
    const lines = rows.map((row) => Object.values(row).join(','))
    writeFileSync(file, `x,y,right,up\n${lines.join('\n')}\n`)
    const out = join(folder, 'flags')
    const said: string[] = []
    const terminal = { write: (text: string) => void said.push(text) }
    const flags = ['--target', 'right', '--target', 'up', '--trials', '3', '--minutes', '0.2', '--out', out, '--json']
    expect(await cli(['fit', file, ...flags], { stdout: terminal, stderr: terminal })).toBe(0)
    expect(JSON.parse(said.join('').trim().split('\n').at(-1)!)).toMatchObject({
      task: 'multi-label',
      classes: ['right', 'up'],
      metrics: { microF1: expect.any(Number), meanAveragePrecision: expect.any(Number) },
    })
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8')).task).toMatchObject({ targets: ['right', 'up'] })
    said.length = 0
    expect(await cli(['predict', out, file], { stdout: terminal, stderr: terminal })).toBe(0)
    expect(said.join('').split('\n')[0]).toBe('predicted,probability of right,probability of up')
  })

  it('reads arrays, bars and semicolons as labels, but not ordinary texts, and spreads rare labels over the folds', () => {
    const task = (cells: readonly unknown[], kind?: 'classification' | 'multi-label') =>
      findTask(tableOfRows(cells.map((cell, i) => ({ x: i / 7, y: cell }))), 'y', kind).task
    const cycle = (...values: readonly unknown[]) => Array.from({ length: 60 }, (_, i) => values[i % values.length])
    expect(task(cycle(['a', 'b'], ['a'], []))).toMatchObject({ kind: 'multi-label', classes: ['a', 'b'] })
    expect(task(cycle('a|b', 'a', 'b', null))).toMatchObject({ kind: 'multi-label', separator: '|' })
    expect(task(cycle('a;b', 'a', 'b'), 'classification')).toMatchObject({ classes: ['a', 'a;b', 'b'] })
    expect(task(cycle('yes, please', 'no'))).toMatchObject({ kind: 'classification' })
    expect(task(cycle('a,b', 'a', 'b'), 'multi-label')).toMatchObject({ kind: 'multi-label', classes: ['a', 'b'] })
    expect(() => task(cycle('a'), 'multi-label')).toThrow(/ARCHLOOM_TABLE_CONSTANT/)
    const rows = rowsOf(100).map(({ x, y }, i) => ({ x, y, tags: i < 10 ? 'usual;rare' : i % 2 ? 'usual' : 'other' }))
    const { folds } = prepareTable(tableOfRows(rows)).examples
    expect(Array.from({ length: 5 }, (_, k) => [...folds.subarray(0, 10)].filter((fold) => fold === k).length)).toEqual(
      [2, 2, 2, 2, 2],
    )
  })
})

describe('fit with several quantities', () => {
  it('predicts each in its own unit, and its exported folder does the same', async () => {
    const rows = rowsOf(400)
    const target = ['a', 'b'] as const
    using result = await fit({ data: only(rows.slice(0, 300), 'x', 'y', 'a', 'b'), target, ...quick })
    expect(result.task).toBe('multi-target')
    expect(result.metrics.r2).toBeGreaterThan(0.9)
    expect(Object.keys(result.metrics)).toEqual(['normalisedRmse', 'r2', 'rmse of a', 'rmse of b'])
    const unseen = only(rows.slice(300), 'x', 'y', 'a', 'b')
    expect((await result.evaluate(unseen)).r2).toBeGreaterThan(0.9)
    await result.export(join(folder, 'quantities'))
    await using model = await loadModel(join(folder, 'quantities'))
    const theirs = await model.predict(unseen)
    for (const [i, own] of (await result.predict(unseen)).entries()) {
      if (!('values' in own)) throw new Error('no values')
      expect(theirs[i]!['predicted a']).toBeCloseTo(own.values.a!, 2)
      expect(Number(theirs[i]!['predicted b']) / 1000).toBeCloseTo(own.values.b! / 1000, 3)
    }
  })

  it('says which of several targets cannot be predicted together with the others', async () => {
    const rows = rowsOf(60)
    const run = (...target: string[]) => fit({ data: only(rows, 'x', 'a', 'tags'), target, ...quick })
    await expect(run('a', 'tags')).rejects.toThrow(/ARCHLOOM_TABLE_TARGET_TYPE: column "tags" holds values such as/)
    await expect(run('a', 'c')).rejects.toThrow(/ARCHLOOM_TABLE_TARGET: there is no column "c"/)
    const constant = only(rows, 'x', 'a').map((row) => ({ ...row, c: 1 }))
    await expect(fit({ data: constant, target: ['a', 'c'], ...quick })).rejects.toThrow(/ARCHLOOM_TABLE_CONSTANT.*"c"/)
  })
})
