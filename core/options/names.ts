import { error } from './errors.ts'
import { nearest } from './suggest.ts'

type NamesOf<O> = O extends unknown ? keyof O : never

/**
 * Checks only the names of options, for a function that is called often or checks the values itself. The returned
 * function returns its argument, or throws ARCHLOOM_OPTION for a name that is not listed and suggests the most similar
 * one. The type requires that every option is listed.
 *
 *     const checked = optionNames<PoolOptions>('maxPool', { kernel: true, stride: true, padding: true })
 *     export function maxPool(options: PoolOptions): Layer { const { kernel } = checked(options) … }
 */
export function optionNames<O extends object>(
  where: string,
  names: { readonly [K in NamesOf<O>]-?: true },
): <G extends object>(given: G) => G {
  const known = names as Readonly<Record<string, true>>
  return (given) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw error('ARCHLOOM_OPTION', { where, option: '', received: given, expected: 'an object of options' })
    for (const name of Object.keys(given))
      if (!Object.hasOwn(known, name))
        throw error('ARCHLOOM_OPTION', {
          where,
          option: name,
          received: given[name as keyof typeof given],
          expected: `one of ${Object.keys(known).join(', ')}`,
          suggestion: nearest(name, known),
        })
    return given
  }
}

/** Picks the named options that are present, to pass them on to a function that refuses other names. */
export function pickOptions<O extends object, const K extends keyof O>(options: O, names: readonly K[]): Pick<O, K> {
  const given = names.filter((name) => options[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, options[name]])) as Pick<O, K>
}
