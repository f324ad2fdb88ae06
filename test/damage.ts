/** Damage to files for tests of what reads them: values of JSON replaced by hostile ones, bytes changed. */
import { ArchloomError } from 'archloom'
import fc from 'fast-check'
import { expect } from 'vitest'

/** Many more in the nightly script. */
export const inputs = process.env.ARCHLOOM_SLOW ? 10_000 : 300
export const limits = { timeout: process.env.ARCHLOOM_SLOW ? 3_600_000 : 120_000 }

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const hostile = [
  ...['null', 'true', '0', '-1', '0.5', '1e308', '1e999', '4294967295', '9007199254740993', '""', '"__proto__"'],
  ...['[]', '{}', '[null]', '{"__proto__":{"polluted":1}}', '[[0,1]]', '"F32"', '"toString"', '[-4,8]', '[1e9,1e9]'],
  ...[deep(50), deep(20_000), '{"length":1e9}'],
]
/** Places in a JSON text, and what to put there. */
export const values = fc.array(fc.tuple(fc.nat(300), fc.nat(hostile.length)), { minLength: 1, maxLength: 3 })
/** Places in a file, and what to do there. */
export const bytes = fc.array(fc.tuple(fc.constantFrom('flip', 'cut', 'insert', 'double'), fc.nat(), fc.nat(255)), {
  minLength: 1,
  maxLength: 4,
})

type Path = readonly string[]
function pathsOf(value: unknown, path: Path = [], into: Path[] = []): Path[] {
  into.push(path)
  // A value that is nested very deeply already is damage enough.
  if (typeof value === 'object' && value !== null && path.length < 100)
    for (const key of Object.keys(value)) pathsOf((value as Record<string, unknown>)[key], [...path, key], into)
  return into
}
const HOLE = '\u0001hole\u0001'

/** A JSON text with values replaced or left out. */
export function spoilt(text: string, changes: readonly (readonly [number, number])[]): string {
  for (const [at, how] of changes) {
    try {
      const whole = { root: JSON.parse(text) as unknown }
      const paths = pathsOf(whole.root).map((path) => ['root', ...path])
      const path = paths[at % paths.length]!
      const parent = path.slice(0, -1).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], whole)
      const key = path.at(-1)!
      if (how === hostile.length && path.length > 1) delete (parent as Record<string, unknown>)[key]
      else (parent as Record<string, unknown>)[key] = HOLE
      text = JSON.stringify(whole.root).replace(JSON.stringify(HOLE), () => hostile[how] ?? 'null')
    } catch {
      // Too deep by now.
    }
  }
  return text
}

/** A file with bytes changed, left out or repeated. */
export function withBytes(whole: Buffer, changes: readonly (readonly [string, number, number])[]): Buffer {
  let result = Buffer.from(whole)
  for (const [how, where, value] of changes) {
    const at = where % Math.max(1, result.length)
    if (how === 'flip') result[at] = value
    if (how === 'cut') result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1 + (value >> 2))])
    if (how === 'insert') result = Buffer.concat([result.subarray(0, at), Buffer.from([value]), result.subarray(at)])
    if (how === 'double') result = Buffer.concat([result.subarray(0, at + value), result.subarray(at)])
  }
  return result
}

/** Calls `read`; an error without a code is passed on. Undefined if it was refused. */
export function coded<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (!ArchloomError.is(thrown)) throw thrown
    return undefined
  } finally {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  }
}

/** The same for a function that returns a promise. */
export const codedLater = <T>(read: () => Promise<T>): Promise<T | undefined> =>
  read().catch((thrown: unknown) => {
    if (!ArchloomError.is(thrown)) throw thrown
    return undefined
  })
