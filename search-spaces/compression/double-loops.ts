/**
 * The loops of a quantiser in WebAssembly, on vectors of two doubles. Input and output are float32 and the computation
 * is in double precision, so that codes equal those of the plain loops. In Node they run about ten times as fast.
 */
type Code = readonly number[]

function unsigned(value: number): number[] {
  const bytes: number[] = []
  do {
    const low = value & 127
    value >>>= 7
    bytes.push(value ? low | 128 : low)
  } while (value)
  return bytes
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]
const unary = (opcode: number) => (a: Code) => [...a, ...simd(opcode)]
const binary = (opcode: number) => (a: Code, b: Code) => [...a, ...b, ...simd(opcode)]
const get = (local: number): Code => [0x20, ...unsigned(local)]
const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]

const splat = unary(0x14)
const add = binary(0xf0)
const sub = binary(0xf1)
const mul = binary(0xf2)
const min = binary(0xf4)
const max = binary(0xf5)
const abs = unary(0xec)
const floor = unary(0x75)
const nearest = unary(0x94)
const lessThan = binary(0x49)
const atLeast = binary(0x4c)
const and = binary(0x4e)
const constant = (value: number): Code => {
  const bytes = [...new Uint8Array(new Float64Array([value]).buffer)]
  return [...simd(0x0c), ...bytes, ...bytes]
}
const ONE = constant(1)
const HALF = constant(0.5)
const ZERO = constant(0)
/** Loads two floats from memory as doubles, and stores them. */
const load = (address: Code): Code => [...address, ...simd(0x5d), 2, 0, ...simd(0x5f)]
const store = (address: Code, value: Code): Code => [...address, ...value, ...simd(0x5e), ...simd(0x5b), 2, 0, 0]

interface Loop {
  readonly arrays: number
  readonly numbers: number
  /**
   * Computes, from two values of each array, what is added up and what is written. `local` stores a value that is used
   * twice.
   */
  readonly body: (arrays: Code[], numbers: Code[], local: (value: Code) => Code) => LoopBody
}

interface LoopBody {
  readonly sums: readonly Code[]
  /** Written to the last array. */
  readonly out?: Code
}

const clipped = (x: Code) => min(max(x, ZERO), ONE)
const code = (z: Code, steps: Code) => floor(add(mul(steps, z), HALF))
const onGrid = (z: Code, steps: Code, step: Code) => mul(code(z, steps), step)

const [I32, F64, V128] = [0x7f, 0x7c, 0x7b]

/** A function (address of each array, pairs, numbers…) → sums. */
function compile({ arrays, numbers, body }: Loop): { readonly type: Code; readonly code: Code } {
  const count = arrays
  const vectorsAt = arrays + 1 + numbers
  const extra: Code[] = []
  const define = (value: Code): Code => {
    extra.push(set(vectorsAt + numbers + extra.length, value))
    return get(vectorsAt + numbers + extra.length - 1)
  }
  const loads = Array.from({ length: arrays }, (_, i) => load(get(i)))
  const constants = Array.from({ length: numbers }, (_, i) => get(vectorsAt + i))
  const { sums, out } = body(loads, constants, define)
  const accumulator = (i: number) => vectorsAt + numbers + extra.length + i
  const splats = constants.flatMap((_, i) => set(vectorsAt + i, splat(get(arrays + 1 + i))))
  const advance = Array.from({ length: arrays }, (_, i) => set(i, [...get(i), 0x41, 8, 0x6a])).flat()
  const work = [
    ...extra.flat(),
    ...sums.flatMap((sum, i) => set(accumulator(i), add(get(accumulator(i)), sum))),
    ...(out ? store(get(arrays - 1), out) : []),
    ...advance,
    ...set(count, [...get(count), 0x41, 1, 0x6b]),
    ...get(count),
    0x0d,
    0,
  ]
  const total = (i: number) => [0, 1].flatMap((lane) => [...get(accumulator(i)), ...simd(0x21), lane])
  const all = [
    1,
    ...unsigned(numbers + extra.length + sums.length),
    V128,
    ...splats,
    0x03,
    0x40,
    ...work,
    0x0b,
    ...sums.flatMap((_, i) => [...total(i), 0xa0]),
    0x0b,
  ]
  const types = [...new Array(arrays + 1).fill(I32), ...new Array(numbers).fill(F64)] as number[]
  const results = sums.map(() => F64)
  return {
    type: [0x60, ...unsigned(types.length), ...types, ...unsigned(results.length), ...results],
    code: [...unsigned(all.length), ...all],
  }
}

/** The loops for a number of widths. The steps of the widths are the last numbers. */
function loopsFor(widths: number) {
  const grids = (numbers: Code[]) => Array.from({ length: widths }, (_, j) => numbers.at(j - widths) as Code)
  const observe: Loop = {
    arrays: 2,
    numbers: 5 + widths,
    body: ([x], numbers, local) => {
      const [scale, shift, steps, step, low] = numbers as [Code, Code, Code, Code, Code]
      const z = local(clipped(add(mul(scale, x as Code), shift)))
      return {
        // In a tie both sides are equally far, so it does not matter how it is broken.
        sums: grids(numbers).map((all) => {
          const scaled = local(mul(all, z))
          return abs(sub(scaled, nearest(scaled)))
        }),
        out: add(onGrid(z, steps, step), low),
      }
    },
  }
  const quantise: Loop = {
    arrays: 2,
    numbers: 5,
    body: ([x], numbers) => {
      const [scale, shift, steps, step, low] = numbers as [Code, Code, Code, Code, Code]
      return { sums: [], out: add(onGrid(clipped(add(mul(scale, x as Code), shift)), steps, step), low) }
    },
  }
  const gradient: Loop = {
    arrays: 3,
    numbers: 9 + widths,
    body: ([dy, x], numbers, local) => {
      const [scale, shift, steps, step, low, slope, range, centre, least] = numbers as [
        Code,
        Code,
        Code,
        Code,
        Code,
        Code,
        Code,
        Code,
        Code,
      ]
      const g = local(dy as Code)
      const u = local(add(mul(scale, x as Code), shift))
      const z = local(clipped(u))
      const inside = local(and(and(atLeast(u, least), lessThan(u, ONE)), ONE))
      const straight = mul(mul(inside, range), sub(z, centre))
      return {
        sums: [
          // With widths, the share of Q is among their sums, and the caller adds it.
          mul(g, sub(widths > 0 ? low : add(onGrid(z, steps, step), low), straight)),
          ...grids(numbers).map((all) => mul(g, code(z, all))),
        ],
        out: mul(mul(g, slope), inside),
      }
    },
  }
  return { observe, quantise, gradient }
}

/**
 * quantise: y = code·step + low of (x, y); numbers scale, shift, steps, step, low. observe: the same, and Σ |z − z_b|
 * of x for every width, in steps of its grid. gradient: dx = dy·slope inside, Σ dy·(Q − inside·range·(z − centre)) and
 * Σ dy·code for every width, of (dy, x, dx); numbers scale, shift, steps, step, low, slope, range, centre, least. With
 * widths, the first sum uses low in place of Q.
 */
export type LoopName = keyof ReturnType<typeof loopsFor>

const list = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: Code) => [id, ...unsigned(content.length), ...content]
const text = (value: string) => list([...new TextEncoder().encode(value)].map((byte) => [byte]))

function assembled(widths: number): Uint8Array<ArrayBuffer> {
  const all = Object.entries(loopsFor(widths)).map(([name, loop]) => ({ name, ...compile(loop) }))
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, list(all.map(({ type }) => type))),
    ...section(2, list([[...text('loops'), ...text('memory'), 0x02, 0x00, 1]])),
    ...section(3, list(all.map((_, index) => unsigned(index)))),
    ...section(7, list(all.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, list(all.map(({ code }) => code))),
  ])
}

/** The WebAssembly memory on which loops run: their own, or that of an engine. */
export interface LoopMemory {
  readonly buffer: ArrayBuffer
}

interface OwnMemory extends LoopMemory {
  grow(pages: number): number
}

type Functions = Record<LoopName, (...numbers: number[]) => number | number[] | undefined>

/** The part of the API that is used here. Its types belong to the DOM library, which Node programs do not load. */
interface WebAssemblyApi {
  readonly Memory: new (limits: { initial: number }) => OwnMemory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Functions }
}

const PAGE = 65_536
const compiled = new WeakMap<LoopMemory, Map<number, Functions>>()
let memory: OwnMemory | undefined

const api = () => (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly

function memoryOf(bytes: number): OwnMemory {
  memory ??= new (api().Memory)({ initial: 1 })
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE)
  if (missing > 0) memory.grow(missing)
  return memory
}

function functionsFor(widths: number, on: LoopMemory): Functions {
  const known = compiled.get(on) ?? new Map<number, Functions>()
  compiled.set(on, known)
  const found = known.get(widths)
  if (found) return found
  const { Instance, Module } = api()
  const { exports } = new Instance(new Module(assembled(widths)), { loops: { memory: on } })
  known.set(widths, exports)
  return exports
}

/** Arrays of the same length in one memory: the inputs and the output of a loop. */
export interface LoopArrays {
  readonly memory: LoopMemory
  readonly inputs: readonly Float32Array[]
  readonly output: Float32Array
}

/** Copies values to the loops' own memory. The arrays are valid until the next call. */
export function copiedArrays(values: readonly Float32Array[]): LoopArrays {
  const length = values[0]?.length ?? 0
  // Each array begins at a multiple of 16 bytes.
  const stride = Math.ceil(length / 4) * 4
  const own = memoryOf(stride * 4 * (values.length + 1))
  const at = (i: number) => new Float32Array(own.buffer, i * stride * 4, length)
  const inputs = values.map((each, i) => {
    at(i).set(each)
    return at(i)
  })
  return { memory: own, inputs, output: at(values.length) }
}

/** Runs a loop over all pairs of the arrays, for grids with the given numbers of steps. Returns its sums. */
export function runLoop(
  name: LoopName,
  { memory: on, inputs, output }: LoopArrays,
  numbers: readonly number[],
  grids: readonly number[] = [],
): number[] {
  const pairs = output.length >> 1
  if (pairs === 0) return name === 'gradient' ? [0, ...grids.map(() => 0)] : grids.map(() => 0)
  const addresses = [...inputs, output].map((each) => each.byteOffset)
  const sums = functionsFor(grids.length, on)[name](...addresses, pairs, ...numbers, ...grids)
  return Array.isArray(sums) ? sums : sums === undefined ? [] : [sums]
}
