/**
 * The memory-bound loops as vectors, from one line of arithmetic each. `flat` runs over arrays from end to end;
 * `channel` runs over positions of one block of channels, with per-channel parameters held in registers and per-channel
 * sums; `copyBlocks` and `transposeBlocks` move between layouts.
 */
import { assemble, type Code, FunctionBuilder, i32, type Local, v } from './assembler.ts'
import { type WasmMemory, webAssembly } from './web-assembly.ts'

interface Flat {
  readonly inputs: number
  readonly scalars?: number
  /** One expression an output. */
  readonly body: (x: Code[], s: Code[]) => Code[]
}

interface Channel {
  readonly inputs: number
  readonly parameters?: number
  readonly outputs?: (x: Code[], p: Code[]) => Code[]
  readonly sums?: (x: Code[], p: Code[]) => Code[]
}

const positive = (x: Code) => v.max(x, v.const(0))
const where = (mask: Code, x: Code) => v.and(mask, x)
const isPositive = (x: Code) => v.gt(x, v.const(0))
/** (x − mean) · scale + shift with parameters [mean, scale, shift]. */
const normal = (x: Code, [mean, scale, shift]: Code[]) => v.add(v.mul(v.sub(x, mean!), scale!), shift!)

const flats = {
  add: { inputs: 2, body: ([x, y]) => [v.add(x!, y!)] },
  sub: { inputs: 2, body: ([x, y]) => [v.sub(x!, y!)] },
  mul: { inputs: 2, body: ([x, y]) => [v.mul(x!, y!)] },
  div: { inputs: 2, body: ([x, y]) => [v.div(x!, y!)] },
  maximum: { inputs: 2, body: ([x, y]) => [v.max(x!, y!)] },
  minimum: { inputs: 2, body: ([x, y]) => [v.min(x!, y!)] },
  addScalar: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.add(x!, a!)] },
  scalarSub: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.sub(a!, x!)] },
  mulScalar: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.mul(x!, a!)] },
  divScalar: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.div(x!, a!)] },
  scalarDiv: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.div(a!, x!)] },
  maximumScalar: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.max(x!, a!)] },
  minimumScalar: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.min(x!, a!)] },
  relu: { inputs: 1, body: ([x]) => [positive(x!)] },
  relu6: { inputs: 1, body: ([x]) => [v.min(positive(x!), v.const(6))] },
  leakyRelu: { inputs: 1, scalars: 1, body: ([x], [a]) => [v.select(x!, v.mul(x!, a!), v.gt(x!, v.const(0)))] },
  step: {
    inputs: 1,
    scalars: 1,
    body: ([x], [a]) => [v.select(v.select(v.const(1), a!, isPositive(x!)), x!, v.eq(x!, x!))],
  },
  /** Not a number counts as zero, as on the cpu engine. */
  sign: {
    inputs: 1,
    body: ([x]) => [v.sub(v.and(v.gt(x!, v.const(0)), v.const(1)), v.and(v.gt(v.const(0), x!), v.const(1)))],
  },
  abs: { inputs: 1, body: ([x]) => [v.abs(x!)] },
  neg: { inputs: 1, body: ([x]) => [v.neg(x!)] },
  square: { inputs: 1, body: ([x]) => [v.mul(x!, x!)] },
  sqrt: { inputs: 1, body: ([x]) => [v.sqrt(x!)] },
  rsqrt: { inputs: 1, body: ([x]) => [v.div(v.const(1), v.sqrt(x!))] },
  reciprocal: { inputs: 1, body: ([x]) => [v.div(v.const(1), x!)] },
  squaredDifference: { inputs: 2, body: ([x, y]) => [v.mul(v.sub(x!, y!), v.sub(x!, y!))] },
  clip: { inputs: 1, scalars: 2, body: ([x], [low, high]) => [v.min(v.max(x!, low!), high!)] },
  fill: { inputs: 0, scalars: 1, body: (_, [a]) => [a!] },
  /** dy where the rectified output (or its input) is positive. */
  reluGrad: { inputs: 2, body: ([dy, y]) => [where(isPositive(y!), dy!)] },
  /** w, g, velocity → velocity, w; scalars α, μ, λ. */
  momentum: {
    inputs: 3,
    scalars: 3,
    body: ([w, g, velocity], [rate, mu, decay]) => {
      const next = v.add(v.mul(velocity!, mu!), v.add(g!, v.mul(w!, decay!)))
      return [next, v.sub(w!, v.mul(rate!, next))]
    },
  },
  nesterov: {
    inputs: 3,
    scalars: 3,
    body: ([w, g, velocity], [rate, mu, decay]) => {
      const decayed = v.add(g!, v.mul(w!, decay!))
      const next = v.add(v.mul(velocity!, mu!), decayed)
      return [next, v.sub(w!, v.mul(rate!, v.add(decayed, v.mul(mu!, next))))]
    },
  },
  descent: {
    inputs: 2,
    scalars: 2,
    body: ([w, g], [rate, decay]) => [v.sub(w!, v.mul(rate!, v.add(g!, v.mul(w!, decay!))))],
  },
  /** w, g, first, second → first, second, w. */
  adam: {
    inputs: 4,
    scalars: 7,
    body: ([w, g, first, second], [rate, beta1, beta2, epsilon, correction, decay, shrink]) => {
      const decayed = v.add(g!, v.mul(w!, decay!))
      const m = v.add(decayed, v.mul(beta1!, v.sub(first!, decayed)))
      const squared = v.mul(decayed, decayed)
      const s = v.add(squared, v.mul(beta2!, v.sub(second!, squared)))
      const move = v.div(v.mul(rate!, m), v.add(v.sqrt(v.mul(s, correction!)), epsilon!))
      return [m, s, v.sub(v.mul(w!, shrink!), move)]
    },
  },
} as const satisfies Record<string, Flat>

const channels = {
  /** Σ(x − shift) and Σ(x − shift)²: a shift near the mean keeps the variance accurate. */
  moments: {
    inputs: 1,
    parameters: 1,
    sums: ([x], [shift]) => [v.sub(x!, shift!), v.mul(v.sub(x!, shift!), v.sub(x!, shift!))],
  },
  sum: { inputs: 1, sums: ([x]) => [x!] },
  broadcast: { inputs: 0, parameters: 1, outputs: (_, [p]) => [p!] },
  addBias: { inputs: 1, parameters: 1, outputs: ([x], [p]) => [v.add(x!, p!)] },
  addBiasRelu: { inputs: 1, parameters: 1, outputs: ([x], [p]) => [positive(v.add(x!, p!))] },
  scale: { inputs: 1, parameters: 1, outputs: ([x], [p]) => [v.mul(x!, p!)] },
  accumulateScaled: { inputs: 2, parameters: 1, outputs: ([y, x], [p]) => [v.add(y!, v.mul(x!, p!))] },
  accumulate: { inputs: 2, outputs: ([y, x]) => [v.add(y!, x!)] },
  /** dy, maximum, x, taken, dx → dx and taken: x takes dy if it equals the maximum and none before it did. */
  takeMaximum: {
    inputs: 5,
    outputs: ([dy, y, x, taken, dx]) => {
      const equal = v.eq(x!, y!)
      return [v.add(dx!, v.and(dy!, v.andNot(equal, taken!))), v.or(taken!, equal)]
    },
  },
  normalise: { inputs: 1, parameters: 3, outputs: ([x], p) => [normal(x!, p)] },
  normaliseRelu: { inputs: 1, parameters: 3, outputs: ([x], p) => [positive(normal(x!, p))] },
  /** dy, x with [mean, scale, shift] → Σg and Σg·(x − mean). */
  normaliseSums: { inputs: 2, parameters: 3, sums: ([dy, x], [mean]) => [dy!, v.mul(dy!, v.sub(x!, mean!))] },
  normaliseReluSums: {
    inputs: 2,
    parameters: 3,
    sums: ([dy, x], p) => {
      const g = where(isPositive(normal(x!, p)), dy!)
      return [g, v.mul(g, v.sub(x!, p[0]!))]
    },
  },
  /** dy, x with [mean, scale, shift, a, b] → g·scale − a − (x − mean)·b. */
  normaliseGrad: {
    inputs: 2,
    parameters: 5,
    outputs: ([dy, x], [mean, scale, , a, b]) => [v.sub(v.sub(v.mul(dy!, scale!), a!), v.mul(v.sub(x!, mean!), b!))],
  },
  normaliseReluGrad: {
    inputs: 2,
    parameters: 5,
    outputs: ([dy, x], p) => {
      const g = where(isPositive(normal(x!, p)), dy!)
      return [v.sub(v.sub(v.mul(g, p[1]!), p[3]!), v.mul(v.sub(x!, p[0]!), p[4]!))]
    },
  },
} as const satisfies Record<string, Channel>

export type FlatName = keyof typeof flats
export type ChannelName = keyof typeof channels

/** Array of n locals. */
const several = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const gets = (locals: readonly Local[]): Code[] => locals.map((local) => local.get)
const advance = (pointer: Local, by: Code): Code => pointer.set(i32.add(pointer.get, by))

/** (chunks of 64 bytes, input pointers, output pointers, scalars) */
function flatFunction({ inputs, scalars = 0, body }: Flat): FunctionBuilder {
  const f = new FunctionBuilder()
  const outputs = body(
    several(inputs, () => []),
    several(scalars, () => []),
  ).length
  const count = f.parameter('i32')
  const from = several(inputs, () => f.parameter('i32'))
  const to = several(outputs, () => f.parameter('i32'))
  const given = several(scalars, () => f.parameter('f32'))
  const splats = several(scalars, () => f.local('v128'))
  const x = several(inputs, () => f.local('v128'))
  splats.forEach((splat, i) => {
    f.emit(splat.set(v.splat((given[i] as Local).get)))
  })
  const codes: Code[] = []
  for (let offset = 0; offset < 64; offset += 16) {
    x.forEach((local, i) => {
      codes.push(local.set(v.load((from[i] as Local).get, offset)))
    })
    body(gets(x), gets(splats)).forEach((result, i) => {
      codes.push(v.store((to[i] as Local).get, result, offset))
    })
  }
  for (const pointer of [...from, ...to]) codes.push(advance(pointer, i32.const(64)))
  return f.emit(f.repeat(count, ...codes))
}

/** (positions, input pointer and stride each, parameter pointers, output pointer and stride each, sum pointers) */
function channelFunction({ inputs, parameters = 0, outputs, sums }: Channel, vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const none = several(inputs, () => [])
  const noParameters = several(parameters, () => [])
  const count = f.parameter('i32')
  const from = several(inputs, () => [f.parameter('i32'), f.parameter('i32')] as const)
  const given = several(parameters, () => f.parameter('i32'))
  const to = several(outputs?.(none, noParameters).length ?? 0, () => [f.parameter('i32'), f.parameter('i32')] as const)
  const totals = several(sums?.(none, noParameters).length ?? 0, () => f.parameter('i32'))
  const held = given.map(() => several(vectors, () => f.local('v128')))
  const partial = totals.map(() => several(vectors, () => f.local('v128')))
  const x = several(inputs, () => f.local('v128'))
  const each = (locals: Local[][], pointers: Local[], use: (local: Local, pointer: Local, offset: number) => Code) => {
    locals.forEach((row, i) => {
      row.forEach((local, u) => {
        f.emit(use(local, pointers[i] as Local, u * 16))
      })
    })
  }
  const load = (local: Local, pointer: Local, offset: number) => local.set(v.load(pointer.get, offset))
  each(held, given, load)
  each(partial, totals, load)
  const codes: Code[] = []
  for (let u = 0; u < vectors; u++) {
    const p = held.map((row) => (row[u] as Local).get)
    x.forEach((local, i) => {
      codes.push(local.set(v.load((from[i] as readonly [Local, Local])[0].get, u * 16)))
    })
    outputs?.(gets(x), p).forEach((result, i) => {
      codes.push(v.store((to[i] as readonly [Local, Local])[0].get, result, u * 16))
    })
    sums?.(gets(x), p).forEach((term, i) => {
      const total = (partial[i] as Local[])[u] as Local
      codes.push(total.set(v.add(total.get, term)))
    })
  }
  for (const [pointer, stride] of [...from, ...to]) codes.push(advance(pointer, stride.get))
  f.emit(f.repeat(count, ...codes))
  each(partial, totals, (local, pointer, offset) => v.store(pointer.get, local.get, offset))
  return f
}

/** Two nested loops around `body`: (to, from, n1, to1, from1, n2, to2, from2, ...). */
function nested(f: FunctionBuilder, body: (to: Local, from: Local) => Code[]): (n: Local[]) => FunctionBuilder {
  return ([to, from, n1, to1, from1, n2, to2, from2]) => {
    const [innerTo, innerFrom, inner] = [f.local('i32'), f.local('i32'), f.local('i32')]
    return f.emit(
      f.repeat(
        n1 as Local,
        innerTo.set((to as Local).get),
        innerFrom.set((from as Local).get),
        inner.set((n2 as Local).get),
        f.repeat(
          inner,
          ...body(innerTo, innerFrom),
          advance(innerTo, (to2 as Local).get),
          advance(innerFrom, (from2 as Local).get),
        ),
        advance(to as Local, (to1 as Local).get),
        advance(from as Local, (from1 as Local).get),
      ),
    )
  }
}

/** Copies one block of channels for each of n1 × n2 positions. */
function copyBlocks(vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const parameters = several(8, () => f.parameter('i32'))
  return nested(f, (to, from) => several(vectors, (u) => v.store(to.get, v.load(from.get, u * 16), u * 16)))(parameters)
}

/** Transposes square tiles of one block by one block; the last two parameters are the strides of rows, to and from. */
function transposeBlocks(vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const parameters = several(8, () => f.parameter('i32'))
  const [rowTo, rowFrom] = [f.parameter('i32'), f.parameter('i32')]
  const [a, b, c, d] = several(4, () => f.local('v128')) as [Local, Local, Local, Local]
  const [e, g, h, k] = several(4, () => f.local('v128')) as [Local, Local, Local, Local]
  const at = (pointer: Local, stride: Local, row: number) =>
    row === 0 ? pointer.get : i32.add(pointer.get, i32.mul(stride.get, i32.const(row)))
  return nested(f, (to, from) => {
    const codes: Code[] = []
    for (let i = 0; i < vectors; i++)
      for (let j = 0; j < vectors; j++) {
        const rows = [a, b, c, d]
        rows.forEach((row, r) => {
          codes.push(row.set(v.load(at(from, rowFrom, i * 4 + r), j * 16)))
        })
        codes.push(e.set(v.low(a.get, b.get)), g.set(v.high(a.get, b.get)))
        codes.push(h.set(v.low(c.get, d.get)), k.set(v.high(c.get, d.get)))
        const columns = [
          v.lowPairs(e.get, h.get),
          v.highPairs(e.get, h.get),
          v.lowPairs(g.get, k.get),
          v.highPairs(g.get, k.get),
        ]
        columns.forEach((column, r) => {
          codes.push(v.store(at(to, rowTo, j * 4 + r), column, i * 16))
        })
      }
    return codes
  })(parameters)
}

/** Adds Σ x·y over rows × columns to one block of sums: (rows, columns, x, its steps by row and column, y, …, sums). */
function dotRows(vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const [rows, columns, x, xRow, xColumn, y, yRow, yColumn, sums] = several(9, () => f.parameter('i32')) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ]
  const [px, py, left] = [f.local('i32'), f.local('i32'), f.local('i32')]
  const totals = several(vectors, () => f.local('v128'))
  totals.forEach((total, u) => {
    f.emit(total.set(v.load(sums.get, u * 16)))
  })
  const terms = totals.map((total, u) =>
    total.set(v.add(total.get, v.mul(v.load(px.get, u * 16), v.load(py.get, u * 16)))),
  )
  const inner = f.repeat(left, ...terms, advance(px, xColumn.get), advance(py, yColumn.get))
  const start = [px.set(x.get), py.set(y.get), left.set(columns.get)]
  f.emit(f.repeat(rows, ...start, inner, advance(x, xRow.get), advance(y, yRow.get)))
  totals.forEach((total, u) => {
    f.emit(v.store(sums.get, total.get, u * 16))
  })
  return f
}

type Run = (...given: number[]) => void
export type Loops = Readonly<Record<FlatName | ChannelName | 'copyBlocks' | 'transposeBlocks' | 'dotRows', Run>>

/** @param block channels in one block: 4, 8 or 16. */
export function makeLoops(memory: WasmMemory, block: number): Loops {
  const vectors = block / 4
  const functions = new Map<string, FunctionBuilder>([
    ...Object.entries(flats).map(([name, flat]) => [name, flatFunction(flat)] as const),
    ...Object.entries(channels).map(([name, channel]) => [name, channelFunction(channel, vectors)] as const),
    ['copyBlocks', copyBlocks(vectors)],
    ['transposeBlocks', transposeBlocks(vectors)],
    ['dotRows', dotRows(vectors)],
  ])
  const module = new webAssembly.Module(assemble(functions))
  return new webAssembly.Instance(module, { engine: { memory } }).exports as Loops
}
