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
  readonly direction: Direction
  readonly decisions: readonly Decision[]
  /** Completed trials with a finite value, infeasible ones included, in the order of their numbers. */
  readonly trials: readonly Trial[]
  /** One per trial. */
  readonly values: readonly number[]
}

/**
 * Completed trials and their values of a metric; by default the first objective's. A metric that is no objective counts as
 * one to be maximised. Errors: ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_TRIALS.
 */
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
    direction: objectives.find((each) => each.metric === metric)?.direction ?? 'maximise',
    decisions: space.decisions,
    trials,
    values: trials.map(({ metrics }) => metrics[metric]!),
  }
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
