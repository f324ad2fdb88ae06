/**
 * Weights in the safetensors format: eight bytes of length, a JSON header, raw little-endian values. Names are paths in
 * the network's variable scope.
 */

import { platform } from '#tensor-platform'
import { messageOf, quote } from '../errors.ts'
import { optionError, optionNames } from '../options/index.ts'
import type { Network } from '../trainer.ts'
import { error } from './errors.ts'
import { float16ToNumber, numberToFloat16 } from './float16.ts'
import type { WeightRecord } from './scope.ts'

/** A variable scope, a supernet, or anything that saves and loads named weights. */
export interface WeightStore {
  save(): Promise<readonly WeightRecord[]>
  load(records: readonly WeightRecord[], options?: { partial?: boolean }): void
}
/** A network with a scope, such as every network that a space builds, or a store of weights. */
export type WithWeights = WeightStore | { readonly scope: WeightStore } | Network

function storeOf(given: WithWeights): WeightStore {
  if ('scope' in given) return given.scope
  if ('save' in given) return given
  throw error('ARCHLOOM_SAFETENSORS_SOURCE', { received: Object.keys(given) })
}

export interface SafetensorsOptions {
  /** Text kept in the file's header. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Bits of the values in the file: 'float16' halves it, and rounds to 11 significant bits. Default: 'float32'. */
  readonly precision?: 'float32' | 'float16'
}

export interface Safetensors {
  readonly weights: readonly WeightRecord[]
  readonly metadata: Readonly<Record<string, string>>
}

/** From here on, 16 bits round to infinity. */
const LARGEST_HALF = 65_520

const METADATA = '__metadata__'
/** The longest header that the format allows. */
const LONGEST_HEADER = 100_000_000

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const areSizes = (list: unknown): list is readonly number[] => Array.isArray(list) && list.every(isSize)
const isText = (value: unknown): value is string => typeof value === 'string' && !/\p{Surrogate}/u.test(value)
const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first entry that is not a string, quoted. */
function notText(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const found = Object.entries(metadata).find(([key, value]) => !isText(key) || !isText(value))
  return found && `metadata ${quote(found[0])} that is ${quote(found[1])}`
}

const encodeSafetensorsNames = optionNames<SafetensorsOptions>('encodeSafetensors', {
  metadata: true,
  precision: true,
})

/**
 * The bytes of a file with these weights, in 32-bit floats unless 16 are asked for. Errors: ARCHLOOM_OPTION;
 * ARCHLOOM_SAFETENSORS_TENSOR for names that occur twice, values that do not fill their shape or are not a
 * Float32Array, values beyond ±65,504 in 16 bits, and metadata whose values are not strings.
 */
export function encodeSafetensors(
  weights: readonly WeightRecord[],
  given: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const { metadata = {}, precision = 'float32' } = encodeSafetensorsNames(given)
  if (precision !== 'float32' && precision !== 'float16')
    throw optionError('encodeSafetensors', 'precision', precision, "'float32' or 'float16'")
  const half = precision === 'float16'
  const width = half ? 2 : 4
  const refuse = (tensor: string, received: string, expected: string) =>
    error('ARCHLOOM_SAFETENSORS_TENSOR', { tensor, received, expected })
  if (!isTable(metadata)) throw refuse(METADATA, `metadata ${quote(metadata)}`, 'an object of strings')
  const wrong = notText(metadata)
  if (wrong !== undefined) throw refuse(METADATA, wrong, 'texts throughout')
  const entries = new Map<string, unknown>()
  if (Object.keys(metadata).length > 0) entries.set(METADATA, metadata)
  let size = 0
  for (const { name, shape, data } of weights) {
    if (!isText(name) || name === METADATA || entries.has(name))
      throw refuse(String(name), 'an invalid name', `a unique string other than ${METADATA}`)
    if (!areSizes(shape)) throw refuse(name, `shape ${quote(shape)}`, 'a list of sizes')
    const count = shape.reduce((product, n) => product * n, 1)
    if (!(data instanceof Float32Array) || data.length !== count)
      throw refuse(
        name,
        `${(data as ArrayLike<number> | undefined)?.length} values for the shape [${shape}]`,
        `a Float32Array of ${count}`,
      )
    const beyond = half ? data.find((value) => Math.abs(value) >= LARGEST_HALF) : undefined
    if (beyond !== undefined) throw refuse(name, `the value ${beyond}`, 'values up to ±65,504 in 16 bits')
    entries.set(name, { dtype: half ? 'F16' : 'F32', shape, data_offsets: [size, size + width * count] })
    size += width * count
  }
  // fromEntries defines properties: "__proto__" is a name like any other.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  // Spaces at the end of the header align the values to eight bytes.
  const length = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + length + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, 8)
  bytes.fill(0x20, 8 + json.length, 8 + length)
  let at = 8 + length
  for (const { data } of weights) {
    const values = half ? Uint16Array.from(data, numberToFloat16) : data
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    at += values.byteLength
  }
  return bytes
}

const readers: Readonly<Record<string, { readonly size: number; read(view: DataView, at: number): number }>> = {
  F32: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  F16: { size: 2, read: (view, at) => float16ToNumber(view.getUint16(at, true)) },
  BF16: { size: 2, read: (view, at) => brain(view.getUint16(at, true)) },
  I64: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  U64: { size: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  I32: { size: 4, read: (view, at) => view.getInt32(at, true) },
  U32: { size: 4, read: (view, at) => view.getUint32(at, true) },
  I16: { size: 2, read: (view, at) => view.getInt16(at, true) },
  U16: { size: 2, read: (view, at) => view.getUint16(at, true) },
  I8: { size: 1, read: (view, at) => view.getInt8(at) },
  U8: { size: 1, read: (view, at) => view.getUint8(at) },
  BOOL: { size: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
}

const word = new DataView(new ArrayBuffer(4))
function brain(bits: number): number {
  word.setUint32(0, bits << 16)
  return word.getFloat32(0)
}

/**
 * The weights of a file's bytes, as 32-bit floats whatever the file's type: numbers that a 32-bit float cannot
 * represent are rounded. Errors: ARCHLOOM_SAFETENSORS_FILE for truncated files, files of another format, and files
 * whose tensors leave a gap or overlap; ARCHLOOM_SAFETENSORS_TENSOR for entries that contradict themselves.
 */
export function decodeSafetensors(bytes: Uint8Array, file = `${bytes.length} bytes`): Safetensors {
  const refuse = (reason: string, cause?: unknown) =>
    error('ARCHLOOM_SAFETENSORS_FILE', { file, reason }, cause === undefined ? undefined : { cause })
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, not even the length of its header`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > LONGEST_HEADER) throw refuse(`it states a header of ${length} bytes: it is of another format`)
  if (8 + length > bytes.length)
    throw refuse(`it ends after ${bytes.length} bytes, within its header of ${length}: it is truncated`)
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, 8 + length))
    header = JSON.parse(text)
  } catch (cause) {
    throw refuse(`its header is not JSON (${messageOf(cause)})`, cause)
  }
  if (!isTable(header) || !text.startsWith('{')) throw refuse('its header is not an object')
  const twice = repeatedKey(text)
  if (twice !== undefined) throw refuse(`its header names ${twice} twice`)
  const { [METADATA]: metadata = {}, ...rest } = header
  if (!isTable(metadata)) throw refuse(`its metadata is ${quote(metadata)}, expected an object of strings`)
  const wrong = notText(metadata)
  if (wrong !== undefined) throw refuse(`it has ${wrong}, expected strings only`)
  const start = 8 + length
  const entries = Object.entries(rest).map(([name, entry]) => checkedEntry(name, entry))
  checkLayout(entries, start, bytes.length, refuse)
  const weights = entries.map(({ name, shape, begin, end, reader: { size, read } }) => {
    const data = Float32Array.from({ length: (end - begin) / size }, (_, i) => read(view, start + begin + i * size))
    return { name, shape, data }
  })
  return { weights, metadata: metadata as Readonly<Record<string, string>> }
}

/**
 * A key that occurs twice in an object of the JSON text, as it is written there; JSON.parse would keep only the last
 * value.
 */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []
  let before = ''
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const key: string = JSON.parse(before)
      const keys = open.at(-1)
      if (keys?.has(key)) return before
      keys?.add(key)
    }
    before = token
  }
  return undefined
}

interface CheckedEntry {
  readonly name: string
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
  readonly reader: { readonly size: number; read(view: DataView, at: number): number }
}

function checkedEntry(tensor: string, entry: unknown): CheckedEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Entry>
  const reader = typeof dtype === 'string' && Object.hasOwn(readers, dtype) ? readers[dtype] : undefined
  const refuse = (received: string, expected: string) =>
    error('ARCHLOOM_SAFETENSORS_TENSOR', { tensor, received, expected })
  if (!reader) throw refuse(`dtype ${quote(dtype)}`, `one of ${Object.keys(readers).join(', ')}`)
  if (!areSizes(shape)) throw refuse(`shape ${quote(shape)}`, 'a list of sizes')
  if (!areSizes(offsets) || offsets.length !== 2) throw refuse(`offsets ${quote(offsets)}`, 'its start and end offsets')
  const [begin, end] = offsets as readonly [number, number]
  const size = shape.reduce((product, n) => product * n, reader.size)
  if (end - begin !== size) throw refuse(`${end - begin} bytes`, `${size} for ${dtype} of shape [${shape}]`)
  return { name: tensor, shape, begin, end, reader }
}

/** Checks that every byte after the header belongs to exactly one tensor. */
function checkLayout(
  entries: readonly CheckedEntry[],
  start: number,
  size: number,
  refuse: (reason: string) => Error,
): void {
  let at = 0
  const last = entries.reduce((max, { end }) => Math.max(max, end), 0)
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (start + end > size)
      throw refuse(`it ends after ${size} bytes, ${quote(name)} at ${start + end}: it is truncated`)
    if (begin > at) throw refuse(`${begin - at} bytes before ${quote(name)} belong to no tensor`)
    if (begin < at) throw refuse(`${quote(name)} begins at byte ${begin} of the values, within another tensor`)
    at = end
  }
  if (start + last < size) throw refuse(`${size - start - last} bytes after its last tensor belong to no tensor`)
}

const saveSafetensorsNames = optionNames<SafetensorsOptions>('saveSafetensors', {
  metadata: true,
  precision: true,
})

/**
 * Writes every variable of a network (or scope, or supernet), running statistics included. The file is written
 * completely or not at all. Error: ARCHLOOM_FILE_NOT_WRITABLE.
 */
export async function saveSafetensors(
  file: string,
  from: WithWeights,
  options: SafetensorsOptions = {},
): Promise<void> {
  saveSafetensorsNames(options)
  await platform.replaceFile(file, encodeSafetensors(await storeOf(from).save(), options))
}

/**
 * Reads the weights of a file. Errors: those of `decodeSafetensors`, and ARCHLOOM_SAFETENSORS_FILE if the file cannot
 * be read.
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
  let bytes: Uint8Array
  try {
    bytes = await platform.readFile(file)
  } catch (cause) {
    throw error('ARCHLOOM_SAFETENSORS_FILE', { file, reason: messageOf(cause) }, { cause })
  }
  return decodeSafetensors(bytes, file)
}

const loadSafetensorsNames = optionNames<{ readonly partial?: boolean }>('loadSafetensors', { partial: true })

/**
 * Sets every variable of a network from a file; names and shapes must agree (with `partial`, names that only one side
 * has are ignored). Errors: those of `readSafetensors`; ARCHLOOM_WEIGHTS_MISSING, ARCHLOOM_WEIGHTS_UNEXPECTED,
 * ARCHLOOM_WEIGHTS_SHAPE_MISMATCH. After an error nothing has changed.
 */
export async function loadSafetensors(
  file: string,
  into: WithWeights,
  options: { readonly partial?: boolean } = {},
): Promise<Safetensors['metadata']> {
  loadSafetensorsNames(options)
  const { weights, metadata } = await readSafetensors(file)
  storeOf(into).load(weights, options)
  return metadata
}
