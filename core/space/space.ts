import { createHash } from 'node:crypto'
import type { ArchloomError } from '../errors.ts'
import { quote } from '../errors.ts'
import type { Paper } from '../paper.ts'
import type { Random } from '../random.ts'
import type { BuildOptions, Network, NetworkCost, Supernet } from '../trainer.ts'
import { type Compilation, compiled, type Rule, type SpaceNode } from './combinators.ts'
import { type Constraint, toRule } from './constraints.ts'
import { type ChoiceDecision, type Decision, fromUnit, type Genotype, toUnit } from './decision.ts'
import { error } from './errors.ts'
import { groupRules, type RuleGroup } from './groups.ts'

export type Validation =
  | { readonly ok: true; readonly genotype: Genotype }
  | { readonly ok: false; readonly error: ArchloomError }

/** What may be chosen. Controllers see genotypes only; A is the decoded architecture, plain JSON. */
export interface SearchSpace<A = unknown> {
  readonly name: string
  readonly decisions: readonly Decision[]
  /** Number of architectures. Throws ARCHLOOM_SPACE_NOT_ENUMERABLE where a decision is real. */
  readonly size: bigint
  /** Hash of decisions and constraints: equal spaces have equal fingerprints across processes. */
  readonly fingerprint: string
  decode(genotype: Genotype): A
  encode(architecture: A): Genotype
  /** Checks anything; never throws. A string is parsed first. */
  validate(candidate: unknown): Validation
  /**
   * Options of the next decision after a prefix, constraints already propagated: every one can be completed.
   * `[0]` where the decision is inactive, null where it is real and active.
   */
  allowed(prefix: readonly number[]): readonly number[] | null
  isActive(genotype: readonly number[], index: number): boolean
  /** One genotype, each decision uniform over its allowed options. */
  random(rng: Random): Genotype
  /** A different genotype: one active decision changed, later decisions kept where still allowed. */
  mutate(genotype: Genotype, rng: Random): Genotype
  /** All genotypes one changed decision away. */
  neighbours(genotype: Genotype): Iterable<Genotype>
  /** All genotypes, in lexicographic order. */
  enumerate(): Iterable<Genotype>
  /** A short string, one character a decision where every decision has at most 36 options. */
  format(genotype: Genotype): string
  parse(text: string): Genotype
  /** Builds the tfjs network of an architecture, where the space has networks. */
  build?(architecture: A, options: BuildOptions): Network
  /** Builds one network that holds every option, where the space has one. */
  supernet?(options: BuildOptions): Supernet<A>
  /** Cost of one image, computed from the architecture alone. */
  cost?(architecture: A, options: Pick<BuildOptions, 'input' | 'classes'>): NetworkCost
  /** Where the space was published. */
  readonly papers?: readonly Paper[]
}

/** What a space can be given besides its decisions. */
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
const REAL_MUTATION_SD = 0.1

/** Turn a description of parts into a search space. Throws if a constraint leaves nothing to choose. */
export function defineSpace<A>(name: string, node: SpaceNode<A>, options: SpaceOptions<A> = {}): SearchSpace<A> {
  const compilation: Compilation = { decisions: [], active: [], rules: [], switches: new Set() }
  if (typeof name !== 'string' || name === '')
    throw error('ARCHLOOM_SPACE_PART', { path: 'name', received: name, expected: 'a name for the space' })
  const codec = compiled(node, '', undefined, compilation)
  const { decisions, active, switches } = compilation
  const names = new Set<string>()
  for (const decision of decisions) {
    if (names.has(decision.name))
      throw error('ARCHLOOM_SPACE_DUPLICATE_NAME', { name: decision.name, where: `space ${quote(name)}` })
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

  /** Can the first `chosen` values be completed within the group? Depth-first over the decisions its rules depend on. */
  function completable(group: RuleGroup, genotype: number[], chosen: number, left: { nodes: number }): boolean {
    if (!respected(group, genotype, chosen)) return false
    if (chosen > group.last) return true
    if (left.nodes-- <= 0)
      throw error('ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', {
        space: name,
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

  const sampleAt = (prefix: readonly number[], rng: Random): number => {
    const choices = allowed(prefix)
    const decision = decisions[prefix.length] as Decision
    if (choices === null) return decision.kind === 'real' ? fromUnit(decision, rng.float()) : 0
    return choices.length === 1 ? (choices[0] as number) : rng.pick(choices)
  }

  /** Keep the values of `donor` after `prefix` where they are still allowed; choose the others. */
  function complete(prefix: number[], donor: Genotype, choose: (prefix: readonly number[]) => number): number[] {
    while (prefix.length < decisions.length) {
      const index = prefix.length
      const old = donor[index] as number
      const choices = allowed(prefix)
      // A value under an inactive decision means nothing: a newly active one is chosen afresh.
      const kept = isActive(donor, index) && (choices === null || choices.includes(old))
      prefix.push(choices !== null && choices.length === 1 ? (choices[0] as number) : kept ? old : choose(prefix))
    }
    return prefix
  }

  const alternatives = (genotype: Genotype, index: number): readonly number[] => {
    if (!isActive(genotype, index)) return []
    const decision = decisions[index] as Decision
    if (decision.kind === 'real') return []
    return (allowed(genotype.slice(0, index)) ?? []).filter((option) => option !== genotype[index])
  }

  function mutate(genotype: Genotype, rng: Random): Genotype {
    for (const index of rng.shuffle(decisions.map((_, i) => i))) {
      const decision = decisions[index] as Decision
      let value: number
      if (decision.kind === 'real') {
        if (!isActive(genotype, index)) continue
        const u = toUnit(decision, genotype[index] as number)
        const moved = u + REAL_MUTATION_SD * rng.normal()
        // Reflect at the borders, so that a value on a border can still move.
        value = fromUnit(decision, Math.abs(moved) > 1 ? 2 - Math.abs(moved) : Math.abs(moved))
      } else {
        const others = alternatives(genotype, index)
        if (others.length === 0) continue
        value = rng.pick(others)
      }
      return complete([...genotype.slice(0, index), value], genotype, (prefix) => sampleAt(prefix, rng))
    }
    return genotype
  }

  function* neighbours(genotype: Genotype): Iterable<Genotype> {
    const first = (prefix: readonly number[]) => {
      const decision = decisions[prefix.length] as Decision
      return allowed(prefix)?.[0] ?? (decision.kind === 'real' ? fromUnit(decision, 0.5) : 0)
    }
    for (let index = 0; index < decisions.length; index++) {
      const decision = decisions[index] as Decision
      const values =
        decision.kind === 'real' && isActive(genotype, index)
          ? [-REAL_MUTATION_SD, REAL_MUTATION_SD]
              .map((step) =>
                fromUnit(decision, Math.min(1, Math.max(0, toUnit(decision, genotype[index] as number) + step))),
              )
              .filter((value) => value !== genotype[index])
          : alternatives(genotype, index)
      for (const value of values) yield complete([...genotype.slice(0, index), value], genotype, first)
    }
  }

  const refuseReal = () => {
    const decision = decisions.find((d) => d.kind === 'real')
    if (decision) throw error('ARCHLOOM_SPACE_NOT_ENUMERABLE', { space: name, decision: decision.name })
  }

  function* enumerate(prefix: number[] = []): Iterable<Genotype> {
    if (prefix.length === 0) refuseReal()
    if (prefix.length === decisions.length) return yield prefix
    for (const option of allowed(prefix) ?? []) yield* enumerate([...prefix, option])
  }

  /** Ways to choose the members of a group, branching only on what its rules and conditions depend on. */
  function countGroup(group: RuleGroup): bigint {
    let nodes = 0
    const count = (genotype: number[], position: number): bigint => {
      const index = group.members[position]
      if (!respected(group, genotype, index ?? decisions.length)) return 0n
      if (index === undefined) return 1n
      if (++nodes > 20 * SEARCH_LIMIT)
        throw error('ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', {
          space: name,
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
          : // Number('') is 0, which nobody wrote.
            candidate.split(',').map((text) => (text.trim() === '' ? Number.NaN : Number(text)))
    if (!Array.isArray(values) || values.length !== decisions.length)
      return refuse(
        '',
        candidate,
        `an array (or its string form) of ${decisions.length} numbers for space ${quote(name)}`,
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
      space: name,
      constraints: rules.map((rule) => rule.description),
    })

  let size: bigint | undefined
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([name, decisions, rules.map((rule) => rule.description)]))
    .digest('hex')
    .slice(0, 16)
  return {
    name,
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
      while (genotype.length < decisions.length) genotype.push(sampleAt(genotype, rng))
      return genotype
    },
    mutate,
    neighbours,
    enumerate,
    format,
    parse,
    ...(options.build && { build: options.build }),
    ...(options.supernet && { supernet: options.supernet }),
    ...(options.cost && { cost: options.cost }),
    ...(options.papers && { papers: options.papers }),
  }
}

/** The options of a choice decision as short text, for tables and messages. */
export const optionLabel = (decision: ChoiceDecision, index: number): string => {
  const option = decision.options[index]
  return typeof option === 'string' ? option : JSON.stringify(option)
}
