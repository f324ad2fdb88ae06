/**
 * Weights in the safetensors format: eight bytes of length, a JSON header, raw little-endian values. Names are paths in
 * the network's variable scope.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, quote } from '../errors.ts'
import type { Network } from '../trainer.ts'
import { error } from './errors.ts'
import type { WeightRecord } from './scope.ts'

/** A variable scope, a supernet, or anything that saves and loads named weights. */
export interface WeightStore {
  save(): Promise<readonly WeightRecord[]>
  load(records: readonly WeightRecord[], options?: { partial?: boolean }): void
}
/** A network with a scope, as all are that spaces build; or a store of weights itself. */
export type WithWeights = WeightStore | { readonly scope: WeightStore } | Network

function storeOf(given: WithWeights): WeightStore {
  if ('scope' in given) return given.scope
  if ('save' in given) return given
  throw error('ARCHLOOM_SAFETENSORS_SOURCE', { received: Object.keys(given) })
}

export interface SafetensorsOptions {
  /** Text kept in the file's header. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface Safetensors {
  readonly weights: readonly WeightRecord[]
  readonly metadata: Readonly<Record<string, string>>
}

const METADATA = '__metadata__'
/** Headers of real files are far smaller: a longer one is another format's first bytes. */
const LONGEST_HEADER = 100_000_000

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** The bytes of a file with these weights, in 32-bit floats. */
export function encodeSafetensors(
  weights: readonly WeightRecord[],
  { metadata = {} }: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {}
  let size = 0
  for (const { name, shape, data } of weights) {
    const count = shape.reduce((product, n) => product * n, 1)
    if (name in header || name === METADATA || data.length !== count)
      throw error('ARCHLOOM_SAFETENSORS_TENSOR', {
        ...{ tensor: name, received: `${data.length} values of shape [${shape}]` },
        expected: 'a name used once, and as many values as the shape has',
      })
    header[name] = { dtype: 'F32', shape, data_offsets: [size, size + 4 * count] }
    size += 4 * count
  }
  const text = JSON.stringify(header)
  // Spaces at the end keep the values aligned to eight bytes.
  const json = new TextEncoder().encode(text + ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8))
  const bytes = new Uint8Array(8 + json.length + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  let at = 8 + json.length
  for (const { data } of weights) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

const readers: Readonly<Record<string, { readonly size: number; read(view: DataView, at: number): number }>> = {
  F32: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  F16: { size: 2, read: (view, at) => half(view.getUint16(at, true)) },
  BF16: { size: 2, read: (view, at) => brain(view.getUint16(at, true)) },
  I64: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  I32: { size: 4, read: (view, at) => view.getInt32(at, true) },
  I16: { size: 2, read: (view, at) => view.getInt16(at, true) },
  I8: { size: 1, read: (view, at) => view.getInt8(at) },
  U8: { size: 1, read: (view, at) => view.getUint8(at) },
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

const word = new DataView(new ArrayBuffer(4))
function brain(bits: number): number {
  word.setUint32(0, bits << 16)
  return word.getFloat32(0)
}

/**
 * The weights of a file's bytes, as 32-bit floats whatever the file's type.
 * Errors: ARCHLOOM_SAFETENSORS_FILE for truncated and foreign files, ARCHLOOM_SAFETENSORS_TENSOR for entries that
 * contradict themselves.
 */
export function decodeSafetensors(bytes: Uint8Array, file = `${bytes.length} bytes`): Safetensors {
  const refuse = (reason: string) => error('ARCHLOOM_SAFETENSORS_FILE', { file, reason })
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, not even the length of its header`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > LONGEST_HEADER) throw refuse(`it states a header of ${length} bytes: it is of another format`)
  if (8 + length > bytes.length)
    throw refuse(`it ends after ${bytes.length} bytes, within its header of ${length}: it is truncated`)
  let header: Record<string, Entry>
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)))
  } catch (cause) {
    throw error('ARCHLOOM_SAFETENSORS_FILE', { file, reason: `its header is no JSON (${messageOf(cause)})` }, { cause })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw refuse('its header is no object')
  const start = 8 + length
  const { [METADATA]: metadata = {}, ...entries } = header as Record<string, unknown>
  const weights = Object.entries(entries).map(([name, entry]) => {
    const { shape, begin, end, reader } = checkedEntry(name, entry)
    if (start + end > bytes.length)
      throw refuse(`it ends after ${bytes.length} bytes, ${quote(name)} at ${start + end}: it is truncated`)
    const count = (end - begin) / reader.size
    const data = Float32Array.from({ length: count }, (_, i) => reader.read(view, start + begin + i * reader.size))
    return { name, shape, data }
  })
  return { weights, metadata: metadata as Readonly<Record<string, string>> }
}

function checkedEntry(tensor: string, entry: unknown) {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Entry>
  const reader = readers[String(dtype)]
  const refuse = (received: string, expected: string) =>
    error('ARCHLOOM_SAFETENSORS_TENSOR', { tensor, received, expected })
  if (!reader) throw refuse(`dtype ${quote(dtype)}`, `one of ${Object.keys(readers).join(', ')}`)
  const wholes = (list: unknown): list is readonly number[] =>
    Array.isArray(list) && list.every((n) => Number.isInteger(n) && n >= 0)
  if (!wholes(shape)) throw refuse(`shape ${quote(shape)}`, 'a list of sizes')
  if (!wholes(offsets) || offsets.length !== 2) throw refuse(`offsets ${quote(offsets)}`, 'where it begins and ends')
  const [begin, end] = offsets as readonly [number, number]
  const size = shape.reduce((product, n) => product * n, reader.size)
  if (end - begin !== size) throw refuse(`${end - begin} bytes`, `${size} for ${dtype} of shape [${shape}]`)
  return { shape, begin, end, reader }
}

/** Writes every variable of a network (or scope, or supernet), running statistics too; whole or not at all. */
export async function saveSafetensors(
  file: string,
  from: WithWeights,
  options: SafetensorsOptions = {},
): Promise<void> {
  const bytes = encodeSafetensors(await storeOf(from).save(), options)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.part`, bytes)
  await rename(`${file}.part`, file)
}

/** The weights of a file. Errors: as `decodeSafetensors`, and ARCHLOOM_SAFETENSORS_FILE where there is none. */
export async function readSafetensors(file: string): Promise<Safetensors> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw error('ARCHLOOM_SAFETENSORS_FILE', { file, reason: messageOf(cause) }, { cause })
  }
  return decodeSafetensors(bytes, file)
}

/**
 * Sets every variable of a network from a file; names and shapes must agree (`partial`: names of one side only are
 * ignored). Errors: as `readSafetensors`; ARCHLOOM_WEIGHTS_MISSING, ARCHLOOM_WEIGHTS_UNEXPECTED,
 * ARCHLOOM_WEIGHTS_SHAPE_MISMATCH of the scope. Nothing is changed then.
 */
export async function loadSafetensors(
  file: string,
  into: WithWeights,
  options: { readonly partial?: boolean } = {},
): Promise<Safetensors['metadata']> {
  const { weights, metadata } = await readSafetensors(file)
  storeOf(into).load(weights, options)
  return metadata
}
