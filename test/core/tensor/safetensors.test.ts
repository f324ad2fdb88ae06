import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  readSafetensors,
  type ScopedNetwork,
  saveSafetensors,
  useEngine,
} from '../../../core/tensor/index.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'

let directory: string
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-safetensors-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const build = (seed: number, filters: 4 | 8 = 4) =>
  toySpace().build(
    { layers: 2, filters, kernel: 3 },
    { input: [6, 6, 3], classes: 3, rng: seeded(seed) },
  ) as ScopedNetwork

/** A file as another program may write it. */
function file(header: unknown, values: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + values.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(values, 8 + json.length)
  return bytes
}

describe('safetensors', () => {
  it('carry a network from one process to another', async () => {
    const path = join(directory, 'new', 'weights.safetensors')
    using from = build(1)
    using to = build(2)
    await saveSafetensors(path, from, { metadata: { space: 'toy' } })
    expect(await loadSafetensors(path, to)).toEqual({ space: 'toy' })
    expect(await to.scope.save()).toEqual(await from.scope.save())
  })

  it('lie as the format says', async () => {
    const bytes = encodeSafetensors([{ name: 'a/b', shape: [2, 1], data: Float32Array.of(1, -2) }])
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(JSON.parse(new TextDecoder().decode(bytes.slice(8, 8 + length)))).toEqual({
      'a/b': { dtype: 'F32', shape: [2, 1], data_offsets: [0, 8] },
    })
    expect([...new Float32Array(bytes.slice(8 + length).buffer)]).toEqual([1, -2])
  })

  it('are read in any common type', () => {
    const values = new Uint8Array(30)
    const view = new DataView(values.buffer)
    view.setUint16(0, 0x3e00, true) // 1.5 in half precision
    view.setUint16(2, 0xbfc0, true) // −1.5 as brain float
    view.setFloat64(4, 0.25, true)
    view.setBigInt64(12, -7n, true)
    view.setInt32(20, 9, true)
    view.setInt16(24, -3, true)
    view.setInt8(26, -1)
    view.setUint8(27, 200)
    view.setUint16(28, 0x0001, true) // the least subnormal
    const at = (dtype: string, begin: number, end: number) => ({ dtype, shape: [], data_offsets: [begin, end] })
    const header = {
      ...{ a: at('F16', 0, 2), b: at('BF16', 2, 4), c: at('F64', 4, 12), d: at('I64', 12, 20), e: at('I32', 20, 24) },
      ...{ f: at('I16', 24, 26), g: at('I8', 26, 27), h: at('U8', 27, 28), i: at('F16', 28, 30) },
    }
    const { weights } = decodeSafetensors(file(header, values))
    expect(weights.map(({ data }) => data[0])).toEqual([1.5, -1.5, 0.25, -7, 9, -3, -1, 200, 2 ** -24])
  })

  it('refuse truncated and foreign files, saying where they end', async () => {
    const path = join(directory, 'whole.safetensors')
    using net = build(1)
    await saveSafetensors(path, net)
    const whole = readFileSync(path)
    for (const size of [0, 5, 20, whole.length - 4]) {
      const part = join(directory, 'part.safetensors')
      writeFileSync(part, whole.subarray(0, size))
      await expect(loadSafetensors(part, net), `${size} bytes`).rejects.toThrow('ARCHLOOM_SAFETENSORS_FILE')
    }
    expect(() => decodeSafetensors(new TextEncoder().encode('{"format":"layers-model"}'))).toThrow(/another format/)
    expect(() => decodeSafetensors(file('[1]'))).toThrow(/no object/)
    expect(() => decodeSafetensors(file('{"a":'))).toThrow(/no JSON/)
    await expect(readSafetensors(join(directory, 'absent'))).rejects.toThrow('ARCHLOOM_SAFETENSORS_FILE')
  })

  it.each([
    ['an unknown type', { dtype: 'F8', shape: [1], data_offsets: [0, 1] }],
    ['a shape that is none', { dtype: 'F32', shape: [-1], data_offsets: [0, 4] }],
    ['no offsets', { dtype: 'F32', shape: [1] }],
    ['fewer bytes than the shape', { dtype: 'F32', shape: [2], data_offsets: [0, 4] }],
  ])('refuse a tensor with %s', (_, entry) => {
    expect(() => decodeSafetensors(file({ a: entry }, new Uint8Array(8)))).toThrow('ARCHLOOM_SAFETENSORS_TENSOR')
  })

  it('need a network whose variables have names', async () => {
    const nameless = { trainable: [], state: [] } as never
    await expect(saveSafetensors(join(directory, 'none'), nameless)).rejects.toThrow('ARCHLOOM_SAFETENSORS_SOURCE')
  })

  it('change nothing where names or shapes do not agree', async () => {
    const path = join(directory, 'small.safetensors')
    using small = build(1, 4)
    using large = build(2, 8)
    await saveSafetensors(path, small)
    const before = await large.scope.save()
    await expect(loadSafetensors(path, large)).rejects.toThrow('ARCHLOOM_WEIGHTS_SHAPE_MISMATCH')
    expect(await large.scope.save()).toEqual(before)
    const weights = [{ name: 'other', shape: [1], data: Float32Array.of(1) }]
    writeFileSync(path, encodeSafetensors(weights))
    await expect(loadSafetensors(path, large)).rejects.toThrow('ARCHLOOM_WEIGHTS_MISSING')
    await loadSafetensors(path, large, { partial: true })
    expect(() => encodeSafetensors([...weights, ...weights])).toThrow('ARCHLOOM_SAFETENSORS_TENSOR')
  })
})
