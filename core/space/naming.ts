/**
 * A name that tells apart spaces of one family: the family's name, then every option that is not the default.
 * Studies and the registry compare spaces by name and decisions, and options such as channels are not decisions.
 */
export function nameWithOptions<O extends object>(family: string, options: O, defaults: O): string {
  const text = (value: unknown) => JSON.stringify(value)?.replaceAll('"', '') ?? ''
  const changed = (Object.keys(options) as (keyof O & string)[]).filter(
    (key) => options[key] !== undefined && text(options[key]) !== text(defaults[key]),
  )
  return changed.length === 0 ? family : `${family}(${changed.map((key) => `${key}=${text(options[key])}`).join(', ')})`
}
