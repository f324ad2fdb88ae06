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
  readonly baseline: (Measured & { readonly name: string }) | null
  readonly ours: Measured
  readonly holds: boolean
}

/** Holds when our mean is above the baseline's; whether that is more than chance is for the reader of the sd. */
export function claim(
  id: string,
  metric: string,
  published: number | null,
  [name, baseline]: readonly [string, readonly number[]],
  ours: readonly number[],
): Claim {
  const [theirs, own] = [measured(baseline), measured(ours)]
  const holds = own.mean > theirs.mean
  return { id, metric, direction: 'maximise', published, baseline: { name, ...theirs }, ours: own, holds }
}

/** Costs at rising λ; holds when their means over the seeds never fall. `ours` is the mean at the largest λ. */
export function monotone(id: string, metric: string, costs: readonly (readonly number[])[]): Claim {
  const byTradeOff = (costs[0] ?? []).map((_, at) => costs.map((row) => row[at] as number))
  const means = byTradeOff.map((values) => measured(values).mean)
  const [smallest, largest] = [byTradeOff[0] ?? [], byTradeOff.at(-1) ?? []]
  return {
    ...{ id, metric, direction: 'maximise', published: null },
    baseline: { name: 'smallest λ', ...measured(smallest) },
    ours: measured(largest),
    holds: means.every((mean, at) => at === 0 || mean >= (means[at - 1] as number)),
  }
}

export const inWords = (values: readonly number[], digits = 2): string => {
  const { mean, sd } = measured(values)
  return `${mean.toFixed(digits)} ± ${sd.toFixed(digits)}`
}
