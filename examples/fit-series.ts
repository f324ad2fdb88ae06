// From a series to forecasts: each value is predicted from earlier values and the calendar.
//     npx tsx examples/fit-series.ts
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { type Budget, fitSeries } from 'archloom/fit'

/** Artificial numbers of daily museum visitors: a weekly rhythm, a slow increase, and noise. */
function visitors(days: number) {
  const rng = seeded('visitors')
  return Array.from({ length: days }, (_, day) => {
    const date = new Date(Date.UTC(2023, 0, 1 + day))
    const weekend = date.getUTCDay() === 0 || date.getUTCDay() === 6
    return {
      date: date.toISOString().slice(0, 10),
      visitors: Math.round(200 + 0.3 * day + (weekend ? 150 : 0) + 12 * rng.normal()),
    }
  })
}

export async function main({ days = 400, budget = { minutes: 0.5 } as Budget, log = console.log } = {}) {
  using result = await fitSeries({ data: visitors(days), target: 'visitors', time: 'date', lags: 14, fit: { budget } })
  for (const { baseline, found } of result.comparison)
    log(
      `RMSE of the latest fifth: ${found.value.toFixed(1)} (${found.name}), ${baseline.value.toFixed(1)} (${baseline.name})`,
    )
  const week = await result.forecast(7)
  log(`the next week: ${week.map(Math.round).join(', ')}`)
  return { comparison: result.comparison, week }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
