/** Summarises the lines of a results file: figures of arms, paired differences and verdicts. */
import {
  type Claim,
  type Comparison,
  type Experiment,
  type ExperimentPart,
  type Measured,
  measured,
  type PairedDifference,
  pairedDifference,
  type Verdict,
  verdictOf,
} from '../../reproduction.ts'
import { keyOf, type ResultLine } from './units.ts'

/** Seed → value of a metric at the last step that has it. */
export function lastValues(lines: readonly ResultLine[], arm: string, metric: string): ReadonlyMap<number, number> {
  const last = new Map<number, ResultLine>()
  for (const line of lines)
    if (
      line.arm === arm &&
      line.metric === metric &&
      line.step >= (last.get(line.seed)?.step ?? Number.NEGATIVE_INFINITY)
    )
      last.set(line.seed, line)
  return new Map([...last].sort(([a], [b]) => a - b).map(([seed, { value }]) => [seed, value]))
}

export interface ComparisonResult {
  readonly comparison: Comparison
  readonly ours: Measured
  readonly control: Measured
  readonly difference: PairedDifference
  readonly verdict: Verdict
}

export interface PartSummary {
  readonly part: ExperimentPart
  readonly lines: readonly ResultLine[]
  readonly finished: number
  readonly units: number
  /** Processor seconds of all units, preparations included. */
  readonly seconds: number
  /** The comparisons with at least one seed for which both arms have results. */
  readonly comparisons: readonly ComparisonResult[]
}

function compared(lines: readonly ResultLine[], comparison: Comparison): ComparisonResult[] {
  const { arm, control, metric, direction, published, effect = published } = comparison
  const [ours, theirs] = [lastValues(lines, arm, metric), lastValues(lines, control, metric)]
  const seeds = [...ours.keys()].filter((seed) => theirs.has(seed))
  if (seeds.length === 0) return []
  const of = (values: ReadonlyMap<number, number>) => seeds.map((seed) => values.get(seed) as number)
  const difference = pairedDifference(of(ours), of(theirs), direction)
  return [
    {
      comparison,
      ours: measured(of(ours)),
      control: measured(of(theirs)),
      difference,
      verdict: verdictOf(difference, effect),
    },
  ]
}

export function summaryOf({ parts }: Experiment, lines: readonly ResultLine[]): readonly PartSummary[] {
  return parts.map((part) => {
    const own = lines.filter((line) => line.part === part.name)
    const seconds = new Map(own.map((line) => [keyOf(line), line.seconds]))
    const units = part.arms.flatMap((arm) => part.seeds.map((seed) => keyOf({ part: part.name, arm, seed })))
    return {
      part,
      lines: own,
      finished: units.filter((unit) => seconds.has(unit)).length,
      units: units.length,
      seconds: [...seconds.values()].reduce((sum, value) => sum + value, 0),
      comparisons: part.comparisons.flatMap((comparison) => compared(own, comparison)),
    }
  })
}

/** The comparisons as `archloom reproduce --json` prints claims. */
export const claimsOf = (summary: readonly PartSummary[]): readonly Claim[] =>
  summary.flatMap(({ part, comparisons }) =>
    comparisons.map(({ comparison, ours, control, difference, verdict }) => ({
      id: `${part.name}: ${comparison.claim}`,
      metric: comparison.metric,
      direction: comparison.direction,
      published: comparison.published,
      baseline: { name: comparison.control, ...control },
      ours: { name: comparison.arm, ...ours },
      holds: verdict === 'holds',
      verdict,
      difference,
    })),
  )
