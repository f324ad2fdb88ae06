/** Texts and numbers nested in arrays and objects. */
export type Nested<Leaf> = Leaf | readonly Nested<Leaf>[] | { readonly [field: string]: Nested<Leaf> }

/** The leaves of a nested value, in stored order. */
export function leavesOf<Leaf>(value: Nested<Leaf>): Leaf[] {
  return typeof value === 'object' && value !== null
    ? Object.values(value as Record<string, Nested<Leaf>>).flatMap((part) => leavesOf(part))
    : [value as Leaf]
}
