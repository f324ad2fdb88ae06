import { hashOf } from './hash.ts'

const asText = (value: unknown): string =>
  typeof value === 'object' && value !== null ? hashOf(JSON.stringify(value), 6) : String(value)

const LONGEST = 80
/** Device names on Windows. No file may have one of these names, whatever its extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/**
 * The name of a space as part of a file name: letters and digits of ASCII and `. _ = , + @ -`, not beginning with a
 * dot, at most 80 characters. A name that satisfies this already is kept. If letters or digits were lost, a short hash
 * of the label distinguishes such names.
 */
export function fileNameOf(label: string): string {
  const isFit = /^[A-Za-z0-9_][A-Za-z0-9._=,+@-]*$/.test(label) && !label.endsWith('.') && label.length <= LONGEST
  if (isFit && !RESERVED.test(label)) return label
  // Removes accents from letters: "é" becomes "e" and a combining accent.
  const plain = label.normalize('NFKD').replace(/\p{Mark}/gu, '')
  const safe = plain.replace(/[^A-Za-z0-9._=,+@-]+/g, '-').replace(/^[^A-Za-z0-9_]+|[^A-Za-z0-9_]+$/g, '')
  const isWhole = !/[\p{Letter}\p{Number}]/u.test(plain.replace(/[A-Za-z0-9]/g, ''))
  if (isWhole && safe !== '' && safe.length <= LONGEST && !RESERVED.test(safe)) return safe
  const hash = hashOf(label, 6)
  return [RESERVED.test(safe) || safe === '' ? 'space' : '', safe.slice(0, LONGEST - 13), hash]
    .filter(Boolean)
    .join('-')
}

/**
 * A name that distinguishes the spaces of one family: the name of the family, then every option that is not the
 * default (lists by a short hash). Studies and the registry compare spaces by name and decisions, and options such as
 * channels are not decisions. `defineSpace` makes the name usable as a file name.
 */
export function nameWithOptions<O extends object>(family: string, options: O, defaults: O): string {
  const changed = (Object.keys(options) as (keyof O & string)[])
    .filter((key) => options[key] !== undefined && JSON.stringify(options[key]) !== JSON.stringify(defaults[key]))
    .map((key) => `${key}=${asText(options[key])}`)
  return [family, ...changed.sort()].join('-')
}
