import { quote } from '../errors.ts'
import type { StudyRecord } from '../study/record.ts'
import type { EventDraft } from '../trial/events.ts'
import { boundsText, type ResolvedObjective } from '../trial/objective.ts'
import type { Trial } from '../trial/trial.ts'

/** Characters of a failure's message that a warning repeats. */
const MESSAGE = 300

/** The most frequent failure of some trials, the earlier one at a tie. */
function mostFrequent(trials: readonly Trial[]) {
  const found = new Map<string, { code: string; count: number; message: string }>()
  for (const { failure } of trials) {
    if (!failure) continue
    const same = found.get(failure.code)
    if (same) same.count++
    else found.set(failure.code, { code: failure.code, count: 1, message: failure.message })
  }
  return [...found.values()].reduce((a, b) => (b.count > a.count ? b : a))
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

/** What trials failed with: "with CODE: message". */
function failuresText(failed: readonly Trial[]): string {
  const { code, count, message } = mostFrequent(failed)
  const shown = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message
  return `${count === failed.length ? '' : `most often (${count} times) `}with ${code}: ${shown.slice(0, MESSAGE).replace(/\.$/, '')}`
}

/** The measured metrics that are bounded. */
const measuredText = (objectives: readonly ResolvedObjective[], { metrics }: Trial) =>
  objectives
    .filter(({ metric }) => metrics[metric] !== undefined)
    .map(({ metric }) => `${metric} ${metrics[metric]}`)
    .join(', ')

/**
 * The warning for a study whose trials have ended without a result: ARCHLOOM_SEARCH_NOTHING_COMPLETED says how many
 * trials failed, and with which error most often; ARCHLOOM_SEARCH_NOTHING_FEASIBLE names the trial nearest to the bounds
 * that none has kept. Nothing if there is a feasible result, or if no trial has ended.
 */
export function withoutResult({
  state,
  trials,
  started,
}: Pick<StudyRecord, 'state' | 'trials' | 'started'>): EventDraft[] {
  const { completed, failed, pruned, best } = state
  if (best !== undefined || completed + failed + pruned === 0) return []
  const warning = (code: string, message: string): EventDraft[] => [{ type: 'search.warning', code, message }]
  const failures = trials.filter(({ failure }) => failure !== undefined)
  const bounded = started.objectives.filter(({ atMost, atLeast }) => atMost !== undefined || atLeast !== undefined)
  const outside = trials.filter(({ status, feasible }) => feasible === false && status !== 'running')
  if (outside.length > 0 && !trials.some(({ feasible }) => feasible)) {
    const nearest = outside.reduce((a, b) => ((b.violation ?? 0) < (a.violation ?? 0) ? b : a))
    const others =
      failures.length > 0 ? ` ${counted(failures.length, 'other trial')} failed ${failuresText(failures)}.` : ''
    return warning(
      'ARCHLOOM_SEARCH_NOTHING_FEASIBLE',
      `none of ${counted(outside.length, 'measured trial')} keeps the bounds ${boundsText(bounded)}. The nearest, trial ${nearest.trial} (${quote(nearest.architecture)}), has ${measuredText(bounded, nearest)}.${others} Relax the bounds, or continue the study with a larger budget.`,
    )
  }
  if (completed > 0) return []
  if (failures.length === 0)
    return warning(
      'ARCHLOOM_SEARCH_NOTHING_COMPLETED',
      `no trial was completed: ${counted(pruned, 'trial')} ${pruned === 1 ? 'was' : 'were'} pruned before full fidelity. Continue the study with a larger budget, or use a scheduler that prunes less.`,
    )
  const all = failures.length === trials.length
  const subject = all
    ? failed === 1
      ? 'the only trial'
      : `all ${failed} trials`
    : `no trial was completed, and ${counted(failed, 'trial')}`
  return warning(
    'ARCHLOOM_SEARCH_NOTHING_COMPLETED',
    `${subject} failed ${failuresText(failures)}. Correct the cause, then continue the study.`,
  )
}
