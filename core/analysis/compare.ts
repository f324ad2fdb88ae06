import { quote } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { Direction } from '../trial/objective.ts'
import { bestSoFar, confidenceBand, type Summary, summarise } from './curves.ts'
import { error } from './errors.ts'
import { holm, mannWhitney, type RankTest, superiority, wilcoxon } from './rank-tests.ts'
import { type AnalysedStudy, directionOf, selectTrials } from './selection.ts'

/** Studies that repeat one another with other seeds, under one name. */
export interface StudyGroup {
  readonly name: string
  readonly studies: readonly AnalysedStudy[]
}

export interface CompareOptions {
  /** What is compared. Default: the first objective of the first study, which all of them must share. */
  readonly metric?: string
  /** Which values are better. Default: what the objective says; required for a metric that is no objective. */
  readonly direction?: Direction
}

export interface ComparedGroup {
  readonly name: string
  readonly studies: readonly string[]
  /** Trials of all its studies. */
  readonly trials: number
  /** Of the best feasible value that each study found. */
  readonly best: Summary
  /** Best value after 1, 2, … trials: mean over the studies, with its 95 % confidence interval. */
  readonly curve: readonly Summary[]
}

export interface ComparedPair {
  readonly groups: readonly [string, string]
  /**
   * What the samples are. 'best': the best values of the groups' studies, where each group has at least two. 'trials': the
   * values of all completed trials, which says how good the trials of one run are, not how good the method is.
   */
  readonly sample: 'best' | 'trials'
  /** Independent samples. */
  readonly mannWhitney: RankTest
  /** The Mann-Whitney p-value after Holm's correction for the number of pairs. */
  readonly corrected: number
  /** Paired by seed, where the studies of both groups have the same seeds. */
  readonly wilcoxon?: RankTest
  /** Probability that a value of the first group is better than one of the second; 0.5: no difference. */
  readonly superiority: number
}

export interface StudyComparison {
  readonly metric: string
  readonly direction: Direction
  readonly groups: readonly ComparedGroup[]
  readonly pairs: readonly ComparedPair[]
}

const studyCount = (count: number) => (count === 1 ? '1 study' : `${count} studies`)

const names = optionNames<CompareOptions>('compareStudies', { metric: true, direction: true })

/**
 * Compares groups of studies: best values, curves with confidence bands, and rank tests of every pair.
 * Errors: ARCHLOOM_ANALYSIS_OBJECTIVES, ARCHLOOM_ANALYSIS_METRIC, ARCHLOOM_ANALYSIS_DIRECTION, ARCHLOOM_ANALYSIS_TRIALS,
 * ARCHLOOM_ANALYSIS_SAMPLES.
 */
export function compareStudies(groups: readonly StudyGroup[], options: CompareOptions = {}): StudyComparison {
  const { metric: wanted, direction: given } = names(options)
  const first = groups[0]?.studies[0]
  if (groups.length < 2 || !first || groups.some(({ studies }) => studies.length === 0))
    throw error('ARCHLOOM_ANALYSIS_SAMPLES', {
      test: 'a comparison',
      received:
        groups.length === 0
          ? 'no studies'
          : groups.map(({ name, studies }) => `${quote(name)} with ${studyCount(studies.length)}`).join(', '),
      expected:
        'at least two groups with at least one study each. On the command line every argument is a group: archloom compare tpe-1 random-1, or, with repetitions, archloom compare "tpe-*" "random-*"',
    })
  const metric = wanted ?? first.started.objectives[0]!.metric
  const objectiveOf = (study: AnalysedStudy) => study.started.objectives.find((each) => each.metric === metric)
  const direction = directionOf(groups.flatMap(({ studies }) => studies).find(objectiveOf) ?? first, metric, given)
  const read = groups.map(({ name, studies }) => ({
    name,
    studies: studies.map((study) => {
      const own = objectiveOf(study)
      // A metric that is named may be an objective of some studies and only measured in others.
      if (own ? own.direction !== direction : wanted === undefined)
        throw error('ARCHLOOM_ANALYSIS_OBJECTIVES', {
          study: study.name,
          received: study.started.objectives.map((each) => `${each.direction} ${each.metric}`).join(', '),
          expected: `${direction} ${metric}`,
          first: first.name,
        })
      const { values } = selectTrials(study, metric, 1, 'a comparison')
      const curve = bestSoFar(study.trials, { metric, direction })
      const best = curve.at(-1)!
      if (Number.isNaN(best))
        throw error('ARCHLOOM_ANALYSIS_TRIALS', { study: study.name, received: 0, expected: 1, what: 'a comparison' })
      return { name: study.name, seed: study.started.seed, values, curve, best, trials: study.trials.length }
    }),
  }))

  const pairs = read.flatMap((a, i) =>
    read.slice(i + 1).map((b): Omit<ComparedPair, 'corrected'> => {
      const repeated = a.studies.length > 1 && b.studies.length > 1
      const sampleOf = (group: typeof a) =>
        repeated ? group.studies.map(({ best }) => best) : group.studies.flatMap(({ values }) => values)
      const [x, y] = [sampleOf(a), sampleOf(b)]
      const partners = a.studies.map(({ seed }) => b.studies.find((other) => other.seed === seed)?.best)
      const seeds = new Set(a.studies.map(({ seed }) => seed))
      const paired =
        repeated &&
        a.studies.length === b.studies.length &&
        seeds.size === a.studies.length &&
        !partners.includes(undefined)
      const larger = superiority(x, y)
      return {
        groups: [a.name, b.name],
        sample: repeated ? 'best' : 'trials',
        mannWhitney: mannWhitney(x, y),
        ...(paired && {
          wilcoxon: wilcoxon(
            x,
            partners.map((best) => best!),
          ),
        }),
        superiority: direction === 'maximise' ? larger : 1 - larger,
      }
    }),
  )
  const corrected = holm(pairs.map((pair) => pair.mannWhitney.pValue))
  return {
    metric,
    direction,
    groups: read.map(({ name, studies }) => ({
      name,
      studies: studies.map((study) => study.name),
      trials: studies.reduce((sum, { trials }) => sum + trials, 0),
      best: summarise(studies.map(({ best }) => best)),
      curve: confidenceBand(studies.map(({ curve }) => curve)),
    })),
    pairs: pairs.map((pair, i) => ({ ...pair, corrected: corrected[i]! })),
  }
}
