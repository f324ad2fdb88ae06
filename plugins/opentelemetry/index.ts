import type { Span, Tracer } from '@opentelemetry/api'
import {
  declarePlugin,
  definePlugin,
  type EventOf,
  observeInBatches,
  type Plugin,
  type SearchEvent,
} from '../../core/index.ts'
import { optionalPackage } from '../../core/node/optional-package.ts'
import { type OptionsOf, options, value, whole } from '../../core/options/index.ts'

export const declared = options('openTelemetry', {
  tracer: value<Tracer>('a tracer of OpenTelemetry', {
    doc: 'Makes the spans. Default: that of the global provider, with the name "archloom".',
  }),
  everyMs: whole({ min: 1, default: 200, doc: 'Milliseconds between two hand-overs of events to the tracer.' }),
})
export type OpenTelemetryOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'opentelemetry',
  kind: 'observer',
  does: 'Reports a search and its trials as OpenTelemetry spans.',
  options: declared,
})

type Api = typeof import('@opentelemetry/api')

/** Metrics as attributes, which may not be NaN or infinite: those become text. */
const attributesOf = (metrics: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      `archloom.metric.${name}`,
      Number.isFinite(value) ? value : String(value),
    ]),
  )

/** Turns events into spans: one for the session, and one for each rung of a trial below it. */
function spansOf({ SpanStatusCode, context, trace }: Api, tracer: Tracer) {
  let session: Span | undefined
  const open = new Map<number, Span>()
  const at = (ms: number) => new Date(ms)
  const begin = (event: SearchEvent & { readonly trial: number }, rung: number, more: object) => {
    const parent = session ? trace.setSpan(context.active(), session) : context.active()
    const attributes = { 'archloom.trial': event.trial, 'archloom.rung': rung, ...more }
    open.set(event.trial, tracer.startSpan('archloom.trial', { startTime: at(event.at), attributes }, parent))
  }
  const end = (event: SearchEvent & { readonly trial: number }, outcome: string, more: object = {}) => {
    const span = open.get(event.trial)
    open.delete(event.trial)
    span?.setAttributes({ 'archloom.outcome': outcome, ...more })
    return span
  }
  const endSession = (event: EventOf<'search.finished' | 'search.stopped'>) => {
    for (const span of open.values()) span.end(at(event.at))
    open.clear()
    session?.setAttributes({ 'archloom.reason': event.reason, 'archloom.trials': event.trials })
    session?.end(at(event.at))
    session = undefined
  }

  return {
    take(event: SearchEvent, study: string): void {
      switch (event.type) {
        case 'search.started':
        case 'search.resumed':
          session = tracer.startSpan('archloom.search', {
            startTime: at(event.at),
            attributes: {
              'archloom.study': study,
              ...(event.type === 'search.started' && {
                'archloom.space': event.space.name,
                'archloom.seed': event.seed,
              }),
            },
          })
          return
        case 'trial.proposed':
          if (!event.enqueued)
            begin(event, 0, { 'archloom.genotype': [...event.genotype], 'archloom.fidelity': event.fidelity ?? 1 })
          return
        case 'trial.continued':
          begin(event, event.rung, { 'archloom.fidelity': event.fidelity })
          return
        case 'trial.progress':
          open
            .get(event.trial)
            ?.addEvent('progress', { step: event.step, ...attributesOf(event.metrics) }, at(event.at))
          return
        case 'trial.paused':
        case 'trial.completed':
          end(event, event.type === 'trial.paused' ? 'paused' : 'completed', {
            ...attributesOf(event.metrics),
            'archloom.feasible': event.feasible,
          })?.end(at(event.at))
          return
        case 'trial.pruned':
          end(event, 'pruned', { 'archloom.pruned': event.by })?.end(at(event.at))
          return
        case 'trial.failed': {
          const { reason, code, message, stack } = event
          const span = end(event, 'failed', { 'archloom.failure': reason })
          span?.recordException({ name: code, message, ...(stack !== undefined && { stack }) }, at(event.at))
          span?.setStatus({ code: SpanStatusCode.ERROR, message })
          span?.end(at(event.at))
          return
        }
        case 'search.warning':
          session?.addEvent('warning', { code: event.code, message: event.message }, at(event.at))
          return
        case 'search.finished':
        case 'search.stopped':
          endSession(event)
          return
        default:
      }
    },
    /** Ends the spans of a search that was disposed of before its end. */
    close(): void {
      for (const span of [...open.values(), session]) span?.end()
    },
  }
}

/**
 * Reports each session of a search as a span, with a span for each rung of a trial below it: `createSearch({ plugins:
 * [random(), openTelemetry()], … })`. A resumed search reports only its own events. Errors: ARCHLOOM_OPTION; when
 * the study is opened ARCHLOOM_PACKAGE_MISSING.
 */
export function openTelemetry(given: OpenTelemetryOptions = {}): Plugin {
  const { tracer, everyMs } = declared.read(given)
  return definePlugin({
    ...about,
    options: { everyMs },
    bind: ({ observer }) =>
      observer.to((search) => {
        let spans: ReturnType<typeof spansOf> | undefined
        return observeInBatches(search, {
          everyMs,
          async ready() {
            const api = await optionalPackage('@opentelemetry/api', 'Tracing', () => import('@opentelemetry/api'))
            spans = spansOf(api, tracer ?? api.trace.getTracer('archloom'))
          },
          async write(events) {
            for (const event of events) if (event.seq >= search.from) spans?.take(event, search.study)
          },
          close: () => spans?.close(),
        })
      }),
  })
}
