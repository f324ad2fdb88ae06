import type { SearchEvent } from '../../core/index.ts'

export const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]

export interface Line {
  readonly level: Level
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

type Numbers = Readonly<Record<string, number>>

/** JSON has no NaN and no infinity: they become text. */
const numbers = (values: Numbers): Readonly<Record<string, number | string>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : String(value)]),
  )
const text = (values: Numbers) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(', ')

/** What a log says about an event; undefined for events that it leaves out. */
export function lineOf(event: SearchEvent): Line | undefined {
  const { seq, type } = event
  const line = (level: Level, message: string, fields: object = {}): Line => ({
    level,
    fields: { event: type, seq, ...('trial' in event && { trial: event.trial }), ...fields },
    message,
  })
  switch (event.type) {
    case 'search.started':
      return line('info', `search started in the space ${event.space.name}`, {
        space: event.space.name,
        parts: event.parts,
        seed: event.seed,
        concurrency: event.concurrency,
      })
    case 'search.resumed':
      return line('info', `search resumed after ${event.trials} trials`, { trials: event.trials })
    case 'search.finished':
    case 'search.stopped': {
      const { reason, trials, elapsedMs } = event
      const what = type === 'search.finished' ? 'finished' : 'stopped'
      return line('info', `search ${what} after ${trials} trials: ${reason}`, { reason, trials, elapsedMs })
    }
    case 'search.warning':
      return line('warn', event.message, { code: event.code })
    case 'trial.proposed':
      return line('debug', `trial ${event.trial} proposed`, { genotype: event.genotype })
    case 'trial.continued':
      return line('debug', `trial ${event.trial} continued`, { rung: event.rung, fidelity: event.fidelity })
    case 'trial.retried': {
      const { trial, attempt, reason, code, message } = event
      return line('warn', `trial ${trial} is tried again: ${message}`, { attempt, reason, code })
    }
    case 'trial.progress':
      return line('trace', `trial ${event.trial}, step ${event.step}: ${text(event.metrics)}`, {
        step: event.step,
        metrics: numbers(event.metrics),
      })
    case 'trial.paused':
    case 'trial.completed': {
      const { trial, metrics, feasible, elapsedMs } = event
      const what = type === 'trial.completed' ? 'completed' : 'paused'
      return line(type === 'trial.completed' ? 'info' : 'debug', `trial ${trial} ${what}: ${text(metrics)}`, {
        metrics: numbers(metrics),
        feasible,
        elapsedMs,
      })
    }
    case 'trial.pruned':
      return line('info', `trial ${event.trial} pruned by ${event.by}`, {
        metrics: numbers(event.metrics),
        elapsedMs: event.elapsedMs,
      })
    case 'trial.failed': {
      const { trial, reason, code, message, stack, elapsedMs } = event
      return line('error', `trial ${trial} failed: ${message}`, {
        reason,
        code,
        elapsedMs,
        // The form that pino gives to errors.
        err: { message, stack: stack ?? message },
      })
    }
    case 'best.changed':
      return line('info', `best so far is trial ${event.trial}: ${text(event.metrics)}`, {
        metrics: numbers(event.metrics),
      })
    case 'controller.updated':
      return line('debug', `controller updated by ${event.trials.length} trials`, { trials: event.trials })
    case 'stage.started':
      return line('info', `stage ${event.stage} started`, { stage: event.stage, facts: event.facts })
    case 'weights.progress':
    case 'policy.progress': {
      const what = type === 'weights.progress' ? 'shared weights' : 'policy'
      return line('debug', `${what}, step ${event.step}: ${text(event.metrics)}`, {
        step: event.step,
        metrics: numbers(event.metrics),
      })
    }
    case 'checkpoint.written':
      return line('debug', `checkpoint written after ${event.step} steps`, { file: event.file })
    case 'plugin.event': {
      const isLost = ['worker.died', 'worker.lost', 'worker.none', 'worker.refused'].includes(event.name)
      const { plugin, name, facts } = event
      return line(isLost ? 'warn' : 'debug', `${plugin}: ${name}`, { plugin, facts })
    }
    default:
      return undefined
  }
}
