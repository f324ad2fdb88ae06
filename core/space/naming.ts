import { createHash } from 'node:crypto'

const asText = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 6)
    : String(value)

/**
 * A name that tells apart the spaces of one family: the family's name, then every option that is not the default, lists
 * by a short hash. Studies and the registry compare spaces by name and decisions, and options such as channels are no
 * decisions. Fit for file names.
 */
export function nameWithOptions<O extends object>(family: string, options: O, defaults: O): string {
  const changed = (Object.keys(options) as (keyof O & string)[])
    .filter((key) => options[key] !== undefined && JSON.stringify(options[key]) !== JSON.stringify(defaults[key]))
    .map((key) => `${key}=${asText(options[key])}`)
  return [family, ...changed.sort()].join('-')
}
