import type { Decision } from '../space/decision.ts'
import type { StudyRecord } from '../study/record.ts'
import type { Direction } from '../trial/objective.ts'
import type { Trial } from '../trial/trial.ts'
import { error } from './errors.ts'

/** What the analyses read of a study: a `StudyRecord`, as `readStudy` and `search.record()` give it. */
export type AnalysedStudy = Pick<StudyRecord, 'name' | 'trials'> & {
  readonly started: Pick<StudyRecord['started'], 'objectives' | 'space' | 'seed'>
}

/** The values of one metric over a study's completed trials. */
export interface Selection {
  readonly metric: string
  readonly decisions: readonly Decision[]
  /** Completed trials with a finite value, infeasible ones included, in the order of their numbers. */
  readonly trials: readonly Trial[]
  /** One per trial. */
  readonly values: readonly number[]
}

/** Completed trials and their values of a metric; by default the first objective's. Errors: ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_TRIALS. */
export function selectTrials(study: AnalysedStudy, wanted: string | undefined, least: number, what: string): Selection {
  const { objectives, space } = study.started
  const metric = wanted ?? objectives[0]!.metric
  const completed = study.trials.filter(({ status }) => status === 'completed')
  const trials = completed.filter(({ metrics }) => Number.isFinite(metrics[metric]))
  if (trials.length === 0 && completed.length > 0)
    throw error('ARCHLOOM_ANALYSIS_METRIC', {
      study: study.name,
      received: metric,
      known: [...new Set(completed.flatMap(({ metrics }) => Object.keys(metrics)))],
    })
  if (trials.length < least)
    throw error('ARCHLOOM_ANALYSIS_TRIALS', { study: study.name, received: trials.length, expected: least, what })
  return {
    metric,
    decisions: space.decisions,
    trials,
    values: trials.map(({ metrics }) => metrics[metric]!),
  }
}

/**
 * Which values of a metric are better: as the study's objective says, otherwise as the caller does.
 * Error: ARCHLOOM_ANALYSIS_DIRECTION, where neither or both with different answers do.
 */
export function directionOf(study: AnalysedStudy, metric: string, given: Direction | undefined): Direction {
  const own = study.started.objectives.find((each) => each.metric === metric)?.direction
  const direction = own ?? given
  if (direction === undefined || (given !== undefined && given !== direction))
    throw error('ARCHLOOM_ANALYSIS_DIRECTION', {
      study: study.name,
      metric,
      received: given,
      ...(own && { objective: own }),
    })
  return direction
}

/** A decision by its name. Error: ARCHLOOM_ANALYSIS_DECISION. */
export function decisionIndex(study: AnalysedStudy, name: string): number {
  const { decisions } = study.started.space
  const index = decisions.findIndex((decision) => decision.name === name)
  if (index < 0)
    throw error('ARCHLOOM_ANALYSIS_DECISION', {
      study: study.name,
      received: name,
      known: decisions.map((decision) => decision.name),
    })
  return index
}
