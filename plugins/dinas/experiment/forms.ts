import { type Claim, measured } from '../../../core/reproduction.ts'

export type Named = readonly [name: string, values: readonly number[]]
export type Log = (text: string) => void

/** Holds by comparison of means, or by the given criterion on them. */
export function claim(
  id: string,
  metric: string,
  direction: Claim['direction'],
  [baselineName, theirs]: Named,
  [name, own]: Named,
  criterion?: (ours: number, baseline: number) => boolean,
): Claim {
  const [baseline, ours] = [measured(theirs), measured(own)]
  const better = direction === 'maximise' ? ours.mean > baseline.mean : ours.mean < baseline.mean
  return {
    id,
    metric: `${metric}; ${name}`,
    direction,
    published: null,
    holds: criterion ? criterion(ours.mean, baseline.mean) : better,
    baseline: { name: baselineName, ...baseline },
    ours: { name, ...ours },
  }
}
