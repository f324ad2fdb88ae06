import type { Json } from '../space/decision.ts'
import { type AnalysedStudy, decisionIndex, selectTrials } from './selection.ts'

/** The value of a decision in a trial, as the architecture holds it. */
const shown = (study: AnalysedStudy, index: number, value: number): Json => {
  const decision = study.started.space.decisions[index]!
  return decision.kind === 'real' ? value : (decision.options[value] ?? null)
}

export interface ParallelCoordinates {
  readonly metric: string
  /** Names of the decisions, one axis each; the metric is the last axis. */
  readonly decisions: readonly string[]
  readonly lines: readonly { readonly trial: number; readonly values: readonly Json[]; readonly value: number }[]
}

/**
 * Every completed trial as a line over the decisions and a metric (default: the first objective), for a plot of parallel
 * coordinates. Errors: ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_TRIALS.
 */
export function parallelCoordinates(study: AnalysedStudy, metric?: string): ParallelCoordinates {
  const selection = selectTrials(study, metric, 1, 'parallel coordinates')
  return {
    metric: selection.metric,
    decisions: selection.decisions.map(({ name }) => name),
    lines: selection.trials.map(({ trial, genotype }, i) => ({
      trial,
      values: genotype.map((value, index) => shown(study, index, value)),
      value: selection.values[i]!,
    })),
  }
}

export interface SlicePoint {
  readonly trial: number
  readonly at: Json
  readonly value: number
}

/**
 * A metric against one decision, a point for each completed trial. Errors: ARCHLOOM_ANALYSIS_DECISION,
 * ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_TRIALS.
 */
export function slicePoints(study: AnalysedStudy, decision: string, metric?: string): readonly SlicePoint[] {
  const index = decisionIndex(study, decision)
  const { trials, values } = selectTrials(study, metric, 1, 'a slice')
  return trials.map(({ trial, genotype }, i) => ({
    trial,
    at: shown(study, index, genotype[index]!),
    value: values[i]!,
  }))
}

export interface ContourPoint extends Omit<SlicePoint, 'at'> {
  readonly x: Json
  readonly y: Json
}

/** A metric over two decisions, a point for each completed trial; errors as of `slicePoints`. */
export function contourPoints(study: AnalysedStudy, x: string, y: string, metric?: string): readonly ContourPoint[] {
  const across = slicePoints(study, x, metric)
  return slicePoints(study, y, metric).map(({ trial, at, value }, i) => ({ trial, x: across[i]!.at, y: at, value }))
}
