import { quote } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { Decision, Json } from './decision.ts'
import { error } from './errors.ts'

declare const architecture: unique symbol

/** Whether a decision is active, given the decisions before it. */
export type Active = (genotype: readonly number[]) => boolean

/** A condition on some decisions of a space, by their indices. */
export interface Rule {
  readonly scope: readonly number[]
  readonly description: string
  /** False only if no completion of the first `chosen` values can satisfy the rule. */
  readonly possible: (genotype: readonly number[], chosen: number) => boolean
}

/** Collects the decisions of combinators while a space is being defined. */
export interface Compilation {
  readonly decisions: Decision[]
  readonly active: (Active | undefined)[]
  readonly rules: Rule[]
  /** Decisions on which the activity of others depends. */
  readonly switches: Set<number>
}

/** Translation between a part of the genotype and a part of the architecture. */
export interface Codec {
  decode(genotype: readonly number[]): unknown
  /** Writes into `genotype`; throws ARCHLOOM_ARCHITECTURE_INVALID with the path. */
  encode(value: unknown, genotype: number[]): void
  /** Number of distinct values of this part; undefined if it contains real decisions. */
  readonly size: bigint | undefined
  /** The decoded value may be null. */
  readonly nullable?: boolean
}

/** A part of a search space whose values have type A. */
export interface SpaceNode<A> {
  readonly [architecture]?: A
  readonly kind: 'choice' | 'real' | 'product' | 'repeat' | 'variant' | 'when' | 'subset'
  compile(path: string, active: Active | undefined, into: Compilation): Codec
}

/** The architecture's type of a node or space. */
export type Infer<S> = S extends { readonly [architecture]?: infer A }
  ? Exclude<A, undefined>
  : S extends { decode(genotype: never): infer A }
    ? A
    : never

type Nodes = Readonly<Record<string, SpaceNode<unknown>>>
type InferNodes<N extends Nodes> = { readonly [K in keyof N]: Infer<N[K]> }
type Flatten<T> = { readonly [K in keyof T]: T[K] }

const join = (path: string, key: string | number) => (path === '' ? String(key) : `${path}.${key}`)
const invalid = (path: string, received: unknown, expected: string) =>
  error('ARCHLOOM_ARCHITECTURE_INVALID', { path, received, expected })

/** Compiles a part that a user passed in, after checking that it is a part. */
export function compiled(node: SpaceNode<unknown>, path: string, active: Active | undefined, into: Compilation): Codec {
  if (typeof (node as Partial<typeof node> | null | undefined)?.compile !== 'function')
    throw error('ARCHLOOM_SPACE_PART', {
      path,
      received: node,
      expected: 'what oneOf(), integer(), product() or another combinator returns',
    })
  return node.compile(path, active, into)
}

/** Whether a value is the same after it was written as JSON and read again. */
const isPlain = (value: unknown): boolean => {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null)
    return value === null || typeof value === 'string' || typeof value === 'boolean'
  if (Array.isArray(value)) return Array.from(value).every(isPlain)
  const kind: unknown = Object.getPrototypeOf(value)
  return (kind === null || Object.getPrototypeOf(kind) === null) && Object.values(value).every(isPlain)
}

function checkOptions(path: string, combinator: string, options: readonly Json[]) {
  if (options.length === 0) throw error('ARCHLOOM_SPACE_EMPTY_CHOICE', { path, combinator })
  const seen = new Set<string>()
  for (const option of options) {
    const key = isPlain(option) ? JSON.stringify(option) : undefined
    if (key === undefined)
      throw error('ARCHLOOM_SPACE_PART', {
        path: combinator,
        received: option,
        expected: 'options that are plain JSON',
      })
    if (seen.has(key)) throw error('ARCHLOOM_SPACE_DUPLICATE_OPTION', { path, option })
    seen.add(key)
  }
}

/** Index of the option that equals a number up to rounding (0.1 · 3 for 0.3), in an ascending list of numbers. */
function nearest(options: readonly Json[], value: unknown): number | undefined {
  const first = options[0]
  if (typeof value !== 'number' || typeof first !== 'number' || options.length < 2) return undefined
  const step = (options[1] as number) - first
  const index = Math.round((value - first) / step)
  return Math.abs(value - (options[index] as number)) <= 1e-9 * step ? index : undefined
}

/** Long lists of numbers are described by their ends. */
function expectedOf(options: readonly Json[], ordered: boolean): string {
  const [first, second, last] = [options[0], options[1], options.at(-1)]
  if (!ordered || options.length <= 12) return `one of ${quote(options, 200)}`
  return `one of the ${options.length} numbers ${first}, ${second}, … ${last}`
}

function choice<A>(
  options: readonly Json[],
  ordered: boolean,
  combinator: string,
  scale: 'linear' | 'log' = 'linear',
): SpaceNode<A> {
  checkOptions('', combinator, options)
  const indexOf = new Map(options.map((option, index) => [JSON.stringify(option), index]))
  return {
    kind: 'choice',
    compile(path, active, into) {
      const at = into.decisions.length
      const name = path || 'choice'
      into.decisions.push({ kind: 'choice', name, options, ordered, ...(scale === 'log' && { scale }) })
      into.active.push(active)
      return {
        size: BigInt(options.length),
        nullable: options.includes(null),
        decode: (genotype) => options[genotype[at] as number],
        encode(value, genotype) {
          const index = indexOf.get(JSON.stringify(value)) ?? (ordered ? nearest(options, value) : undefined)
          if (index === undefined) throw invalid(path, value, expectedOf(options, ordered))
          genotype[at] = index
        },
      }
    },
  }
}

/** One of the listed options; the architecture holds the option itself. */
export const oneOf = <const T extends readonly Json[]>(...options: T): SpaceNode<T[number]> =>
  choice(options, false, 'oneOf()')

/** How the values of a number are spaced and drawn. */
export interface NumberOptions {
  /** Distance between neighbouring values, counted from `min`. Default: 1 for integers, none for reals. */
  readonly step?: number
  /** `'log'` draws the logarithm uniformly; `min` must be positive. Default 'linear'. */
  readonly scale?: 'linear' | 'log'
}

const VALUES_LIMIT = 65_536

const numberNames = {
  'integer()': optionNames<NumberOptions>('integer', { step: true, scale: true }),
  'real()': optionNames<NumberOptions>('real', { step: true, scale: true }),
}

function checkNumberOptions(
  combinator: keyof typeof numberNames,
  given: NumberOptions,
): { step?: number; scale: 'linear' | 'log' } {
  const refuse = (expected: string) => error('ARCHLOOM_SPACE_RANGE', { path: combinator, received: given, expected })
  if (typeof given !== 'object' || given === null) throw refuse('options such as { step: 2 } or { scale: "log" }')
  numberNames[combinator](given)
  const { step, scale = 'linear' } = given
  if (scale !== 'linear' && scale !== 'log') throw refuse('scale "linear" or "log"')
  return { ...(step !== undefined && { step }), scale }
}

/** Digits after the decimal point in the shortest notation of a number. */
function decimalsOf(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).toLowerCase().split('e')
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent))
}

/**
 * The values min, min + step, … up to max, each rounded to the decimal number that a person would write; undefined if
 * there are too many.
 */
function gridOf(min: number, max: number, step: number): readonly number[] | undefined {
  // (0.3 − 0) / 0.1 is 2.9999999999999996.
  const count = Math.floor((max - min) / step + 1e-9) + 1
  if (!(count >= 1 && count <= VALUES_LIMIT)) return undefined
  const decimals = Math.max(decimalsOf(min), decimalsOf(step))
  return Array.from({ length: count }, (_, i) => {
    const value = min + i * step
    // toFixed accepts at most 100 digits; for smaller steps nothing needs to be rounded.
    return decimals === 0 || decimals > 100 ? value : Number(value.toFixed(decimals))
  })
}

/** An integer from min to max inclusive, in steps. On a log scale every octave is equally likely. */
export function integer(min: number, max: number, given: NumberOptions = {}): SpaceNode<number> {
  const { step = 1, scale } = checkNumberOptions('integer()', given)
  const whole = Number.isSafeInteger(min) && Number.isSafeInteger(max) && Number.isInteger(step) && step > 0
  const values = whole ? gridOf(min, max, step) : undefined
  if (values === undefined || (scale === 'log' && min <= 0))
    throw error('ARCHLOOM_SPACE_RANGE', {
      path: 'integer()',
      received: { min, max, step, ...(scale === 'log' && { scale }) },
      expected: 'integers min ≤ max with a positive step, at most 65,536 values, and min > 0 on a log scale',
    })
  return choice(values, true, 'integer()', scale)
}

/**
 * A real number in [min, max]; `scale: 'log'` draws its logarithm uniformly (min must be positive). With a `step` the
 * values are min, min + step, … exactly as one would write them (0.3, not 0.30000000000000004), at most 65,536 of them.
 */
export function real(min: number, max: number, given: NumberOptions = {}): SpaceNode<number> {
  const { step, scale } = checkNumberOptions('real()', given)
  const range = Number.isFinite(min) && Number.isFinite(max) && min < max && (scale === 'linear' || min > 0)
  if (!range || !Number.isFinite(max - min))
    throw error('ARCHLOOM_SPACE_RANGE', {
      path: 'real()',
      received: { min, max, ...given },
      expected: 'finite min < max, and min > 0 on a log scale',
    })
  if (step !== undefined) {
    const values = Number.isFinite(step) && step > 0 ? gridOf(min, max, step) : undefined
    if (values === undefined || new Set(values).size < values.length)
      throw error('ARCHLOOM_SPACE_RANGE', {
        path: 'real()',
        received: { min, max, ...given },
        expected: 'a positive step that gives at most 65,536 different values; leave step out for a continuous range',
      })
    return choice(values, true, 'real()', scale)
  }
  return {
    kind: 'real',
    compile(path, active, into) {
      const at = into.decisions.length
      into.decisions.push({ kind: 'real', name: path || 'value', min, max, scale })
      into.active.push(active)
      return {
        size: undefined,
        decode: (genotype) => genotype[at],
        encode(value, genotype) {
          if (!(typeof value === 'number' && value >= min && value <= max))
            throw invalid(path, value, `a number in [${min}, ${max}]`)
          genotype[at] = value
        },
      }
    },
  }
}

const multiply = (sizes: readonly (bigint | undefined)[]) =>
  sizes.reduce(
    (product, size) => (product === undefined || size === undefined ? undefined : product * size),
    1n as bigint | undefined,
  )

/** @param label a key of the architecture that names the variant, beside those of the parts */
function compileProduct(
  nodes: Nodes,
  path: string,
  active: Active | undefined,
  into: Compilation,
  label?: string,
): Codec {
  const parts = Object.entries(nodes).map(([key, node]) => ({
    key,
    codec: compiled(node, join(path, key), active, into),
  }))
  return {
    size: multiply(parts.map(({ codec }) => codec.size)),
    decode: (genotype) => Object.fromEntries(parts.map(({ key, codec }) => [key, codec.decode(genotype)])),
    encode(value, genotype) {
      if (typeof value !== 'object' || value === null)
        throw invalid(path, value, `an object with ${quote(Object.keys(nodes))}`)
      const record = value as Record<string, unknown>
      const unknown = Object.keys(record).filter((name) => !Object.hasOwn(nodes, name) && name !== label)
      for (const { key, codec } of parts) {
        if (!(key in record)) {
          const expected = unknown.length === 0 ? 'a value' : `a value, and nothing named ${quote(unknown, 200)}`
          throw invalid(join(path, key), undefined, expected)
        }
        codec.encode(record[key], genotype)
      }
      // It would be lost: the architecture that runs does not have it.
      const [first] = unknown
      if (first !== undefined)
        throw invalid(join(path, first), record[first], `nothing, but only ${quote(Object.keys(nodes), 200)}`)
    },
  }
}

export interface ProductNode<N extends Nodes> extends SpaceNode<InferNodes<N>> {
  readonly nodes: N
}

/** A combination of parts: an object with a value for every key. */
export const product = <const N extends Nodes>(nodes: N): ProductNode<N> => ({
  kind: 'product',
  nodes,
  compile: (path, active, into) => compileProduct(nodes, path, active, into),
})

type Tuple<T, N extends number, R extends readonly T[] = []> = number extends N
  ? readonly T[]
  : R['length'] extends N
    ? R
    : Tuple<T, N, readonly [...R, T]>

const repeatNames = optionNames<{ readonly min: number; readonly max: number }>('repeat', { min: true, max: true })

/** The same part n times (a tuple), or min to max times (an array). The part may depend on its index. */
export function repeat<const N extends number, A>(
  count: N,
  node: (index: number) => SpaceNode<A>,
): SpaceNode<Tuple<A, N>>
export function repeat<A>(
  count: { readonly min: number; readonly max: number },
  node: (index: number) => SpaceNode<A>,
): SpaceNode<readonly A[]>
export function repeat(
  count: number | { readonly min: number; readonly max: number },
  node: (index: number) => SpaceNode<unknown>,
): SpaceNode<never> {
  const { min, max } = typeof count === 'number' ? { min: count, max: count } : repeatNames(count)
  if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 0 && max >= min && max >= 1))
    throw error('ARCHLOOM_SPACE_RANGE', {
      path: 'repeat()',
      received: count,
      expected: 'integers 0 ≤ min ≤ max, max ≥ 1',
    })
  return {
    kind: 'repeat',
    compile(path, active, into) {
      const lengthAt = into.decisions.length
      const varies = max > min
      if (varies) {
        const options = Array.from({ length: max - min + 1 }, (_, i) => min + i)
        into.decisions.push({ kind: 'choice', name: join(path, 'length'), options, ordered: true })
        into.active.push(active)
        into.switches.add(lengthAt)
      }
      const lengthOf = (genotype: readonly number[]) => (varies ? min + genotype[lengthAt]! : max)
      const items = Array.from({ length: max }, (_, index) => {
        const itemActive: Active | undefined =
          varies && index >= min ? (g) => (active?.(g) ?? true) && index < lengthOf(g) : active
        return compiled(node(index), join(path, index), itemActive, into)
      })
      let size: bigint | undefined = 0n
      for (let length = min; length <= max; length++) {
        const product = multiply(items.slice(0, length).map((item) => item.size))
        size = size === undefined || product === undefined ? undefined : size + product
      }
      return {
        size,
        decode: (genotype) => items.slice(0, lengthOf(genotype)).map((item) => item.decode(genotype)),
        encode(value, genotype) {
          if (!Array.isArray(value) || value.length < min || value.length > max)
            throw invalid(path, value, min === max ? `an array of ${max}` : `an array of ${min} to ${max}`)
          if (varies) genotype[lengthAt] = value.length - min
          // Places without an item count as undefined.
          for (let index = 0; index < value.length; index++) items[index]!.encode(value[index], genotype)
        },
      }
    },
  }
}

type Variants = Readonly<Record<string, ProductNode<Nodes>>>
type InferVariants<V extends Variants> = { [K in keyof V]: Flatten<{ readonly type: K } & Infer<V[K]>> }[keyof V]

/** One of several kinds, each with parts of its own: a union discriminated by `type`. */
export function variant<const V extends Variants>(variants: V): SpaceNode<InferVariants<V>> {
  const names = Object.keys(variants)
  if (names.length === 0) throw error('ARCHLOOM_SPACE_EMPTY_CHOICE', { path: '', combinator: 'variant()' })
  for (const [name, node] of Object.entries(variants))
    if ('type' in node.nodes)
      throw error('ARCHLOOM_SPACE_DUPLICATE_NAME', {
        name: 'type',
        where: `variant ${quote(name)}, whose "type" names the variant`,
      })
  return {
    kind: 'variant',
    compile(path, active, into) {
      const at = into.decisions.length
      into.decisions.push({ kind: 'choice', name: join(path, 'type'), options: names, ordered: false })
      into.active.push(active)
      into.switches.add(at)
      const codecs = names.map((name, index) =>
        compileProduct(
          (variants[name] as ProductNode<Nodes>).nodes,
          join(path, name),
          (g) => (active?.(g) ?? true) && g[at] === index,
          into,
          'type',
        ),
      )
      const sizes = codecs.map((codec) => codec.size)
      return {
        size: sizes.includes(undefined) ? undefined : (sizes as bigint[]).reduce((a, b) => a + b, 0n),
        decode: (genotype) => {
          const index = genotype[at] as number
          return { type: names[index], ...(codecs[index]?.decode(genotype) as object) }
        },
        encode(value, genotype) {
          const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined
          const index = names.indexOf(type as string)
          if (index < 0) throw invalid(join(path, 'type'), type, `one of ${quote(names)}`)
          genotype[at] = index
          codecs[index]?.encode(value, genotype)
        },
      }
    },
  }
}

/** Whether a condition is one choice among true and false. */
const isFlag = ({ kind }: SpaceNode<unknown>, options: readonly Json[]) =>
  kind === 'choice' && options.every((option) => typeof option === 'boolean')

/** A part that exists only when the condition is chosen: its value (which must not itself be null), or null. */
export const when = <A>(condition: SpaceNode<boolean>, then: () => SpaceNode<A>): SpaceNode<A | null> => ({
  kind: 'when',
  compile(path, active, into) {
    const at = into.decisions.length
    const switchCodec = compiled(condition, join(path, 'when'), active, into)
    into.switches.add(at)
    const isOn = (g: readonly number[]) => switchCodec.decode(g) === true
    const codec = compiled(then(), path, (g) => (active?.(g) ?? true) && isOn(g), into)
    if (codec.nullable) throw error('ARCHLOOM_SPACE_NULL_AMBIGUOUS', { path })
    const decision = into.decisions[at]
    const values = decision?.kind === 'choice' ? decision.options : []
    if (!isFlag(condition, values))
      throw error('ARCHLOOM_SPACE_PART', {
        path: join(path, 'when'),
        received: decision?.kind === 'choice' ? values : condition,
        expected:
          'a condition of true and false, such as oneOf(true, false): with other values the part would never be there',
      })
    const off = values.includes(false) ? 1n : 0n
    const on = values.includes(true) ? 1n : 0n
    return {
      size: codec.size === undefined ? undefined : on * codec.size + off,
      nullable: true,
      decode: (genotype) => (isOn(genotype) ? codec.decode(genotype) : null),
      encode(value, genotype) {
        switchCodec.encode(value !== null, genotype)
        if (value !== null) codec.encode(value, genotype)
      },
    }
  },
})

const subsetNames = optionNames<{ min?: number; max?: number }>('subset', { min: true, max: true })

/** Some of the options, in their listed order: at least `min`, at most `max` of them. */
export function subset<const T extends readonly Json[]>(
  options: T,
  given: { min?: number; max?: number } = {},
): SpaceNode<readonly T[number][]> {
  const { min = 0, max = options.length } = subsetNames(given)
  checkOptions('', 'subset()', options)
  if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 0 && max >= min && max <= options.length))
    throw error('ARCHLOOM_SPACE_RANGE', {
      path: 'subset()',
      received: { min, max },
      expected: `integers 0 ≤ min ≤ max ≤ ${options.length}`,
    })
  return {
    kind: 'subset',
    compile(path, active, into) {
      const first = into.decisions.length
      for (const option of options) {
        into.decisions.push({
          kind: 'choice',
          name: join(path, typeof option === 'string' ? option : JSON.stringify(option)),
          options: [false, true],
          ordered: true,
        })
        into.active.push(active)
      }
      if (min > 0 || max < options.length)
        into.rules.push({
          scope: options.map((_, i) => first + i),
          description: `${path || 'subset'} holds ${min} to ${max} options`,
          possible(genotype, decided) {
            if (decided <= first || active?.(genotype) === false) return true
            let chosen = 0
            for (let i = first; i < Math.min(decided, first + options.length); i++) chosen += genotype[i] as number
            const open = Math.max(0, first + options.length - decided)
            return chosen <= max && chosen + open >= min
          },
        })
      let size = 0n
      let combinations = 1n
      for (let k = 0; k <= max; k++) {
        if (k >= min) size += combinations
        combinations = (combinations * BigInt(options.length - k)) / BigInt(k + 1)
      }
      return {
        size,
        decode: (genotype) => options.filter((_, i) => genotype[first + i] === 1),
        encode(value, genotype) {
          if (!Array.isArray(value) || value.length < min || value.length > max)
            throw invalid(path, value, `an array of ${min} to ${max} options`)
          const keys = new Set(value.map((item) => JSON.stringify(item)))
          options.forEach((option, i) => {
            genotype[first + i] = keys.delete(JSON.stringify(option)) ? 1 : 0
          })
          if (keys.size > 0) throw invalid(path, [...keys], `options among ${quote(options)}`)
        },
      }
    },
  }
}
