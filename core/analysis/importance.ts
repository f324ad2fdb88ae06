import { among, flag, number, type OptionsOf, options, text, value, whole } from '../options/index.ts'
import { seeded } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from './errors.ts'
import { forestVariance } from './fanova.ts'
import { coordinatesOf } from './levels.ts'
import { pearsonDivergences } from './ped-anova.ts'
import { type AnalysedStudy, directionOf, selectTrials } from './selection.ts'

/** Trials below which an importance means nothing. */
const LEAST = 8

export const importanceOptions = options('importance', {
  method: among(['fanova', 'ped-anova'], {
    default: 'fanova',
    doc: "What is asked. 'fanova': which share of the metric's variance over the whole space a decision explains by itself. 'ped-anova': by which decisions the best trials differ from all trials.",
  }),
  metric: text({ absent: "the first objective's", doc: 'The metric that is explained.' }),
  direction: among(['maximise', 'minimise'], {
    absent: "the objective's",
    doc: 'Which values of the metric are better; of ped-anova, which needs it for a metric that is no objective.',
  }),
  best: number({
    above: 0,
    below: 1,
    default: 0.1,
    doc: 'Share of the trials that count as the best ones; of ped-anova. At least two trials are taken.',
  }),
  trees: whole({ min: 1, default: 64, doc: 'Trees of the random forest; of fanova.' }),
  leafRows: whole({ min: 1, default: 1, doc: 'Trials in a leaf of a tree, at least; of fanova.' }),
  bootstrap: flag({
    default: true,
    doc: 'Whether each tree sees a bootstrap sample of the trials and five sixths of the decisions at each split; of fanova. Without it all trees are equal.',
  }),
  pairs: flag({
    default: false,
    doc: 'Whether what pairs of decisions explain beyond each of them is measured too; of fanova.',
  }),
  seed: number({ default: 1, doc: 'Seed of the forest.' }),
  space: value<SearchSpace<never>>('a search space', {
    doc: "The study's space. With it, a decision that is inactive in a trial has a value of its own, 'inactive'; without it an inactive choice counts as its first option.",
  }),
})
export type ImportanceOptions = OptionsOf<typeof importanceOptions>

export interface DecisionImportance {
  readonly decision: string
  /** fanova: share of the variance, in [0, 1]. ped-anova: share of all divergences; they add up to 1. */
  readonly importance: number
}

export interface Importance {
  readonly method: 'fanova' | 'ped-anova'
  readonly metric: string
  /** Trials that it rests on. */
  readonly trials: number
  /** Every decision, the most important one first. */
  readonly decisions: readonly DecisionImportance[]
  /** Pairs of decisions by what they explain together beyond each alone, the largest first; with `pairs`. */
  readonly pairs?: readonly { readonly decisions: readonly [string, string]; readonly importance: number }[]
}

/**
 * How much each decision matters to a metric of a study, over its completed trials. Sources: Hutter, Hoos and
 * Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", 2014 (fANOVA); Watanabe, Bansal and
 * Hutter, "PED-ANOVA", 2023.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_DIRECTION, ARCHLOOM_ANALYSIS_TRIALS,
 * ARCHLOOM_ANALYSIS_CONSTANT.
 */
export function importance(study: AnalysedStudy, given: ImportanceOptions = {}): Importance {
  const read = importanceOptions.read(given)
  const { method, metric: wanted, best, trees, leafRows, bootstrap, pairs, seed, space } = read
  const selection = selectTrials(study, wanted, LEAST, 'importance')
  const { metric, decisions, trials, values } = selection
  const constant = () => error('ARCHLOOM_ANALYSIS_CONSTANT', { study: study.name, metric, value: values[0]! })
  if (values.every((each) => each === values[0])) throw constant()
  const coordinates = coordinatesOf(decisions, trials, space as SearchSpace | undefined)
  const rows = trials.map((trial) => coordinates.map((coordinate) => coordinate.encode(trial)))
  const ranked = (shares: readonly number[]) =>
    decisions
      .map(({ name }, i) => ({ decision: name, importance: shares[i]! }))
      .sort((a, b) => b.importance - a.importance)

  if (method === 'ped-anova') {
    const direction = directionOf(study, metric, read.direction)
    const ordered = values.toSorted((a, b) => (direction === 'minimise' ? a - b : b - a))
    const limit = ordered[Math.max(2, Math.ceil(best * values.length)) - 1]!
    const isBest = values.map((each) => (direction === 'minimise' ? each <= limit : each >= limit))
    const divergences = pearsonDivergences(coordinates, rows, isBest)
    const sum = divergences.reduce((total, each) => total + each, 0)
    if (!(sum > 0)) throw constant()
    return { method, metric, trials: trials.length, decisions: ranked(divergences.map((each) => each / sum)) }
  }
  const shares = forestVariance(coordinates, rows, values, { trees, leafRows, bootstrap, pairs, rng: seeded(seed) })
  if (!shares) throw constant()
  const together = shares.pairs.flatMap((row, i) =>
    row.flatMap((share, j) =>
      i < j ? [{ decisions: [decisions[i]!.name, decisions[j]!.name] as const, importance: share }] : [],
    ),
  )
  return {
    method,
    metric,
    trials: trials.length,
    decisions: ranked(shares.single),
    ...(pairs && { pairs: together.sort((a, b) => b.importance - a.importance) }),
  }
}
