import type { Rule } from './combinators.ts'

/** Rules that share decisions, directly or through other rules. A choice in one group never limits another group. */
export interface RuleGroup {
  readonly rules: readonly Rule[]
  /** Indices of the decisions that the rules depend on, ascending. */
  readonly members: readonly number[]
  /** The last decision that a rule names; after it nothing can be violated any more. */
  readonly last: number
}

/**
 * Splits rules into independent groups. `conditional`: some decisions switch others on or off, so all rules form one
 * group.
 */
export function groupRules(rules: readonly Rule[], decisions: number, conditional: boolean): readonly RuleGroup[] {
  if (rules.length === 0) return []
  const everyDecision = Array.from({ length: decisions }, (_, index) => index)
  if (conditional) return [{ rules, members: everyDecision, last: Math.max(...rules.flatMap((rule) => rule.scope)) }]
  // Union-find over decision indices.
  const parent = [...everyDecision]
  const root = (index: number): number => {
    let at = index
    while (parent[at] !== at) at = parent[at] as number
    return at
  }
  for (const { scope } of rules) for (const index of scope) parent[root(index)] = root(scope[0]!)
  return [...new Set(rules.map((rule) => root(rule.scope[0]!)))].map((key) => {
    const own = rules.filter((rule) => root(rule.scope[0]!) === key)
    const members = [...new Set(own.flatMap((rule) => rule.scope))].sort((a, b) => a - b)
    return { rules: own, members, last: members.at(-1) as number }
  })
}
