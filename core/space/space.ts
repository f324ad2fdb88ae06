import type { ArchloomError } from '../errors.ts'
import { quote } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { Paper } from '../paper.ts'
import type { Random } from '../random.ts'
import type { BuildOptions, Network, NetworkCost, Supernet } from '../trainer.ts'
import { type Compilation, compiled, type Rule, type SpaceNode } from './combinators.ts'
import { type Constraint, toRule } from './constraints.ts'
import {
  type ChoiceDecision,
  type Decision,
  drawValue,
  fromUnit,
  type Genotype,
  type Json,
  toUnit,
} from './decision.ts'
import { error } from './errors.ts'
import { groupRules, type RuleGroup } from './groups.ts'
import { hashOf } from './hash.ts'
import { fileNameOf } from './naming.ts'

export type Validation =
  | { readonly ok: true; readonly genotype: Genotype }
  | { readonly ok: false; readonly error: ArchloomError }

/** What may be chosen. Controllers see genotypes only; A is the decoded architecture, plain JSON. */
export interface SearchSpace<A = unknown> {
  /**
   * The name given to `defineSpace`, reduced to characters that a file name may contain. Studies and the registry use
   * it.
   */
  readonly name: string
  /** The name as it was given to `defineSpace`. */
  readonly label: string
  readonly decisions: readonly Decision[]
  /** Number of architectures. Error: ARCHLOOM_SPACE_NOT_ENUMERABLE if a decision is real. */
  readonly size: bigint
  /** Hash of decisions and constraints: equal spaces have equal fingerprints across processes. */
  readonly fingerprint: string
  decode(genotype: Genotype): A
  encode(architecture: A): Genotype
  /** Checks any value; never throws. A string is parsed first. */
  validate(candidate: unknown): Validation
  /**
   * The options of the next decision after a prefix, with constraints propagated: each of them can be completed. `[0]`
   * if the decision is inactive, null if it is real and active.
   */
  allowed(prefix: readonly number[]): readonly number[] | null
  isActive(genotype: readonly number[], index: number): boolean
  /** Draws a genotype; each decision is uniform on its own scale over its allowed options. */
  random(rng: Random): Genotype
  /** Draws a value of the next decision after a prefix, uniform on the decision's own scale; 0 if it is inactive. */
  draw(prefix: readonly number[], rng: Random): number
  /**
   * Returns a different genotype: one active decision is changed, and later decisions are kept if still allowed. An
   * ordered or real decision mostly takes a near value; an unordered choice takes any other option.
   */
  mutate(genotype: Genotype, rng: Random): Genotype
  /**
   * Uniform crossover: each decision takes the value of a randomly chosen parent, if the decision is active there and
   * the value is allowed; otherwise that of the other parent, otherwise a drawn value. Values that both parents share
   * are kept.
   */
  crossover(a: Genotype, b: Genotype, rng: Random): Genotype
  /**
   * The genotypes one changed decision away: every other option of an unordered choice, or of an ordered one that has
   * at most four others; else the next lower and the next higher option (on a log scale also those a tenth of the
   * scale away); for a real decision, the values a tenth of the scale below and above.
   */
  neighbours(genotype: Genotype): Iterable<Genotype>
  /** All genotypes, in lexicographic order. */
  enumerate(): Iterable<Genotype>
  /** A short string: one character per decision if every decision has at most 36 options. */
  format(genotype: Genotype): string
  parse(text: string): Genotype
  /** Builds the tfjs network of an architecture, if the space has networks. */
  build?(architecture: A, options: BuildOptions): Network
  /** Builds one network that contains every option, if the space has one. */
  supernet?(options: BuildOptions): Supernet<A>
  /** Cost of one image, computed from the architecture alone. */
  cost?(architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>): NetworkCost
  /** Where the space was published. */
  readonly papers?: readonly Paper[]
  /** The function that made the space, so that a study can be exported as code. */
  readonly origin?: SpaceOrigin
}

/** A space as a call: `factory(options)`, exported by `module`. */
export interface SpaceOrigin {
  readonly module: string
  readonly factory: string
  readonly options: Json
}

/** Properties of a space besides its decisions. */
export interface SpaceOptions<A> {
  readonly constraints?: readonly Constraint[]
  /** Builds the tfjs network of an architecture. */
  readonly build?: (architecture: A, options: BuildOptions) => Network
  readonly supernet?: (options: BuildOptions) => Supernet<A>
  /** Multiply-adds of one image and parameters, computed from the architecture alone. */
  readonly cost?: (architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>) => NetworkCost
  readonly papers?: readonly Paper[]
}

const SEARCH_LIMIT = 200_000
/** Standard deviation of a mutation's step, and distance of a near neighbour, as a share of the decision's scale. */
const NEAR = 0.1
/** An ordered choice with at most this many other options has all of them as neighbours. */
const FEW = 4
/** Share of the mutations of an ordered choice that take the next lower or higher option. */
const ADJACENT = 0.5

const defineSpaceNames = optionNames<SpaceOptions<never>>('defineSpace', {
  constraints: true,
  build: true,
  supernet: true,
  cost: true,
  papers: true,
})

/** Turns a description of parts into a search space. Throws if a constraint leaves nothing to choose. */
export function defineSpace<A>(label: string, node: SpaceNode<A>, options: SpaceOptions<A> = {}): SearchSpace<A> {
  defineSpaceNames(options)
  const compilation: Compilation = { decisions: [], active: [], rules: [], switches: new Set() }
  if (typeof label !== 'string' || label.trim() === '')
    throw error('ARCHLOOM_SPACE_PART', { path: 'name', received: label, expected: 'a name for the space' })
  const name = fileNameOf(label)
  const codec = compiled(node, '', undefined, compilation)
  const { decisions, active, switches } = compilation
  const names = new Set<string>()
  for (const decision of decisions) {
    if (names.has(decision.name))
      throw error('ARCHLOOM_SPACE_DUPLICATE_NAME', { name: decision.name, where: `space ${quote(label)}` })
    names.add(decision.name)
  }
  const isActive = (genotype: readonly number[], index: number) => active[index]?.(genotype) ?? true
  const rules: readonly Rule[] = [
    ...compilation.rules,
    ...(options.constraints ?? []).map((constraint) => toRule(constraint, decisions, isActive)),
  ]
  const touched = new Set(rules.flatMap((rule) => rule.scope))
  const branching = decisions.map((_, index) => touched.has(index) || switches.has(index))
  const groups = groupRules(rules, decisions.length, switches.size > 0)
  const groupOf = decisions.map((_, index) => groups.find((group) => group.members.includes(index)))
  const everyOption = decisions.map((d) => (d.kind === 'choice' ? d.options.map((_, i) => i) : []))
  const inactive: readonly number[] = [0]
  const respected = (group: RuleGroup, genotype: readonly number[], chosen: number) =>
    group.rules.every((rule) => rule.possible(genotype, chosen))

  /**
   * Whether the first `chosen` values can be completed within the group: a depth-first search over the decisions that
   * its rules depend on.
   */
  function completable(group: RuleGroup, genotype: number[], chosen: number, left: { nodes: number }): boolean {
    if (!respected(group, genotype, chosen)) return false
    if (chosen > group.last) return true
    if (left.nodes-- <= 0)
      throw error('ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', {
        space: label,
        decision: decisions[chosen]?.name ?? '',
        nodes: SEARCH_LIMIT,
      })
    const branches = branching[chosen] && groupOf[chosen] === group && isActive(genotype, chosen)
    const count = branches ? (everyOption[chosen] as number[]).length : 1
    for (let option = 0; option < count; option++) {
      genotype[chosen] = option
      if (completable(group, genotype, chosen + 1, left)) return true
    }
    return false
  }

  function allowed(prefix: readonly number[]): readonly number[] | null {
    const index = prefix.length
    if (!isActive(prefix, index)) return inactive
    if (decisions[index]?.kind === 'real') return null
    const all = everyOption[index] as readonly number[]
    const group = groupOf[index]
    if (!group || index > group.last) return all
    return all.filter((option) => completable(group, [...prefix, option], index + 1, { nodes: SEARCH_LIMIT }))
  }

  const draw = (prefix: readonly number[], rng: Random): number =>
    drawValue(decisions[prefix.length]!, allowed(prefix), rng)

  /** Keeps the values of `donor` after `prefix` if they are still allowed, and chooses the others. */
  function complete(prefix: number[], donor: Genotype, choose: (prefix: readonly number[]) => number): number[] {
    while (prefix.length < decisions.length) {
      const index = prefix.length
      const old = donor[index] as number
      const choices = allowed(prefix)
      // The value of an inactive decision has no meaning, so a newly active decision is chosen anew.
      const kept = isActive(donor, index) && (choices === null || choices.includes(old))
      prefix.push(choices !== null && choices.length === 1 ? choices[0]! : kept ? old : choose(prefix))
    }
    return prefix
  }

  const alternatives = (genotype: Genotype, index: number): readonly number[] => {
    if (!isActive(genotype, index)) return []
    const decision = decisions[index] as Decision
    if (decision.kind === 'real') return []
    return (allowed(genotype.slice(0, index)) ?? []).filter((option) => option !== genotype[index])
  }

  /** A value near u moved by a normal step; reflected at the borders, so that a value on a border can still move. */
  const moved = (u: number, rng: Random) => {
    const to = Math.abs(u + NEAR * rng.normal())
    return to > 1 ? Math.max(0, 2 - to) : to
  }

  /**
   * Another value of a choice: a near one if it is ordered, otherwise any. `others` is ascending, without the present
   * value.
   */
  function mutateChoice(decision: ChoiceDecision, value: number, others: readonly number[], rng: Random): number {
    if (!decision.ordered || others.length === 1) return rng.pick(others)
    const above = others.findIndex((option) => option > value)
    const adjacent = [others[above < 0 ? others.length - 1 : above - 1], above < 0 ? undefined : others[above]]
    if (rng.float() < ADJACENT) return rng.pick(adjacent.filter((option) => option !== undefined))
    if (others.length <= FEW) return rng.pick(others)
    const to = moved(toUnit(decision, value), rng)
    return others.reduce((best, option) =>
      Math.abs(toUnit(decision, option) - to) < Math.abs(toUnit(decision, best) - to) ? option : best,
    )
  }

  function mutate(genotype: Genotype, rng: Random): Genotype {
    for (const index of rng.shuffle(decisions.map((_, i) => i))) {
      const decision = decisions[index]!
      const present = genotype[index]!
      let value: number
      if (decision.kind === 'real') {
        if (!isActive(genotype, index)) continue
        value = fromUnit(decision, moved(toUnit(decision, present), rng))
        // The range is so narrow that the step vanished in rounding; another decision may change.
        if (value === present) continue
      } else {
        const others = alternatives(genotype, index)
        if (others.length === 0) continue
        value = mutateChoice(decision, present, others, rng)
      }
      return complete([...genotype.slice(0, index), value], genotype, (prefix) => draw(prefix, rng))
    }
    return genotype
  }

  function crossover(a: Genotype, b: Genotype, rng: Random): Genotype {
    const child: number[] = []
    while (child.length < decisions.length) {
      const index = child.length
      const choices = allowed(child)
      const has = (parent: Genotype) =>
        isActive(parent, index) && (choices === null || choices.includes(parent[index]!)) ? parent[index] : undefined
      const [first, second] = rng.float() < 0.5 ? [a, b] : [b, a]
      const forced = choices?.length === 1 ? choices[0] : undefined
      child.push(forced ?? has(first) ?? has(second) ?? draw(child, rng))
    }
    return child
  }

  /** Values of decision `index` that count as near its present one, ascending. */
  function near(genotype: Genotype, index: number): readonly number[] {
    const decision = decisions[index]!
    const value = genotype[index]!
    const tenth = (sign: number) => fromUnit(decision, toUnit(decision, value) + sign * NEAR)
    if (decision.kind === 'real')
      return isActive(genotype, index) ? [tenth(-1), tenth(1)].filter((other) => other !== value) : []
    const others = alternatives(genotype, index)
    if (!decision.ordered || others.length <= FEW) return others
    const above = others.findIndex((option) => option > value)
    const at = above < 0 ? others.length : above
    const chosen = new Set([others[at - 1], others[at]])
    if (decision.scale === 'log') {
      chosen.add(others.find((option) => option >= tenth(-1) && option < value))
      chosen.add(others.findLast((option) => option <= tenth(1) && option > value))
    }
    return others.filter((option) => chosen.has(option))
  }

  function* neighbours(genotype: Genotype): Iterable<Genotype> {
    const first = (prefix: readonly number[]) => allowed(prefix)?.[0] ?? fromUnit(decisions[prefix.length]!, 0.5)
    for (let index = 0; index < decisions.length; index++)
      for (const value of near(genotype, index)) yield complete([...genotype.slice(0, index), value], genotype, first)
  }

  const refuseReal = () => {
    const decision = decisions.find((d) => d.kind === 'real')
    if (decision) throw error('ARCHLOOM_SPACE_NOT_ENUMERABLE', { space: label, decision: decision.name })
  }

  function* enumerate(prefix: number[] = []): Iterable<Genotype> {
    if (prefix.length === 0) refuseReal()
    if (prefix.length === decisions.length) return yield prefix
    for (const option of allowed(prefix) ?? []) yield* enumerate([...prefix, option])
  }

  /**
   * Number of ways to choose the members of a group, branching only on decisions that its rules and conditions depend
   * on.
   */
  function countGroup(group: RuleGroup): bigint {
    let nodes = 0
    const count = (genotype: number[], position: number): bigint => {
      const index = group.members[position]
      if (!respected(group, genotype, index ?? decisions.length)) return 0n
      if (index === undefined) return 1n
      if (++nodes > 20 * SEARCH_LIMIT)
        throw error('ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', {
          space: label,
          decision: decisions[index]?.name ?? '',
          nodes,
        })
      const options = (everyOption[index] as number[]).length
      genotype[index] = 0
      if (!isActive(genotype, index)) return count(genotype, position + 1)
      if (!branching[index]) return BigInt(options) * count(genotype, position + 1)
      let total = 0n
      for (let option = 0; option < options; option++) {
        genotype[index] = option
        total += count(genotype, position + 1)
      }
      return total
    }
    return count([], 0)
  }

  const countConstrained = () =>
    [
      ...groups.map(countGroup),
      ...everyOption.flatMap((options, index) => (groupOf[index] ? [] : [BigInt(options.length)])),
    ].reduce((product, ways) => product * ways, 1n)

  const characters = decisions.every((d) => d.kind === 'choice' && d.options.length <= 36)
  const format = (genotype: Genotype) =>
    characters ? genotype.map((value) => value.toString(36)).join('') : genotype.join(',')
  const parse = (text: string): Genotype => {
    const result = validate(text)
    if (!result.ok) throw result.error
    return result.genotype
  }

  function validate(candidate: unknown): Validation {
    const refuse = (path: string, received: unknown, expected: string): Validation => ({
      ok: false,
      error: error('ARCHLOOM_GENOTYPE_INVALID', { path, received, expected }),
    })
    const values =
      typeof candidate !== 'string'
        ? candidate
        : characters && !candidate.includes(',')
          ? [...candidate].map((character) => Number.parseInt(character, 36))
          : // Number('') is 0, which is not in the text.
            candidate.split(',').map((text) => (text.trim() === '' ? Number.NaN : Number(text)))
    if (!Array.isArray(values) || values.length !== decisions.length)
      return refuse(
        '',
        candidate,
        `an array (or its string form) of ${decisions.length} numbers for space ${quote(label)}`,
      )
    for (let index = 0; index < decisions.length; index++) {
      const decision = decisions[index] as Decision
      const value: unknown = values[index]
      const at = `[${index}]`
      if (typeof value !== 'number' || !Number.isFinite(value))
        return refuse(at, value, `a number for decision ${decision.name}`)
      if (!isActive(values, index)) {
        if (value !== 0) return refuse(at, value, `0, because decision ${decision.name} is inactive here`)
      } else if (decision.kind === 'real') {
        if (value < decision.min || value > decision.max)
          return refuse(at, value, `decision ${decision.name} in [${decision.min}, ${decision.max}]`)
      } else if (!Number.isInteger(value) || value < 0 || value >= decision.options.length)
        return refuse(
          at,
          value,
          `an option index of ${decision.name}, which has ${decision.options.length} options (${quote(decision.options, 80)})`,
        )
    }
    const broken = rules.find((rule) => !rule.possible(values, decisions.length))
    if (broken)
      return {
        ok: false,
        error: error('ARCHLOOM_GENOTYPE_CONSTRAINT', { genotype: format(values), constraint: broken.description }),
      }
    return { ok: true, genotype: values }
  }

  if (!groups.every((group) => completable(group, [], 0, { nodes: SEARCH_LIMIT })))
    throw error('ARCHLOOM_SPACE_CONSTRAINT_IMPOSSIBLE', {
      space: label,
      constraints: rules.map((rule) => rule.description),
    })

  let size: bigint | undefined
  const fingerprint = hashOf(JSON.stringify([label, decisions, rules.map((rule) => rule.description)]), 16)
  return {
    name,
    label,
    decisions,
    fingerprint,
    get size() {
      refuseReal()
      size ??= rules.length === 0 ? codec.size : countConstrained()
      return size as bigint
    },
    decode: (genotype) => codec.decode(genotype) as A,
    encode(architecture) {
      const genotype = decisions.map(() => 0)
      codec.encode(architecture, genotype)
      const result = validate(genotype)
      if (!result.ok) throw result.error
      return genotype
    },
    validate,
    allowed,
    isActive,
    random(rng) {
      const genotype: number[] = []
      while (genotype.length < decisions.length) genotype.push(draw(genotype, rng))
      return genotype
    },
    draw,
    mutate,
    crossover,
    neighbours,
    enumerate,
    format,
    parse,
    ...(options.build && { build: checkedBuild(label, options.build) }),
    ...(options.supernet && { supernet: options.supernet }),
    ...(options.cost && { cost: options.cost }),
    ...(options.papers && { papers: options.papers }),
  }
}

/** Wraps a build function so that it throws ARCHLOOM_SPACE_NETWORK if its result is not a network. */
const checkedBuild =
  <A>(space: string, build: NonNullable<SpaceOptions<A>['build']>): NonNullable<SearchSpace<A>['build']> =>
  (architecture, options) => {
    const received: unknown = build(architecture, options)
    const parts = (typeof received === 'object' && received !== null ? received : {}) as Partial<Network> & {
      readonly predict?: unknown
      readonly layers?: unknown
      readonly then?: unknown
    }
    const isNetwork =
      typeof parts.apply === 'function' &&
      Array.isArray(parts.inputShape) &&
      Array.isArray(parts.trainable) &&
      typeof parts[Symbol.dispose] === 'function'
    if (isNetwork) return received as Network
    if (typeof parts.predict === 'function' && Array.isArray(parts.layers))
      throw error('ARCHLOOM_SPACE_NETWORK', {
        space,
        received: 'a model of @tensorflow/tfjs-layers',
        remedy: "Return fromLayersModel(model), which 'archloom/tensor' exports.",
      })
    throw error('ARCHLOOM_SPACE_NETWORK', {
      space,
      received: typeof parts.then === 'function' ? 'a promise' : quote(received),
      remedy: "Return the result of network() or fromLayersModel() from 'archloom/tensor', or another Network.",
    })
  }

/** The options of a choice decision as short text, for tables and messages. */
export const optionLabel = (decision: ChoiceDecision, index: number): string => {
  const option = decision.options[index]
  return typeof option === 'string' ? option : JSON.stringify(option)
}
