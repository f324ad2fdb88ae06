import type { LiveStudy } from '../live-study.ts'
import type { ComparedStudy, Parallel } from '../protocol.ts'
import { spaced } from '../thinning.ts'
import { bestSoFar, directionOf } from './course.ts'
import { methodOf } from './overview.ts'

/** Lines of parallel coordinates: the best ones, and as many of the others. */
const BEST = 150
const LINES = 600

/** Completed feasible trials with their decisions and metrics: the best by reward, and others at equal distances. */
export function parallelOf(study: LiveStudy): Parallel {
  const done = study.record.trials.filter(({ status, feasible }) => status === 'completed' && feasible !== false)
  const ranked = [...done].sort((a, b) => (b.reward ?? 0) - (a.reward ?? 0))
  const shown = [...ranked.slice(0, BEST), ...spaced(ranked.slice(BEST), LINES - BEST)]
  const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null)
  return {
    trial: shown.map(({ trial }) => trial),
    genotypes: shown.map(({ genotype }) => genotype),
    metrics: Object.fromEntries(
      study.metrics.map((metric) => [metric, shown.map(({ metrics }) => finite(metrics[metric]))]),
    ),
    total: done.length,
  }
}

/** The course of a study for a comparison with others. */
export function comparedStudy(study: LiveStudy, asked: string | undefined): ComparedStudy {
  const { record, metrics } = study
  const metric = asked ?? record.started.objectives[0]?.metric ?? ''
  const direction = directionOf(study, metric)
  return {
    study: record.name,
    method: methodOf(record),
    space: record.started.space.name,
    seed: record.started.seed,
    metric,
    direction,
    trials: record.trials.length,
    best: bestSoFar(record.trials, metric, direction),
    metrics,
  }
}
