import type { StudyRecord, Trial } from '../../../core/index.ts'
import { hypervolume } from '../../../core/policy/index.ts'
import type { LiveStudy } from '../live-study.ts'
import type { DecisionFact, Failures, Objective, Overview } from '../protocol.ts'
import { limitsOf } from '../standing.ts'
import { spaced } from '../thinning.ts'

/** How many failures of one reason are shown with their stacks. */
const FAILURES = 5
/** How many lines of activity a page begins with. */
export const ACTIVITY = 40
/** Stretches of time of the rate. */
const STRETCHES = 60
/** How many values of the hypervolume are computed. */
const VOLUMES = 80

export function overviewOf(study: LiveStudy, controls: Overview['controls']): Overview {
  const { record } = study
  const { started, location, name, warnings } = record
  const volume = study.answer('hypervolume', () => volumeOf(study))
  return {
    study: name,
    location,
    space: started.space.name,
    decisions: decisionsOf(record),
    parts: started.parts,
    objectives: objectivesOf(record),
    budget: limitsOf(study.budget),
    seed: started.seed,
    archloom: started.archloom,
    startedAt: started.at,
    standing: study.standing,
    metrics: study.metrics,
    failures: study.answer('failures', () => failuresOf(record)),
    warnings: warnings.slice(-20).map(({ code, message, at }) => ({ code, message, at })),
    rate: study.answer('rate', () => rateOf(study)),
    ...(volume && { hypervolume: volume }),
    activity: study.activityAfter(-1, ACTIVITY),
    controls,
  }
}

export const objectivesOf = ({ started }: StudyRecord): readonly Objective[] =>
  started.objectives.map(({ metric, direction, atMost, atLeast, target }) => ({
    metric,
    direction,
    ...(atMost !== undefined && { atMost }),
    ...(atLeast !== undefined && { atLeast }),
    ...(target !== undefined && { target }),
  }))

/** The method of a study: the part that proposes. */
export const methodOf = ({ started: { parts } }: StudyRecord): string =>
  parts.plugins ?? parts.controller ?? parts.algorithm ?? ''

/** A value of a choice as text. */
export const optionText = (option: unknown): string => (typeof option === 'string' ? option : JSON.stringify(option))

export const decisionsOf = ({ started }: StudyRecord): readonly DecisionFact[] =>
  started.space.decisions.map((decision) =>
    decision.kind === 'choice'
      ? {
          name: decision.name,
          kind: decision.kind,
          options: decision.options.map(optionText),
          ordered: decision.ordered,
        }
      : {
          name: decision.name,
          kind: decision.kind,
          min: decision.min,
          max: decision.max,
          scale: decision.scale,
        },
  )

function failuresOf({ trials }: StudyRecord): readonly Failures[] {
  const byReason = new Map<string, Trial[]>()
  for (const trial of trials) {
    if (!trial.failure) continue
    const known = byReason.get(trial.failure.reason)
    if (known) known.push(trial)
    else byReason.set(trial.failure.reason, [trial])
  }
  return [...byReason]
    .map(([reason, failed]) => ({
      reason,
      count: failed.length,
      latest: failed
        .slice(-FAILURES)
        .reverse()
        .map(({ trial, failure }) => ({
          trial,
          code: failure!.code,
          message: failure!.message,
          ...(failure!.stack !== undefined && { stack: failure!.stack }),
        })),
    }))
    .sort((a, b) => b.count - a.count)
}

function rateOf({ endMinutes, record }: LiveStudy): Overview['rate'] {
  const total = record.live.elapsedMs / 60_000
  if (endMinutes.length === 0 || !(total > 0)) return { minutes: [], perMinute: [] }
  const stretches = Math.min(STRETCHES, Math.max(1, Math.floor(endMinutes.length / 2)))
  const width = total / stretches
  const counts = new Array<number>(stretches).fill(0)
  for (const minute of endMinutes) {
    const at = Math.min(stretches - 1, Math.floor(minute / width))
    counts[at] = counts[at]! + 1
  }
  return { minutes: counts.map((_, i) => (i + 0.5) * width), perMinute: counts.map((count) => count / width) }
}

/**
 * The share of the box between the worst feasible result and the best value of each objective that the front dominates,
 * after each trial that joined the front. Undefined with a single objective, and without two different results.
 */
function volumeOf({ record, joined }: LiveStudy): Overview['hypervolume'] {
  const { objectives } = record.started
  if (objectives.length < 2 || joined.length < 2) return undefined
  const gainsOf = ({ metrics }: Trial) =>
    objectives.map(({ metric, direction }) => (direction === 'maximise' ? 1 : -1) * (metrics[metric] ?? Number.NaN))
  const worst = objectives.map(() => Number.POSITIVE_INFINITY)
  const best = objectives.map(() => Number.NEGATIVE_INFINITY)
  for (const trial of record.trials) {
    if (trial.status !== 'completed' || !trial.feasible) continue
    gainsOf(trial).forEach((gain, i) => {
      if (!Number.isFinite(gain)) return
      worst[i] = Math.min(worst[i]!, gain)
      best[i] = Math.max(best[i]!, gain)
    })
  }
  const sides = best.map((value, i) => value - worst[i]!)
  if (!sides.every((side) => side > 0 && Number.isFinite(side))) return undefined
  const shown = new Set(spaced(joined, VOLUMES))
  const zero = objectives.map(() => 0)
  let front: number[][] = []
  const found = { trial: [] as number[], share: [] as number[] }
  for (const number of joined) {
    const point = gainsOf(record.trials[number]!).map((gain, i) => (gain - worst[i]!) / sides[i]!)
    front = [...front.filter((other) => !other.every((value, i) => value <= point[i]!)), point]
    if (!shown.has(number)) continue
    found.trial.push(number)
    found.share.push(hypervolume(front, zero))
  }
  return found
}
