import { importance } from '../../../core/analysis/index.ts'
import { seeded, type Trial } from '../../../core/index.ts'
import type { LiveStudy } from '../live-study.ts'
import { problemOf } from '../live-study.ts'
import type { ImportanceAnswer } from '../protocol.ts'
import { directionOf } from './course.ts'

/** The first one is the default. */
export const methods = ['fanova', 'ped-anova'] as const
type Method = (typeof methods)[number]

/**
 * How large a sample is: trials times decisions, and the limits of the number of trials. The server answers nobody else
 * while it computes, so that an answer must take less than a second.
 */
const samples = {
  fanova: { cells: 12_000, least: 100, most: 1000 },
  'ped-anova': { cells: 150_000, least: 1000, most: 10_000 },
}
/** Of fANOVA's forest; `archloom importance` grows 64. */
const TREES = 16

/** How much each decision matters to a metric, computed from a random sample of the trials where there are many. */
export function importanceOf(study: LiveStudy, metric: string, method: Method): ImportanceAnswer {
  const { name, started, trials } = study.record
  const direction = directionOf(study, metric)
  const usable = trials.filter(({ status, metrics }) => status === 'completed' && Number.isFinite(metrics[metric]))
  const sample = sampleOf(usable, sizeOf(method, started.space.decisions.length))
  const facts = { method, metric, direction, total: usable.length, trials: sample.length }
  // A metric that is no objective counts as a cost here, as on all pages.
  const objectives = [...started.objectives, { metric, direction, weight: 0, scale: 1 }]
  try {
    const { decisions } = importance(
      { name, trials: sample, started: { ...started, objectives } },
      { method, metric, trees: TREES },
    )
    return { ...facts, decisions: decisions.map((each) => ({ name: each.decision, share: each.importance })) }
  } catch (thrown) {
    const { code, message } = problemOf(thrown)
    if (!code.startsWith('ARCHLOOM_ANALYSIS_')) throw thrown
    return { ...facts, decisions: [], problem: message.replace(`${code}: `, '') }
  }
}

function sizeOf(method: Method, decisions: number): number {
  const { cells, least, most } = samples[method]
  return Math.min(most, Math.max(least, Math.floor(cells / Math.max(1, decisions))))
}

/** So many of the trials at random, always the same ones, in the order of their numbers. */
function sampleOf(trials: readonly Trial[], size: number): readonly Trial[] {
  if (trials.length <= size) return trials
  const rng = seeded(1)
  const chosen = new Set<number>()
  while (chosen.size < size) chosen.add(rng.int(trials.length))
  return [...chosen].sort((a, b) => a - b).map((i) => trials[i]!)
}
