import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readStudy, seeded, studiesAt } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { type FitEvent, fit, fitSeries, fitUpscaler, loadModel } from 'archloom/fit'
import { allowance, type LatencyMeter, searchImages } from 'archloom/plugins/fit'
import { useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { latencies, latencyWarning } from '../../../plugins/fit/latency.ts'
import { temporaryFolder } from './folder.ts'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 32, test: 12 })
const folder = temporaryFolder('fit-latency-')

beforeAll(() => useEngine('wasm'))

/** A meter that counts bytes instead of time: a kilobyte takes a millisecond. */
function bytesMeter() {
  const measured: number[] = []
  const meter: LatencyMeter = (model) => {
    measured.push(model.length / 1000)
    return model.length / 1000
  }
  return { meter, measured }
}

describe('a limit of latency for images', () => {
  it('leaves slower networks out before they are trained, and states the latency of the finished model', async () => {
    await expectNoLeak(async () => {
      const { meter, measured } = bytesMeter()
      const events: FitEvent[] = []
      const storage = await studiesAt('memory:fit-latency')
      const options = { data, trials: 3, flip: false, onEvent: (event: FitEvent) => void events.push(event) }
      using found = await searchImages({
        ...options,
        allowance: allowance({ steps: 12 }),
        limits: { maxLatencyMs: 10 },
        latencyMeter: meter,
        study: { name: 'quick', storage },
      })
      // The network made by hand has 2,851 parameters on these images, which take more than 10 kB.
      expect(measured.some((milliseconds) => milliseconds > 10)).toBe(true)
      expect(found.trials.length).toBeGreaterThanOrEqual(3)
      for (const { metrics } of found.trials) {
        expect(metrics.latencyMs).toBeLessThanOrEqual(10)
        expect(metrics.parameters).toBeLessThan(2851)
      }
      expect(found.latency).toEqual({
        milliseconds: measured.at(-1),
        limit: 10,
        conditions: 'measured by the given latencyMeter',
      })
      expect(found.latency!.milliseconds).toBeLessThanOrEqual(10)
      const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []))
      expect(notes.some((note) => /^left out, because it takes [\d.]+ ms: /.test(note))).toBe(true)
      expect(events.some(({ type }) => type === 'warning')).toBe(false)
      const { started } = await readStudy('quick', { storage })
      expect(started.objectives[1]).toMatchObject({ metric: 'latencyMs', atMost: 10, weight: 0 })

      using free = await searchImages({ ...options, allowance: allowance({ steps: 12 }) })
      expect(free.trials[0]!.metrics.parameters).toBe(2851)
      expect(free.latency).toBeUndefined()
    })
  })

  it('says the smallest latency that was found where nothing keeps to the limit', async () => {
    const { meter, measured } = bytesMeter()
    const search = searchImages({
      data,
      allowance: allowance({ steps: 4 }),
      limits: { maxLatencyMs: 0.001 },
      latencyMeter: meter,
    })
    const thrown: unknown = await search.then(
      () => undefined,
      (error: unknown) => error,
    )
    const least = Number(Math.min(...measured).toPrecision(3))
    expect(String(thrown)).toContain('ARCHLOOM_FIT_LIMITS')
    expect(String(thrown)).toContain(
      `(at most 0.001 ms per prediction); the fastest one that was measured takes ${least} ms. Raise the limits.`,
    )
  })

  it('does not train what is twice as large as a network that was too slow, and measures each network once', async () => {
    const { meter, measured } = bytesMeter()
    const search = searchImages({
      data,
      allowance: allowance({ steps: 4 }),
      limits: { maxLatencyMs: 0.001 },
      latencyMeter: meter,
    })
    await expect(search).rejects.toThrow('ARCHLOOM_FIT_LIMITS')
    expect(measured.length).toBeLessThanOrEqual(40)
    const times = latencies({ maxLatencyMs: 1 }, (model) => model.length)
    let encoded = 0
    const encode = async () => {
      encoded++
      return new Uint8Array(7)
    }
    expect([await times.of('a', [1], encode), await times.of('a', [1], encode)]).toEqual([7, 7])
    expect(encoded).toBe(1)
    expect(times.least).toBe(7)
  })

  it('warns where the finished model takes longer than its trial did', () => {
    const conditions = 'one thread'
    expect(latencyWarning({ milliseconds: 2, limit: 2, conditions })).toBeUndefined()
    expect(latencyWarning(undefined)).toBeUndefined()
    expect(latencyWarning({ milliseconds: 2.5, limit: 2, conditions })).toMatchObject({
      code: 'ARCHLOOM_FIT_LATENCY',
      message: expect.stringContaining('the finished model takes 2.5 ms, more than the 2 ms'),
    })
  })
})

/** A class that two numbers tell together. */
function rowsOf(count: number) {
  const rng = seeded('latency')
  return Array.from({ length: count }, () => {
    const [x, y] = [rng.normal(), rng.normal()]
    return { x, y, kind: x * y > 0 ? 'same' : 'other' }
  })
}

describe('a limit of latency for tables and series', () => {
  it('ranks slower models behind, and keeps the whole within the limit', async () => {
    const rows = rowsOf(60)
    const { meter } = bytesMeter()
    const options = { data: rows, target: 'kind', budget: { steps: 20 }, trials: 4 } as const
    using free = await fit({ ...options, limits: { maxLatencyMs: 1e6 }, latencyMeter: meter })
    const sizes = free.trials.map(({ metrics }) => metrics.latencyMs!)
    const limit = sizes.toSorted((a, b) => a - b)[2]! + 0.001
    const notes: string[] = []
    using result = await fit({
      ...options,
      limits: { maxLatencyMs: limit },
      latencyMeter: meter,
      onEvent: (event) => void (event.type === 'note' && notes.push(event.message)),
    })
    expect(free.latency!.milliseconds).toBeGreaterThan(limit)
    expect(result.latency!.milliseconds).toBeLessThanOrEqual(limit)
    expect(notes.some((note) => /takes [\d.]+ ms, longer than the limits allow: /.test(note))).toBe(true)
    for (const { metrics } of result.trials) expect(metrics.latencyMs).toBeLessThanOrEqual(limit)
    const out = join(folder(), 'table')
    await result.export(out)
    expect(readFileSync(join(out, 'model.onnx')).length / 1000).toBeLessThanOrEqual(limit)
    await using model = await loadModel(out)
    expect(model.description).toMatchObject({ latency: { limit, conditions: 'measured by the given latencyMeter' } })
    await expect(fit({ ...options, limits: { maxLatencyMs: 0.01 }, latencyMeter: meter })).rejects.toThrow(
      /ARCHLOOM_FIT_LIMITS.*at most 0\.01 ms per prediction.*the fastest one that was measured takes [\d.]+ ms/,
    )
  })

  it('is a flag of the command line, whose report states the latency', async () => {
    const rows = rowsOf(40)
    const file = join(folder(), 'rows.csv')
    writeFileSync(file, `x,y,kind\n${rows.map((row) => Object.values(row).join(',')).join('\n')}\n`)
    const said: string[] = []
    const terminal = { write: (text: string) => void said.push(text) }
    const flags = ['--trials', '1', '--max-latency-ms', '60000', '--out', join(folder(), 'command')]
    expect(await cli(['fit', file, ...flags], { stdout: terminal, stderr: terminal })).toBe(0)
    expect(said.join('')).toMatch(
      /latency {4}[\d.]+ ms, limit 60000 ms {2}\(one example, one thread of onnxruntime-node/,
    )
    said.length = 0
    expect(await cli(['fit', file, '--max-latency-ms', 'fast'], { stdout: terminal, stderr: terminal })).not.toBe(0)
  })

  it('holds for forecasts, measures with ONNX Runtime by default, and is refused for enlarging', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ value: Math.sin(i / 3) }))
    using result = await fitSeries({
      data: rows,
      lags: 4,
      fit: { budget: { steps: 5 }, trials: 2, limits: { maxLatencyMs: 60_000 } },
    })
    expect(result.latency!.milliseconds).toBeGreaterThan(0)
    expect(result.latency!.conditions).toMatch(/one thread of onnxruntime-node.*medians of 50 runs.*cores, load/)
    await expect(
      fitUpscaler({ data: folder(), fit: { budget: { steps: 1 }, limits: { maxLatencyMs: 5 } } }),
    ).rejects.toThrow(/ARCHLOOM_FIT_TASK: a limit of latency/)
    await expect(fit({ data: rowsOf(20), limits: { maxLatencyMs: 0 } })).rejects.toThrow(/limits\.maxLatencyMs/)
  })
})
