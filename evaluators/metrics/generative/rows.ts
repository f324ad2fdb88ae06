import { error } from './errors.ts'

/** Number of rows of a flat array [count, width]; at least `least` of them, all finite. Error: ARCHLOOM_GENERATIVE_METRIC. */
export function checkRows(metric: string, values: ArrayLike<number>, width: number, least = 1): number {
  const count = values.length / width
  if (!(width >= 1 && Number.isInteger(count) && count >= least))
    throw error('ARCHLOOM_GENERATIVE_METRIC', {
      metric,
      received: `${values.length} values`,
      expected: `at least ${least} rows of ${width}`,
    })
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw error('ARCHLOOM_GENERATIVE_METRIC', {
        metric,
        received: `the value ${values[i]} in row ${Math.floor(i / width)}`,
        expected: 'finite numbers; has the generator collapsed?',
      })
  return count
}
