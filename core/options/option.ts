import { error } from './errors.ts'

/** Whether an option must be given, may be left out, or has a default when it is left out. */
export type Presence = 'required' | 'optional' | 'default'
/** Where a value was given: the plugin or function, and the option's path, such as `controller.learningRate`. */
export interface Place {
  readonly where: string
  readonly path: string
}
declare const given: unique symbol

/** One option: what may be given (G), and what it becomes when it is read (R). */
export interface Option<G, R = G, P extends Presence = Presence> {
  readonly [given]?: G
  /** The accepted values, in words: "a whole number of at least 1". */
  readonly expected: string
  readonly presence: P
  readonly default?: unknown
  /** What happens when the option is left out and has no fixed default, in words. */
  readonly absent?: string
  /** What the option means, in a sentence or two. */
  readonly doc?: string
  /** The options within, for an option that is itself an object of options. */
  readonly group?: Group
  /** The value as it will be used. Error: ARCHLOOM_OPTION. */
  read(value: unknown, at: Place): R
}

export type Fields = Readonly<Record<string, Option<unknown, unknown>>>
export interface Group {
  readonly fields: Fields
  /** Old or customary names, each with the name that replaces it. */
  readonly renamed: Readonly<Record<string, string>>
}

type Flat<T> = { [K in keyof T]: T[K] }
type With<F extends Fields, P extends Presence> = {
  [K in keyof F]: F[K] extends Option<unknown, unknown, P> ? K : never
}[keyof F]
type GivenOf<O> = O extends Option<infer G, unknown> ? G : never
type ReadOf<O> = O extends Option<unknown, infer R> ? R : never
/** The type of the object that is given for these fields. */
export type Given<F extends Fields> = Flat<
  { readonly [K in keyof F as K & With<F, 'required'>]: GivenOf<F[K]> } & {
    readonly [K in keyof F as K & With<F, 'optional' | 'default'>]?: GivenOf<F[K]>
  }
>
/** The type of the object that is read: defaults are filled in. */
export type Resolved<F extends Fields> = Flat<
  { readonly [K in keyof F as K & With<F, 'required' | 'default'>]: ReadOf<F[K]> } & {
    readonly [K in keyof F as K & With<F, 'optional'>]?: ReadOf<F[K]>
  }
>

/** Properties that every kind of option may have. */
export interface About<T> {
  readonly default?: T
  readonly absent?: string
  readonly doc?: string
}
type Made<T, S> = Option<T, T, S extends { readonly default: unknown } ? 'default' : 'optional'>

/** Makes an option from a predicate. The other kinds of options are built on it. */
function option<T, S extends About<T>>(expected: string, about: S, holds: (value: unknown) => boolean): Made<T, S> {
  const { default: fallback, absent, doc } = about
  return {
    expected,
    presence: (fallback === undefined ? 'optional' : 'default') as Made<T, S>['presence'],
    ...(fallback !== undefined && { default: fallback }),
    ...(absent !== undefined && { absent }),
    ...(doc !== undefined && { doc }),
    read(value, at) {
      if (!holds(value)) throw refused(value, at, expected)
      return value as T
    },
  }
}
const refused = (received: unknown, { where, path }: Place, expected: string) =>
  error('ARCHLOOM_OPTION', { where, option: path, received, expected })

export interface Bounds {
  readonly min?: number
  readonly max?: number
  /** Like `min` and `max`, but the limit itself is not accepted. */
  readonly above?: number
  readonly below?: number
  /** Infinity is accepted too. */
  readonly infinite?: boolean
}
function inWords(kind: string, { min, max, above, below, infinite }: Bounds): string {
  const low = min ?? above
  const high = max ?? below
  const range = () => {
    if (low !== undefined && high !== undefined)
      return above === undefined && below === undefined
        ? ` from ${low} to ${high}`
        : ` in ${above === undefined ? '[' : '('}${low}, ${high}${below === undefined ? ']' : ')'}`
    if (low !== undefined) return above === undefined ? ` of at least ${low}` : ` above ${low}`
    return high === undefined ? '' : below === undefined ? ` of at most ${high}` : ` below ${high}`
  }
  return `a ${kind}${range()}${infinite ? ', or Infinity' : ''}`
}
const within = (value: number, { min, max, above, below, infinite }: Bounds) =>
  (Number.isFinite(value) || (infinite === true && value === Number.POSITIVE_INFINITY)) &&
  !(value < (min ?? value) || value <= (above ?? Number.NEGATIVE_INFINITY)) &&
  !(infinite !== true && (value > (max ?? value) || value >= (below ?? Number.POSITIVE_INFINITY)))

/** A finite number within bounds. */
export const number = <const S extends About<number> & Bounds>(about: S = {} as S): Made<number, S> =>
  option(inWords('number', about), about, (value) => typeof value === 'number' && within(value, about))
/** A whole number within bounds. */
export const whole = <const S extends About<number> & Bounds>(about: S = {} as S): Made<number, S> =>
  option(
    inWords('whole number', about),
    about,
    (value) =>
      typeof value === 'number' && (Number.isInteger(value) || !Number.isFinite(value)) && within(value, about),
  )
export const flag = <const S extends About<boolean>>(about: S = {} as S): Made<boolean, S> =>
  option('true or false', about, (value) => typeof value === 'boolean')
/** A string that is not empty. */
export const text = <const S extends About<string>>(about: S = {} as S): Made<string, S> =>
  option('a non-empty string', about, (value) => typeof value === 'string' && value !== '')
/** One of the listed values. */
export const among = <const V extends readonly (string | number | boolean | null)[], const S extends About<V[number]>>(
  values: V,
  about: S = {} as S,
): Made<V[number], S> =>
  option(values.map((value) => JSON.stringify(value)).join(' or '), about, (value) =>
    values.includes(value as V[number]),
  )

type Opaque<T> = Omit<About<T>, 'default'> & { readonly holds?: (value: unknown) => boolean }
/** A value that is passed on unchanged, such as a tensor or a data set; `holds` may check it. */
export function value<T>(expected: string, about: Opaque<T> & { readonly default: T }): Option<T, T, 'default'>
export function value<T>(expected: string, about?: Opaque<T>): Option<T, T, 'optional'>
export function value<T>(expected: string, about: Opaque<T> & About<T> = {}): Option<T, T, 'default' | 'optional'> {
  return option(expected, about, about.holds ?? ((received) => received !== null)) as Option<T, T, 'optional'>
}
/** Whether a value is an object of any kind; for `value`. */
export const isObject = (received: unknown): boolean => typeof received === 'object' && received !== null
/** A function. */
export function callback<F>(about: Opaque<F> & { readonly default: F }): Option<F, F, 'default'>
export function callback<F>(about?: Opaque<F>): Option<F, F, 'optional'>
export function callback<F>(about: Opaque<F> & About<F> = {}): Option<F, F, 'default' | 'optional'> {
  return option('a function', about, (received) => typeof received === 'function') as Option<F, F, 'optional'>
}

/** `a number above 0` becomes `numbers above 0`; other expectations become `values, each true or false`. */
function inPlural(expected: string): string {
  const [start, words] = /^an? (.*?(?:string|number|function|object|array))\b/.exec(expected) ?? []
  return start === undefined ? `values, each ${expected}` : `${words}s${expected.slice(start.length)}`
}

/** An array of values of one kind. */
export function list<G, R, const S extends About<readonly R[]> & { readonly min?: number; readonly max?: number }>(
  item: Option<G, R>,
  about: S = {} as S,
): Option<readonly G[], readonly R[], Made<readonly R[], S>['presence']> {
  const { min = 0, max = Number.POSITIVE_INFINITY } = about
  const size = min === max ? `${min} ` : min > 0 ? `${min} or more ` : ''
  const words = `an array of ${size}${inPlural(item.expected)}`
  const base = option<readonly R[], S>(
    words,
    about,
    (received) => Array.isArray(received) && received.length >= min && received.length <= max,
  )
  return {
    ...base,
    read: (received: unknown, at: Place) =>
      base.read(received, at).map((each, i) => item.read(each, { ...at, path: `${at.path}[${i}]` })),
  } as unknown as Option<readonly G[], readonly R[], Made<readonly R[], S>['presence']>
}

/** A value of one of several kinds, such as `false` or an object. */
export function either<const O extends readonly Option<unknown, unknown>[], const S extends About<ReadOf<O[number]>>>(
  kinds: O,
  about: S = {} as S,
): Option<GivenOf<O[number]>, ReadOf<O[number]>, Made<unknown, S>['presence']> {
  const words = kinds.map(({ expected }) => expected).join(', or ')
  const group = kinds.find((kind) => kind.group)
  return {
    ...option(words, about, () => true),
    ...(group?.group && { group: group.group }),
    read(received, at) {
      for (const kind of kinds)
        try {
          // The first kind that accepts the value reads it.
          return kind.read(received, at) as ReadOf<O[number]>
        } catch (thrown) {
          // An object is meant as a group of options: its own error is the most useful one.
          if (kind === group && typeof received === 'object' && received !== null && kind === kinds.at(-1)) throw thrown
        }
      throw refused(received, at, words)
    },
  } as Option<GivenOf<O[number]>, ReadOf<O[number]>, Made<unknown, S>['presence']>
}

/** The same option, made required. */
export const required = <G, R>(optional: Option<G, R>): Option<G, R, 'required'> => ({
  ...optional,
  presence: 'required',
})
