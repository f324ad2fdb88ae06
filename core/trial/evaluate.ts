import type { Clock } from '../clock.ts'
import { ArchloomError, messageOf, quote } from '../errors.ts'
import type { Checkpoint, Evaluation, EvaluationRequest, Evaluator } from '../evaluator.ts'
import type { Json } from '../space/decision.ts'
import { error } from './errors.ts'
import type { FailureReason } from './events.ts'
import { isDiverged, type ResolvedObjective, violationOf } from './objective.ts'

type Metrics = Readonly<Record<string, number>>

export interface Failure {
  readonly ok: false
  readonly reason: FailureReason
  readonly code: string
  readonly message: string
  readonly stack?: string
  /** An exception that no part of archloom coded: probably a mistake in the user's program. */
  readonly thrown?: unknown
}

/** What became of one evaluation. */
export type Outcome =
  | {
      readonly ok: true
      readonly evaluation: Evaluation
      /** The trial was given up: by the scheduler on the way, or by a bound before training. */
      readonly pruned?: 'scheduler' | 'bounds'
      /** What the evaluator saved for the next rung. */
      readonly checkpoint?: Uint8Array
    }
  | Failure

const MESSAGE_LIMIT = 1000
const STACK_LIMIT = 4000
const cut = (text: string, limit: number) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text)

/** A failed outcome, its texts cut to a size that a journal can hold. */
export const failed = (reason: FailureReason, code: string, message: string, stack?: string): Failure => ({
  ok: false,
  reason,
  code,
  message: cut(message, MESSAGE_LIMIT),
  ...(stack !== undefined && { stack: cut(stack, STACK_LIMIT) }),
})
const coded = (reason: FailureReason, cause: ArchloomError): Failure => failed(reason, cause.code, cause.message)

/**
 * Checks what an evaluator or a user answered: every metric is a number, every objective is there and not diverged.
 * `needsAll: false` accepts missing objectives, for a trial that was given up on the way.
 */
export function checkEvaluation(
  evaluation: unknown,
  objectives: readonly ResolvedObjective[],
  needsAll = true,
): { readonly ok: true; readonly evaluation: Evaluation } | Failure {
  const metrics = (evaluation as Evaluation | undefined)?.metrics as unknown
  const expected = `{ metrics: { ${objectives.map(({ metric }) => `${metric}: number`).join(', ')} } }`
  const invalid = (received: unknown) => coded('invalid', error('ARCHLOOM_EVALUATION_INVALID', { received, expected }))
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics))
    return invalid(
      typeof evaluation === 'object' && evaluation !== null && 'metrics' in evaluation ? metrics : evaluation,
    )
  for (const [metric, value] of Object.entries(metrics))
    if (typeof value !== 'number') return invalid({ [metric]: value as unknown })
  for (const objective of objectives) {
    const value = (metrics as Metrics)[objective.metric]
    if (value === undefined) {
      if (needsAll) return invalid(metrics)
    } else if (isDiverged(objective, value))
      return coded('diverged', error('ARCHLOOM_EVALUATION_NOT_FINITE', { metric: objective.metric, received: value }))
  }
  const seconds = (evaluation as Evaluation).simulatedSeconds
  if (seconds !== undefined && !(seconds >= 0 && seconds < Number.POSITIVE_INFINITY))
    return invalid({ simulatedSeconds: seconds })
  return { ok: true, evaluation: evaluation as Evaluation }
}

const REASONS: Readonly<Record<string, FailureReason>> = {
  ARCHLOOM_TRAINING_DIVERGED: 'diverged',
  ARCHLOOM_WORKER_DIED: 'lost',
  ARCHLOOM_EVALUATION_TIMEOUT: 'timeout',
}

function misfortune(thrown: unknown): Failure {
  const stack = thrown instanceof Error ? thrown.stack : undefined
  if (ArchloomError.is(thrown)) return failed(REASONS[thrown.code] ?? 'error', thrown.code, thrown.message, stack)
  const { code, message } = error('ARCHLOOM_EVALUATION_THREW', { message: cut(messageOf(thrown), MESSAGE_LIMIT) })
  return { ...failed('error', code, message, stack), thrown }
}

export interface EvaluateOptions {
  readonly objectives: readonly ResolvedObjective[]
  /** Limit of the evaluation in ms; of an evaluator that queues, counted from `context.started()`. */
  readonly trialMs: number
  readonly clock: Clock
  /** Aborted when the whole search stops. */
  readonly signal: AbortSignal
  /** A controller that the search's signal aborts as well. Made only for evaluators that look at their signal. */
  readonly abortable: () => AbortController
  readonly report: (step: number, metrics: Metrics) => 'continue' | 'stop'
  readonly tell: (name: string, facts: Json, plugin?: string) => void
  readonly checkpoint?: Checkpoint
  /** Whether a later rung may continue the trial. */
  readonly mayContinue: boolean
}

function checkReport(step: unknown, metrics: unknown): void {
  const isRecord = typeof metrics === 'object' && metrics !== null
  const isValid = isRecord && Object.values(metrics).every((value) => typeof value === 'number')
  if (!Number.isFinite(step) || !isValid)
    throw error('ARCHLOOM_REPORT_INVALID', {
      received: { step, metrics: quote(metrics) },
      expected: 'a finite step and metrics that are numbers, such as report(10, { loss: 0.3 })',
    })
}

/** The facts as they come out of JSON. Error: ARCHLOOM_REPORT_INVALID. */
function asJson(name: unknown, facts: unknown): Json {
  try {
    if (typeof name === 'string' && name !== '') return JSON.parse(JSON.stringify(facts ?? null)) as Json
  } catch {}
  throw error('ARCHLOOM_REPORT_INVALID', { received: { name, facts: quote(facts) }, expected: 'a name and plain JSON' })
}

/**
 * Evaluates one rung of one trial; the only place that calls an evaluator. Costs that are known without training are
 * held against their bounds first. Time limits, missing and non-finite metrics, exceptions and stop decisions become
 * outcomes. Never throws.
 */
export async function evaluateTrial<A>(
  evaluator: Evaluator<A>,
  request: EvaluationRequest<A>,
  options: EvaluateOptions,
): Promise<Outcome> {
  const { objectives, clock, signal, trialMs } = options
  let abort: AbortController | undefined
  const aborting = () => {
    abort ??= options.abortable()
    return abort
  }
  const late = Number.isFinite(trialMs) ? new AbortController() : undefined
  let ended = false
  let pruned = false
  let saved: Uint8Array | undefined
  try {
    const costs = evaluator.costs?.(request.architecture)
    if (costs && violationOf(objectives, costs) > 0)
      return { ok: true, evaluation: { metrics: { ...costs } }, pruned: 'bounds' }
    let started = () => {}
    const begun = new Promise<void>((resolve) => {
      started = resolve
    })
    if (!evaluator.queues) started()
    const context = {
      get signal() {
        return aborting().signal
      },
      started,
      report: (step: number, metrics: Metrics): 'continue' | 'stop' => {
        // A timed-out evaluation may still report: its trial is over.
        if (ended) return 'stop'
        checkReport(step, metrics)
        if (options.report(step, metrics) === 'stop') pruned = true
        return pruned ? 'stop' : 'continue'
      },
      tell: (name: string, facts: Json, plugin?: string) => {
        if (!ended) options.tell(name, asJson(name, facts), plugin)
      },
      ...(options.checkpoint && { checkpoint: options.checkpoint }),
      ...(options.mayContinue && {
        saveCheckpoint: (data: Uint8Array) => {
          saved = data
        },
      }),
    }
    const work = (async () => evaluator.evaluate(request, context))().then((evaluation): Outcome => {
      const checked = checkEvaluation(evaluation, objectives, !pruned)
      if (!checked.ok) return checked
      return {
        ...checked,
        ...(pruned && { pruned: 'scheduler' as const }),
        ...(saved && { checkpoint: saved }),
      }
    }, misfortune)
    const limit =
      late &&
      begun
        .then(() => clock.sleep(trialMs, late.signal))
        .then((): Outcome => {
          if (!late.signal.aborted) aborting().abort(new Error('timeout'))
          return coded('timeout', error('ARCHLOOM_EVALUATION_TIMEOUT', { seconds: trialMs / 1000 }))
        })
    const outcome = await (limit ? Promise.race([work, limit]) : work)
    return signal.aborted && !outcome.ok ? { ...outcome, reason: 'aborted' } : outcome
  } catch (thrown) {
    return misfortune(thrown)
  } finally {
    ended = true
    late?.abort()
  }
}
