import { type Axis, axes, type Row, unmetNeed } from './axes.ts'

const names = Object.keys(axes) as Axis[]
type Pair = readonly [Axis, string, Axis, string]
const keyOf = ([a, v, b, w]: Pair) => `${a} ${v} with ${b} ${w}`

const pairs: readonly Pair[] = names.flatMap((a, i) =>
  names.slice(i + 1).flatMap((b) => axes[a].flatMap((v) => axes[b].map((w) => [a, v, b, w] as const))),
)
const pairsIn = (row: Row): Pair[] =>
  names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, row[a], b, row[b]] as const))

const needs = new Map<string, string | undefined>()
function unmet(row: Row): string | undefined {
  // What is asked of a composition depends on these parts only.
  const key = [row.method, row.scheduler, row.space, row.evaluator, row.training].join(' ')
  if (!needs.has(key)) needs.set(key, unmetNeed(row))
  return needs.get(key)
}

/** A row with the pair whose needs are met, made of the parts that cover most pairs of `left`; undefined if there is none. */
function completed([a, v, b, w]: Pair, left: ReadonlySet<string>): Row | undefined {
  const fill = (known: Partial<Record<Axis, string>>): Row | undefined => {
    const next = names.find((axis) => known[axis] === undefined)
    if (next === undefined) return unmet(known as Row) === undefined ? (known as Row) : undefined
    const gain = (value: string) =>
      names.filter((axis) => {
        const other = known[axis]
        if (other === undefined) return false
        const inOrder = names.indexOf(axis) < names.indexOf(next)
        return left.has(keyOf(inOrder ? [axis, other, next, value] : [next, value, axis, other]))
      }).length
    for (const value of axes[next].toSorted((x, y) => gain(y) - gain(x))) {
      const made = fill({ ...known, [next]: value })
      if (made) return made
    }
    return undefined
  }
  return fill({ [a]: v, [b]: w })
}

/** Rows that together hold every pair of parts whose needs can be met, and one row for each pair whose needs cannot. */
export function allPairs(): { readonly rows: readonly Row[]; readonly refused: readonly Row[] } {
  const left = new Set(pairs.map(keyOf))
  const rows: Row[] = []
  const refused: Row[] = []
  for (const pair of pairs) {
    if (!left.has(keyOf(pair))) continue
    const row = completed(pair, left)
    if (row) {
      rows.push(row)
      for (const covered of pairsIn(row)) left.delete(keyOf(covered))
      continue
    }
    left.delete(keyOf(pair))
    const [a, v, b, w] = pair
    const plain: Row = {
      method: 'random',
      scheduler: 'none',
      space: 'cell',
      evaluator: 'weight-sharing',
      training: 'none',
      engine: 'wasm',
    }
    refused.push({ ...plain, [a]: v, [b]: w })
  }
  return { rows, refused }
}

/** The first rows that together hold every part of every axis. */
export function everyPart(rows: readonly Row[]): readonly Row[] {
  const left = new Set(names.flatMap((axis) => axes[axis].map((value) => `${axis} ${value}`)))
  return rows.filter((row) => {
    const own = names.map((axis) => `${axis} ${row[axis]}`)
    const isNew = own.some((part) => left.has(part))
    for (const part of own) left.delete(part)
    return isNew
  })
}
