/** Sums the metrics of steps, and gives their means when a report is due. */
export interface StepMeans {
  /** Steps since the last report. */
  readonly count: number
  add(metrics: Readonly<Record<string, number>>): void
  /** Returns the means since the last report, each over the steps that had the metric, and starts over. */
  take(): Record<string, number>
}

export function stepMeans(): StepMeans {
  let sums = new Map<string, [sum: number, steps: number]>()
  let count = 0
  return {
    get count() {
      return count
    },
    add(metrics) {
      count++
      for (const [name, value] of Object.entries(metrics)) {
        const [sum, steps] = sums.get(name) ?? [0, 0]
        sums.set(name, [sum + value, steps + 1])
      }
    },
    take() {
      const means = Object.fromEntries([...sums].map(([name, [sum, steps]]) => [name, sum / steps]))
      sums = new Map()
      count = 0
      return means
    },
  }
}
