import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorDocument, place } from './error-codes.ts'

const listed = (...patterns: string[]) => filesOf('.ts', patterns)
const filesOf = (ending: string, patterns: readonly string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...patterns], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith(ending))
const read = (file: string) => readFileSync(file, 'utf8')
const sources = listed('core', 'search-spaces', 'evaluators', 'plugins')
const tests = listed('test')
  .filter((file) => file !== 'test/errors.test.ts')
  .map(read)
  .join('\n')

/** Codes are the keys of defineErrors tables: `  ARCHLOOM_X: (d…`. */
const defined = sources.flatMap((file) =>
  [...read(file).matchAll(/^\s+(ARCHLOOM_[A-Z0-9_]+): \(/gm)].map(([, code]) => ({ code: code as string, file })),
)

// As a text, as a property of the environment, or taken out of it by name.
const used = /(?<=['".])ARCHLOOM_[A-Z0-9_]+\b|(?<=[{,] )ARCHLOOM_[A-Z0-9_]+(?=: [a-z])/g
const named = new Set([...sources, ...listed('test')].flatMap((file) => read(file).match(used) ?? []))
const codes = new Set(defined.map(({ code }) => code))
/** A list may shorten a code after the first to its ending: `ARCHLOOM_A_B`, `_C` stands for ARCHLOOM_A_C. */
const isKnown = (name: string, latest: string): boolean => {
  if (!name.startsWith('_')) return codes.has(name) || named.has(name)
  const words = latest.split('_')
  return words.some((_, count) => count > 1 && codes.has(words.slice(0, count).join('_') + name))
}

describe('error codes', () => {
  it('have whole sentences as messages on the page', () => {
    const rows = errorDocument()
      .split('\n')
      .filter((line) => line.startsWith('| `ARCHLOOM'))
    expect(rows.length).toBeGreaterThan(300)
    expect(rows.filter((row) => !/[.?›…] \|$/.test(row) || row.includes('undefined'))).toEqual([])
  })

  it('are defined once', () => {
    expect(defined.length).toBeGreaterThan(50)
    const seen = new Map<string, string>()
    for (const { code, file } of defined) {
      expect(seen.get(code), `${code} in ${file}`).toBeUndefined()
      seen.set(code, file)
    }
  })

  it('are each thrown or provoked by a test that names them', () => {
    expect(
      defined
        .filter(({ code }) => !new RegExp(`${code}\\b(?!_)`).test(tests))
        .map(({ code, file }) => `${code} (${file})`),
    ).toEqual([])
  })

  it('are all used', () => {
    const all = sources.map(read).join('\n')
    const unused = defined.filter(({ code }) => [...all.matchAll(new RegExp(`\\b${code}\\b`, 'g'))].length < 2)
    expect(unused.map(({ code }) => code)).toEqual([])
  })

  it('stand in the document of error codes', () => {
    expect(read(place), 'run `npm run errors`').toBe(errorDocument())
  })

  it('that a page names exist, or are environment variables or warnings of the sources', () => {
    const pages = filesOf('.md', ['*.md']).filter((file) => file !== 'CHANGELOG.md')
    const missing = pages.flatMap((page) => {
      let latest = ''
      return [...read(page).matchAll(/\bARCHLOOM(_[A-Z0-9]+)+\b|(?<=`)(_[A-Z0-9]+)+(?=`)/g)].flatMap(([name]) => {
        if (name.startsWith('ARCHLOOM')) latest = name
        return isKnown(name, latest) ? [] : [`${page}: ${name}`]
      })
    })
    expect(missing).toEqual([])
  })
})
