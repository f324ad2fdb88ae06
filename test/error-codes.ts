/** core/ERRORS.md: every code with its message, read off the tables.   npm run errors */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

export const place = 'core/ERRORS.md'

const files = () =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', '*errors.ts'], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => /^(core|search-spaces|evaluators|plugins)\//.test(file))
    .sort()

/** What stands for a filled-in expression. */
function placeholder(expression: string): string {
  const counted = /^d\.(\w+)\.length$/.exec(expression)?.[1]
  if (counted) return `‹number of ${counted}›`
  const [, yes, no] = /\? '([^']+)' : '([^']+)'$/.exec(expression) ?? []
  if (yes) return `‹${yes} or ${no}›`
  return `‹${/\bd\.(\w+)/.exec(expression)?.[1] ?? /\w+/.exec(expression)?.[0] ?? '…'}›`
}

/** The text of the literal that begins at `from`, with ‹name› for what is filled in, and where it ends. */
function literalAt(source: string, from: number): { readonly text: string; readonly end: number } {
  const quote = source[from]
  let text = ''
  let i = from + 1
  for (; i < source.length && source[i] !== quote; i++) {
    if (source[i] === '\\') {
      i++
      text += source[i] === 'n' ? ' ' : source[i]
    } else if (quote === '`' && source.startsWith('${', i)) {
      const start = i
      for (let depth = 0; ; i++) {
        if (source[i] === '{') depth++
        if (source[i] === '}' && --depth === 0) break
      }
      text += placeholder(source.slice(start + 2, i))
    } else text += source[i]
  }
  return { text, end: i + 1 }
}

/** The message that a function of the table returns: literals joined by +, or the first template in anything else. */
function messageIn(source: string): string {
  const arrow = /=>\s*/.exec(source)
  const begins = arrow ? arrow.index + arrow[0].length : 0
  const isLiteral = (at: number) => /['"`]/.test(source[at] ?? '')
  let { text, end } = literalAt(source, isLiteral(begins) ? begins : source.indexOf('`'))
  for (;;) {
    const joined = /^\s*\+\s*/.exec(source.slice(end))
    if (!joined) return text
    const next = end + joined[0].length
    if (!isLiteral(next)) return `${text}‹…›`
    const following = literalAt(source, next)
    text += following.text
    end = following.end
  }
}

export function errorDocument(): string {
  const parts = files().flatMap((file) => {
    const source = readFileSync(file, 'utf8')
    const room = /defineErrors\('([^']+)'/.exec(source)?.[1]
    if (room === undefined) return []
    const starts = [...source.matchAll(/^\s+(ARCHLOOM_[A-Z0-9_]+): \(/gm)]
    const rows = starts.map((found, i) => {
      const body = source.slice(found.index, starts[i + 1]?.index ?? source.length)
      return `| \`${found[1]}\` | ${messageIn(body).replaceAll('|', '\\|').replaceAll('\n', ' ')} |`
    })
    return [`## ${file.replace('/errors.ts', '')}\n\n| code | message |\n| --- | --- |\n${rows.join('\n')}\n`]
  })
  const opening =
    '# Error codes\n\nEvery message says what was received (‹…› is filled in), what was expected and what to do. Written by `npm run errors`.\n'
  return [opening, ...parts].join('\n')
}

if (process.argv[1]?.endsWith('error-codes.ts')) writeFileSync(place, errorDocument())
