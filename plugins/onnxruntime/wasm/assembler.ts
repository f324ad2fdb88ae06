/**
 * Writes small WebAssembly modules: functions over one imported memory, with 128-bit vectors (core specification 2.0).
 */
export type Code = readonly number[]
export type ValueType = 'i32' | 'f32' | 'v128'
const typeBytes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

function unsigned(value: number): number[] {
  const bytes: number[] = []
  do {
    const low = value & 127
    value >>>= 7
    bytes.push(value ? low | 128 : low)
  } while (value)
  return bytes
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (;;) {
    const low = value & 127
    value >>= 7
    if ((value === 0 && !(low & 64)) || (value === -1 && low & 64)) return [...bytes, low]
    bytes.push(low | 128)
  }
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]
const unary =
  (op: readonly number[]) =>
  (a: Code): Code => [...a, ...op]
const binary =
  (op: readonly number[]) =>
  (a: Code, b: Code): Code => [...a, ...b, ...op]
const access = (op: readonly number[], alignment: number, offset: number) => [...op, alignment, ...unsigned(offset)]
const shuffle =
  (lanes: readonly number[]) =>
  (a: Code, b: Code): Code => [...a, ...b, ...simd(0x0d), ...lanes]
/** Lanes of a shuffle of 32-bit words: 0–3 of the first operand, 4–7 of the second. */
const words = (...index: number[]) => shuffle(index.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte)))

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value | 0)],
  add: binary([0x6a]),
  sub: binary([0x6b]),
  mul: binary([0x6c]),
  load: (address: Code, offset = 0): Code => [...address, ...access([0x28], 2, offset)],
  min: (a: Code, b: Code): Code => [...a, ...b, ...a, ...b, 0x48, 0x1b],
  max: (a: Code, b: Code): Code => [...a, ...b, ...a, ...b, 0x4a, 0x1b],
}

export const v = {
  load: (address: Code, offset = 0): Code => [...address, ...access(simd(0x00), 2, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, ...access(simd(0x0b), 2, offset)],
  splat: unary(simd(0x13)),
  const: (value: number): Code => {
    const bytes = [...new Uint8Array(new Float32Array([value, value, value, value]).buffer)]
    return [...simd(0x0c), ...bytes]
  },
  add: binary(simd(0xe4)),
  sub: binary(simd(0xe5)),
  mul: binary(simd(0xe6)),
  div: binary(simd(0xe7)),
  min: binary(simd(0xe8)),
  max: binary(simd(0xe9)),
  sqrt: unary(simd(0xe3)),
  neg: unary(simd(0xe1)),
  abs: unary(simd(0xe0)),
  gt: binary(simd(0x44)),
  ge: binary(simd(0x46)),
  eq: binary(simd(0x41)),
  and: binary(simd(0x4e)),
  /** a where b is not set. */
  andNot: binary(simd(0x4f)),
  or: binary(simd(0x50)),
  /** Lanes of a where the mask is set, otherwise of b. */
  select: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...simd(0x52)],
  low: words(0, 4, 1, 5),
  high: words(2, 6, 3, 7),
  lowPairs: words(0, 1, 4, 5),
  highPairs: words(2, 3, 6, 7),
  /** The first two lanes in double precision. */
  double: unary(simd(0x5f)),
  addDoubles: binary(simd(0xf0)),
}

export interface Local {
  readonly get: Code
  set(value: Code): Code
}

/** A list of n, made one by one. */
export const several = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
export const gets = (locals: readonly Local[]): Code[] => locals.map((local) => local.get)
export const advance = (pointer: Local, by: Code): Code => pointer.set(i32.add(pointer.get, by))

/** A function under construction: parameters first, then locals, then its body. */
export class FunctionBuilder {
  private readonly parameters: ValueType[] = []
  private readonly locals: ValueType[] = []
  private readonly body: number[] = []

  parameter(type: ValueType): Local {
    this.parameters.push(type)
    return this.at(this.parameters.length - 1)
  }

  local(type: ValueType): Local {
    this.locals.push(type)
    return this.at(this.parameters.length + this.locals.length - 1)
  }

  private at(index: number): Local {
    return { get: [0x20, ...unsigned(index)], set: (value) => [...value, 0x21, ...unsigned(index)] }
  }

  emit(...codes: Code[]): this {
    for (const code of codes) this.body.push(...code)
    return this
  }

  /** Repeats the codes as often as the counter says, and leaves the counter at 0. */
  repeat(counter: Local, ...codes: Code[]): Code {
    return this.repeatWhile(counter, ...codes, counter.set(i32.sub(counter.get, i32.const(1))))
  }

  /** Repeats the codes until the local is 0. */
  repeatWhile(local: Local, ...codes: Code[]): Code {
    return [
      // Leaves the block at once if there is nothing to do, as for empty tensors.
      ...[0x02, 0x40, ...local.get, 0x45, 0x0d, 0],
      ...[0x03, 0x40],
      ...codes.flat(),
      ...[...local.get, 0x0d, 0, 0x0b],
      0x0b,
    ]
  }

  type(): number[] {
    const types = this.parameters.map((type) => typeBytes[type])
    return [0x60, ...unsigned(types.length), ...types, 0]
  }

  code(): number[] {
    const locals = this.locals.flatMap((type) => [1, typeBytes[type]])
    const all = [...unsigned(this.locals.length), ...locals, ...this.body, 0x0b]
    return [...unsigned(all.length), ...all]
  }
}

const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content]
const text = (value: string) => list([...new TextEncoder().encode(value)].map((byte) => [byte]))

/** A module that exports the functions by name and imports `engine.memory`. */
export function assemble(functions: ReadonlyMap<string, FunctionBuilder>): Uint8Array<ArrayBuffer> {
  const all = [...functions]
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(all.map(([, each]) => each.type()))),
    ...section(2, list([[...text('engine'), ...text('memory'), 0x02, 0x00, 1]])),
    ...section(3, list(all.map((_, index) => unsigned(index)))),
    ...section(7, list(all.map(([name], index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, list(all.map(([, each]) => each.code()))),
  ])
}
