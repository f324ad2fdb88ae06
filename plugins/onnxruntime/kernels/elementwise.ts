/** Elementwise operations: a vector loop if there is one; an ONNX node for transcendental functions and broadcasts. */
import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Dims, Values } from '../storage.ts'
import type { FlatName } from '../wasm/loops.ts'
import type { Floats } from './blocked.ts'
import { perChannel } from './channels.ts'
import { type Call, floats, input, type Kernel, type KernelTable, onlyFloats } from './kernel.ts'

/** Below this number of values, the cpu kernel ends before a graph has started. */
export const worthGraph = 512

const sizeOf = (tensor: tf.TensorInfo) => tf.util.sizeFromShape(tensor.shape)
const sameShape = (a: tf.TensorInfo, b: tf.TensorInfo) => tf.util.arraysEqual(a.shape, b.shape)

/**
 * The layout in which all tensors are read: blocked if the first that is not row-major is, and the loop keeps zeros.
 */
function commonLayout(be: OnnxRuntimeBackend, tensors: readonly tf.TensorInfo[], keepsZero: boolean): Dims | undefined {
  for (const tensor of tensors) {
    const dims = be.entry(tensor).blockedDims
    if (!dims || be.entry(tensor).hasPlain) continue
    const fits = tf.util.arraysEqual(tensor.shape, [...dims]) && (keepsZero || dims[3] % be.layout.block === 0)
    return fits ? dims : undefined
  }
  return undefined
}

/** Runs a flat loop over tensors of one shape; the result has their layout. */
function flat(
  be: OnnxRuntimeBackend,
  name: FlatName,
  tensors: readonly tf.TensorInfo[],
  scalars: readonly number[],
  keepsZero: boolean,
): tf.TensorInfo {
  const { shape } = tensors[0] as tf.TensorInfo
  const dims = commonLayout(be, tensors, keepsZero)
  const [array, out] = dims
    ? [be.layout.room(dims)].map((room) => [room, be.blockedOutput(room, dims)] as const)[0]!
    : plainOutput(be, shape)
  const inputs = tensors.map((tensor) => (dims ? be.blocked(tensor) : (be.entry(tensor).numbers as Floats)))
  runFlat(be, name, array.length, inputs, [array], scalars)
  return out
}

function plainOutput(be: OnnxRuntimeBackend, shape: readonly number[]): readonly [Floats, tf.TensorInfo] {
  const out = be.output(shape)
  return [out.values as Floats, out]
}

export function runFlat(
  be: OnnxRuntimeBackend,
  name: FlatName,
  length: number,
  inputs: readonly Floats[],
  outputs: readonly Floats[],
  scalars: readonly number[],
): void {
  if (length === 0) return
  const pointers = [...inputs, ...outputs].map((array) => array.byteOffset)
  be.loops[name](Math.ceil(length / 16), ...pointers, ...scalars)
}

/** A loop of one tensor; `scalars` come from the attributes. */
const unaryLoop =
  <A>(
    name: FlatName,
    scalars: (attrs: A) => number[] = () => [],
    keepsZero: (attrs: A) => boolean = () => true,
  ): Kernel<A> =>
  ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x')
    return floats(x) ? flat(backend, name, [x], scalars(attrs), keepsZero(attrs)) : undefined
  }

interface BinaryLoop {
  readonly same: FlatName
  /** Loops for a scalar on the right and on the left, and whether zero stays zero. */
  readonly right?: readonly [FlatName, (b: number) => number]
  readonly left?: readonly [FlatName, (a: number) => number]
  /** How one value per channel [C] on the right becomes an addition or a multiplication. */
  readonly channels?: readonly ['addBias' | 'scale', (b: number) => number]
  readonly commutes?: boolean
  readonly onnx: string
  readonly keepsZero: boolean
  readonly scalarKeepsZero: boolean
}

const as = (value: number) => value
const binaryLoops: Readonly<Record<string, BinaryLoop>> = {
  Add: {
    same: 'add',
    right: ['addScalar', as],
    channels: ['addBias', as],
    commutes: true,
    onnx: 'Add',
    keepsZero: true,
    scalarKeepsZero: false,
  },
  Sub: {
    same: 'sub',
    right: ['addScalar', (b) => -b],
    left: ['scalarSub', as],
    channels: ['addBias', (b) => -b],
    onnx: 'Sub',
    keepsZero: true,
    scalarKeepsZero: false,
  },
  Multiply: {
    same: 'mul',
    right: ['mulScalar', as],
    channels: ['scale', as],
    commutes: true,
    onnx: 'Mul',
    keepsZero: true,
    scalarKeepsZero: true,
  },
  RealDiv: {
    same: 'div',
    right: ['divScalar', as],
    left: ['scalarDiv', as],
    onnx: 'Div',
    keepsZero: false,
    scalarKeepsZero: false,
  },
  Maximum: {
    same: 'maximum',
    right: ['maximumScalar', as],
    commutes: true,
    onnx: 'Max',
    keepsZero: true,
    scalarKeepsZero: false,
  },
  Minimum: {
    same: 'minimum',
    right: ['minimumScalar', as],
    commutes: true,
    onnx: 'Min',
    keepsZero: true,
    scalarKeepsZero: false,
  },
  SquaredDifference: { same: 'squaredDifference', onnx: 'Sub', keepsZero: true, scalarKeepsZero: false },
}

/** One value per channel: [C] or [1, …, 1, C] beside [..., C]. */
function isPerChannel(of: tf.TensorInfo, beside: tf.TensorInfo): boolean {
  const c = beside.shape.at(-1)
  return beside.shape.length > 1 && of.shape.at(-1) === c && sizeOf(of) === c && of.shape.length <= beside.shape.length
}

/** Row-major data with other channel counts would have to be blocked first; a graph is faster. */
const fillsBlocks = (be: OnnxRuntimeBackend, x: tf.TensorInfo): boolean =>
  (x.shape.at(-1) as number) % be.layout.block === 0 || !be.entry(x).hasPlain

const binary =
  (name: string, loop: BinaryLoop): Kernel<Record<string, never>> =>
  ({ inputs, backend: be }) => {
    const [a, b] = [input(inputs, 'a'), input(inputs, 'b')]
    if (!floats(a, b)) return undefined
    if (sameShape(a, b)) return flat(be, loop.same, [a, b], [], loop.keepsZero)
    const [sizeA, sizeB] = [sizeOf(a), sizeOf(b)]
    if (sizeA === 0 || sizeB === 0) return undefined
    const value = (tensor: tf.TensorInfo) => be.entry(tensor).numbers[0] as number
    const scalarRight = (x: tf.TensorInfo, y: tf.TensorInfo) =>
      loop.right && sizeOf(y) === 1 && y.shape.length <= x.shape.length
        ? flat(be, loop.right[0], [x], [loop.right[1](value(y))], loop.scalarKeepsZero)
        : undefined
    const channelsRight = (x: tf.TensorInfo, y: tf.TensorInfo) =>
      loop.channels && isPerChannel(y, x) && fillsBlocks(be, x)
        ? perChannel(be, loop.channels[0], x, (be.entry(y).numbers as Floats).map(loop.channels[1]))
        : undefined
    const right = scalarRight(a, b) ?? channelsRight(a, b) ?? (name === 'Multiply' ? perPosition(be, a, b) : undefined)
    if (right) return right
    const left = loop.commutes ? (scalarRight(b, a) ?? channelsRight(b, a)) : undefined
    if (left) return left
    if (loop.left && sizeA === 1 && a.shape.length <= b.shape.length)
      return flat(be, loop.left[0], [b], [loop.left[1](value(a))], false)
    return broadcastGraph(be, name, loop.onnx, a, b)
  }

/** Blocked [N, H, W, C] times one value per position, [1, H, W, 1]. */
function perPosition(be: OnnxRuntimeBackend, x: tf.TensorInfo, factors: tf.TensorInfo): tf.TensorInfo | undefined {
  const { shape } = x
  const entry = be.entry(x)
  if (shape.length !== 4 || entry.hasPlain || !entry.blocked(shape)) return undefined
  const [n, h, w, c] = shape as unknown as Dims
  if (!tf.util.arraysEqual(factors.shape, [1, h, w, 1])) return undefined
  const { block } = be.layout
  const size = h * w * block
  const [values, from, to] = [be.entry(factors).numbers, be.blocked(x), be.layout.room([n, h, w, c])]
  be.memoryPool.withScratch([size], (spread) => {
    for (let p = 0; p < h * w; p++) spread.fill(values[p] as number, p * block, (p + 1) * block)
    // The order matters: a plane that ends within a vector of sixteen is overrun, and the next plane overwrites the
    // excess.
    for (let plane = 0; plane < n * be.layout.blocks(c); plane++) {
      const offset = plane * size * 4
      be.loops.mul(Math.ceil(size / 16), from.byteOffset + offset, spread.byteOffset, to.byteOffset + offset)
    }
  })
  return be.blockedOutput(to, [n, h, w, c])
}

/** For other differences of shape: an ONNX node broadcasts as tfjs does. */
function broadcastGraph(be: OnnxRuntimeBackend, name: string, op: string, a: tf.TensorInfo, b: tf.TensorInfo) {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape)
  const size = tf.util.sizeFromShape(shape)
  if (size < worthGraph) return undefined
  const out = be.output(shape)
  be.sessions.run(
    `${name} ${a.shape} ${b.shape}`,
    (g) => {
      const y = g.op(op, [g.input('a', a.shape), g.input('b', b.shape)])
      g.output(name === 'SquaredDifference' ? g.op('Mul', [y, y]) : y, shape)
    },
    size,
    [be.entry(a).numbers, be.entry(b).numbers],
    [out.values],
  )
  return out
}

/** One ONNX node of the same name and meaning. */
const unaryGraph =
  (name: string, build: (attrs: Record<string, number>) => readonly [string, Record<string, { float: number }>]) =>
  ({ inputs, attrs, backend: be }: Call<Record<string, number>>): tf.TensorInfo | undefined => {
    const x = input(inputs, 'x')
    const size = sizeOf(x)
    if (!floats(x) || size < worthGraph) return undefined
    const out = be.output(x.shape)
    const [op, attributes] = build(attrs)
    be.sessions.run(
      `${name} ${size} ${JSON.stringify(attributes)}`,
      (g) => g.output(g.op(op, [g.input('x', [size])], attributes), [size]),
      // A transcendental function costs about ten multiply-adds per value.
      size * 10,
      [be.entry(x).numbers],
      [out.values],
    )
    return out
  }

/** Two tensors by one ONNX node that broadcasts. */
const binaryGraph =
  (name: string, op: string, left: string, right: string): Kernel<Record<string, never>> =>
  ({ inputs, backend: be }) => {
    const [a, b] = [input(inputs, left), input(inputs, right)]
    return floats(a, b) && sizeOf(a) * sizeOf(b) > 0 ? broadcastGraph(be, name, op, a, b) : undefined
  }

const addN: Kernel<Record<string, never>> = ({ inputs, backend: be }) => {
  const tensors = inputs as unknown as tf.TensorInfo[]
  const [first, second, ...rest] = tensors
  if (!first || !second || !floats(...tensors)) return undefined
  const sum = flat(be, 'add', [first, second], [], true)
  const dims = be.entry(sum).blockedDims
  const total = dims ? be.blocked(sum) : (be.entry(sum).numbers as Floats)
  for (const tensor of rest) {
    const next = dims ? be.blocked(tensor) : (be.entry(tensor).numbers as Floats)
    runFlat(be, 'add', total.length, [total, next], [total], [])
  }
  return sum
}

/** Conversions that only relabel or widen. */
const cast: Kernel<{ dtype: tf.DataType }> = ({ inputs, attrs, backend: be }) => {
  const x = input(inputs, 'x')
  if (attrs.dtype !== 'float32' || (x.dtype !== 'int32' && x.dtype !== 'bool')) return undefined
  const out = be.output(x.shape)
  out.values.set(be.entry(x).numbers as Values)
  return out
}

const reluGrad: Kernel<Record<string, never>> = ({ inputs, backend: be }) =>
  flat(be, 'reluGrad', [input(inputs, 'dy'), input(inputs, 'y')], [], true)

/** Σ of all values, or of the products of two arrays: vectors over runs of 64 KiB, runs in double precision. */
export function total(be: OnnxRuntimeBackend, x: Floats, y?: Floats): number {
  // The last, incomplete vector is summed separately, because memory beyond the end of the array belongs to others.
  const whole = x.length - (x.length % 16)
  let sum = 0
  for (let i = whole; i < x.length; i++) sum += x[i]! * (y ? y[i]! : 1)
  const lanes = be.layout.block
  be.memoryPool.withScratch([lanes * 2], (scratch) => {
    const totals = new Float64Array(scratch.buffer, scratch.byteOffset, lanes)
    for (let start = 0; start < whole; start += 16_384) {
      scratch.fill(0)
      const count = Math.min(16_384, whole - start) / lanes
      const [at, bytes] = [start * 4, lanes * 4]
      if (y) be.loops.dotRows(1, count, x.byteOffset + at, 0, bytes, y.byteOffset + at, 0, bytes, scratch.byteOffset)
      else be.loops.sum(1, 1, count, x.byteOffset + at, 0, 0, bytes, scratch.byteOffset, 0, count)
      const partial = y ? scratch : totals
      for (let lane = 0; lane < lanes; lane++) sum += partial[lane] as number
    }
  })
  return sum
}

/** Whether the values contain a NaN (or infinities of both signs), found from their sum in one pass. */
export const hasNaN = (be: OnnxRuntimeBackend, x: Floats): boolean => Number.isNaN(total(be, x))

/** The arrays of tensors of one shape in one layout; padding is zero and adds nothing. */
export function aligned(be: OnnxRuntimeBackend, tensors: readonly tf.TensorInfo[]): Floats[] {
  const dims = commonLayout(be, tensors, true)
  return tensors.map((tensor) => (dims ? be.blocked(tensor) : (be.entry(tensor).numbers as Floats)))
}

const innerProduct: Kernel<Record<string, never>> = ({ inputs, backend: be }) => {
  const [x, y] = aligned(be, [input(inputs, 'a'), input(inputs, 'b')]) as [Floats, Floats]
  const out = be.output([])
  out.values[0] = total(be, x, y)
  return out
}

const range = ({ clipValueMin: low, clipValueMax: high }: { clipValueMin: number; clipValueMax: number }) => [low, high]

export const elementwise: KernelTable = {
  ...Object.fromEntries(Object.entries(binaryLoops).map(([name, loop]) => [name, binary(name, loop)])),
  Relu: unaryLoop('relu'),
  Relu6: unaryLoop('relu6'),
  LeakyRelu: unaryLoop<{ alpha: number }>('leakyRelu', ({ alpha }) => [alpha]),
  Step: unaryLoop<{ alpha: number }>(
    'step',
    ({ alpha }) => [alpha],
    ({ alpha }) => alpha === 0,
  ),
  Sign: unaryLoop('sign'),
  Abs: unaryLoop('abs'),
  Neg: unaryLoop('neg'),
  Square: unaryLoop('square'),
  Sqrt: unaryLoop('sqrt'),
  Rsqrt: unaryLoop(
    'rsqrt',
    () => [],
    () => false,
  ),
  Reciprocal: unaryLoop(
    'reciprocal',
    () => [],
    () => false,
  ),
  ClipByValue: unaryLoop(
    'clip',
    range,
    (attrs: Parameters<typeof range>[0]) => attrs.clipValueMin <= 0 && attrs.clipValueMax >= 0,
  ),
  ...onlyFloats({ ReluGrad: reluGrad, InnerProduct: innerProduct }),
  AddN: addN,
  Cast: cast,
  Exp: unaryGraph('Exp', () => ['Exp', {}]),
  Log: unaryGraph('Log', () => ['Log', {}]),
  Tanh: unaryGraph('Tanh', () => ['Tanh', {}]),
  Sigmoid: unaryGraph('Sigmoid', () => ['Sigmoid', {}]),
  Erf: unaryGraph('Erf', () => ['Erf', {}]),
  Softplus: unaryGraph('Softplus', () => ['Softplus', {}]),
  Round: unaryGraph('Round', () => ['Round', {}]),
  Floor: unaryGraph('Floor', () => ['Floor', {}]),
  Ceil: unaryGraph('Ceil', () => ['Ceil', {}]),
  Pow: binaryGraph('Pow', 'Pow', 'a', 'b'),
  Prelu: binaryGraph('Prelu', 'PRelu', 'x', 'alpha'),
  Elu: unaryGraph('Elu', () => ['Elu', { alpha: { float: 1 } }]),
}
