/** Every public function that takes options: what the contract of options walks. */
import { readdirSync, readFileSync } from 'node:fs'

/** The entries of the package, those with `*` opened up. */
export function doors(): readonly string[] {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> }
  const names = Object.entries(exports).flatMap(([entry, target]) => {
    // Other people's functions, re-exported as they are.
    if (typeof target === 'string' || entry === './tf' || entry === './rxjs') return []
    const name = entry.replace('.', 'archloom')
    if (!entry.endsWith('/*')) return [name]
    const folder = entry.slice(2, -2)
    return readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isDirectory() && readdirSync(`${folder}/${each.name}`).includes('index.ts'))
      .map((each) => name.replace('*', each.name))
  })
  // An entry that has a version for browsers is named beside the pattern that covers it.
  return [...new Set(names)]
}

/** The text of a function's parameters. */
function parametersOf(made: (...given: never[]) => unknown): string {
  const text = made.toString()
  if (/^(async\s+)?\w+\s*=>/.test(text)) return text.slice(0, text.indexOf('=>'))
  const start = text.indexOf('(')
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if ('({['.includes(text[i]!)) depth++
    if (')}]'.includes(text[i]!) && --depth === 0) return text.slice(start, i + 1)
  }
  return text
}

/**
 * Names of an entry's functions that take an object of options: a parameter is called `options` or `given` (bundlers add
 * a digit), or is taken apart with defaults.
 */
export const factoriesOf = (entry: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(entry)
    .filter(([, made]) => typeof made === 'function' && !/^class\b/.test(made.toString()))
    .filter(([, made]) => /\b(options|given)\d*\b|\{[^}]*=/.test(parametersOf(made as () => unknown)))
    .map(([name]) => name)
    .sort()
