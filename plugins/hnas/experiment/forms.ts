import { type Claim, measured } from '../../../core/reproduction.ts'

/** Costs at rising λ; holds when their means over the seeds never fall. `ours` is the mean at the largest λ. */
export function monotone(id: string, metric: string, costs: readonly (readonly number[])[]): Claim {
  const byTradeOff = (costs[0] ?? []).map((_, at) => costs.map((row) => row[at] as number))
  const means = byTradeOff.map((values) => measured(values).mean)
  const [smallest, largest] = [byTradeOff[0] ?? [], byTradeOff.at(-1) ?? []]
  return {
    id,
    metric,
    direction: 'maximise',
    published: null,
    baseline: { name: 'smallest λ', ...measured(smallest) },
    ours: measured(largest),
    holds: means.every((mean, at) => at === 0 || mean >= means[at - 1]!),
  }
}
