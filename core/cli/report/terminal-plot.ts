import { plot as draw } from 'asciichart'
import { numberText } from '../text.ts'
import type { Series } from './series.ts'

/** The best so far over the trials, drawn with characters; empty where it never changed or cannot be drawn. */
export function terminalPlot({ objective, best, trials }: Series, width = 72, height = 8): string {
  const [first] = best
  if (!first || trials - first.trial < 2) return ''
  const count = Math.min(width, trials - first.trial)
  const values: number[] = []
  let step = 0
  for (let i = 0; i < count; i++) {
    const trial = first.trial + Math.round((i * (trials - 1 - first.trial)) / Math.max(1, count - 1))
    while (step + 1 < best.length && (best[step + 1]?.trial as number) <= trial) step++
    values.push(best[step]?.value as number)
  }
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (low === high) return ''
  // The library counts rows from zero in units of the range: it cannot when the range overflows, or is tiny beside its values.
  const perRow = (high - low) / height
  if (![low, high, perRow].every((value) => Number.isFinite(value) && Number.isSafeInteger(Math.round(value / perRow))))
    return ''
  const format = (value: number) => numberText(value).padStart(9)
  const plot = draw(values, { height, format })
  return `best ${objective.metric} so far, trials ${first.trial} to ${trials - 1}\n${plot}`
}
