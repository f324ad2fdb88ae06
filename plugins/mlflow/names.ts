/** MLflow's longest name of a metric, a parameter or a tag, in characters. */
const LONGEST_NAME = 250

/** A name that MLflow accepts: letters, digits, `_`, `-`, `.`, `:`, `/` and spaces, and no other name as a path. */
function accepted(name: string): string {
  const parts = name
    .replace(/[^\p{L}\p{N}_\-. :/]/gu, '_')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('.') ? `_${part}` : part))
  return parts.join('/').slice(0, LONGEST_NAME).replace(/\/$/, '') || '_'
}

/** Turns names into names that MLflow accepts. Different names stay different: the second one ends with `_2`. */
export function mlflowNames(): (name: string) => string {
  const given = new Map<string, string>()
  const taken = new Set<string>()
  return (name) => {
    const known = given.get(name)
    if (known !== undefined) return known
    const wanted = accepted(name)
    let free = wanted
    for (let i = 2; taken.has(free); i++) {
      const suffix = `_${i}`
      free = `${wanted.slice(0, LONGEST_NAME - suffix.length)}${suffix}`
    }
    given.set(name, free)
    taken.add(free)
    return free
  }
}

/** MLflow's longest values in characters; it cuts longer ones without an error. */
export const LONGEST = { param: 6000, tag: 8000 } as const

/** A text of at most `limit` characters, which ends with "…" where it was cut. */
export const cut = (text: string, limit: number): string =>
  text.length > limit ? `${text.slice(0, limit - 1)}…` : text

/** A number in the form of MLflow's REST interface. */
export const mlflowNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value))
