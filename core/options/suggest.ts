import type { Group } from './option.ts'

/** Option names; an option that is a group carries its fields. */
type Named = Readonly<Record<string, { readonly group?: Group } | true>>

/** Number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)])
  for (let j = 1; j <= b.length; j++) rows[0]![j] = j
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const replace = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : replace
      rows[i]![j] = Math.min(replace, swap, rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1)
    }
  return rows[a.length]![b.length]!
}

/** Every path to an option: `epochs`, `controller.learningRate`. */
const paths = (fields: Named, before = ''): readonly string[] =>
  Object.entries(fields).flatMap(([name, option]) => [
    before + name,
    ...(option !== true && option.group ? paths(option.group.fields, `${before}${name}.`) : []),
  ])

/** The option whose name is most similar to the given one, here or in a nested group; undefined if none is similar. */
export function nearest(name: string, fields: Named): string | undefined {
  const like = name.toLowerCase()
  const scored = paths(fields).map((path) => {
    const leaf = path.slice(path.lastIndexOf('.') + 1).toLowerCase()
    const contained = leaf.length > 2 && like.length > 2 && (leaf.startsWith(like) || like.startsWith(leaf))
    return { path, distance: contained ? Math.min(1, editDistance(like, leaf)) : editDistance(like, leaf) }
  })
  const limit = Math.max(1, Math.floor(name.length / 3))
  return scored.filter(({ distance }) => distance <= limit).sort((a, b) => a.distance - b.distance)[0]?.path
}
