import type { StudyRecord } from '../../core/index.ts'
import type { Standing } from './protocol.ts'
import { wireMetrics } from './wire.ts'

/** The limits of a budget as it is journalled. */
export function limitsOf(budget: unknown): { readonly maxTrials?: number; readonly maxMs?: number } {
  const given = typeof budget === 'object' && budget !== null ? budget : {}
  const numberAt = (name: string): number => {
    const value: unknown = Reflect.get(given, name)
    return typeof value === 'number' && Number.isFinite(value) ? value : 0
  }
  const maxTrials = numberAt('maxTrials')
  const maxMs = 1000 * (3600 * numberAt('hours') + 60 * numberAt('minutes') + numberAt('seconds'))
  return { ...(maxTrials > 0 && { maxTrials }), ...(maxMs > 0 && { maxMs }) }
}

/** Where a study stands. A study that says it is running, with nobody writing it, was interrupted. */
export function standingOf(
  record: StudyRecord,
  { isWritten, budget }: { readonly isWritten: boolean | undefined; readonly budget: unknown },
): Standing {
  const { live, started } = record
  const { best, stage, reason } = live
  const status = live.status === 'running' && isWritten === false ? 'interrupted' : live.status
  const msLeft = status === 'running' ? leftOf(record, budget) : undefined
  return {
    seq: live.seq,
    status,
    ...(reason !== undefined && { reason }),
    proposed: live.proposed,
    completed: live.completed,
    pruned: live.pruned,
    failed: live.failed,
    running: status === 'running' ? live.running.slice(0, 64) : [],
    resting: live.resting.length,
    ...(best && { best: { trial: best.trial, metrics: wireMetrics(best.metrics) } }),
    front: started.objectives.length > 1 ? live.front.length : 0,
    ...(stage !== undefined && { stage }),
    elapsedMs: live.elapsedMs,
    sessions: live.sessions,
    trialsPerMinute: live.trialsPerMinute,
    ...(msLeft !== undefined && { msLeft }),
  }
}

/** Milliseconds until the budget is spent, by the mean time per trial so far. */
function leftOf({ live }: StudyRecord, budget: unknown): number | undefined {
  const { maxTrials, maxMs } = limitsOf(budget)
  const ended = live.completed + live.pruned + live.failed
  const byTime = maxMs === undefined ? Number.POSITIVE_INFINITY : maxMs - live.elapsedMs
  const byTrials =
    maxTrials === undefined || ended === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(0, maxTrials - ended) * (live.elapsedMs / ended)
  const left = Math.min(byTime, byTrials)
  return Number.isFinite(left) ? Math.max(0, left) : undefined
}
