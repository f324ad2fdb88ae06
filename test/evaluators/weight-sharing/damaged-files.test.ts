import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArchloomError } from 'archloom'
import { readCheckpoint, writeCheckpoint } from 'archloom/evaluators/weight-sharing'
import { decodeSafetensors, encodeSafetensors } from 'archloom/tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Many more in the nightly script. */
const inputs = process.env.ARCHLOOM_SLOW ? 10_000 : 300
const limits = { timeout: process.env.ARCHLOOM_SLOW ? 3_600_000 : 120_000 }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-damaged-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const identity = { method: 'm', space: 's', spaceName: 'n', settings: '{"a":1}' }
const tensors = [
  { name: 'a/kernel', shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) },
  { name: 'a/bias', shape: [3], data: Float32Array.from([7, 8, 9]) },
  { name: 'empty', shape: [0], data: new Float32Array() },
]

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const hostile = [
  ...['null', 'true', '0', '-1', '0.5', '1e308', '1e999', '4294967295', '9007199254740993', '""', '"__proto__"'],
  ...['[]', '{}', '[null]', '{"__proto__":{"polluted":1}}', '[[0,1]]', '"F32"', '"toString"', '[-4,8]', '[1e9,1e9]'],
  ...[deep(50), deep(20_000), '{"length":1e9}'],
]
const values = fc.array(fc.tuple(fc.nat(300), fc.nat(hostile.length)), { minLength: 1, maxLength: 3 })
const bytes = fc.array(fc.tuple(fc.constantFrom('flip', 'cut', 'insert', 'double'), fc.nat(), fc.nat(255)), {
  minLength: 1,
  maxLength: 4,
})

type Path = readonly string[]
function pathsOf(value: unknown, path: Path = [], into: Path[] = []): Path[] {
  into.push(path)
  if (typeof value === 'object' && value !== null)
    for (const key of Object.keys(value)) pathsOf((value as Record<string, unknown>)[key], [...path, key], into)
  return into
}
const HOLE = '\u0001hole\u0001'

/** A JSON text with values replaced or left out. */
function spoilt(text: string, changes: readonly (readonly [number, number])[]): string {
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

function withBytes(whole: Buffer, changes: readonly (readonly [string, number, number])[]): Buffer {
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

/** Reads; an error without a code is not caught. Undefined where it was refused. */
function coded<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (!ArchloomError.is(thrown)) throw thrown
    return undefined
  } finally {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  }
}
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

describe('damaged files of weights: every error has a code, and what is read is whole', limits, () => {
  const written = () => {
    const file = writeCheckpoint(folder, identity, {
      weights: tensors,
      optimizer: { steps: 3, tensors: tensors.slice(0, 1) },
      state: { place: 3, rng: [1, 2] },
    })
    return { file, whole: readFileSync(file) }
  }
  const readBack = () => {
    const found = coded(() => readCheckpoint(folder, identity))
    for (const { name, shape, data } of [...(found?.weights ?? []), ...(found?.optimizer.tensors ?? [])]) {
      expect(typeof name).toBe('string')
      expect(sizeOf(shape)).toBe(data.length)
    }
  }

  it('a checkpoint with other values in its header', () => {
    const { file, whole } = written()
    const length = whole.readUInt32LE(8)
    const header = whole.toString('utf8', 12, 12 + length)
    fc.assert(
      fc.property(values, (changes) => {
        const text = Buffer.from(spoilt(header, changes))
        const front = Buffer.from(whole.subarray(0, 12))
        front.writeUInt32LE(text.length, 8)
        writeFileSync(file, Buffer.concat([front, text, whole.subarray(12 + length)]))
        readBack()
      }),
      { numRuns: inputs },
    )
  })

  it('a checkpoint with other bytes', () => {
    const { file, whole } = written()
    fc.assert(
      fc.property(bytes, (changes) => {
        writeFileSync(file, withBytes(whole, changes))
        readBack()
      }),
      { numRuns: inputs },
    )
  })

  it('a checkpoint that is a folder: ARCHLOOM_CHECKPOINT_CORRUPT', () => {
    const other = join(folder, 'other')
    mkdirSync(join(other, 'checkpoint.bin'), { recursive: true })
    expect(() => readCheckpoint(other, identity)).toThrow('ARCHLOOM_CHECKPOINT_CORRUPT')
  })

  const safetensors = Buffer.from(encodeSafetensors(tensors))
  const decoded = (content: Buffer) => {
    for (const { shape, data } of coded(() => decodeSafetensors(content))?.weights ?? [])
      expect(sizeOf(shape)).toBe(data.length)
  }

  it('safetensors with other values in the header', () => {
    const length = Number(safetensors.readBigUInt64LE(0))
    const header = safetensors.toString('utf8', 8, 8 + length)
    fc.assert(
      fc.property(values, (changes) => {
        const text = Buffer.from(spoilt(header, changes))
        const front = Buffer.alloc(8)
        front.writeBigUInt64LE(BigInt(text.length))
        decoded(Buffer.concat([front, text, safetensors.subarray(8 + length)]))
      }),
      { numRuns: inputs },
    )
  })

  it('safetensors with other bytes', () => {
    fc.assert(
      fc.property(bytes, (changes) => decoded(withBytes(safetensors, changes))),
      { numRuns: inputs },
    )
  })
})
