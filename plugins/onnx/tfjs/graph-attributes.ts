/** Attributes of graph nodes: each operator names those that it reads, with the values that it handles. */
import { quote } from '../../../core/errors.ts'
import { error } from '../errors.ts'
import type { NodeDef } from './node-def.ts'

/** What an attribute says: a text, a flag, a number, a type, or a list of them; undefined for anything else. */
export type Said = string | boolean | number | readonly (string | number)[] | undefined

/** True, or what is expected instead. */
export type AttributeCheck = (said: Said) => true | string
export type AttributeChecks = Readonly<Record<string, AttributeCheck>>

/** Types of TensorFlow, and those that tf.js computes in instead of them. */
const types: Readonly<Record<string, 'float32' | 'int32' | 'bool'>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float32',
  DT_HALF: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_INT16: 'int32',
  DT_INT8: 'int32',
  DT_UINT8: 'int32',
  DT_BOOL: 'bool',
}
const typeNumbers: readonly string[] = [
  '',
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_UINT8',
  'DT_INT16',
  'DT_INT8',
  'DT_STRING',
  '',
  'DT_INT64',
  'DT_BOOL',
]

export const flag: AttributeCheck = (said) => typeof said === 'boolean' || 'true or false'
export const real: AttributeCheck = (said) => (typeof said === 'number' && Number.isFinite(said)) || 'a number'
export const whole: AttributeCheck = (said) => Number.isSafeInteger(said) || 'a whole number'
export const wholes: AttributeCheck = (said) =>
  (Array.isArray(said) && said.every((each) => Number.isSafeInteger(each))) || 'a list of whole numbers'
export const anything: AttributeCheck = () => true
export const only =
  (...values: readonly Said[]): AttributeCheck =>
  (said) =>
    values.includes(said) || values.map((each) => quote(each)).join(' or ')
/** One number for each axis of [batch, height, width, channels], of which only the middle ones are not 1. */
export const steps: AttributeCheck = (said) =>
  (Array.isArray(said) &&
    said.length === 4 &&
    said.every((each) => Number.isSafeInteger(each) && each >= 1 && each <= 65_536) &&
    said[0] === 1 &&
    said[3] === 1) ||
  '[1, height, width, 1], each at least 1'

const decode = (text: unknown): string | undefined => {
  if (typeof text === 'string') return Buffer.from(text, 'base64').toString()
  // Older converters wrote the codes of the characters.
  return Array.isArray(text) ? String.fromCharCode(...text.slice(0, 1_000).map(Number)) : undefined
}

function saidBy(value: unknown): Said {
  if (typeof value !== 'object' || value === null) return undefined
  const { s, b, i, f, type, list } = value as Record<string, unknown>
  if (s !== undefined) return decode(s)
  if (typeof b === 'boolean') return b
  if (i !== undefined) return typeof i === 'string' && i.trim() === '' ? Number.NaN : Number(i)
  // tf.js leaves zeros out of JSON, and writes what JSON has no number for as text.
  if (f !== undefined) return Number(f)
  if (type !== undefined) return typeof type === 'number' ? (typeNumbers[type] ?? String(type)) : String(type)
  if (typeof list === 'object' && list !== null) {
    const { i: wholeNumbers, f: reals, s: texts } = list as Record<string, unknown>
    for (const numbers of [wholeNumbers, reals]) if (Array.isArray(numbers)) return numbers.map(Number)
    return Array.isArray(texts) ? texts.map((each) => decode(each) ?? '') : []
  }
  return undefined
}

/** The attributes of one node, read and checked. */
export class GraphAttributes {
  private readonly values = new Map<string, Said>()

  /** Errors: ARCHLOOM_TFJS_ATTRIBUTE for an attribute, a value or a type that is not in `checks`. */
  constructor(
    private readonly node: NodeDef,
    checks: AttributeChecks,
  ) {
    const attributes: unknown = node.attr ?? {}
    for (const [attribute, value] of Object.entries(attributes as Record<string, unknown>)) {
      // What optimisers note for themselves.
      if (attribute.startsWith('_')) continue
      const said = saidBy(value)
      this.values.set(attribute, said)
      const isType = typeof value === 'object' && value !== null && 'type' in value
      if (Object.hasOwn(checks, attribute)) {
        const expected = (checks[attribute] as AttributeCheck)(said)
        if (expected !== true) throw this.refused(attribute, expected)
      } else if (isType && attribute.startsWith('T')) {
        if (!Object.hasOwn(types, String(said))) throw this.refused(attribute, Object.keys(types).join(', '))
      } else throw this.refused(attribute, 'a node without it')
    }
  }

  refused(attribute: string, expected: string): Error {
    const { name, op, attr } = this.node
    const received = this.values.get(attribute) ?? (attr as Record<string, unknown> | undefined)?.[attribute]
    return error('ARCHLOOM_TFJS_ATTRIBUTE', { node: name, op, attribute, received, expected })
  }

  has(name: string): boolean {
    return this.values.has(name)
  }
  text(name: string, otherwise: string): string {
    const said = this.values.get(name)
    return typeof said === 'string' ? said : otherwise
  }
  texts(name: string): readonly string[] {
    const said = this.values.get(name)
    return Array.isArray(said) ? said.map(String) : []
  }
  flag(name: string): boolean {
    return this.values.get(name) === true
  }
  number(name: string, otherwise: number): number {
    const said = this.values.get(name)
    return typeof said === 'number' ? said : otherwise
  }
  numbers(name: string): number[] {
    const said = this.values.get(name)
    return Array.isArray(said) ? said.map(Number) : []
  }
  type(name: string): 'float32' | 'int32' | 'bool' {
    return types[this.text(name, 'DT_FLOAT')] ?? 'float32'
  }
}

/** A type that tf.js computes in. */
export const type: AttributeCheck = (said) => Object.hasOwn(types, String(said)) || Object.keys(types).join(', ')
