import type { Observable } from 'rxjs'
import type { Clock } from '../clock.ts'
import { type Budget, resolveBudget } from '../search/budget.ts'
import { initialState, reduce, type SearchState } from '../study/state.ts'
import type { SearchEvent } from '../trial/events.ts'
import { type Terminal, widthOf } from './output.ts'
import { cut, durationText, metricsText, numberText } from './text.ts'

const BAR = 20
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'

/** What the display shows, folded from events. */
export interface ProgressView {
  readonly state: SearchState
  readonly maxTrials: number
  readonly maxMs: number
  /** The last numbers reported from inside a trial, or by the training of shared weights. */
  readonly inside?: { readonly what: string; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** Steps of a whole trial, estimated from the trials that have ended. */
  readonly steps: number
  /** When the newest running trial was proposed. */
  readonly trialAt: number
  readonly lastAt: number
}

export const initialView: ProgressView = {
  state: initialState,
  maxTrials: Number.POSITIVE_INFINITY,
  maxMs: Number.POSITIVE_INFINITY,
  steps: 0,
  trialAt: 0,
  lastAt: 0,
}

/** One step of the fold. */
export function view(before: ProgressView, event: SearchEvent): ProgressView {
  const derived = event.type === 'best.changed' || event.type === 'pareto.changed'
  const next: ProgressView = derived ? before : { ...before, state: reduce(before.state, event), lastAt: event.at }
  switch (event.type) {
    case 'search.started':
    case 'search.resumed': {
      const { maxTrials, maxMs } = resolveBudget(event.budget as Budget)
      return { ...next, maxTrials, maxMs }
    }
    case 'trial.proposed': {
      const { inside: _, ...rest } = next
      return { ...rest, trialAt: event.at }
    }
    case 'trial.progress':
      return { ...next, inside: { what: `trial ${event.trial}`, step: event.step, metrics: event.metrics } }
    case 'trial.completed':
      return { ...next, steps: Math.max(next.steps, next.inside?.step ?? 0) }
    case 'weights.progress':
      return { ...next, inside: { what: 'shared weights', step: event.step, metrics: event.metrics } }
    case 'policy.progress':
      return { ...next, inside: { what: 'policy', step: event.step, metrics: event.metrics } }
    default:
      return next
  }
}

/** Milliseconds until the budget is spent, by the mean time of a trial so far; undefined before the first one ends. */
export function timeLeft({ state, maxTrials, maxMs, trialAt, lastAt }: ProgressView, now: number): number | undefined {
  const idle = state.status === 'running' ? now - lastAt : 0
  const elapsed = state.elapsedMs + idle
  const byTime = maxMs - elapsed
  const ended = state.completed + state.failed
  if (ended === 0) return Number.isFinite(byTime) ? Math.max(0, byTime) : undefined
  const open = state.running.length > 0 ? Math.max(0, now - trialAt) : 0
  const perTrial = Math.max(1, elapsed - open) / ended
  const byTrials = (maxTrials - ended) * perTrial - Math.min(open, perTrial)
  const left = Math.min(byTime, byTrials)
  return Number.isFinite(left) ? Math.max(0, left) : undefined
}

/** The share of the budget that is spent, 0 to 1. */
function share({ state, maxTrials, maxMs, lastAt }: ProgressView, now: number): number | undefined {
  const ended = state.completed + state.failed
  const elapsed = state.elapsedMs + (state.status === 'running' ? now - lastAt : 0)
  const done = Math.max(ended / maxTrials, elapsed / maxMs)
  return Number.isFinite(maxTrials) || Number.isFinite(maxMs) ? Math.min(1, done) : undefined
}

/** Summarises a search on one line. */
export function summaryLine(shown: ProgressView, now: number): string {
  const { state, maxTrials } = shown
  const ended = state.completed + state.failed
  const left = state.status === 'running' ? timeLeft(shown, now) : undefined
  const [objective] = state.objectives
  const value = objective && state.best?.metrics[objective.metric]
  return [
    `trial ${ended}${Number.isFinite(maxTrials) ? `/${maxTrials}` : ''}`,
    ...(value === undefined ? [] : [`best ${objective?.metric} ${numberText(value)} (trial ${state.best?.trial})`]),
    ...(state.objectives.length > 1 && state.front.length > 0 ? [`${state.front.length} on the front`] : []),
    ...(state.stage ? [state.stage] : []),
    ...(ended > 0 ? [`${numberText(state.trialsPerMinute)} trials/min`] : []),
    ...(state.failed > 0 ? [`${state.failed} failed`] : []),
    ...(left === undefined ? [] : [`${durationText(left)} left`]),
  ].join('  ')
}

/** Describes on one line what the running trial is doing. */
export function insideLine({ inside, state, steps, trialAt }: ProgressView, now: number): string {
  if (state.status !== 'running' || (!inside && state.running.length === 0)) return ''
  const since = state.running.length > 0 ? `  ${durationText(now - trialAt)}` : ''
  if (!inside) return `trial ${state.running.at(-1)}${since}`
  const all = steps >= inside.step ? `/${steps}` : ''
  return `${inside.what}: step ${inside.step}${all}  ${metricsText(inside.metrics)}${since}`
}

export interface ProgressOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  /** Milliseconds between two plain lines where the terminal cannot redraw. Default: 5000. */
  readonly everyMs?: number
}

export interface ProgressDisplay extends Disposable {
  /** Print something above the display. */
  above(text: string): void
}

/**
 * Shows a running search: two lines that redraw themselves on a terminal, else a plain line every few seconds. The
 * cost for the search is one fold per event.
 */
export function progressDisplay(events$: Observable<SearchEvent>, options: ProgressOptions): ProgressDisplay {
  const { terminal, clock, everyMs = 5000 } = options
  const live = terminal.isTTY === true
  const pause = live ? 100 : everyMs
  let shown = initialView
  let lines = 0
  let drawnAt = Number.NEGATIVE_INFINITY
  let last = ''
  let turn = 0

  const clear = () => {
    if (lines > 0) terminal.write(`\r\x1b[2K${'\x1b[1A\x1b[2K'.repeat(lines - 1)}`)
    lines = 0
  }
  const draw = () => {
    const now = clock.now()
    drawnAt = now
    const summary = summaryLine(shown, now)
    const inside = insideLine(shown, now)
    if (!live) {
      const line = inside ? `${summary}  [${inside}]` : summary
      if (line !== last) terminal.write(`${line}\n`)
      last = line
      return
    }
    const width = widthOf(terminal, 100) - 1
    const done = share(shown, now)
    const filled = Math.round((done ?? 0) * BAR)
    const bar =
      done === undefined ? '' : `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${Math.floor(done * 100)} %  `
    const first = `${SPINNER[turn++ % SPINNER.length]} ${bar}${summary}`
    clear()
    terminal.write([first, ...(inside ? [`  ${inside}`] : [])].map((line) => cut(line, width)).join('\n'))
    lines = inside ? 2 : 1
  }
  const above = (text: string) => {
    clear()
    terminal.write(`${text}\n`)
    if (live) draw()
  }
  // Events of earlier sessions are not shown again.
  let replayed = false
  const subscription = events$.subscribe((event) => {
    shown = view(shown, event)
    if (event.type === 'search.warning' && replayed) above(`warning  ${event.code}: ${event.message}`)
    if (clock.now() - drawnAt >= pause) draw()
  })
  replayed = true
  const timer = setInterval(() => {
    if (shown.state.status === 'running' && clock.now() - drawnAt >= pause) draw()
  }, pause)
  timer.unref()
  return {
    above,
    [Symbol.dispose]() {
      clearInterval(timer)
      subscription.unsubscribe()
      clear()
      // The last state stays on the screen.
      const summary = summaryLine(shown, clock.now())
      if (shown.state.status !== 'idle' && summary !== last) terminal.write(`${summary}\n`)
    },
  }
}
