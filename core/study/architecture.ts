import type { Decision, Genotype, Json } from '../space/decision.ts'

type Chosen = readonly [path: readonly string[], decision: Decision, value: number][]

/**
 * Decodes a genotype from the journalled decisions alone, without the code of the space. The names of decisions are
 * paths, in which combinators leave marks (`x.length`, `x.when`, `x.type`; a subset's members are ordered booleans).
 * Equals `space.decode` for every space made of our combinators, unless a product names a part like a mark.
 */
export function architectureOf(decisions: readonly Decision[], genotype: Genotype): Json {
  const bare = decisions.filter((decision) => decision.name !== 'when')
  // A space that is a single choice has an empty path.
  const pathOf = ({ name }: Decision) => (bare.length === 1 && /^(choice|value)$/.test(name) ? [] : name.split('.'))
  return partOf(
    decisions.map((decision, i) => [pathOf(decision), decision, genotype[i] as number]),
    0,
  )
}

const optionAt = (decision: Decision, value = 0): Json =>
  decision.kind === 'real' ? value : (decision.options[value] ?? null)

const isWhole = (key: string) => /^\d+$/.test(key)
const isMember = (decision: Decision) =>
  decision.kind === 'choice' && decision.ordered && JSON.stringify(decision.options) === '[false,true]'

/** Decodes the part below the first `depth` keys, which all of `chosen` share. */
function partOf(chosen: Chosen, depth: number): Json {
  const markAt = (key: string) => chosen.find(([path]) => path.length === depth + 1 && path[depth] === key)
  const without = (entry: Chosen[number]) => chosen.filter((other) => other !== entry)

  const condition = markAt('when')
  if (condition && chosen[0] === condition) {
    const [, decision, value] = condition
    return optionAt(decision, value) === true ? partOf(without(condition), depth) : null
  }
  const leaf = chosen.find(([path]) => path.length === depth)
  if (leaf) return optionAt(leaf[1], leaf[2])

  const type = markAt('type')
  if (type && chosen[0] === type && isVariant(type[1], without(type), depth)) {
    const name = optionAt(type[1], type[2]) as string
    const mine = chosen.filter(([path]) => path[depth] === name)
    return { type: name, ...(mine.length > 0 ? (partOf(mine, depth + 1) as object) : {}) }
  }
  const memberOf = ([path, decision]: Chosen[number]) =>
    isMember(decision) && (path.length === depth + 1 || Number.isFinite(Number(path.slice(depth).join('.'))))
  if (chosen.every(memberOf))
    return chosen.filter(([, , value]) => value === 1).map(([path]) => optionOf(path.slice(depth).join('.')))
  const length = markAt('length')
  const items = groups(length ? without(length) : chosen, depth)
  if (items.size > 0 && [...items.keys()].every(isWhole)) {
    const all = [...items.values()].map((item) => partOf(item, depth + 1))
    return length ? all.slice(0, optionAt(length[1], length[2]) as number) : all
  }
  return Object.fromEntries([...groups(chosen, depth)].map(([key, part]) => [key, partOf(part, depth + 1)]))
}

function isVariant(type: Decision, others: Chosen, depth: number): boolean {
  if (type.kind !== 'choice' || type.ordered) return false
  return others.every(([path]) => path.length > depth + 1 && type.options.includes(path[depth] as string))
}

/** Members of a subset that are not strings are named by their JSON. */
function optionOf(name: string): Json {
  try {
    const value = JSON.parse(name) as Json
    return typeof value === 'string' ? name : value
  } catch {
    return name
  }
}

function groups(chosen: Chosen, depth: number): Map<string, Chosen[number][]> {
  const found = new Map<string, Chosen[number][]>()
  for (const entry of chosen) {
    const key = entry[0][depth] as string
    const group = found.get(key)
    if (group) group.push(entry)
    else found.set(key, [entry])
  }
  return found
}
