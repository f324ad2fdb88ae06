/** ONNX files, read: the fields of onnx.proto that describe a graph of tensors. All others are refused by name. */
import { messageOf, quote } from '../../core/errors.ts'
import { float16ToNumber } from '../../core/tensor/index.ts'
import { error } from './errors.ts'

export type FileAttribute = number | string | readonly number[] | FileTensor

export interface FileNode {
  /** Its own, or that of its first output. */
  readonly name: string
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, FileAttribute>
}

export interface FileTensor {
  readonly dims: readonly number[]
  readonly kind: 'float' | 'whole'
  readonly values: Float32Array | Float64Array
}

export interface FileValue {
  readonly name: string
  /** null where a size is open; undefined where the file does not say. */
  readonly dims?: readonly (number | null)[]
  readonly type: number
}

export interface OnnxFile {
  readonly opset: number
  readonly nodes: readonly FileNode[]
  readonly constants: ReadonlyMap<string, FileTensor>
  /** Without those that constants fill. */
  readonly inputs: readonly FileValue[]
  readonly outputs: readonly FileValue[]
  /** What the program that wrote it adds, by name. */
  readonly properties: ReadonlyMap<string, string>
}

type Field = { readonly field: number } & (
  | { readonly bytes: Uint8Array }
  | { readonly number: bigint }
  | { readonly fixed: DataView }
)

/** Fields of one message, in their order. Throws a RangeError at bytes that are no message. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('it ends within a number')
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asIntN(64, value)
    }
    throw new RangeError('it holds a number of more than ten bytes')
  }
  const take = (length: number) => {
    if (length < 0 || at + length > bytes.length) throw new RangeError('it ends within a field')
    at += length
    return bytes.subarray(at - length, at)
  }
  const view = (part: Uint8Array) => new DataView(part.buffer, part.byteOffset, part.byteLength)
  while (at < bytes.length) {
    const tag = Number(varint())
    const [field, wire] = [Math.floor(tag / 8), tag & 7]
    if (wire === 0) yield { field, number: varint() }
    else if (wire === 1) yield { field, fixed: view(take(8)) }
    else if (wire === 2) yield { field, bytes: take(Number(varint())) }
    else if (wire === 5) yield { field, fixed: view(take(4)) }
    else throw new RangeError(`it holds a field of wire type ${wire}`)
  }
}

const decoder = new TextDecoder()
const textOf = (field: Field): string => decoder.decode('bytes' in field ? field.bytes : new Uint8Array())
const bytesOf = (field: Field): Uint8Array => ('bytes' in field ? field.bytes : new Uint8Array())
const numberOf = (field: Field): number => ('number' in field ? Number(field.number) : 0)
/** A repeated number: one, or packed. */
function numbersOf(field: Field): number[] {
  if ('number' in field) return [Number(field.number)]
  const all: number[] = []
  if ('bytes' in field) {
    // A packed list is a message without tags: read with a tag before each.
    let value = 0n
    let shift = 0n
    for (const byte of field.bytes) {
      value |= BigInt(byte & 127) << shift
      shift += 7n
      if (byte < 128) {
        all.push(Number(BigInt.asIntN(64, value)))
        value = 0n
        shift = 0n
      }
    }
  }
  return all
}
function floatsOf(field: Field): number[] {
  if ('fixed' in field) return [field.fixed.getFloat32(0, true)]
  const part = bytesOf(field)
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength)
  return Array.from({ length: Math.floor(part.length / 4) }, (_, i) => view.getFloat32(4 * i, true))
}

const readers: Readonly<Record<number, { readonly size: number; read(view: DataView, at: number): number }>> = {
  1: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  2: { size: 1, read: (view, at) => view.getUint8(at) },
  3: { size: 1, read: (view, at) => view.getInt8(at) },
  6: { size: 4, read: (view, at) => view.getInt32(at, true) },
  7: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  9: { size: 1, read: (view, at) => view.getUint8(at) },
  10: { size: 2, read: (view, at) => float16ToNumber(view.getUint16(at, true)) },
  11: { size: 8, read: (view, at) => view.getFloat64(at, true) },
}
const isFloat = (type: number) => type === 1 || type === 10 || type === 11

function tensorOf(bytes: Uint8Array, owner: string): readonly [name: string, tensor: FileTensor] {
  const dims: number[] = []
  const listed: number[] = []
  let [type, name, raw] = [0, owner, undefined as Uint8Array | undefined]
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) for (const size of numbersOf(field)) dims.push(size)
    else if (field.field === 2) type = numberOf(field)
    else if (field.field === 8) name = textOf(field)
    else if (field.field === 9) raw = bytesOf(field)
    else if (field.field === 4) for (const value of floatsOf(field)) listed.push(value)
    else if (field.field === 5 || field.field === 7) for (const value of numbersOf(field)) listed.push(value)
    else if (field.field === 14 && numberOf(field) === 0) continue
    else if (field.field !== 12)
      throw new RangeError(`the tensor ${quote(name)} has field ${field.field}, as weights in another file have`)
  }
  const reader = readers[type]
  if (reader === undefined) throw new RangeError(`the tensor ${quote(name)} is of type ${type}`)
  const count = dims.reduce((product, size) => product * size, 1)
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new RangeError(`the tensor ${quote(name)} has the shape [${dims}]`)
  const given = raw === undefined ? listed.length : raw.length / reader.size
  if (given !== count) throw new RangeError(`the tensor ${quote(name)} of shape [${dims}] holds ${given} values`)
  const view = raw && new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const half = type === 10 && !view
  const numbers = isFloat(type) ? new Float32Array(count) : new Float64Array(count)
  const values = numbers.map((_, i) => {
    const value = view ? reader.read(view, i * reader.size) : listed[i]!
    return half ? float16ToNumber(value) : value
  })
  return [name, { dims, kind: isFloat(type) ? 'float' : 'whole', values }]
}

function attributeOf(bytes: Uint8Array, node: string): readonly [name: string, value: FileAttribute] {
  let name = ''
  let value: FileAttribute | undefined
  const list: number[] = []
  let isList = false
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) name = textOf(field)
    else if (field.field === 2) value = floatsOf(field)[0] ?? 0
    else if (field.field === 3) value = numberOf(field)
    else if (field.field === 4) value = textOf(field)
    else if (field.field === 5) value = tensorOf(bytesOf(field), node)[1]
    else if (field.field === 7 || field.field === 8) {
      isList = true
      for (const each of field.field === 7 ? floatsOf(field) : numbersOf(field)) list.push(each)
    } else if (field.field === 20) {
      const type = numberOf(field)
      // Numbers that are 0 are left out, and so are empty lists.
      if (type === 6 || type === 7) isList = true
      else if (![1, 2, 3, 4].includes(type))
        throw new RangeError(`the attribute ${quote(name)} of ${quote(node)} is of type ${type}`)
    } else if (field.field !== 13)
      throw new RangeError(`the attribute ${quote(name)} of ${quote(node)} has field ${field.field}`)
  }
  return [name, isList ? list : (value ?? 0)]
}

function nodeOf(bytes: Uint8Array, at: number): FileNode {
  const [inputs, outputs] = [[] as string[], [] as string[]]
  const attributes: Uint8Array[] = []
  let [name, op, domain] = ['', '', '']
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) inputs.push(textOf(field))
    else if (field.field === 2) outputs.push(textOf(field))
    else if (field.field === 3) name = textOf(field)
    else if (field.field === 4) op = textOf(field)
    else if (field.field === 5) attributes.push(bytesOf(field))
    else if (field.field === 7) domain = textOf(field)
  }
  const called = name || outputs[0] || `node ${at}`
  if (domain !== '' && domain !== 'ai.onnx') op = `${domain}.${op}`
  return { name: called, op, inputs, outputs, attributes: new Map(attributes.map((each) => attributeOf(each, called))) }
}

function fileValue(bytes: Uint8Array): FileValue {
  let [name, type, dims] = ['', 0, undefined as (number | null)[] | undefined]
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) name = textOf(field)
    if (field.field !== 2) continue
    for (const kind of fieldsOf(bytesOf(field))) {
      if (kind.field !== 1) continue
      for (const part of fieldsOf(bytesOf(kind))) {
        if (part.field === 1) type = numberOf(part)
        if (part.field !== 2) continue
        const sizes: (number | null)[] = []
        for (const dim of fieldsOf(bytesOf(part))) {
          const [size] = [...fieldsOf(bytesOf(dim))].filter((each) => each.field === 1)
          sizes.push(size ? numberOf(size) : null)
        }
        dims = sizes
      }
    }
  }
  return { name, type, ...(dims && { dims }) }
}

/** Reads the bytes of a file. Error: ARCHLOOM_ONNX_FILE. */
export function decodeOnnx(bytes: Uint8Array, file: string): OnnxFile {
  try {
    let graph: Uint8Array | undefined
    let opset = 0
    const properties = new Map<string, string>()
    for (const field of fieldsOf(bytes)) {
      if (field.field === 7) graph = bytesOf(field)
      else if (field.field === 14) {
        const [name, value] = [1, 2].map((place) => [...fieldsOf(bytesOf(field))].find((part) => part.field === place))
        properties.set(name ? textOf(name) : '', value ? textOf(value) : '')
      } else if (field.field === 8) {
        let [domain, version] = ['', 0]
        for (const part of fieldsOf(bytesOf(field))) {
          if (part.field === 1) domain = textOf(part)
          if (part.field === 2) version = numberOf(part)
        }
        if (domain === '' || domain === 'ai.onnx') opset = version
      }
    }
    if (graph === undefined || opset === 0) throw new RangeError('it holds no graph with an opset')
    const nodes: FileNode[] = []
    const constants = new Map<string, FileTensor>()
    const [inputs, outputs] = [[] as FileValue[], [] as FileValue[]]
    for (const field of fieldsOf(graph)) {
      if (field.field === 1) nodes.push(nodeOf(bytesOf(field), nodes.length))
      else if (field.field === 5) constants.set(...tensorOf(bytesOf(field), `tensor ${constants.size}`))
      else if (field.field === 11) inputs.push(fileValue(bytesOf(field)))
      else if (field.field === 12) outputs.push(fileValue(bytesOf(field)))
      else if (field.field === 15) throw new RangeError('it holds sparse weights')
    }
    return { opset, nodes, constants, inputs: inputs.filter(({ name }) => !constants.has(name)), outputs, properties }
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof TypeError)) throw cause
    throw error('ARCHLOOM_ONNX_FILE', { file, reason: messageOf(cause) }, { cause })
  }
}
