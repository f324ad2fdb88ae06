/** Mean and standard deviation (n − 1) over seeds. */
export interface Measured {
  readonly mean: number
  readonly sd: number
  readonly seeds: number
}

export function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, seeds: values.length }
}

export interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  readonly published: number | null
  readonly baseline: Measured & { readonly name: string }
  readonly ours: Measured
  readonly holds: boolean
}

/** Holds when our mean is above the baseline's; whether the difference is more than chance is for the reader of the sd. */
export const claim = (
  id: string,
  metric: string,
  published: number | null,
  [name, baseline]: readonly [string, readonly number[]],
  ours: readonly number[],
): Claim => {
  const [theirs, own] = [measured(baseline), measured(ours)]
  return {
    ...{ id, metric, direction: 'maximise', published, ours: own, holds: own.mean > theirs.mean },
    baseline: { name, ...theirs },
  }
}

export const inWords = (values: readonly number[]): string => {
  const { mean, sd } = measured(values)
  return `${(100 * mean).toFixed(2)} ± ${(100 * sd).toFixed(2)} %`
}
