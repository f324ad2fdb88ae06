import { SpanStatusCode } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createSearch, memoryStore } from 'archloom'
import { openTelemetry } from 'archloom/plugins/opentelemetry'
import { random } from 'archloom/plugins/random'
import { expect, it } from 'vitest'
import { digits, sum } from '../../core/search/parts.ts'

const ms = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6

it('a session is a span, and each rung of a trial a span below it', async () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const search = createSearch({
    space: digits,
    evaluator: async (architecture: { readonly digit: readonly number[] }, { trial }, { report }) => {
      if (trial === 1) throw new RangeError('no luck')
      report(1, { sum: Number.NaN })
      await new Promise((resolve) => setTimeout(resolve, 30))
      return { sum: sum(architecture) }
    },
    plugins: [random(), openTelemetry({ tracer: provider.getTracer('test'), everyMs: 1 })],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 3 },
    study: memoryStore('mine'),
  })
  await search.finish()
  await search[Symbol.asyncDispose]()
  const spans = exporter.getFinishedSpans()
  const [session] = spans.filter(({ name }) => name === 'archloom.search')
  const trials = spans.filter(({ name }) => name === 'archloom.trial')
  expect(spans).toHaveLength(4)
  expect(session!.attributes).toMatchObject({ 'archloom.study': 'mine', 'archloom.seed': 1, 'archloom.trials': 3 })
  expect(trials.map(({ attributes }) => attributes['archloom.outcome'])).toEqual(['completed', 'failed', 'completed'])
  for (const trial of trials) {
    expect(trial.parentSpanContext?.spanId).toBe(session!.spanContext().spanId)
    expect(ms(trial.startTime)).toBeGreaterThanOrEqual(ms(session!.startTime))
    expect(ms(trial.endTime)).toBeLessThanOrEqual(ms(session!.endTime))
  }
  expect(ms(trials[0]!.duration)).toBeGreaterThanOrEqual(29)
  expect(trials[0]!.events).toMatchObject([{ name: 'progress', attributes: { step: 1, 'archloom.metric.sum': 'NaN' } }])
  expect(trials[1]!.status).toEqual({ code: SpanStatusCode.ERROR, message: expect.stringContaining('no luck') })
  expect(trials[1]!.events[0]).toMatchObject({
    name: 'exception',
    attributes: {
      'exception.type': 'ARCHLOOM_EVALUATION_THREW',
      'exception.message': expect.stringContaining('no luck'),
    },
  })
})

it('without a provider, a search runs as ever', async () => {
  await using search = createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
    plugins: [random(), openTelemetry()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 2 },
    study: memoryStore('mine'),
  })
  await search.finish()
  expect(search.record().state.completed).toBe(2)
})
