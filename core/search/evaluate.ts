import type { Clock } from '../clock.ts'
import { ArchloomError, messageOf } from '../errors.ts'
import type { Evaluation, EvaluationRequest, Evaluator } from '../evaluator.ts'
import { error } from './errors.ts'
import type { FailureReason } from './events.ts'

export type Outcome =
  | { readonly ok: true; readonly evaluation: Evaluation }
  | { readonly ok: false; readonly reason: FailureReason; readonly code: string; readonly message: string }

const failed = (reason: FailureReason, cause: ArchloomError): Outcome => ({
  ok: false,
  reason,
  code: cause.code,
  message: cause.message,
})

/** Metrics must be finite numbers, and every objective's metric must be there. */
function check(evaluation: unknown, required: readonly string[]): Outcome {
  const metrics = (evaluation as Evaluation | undefined)?.metrics as unknown
  const expected = `{ metrics: { ${required.map((name) => `${name}: number`).join(', ')} } }`
  if (typeof metrics !== 'object' || metrics === null) {
    const received =
      typeof evaluation === 'object' && evaluation !== null && 'metrics' in evaluation ? metrics : evaluation
    return failed('invalid', error('ARCHLOOM_EVALUATION_INVALID', { received, expected }))
  }
  for (const name of required)
    if (!(name in metrics))
      return failed('invalid', error('ARCHLOOM_EVALUATION_INVALID', { received: metrics, expected }))
  for (const [metric, value] of Object.entries(metrics)) {
    if (typeof value !== 'number')
      return failed(
        'invalid',
        error('ARCHLOOM_EVALUATION_INVALID', { received: { [metric]: value as unknown }, expected }),
      )
    if (!Number.isFinite(value))
      return failed('diverged', error('ARCHLOOM_EVALUATION_NOT_FINITE', { metric, received: value }))
  }
  return { ok: true, evaluation: evaluation as Evaluation }
}

const DIVERGED = 'ARCHLOOM_TRAINING_DIVERGED'

function misfortune(thrown: unknown): Outcome {
  if (ArchloomError.is(thrown)) return failed(thrown.code === DIVERGED ? 'diverged' : 'error', thrown)
  return failed('error', error('ARCHLOOM_EVALUATION_THREW', { message: messageOf(thrown) }))
}

/** Evaluate one trial; whatever goes wrong becomes data. Never throws. */
export async function evaluateTrial<A>(
  evaluator: Evaluator<A>,
  request: EvaluationRequest<A>,
  options: {
    readonly required: readonly string[]
    readonly trialMs: number
    readonly clock: Clock
    readonly signal: AbortSignal
    readonly report: (step: number, metrics: Readonly<Record<string, number>>) => void
  },
): Promise<Outcome> {
  const abort = new AbortController()
  const stop = () => abort.abort(options.signal.reason)
  if (options.signal.aborted) stop()
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    // Awaited inside: an evaluator written in JavaScript may answer without a promise, or throw at once.
    const evaluated = async () => evaluator.evaluate(request, { signal: abort.signal, report: options.report })
    const work = evaluated().then((evaluation) => check(evaluation, options.required), misfortune)
    if (!Number.isFinite(options.trialMs)) {
      const outcome = await work
      return options.signal.aborted && !outcome.ok ? { ...outcome, reason: 'aborted' } : outcome
    }
    const late = new AbortController()
    const timeout = options.clock.sleep(options.trialMs, late.signal).then((): Outcome => {
      if (!late.signal.aborted) abort.abort(new Error('timeout'))
      return failed('timeout', error('ARCHLOOM_EVALUATION_TIMEOUT', { seconds: options.trialMs / 1000 }))
    })
    const outcome = await Promise.race([work, timeout])
    late.abort()
    return options.signal.aborted && !outcome.ok ? { ...outcome, reason: 'aborted' } : outcome
  } catch (thrown) {
    return misfortune(thrown)
  } finally {
    options.signal.removeEventListener('abort', stop)
  }
}
