import { dominates, hypervolume } from '../policy/pareto.ts'
import { gainsOf, isMeasured } from '../trial/objective.ts'
import type { Trial } from '../trial/trial.ts'
import { error } from './errors.ts'
import type { AnalysedStudy } from './selection.ts'

const candidates = (study: AnalysedStudy) =>
  study.trials.filter(
    ({ status, feasible = true, metrics }) =>
      status === 'completed' && feasible && isMeasured(study.started.objectives, metrics),
  )

/** Feasible completed trials that no other dominates, in the order of their numbers; of equals, the first. */
export function paretoFront(study: AnalysedStudy): readonly Trial[] {
  const { objectives } = study.started
  const all = candidates(study).map((trial) => ({ trial, gains: gainsOf(objectives, trial.metrics) }))
  const isCovered = (gains: readonly number[], at: number) =>
    all.some(
      (other, i) => dominates(other.gains, gains) || (i < at && other.gains.every((value, k) => value === gains[k])),
    )
  return all.filter(({ gains }, i) => !isCovered(gains, i)).map(({ trial }) => trial)
}

/**
 * Hypervolume of the front among the first n trials, for n = 1, 2, …, above a reference point.
 * @param reference one value of each objective in its own unit and direction, worse than what counts: `{ accuracy: 0.5,
 * multiplyAdds: 600e6 }`. Trials that are not better than it in every objective add nothing.
 * Errors: ARCHLOOM_ANALYSIS_REFERENCE_VALUES if the reference leaves an objective out, ARCHLOOM_ANALYSIS_REFERENCE if no trial is
 * better than it in every objective.
 */
export function hypervolumeSoFar(study: AnalysedStudy, reference: Readonly<Record<string, number>>): readonly number[] {
  const { objectives } = study.started
  const missing = objectives.find(({ metric }) => !Number.isFinite(reference[metric]))
  if (missing)
    throw error('ARCHLOOM_ANALYSIS_REFERENCE_VALUES', {
      study: study.name,
      received: reference,
      expected: objectives.map(({ metric }) => metric),
    })
  const point = gainsOf(objectives, reference)
  const usable = new Set(candidates(study).map(({ trial }) => trial))
  let front: (readonly number[])[] = []
  let volume = 0
  const volumes = study.trials.map((trial) => {
    if (!usable.has(trial.trial)) return volume
    const gains = gainsOf(objectives, trial.metrics)
    if (front.some((other) => other.every((value, k) => value >= gains[k]!))) return volume
    front = [...front.filter((other) => !dominates(gains, other)), gains]
    volume = hypervolume(front, point)
    return volume
  })
  if (front.length > 0 && volume === 0)
    throw error('ARCHLOOM_ANALYSIS_REFERENCE', {
      study: study.name,
      received: reference,
      expected: paretoFront(study).map(({ metrics }) =>
        Object.fromEntries(objectives.map(({ metric }) => [metric, metrics[metric]!])),
      ),
    })
  return volumes
}
