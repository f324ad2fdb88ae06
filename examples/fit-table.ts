// From a table to a model. It uses rows in memory here; a CSV, TSV, JSON-lines or Parquet file works the same way by
// its path.
//     npx tsx examples/fit-table.ts       or, for a file: npx archloom fit houses.csv --target price --minutes 5
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { type Budget, fit } from 'archloom/fit'

/** Artificial house prices that depend on area, rooms, district and the year of construction. */
function houses(count: number) {
  const rng = seeded('houses')
  return Array.from({ length: count }, () => {
    const [area, rooms, built] = [40 + rng.int(160), 1 + rng.int(6), 1950 + rng.int(70)]
    const district = rng.pick(['centre', 'north', 'harbour'])
    const price = area * (district === 'centre' ? 5 : 3) + 20 * rooms + (built > 2000 ? 80 : 0) + 15 * rng.normal()
    return { area, rooms: rng.float() < 0.05 ? null : rooms, district, built, price: Number(price.toFixed(1)) }
  })
}

export async function main({ rows = 600, budget = { minutes: 0.5 } as Budget, out = 'model', log = console.log } = {}) {
  const data = houses(rows)
  using result = await fit({
    data: data.slice(0, Math.round(0.8 * rows)),
    target: 'price',
    budget,
    onEvent: (event) => {
      if (event.type === 'trial') log(`trial ${event.trial}: RMSE ${event.metrics.rmse?.toFixed(1)}  ${event.name}`)
    },
  })
  for (const { metric, baseline, found } of result.comparison)
    log(`${metric}: ${found.value.toFixed(1)} found, ${baseline.value.toFixed(1)} ${baseline.name}`)
  const { rmse } = await result.evaluate(data.slice(Math.round(0.8 * rows)))
  log(`RMSE on houses that took no part: ${rmse!.toFixed(1)}`)
  const [prediction] = await result.predict([{ area: 100, rooms: 3, district: 'centre', built: 2010 }])
  log(`a house of 100 square metres: ${JSON.stringify(prediction)}`)
  const files = await result.export(out)
  return { rmse: rmse!, files }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
