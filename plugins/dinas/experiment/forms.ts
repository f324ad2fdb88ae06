/** The form of a claim, and figures in words. */
export interface Measured {
  readonly mean: number
  /** n − 1. */
  readonly sd: number
  readonly seeds: number
}

export interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  /** The text of the paper's results was not at hand: null throughout. */
  readonly published: null
  readonly baseline: Measured & { readonly name: string }
  readonly ours: Measured & { readonly name: string }
  readonly holds: boolean
}

export type Named = readonly [name: string, values: readonly number[]]
export type Log = (text: string) => void

export function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, seeds: values.length }
}

export const inWords = (values: readonly number[], digits = 2): string => {
  const { mean, sd } = measured(values)
  return `${mean.toFixed(digits)} ± ${sd.toFixed(digits)}`
}

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
    ...{ id, metric: `${metric}; ${name}`, direction, published: null },
    holds: criterion ? criterion(ours.mean, baseline.mean) : better,
    ...{ baseline: { name: baselineName, ...baseline }, ours: { name, ...ours } },
  }
}
