/** Conversion between numbers and the element types of ONNX Runtime tensors. */
import { float16ToNumber } from './float16.ts'

const whole: Readonly<Record<string, { readonly least: number; readonly most: number }>> = {
  uint8: { least: 0, most: 255 },
  int8: { least: -128, most: 127 },
  uint16: { least: 0, most: 65_535 },
  int16: { least: -32_768, most: 32_767 },
  uint32: { least: 0, most: 2 ** 32 - 1 },
  int32: { least: -(2 ** 31), most: 2 ** 31 - 1 },
  int64: { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER },
  uint64: { least: 0, most: Number.MAX_SAFE_INTEGER },
}

/** Element types that can be read and written as numbers. */
export const elementTypes: readonly string[] = ['float32', 'float64', 'float16', 'bool', ...Object.keys(whole)]

/** The 16 bits of the nearest half-precision number, ties to even. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (size >= 65_520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -24)))
  // Math.log2 may be off by one next to a power of two.
  const scale =
    2 ** (size < 2 ** exponent && exponent > -14 ? exponent - 1 : size >= 2 ** (exponent + 1) ? exponent + 1 : exponent)
  const steps = (size / scale) * 1024
  const low = Math.floor(steps)
  const up = steps - low > 0.5 || (steps - low === 0.5 && low % 2 === 1) ? 1 : 0
  const bits = low + up
  const biased = Math.log2(scale) + 15
  // Below 1024 steps the number is subnormal. A carry moves to the next exponent by itself.
  return sign | (bits < 1024 ? bits : (biased << 10) + (bits - 1024))
}

/**
 * Values of a tensor of any element type as 32-bit floats. Throws a RangeError that describes values that cannot be
 * converted: strings, and whole numbers that a 32-bit float cannot represent.
 */
export function numbersOfType(type: string, data: unknown): Float32Array {
  if (type === 'float32' && data instanceof Float32Array) return data
  if (!elementTypes.includes(type)) throw new RangeError(`values of type ${type}`)
  // Half-precision numbers come as their bits, or as numbers if the JavaScript runtime has Float16Array.
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, float16ToNumber)
  const values = data as ArrayLike<number | bigint | boolean>
  const numbers = new Float32Array(values.length)
  const exact = Object.hasOwn(whole, type)
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    numbers[i] = value
    if (exact && numbers[i] !== value)
      throw new RangeError(`${values[i]} of type ${type} at ${i}, which a 32-bit float cannot represent`)
    if (type === 'float64' && Number.isFinite(value) && !Number.isFinite(numbers[i]))
      throw new RangeError(`${value} of type float64 at ${i}, which is outside the range of 32-bit floats`)
  }
  return numbers
}

type TypedValues =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array

/**
 * Converts numbers to values of a type. Throws a RangeError for unknown types and for numbers outside the type's
 * range.
 */
export function valuesOfType(type: string, numbers: ArrayLike<number>): TypedValues {
  if (type === 'float32') return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers)
  if (type === 'float64') return Float64Array.from(numbers)
  if (type === 'float16') return Uint16Array.from(numbers, numberToFloat16)
  const range = type === 'bool' ? { least: 0, most: 1 } : whole[type]
  if (range === undefined || (type !== 'bool' && !Object.hasOwn(whole, type)))
    throw new RangeError(`values of type ${type}`)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!
    if (!Number.isInteger(value) || value < range.least || value > range.most)
      throw new RangeError(`${value} at ${i}, which is not ${type}`)
  }
  switch (type) {
    case 'bool':
    case 'uint8':
      return Uint8Array.from(numbers)
    case 'int8':
      return Int8Array.from(numbers)
    case 'uint16':
      return Uint16Array.from(numbers)
    case 'int16':
      return Int16Array.from(numbers)
    case 'uint32':
      return Uint32Array.from(numbers)
    case 'int32':
      return Int32Array.from(numbers)
    case 'int64':
      return BigInt64Array.from(Array.from(numbers, BigInt))
    default:
      return BigUint64Array.from(Array.from(numbers, BigInt))
  }
}
