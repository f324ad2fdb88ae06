import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import { type FitEvent, fit, fitSeriesClassifier, loadModel } from 'archloom/fit'
import { useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { buildTemporal, type TemporalArchitecture, temporalCost } from '../../../plugins/fit/labelled-series/network.ts'
import { inputShapeOf, planSeries, prepareSeries } from '../../../plugins/fit/labelled-series/prepare.ts'
import { readSeries } from '../../../plugins/fit/labelled-series/read.ts'
import { temporaryFolder } from './folder.ts'

const folder = temporaryFolder('fit-labelled-series-')
beforeAll(() => useEngine())

type Step = Readonly<Record<'id' | 'kind', string> & Record<'t' | 'value', number>>

/**
 * Noise with a narrow and a wide pulse, of which one or the other comes first: mean, deviation, extremes and differences are the
 * same in both classes, so that summaries tell little.
 */
function pulses(count: number, { seed = 'pulses', shortest = 32 } = {}): Step[][] {
  const rng = seeded(seed)
  return Array.from({ length: count }, (_, i) => {
    const kind = i % 2 ? 'narrow first' : 'wide first'
    const length = shortest + rng.int(33 - shortest)
    const [first, second] = i % 2 ? [2, 6] : [6, 2]
    const start = rng.int(length - 10)
    const inside = (t: number) =>
      (t >= start && t < start + first) || (t >= start + first + 2 && t < start + first + 2 + second)
    return Array.from({ length }, (_step, t) => ({
      id: `${seed} ${i}`,
      t,
      value: (inside(t) ? 2 : 0) + 0.1 * rng.normal(),
      kind,
    }))
  })
}
const quick = { budget: { steps: 200 }, trials: 4 } as const
const csvOf = (rows: readonly Readonly<Record<string, unknown>>[]) =>
  [Object.keys(rows[0]!).join(','), ...rows.map((row) => Object.values(row).join(','))].join('\n')
function write(name: string, rows: readonly Readonly<Record<string, unknown>>[]): string {
  const path = join(folder(), name)
  writeFileSync(path, `${csvOf(rows)}\n`)
  return path
}

describe('fitSeriesClassifier', () => {
  it('learns the order of two events, which summaries do not tell, and exports programs that agree', async () => {
    const series = pulses(100)
    // Rows in a shuffled order: time puts them right.
    const rows = seeded('rows').shuffle(series.flat())
    const notes: string[] = []
    const onEvent = (event: FitEvent) => void (event.type === 'note' && notes.push(event.message))
    using result = await fitSeriesClassifier({
      data: rows,
      series: 'id',
      time: 't',
      fit: { ...quick, onEvent },
    })
    expect(result.classes).toEqual(['narrow first', 'wide first'])
    expect(notes.join('\n')).toMatch(/80 series to train, 20 to check, 2 classes, channels value/)
    expect(notes.join('\n')).toMatch(/all series have 32 steps/)
    expect(result.name).toMatch(/network over time/)
    expect(result.metrics.accuracy).toBeGreaterThan(0.9)
    const logistic = result.comparison.find(
      ({ metric, baseline }) => metric === 'accuracy' && baseline.name.includes('logistic'),
    )!
    expect(logistic.baseline.value).toBeLessThan(0.8)

    const unseen = pulses(60, { seed: 'unseen' })
    expect((await result.evaluate(unseen.flat())).accuracy).toBeGreaterThan(0.9)
    const ours = await result.predict(unseen.flat().map(({ kind: _, ...rest }) => rest))
    expect(ours).toHaveLength(60)

    const out = join(folder(), 'model')
    await result.export(out)
    await using model = await loadModel(out)
    const theirs = await model.predict(unseen.flat())
    for (const [i, own] of ours.entries()) {
      expect(theirs[i]).toMatchObject({ series: own.series, predicted: own.label })
      expect(theirs[i]!['probability of wide first']).toBeCloseTo(own.probabilities['wide first']!, 3)
    }
    const columns = unseen.slice(0, 5).map((steps) => ({ value: steps.map(({ value }) => value) }))
    writeFileSync(join(out, 'series.json'), JSON.stringify(columns))
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), join(out, 'series.json')], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const labels = (JSON.parse(printed) as { label: string }[]).map(({ label }) => label)
    expect(labels).toEqual(ours.slice(0, 5).map(({ label }) => label))
    const { load } = (await import(pathToFileURL(join(out, 'predict-browser.mjs')).href)) as {
      load: (ort: unknown, folder: string, read: unknown) => Promise<(series: unknown) => Promise<{ label: string }>>
    }
    const predict = await load(await import('onnxruntime-node'), `${out}/`, (url: string) => readFile(url))
    expect((await predict(columns[0])).label).toBe(labels[0])
  })

  it('masks series of unequal lengths, and gives the same model for the same seed without a leak', async () => {
    const data = pulses(40, { shortest: 20 }).flat()
    await expectNoLeak(async () => {
      const notes: string[] = []
      const onEvent = (event: FitEvent) => void (event.type === 'note' && notes.push(event.message))
      const options = { data, series: 'id', time: 't', fit: { budget: { steps: 20 }, trials: 4, onEvent } } as const
      using result = await fitSeriesClassifier(options)
      expect(notes.join('\n')).toMatch(
        /series have 2\d to 32 steps; networks read 32, of which a mask tells real steps/,
      )
      using again = await fitSeriesClassifier(options)
      expect(await again.predict(data)).toEqual(await result.predict(data))
    })
  })

  it('keeps summaries where they are better, and exports a model of them that agrees', async () => {
    // The class is the mean: a network of few steps does not learn it better than a logistic regression.
    const rng = seeded('means')
    const rows = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 6 }, () => ({
        id: i,
        a: (i % 2) * 4 + rng.normal(),
        b: rng.normal(),
        kind: i % 2,
      })),
    ).flat()
    using result = await fitSeriesClassifier({
      data: rows,
      series: 'id',
      fit: { budget: { steps: 2 }, trials: 4 },
    })
    expect(result.name).toMatch(/summaries/)
    expect(result.metrics.accuracy).toBe(1)
    const out = join(folder(), 'summaries')
    await result.export(out)
    await using model = await loadModel(out)
    const theirs = await model.predict(rows)
    for (const [i, own] of (await result.predict(rows)).entries())
      expect(theirs[i]!['probability of 1']).toBeCloseTo(own.probabilities['1']!, 4)
    const series = [{ a: [4, 5, 4, 3, 4, 5], b: [0, 1, 0, 1, 0, 1] }]
    writeFileSync(join(out, 'series.json'), JSON.stringify(series))
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), join(out, 'series.json')], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    expect(JSON.parse(printed)).toMatchObject([{ label: '1' }])
  })

  it('works from the command line, on a long table and on a folder with a table for each series', async () => {
    const series = pulses(24)
    const file = write('long.csv', series.flat())
    const out = join(folder(), 'command')
    const said: string[] = []
    const terminal = { write: (text: string) => void said.push(text) }
    const task = ['--task', 'series-classification', '--minutes', '0.05', '--trials', '4', '--out', out, '--json']
    const run = (...args: string[]) => {
      said.length = 0
      return cli(args, { stdout: terminal, stderr: terminal })
    }
    expect(await run('fit', file, '--series', 'id', '--time', 't', '--target', 'kind', ...task)).toBe(0)
    expect(JSON.parse(said.join('').trim().split('\n').at(-1)!)).toMatchObject({
      kind: 'series',
      task: 'series-classification',
      classes: ['narrow first', 'wide first'],
      metrics: { accuracy: expect.any(Number) },
    })
    expect(await run('predict', out, file)).toBe(0)
    const lines = said.join('').trimEnd().split('\n')
    expect(lines[0]).toBe('series,predicted,probability of narrow first,probability of wide first')
    expect(lines).toHaveLength(25)

    const root = join(folder(), 'classes')
    for (const [i, steps] of series.entries()) {
      mkdirSync(join(root, steps[0]!.kind), { recursive: true })
      const own = steps.map(({ t, value }) => ({ t, value }))
      writeFileSync(join(root, steps[0]!.kind, `${i}.csv`), csvOf(own))
    }
    expect(await run('fit', root, '--time', 't', ...task)).toBe(0)
    expect(await run('predict', out, join(root, 'wide first'))).toBe(0)
    expect(said.join('').trimEnd().split('\n')).toHaveLength(13)
    expect(said.join('')).toContain('wide first/0.csv')
    expect(await run('fit', root, '--series', 'id', ...task)).toBe(1)
    expect(said.join('')).toContain('ARCHLOOM_FIT_TASK')
    expect(await run('fit', file, '--series', 'id', '--out', out)).toBe(1)
    expect(said.join('')).toMatch(/ARCHLOOM_FIT_TASK: --series has a meaning only with --task series-classification/)
  })

  it('leaves networks out that are slower or larger than the limits', async () => {
    const data = pulses(30).flat()
    const options = { budget: { steps: 12 }, trials: 7 } as const
    const latencyMeter = (model: Uint8Array) => model.length / 1000
    using free = await fitSeriesClassifier({
      data,
      series: 'id',
      fit: { ...options, limits: { maxLatencyMs: 1e6 }, latencyMeter },
    })
    const all = free.trials.map(({ metrics }) => metrics.latencyMs!)
    const limit = Math.max(...all) - 0.001
    using result = await fitSeriesClassifier({
      data,
      series: 'id',
      fit: { ...options, limits: { maxLatencyMs: limit }, latencyMeter },
    })
    for (const { metrics } of result.trials) expect(metrics.latencyMs).toBeLessThanOrEqual(limit)
    expect(result.trials.length).toBeLessThan(7)
    expect(result.latency).toMatchObject({ limit, conditions: 'measured by the given latencyMeter' })
    await expect(
      fitSeriesClassifier({ data, series: 'id', fit: { ...options, limits: { maxLatencyMs: 0.001 }, latencyMeter } }),
    ).rejects.toThrow(/ARCHLOOM_FIT_LIMITS.*the fastest one that was measured takes/)
    using small = await fitSeriesClassifier({ data, series: 'id', fit: { ...options, limits: { parameters: 900 } } })
    for (const { metrics } of small.trials) expect(metrics.parameters).toBeLessThanOrEqual(900)
  })
})

describe('what a series becomes', () => {
  const plan = planSeries(['a'], [[[0, 2, 4, 6]], [[1, 1]]], [[[0, 2, 4, 6]], [[1, 1]]])

  it('is normalised, interpolated, padded and masked', () => {
    // Mean 14/6, squares: by hand 25.33 / 6.
    expect(plan).toMatchObject({ length: 4, mask: true, stretch: 1, reads: 'steps' })
    expect(plan.mean[0]).toBeCloseTo(14 / 6, 12)
    expect(plan.std[0]).toBeCloseTo(Math.sqrt(58 / 6 - (14 / 6) ** 2), 12)
    const z = (value: number) => Math.fround((value - plan.mean[0]!) / plan.std[0]!)
    expect([...prepareSeries(plan, [[1, Number.NaN, 3]])]).toEqual([z(1), 1, z(2), 1, z(3), 1, 0, 0])
    expect([...prepareSeries(plan, [[null, 5, null]])]).toEqual([z(5), 1, z(5), 1, z(5), 1, 0, 0])
    expect([...prepareSeries(plan, [[null, null]])]).toEqual([0, 1, 0, 1, 0, 0, 0, 0])
    expect(inputShapeOf(plan)).toEqual([1, 4, 2])
    // A longer series is brought to four steps: its first and last values stay.
    const long = prepareSeries(plan, [[0, 1, 2, 3, 4, 5, 6]])
    expect([long[0], long[2], long[4], long[6]]).toEqual([z(0), z(2), z(4), z(6)])
  })

  it('is resampled where the longest series has more than 512 steps', () => {
    const ramp = (steps: number) => [Array.from({ length: steps }, (_, i) => i / (steps - 1))]
    const own = planSeries(['a'], [ramp(1024), ramp(256)], [ramp(1024)])
    expect(own).toMatchObject({ length: 512, stretch: 0.5, mask: true })
    const prepared = prepareSeries(own, ramp(256))
    const isReal = Array.from({ length: 512 }, (_, i) => prepared[2 * i + 1])
    expect(isReal.filter((each) => each === 1)).toHaveLength(128)
  })

  it('is summarised by mean, deviation, extremes, slope, energy of differences, and length', () => {
    const none = { mean: new Array<number>(7).fill(0), std: new Array<number>(7).fill(1) }
    const [mean, sd, least, most, slope, energy, length] = prepareSeries(
      { ...plan, reads: 'summaries', summaries: none },
      [[1, 3, 2, 6]],
    )
    expect([mean, least, most]).toEqual([3, 1, 6])
    expect(sd).toBeCloseTo(Math.sqrt(14 / 4), 6)
    // Least squares over times −1/2, −1/6, 1/6, 1/2: Σ t·y = 7/3, Σ t² = 5/9.
    expect(slope).toBeCloseTo(7 / 3 / (5 / 9), 6)
    expect(energy).toBeCloseTo((4 + 1 + 16) / 3, 6)
    expect(length).toBeCloseTo(Math.log(4), 6)
  })
})

describe('a network over time', () => {
  const architecture: TemporalArchitecture = {
    width: 4,
    stages: 2,
    depth: 2,
    kernel: 3,
    form: 'residual',
    pooling: 'mean+max',
    dropout: 0,
  }

  it('does not read its padding', () => {
    const outputs = (steps: number) => {
      using network = buildTemporal(architecture, { input: [1, steps, 2], classes: 3, mask: true, rng: seeded(1) })
      const x = new Float32Array(steps * 2)
      const rng = seeded('x')
      for (let i = 0; i < 8; i++) x.set([rng.normal(), 1], 2 * i)
      return tf.tidy(() => [...network.apply(tf.tensor4d(x, [1, 1, steps, 2]), { training: false }).dataSync()])
    }
    const [exact, padded] = [outputs(8), outputs(16)]
    for (const [k, value] of exact.entries()) expect(padded[k]).toBeCloseTo(value, 5)
  })

  it('has as many parameters as its cost says', () => {
    for (const form of ['plain', 'residual'] as const)
      for (const pooling of ['mean', 'mean+max'] as const) {
        const own = { ...architecture, form, pooling }
        using network = buildTemporal(own, { input: [1, 9, 2], classes: 3, mask: false, rng: seeded(1) })
        const counted = network.trainable.reduce((sum, { size }) => sum + size, 0)
        expect(temporalCost(own, { input: [1, 9, 2], classes: 3 }).parameters).toBe(counted)
      }
    // One convolution of 3 steps from 1 to 2 channels over 5 steps, and a classifier of 2: 30 + 4.
    const least = { ...architecture, width: 2, stages: 1, depth: 1, pooling: 'mean' } as const
    expect(temporalCost(least, { input: [1, 5, 1], classes: 2 })).toEqual({ multiplyAdds: 34, parameters: 6 + 4 + 6 })
  })
})

describe('labelled series that nothing can be learned from', () => {
  const read = (data: readonly Readonly<Record<string, unknown>>[] | string, columns = {}) =>
    readSeries({ data, seed: 1, series: 'id', ...columns })
  const good = pulses(12).flat()

  it('names what is missing', async () => {
    await expect(readSeries({ data: good, seed: 1 })).rejects.toThrow(
      /ARCHLOOM_FIT_LABELLED_SERIES: rows holds the columns id, t, value, kind; expected the name of the column that tells series apart/,
    )
    await expect(read(good, { series: 'ID' })).rejects.toThrow(
      /no column "ID" to tell series apart by.*Did you mean "id"/,
    )
    await expect(read(good, { time: 'when' })).rejects.toThrow(/no column "when" to order rows by/)
    await expect(read(good, { target: 'class' })).rejects.toThrow(/no column "class" to predict/)
    await expect(read(join(folder(), 'nowhere'))).rejects.toThrow('ARCHLOOM_FIT_DATA')
    await expect(read(good.map(({ id, kind }) => ({ id, text: 'x', kind })))).rejects.toThrow(
      /ARCHLOOM_FIT_LABELLED_SERIES.*channels: columns of numbers/,
    )
    const two = good.map((row, i) => (i === 3 ? { ...row, kind: 'narrow first' } : row))
    await expect(read(two)).rejects.toThrow(
      /ARCHLOOM_FIT_LABELLED_SERIES.*the classes .* and .* in the rows of series pulses 0; expected one class/,
    )
    await expect(read(good.map((row) => ({ ...row, kind: 'one' })))).rejects.toThrow(
      /ARCHLOOM_FIT_CLASSES.*at least two classes of two series each/,
    )
    await expect(read(good.filter(({ t }) => t === 0))).rejects.toThrow('ARCHLOOM_FIT_CLASSES')
    await expect(fit({ data: good, task: 'series-classification' as never })).rejects.toThrow('ARCHLOOM_OPTION')
    const empty = join(folder(), 'empty')
    mkdirSync(join(empty, 'a'), { recursive: true })
    await expect(readSeries({ data: empty, seed: 1 })).rejects.toThrow(
      /ARCHLOOM_FIT_LABELLED_SERIES.*no tables in sub-folders/,
    )
    writeFileSync(join(empty, 'a', 'x.csv'), 'text\nx\ny\n')
    await expect(readSeries({ data: empty, seed: 1 })).rejects.toThrow(
      /ARCHLOOM_FIT_LABELLED_SERIES.*1 tables that cannot be read: .*x\.csv/,
    )
  })

  it('warns of what is left out or averaged', async () => {
    const odd = [
      ...good.map((row) => ({ ...row, note: 'x' })),
      { id: 'short', t: 0, value: 1, kind: 'wide first', note: 'x' },
      { id: 'nameless', t: 0, value: 1, kind: null, note: 'x' },
      { id: 'nameless', t: 1, value: 1, kind: null, note: 'x' },
      { id: 'single', t: 0, value: 1, kind: 'only one', note: 'x' },
      { id: 'single', t: 1, value: 1, kind: 'only one', note: 'x' },
      { id: null, t: 1, value: 1, kind: 'wide first', note: 'x' },
      { id: 'pulses 0', t: 5, value: 100, kind: 'wide first', note: 'x' },
      { id: 'pulses 2', t: null, value: 100, kind: 'wide first', note: 'x' },
      { id: 'pulses 4', t: 32, value: null, kind: 'wide first', note: 'x' },
    ]
    const found = await read(odd, { time: 't', target: 'kind' })
    const warnings = found.warnings.join('\n')
    expect(warnings).toContain('1 of 15 series have no kind and are left out')
    expect(warnings).toContain('1 of 15 series have fewer than 2 steps and are left out: short')
    expect(warnings).toContain('classes with a single series are left out, because nothing could be checked: only one')
    expect(warnings).toMatch(/1 of \d+ rows have no id and are left out/)
    expect(warnings).toMatch(/1 of \d+ rows have no t and are left out/)
    expect(warnings).toMatch(/1 series have several rows of the same t, which are averaged: pulses 0/)
    expect(warnings).toContain('columns that hold no numbers are left out: note')
    expect(warnings).toContain('1 of 12 series lack values, which are interpolated in a line')
    expect(found.series).toHaveLength(12)
    const first = found.series.find(({ name }) => name === 'pulses 0')!
    const before = good.find(({ id, t }) => id === 'pulses 0' && t === 5)!.value
    expect(first.values[0]![5]).toBeCloseTo((before + 100) / 2, 9)
    // No series is on both sides, and both classes are on each.
    expect([...found.train, ...found.validation].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i))
    expect(new Set([...found.validation].map((i) => found.labels[i])).size).toBe(2)
  })
})
