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
  /** An exception without a code of archloom, probably a mistake in the user's program. */
  readonly thrown?: unknown
}

/** The outcome of one evaluation. */
export type Outcome =
  | {
      readonly ok: true
      readonly evaluation: Evaluation
      /** Why the trial was given up: by the scheduler during the evaluation, or because of a bound before training. */
      readonly pruned?: 'scheduler' | 'bounds'
      /** What the evaluator saved for the next rung. */
      readonly checkpoint?: Uint8Array
    }
  | Failure

const MESSAGE_LIMIT = 1000
const STACK_LIMIT = 4000
const cut = (text: string, limit: number) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text)

/** A failed outcome whose texts are cut to a size suitable for a journal. */
export const failed = (reason: FailureReason, code: string, message: string, stack?: string): Failure => ({
  ok: false,
  reason,
  code,
  message: cut(message, MESSAGE_LIMIT),
  ...(stack !== undefined && { stack: cut(stack, STACK_LIMIT) }),
})
const coded = (reason: FailureReason, cause: ArchloomError): Failure => failed(reason, cause.code, cause.message)

/**
 * Checks the result of an evaluator or a user: every metric is a number, and every objective is present and has not
 * diverged. `needsAll: false` accepts missing objectives, for a trial that was given up.
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
  /** Time limit of the evaluation in ms; for an evaluator that queues, counted from `context.started()`. */
  readonly trialMs: number
  readonly clock: Clock
  /** Aborted when the whole search stops. */
  readonly signal: AbortSignal
  /**
   * Makes an abort controller that the search's signal also aborts. It is called only for evaluators that use their
   * signal.
   */
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

/** The facts after a round trip through JSON. Error: ARCHLOOM_REPORT_INVALID. */
function asJson(name: unknown, facts: unknown): Json {
  try {
    if (typeof name === 'string' && name !== '') return JSON.parse(JSON.stringify(facts ?? null)) as Json
  } catch {}
  throw error('ARCHLOOM_REPORT_INVALID', { received: { name, facts: quote(facts) }, expected: 'a name and plain JSON' })
}

/** A time limit that counts from the last `start`, and not while it is paused. `reached` is undefined without a limit. */
function timeLimit(ms: number, clock: Clock) {
  if (!Number.isFinite(ms)) return { start() {}, pause() {}, reached: undefined }
  let sleep: AbortController | undefined
  let reach = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const pause = () => sleep?.abort()
  const start = () => {
    pause()
    const current = new AbortController()
    sleep = current
    void clock.sleep(ms, current.signal).then(() => {
      if (!current.signal.aborted) reach()
    })
  }
  return { start, pause, reached }
}

/**
 * Evaluates one rung of one trial; the only place that calls an evaluator. Costs that are known without training are
 * compared with their bounds first. Time limits, missing and non-finite metrics, exceptions and stop decisions become
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
  const limited = timeLimit(trialMs, clock)
  let ended = false
  let pruned = false
  let saved: Uint8Array | undefined
  try {
    const counted = evaluator.costs?.(request.architecture)
    const costs = counted instanceof Promise ? await counted : counted
    if (costs && violationOf(objectives, costs) > 0)
      return { ok: true, evaluation: { metrics: { ...costs } }, pruned: 'bounds' }
    if (!evaluator.queues) limited.start()
    const context = {
      get signal() {
        return aborting().signal
      },
      started: () => {
        if (!ended) limited.start()
      },
      waiting: limited.pause,
      report: (step: number, metrics: Metrics): 'continue' | 'stop' => {
        // An evaluation that timed out may still report, but its trial has ended.
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
    const late = limited.reached?.then((): Outcome => {
      aborting().abort(new Error('timeout'))
      return coded('timeout', error('ARCHLOOM_EVALUATION_TIMEOUT', { seconds: trialMs / 1000 }))
    })
    const outcome = await (late ? Promise.race([work, late]) : work)
    return signal.aborted && !outcome.ok ? { ...outcome, reason: 'aborted' } : outcome
  } catch (thrown) {
    return misfortune(thrown)
  } finally {
    ended = true
    limited.pause()
  }
}
