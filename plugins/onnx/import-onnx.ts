/** Reads ONNX files of PyTorch's exporters and of archloom as networks. */
import { readFile } from 'node:fs/promises'
import * as tf from '@tensorflow/tfjs-core'
import { messageOf, quote } from '../../core/errors.ts'
import { type ApplyMode, seeded } from '../../core/index.ts'
import { among, options as declareOptions } from '../../core/options/index.ts'
import { batchNormInference, type VariableScope, variableScope, zeros } from '../../core/tensor/index.ts'
import { error } from './errors.ts'
import {
  checkedSize,
  computed,
  type ImportedNetwork,
  type ImportOptions,
  importedNetwork,
  importOptions,
  rectified,
} from './imported-network.ts'
import { decodeOnnx, type FileAttribute, type FileNode, type FileTensor, type OnnxFile } from './onnx-file.ts'

/**
 * A value of the graph. Images are computed with channels last, whatever the layout of the file: `turned` values are
 * [n, h, w, c] in memory and [n, c, h, w] in the file, and `flat` ones a turned image [h, w, c] in one row.
 */
interface Value {
  readonly tensor?: tf.Tensor
  readonly turned?: boolean
  readonly flat?: readonly [number, number, number]
  /** A weight or a number of the file, made a tensor in the order in which it is first read. */
  readonly constant?: string
}

type Run = (inputs: readonly Value[], node: Node, graph: Graph) => Value

interface Operator {
  readonly run: Run
  readonly inputs: readonly [number, number]
  readonly attributes: readonly string[]
}

const operator = (run: Run, inputs: number | readonly [number, number], ...attributes: string[]): Operator => ({
  run,
  inputs: typeof inputs === 'number' ? [inputs, inputs] : inputs,
  attributes,
})

/** A node with its attributes read. */
class Node {
  constructor(readonly node: FileNode) {}
  refused(what: string, received: unknown, expected: string): Error {
    const { name, op } = this.node
    return error('ARCHLOOM_ONNX_ATTRIBUTE', { node: name, op, attribute: what, received, expected })
  }
  get(name: string): FileAttribute | undefined {
    return this.node.attributes.get(name)
  }
  number(name: string, otherwise: number): number {
    const value = this.get(name) ?? otherwise
    if (typeof value !== 'number') throw this.refused(name, value, 'a number')
    return value
  }
  text(name: string, otherwise: string): string {
    const value = this.get(name) ?? otherwise
    if (typeof value !== 'string') throw this.refused(name, value, 'a text')
    return value
  }
  list(name: string, otherwise: readonly number[]): readonly number[] {
    const value = this.get(name) ?? otherwise
    if (!Array.isArray(value)) throw this.refused(name, value, 'a list of numbers')
    return value
  }
  only(name: string, otherwise: number | string, ...values: (number | string)[]): void {
    const value = this.get(name) ?? otherwise
    if (!values.includes(value as number))
      throw this.refused(name, value, values.map((each) => quote(each)).join(' or '))
  }
}

const lastFirst = [0, 3, 1, 2]
const firstLast = [0, 2, 3, 1]

/** In the order of the file. */
function plain({ tensor, turned, flat, constant }: Value, graph: Graph): tf.Tensor {
  if (constant !== undefined) return graph.constant(constant, 'plain')
  const x = tensor as tf.Tensor
  if (flat) return tf.reshape(tf.transpose(tf.reshape(x, [-1, ...flat]), lastFirst), [x.shape[0]!, -1])
  return turned ? tf.transpose(x, lastFirst) : x
}

/** An image with channels last. */
function image(value: Value, graph: Graph): tf.Tensor4D {
  if (value.turned) return value.tensor as tf.Tensor4D
  const x = plain(value, graph)
  if (x.rank !== 4) throw new Error(`it reads values of shape [${x.shape}], expected [n, channels, height, width]`)
  return tf.transpose(x, firstLast) as tf.Tensor4D
}
const turned = (tensor: tf.Tensor): Value => ({ tensor, turned: true })

/** The same for every element, so that the order does not matter. */
const unary = (f: (x: tf.Tensor, node: Node) => tf.Tensor, ...attributes: string[]): Operator =>
  operator(
    ([x], node, graph) => {
      if (x?.constant !== undefined) return { tensor: f(plain(x, graph), node) }
      return { ...x, tensor: f(x?.tensor as tf.Tensor, node) }
    },
    1,
    ...attributes,
  )

/** Operands that broadcast as in the file, in one order. */
const binary = (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operator =>
  operator(([a, b], { node }, graph) => {
    const both = [a as Value, b as Value]
    const images = both.some((each) => each.turned)
    const fits = both.every((each) => each.turned || each.constant !== undefined || (each.tensor?.rank ?? 0) === 4)
    if (images && fits) {
      const [x, y] = both.map((each) => (each.constant === undefined ? image(each, graph) : graph.constant(each.constant, 'image'))) // biome-ignore format: one line
      checkedSize(node.name, node.op, tf.backend_util.assertAndGetBroadcastShape(x!.shape, y!.shape))
      return turned(f(x!, y!))
    }
    const [x, y] = both.map((each) => plain(each, graph))
    checkedSize(node.name, node.op, tf.backend_util.assertAndGetBroadcastShape(x!.shape, y!.shape))
    return { tensor: f(x!, y!) }
  }, 2)

type Pair = [number, number]

/** [top, left, bottom, right] of a window; strides and dilations by axis. */
function windowOf(node: Node, x: tf.Tensor4D, kernel: readonly number[]) {
  if (kernel.length !== 2) throw node.refused('kernel_shape', kernel, 'two sizes, of images')
  const strides = [...node.list('strides', [1, 1])] as Pair
  const dilations = [...node.list('dilations', [1, 1])] as Pair
  const auto = node.text('auto_pad', 'NOTSET')
  let pads = [...node.list('pads', [0, 0, 0, 0])]
  if (auto === 'VALID') pads = [0, 0, 0, 0]
  else if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const along = (axis: 0 | 1) => {
      const size = x.shape[axis + 1] as number
      const extent = (kernel[axis]! - 1) * dilations[axis] + 1
      const total = Math.max(0, (Math.ceil(size / strides[axis]) - 1) * strides[axis] + extent - size)
      const small = Math.floor(total / 2)
      return auto === 'SAME_UPPER' ? [small, total - small] : [total - small, small]
    }
    const [[top, bottom], [left, right]] = [along(0), along(1)] as [Pair, Pair]
    pads = [top, left, bottom, right]
  } else if (auto !== 'NOTSET') throw node.refused('auto_pad', auto, 'NOTSET, VALID, SAME_UPPER or SAME_LOWER')
  const sizes = [...strides, ...dilations, ...kernel]
  if (pads.length !== 4 || pads.some((pad) => !(pad >= 0 && pad <= 65_536)))
    throw node.refused('pads', pads, 'four sizes')
  if (strides.length !== 2 || dilations.length !== 2 || sizes.some((size) => !(size >= 1 && size <= 65_536)))
    throw node.refused('strides', sizes, 'sizes from 1 to 65,536')
  const [top = 0, left = 0, bottom = 0, right = 0] = pads
  return { strides, dilations, sides: [[0, 0], [top, bottom], [left, right], [0, 0]] as [Pair, Pair, Pair, Pair], padded: pads.some((pad) => pad > 0) } // biome-ignore format: one line
}

const convolution: Run = ([x, w, b], node, graph) => {
  const input = image(x as Value, graph)
  if (w?.constant === undefined) throw new Error('its weights are no constant of the file')
  const { dims } = graph.file.constants.get(w.constant) as FileTensor
  const group = node.number('group', 1)
  const channels = input.shape[3]
  const [filters = 0, reads = 0, ...kernel] = dims
  const { strides, dilations, sides, padded } = windowOf(node, input, kernel)
  if (node.get('kernel_shape') && node.list('kernel_shape', []).join() !== kernel.join()) throw node.refused('kernel_shape', node.get('kernel_shape'), `[${kernel}]`) // biome-ignore format: one line
  const from = padded ? (tf.pad(input, sides) as tf.Tensor4D) : input
  checkedSize(node.node.name, 'Conv', [from.size / Math.max(1, channels), filters])
  let y: tf.Tensor
  if (group === 1) {
    const filter = graph.constant(w.constant, 'filter') as tf.Tensor4D
    y = tf.conv2d(from, filter, strides, 'valid', 'NHWC', dilations)
  } else if (group === channels && reads === 1) {
    const filter = graph.constant(w.constant, 'depthwise', group) as tf.Tensor4D
    y = tf.depthwiseConv2d(from, filter, strides, 'valid', 'NHWC', dilations)
  } else throw node.refused('group', group, `1, or one for each of the ${channels} channels`)
  return turned(b === undefined ? y : tf.add(y, graph.vector(b)))
}

const pooling =
  (pool: typeof tf.maxPool, average: boolean): Run =>
  ([x], node, graph) => {
    const input = image(x as Value, graph)
    const kernel = node.list('kernel_shape', [])
    const { strides, dilations, sides, padded } = windowOf(node, input, kernel)
    node.only('ceil_mode', 0, 0)
    node.only('storage_order', 0, 0)
    if (dilations.some((each) => each !== 1)) throw node.refused('dilations', dilations, '[1, 1]')
    if (!padded) return turned(pool(input, [...kernel] as Pair, strides, 'valid'))
    // Padding is never the maximum, and averages count it only if the file says so.
    if (!average)
      return turned(pool(tf.pad(input, sides, -3.4e38) as tf.Tensor4D, [...kernel] as Pair, strides, 'valid'))
    const mean = pool(tf.pad(input, sides) as tf.Tensor4D, [...kernel] as Pair, strides, 'valid')
    if (node.number('count_include_pad', 0) === 1) return turned(mean)
    const inside = tf.pad(tf.ones([1, input.shape[1], input.shape[2], 1]), sides) as tf.Tensor4D
    return turned(tf.div(mean, pool(inside, [...kernel] as Pair, strides, 'valid')))
  }

const product: Run = ([a, b, c], node, graph) => {
  const gemm = node.node.op === 'Gemm'
  if (gemm) {
    node.only('transA', 0, 0)
    node.only('alpha', 1, 1)
    node.only('beta', 1, 1)
  }
  const across = gemm && node.number('transB', 0) === 1
  const x = a as Value
  let y: tf.Tensor
  if (b?.constant !== undefined && graph.file.constants.get(b.constant)?.dims.length === 2) {
    // Rows of the weights are in the order of the image in memory.
    const weights = graph.constant(b.constant, across ? 'across' : 'plain', 1, x.flat) as tf.Tensor2D
    const input = x.flat ? (x.tensor as tf.Tensor) : plain(x, graph)
    y = tf.matMul(input, weights)
  } else y = tf.matMul(plain(x, graph), plain(b as Value, graph), false, across)
  return { tensor: c === undefined ? y : tf.add(y, graph.vector(c)) }
}

const spatial =
  (f: (x: tf.Tensor) => tf.Tensor): Run =>
  ([x], _, graph) =>
    turned(f(image(x as Value, graph)))

function reduction(f: (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor): Operator {
  return operator(
    ([x, axes], node, graph) => {
      node.only('noop_with_empty_axes', 0, 0)
      const value = x as Value
      const rank = value.turned ? 4 : plain(value, graph).rank
      const given = axes ? graph.numbers(axes) : node.list('axes', [])
      const wanted = (given.length > 0 ? given : Array.from({ length: rank }, (_, i) => i)).map((axis) => (axis < 0 ? axis + rank : axis)) // biome-ignore format: one line
      const keep = node.number('keepdims', 1) === 1
      if (value.turned && [...wanted].sort().join() === '2,3') {
        const y = f(value.tensor as tf.Tensor, [1, 2], keep)
        return keep ? turned(y) : { tensor: y }
      }
      return { tensor: f(plain(value, graph), wanted, keep) }
    },
    [1, 2],
    'axes',
    'keepdims',
    'noop_with_empty_axes',
  )
}

/** Up to opset 12, a softmax runs over all axes from its own on, which is the second where the file states none. */
function checkLast(node: Node, { rank }: tf.Tensor, { file }: Graph): void {
  const axis = node.number('axis', file.opset < 13 ? 1 : -1)
  if (axis !== -1 && axis !== rank - 1) throw node.refused('axis', axis, `the last of ${rank}`)
}

/** One row for each example; a turned image keeps its order in memory. */
function flattened(value: Value, graph: Graph): Value {
  if (!value.turned) {
    const x = plain(value, graph)
    return { tensor: tf.reshape(x, [x.shape[0]!, -1]) }
  }
  const x = value.tensor as tf.Tensor4D
  const [count, height, width, channels] = x.shape
  const row = tf.reshape(x, [count, height * width * channels])
  return height * width === 1 ? { tensor: row } : { tensor: row, flat: [height, width, channels] }
}

/** The axis of the file's order in memory. */
const placeOf = ({ turned: moved }: Value, axis: number, rank: number): number => {
  const positive = axis < 0 ? axis + rank : axis
  return moved ? lastFirst[positive]! : positive
}

const slice: Run = ([x, starts, ends, axes, steps], node, graph) => {
  const value = x as Value
  const tensor = value.turned ? (value.tensor as tf.Tensor) : plain(value, graph)
  const [from, to] = [graph.numbers(starts as Value), graph.numbers(ends as Value)]
  const along = axes ? graph.numbers(axes) : from.map((_, i) => i)
  const strides = steps ? graph.numbers(steps) : from.map(() => 1)
  let y = tensor
  along.forEach((axis, i) => {
    const place = placeOf(value, axis, tensor.rank)
    const size = y.shape[place] as number
    if (strides[i] === -1 && (from[i]! === -1 || from[i]! >= size - 1) && to[i]! < -size) {
      y = tf.reverse(y, place)
      return
    }
    if (strides[i] !== 1) throw node.refused('steps', strides[i], '1, or −1 over the whole axis')
    const within = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at))
    const [begin, end] = [within(from[i]!), within(to[i]!)]
    if (end <= begin) throw node.refused('ends', to[i], `a position behind ${begin}`)
    const [begins, sizes] = [new Array<number>(y.rank).fill(0), [...y.shape]]
    begins[place] = begin
    sizes[place] = end - begin
    y = tf.slice(y, begins, sizes)
  })
  return value.turned ? turned(y) : { tensor: y }
}

/** Repeats the first and the last position of an axis. */
function withEdges(x: tf.Tensor, axis: number, before: number, after: number): tf.Tensor {
  const edge = (at: number) => {
    const [begin, size] = [new Array<number>(x.rank).fill(0), [...x.shape]]
    begin[axis] = at
    size[axis] = 1
    return tf.slice(x, begin, size)
  }
  const [first, last] = [edge(0), edge(x.shape[axis]! - 1)]
  return tf.concat([...new Array<tf.Tensor>(before).fill(first), x, ...new Array<tf.Tensor>(after).fill(last)], axis)
}

const padding: Run = ([x, pads, constant], node, graph) => {
  node.only('mode', 'constant', 'constant', 'edge', 'reflect')
  const value = x as Value
  const tensor = value.turned ? (value.tensor as tf.Tensor) : plain(value, graph)
  const sizes = pads ? graph.numbers(pads) : node.list('pads', [])
  const { rank } = tensor
  if (sizes.length !== 2 * rank || sizes.some((size) => !(size >= 0 && size <= 65_536)))
    throw node.refused('pads', sizes, `${2 * rank} sizes from 0 to 65,536`)
  const sides = Array.from({ length: rank }, (): Pair => [0, 0])
  for (let axis = 0; axis < rank; axis++)
    sides[placeOf(value, axis, rank)] = [sizes[axis] as number, sizes[axis + rank] as number]
  checkedSize(node.node.name, 'Pad', sides.map(([before, after], axis) => tensor.shape[axis]! + before + after)) // biome-ignore format: one line
  const mode = node.text('mode', 'constant')
  let y = tensor
  if (mode === 'edge')
    sides.forEach(([before, after], axis) => {
      if (before + after > 0) y = withEdges(y, axis, before, after)
    })
  else if (mode === 'reflect') y = tf.mirrorPad(tensor, sides, 'reflect')
  else y = tf.pad(tensor, sides, constant ? graph.numbers(constant)[0]! : node.number('value', 0))
  return value.turned ? turned(y) : { tensor: y }
}

/** Full windows, of which the padding is cut off afterwards, and zeros beyond the last one. */
const transposed: Run = ([x, w, b], node, graph) => {
  const input = image(x as Value, graph)
  if (w?.constant === undefined) throw new Error('its weights are no constant of the file')
  const [, filters = 0, ...kernel] = (graph.file.constants.get(w.constant) as FileTensor).dims
  node.only('group', 1, 1)
  node.only('auto_pad', 'NOTSET', 'NOTSET')
  if (node.get('output_shape')) throw node.refused('output_shape', node.get('output_shape'), 'none, but pads')
  const { strides, dilations, sides } = windowOf(node, input, kernel)
  if (dilations.some((each) => each !== 1)) throw node.refused('dilations', dilations, '[1, 1]')
  const beyond = node.list('output_padding', [0, 0])
  const [n, height, width] = input.shape
  const full = [height, width].map((size, axis) => (size - 1) * strides[axis as 0]! + kernel[axis]!) as Pair
  checkedSize(node.node.name, 'ConvTranspose', [n, ...full, filters])
  const filter = graph.constant(w.constant, 'filter') as tf.Tensor4D
  const all = tf.conv2dTranspose(input, filter, [n, ...full, filters], strides, 'valid')
  const [[top, bottom], [left, right]] = [sides[1], sides[2]]
  const [below, after] = [bottom - beyond[0]!, right - beyond[1]!]
  const sizes = [n, full[0] - top - Math.max(0, below), full[1] - left - Math.max(0, after), filters] as const
  if (sizes.some((size) => size < 1)) throw node.refused('pads', sides, 'less than the result')
  const cut = tf.slice(all, [0, top, left, 0], [...sizes])
  const y = below < 0 || after < 0 ? tf.pad(cut, [[0, 0], [0, Math.max(0, -below)], [0, Math.max(0, -after)], [0, 0]]) : cut // biome-ignore format: one line
  return turned(b === undefined ? y : tf.add(y, graph.vector(b)))
}

/** Images enlarged by whole factors, between which every rule for the nearest neighbour agrees. */
const resize: Run = ([x, , scales, sizes], node, graph) => {
  const input = image(x as Value, graph)
  if (sizes !== undefined || scales === undefined) throw node.refused('sizes', 'given', 'whole factors as scales')
  const factors = graph.numbers(scales)
  const [rows = 0, columns = 0] = factors.slice(2)
  const isWhole = factors.length === 4 && factors.every((each) => Number.isInteger(each) && each >= 1)
  if (!isWhole || factors[0] !== 1 || factors[1] !== 1) throw node.refused('scales', factors, '[1, 1, whole, whole]')
  const mode = node.text('mode', 'nearest')
  node.only('mode', 'nearest', 'nearest', 'linear')
  node.only('antialias', 0, 0)
  const place = node.text('coordinate_transformation_mode', 'half_pixel')
  const places = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', ...(mode === 'linear' ? ['align_corners'] : [])]
  node.only('coordinate_transformation_mode', 'half_pixel', ...places)
  const [, height, width] = input.shape
  const size = [height * rows, width * columns] as Pair
  checkedSize(node.node.name, 'Resize', [...size, input.shape[3]])
  const half = place.endsWith('half_pixel')
  if (mode === 'linear') return turned(tf.image.resizeBilinear(input, size, place === 'align_corners', half))
  const nearest = node.text('nearest_mode', 'round_prefer_floor')
  node.only('nearest_mode', 'round_prefer_floor', ...(half ? ['round_prefer_floor', 'round_prefer_ceil'] : ['floor']))
  return turned(tf.image.resizeNearestNeighbor(input, size, false, nearest !== 'floor'))
}

const depthToSpace: Run = ([x], node, graph) => {
  const input = image(x as Value, graph)
  const size = node.number('blocksize', 0)
  node.only('mode', 'DCR', 'DCR', 'CRD')
  const channels = input.shape[3]
  if (!(Number.isInteger(size) && size >= 1) || channels % (size * size) !== 0)
    throw node.refused('blocksize', size, `a whole number whose square divides ${channels} channels`)
  if (size === 1) return turned(input)
  if (node.text('mode', 'DCR') === 'DCR') return turned(tf.depthToSpace(input, size))
  const kept = channels / size ** 2
  // The file counts the channels of a result first, and the engine its places.
  const order = Array.from({ length: channels }, (_, i) => (i % kept) * size ** 2 + Math.floor(i / kept))
  return turned(tf.depthToSpace(tf.gather(input, tf.tensor1d(order, 'int32'), 3), size))
}

const operators: Readonly<Record<string, Operator>> = {
  Identity: unary((x) => x),
  Dropout: operator(
    ([x, , training], node, graph) => {
      if (training && graph.numbers(training)[0] !== 0) throw node.refused('training_mode', true, 'false')
      return x as Value
    },
    [1, 3],
    'ratio',
    'seed',
  ),
  Relu: unary((x) => tf.relu(x)),
  Sigmoid: unary((x) => tf.sigmoid(x)),
  Tanh: unary((x) => tf.tanh(x)),
  Exp: unary((x) => tf.exp(x)),
  Log: unary((x) => tf.log(x)),
  Sqrt: unary((x) => tf.sqrt(x)),
  Abs: unary((x) => tf.abs(x)),
  Neg: unary((x) => tf.neg(x)),
  Reciprocal: unary((x) => tf.reciprocal(x)),
  Erf: unary((x) => tf.erf(x)),
  Softplus: unary((x) => tf.softplus(x)),
  Floor: unary((x) => tf.floor(x)),
  Ceil: unary((x) => tf.ceil(x)),
  Round: unary((x) => tf.round(x)),
  Sign: unary((x) => tf.sign(x)),
  LeakyRelu: unary((x, node) => tf.leakyRelu(x, node.number('alpha', 0.01)), 'alpha'),
  Elu: unary((x, node) => {
    node.only('alpha', 1, 1)
    return tf.elu(x)
  }, 'alpha'),
  HardSigmoid: unary((x, node) => tf.clipByValue(tf.add(tf.mul(x, node.number('alpha', Math.fround(0.2))), node.number('beta', 0.5)), 0, 1), 'alpha', 'beta'), // biome-ignore format: one line
  HardSwish: unary((x) => tf.mul(x, tf.div(tf.relu6(tf.add(x, 3)), 6))),
  Clip: operator(
    ([x, low, high], node, graph) => {
      const least = low ? graph.numbers(low)[0]! : node.number('min', Number.NEGATIVE_INFINITY)
      const most = high ? graph.numbers(high)[0]! : node.number('max', Number.POSITIVE_INFINITY)
      const own = x as Value
      const tensor = own.constant === undefined ? (own.tensor as tf.Tensor) : plain(own, graph)
      if (least === 0 && most === 6) return { ...own, tensor: tf.relu6(tensor) }
      return { ...own, tensor: tf.clipByValue(tensor, least, most) }
    },
    [1, 3],
    'min',
    'max',
  ),
  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Mul: binary(tf.mul),
  Div: binary(tf.div),
  Pow: binary(tf.pow),
  Max: binary(tf.maximum),
  Min: binary(tf.minimum),
  PRelu: binary(rectified),
  Conv: operator(convolution, [2, 3], 'group', 'kernel_shape', 'strides', 'dilations', 'pads', 'auto_pad'),
  BatchNormalization: operator(
    ([x, scale, bias, mean, variance], node, graph) => {
      node.only('training_mode', 0, 0)
      // Up to opset 13, this is how a file says that the statistics are those of the batch.
      const [, ...more] = node.node.outputs.filter((name) => name !== '')
      if (more.length > 0) throw node.refused('outputs', node.node.outputs, 'one, of given statistics')
      const [gamma, beta] = [scale, bias].map((each) => graph.vector(each as Value))
      const [centre, spread] = [mean, variance].map((each) => graph.vector(each as Value, true))
      const own = x as Value
      const rank2 = own.turned !== true && (own.flat !== undefined || own.tensor?.rank === 2)
      const input = rank2 ? plain(own, graph) : image(own, graph)
      const y = batchNormInference(
        input,
        centre!,
        spread!,
        gamma,
        beta,
        node.number('epsilon', Math.fround(1e-5)),
        false,
      )
      return rank2 ? { tensor: y } : turned(y)
    },
    5,
    'epsilon',
    'momentum',
    'training_mode',
    'spatial',
  ),
  MaxPool: operator(pooling(tf.maxPool, false), 1, 'kernel_shape', 'strides', 'dilations', 'pads', 'auto_pad', 'ceil_mode', 'storage_order'), // biome-ignore format: one line
  AveragePool: operator(pooling(tf.avgPool as typeof tf.maxPool, true), 1, 'kernel_shape', 'strides', 'dilations', 'pads', 'auto_pad', 'ceil_mode', 'count_include_pad'), // biome-ignore format: one line
  GlobalAveragePool: operator(
    spatial((x) => tf.mean(x, [1, 2], true)),
    1,
  ),
  GlobalMaxPool: operator(
    spatial((x) => tf.max(x, [1, 2], true)),
    1,
  ),
  Gemm: operator(product, [2, 3], 'transA', 'transB', 'alpha', 'beta'),
  MatMul: operator(product, 2),
  ReduceMean: reduction(tf.mean),
  ReduceSum: reduction(tf.sum),
  ReduceMax: reduction(tf.max),
  ReduceMin: reduction(tf.min),
  Softmax: operator(
    ([x], node, graph) => {
      const y = plain(x as Value, graph)
      checkLast(node, y, graph)
      return { tensor: tf.softmax(y) }
    },
    1,
    'axis',
  ),
  LogSoftmax: operator(
    ([x], node, graph) => {
      const y = plain(x as Value, graph)
      checkLast(node, y, graph)
      return { tensor: tf.logSoftmax(y) }
    },
    1,
    'axis',
  ),
  Flatten: operator(
    ([x], node, graph) => {
      node.only('axis', 1, 1)
      return flattened(x as Value, graph)
    },
    1,
    'axis',
  ),
  Reshape: operator(
    ([x, shape], node, graph) => {
      node.only('allowzero', 0, 0)
      const value = x as Value
      const sizes = graph.numbers(shape as Value)
      const before = value.turned ? lastFirst.map((axis) => value.tensor!.shape[axis]!) : plain(value, graph).shape
      const to = sizes.map((size, i) => (size === 0 ? before[i]! : size))
      const rows = to.length === 2 && (to[0] === before[0] || (to[0] === -1 && to[1] === before.slice(1).reduce((a, b) => a * b, 1))) // biome-ignore format: one line
      return rows ? flattened(value, graph) : { tensor: tf.reshape(plain(value, graph), to) }
    },
    2,
    'allowzero',
  ),
  Squeeze: operator(
    ([x, axes], node, graph) => {
      const y = plain(x as Value, graph)
      const given = axes ? graph.numbers(axes) : node.list('axes', [])
      return {
        tensor: tf.squeeze(y, given.length > 0 ? given.map((axis) => (axis < 0 ? axis + y.rank : axis)) : undefined),
      }
    },
    [1, 2],
    'axes',
  ),
  Transpose: operator(
    ([x], node, graph) => {
      const value = x as Value
      const perm = node.list('perm', []).join()
      // The file transposes the value, so nothing needs to move.
      if (value.turned && perm === firstLast.join()) return { tensor: value.tensor as tf.Tensor }
      const y = plain(value, graph)
      if (perm === lastFirst.join()) return turned(y)
      return { tensor: tf.transpose(y, perm === '' ? undefined : [...node.list('perm', [])]) }
    },
    1,
    'perm',
  ),
  ConvTranspose: operator(transposed, [2, 3], 'group', 'kernel_shape', 'strides', 'dilations', 'pads', 'auto_pad', 'output_padding', 'output_shape'), // biome-ignore format: one line
  Resize: operator(resize, [3, 4], 'mode', 'coordinate_transformation_mode', 'nearest_mode', 'cubic_coeff_a', 'antialias'), // biome-ignore format: one line
  Slice: operator(slice, [3, 5]),
  Pad: operator(padding, [1, 3], 'mode', 'pads', 'value'),
  DepthToSpace: operator(depthToSpace, 1, 'blocksize', 'mode'),
  Concat: operator(
    (inputs, node, graph) => {
      const axis = node.number('axis', 0)
      if (inputs.some((each) => each.turned)) {
        const place = [0, 3, 1, 2][axis < 0 ? axis + 4 : axis]
        if (place === undefined) throw node.refused('axis', axis, 'one of four')
        return turned(tf.concat(inputs.map((each) => image(each, graph)), place)) // biome-ignore format: one line
      }
      return { tensor: tf.concat(inputs.map((each) => plain(each, graph)), axis) } // biome-ignore format: one line
    },
    [1, 4096],
    'axis',
  ),
}

export const onnxImportOperators: readonly string[] = [...Object.keys(operators), 'Constant'].sort()

type Form = 'plain' | 'image' | 'filter' | 'depthwise' | 'across'

class Graph {
  private readonly made = new Map<string, { readonly form: string; readonly tensor: () => tf.Tensor }>()
  constructor(
    readonly file: OnnxFile,
    private readonly scope: VariableScope,
  ) {}

  /** Numbers that must not depend on the input. */
  numbers({ constant, tensor }: Value): number[] {
    if (constant === undefined && tensor === undefined) throw new Error('it reads numbers that are not there')
    return constant === undefined ? [...tensor!.dataSync()] : [...this.known(constant).values]
  }

  private known(name: string): FileTensor {
    return this.file.constants.get(name) as FileTensor
  }

  /** One number for each channel. */
  vector(value: Value, fixed = false): tf.Tensor {
    if (value.constant === undefined) return plain(value, this)
    if (this.known(value.constant).dims.length > 1)
      throw new Error(`a vector of shape [${this.known(value.constant).dims}]`)
    return this.constant(value.constant, 'plain', 1, undefined, fixed)
  }

  /** A constant in the order of the computation; weights are variables. */
  constant(name: string, form: Form, group = 1, flat?: Value['flat'], fixed = false): tf.Tensor {
    const key = `${form} ${group} ${flat}`
    const found = this.made.get(name)
    if (found && found.form !== key) throw new Error(`the constant ${quote(name)} is read in two ways`)
    if (found) return found.tensor()
    const { dims, values, kind } = this.known(name)
    const { shape, data } = ordered(dims, values, form, group, flat)
    let tensor = (): tf.Tensor => tf.tensor(data, shape, kind === 'float' ? 'float32' : 'int32')
    if (kind === 'float' && dims.length > 0) {
      const parts = name.split('/').filter((part) => part !== '')
      const own = parts.slice(0, -1).reduce((at, part) => at.child(part), this.scope)
      const last = parts.at(-1) ?? 'constant'
      const variable = fixed ? own.state(last, shape, 0) : own.weight(last, shape, zeros)
      tf.tidy(() => variable.assign(tf.tensor(data, shape, 'float32')))
      tensor = () => variable
    }
    this.made.set(name, { form: key, tensor })
    return tensor()
  }
}

/** Values of a constant with its axes in another order. */
function ordered(
  dims: readonly number[],
  values: FileTensor['values'],
  form: Form,
  group: number,
  flat: Value['flat'],
) {
  const move = (shape: readonly number[], axes: readonly number[]) =>
    tf.tidy(() => {
      const moved = tf.transpose(tf.tensor(Float32Array.from(values), [...shape]), [...axes])
      return { shape: [...moved.shape], data: moved.dataSync() as Float32Array }
    })
  if (form === 'filter') return move(dims, [2, 3, 1, 0])
  if (form === 'depthwise') {
    const [filters = 0, , height = 1, width = 1] = dims
    const moved = move([group, filters / group, height, width], [2, 3, 0, 1])
    return moved
  }
  if (form === 'image') return move([1, 1, 1, 1, ...dims].slice(-4), firstLast)
  if (flat) {
    const [height, width, channels] = flat
    const rows = height * width * channels
    const units = dims[form === 'across' ? 0 : 1] as number
    if (dims[form === 'across' ? 1 : 0] !== rows)
      throw new Error(`weights of shape [${dims}] for rows of ${rows} numbers`)
    const moved = form === 'across' ? move([units, channels, height, width], [2, 3, 1, 0]) : move([channels, height, width, units], [1, 2, 0, 3]) // biome-ignore format: one line
    return { shape: [rows, units], data: moved.data }
  }
  if (form === 'across') return move(dims, [1, 0])
  return { shape: [...dims], data: Float32Array.from(values) }
}

export interface OnnxImportOptions extends ImportOptions {
  /** Order of the input's axes: [height, width, channels] for images, or that of the file. Default 'channels-last'. */
  readonly layout?: 'channels-last' | 'file'
}

const declared = declareOptions('importOnnx', {
  ...importOptions,
  layout: among(['channels-last', 'file'], {
    default: 'channels-last',
    doc: "Order of the input's axes: [height, width, channels] for images, or that of the file.",
  }),
})

/**
 * An ONNX file (by path, or its bytes) as a network, its weights as variables: to evaluate, compress, train further, or
 * export. Images are given as [height, width, channels], as every network here takes them, also where the file's own
 * input is [channels, height, width], as PyTorch writes it. Batch normalisations use the statistics of the file.
 * `onnxImportOperators` lists the operators; others, and attributes that are not handled, are refused by name. Errors:
 * ARCHLOOM_ONNX_FILE, ARCHLOOM_ONNX_OPERATOR, ARCHLOOM_ONNX_ATTRIBUTE, ARCHLOOM_OPTION, ARCHLOOM_IMPORT_INPUT,
 * ARCHLOOM_IMPORT_NODE.
 */
export async function importOnnx(model: string | Uint8Array, given: OnnxImportOptions = {}): Promise<ImportedNetwork> {
  const { layout, ...options } = declared.read(given)
  const source = typeof model === 'string' ? model : `${model.length} bytes`
  const bytes =
    typeof model === 'string'
      ? await readFile(model).catch((cause: unknown) => {
          throw error('ARCHLOOM_ONNX_FILE', { file: source, reason: messageOf(cause) }, { cause })
        })
      : model
  const decoded = decodeOnnx(bytes, source)
  const file = withConstants(decoded)
  const [input, ...others] = file.inputs
  if (input === undefined || others.length > 0 || input.dims === undefined)
    throw error('ARCHLOOM_IMPORT_INPUT', {
      source,
      reason: input?.dims === undefined && others.length === 0 ? 'its input has no shape' : `it has the inputs ${file.inputs.map(({ name }) => name).join(', ')}`, // biome-ignore format: one line
      remedy: 'Export a model of one input of a known shape',
    })
  // Whole numbers are divided and rounded by other rules than those computed with here.
  if (![0, 1, 10, 11].includes(input.type))
    throw error('ARCHLOOM_IMPORT_INPUT', {
      source,
      reason: `its input is of the element type ${input.type}, and no float`,
      remedy: 'Export a model of floats, or run the file with openOnnx',
    })
  const readers = file.nodes.filter(({ inputs }) => inputs.includes(input.name))
  // Files of archloom take channels-last inputs themselves, and say so.
  const turnedByFile =
    file.properties.get('layout') === 'NHWC' ||
    readers.every(({ op, attributes }) => op === 'Transpose' && `${attributes.get('perm')}` === `${lastFirst}`)
  const channelsLast = layout === 'channels-last' && input.dims.length === 4 && !turnedByFile
  const nodes = file.nodes.map((node) => {
    if (!Object.hasOwn(operators, node.op))
      throw error('ARCHLOOM_ONNX_OPERATOR', { node: node.name, op: node.op, supported: onnxImportOperators })
    const known = operators[node.op] as Operator
    const made = new Node(node)
    for (const [attribute, value] of node.attributes)
      if (!known.attributes.includes(attribute)) throw made.refused(attribute, value, 'a node without it')
    const [least, most] = known.inputs
    if (node.inputs.length < least || node.inputs.length > most)
      throw error('ARCHLOOM_IMPORT_NODE', { node: node.name, op: node.op, reason: `it reads ${node.inputs.length} values, expected ${least} to ${most}` }) // biome-ignore format: one line
    return { node: made, known }
  })
  const scope = variableScope({ rng: seeded(1) })
  const graph = new Graph(file, scope)
  const run = (x: tf.Tensor, _: ApplyMode): tf.Tensor[] => {
    const values = new Map<string, Value>([[input.name, channelsLast ? turned(x) : { tensor: x }]])
    const valueOfName = (name: string, reader: string): Value => {
      const value = values.get(name) ?? (file.constants.has(name) ? { constant: name } : undefined)
      if (value === undefined) throw error('ARCHLOOM_ONNX_FILE', { file: source, reason: `${quote(reader)} reads ${quote(name)}, which nothing before it makes` }) // biome-ignore format: one line
      return value
    }
    for (const { node, known } of nodes) {
      const { name, op, inputs, outputs } = node.node
      const read = inputs.map((each) => (each === '' ? undefined : valueOfName(each, name)) as Value)
      values.set(outputs[0] ?? name, computed(name, op, () => known.run(read, node, graph))) // biome-ignore format: one line
    }
    return file.outputs.map((each) => plain(valueOfName(each.name, 'the output'), graph))
  }
  const [batch = null, channels = null, height = null, width = null] = input.dims
  const inputShape = channelsLast ? [batch, height, width, channels] : input.dims
  return importedNetwork({ source, scope, inputShape, outputs: file.outputs.map(({ name }) => name), run }, options)
}

/** Nodes that only contain a value are constants. */
function withConstants(file: OnnxFile): OnnxFile {
  const constants = new Map(file.constants)
  const nodes = file.nodes.filter((node) => {
    if (node.op !== 'Constant') return true
    const value = node.attributes.get('value')
    if (node.attributes.size !== 1 || typeof value !== 'object' || Array.isArray(value))
      throw error('ARCHLOOM_ONNX_ATTRIBUTE', { node: node.name, op: 'Constant', attribute: [...node.attributes.keys()].join(), received: value, expected: 'a tensor as its value' }) // biome-ignore format: one line
    constants.set(node.outputs[0] ?? '', value as FileTensor)
    return false
  })
  return { ...file, nodes, constants }
}
