import { seeded } from 'archloom'
import { expect, it } from 'vitest'
import { sortedBy } from '../../../plugins/dashboard/sorted-by.ts'

/** The same order by comparisons. */
const compared = (order: Uint32Array, keys: Float64Array, descending: boolean) =>
  [...order].sort((a, b) => {
    const [ka, kb] = [keys[a]!, keys[b]!]
    if (Number.isNaN(ka) || Number.isNaN(kb)) return Number(Number.isNaN(ka)) - Number(Number.isNaN(kb)) || a - b
    return ka === kb ? a - b : (descending ? -1 : 1) * (ka < kb ? -1 : 1)
  })

const rng = seeded(3)
const special = [0, -0, 1, -1, Number.NaN, -Number.NaN, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE]
const makers: Readonly<Record<string, () => number>> = {
  'any numbers': () => (rng.float() - 0.5) * 10 ** rng.int(40),
  'few values': () => rng.int(3) - 1,
  'values that differ late': () => 1 + rng.int(50) * Number.EPSILON * (rng.int(2) ? 1 : 1e6),
  'negative values that differ late': () => -1 - rng.int(50) * Number.EPSILON,
  'special values': () =>
    [...special, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][rng.int(special.length + 2)]!,
}

it.each(Object.entries(makers))('orders %s as comparisons do', (_, make) => {
  for (const count of [0, 1, 2, 1000])
    for (const descending of [false, true]) {
      const keys = Float64Array.from({ length: count }, make)
      const order = Uint32Array.from(keys.keys()).filter(() => rng.float() < 0.8)
      const expected = compared(order, keys, descending)
      expect([...sortedBy(order, keys, descending)]).toEqual(expected)
    }
})
