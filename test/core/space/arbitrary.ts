import fc from 'fast-check'
import { ArchloomError } from '../../../core/errors.ts'
import {
  type Constraint,
  defineSpace,
  integer,
  oneOf,
  product,
  real,
  repeat,
  type SearchSpace,
  type SpaceNode,
  subset,
  variant,
  when,
  where,
} from '../../../core/space/index.ts'

type Node = SpaceNode<unknown>
type Parts = Record<string, Node>

const letters = ['a', 'b', 'c', 'd']
const some = (max: number) => fc.integer({ min: 1, max })

const choiceNode: fc.Arbitrary<Node> = some(3).map((count) => oneOf(...letters.slice(0, count)))
const integerNode: fc.Arbitrary<Node> = fc
  .record({ min: fc.integer({ min: -3, max: 3 }), count: some(4), step: some(3) })
  .map(({ min, count, step }) => integer(min, min + (count - 1) * step + (step > 1 ? 1 : 0), { step }))
const subsetNode: fc.Arbitrary<Node> = some(3).chain((count) =>
  fc
    .tuple(fc.integer({ min: 0, max: count }), fc.integer({ min: 0, max: count }))
    .map(([x, y]) => subset(letters.slice(0, count), { min: Math.min(x, y), max: Math.max(x, y) })),
)
const realNode: fc.Arbitrary<Node> = fc
  .record({ min: fc.double({ min: 0.01, max: 1, noNaN: true }), ratio: some(100), log: fc.boolean() })
  .map(({ min, ratio, log }) => real(min, min * (1 + ratio), { scale: log ? 'log' : 'linear' }))

/** Parts by name, one to `max` of them. */
const partsOf = (node: fc.Arbitrary<Node>, max: number): fc.Arbitrary<Parts> =>
  fc.array(node, { minLength: 1, maxLength: max }).map((nodes) => Object.fromEntries(nodes.map((n, i) => [`p${i}`, n])))

/** Any part of at most `depth` levels. A part under `when` is a choice or a product: never null itself. */
function nodes(depth: number, leaves: fc.Arbitrary<Node>): fc.Arbitrary<Node> {
  if (depth === 0) return leaves
  const below = nodes(depth - 1, leaves)
  const solid = fc.oneof(
    choiceNode,
    partsOf(below, 2).map((parts) => product(parts)),
  )
  return fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaves,
    partsOf(below, 3).map((parts) => product(parts)),
    fc.tuple(some(2), below).map(([count, node]) => repeat(count, () => node)),
    fc
      .tuple(fc.integer({ min: 0, max: 1 }), some(2), below)
      .map(([min, more, node]) => repeat({ min, max: min + more }, () => node)),
    fc
      .array(partsOf(below, 2), { minLength: 1, maxLength: 3 })
      .map((kinds) => variant(Object.fromEntries(kinds.map((parts, i) => [`k${i}`, product(parts)])))),
    fc
      .tuple(fc.constantFrom([true, false], [false, true], [true]), solid)
      .map(([states, node]) => when(oneOf(...states) as SpaceNode<boolean>, () => node)),
  )
}

/** True for about two thirds of all arguments, at random but always the same. */
const scattered =
  (seed: number) =>
  (...values: unknown[]) => {
    let hash = seed
    for (const character of JSON.stringify(values.map((value) => value ?? null)))
      hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
    return (hash >>> 7) % 3 !== 0
  }

/** A few predicates over one to three random decisions of a node. */
function constraintsOf(node: Node, seeds: readonly number[]): readonly Constraint[] {
  const names = defineSpace('probe', node).decisions.flatMap((d) => (d.kind === 'choice' ? [d.name] : []))
  return names.length === 0
    ? []
    : seeds.map((seed) => {
        const count = 1 + (seed % 3)
        const paths = Array.from({ length: count }, (_, i) => names[(seed + i * 7) % names.length] as string)
        return where([...new Set(paths)], `predicate ${seed}`, scattered(seed))
      })
}

const spaceOf = (node: Node, seeds: readonly number[]): SearchSpace | undefined => {
  try {
    return defineSpace('any', node, { constraints: constraintsOf(node, seeds) })
  } catch (thrown) {
    // Random constraints may leave nothing: that is what the code is for.
    if (ArchloomError.is(thrown) && thrown.code === 'ARCHLOOM_SPACE_CONSTRAINT_IMPOSSIBLE') return undefined
    throw thrown
  }
}

const seeds = fc.array(fc.nat(1_000), { maxLength: 3 })

/** Any space: nested parts, conditions, constraints, reals. */
export const anySpace: fc.Arbitrary<SearchSpace> = fc
  .tuple(nodes(2, fc.oneof(choiceNode, integerNode, subsetNode, realNode)), seeds)
  .map(([node, numbers]) => spaceOf(node, numbers))
  .filter((space) => space !== undefined)

/** Any space without real decisions and with few enough genotypes to list them all. */
export const smallSpace: fc.Arbitrary<SearchSpace> = fc
  .tuple(nodes(2, fc.oneof(choiceNode, integerNode, subsetNode)), seeds)
  .map(([node, numbers]) => spaceOf(node, numbers))
  .filter((space) => space !== undefined && cartesian(space) <= 30_000)
  .map((space) => space as SearchSpace)

/** Number of index tuples, valid or not. */
const cartesian = (space: SearchSpace) =>
  space.decisions.reduce(
    (product, d) => product * (d.kind === 'choice' ? d.options.length : Number.POSITIVE_INFINITY),
    1,
  )

/** Every index tuple, valid or not. */
export function* tuples(space: SearchSpace, prefix: number[] = []): Iterable<number[]> {
  const decision = space.decisions[prefix.length]
  if (decision === undefined) yield prefix
  else if (decision.kind === 'choice')
    for (let option = 0; option < decision.options.length; option++) yield* tuples(space, [...prefix, option])
}
