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

/** What stands between backticks, with ‹name› for what is filled in; nested templates are left out. */
function messageIn(source: string): string {
  let text = ''
  for (let i = source.indexOf('`') + 1; i < source.length && source[i] !== '`'; i++) {
    if (source[i] === '\\') text += source[++i]
    else if (source.startsWith('${', i)) {
      const start = i
      for (let depth = 0; ; i++) {
        if (source[i] === '{') depth++
        if (source[i] === '}' && --depth === 0) break
      }
      const expression = source.slice(start + 2, i)
      text += `‹${/\bd\.(\w+)/.exec(expression)?.[1] ?? /\w+/.exec(expression)?.[0] ?? '…'}›`
    } else text += source[i]
  }
  return text
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
