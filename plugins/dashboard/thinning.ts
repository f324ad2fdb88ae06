/** More points than this are thinned out: a screen does not show them apart. */
export const SHOWN = 4000
const [COLUMNS, ROWS, LAYERS] = [500, 180, 3]

/**
 * Indices of points of which no two fall on the same cell of a grid over all of them, in ascending order; the first of
 * each cell is kept. All of them where they are few. `layer` (0, 1 or 2) keeps points of different kinds apart; those that
 * `always` names are kept.
 */
export function thinned(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  layer: ArrayLike<number>,
  always: ReadonlySet<number> = new Set(),
): readonly number[] {
  const kept: number[] = []
  const isDense = xs.length > SHOWN
  const [left, right] = rangeOf(xs)
  const [low, high] = rangeOf(ys)
  const seen = new Uint8Array(isDense ? LAYERS * COLUMNS * ROWS : 0)
  for (let i = 0; i < xs.length; i++) {
    if (isDense) {
      const column = cellOf(xs[i]!, left, right, COLUMNS)
      const cell = (layer[i]! * COLUMNS + column) * ROWS + cellOf(ys[i]!, low, high, ROWS)
      if (seen[cell] === 1 && !always.has(i)) continue
      seen[cell] = 1
    }
    kept.push(i)
  }
  return kept
}

const cellOf = (value: number, from: number, to: number, cells: number): number =>
  to > from ? Math.min(cells - 1, Math.floor((cells * (value - from)) / (to - from))) : 0

function rangeOf(values: ArrayLike<number>): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

/** At most `most` of the items at equal distances, the first and the last among them. */
export function spaced<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!)
}
