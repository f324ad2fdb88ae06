import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorDocument, place } from './error-codes.ts'

const listed = (...patterns: string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...patterns], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts'))
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

describe('error codes', () => {
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
})
