import type { Decision, EventOf, Json, ResolvedObjective, SearchEvent } from '../../core/index.ts'
import { cut, LONGEST, mlflowNames } from './names.ts'

/** The run of the study, or that of a trial. */
export type RunKey = 'study' | number

export interface Metric {
  readonly key: string
  readonly value: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
}
export type Texts = Readonly<Record<string, string>>

/** What is to be done on the server for one run. */
export type Operation = { readonly run: RunKey } & (
  | { readonly kind: 'start'; readonly name: string; readonly at: number; readonly tags: Texts }
  | { readonly kind: 'log'; readonly metrics?: readonly Metric[]; readonly params?: Texts; readonly tags?: Texts }
  | {
      readonly kind: 'status'
      readonly status: 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'
      /** When the run ended. */
      readonly at?: number
    }
  /** A file, or the text of one. */
  | { readonly kind: 'artifact'; readonly path: string; readonly file?: string; readonly text?: string }
)

type Values = Readonly<Record<string, number>>

const optionText = (decision: Decision, value: number): string => {
  if (decision.kind === 'real') return String(value)
  const option = decision.options[value] ?? null
  return typeof option === 'string' ? option : JSON.stringify(option)
}

/** The paths of image files anywhere in the facts of an event. */
function imagesAmong(facts: Json): readonly string[] {
  if (typeof facts === 'string') return /\.(png|jpe?g)$/i.test(facts) ? [facts] : []
  return typeof facts === 'object' && facts !== null ? Object.values(facts).flatMap(imagesAmong) : []
}

const finite = (diagnostics: object): Values =>
  Object.fromEntries(Object.entries(diagnostics).filter(([, value]) => typeof value === 'number'))

/**
 * Turns the events of a study into operations on MLflow runs: one for the study, and one for each of the first `runs`
 * trials. Steps increase for each metric, because MLflow shows the value with the largest step as the last one.
 */
export function mlflowOperations(runs: number): (event: SearchEvent) => readonly Operation[] {
  const nameOf = mlflowNames()
  let objectives: readonly ResolvedObjective[] = []
  let decisions: readonly Decision[] = []
  let ended = 0
  let failed = 0
  let best: { readonly value: number; readonly trial: number; readonly architecture: Json } | undefined
  let images = 0
  const architectures = new Map<number, Json>()
  /** The last step of each metric of each run that has not ended. */
  const steps = new Map<RunKey, Map<string, number>>()
  const isShown = (run: RunKey) => run === 'study' || steps.has(run)

  function metricsOf(run: RunKey, at: number, wanted: number, values: Values, group = ''): readonly Metric[] {
    const last = steps.get(run) ?? new Map<string, number>()
    return Object.entries(values).map(([name, value]) => {
      const key = nameOf(`${group}${name}`)
      const step = Math.max(Math.round(wanted), (last.get(key) ?? -1) + 1)
      last.set(key, step)
      return { key, value, timestamp: Math.round(at), step }
    })
  }
  const log = (run: RunKey, at: number, step: number, values: Values, group = ''): readonly Operation[] =>
    isShown(run) && Object.keys(values).length > 0
      ? [{ run, kind: 'log', metrics: metricsOf(run, at, step, values, group) }]
      : []
  const tags = (run: RunKey, texts: Texts): readonly Operation[] =>
    isShown(run)
      ? [
          {
            run,
            kind: 'log',
            tags: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, cut(text, LONGEST.tag)])),
          },
        ]
      : []
  function end(trial: number, at: number, status: 'FINISHED' | 'FAILED' | 'KILLED'): readonly Operation[] {
    architectures.delete(trial)
    return steps.delete(trial) ? [{ run: trial, kind: 'status', status, at }] : []
  }

  function started(event: EventOf<'search.started'>): readonly Operation[] {
    objectives = event.objectives
    decisions = event.space.decisions
    steps.set('study', new Map())
    const params = {
      space: event.space.name,
      seed: String(event.seed),
      concurrency: String(event.concurrency),
      budget: JSON.stringify(event.budget),
      objectives: JSON.stringify(event.objectives.map(({ metric, direction }) => ({ metric, direction }))),
      ...Object.fromEntries(Object.entries(event.parts).map(([part, name]) => [nameOf(`part.${part}`), name])),
    }
    return [
      { run: 'study', kind: 'start', name: event.study, at: event.at, tags: { 'archloom.version': event.archloom } },
      { run: 'study', kind: 'log', params: cutAll(params) },
    ]
  }
  const cutAll = (params: Texts): Texts =>
    Object.fromEntries(Object.entries(params).map(([name, text]) => [name, cut(text, LONGEST.param)]))

  function proposed({
    trial,
    genotype,
    architecture,
    seed,
    enqueued,
    at,
  }: EventOf<'trial.proposed'>): readonly Operation[] {
    architectures.set(trial, architecture ?? [...genotype])
    if (trial >= runs) return []
    steps.set(trial, new Map())
    const params = Object.fromEntries(
      decisions.map((decision, i) => [nameOf(decision.name), optionText(decision, genotype[i]!)]),
    )
    const text = JSON.stringify(architecture ?? genotype)
    const isLong = text.length > LONGEST.tag || Object.values(params).some((value) => value.length > LONGEST.param)
    return [
      {
        run: trial,
        kind: 'start',
        name: `trial-${String(trial).padStart(6, '0')}`,
        at,
        tags: { 'archloom.seed': String(seed), 'archloom.architecture': cut(text, LONGEST.tag) },
      },
      { run: trial, kind: 'log', params: cutAll(params) },
      ...(isLong ? [{ run: trial, kind: 'artifact', path: 'architecture.json', text } as const] : []),
      ...(enqueued ? [{ run: trial, kind: 'status', status: 'SCHEDULED' } as const] : []),
    ]
  }

  function completed({ trial, metrics, reward, feasible, at }: EventOf<'trial.completed'>): readonly Operation[] {
    const step = ended++
    const [first] = objectives
    const value = first && metrics[first.metric]
    const isBetter = best === undefined || (first?.direction === 'maximise' ? value! > best.value : value! < best.value)
    if (feasible && value !== undefined && isBetter && !Number.isNaN(value))
      best = { value, trial, architecture: architectures.get(trial) ?? null }
    return [
      ...log(trial, at, 0, { ...metrics, reward }),
      ...tags(trial, { 'archloom.feasible': String(feasible) }),
      ...end(trial, at, 'FINISHED'),
      ...log('study', at, step, { ...metrics, reward }, 'trials/'),
      ...(best && first ? log('study', at, step, { [first.metric]: best.value }, 'best/') : []),
    ]
  }

  function failedTrial({ trial, reason, code, message, stack, at }: EventOf<'trial.failed'>): readonly Operation[] {
    failed++
    const step = ended++
    const texts = { 'archloom.failure': reason, 'archloom.failure.code': code, 'archloom.failure.message': message }
    return [
      ...tags(trial, texts),
      ...(stack !== undefined && isShown(trial)
        ? [{ run: trial, kind: 'artifact', path: 'failure.txt', text: stack } as const]
        : []),
      ...end(trial, at, 'FAILED'),
      ...log('study', at, step, { failed }, 'trials/'),
    ]
  }

  return (event) => {
    switch (event.type) {
      case 'search.started':
        return started(event)
      case 'search.resumed':
        return [{ run: 'study', kind: 'status', status: 'RUNNING' }]
      case 'trial.proposed':
        return proposed(event)
      case 'trial.continued':
        return event.rung === 0 && isShown(event.trial) ? [{ run: event.trial, kind: 'status', status: 'RUNNING' }] : []
      case 'trial.progress':
        return log(event.trial, event.at, event.step, event.metrics)
      case 'trial.paused':
        return log(event.trial, event.at, 0, { ...event.metrics, fidelity: event.fidelity })
      case 'trial.completed':
        return completed(event)
      case 'trial.pruned':
        ended++
        return [
          ...log(event.trial, event.at, 0, event.metrics),
          ...tags(event.trial, { 'archloom.pruned': event.by }),
          ...end(event.trial, event.at, 'KILLED'),
        ]
      case 'trial.failed':
        return failedTrial(event)
      case 'controller.updated':
        return log('study', event.at, ended, finite(event.diagnostics), 'controller/')
      case 'weights.progress':
        return log('study', event.at, event.step, event.metrics, 'weights/')
      case 'policy.progress':
        return log('study', event.at, event.step, event.metrics, 'policy/')
      case 'plugin.event':
        return imagesAmong(event.facts).map((file) => {
          const place = nameOf(`${event.plugin}/${event.name}`)
          const number = String(images++).padStart(6, '0')
          return {
            run: 'study',
            kind: 'artifact',
            path: `${place}/${number}${file.slice(file.lastIndexOf('.'))}`,
            file,
          }
        })
      case 'search.finished':
      case 'search.stopped': {
        const status = event.type === 'search.finished' ? 'FINISHED' : 'KILLED'
        return [
          ...(best
            ? [{ run: 'study', kind: 'artifact', path: 'best.json', text: JSON.stringify(best, null, 2) } as const]
            : []),
          { run: 'study', kind: 'status', status, at: event.at },
        ]
      }
      default:
        return []
    }
  }
}
