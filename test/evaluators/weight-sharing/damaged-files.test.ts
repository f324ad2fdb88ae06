import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCheckpoint, writeCheckpoint } from 'archloom/evaluators/weight-sharing'
import { decodeSafetensors, encodeSafetensors } from 'archloom/tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytes, coded, inputs, limits, spoilt, values, withBytes } from '../../damage.ts'

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
