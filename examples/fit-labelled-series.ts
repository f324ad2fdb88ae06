// From series of two classes to a model that tells them apart. A narrow and a wide pulse come in one or the other order at
// a random time: mean, deviation, extremes and differences of a series hardly depend on the order.
//     npx tsx examples/fit-labelled-series.ts
// or, for a table with a row for each step of each series:
//     npx archloom fit pulses.csv --task series-classification --series recording --time step --target first
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { type Budget, fitSeriesClassifier } from 'archloom/fit'

const WIDTHS = { narrow: 2, wide: 6 } as const

/** Artificial recordings of 40 to 64 steps: a row for each step. */
export function recordings(count: number, seed = 'recordings') {
  const rng = seeded(seed)
  return Array.from({ length: count }, (_, i) => {
    const first = i % 2 ? 'narrow' : 'wide'
    const [one, two] = first === 'narrow' ? [WIDTHS.narrow, WIDTHS.wide] : [WIDTHS.wide, WIDTHS.narrow]
    const [steps, gap] = [40 + rng.int(25), 2 + rng.int(3)]
    const start = rng.int(steps - one - two - gap)
    const isInside = (step: number, from: number, width: number) => step >= from && step < from + width
    return Array.from({ length: steps }, (_step, step) => {
      const isPulse = isInside(step, start, one) || isInside(step, start + one + gap, two)
      return { recording: `${seed} ${i}`, step, value: (isPulse ? 1 : 0) + 0.2 * rng.normal(), first }
    })
  }).flat()
}

export async function main({
  count = 200,
  budget = { minutes: 0.5 } as Budget,
  trials = undefined as number | undefined,
  out = 'model',
  log = console.log as (text: string) => void,
} = {}) {
  using result = await fitSeriesClassifier({
    data: recordings(count),
    series: 'recording',
    time: 'step',
    target: 'first',
    fit: {
      budget,
      ...(trials !== undefined && { trials }),
      onEvent: (event) => {
        if (event.type === 'trial') log(`${(100 * event.metrics.accuracy!).toFixed(0).padStart(3)} %  ${event.name}`)
      },
    },
  })
  const { accuracy } = await result.evaluate(recordings(200, 'unseen'))
  log(`${result.name}: accuracy ${accuracy} on 200 series that took no part`)
  const files = await result.export(out)
  return { accuracy: accuracy!, comparison: result.comparison, files }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
