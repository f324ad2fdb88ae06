import type { ArchloomError } from '../errors.ts'
import { error } from './errors.ts'
import type { Fields, Given, Group, Option, Place, Presence, Resolved } from './option.ts'
import { nearest } from './suggest.ts'

export interface Declaration<G, R = G> extends Group {
  /** Whose options they are: the name of a plugin or a function. */
  readonly where: string
  readonly doc?: string
  /** Checks the options and fills in the defaults. An undefined value counts as left out. Error: ARCHLOOM_OPTION. */
  read(given?: G): R
  /** Makes the error ARCHLOOM_OPTION for a value that conflicts with other options. */
  refuse(option: string, received: unknown, expected: string): ArchloomError
}
/** The type of the options that a declaration takes. */
export type OptionsOf<D> = D extends Declaration<infer G, unknown> ? G : never
/** The type of the options that a declaration reads. */
export type ReadOptionsOf<D> = D extends { read(given?: never): infer R } ? R : never

interface About {
  readonly doc?: string
  /** Old or customary names, each with its replacement, which may be inside a group: `controller.learningRate`. */
  readonly renamed?: Readonly<Record<string, string>>
}

const declared = new Map<string, Group & { readonly where: string; readonly doc?: string }>()
/** Every declaration made so far, by name. */
export const declaredOptions = (): ReadonlyMap<string, Group & { readonly where: string; readonly doc?: string }> =>
  declared

/**
 * Makes the error ARCHLOOM_OPTION for a value that no declaration checks: an argument, or a value that depends on
 * several options.
 */
export const optionError = (where: string, option: string, received: unknown, expected: string): ArchloomError =>
  error('ARCHLOOM_OPTION', { where, option, received, expected })

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`)

function readFields({ fields, renamed }: Group, received: unknown, { where, path }: Place): Record<string, unknown> {
  if (typeof received !== 'object' || received === null || Array.isArray(received))
    throw error('ARCHLOOM_OPTION', { where, option: path, received, expected: 'an object of options' })
  const given = received as Readonly<Record<string, unknown>>
  const names = Object.keys(fields)
  for (const name of Object.keys(given))
    if (!Object.hasOwn(fields, name)) {
      const expected = names.length === 0 ? 'no options' : `one of ${names.join(', ')}`
      const own = Object.hasOwn(renamed, name) ? renamed[name] : nearest(name, fields)
      const suggestion = own ?? nearest(name, declared.get(where)?.fields ?? {})
      throw error('ARCHLOOM_OPTION', {
        where,
        option: join(path, name),
        received: given[name],
        expected,
        suggestion: own === undefined ? suggestion : Object.hasOwn(renamed, name) ? own : join(path, own),
      })
    }
  const result: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(fields)) {
    const value = given[name]
    const at = { where, path: join(path, name) }
    if (value !== undefined) result[name] = option.read(value, at)
    else if (option.presence === 'default')
      result[name] = option.group ? option.read(option.default, at) : option.default
    else if (option.presence === 'required')
      throw error('ARCHLOOM_OPTION', { where, option: at.path, received: value, expected: option.expected })
  }
  return result
}

/**
 * An option that is itself an object of options. If it is left out and not optional, it consists of its own defaults.
 */
export function group<const F extends Fields>(
  fields: F,
  about: About & { readonly optional: true; readonly absent?: string },
): Option<Given<F>, Resolved<F>, 'optional'>
export function group<const F extends Fields>(fields: F, about?: About): Option<Given<F>, Resolved<F>, 'default'>
export function group<const F extends Fields>(
  fields: F,
  about: About & { readonly optional?: true; readonly absent?: string } = {},
): Option<Given<F>, Resolved<F>, Presence> {
  const { doc, renamed = {}, optional, absent } = about
  const within = { fields, renamed }
  return {
    expected: `an object with ${Object.keys(fields).join(', ')}`,
    ...(optional ? { presence: 'optional' } : { presence: 'default', default: {} }),
    ...(absent !== undefined && { absent }),
    ...(doc !== undefined && { doc }),
    group: within,
    read: (value, at) => readFields(within, value, at) as Resolved<F>,
  }
}

/**
 * Declares the options of a plugin, a search space or any other function, once: `read` checks what is given and fills in
 * the defaults, `OptionsOf` is the type, and `optionTable` the documentation.
 *
 *     const declared = options('halving', { factor: whole({ min: 2, default: 3, doc: 'Trials are divided by this.' }) })
 *     export const halving = (given: OptionsOf<typeof declared> = {}) => { const { factor } = declared.read(given) … }
 */
export function options<const F extends Fields>(
  where: string,
  fields: F,
  { doc, renamed = {} }: About = {},
): Declaration<Given<F>, Resolved<F>> {
  const declaration: Declaration<Given<F>, Resolved<F>> = {
    where,
    fields,
    renamed,
    ...(doc !== undefined && { doc }),
    read: (given = {} as Given<F>) => readFields(declaration, given, { where, path: '' }) as Resolved<F>,
    refuse: (option, received, expected) => optionError(where, option, received, expected),
  }
  declared.set(where, declaration)
  return declaration
}

type FieldsFor<I> = { readonly [K in keyof I]-?: Option<unknown, Exclude<I[K], undefined>> }

/** Like `options`, for options whose type is a separate interface, which may have type parameters. */
export const optionsFor =
  <I extends object>() =>
  <const F extends FieldsFor<I>>(
    where: string,
    fields: F & Readonly<Record<Exclude<keyof F, keyof I>, never>>,
    about: About = {},
  ) =>
    options(where, fields as unknown as Fields, about) as unknown as Declaration<I, I>
