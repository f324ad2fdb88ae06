/**
 * The memory-bound loops as vectors, from one line of arithmetic each. `flat` runs over arrays from end to end;
 * `channel` runs over positions of one block of channels, with per-channel parameters held in registers and per-channel
 * sums; `copyBlocks` and `transposeBlocks` move between layouts.
 */
import { advance, assemble, type Code, FunctionBuilder, gets, i32, type Local, several, v } from './assembler.ts'
import { type WasmMemory, webAssembly } from './web-assembly.ts'
import { type WindowName, windowFunctions } from './windows.ts'
import { type WinogradName, winogradFunctions } from './winograd.ts'

interface Flat {
  readonly inputs: number
  readonly scalars?: number
  /** One expression per output. */
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

/**
 * (images, blocks of channels, positions, then pointer and steps by image, block and position of each input, pointers of
 * the parameters and their step by image, pointer and steps of each output, pointers of the sums, their step by image and
 * the positions after which a sum continues in double precision). Sums are added to doubles.
 */
function channelFunction({ inputs, parameters = 0, outputs, sums }: Channel, vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const none = several(inputs, () => [])
  const noParameters = several(parameters, () => [])
  const integer = () => f.local('i32')
  const [images, blocks, positions] = [f.parameter('i32'), f.parameter('i32'), f.parameter('i32')]
  const array = () => {
    const [image, byImage, byBlock, byPosition] = several(4, () => f.parameter('i32')) as [Local, Local, Local, Local]
    return { image, byImage, byBlock, byPosition }
  }
  const given = several(inputs, array)
  const parameterStarts = several(parameters, () => f.parameter('i32'))
  const parameterStep = parameters > 0 ? f.parameter('i32') : undefined
  const made = several(outputs?.(none, noParameters).length ?? 0, array)
  const sumStarts = several(sums?.(none, noParameters).length ?? 0, () => f.parameter('i32'))
  const [sumStep, run] = sums ? [f.parameter('i32'), f.parameter('i32')] : []
  const arrays = [...given, ...made].map((each) => ({ ...each, block: integer(), at: integer() }))
  const [from, to] = [arrays.slice(0, inputs), arrays.slice(inputs)]
  const parameterAt = parameterStarts.map(integer)
  const sumAt = sumStarts.map(integer)
  const [blocksLeft, left, length] = [integer(), integer(), integer()]
  const held = parameterStarts.map(() => several(vectors, () => f.local('v128')))
  const partial = sumStarts.map(() => several(vectors, () => f.local('v128')))
  const x = several(inputs, () => f.local('v128'))

  const body: Code[] = []
  for (let u = 0; u < vectors; u++) {
    const p = held.map((row) => row[u]!.get)
    body.push(...x.map((local, i) => local.set(v.load(from[i]!.at.get, u * 16))))
    outputs?.(gets(x), p).forEach((result, i) => {
      body.push(v.store(to[i]!.at.get, result, u * 16))
    })
    sums?.(gets(x), p).forEach((term, i) => {
      const total = partial[i]![u]!
      body.push(total.set(v.add(total.get, term)))
    })
  }
  for (const { at, byPosition } of arrays) body.push(advance(at, byPosition.get))

  const run1 = f.repeat(length, ...body)
  const summed = sums && [
    left.set(positions.get),
    f.repeatWhile(
      left,
      length.set(i32.min(left.get, run!.get)),
      left.set(i32.sub(left.get, length.get)),
      ...partial.flat().map((local) => local.set(v.const(0))),
      run1,
      ...partial.flatMap((row, i) =>
        row.flatMap((local, u) => {
          const at = sumAt[i]!.get
          const halves = [v.double(local.get), v.double(v.highPairs(local.get, local.get))]
          return halves.map((half, h) => v.store(at, v.addDoubles(v.load(at, u * 32 + h * 16), half), u * 32 + h * 16))
        }),
      ),
    ),
  ]
  return f.emit(
    f.repeat(
      images,
      ...arrays.map(({ block, image }) => block.set(image.get)),
      ...parameterAt.map((at, i) => at.set(parameterStarts[i]!.get)),
      ...sumAt.map((at, i) => at.set(sumStarts[i]!.get)),
      blocksLeft.set(blocks.get),
      f.repeat(
        blocksLeft,
        ...held.flatMap((row, i) => row.map((local, u) => local.set(v.load(parameterAt[i]!.get, u * 16)))),
        ...arrays.map(({ at, block }) => at.set(block.get)),
        ...(summed ?? [length.set(positions.get), run1]),
        ...arrays.map(({ block, byBlock }) => advance(block, byBlock.get)),
        ...parameterAt.map((at) => advance(at, i32.const(vectors * 16))),
        ...sumAt.map((at) => advance(at, i32.const(vectors * 32))),
      ),
      ...arrays.map(({ image, byImage }) => advance(image, byImage.get)),
      ...parameterStarts.map((at) => advance(at, parameterStep!.get)),
      ...sumStarts.map((at) => advance(at, sumStep!.get)),
    ),
  )
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
export type Loops = Readonly<
  Record<FlatName | ChannelName | 'copyBlocks' | 'transposeBlocks' | 'dotRows' | WindowName | WinogradName, Run>
>

/** @param block channels in one block: 4, 8 or 16. */
export function makeLoops(memory: WasmMemory, block: number): Loops {
  const vectors = block / 4
  const functions = new Map<string, FunctionBuilder>([
    ...Object.entries(flats).map(([name, flat]) => [name, flatFunction(flat)] as const),
    ...Object.entries(channels).map(([name, channel]) => [name, channelFunction(channel, vectors)] as const),
    ['copyBlocks', copyBlocks(vectors)],
    ['transposeBlocks', transposeBlocks(vectors)],
    ['dotRows', dotRows(vectors)],
    ...windowFunctions(vectors),
    ...winogradFunctions(vectors),
  ])
  const module = new webAssembly.Module(assemble(functions))
  return new webAssembly.Instance(module, { engine: { memory } }).exports as Loops
}
