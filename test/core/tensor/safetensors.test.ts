import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ArchloomError } from '../../../core/errors.ts'
import { seeded } from '../../../core/random.ts'
import { float16ToNumber, numberToFloat16 } from '../../../core/tensor/float16.ts'
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
      a: at('F16', 0, 2),
      b: at('BF16', 2, 4),
      c: at('F64', 4, 12),
      d: at('I64', 12, 20),
      e: at('I32', 20, 24),
      f: at('I16', 24, 26),
      g: at('I8', 26, 27),
      h: at('U8', 27, 28),
      i: at('F16', 28, 30),
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
    expect(() => decodeSafetensors(file('[1]'))).toThrow(/not an object/)
    expect(() => decodeSafetensors(file('{"a":'))).toThrow(/not JSON/)
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

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', '1', '', 'ä/"\\'])(
    'carry a tensor that is called %j',
    (name) => {
      const weights = [
        { name, shape: [2], data: Float32Array.of(1, 2) },
        { name: '0', shape: [], data: Float32Array.of(3) },
      ]
      const found = decodeSafetensors(encodeSafetensors(weights)).weights
      expect(new Map(found.map(({ name: each, data }) => [each, [...data]]))).toEqual(
        new Map([
          [name, [1, 2]],
          ['0', [3]],
        ]),
      )
    },
  )

  it.each([
    ['metadata that is a number', [], { step: 3 }],
    ['metadata that is absent', [], { step: undefined }],
    ['metadata that is a list', [], ['a']],
    ['metadata that is half a character', [], { a: '\ud800' }],
    ['the name of the metadata', [{ name: '__metadata__', shape: [], data: Float32Array.of(1) }], {}],
    ['half a character for a name', [{ name: '\ud800', shape: [], data: Float32Array.of(1) }], {}],
    ['a number for a name', [{ name: 1, shape: [], data: Float32Array.of(1) }], {}],
    ['two negative sizes', [{ name: 'a', shape: [-2, -1], data: Float32Array.of(1, 2) }], {}],
    ['doubles', [{ name: 'a', shape: [1], data: Float64Array.of(1) }], {}],
    ['whole numbers', [{ name: 'a', shape: [1], data: Int32Array.of(1) }], {}],
    ['a plain list', [{ name: 'a', shape: [1], data: [1] }], {}],
    ['no values', [{ name: 'a', shape: [1] }], {}],
  ])('are not written with %s', (_, weights, metadata) => {
    expect(() => encodeSafetensors(weights as never, { metadata: metadata as never })).toThrow(
      'ARCHLOOM_SAFETENSORS_TENSOR',
    )
  })

  const entry = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] })
  it.each([
    ['a gap', { a: entry(0, 2), b: entry(3, 8) }, /1 bytes before "b"/],
    ['a gap at the start', { a: entry(1, 8) }, /1 bytes before "a"/],
    ['an overlap', { a: entry(0, 5), b: entry(4, 8) }, /"b" begins at byte 4/],
    ['two tensors in one place', { a: entry(0, 8), b: entry(0, 8) }, /"b" begins at byte 0/],
    ['bytes behind the last', { a: entry(0, 7) }, /1 bytes after/],
    ['bytes and no tensor', {}, /8 bytes after/],
    ['metadata of numbers', { __metadata__: { step: 3 }, a: entry(0, 8) }, /metadata "step" that is 3/],
    ['a list for metadata', { __metadata__: ['a'], a: entry(0, 8) }, /object of strings/],
    ['spaces in front', ` ${JSON.stringify({ a: entry(0, 8) })}`, /not an object/],
    ['a byte order mark', `\ufeff${JSON.stringify({ a: entry(0, 8) })}`, /not JSON/],
    ['a name twice', `{"a":${JSON.stringify(entry(0, 8))},"\\u0061":${JSON.stringify(entry(0, 8))}}`, /twice/],
  ])('are refused with %s', (_, header, message) => {
    expect(() => decodeSafetensors(file(header, new Uint8Array(8)))).toThrow(/ARCHLOOM_SAFETENSORS_FILE/)
    expect(() => decodeSafetensors(file(header, new Uint8Array(8)))).toThrow(message)
  })

  it.each(['toString', 'f32', { toString: 1 }, 1, null])('name the type %j, which is none', (dtype) => {
    const header = { a: { dtype, shape: [8], data_offsets: [0, 8] } }
    expect(() => decodeSafetensors(file(header, new Uint8Array(8)))).toThrow(/ARCHLOOM_SAFETENSORS_TENSOR.*dtype/)
  })

  it('need no order: tensors may lie in another one than their names', () => {
    const header = { b: entry(5, 8), a: entry(0, 5), none: { dtype: 'F32', shape: [0, 3], data_offsets: [5, 5] } }
    const { weights } = decodeSafetensors(file(header, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)))
    expect(weights.map(({ name, data }) => [name, [...data]])).toEqual([
      ['b', [5, 6, 7]],
      ['a', [0, 1, 2, 3, 4]],
      ['none', []],
    ])
  })

  it('hold whole numbers without a sign, and flags', () => {
    const values = Uint8Array.of(255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 1, 0)
    const at = (dtype: string, begin: number, end: number) => ({ dtype, shape: [], data_offsets: [begin, end] })
    const header = { a: at('U32', 0, 4), b: at('U16', 4, 6), c: at('U64', 6, 14), d: at('BOOL', 14, 15) }
    const { weights } = decodeSafetensors(file(header, values))
    expect(weights.map(({ data }) => data[0])).toEqual([2 ** 32, 65535, 2 ** 56, 0])
  })

  const runs = process.env.ARCHLOOM_SLOW ? 10_000 : 200
  const timeout = 600_000

  it(
    'come back as they were written, whatever they are called',
    () => {
      const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
      const tensor = fc
        .tuple(fc.string({ unit: 'grapheme' }), shape)
        .chain(([name, sizes]) =>
          fc
            .float32Array({ minLength: sizes.reduce((a, b) => a * b, 1), maxLength: sizes.reduce((a, b) => a * b, 1) })
            .map((data) => ({ name, shape: sizes, data })),
        )
      const records = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 })
      const texts = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
      fc.assert(
        fc.property(records, texts, (weights, metadata) => {
          fc.pre(!weights.some(({ name }) => name === '__metadata__'))
          const read = decodeSafetensors(encodeSafetensors(weights, { metadata }))
          expect([...read.weights].sort(byName)).toEqual([...weights].sort(byName))
          expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort())
        }),
        { seed: 1, numRuns: runs },
      )
    },
    timeout,
  )

  it(
    'are read or refused with a code, however they are damaged',
    () => {
      const sound = encodeSafetensors(
        [
          { name: 'conv/kernel', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
          { name: 'conv/bias', shape: [2], data: Float32Array.of(5, 6) },
        ],
        { metadata: { space: 'toy' } },
      )
      const length = Number(new DataView(sound.buffer).getBigUint64(0, true))
      const text = new TextDecoder().decode(sound.slice(8, 8 + length))
      const place = fc.nat(sound.length - 1)
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.tuple(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 })).map(([changes]) => {
          const copy = sound.slice()
          for (const [at, value] of changes) copy[at] = value
          return copy
        }),
        place.map((size) => sound.slice(0, size)),
        // The header stays JSON: one of its values is another.
        fc.tuple(fc.nat(12), fc.jsonValue({ maxDepth: 2 })).map(([which, value]) => {
          let at = 0
          const changed = JSON.parse(text, (_, each) => (at++ === which ? value : each))
          return file(changed, sound.slice(8 + length))
        }),
        fc.jsonValue().map((value) => file(value, sound.slice(8 + length))),
        fc.string({ unit: 'binary' }).map((value) => file(value)),
      )
      let refused = 0
      fc.assert(
        fc.property(bytes, (input) => {
          try {
            decodeSafetensors(input)
          } catch (thrown) {
            if (!ArchloomError.is(thrown)) throw thrown
            refused++
          }
        }),
        { seed: 1, numRuns: runs },
      )
      expect(refused).toBeGreaterThan(runs / 2)
    },
    timeout,
  )
})

describe('16-bit floats', () => {
  it('come back exactly, each of the 63,488 that are finite, and others round to the nearest', () => {
    for (let bits = 0; bits < 65_536; bits++)
      if (((bits >> 10) & 31) !== 31) expect(numberToFloat16(float16ToNumber(bits))).toBe(bits)
    const near = (value: number) => float16ToNumber(numberToFloat16(value))
    // Half way between two neighbours: to the one whose last bit is 0.
    expect([near(2049), near(2051), near(65_519), near(65_520), near(-1e9)]).toEqual([2048, 2052, 65_504, Infinity, -Infinity]) // biome-ignore format: one line
    expect([near(2 ** -25), near(3 * 2 ** -25), near(2 ** -24)]).toEqual([0, 2 ** -23, 2 ** -24])
    expect(near(Number.NaN)).toBeNaN()
    for (let i = 1; i < 500; i++) expect(Math.abs(near(1 / i) * i - 1)).toBeLessThanOrEqual(2 ** -11)
  })

  it('halve a file', () => {
    const weights = [{ name: 'w', shape: [2, 3], data: Float32Array.of(1, -2.5, 0, 1e-3, 6e4, 0.1) }]
    const bytes = encodeSafetensors(weights, { precision: 'float16' })
    expect(encodeSafetensors(weights).length - bytes.length).toBe(12)
    const [back] = decodeSafetensors(bytes).weights
    back!.data.forEach((value, i) => {
      expect(Math.abs(value - weights[0]!.data[i]!)).toBeLessThanOrEqual(2 ** -11 * Math.abs(value))
    })
    const large = [{ name: 'w', shape: [1], data: Float32Array.of(70_000) }]
    expect(() => encodeSafetensors(large, { precision: 'float16' })).toThrow(
      /ARCHLOOM_SAFETENSORS_TENSOR.*70000.*65,504/,
    )
    expect(() => encodeSafetensors(weights, { precision: 'float8' as 'float16' })).toThrow(/ARCHLOOM_OPTION.*float8/)
  })
})
