import { error } from './errors.ts'

export interface Assignment {
  /** Column of each row. */
  readonly columns: Int32Array
  /** Sum of the costs of the pairs. */
  readonly cost: number
}

/**
 * The exact cheapest one-to-one assignment of rows to columns, by shortest augmenting paths with dual prices, row by
 * row (the augmentation phase of Jonker & Volgenant 1987). It takes O(n³) time: tens of milliseconds for n = 400.
 * @param costs [rows, columns], row-major, rows ≤ columns; finite numbers of any sign. Error: ARCHLOOM_TRANSPORT_COST.
 */
export function assignment(costs: Float64Array, rows: number, columns = rows): Assignment {
  if (costs.length !== rows * columns || rows > columns || rows < 1)
    throw error('ARCHLOOM_TRANSPORT_COST', {
      received: `${costs.length} costs for ${rows} rows and ${columns} columns`,
      expected: 'rows · columns costs, and at most as many rows as columns',
    })
  const odd = costs.findIndex((cost) => !Number.isFinite(cost))
  if (odd >= 0)
    throw error('ARCHLOOM_TRANSPORT_COST', { received: `a cost of ${costs[odd]}`, expected: 'finite costs' })

  // Prices u of rows and v of columns with u + v ≤ cost, and equality on every pair, which proves optimality.
  const u = new Float64Array(rows)
  const v = new Float64Array(columns)
  const rowOf = new Int32Array(columns).fill(-1)
  const distance = new Float64Array(columns)
  const cameFrom = new Int32Array(columns)
  // The columns that are not reached yet are todo[0 … left).
  const todo = new Int32Array(columns)
  const reached = new Int32Array(columns)

  for (let start = 0; start < rows; start++) {
    for (let j = 0; j < columns; j++) todo[j] = j
    distance.fill(Number.POSITIVE_INFINITY)
    let [left, count, row, last, shortest] = [columns, 0, start, -1, 0]
    for (;;) {
      const base = row * columns
      const offset = shortest - u[row]!
      let [nearest, at] = [Number.POSITIVE_INFINITY, -1]
      for (let k = 0; k < left; k++) {
        const j = todo[k] as number
        const length = offset + costs[base + j]! - v[j]!
        if (length < distance[j]!) {
          distance[j] = length
          cameFrom[j] = last
        }
        if (distance[j]! < nearest) {
          nearest = distance[j] as number
          at = k
        }
      }
      const column = todo[at] as number
      todo[at] = todo[--left] as number
      reached[count++] = column
      shortest = nearest
      last = column
      const owner = rowOf[column] as number
      if (owner < 0) break
      row = owner
    }
    u[start] = u[start]! + shortest
    for (let k = 0; k < count - 1; k++) {
      const j = reached[k] as number
      const gain = shortest - distance[j]!
      v[j] = v[j]! - gain
      const owner = rowOf[j] as number
      u[owner] = u[owner]! + gain
    }
    // Reassigns the columns along the path.
    for (let j = last; j >= 0; ) {
      const before = cameFrom[j] as number
      rowOf[j] = before < 0 ? start : rowOf[before]!
      j = before
    }
  }
  const assigned = new Int32Array(rows)
  for (let j = 0; j < columns; j++) if (rowOf[j]! >= 0) assigned[rowOf[j] as number] = j
  let cost = 0
  for (let i = 0; i < rows; i++) cost += costs[i * columns + assigned[i]!] as number
  return { columns: assigned, cost }
}
