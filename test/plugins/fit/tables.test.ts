import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { seeded } from 'archloom'
import { type FitEvent, fit, fitSeries, loadModel } from 'archloom/fit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { processorClock } from '../../../plugins/fit/index.ts'

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'fit-')))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Two classes that a line cannot part, a category that matters, missing values, a date, an id, a constant. */
function rowsOf(count: number) {
  const rng = seeded('rows')
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = [2 * rng.float() - 1, 2 * rng.float() - 1]
    const colour = rng.pick(['red', 'green', 'blue'])
    const inside = x * x + y * y < 0.5
    return {
      id: `row-${i}`,
      x: rng.float() < 0.05 ? null : x,
      y,
      colour,
      day: `2024-0${1 + rng.int(9)}-1${rng.int(9)}`,
      unit: 'cm',
      amount: 10 + 5 * x + (colour === 'red' ? 4 : 0) + 0.1 * rng.normal(),
      kind: inside !== (colour === 'blue') ? 'in' : 'out',
    }
  })
}
const withoutKey = (rows: ReturnType<typeof rowsOf>, key: 'amount' | 'kind') =>
  rows.map(({ [key]: _, ...rest }) => rest)
const quick = { budget: { steps: 60 }, trials: 5 } as const

describe('fit of a table', () => {
  it('classifies better than its baselines, and its exported folder predicts the same', async () => {
    const rows = withoutKey(rowsOf(400), 'amount')
    const events: FitEvent[] = []
    using result = await fit({
      data: rows.slice(0, 300),
      target: 'kind',
      ...quick,
      onEvent: (event) => events.push(event),
    })
    expect(result.task).toBe('classification')
    expect(result.classes).toEqual(['in', 'out'])
    expect(result.warnings.join('\n')).toMatch(/"id" is left out: it is an id.*\n.*"unit" is left out/)
    expect(result.metrics.accuracy).toBeGreaterThan(0.75)
    const { baseline, found } = result.comparison[0]!
    expect(found.value).toBeLessThan(baseline.value)
    const unseen = rows.slice(300)
    expect((await result.evaluate(unseen)).accuracy).toBeGreaterThan(0.75)
    expect(events.filter(({ type }) => type === 'trial')).toHaveLength(5)

    const out = join(folder, 'a kind')
    const files = await result.export(out)
    expect(files.map((file) => file.slice(out.length + 1))).toEqual([
      'model.onnx',
      'model.json',
      'prepare.mjs',
      'predict.mjs',
      'predict-browser.mjs',
    ])
    const inputs = unseen.map((row) => ({ ...row, kind: undefined }))
    const ours = await result.predict(inputs)
    await using loaded = await loadModel(out)
    const theirs = await loaded.predict(inputs)
    for (const [i, own] of ours.entries()) {
      if (!('probabilities' in own)) throw new Error('no classes')
      expect(theirs[i]!['probability of in']).toBeCloseTo(own.probabilities.in!, 3)
    }
    writeFileSync(join(out, 'rows.json'), JSON.stringify(inputs))
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), join(out, 'rows.json')], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const labels = (JSON.parse(printed) as { label: string }[]).map(({ label }) => label)
    expect(labels).toEqual(theirs.map(({ predicted }) => predicted))
    // The browser's program takes any onnxruntime; what it fetches is read from the disk here.
    const { load } = (await import(pathToFileURL(join(out, 'predict-browser.mjs')).href)) as {
      load: (ort: unknown, folder: string, read: unknown) => Promise<(rows: unknown) => Promise<{ label: string }[]>>
    }
    const predict = await load(await import('onnxruntime-node'), `${out}/`, (url: string) => readFile(url))
    expect((await predict(inputs)).map(({ label }) => label)).toEqual(labels)
  })

  it('predicts a quantity, and the same seed gives the same model', async () => {
    const rows = withoutKey(rowsOf(300), 'kind')
    const options = { data: rows.slice(0, 240), target: 'amount', ...quick }
    using result = await fit(options)
    expect(result.task).toBe('regression')
    expect(result.metrics.r2).toBeGreaterThan(0.9)
    using again = await fit(options)
    const unseen = rows.slice(240)
    expect(await again.predict(unseen)).toEqual(await result.predict(unseen))
    await result.export(join(folder, 'amount'))
    await using loaded = await loadModel(join(folder, 'amount'))
    const ours = (await result.predict(unseen)) as { value: number }[]
    for (const [i, { predicted }] of (await loaded.predict(unseen)).entries())
      expect(predicted).toBeCloseTo(ours[i]!.value, 2)
  })

  it('works from the command line: fit, then predict', async () => {
    const rows = rowsOf(120)
    const file = join(folder, 'rows.csv')
    const names = ['x', 'y', 'colour', 'kind'] as const
    writeFileSync(
      file,
      [names.join(','), ...rows.map((row) => names.map((name) => row[name] ?? '').join(','))].join('\n'),
    )
    const said = { out: '', err: '' }
    const terminals = {
      stdout: {
        write: (text: string) => {
          said.out += text
        },
      },
      stderr: {
        write: (text: string) => {
          said.err += text
        },
      },
    }
    const out = join(folder, 'cli')
    expect(await cli(['fit', file, '--target', 'kind', '--trials', '2', '--out', out, '--json'], terminals)).toBe(0)
    expect(JSON.parse(said.out.trim().split('\n').at(-1)!)).toMatchObject({
      kind: 'table',
      task: 'classification',
      trials: 2,
    })
    said.out = ''
    expect(await cli(['predict', out, file], terminals)).toBe(0)
    const lines = said.out.trim().split('\n')
    expect(lines[0]).toBe('predicted,probability of in,probability of out')
    expect(lines).toHaveLength(121)
    // A misspelt column is told, and a file that has none of the columns is refused.
    writeFileSync(join(folder, 'misspelt.csv'), 'x,y,color\n0.1,0.2,red\n')
    expect(await cli(['predict', out, join(folder, 'misspelt.csv')], terminals)).toBe(0)
    expect(said.err).toMatch(/lacks 1 of the 3 columns of the model, which count as missing: colour/)
    writeFileSync(join(folder, 'another.csv'), 'a,b\n1,2\n')
    expect(await cli(['predict', out, join(folder, 'another.csv')], terminals)).toBe(1)
    expect(said.err).toMatch(/ARCHLOOM_FIT_DATA.*expected the columns x, y, colour/)
    expect(await cli(['predict', folder, file], terminals)).toBe(1)
    expect(said.err).toContain('ARCHLOOM_FIT_MODEL')
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))).toMatchObject({
      kind: 'table',
      task: { target: 'kind', classes: ['in', 'out'] },
    })
  })

  it('has a first result of 1,000 rows within twenty seconds of processor time', async () => {
    const names = ['x', 'y', 'colour', 'day', 'kind'] as const
    const lines = rowsOf(1000).map((row) => names.map((name) => row[name] ?? '').join(','))
    const file = join(folder, 'thousand.csv')
    writeFileSync(file, `${names.join(',')}\n${lines.join('\n')}\n`)
    const began = processorClock.now()
    const stop = new AbortController()
    let seconds = Number.POSITIVE_INFINITY
    using result = await fit({
      data: file,
      target: 'kind',
      signal: stop.signal,
      onEvent: (event) => {
        // The first trials are a baseline and a kernel, the third has boosted trees.
        if (event.type !== 'trial' || event.trial < 2) return
        seconds = Math.min(seconds, (processorClock.now() - began) / 1000)
        stop.abort()
      },
    })
    expect(seconds).toBeLessThan(20)
    expect(result.metrics.accuracy).toBeGreaterThan(0.75)
  })

  it('forecasts a series from the command line, and its folder forecasts the same', async () => {
    const days = Array.from({ length: 90 }, (_, i) => ({
      day: new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10),
      visitors: 100 + i + (i % 7 === 0 ? 40 : 0),
    }))
    const file = join(folder, 'a series.csv')
    writeFileSync(file, `day,visitors\n${days.map(({ day, visitors }) => `${day},${visitors}`).join('\n')}\n`)
    const out = join(folder, 'model of a series')
    const said = { out: '', err: '' }
    const terminal = (name: 'out' | 'err') => ({
      write: (text: string) => {
        said[name] += text
      },
    })
    const terminals = { stdout: terminal('out'), stderr: terminal('err') }
    const flags = ['--task', 'forecast', '--time', 'day', '--lags', '7', '--trials', '3', '--count', '3', '--out', out]
    expect(await cli(['fit', file, ...flags, '--json'], terminals)).toBe(0)
    const made = JSON.parse(said.out.trim().split('\n').at(-1)!)
    expect(made).toMatchObject({ task: 'forecast', lags: 7 })
    expect(made.next.map(({ time }: { time: string }) => time)).toEqual(['2024-03-31', '2024-04-01', '2024-04-02'])
    said.out = ''
    expect(await cli(['predict', out, file, '--count', '3'], terminals)).toBe(0)
    const lines = said.out.trim().split('\n')
    expect(lines[0]).toBe('time,predicted')
    for (const [i, { time, value }] of made.next.entries()) {
      const [when, predicted] = lines[i + 1]!.split(',')
      expect(when).toBe(time)
      expect(Number(predicted)).toBeCloseTo(value, 1)
    }
    await using model = await loadModel(out)
    await expect(model.forecast(days.slice(0, 5), 1)).rejects.toThrow(/ARCHLOOM_FIT_SERIES.*5 values.*at least 8/)
    expect(await cli(['fit', file, '--lags', '3', '--out', out], terminals)).toBe(1)
    expect(said.err).toContain('ARCHLOOM_FIT_TASK: --lags has a meaning only with --task forecast')
  })

  it('refuses a series that is too short or has gaps', async () => {
    const series = Array.from({ length: 12 }, (_, i) => ({ t: i, y: i / 3 }))
    await expect(fitSeries({ data: series, target: 'y', fit: quick })).rejects.toThrow('ARCHLOOM_FIT_SERIES')
    const gaps = Array.from({ length: 60 }, (_, i) => ({ t: i, y: i % 7 === 0 ? null : i / 3 }))
    await expect(fitSeries({ data: gaps, target: 'y', fit: quick })).rejects.toThrow(
      /ARCHLOOM_FIT_SERIES.*9 missing values/,
    )
    await expect(fitSeries({ data: series, target: 'y', time: 'when', fit: quick })).rejects.toThrow(
      'no column of this name',
    )
  })

  it('says what is wrong with data that nothing can be learned from', async () => {
    const rows = rowsOf(60)
    const run = (data: unknown, target?: string) =>
      fit({ data: data as typeof rows, ...(target !== undefined && { target }), ...quick })
    await expect(run('nowhere.csv')).rejects.toThrow('ARCHLOOM_FIT_DATA')
    await expect(run([])).rejects.toThrow('ARCHLOOM_FIT_DATA')
    await expect(fit({ data: rows, minuts: 1 } as never)).rejects.toThrow(/ARCHLOOM_OPTION.*minutes/)
    await expect(run(rows, 'Kind')).rejects.toThrow(/ARCHLOOM_TABLE_TARGET.*Did you mean "kind"/)
    await expect(run(rows, 'unit')).rejects.toThrow('ARCHLOOM_TABLE_CONSTANT')
    const beyond = rows.map(({ id, kind }, i) => ({ id, kind, y: i === 5 ? 1e308 : i / 7 }))
    await expect(run(beyond, 'y')).rejects.toThrow(/ARCHLOOM_TABLE_TARGET_RANGE.*1e\+308/)
    await expect(run(rows.slice(0, 4), 'kind')).rejects.toThrow('ARCHLOOM_TABLE_TOO_SMALL')
    await expect(
      run(
        rows.map(({ id, unit, kind }) => ({ id, unit, kind })),
        'kind',
      ),
    ).rejects.toThrow('ARCHLOOM_TABLE_FEATURES')
    const limited = fit({ data: rows, target: 'kind', limits: { parameters: 1 }, ...quick })
    await expect(limited).rejects.toThrow(/ARCHLOOM_FIT_LIMITS.*at most 1 parameters.*smallest one has \d+ parameters/)
  })
})

describe('rows that a model of a table cannot stand beside', () => {
  it('are refused: those of a file with other numbers of fields, and those without a column of the model', async () => {
    const file = join(folder, 'lines.csv')
    const lines = Array.from({ length: 120 }, (_, i) => `${(i * 7) % 11},${(i * 5) % 13},${((i * 7) % 11) / 2 + 0.25}`)
    writeFileSync(file, ['a,b,amount', ...lines].join('\n'))
    using result = await fit({ data: file, target: 'amount', trials: 1, budget: { steps: 5 } })
    const out = join(folder, 'lines')
    await result.export(out)
    await using loaded = await loadModel(out)
    const ragged = join(folder, 'ragged.csv')
    writeFileSync(ragged, ['a,b', '1,2', '3', '4,5'].join('\n'))
    for (const model of [result, loaded]) {
      await expect(model.predict(ragged)).rejects.toThrow(/ARCHLOOM_FIT_DATA.*1 rows \(row 3\).*2 fields in each row/)
      await expect(model.predict([{ A: 1, B: 2 }])).rejects.toThrow(
        /ARCHLOOM_FIT_DATA.*the columns A, B.*the columns a, b/,
      )
      expect(await model.predict([{ a: 1 }])).toHaveLength(1)
      expect(await model.predict([])).toEqual([])
    }
    await expect(result.evaluate([{ a: 1, b: 2 }])).rejects.toThrow(/ARCHLOOM_TABLE_TRUTH/)
    await expect(result.evaluate([{ A: 1, amount: 2 }])).rejects.toThrow(/ARCHLOOM_FIT_DATA/)
    expect(await cli(['predict', out, ragged])).not.toBe(0)
  })
})
