import type { WeightRecord } from '../../core/tensor/index.ts'

/** Where the values of one tensor lie, counted from the end of the header. */
interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/**
 * The file format safetensors: length of the header (8 bytes, little-endian), the header as JSON, the values one after
 * the other. Float32 only. Any reader of that format opens it.
 */
export function encodeSafetensors(
  weights: readonly WeightRecord[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let end = 0
  for (const { name, shape, data } of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + 4 * data.length] }
    end += 4 * data.length
  }
  const text = JSON.stringify(header)
  // Values begin at a multiple of eight bytes; the format allows spaces for that.
  const head = new TextEncoder().encode(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)))
  const file = new Uint8Array(8 + head.length + end)
  const view = new DataView(file.buffer)
  view.setBigUint64(0, BigInt(head.length), true)
  file.set(head, 8)
  let at = 8 + head.length
  for (const { data } of weights)
    for (const value of data) {
      view.setFloat32(at, value, true)
      at += 4
    }
  return file
}

/** The tensors of a file; throws a plain Error that says what is wrong with it. */
export function decodeSafetensors(file: Uint8Array): WeightRecord[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 8) throw new Error(`it has ${file.length} bytes, fewer than the 8 of its first field`)
  const length = Number(view.getBigUint64(0, true))
  const start = 8 + length
  if (start > file.length) throw new Error(`its header should have ${length} bytes, the file has ${file.length} in all`)
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Record<string, Entry>
  return Object.entries(header).flatMap(([name, entry]) => {
    if (name === '__metadata__') return []
    const { dtype, shape, data_offsets: offsets } = entry
    if (dtype !== 'F32') throw new Error(`tensor ${name} is ${dtype}, not F32`)
    const size = shape.reduce((a, b) => a * b, 1)
    const [from = 0, to = 0] = offsets
    if (to - from !== 4 * size || start + to > file.length)
      throw new Error(`tensor ${name} of ${size} values has ${Math.min(to, file.length - start) - from} bytes`)
    const data = Float32Array.from({ length: size }, (_, i) => view.getFloat32(start + from + 4 * i, true))
    return [{ name, shape, data }]
  })
}
