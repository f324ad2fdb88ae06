/** TensorFlow's operators as tfjs computes them, with the attributes that each handles. */
import * as tf from '@tensorflow/tfjs-core'
import { batchNormInference } from '../../../core/tensor/index.ts'
import { checkedSize, rectified } from '../imported-network.ts'
import {
  type AttributeChecks,
  anything,
  flag,
  type GraphAttributes,
  only,
  real,
  steps,
  type,
  whole,
  wholes,
} from './graph-attributes.ts'
import type { NodeDef } from './node-def.ts'

export type Tensors = readonly tf.Tensor[]
/** What an operator computes; lists of numbers are read from tensors that do not depend on the input. */
export type Run = (inputs: Tensors, attributes: GraphAttributes, node: NodeDef) => tf.Tensor | tf.Tensor[]

export interface Operator {
  readonly run: Run
  readonly attributes: AttributeChecks
  /** Least and greatest number of inputs. */
  readonly inputs: readonly [number, number]
  /** Nothing can be trained through it: tfjs has no gradient of it. */
  readonly withoutGradient?: true
}

const operator = (
  run: Run,
  inputs: number | readonly [number, number],
  attributes: AttributeChecks = {},
  more: { readonly withoutGradient?: true } = {},
): Operator => ({ run, attributes, inputs: typeof inputs === 'number' ? [inputs, inputs] : inputs, ...more })

type Pair = [number, number]
const at = (inputs: Tensors, index: number): tf.Tensor => inputs[index] as tf.Tensor
const list = (x: tf.Tensor | undefined): number[] => {
  if ((x as tf.Tensor).size > 65_536)
    throw new Error(`a list of ${(x as tf.Tensor).size} numbers, expected a short one`)
  return [...(x as tf.Tensor).dataSync()]
}
const number = (x: tf.Tensor | undefined): number => {
  if ((x as tf.Tensor).size !== 1) throw new Error(`${(x as tf.Tensor).size} numbers, expected one`)
  return list(x)[0] as number
}
const indices = (x: tf.Tensor): tf.Tensor => (x.dtype === 'int32' ? x : tf.cast(x, 'int32'))

const unary = (f: (x: tf.Tensor) => tf.Tensor, attributes: AttributeChecks = {}): Operator =>
  operator(([x]) => f(x as tf.Tensor), 1, attributes)

const broadcast = (a: tf.Tensor, b: tf.Tensor): number[] => tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape)

const binary = (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, attributes: AttributeChecks = {}): Operator =>
  operator(
    (inputs, _, { name, op }) => {
      const [a, b] = [at(inputs, 0), at(inputs, 1)]
      checkedSize(name, op, broadcast(a, b))
      return f(a, b)
    },
    2,
    attributes,
  )

/** No gradient flows through a comparison, whatever its arguments depend on. */
const compared = (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operator =>
  binary((a, b) => constantOf((...both) => f(both[0] as tf.Tensor, both[1] as tf.Tensor), [a, b]), {
    incompatible_shape_error: anything,
  })

/** f of its arguments as if they were constants: their gradients are zeros. */
function constantOf(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor {
  const value = tf.customGrad((...all: unknown[]) => {
    const given = all.slice(0, inputs.length) as tf.Tensor[]
    return { value: f(...given), gradFunc: () => given.map((each) => tf.zeros(each.shape)) }
  })
  return value(...inputs)
}

const nhwc = only('NHWC')
const sliding = {
  strides: steps,
  dilations: steps,
  padding: only('SAME', 'VALID', 'EXPLICIT'),
  explicit_paddings: wholes,
  data_format: nhwc,
  use_cudnn_on_gpu: flag,
}
const middle = (values: readonly number[]): Pair => [values[1] ?? 1, values[2] ?? 1]

function paddingOf(attributes: GraphAttributes): 'same' | 'valid' | tf.backend_util.ExplicitPadding {
  const padding = attributes.text('padding', '').toLowerCase()
  const explicit = attributes.numbers('explicit_paddings')
  if (padding === 'same' || padding === 'valid') {
    if (explicit.some((each) => each !== 0)) throw attributes.refused('explicit_paddings', 'none beside SAME and VALID')
    return padding
  }
  if (padding !== 'explicit') throw attributes.refused('padding', 'SAME, VALID or EXPLICIT')
  if (
    explicit.length !== 8 ||
    explicit.some((each) => each < 0 || each > 65_536) ||
    [0, 1, 6, 7].some((i) => explicit[i] !== 0)
  )
    // biome-ignore format: one line
    throw attributes.refused('explicit_paddings', 'eight sizes, of height and width alone')
  const [, , top = 0, bottom = 0, left = 0, right = 0] = explicit
  return [[0, 0], [top, bottom], [left, right], [0, 0]] // biome-ignore format: one line
}

/** Rows and columns of zeros are a node of their own: engines differ in what they know of uneven padding. */
function padded(x: tf.Tensor, attributes: GraphAttributes): { x: tf.Tensor4D; pad: 'same' | 'valid' } {
  const pad = paddingOf(attributes)
  if (typeof pad === 'string') return { x: x as tf.Tensor4D, pad }
  const [, [top, bottom], [left, right]] = pad as [Pair, Pair, Pair, Pair]
  if (top + bottom + left + right === 0) return { x: x as tf.Tensor4D, pad: 'valid' }
  return { x: tf.pad(x as tf.Tensor4D, [[0, 0], [top, bottom], [left, right], [0, 0]]), pad: 'valid' } // biome-ignore format: one line
}

const convolution: Run = (inputs, attributes, { name, op }) => {
  const { x, pad } = padded(at(inputs, 0), attributes)
  const filter = at(inputs, 1) as tf.Tensor4D
  checkedSize(name, op, [x.size / Math.max(1, x.shape[3] ?? 1), filter.shape[3] ?? 1])
  return tf.conv2d(
    x,
    filter,
    middle(attributes.numbers('strides')),
    pad,
    'NHWC',
    middle(attributes.numbers('dilations')),
  )
}
const depthwise: Run = (inputs, attributes, { name, op }) => {
  const { x, pad } = padded(at(inputs, 0), attributes)
  const filter = at(inputs, 1) as tf.Tensor4D
  checkedSize(name, op, [x.size, filter.shape[3] ?? 1])
  const strides = middle(attributes.numbers('strides'))
  return tf.depthwiseConv2d(x, filter, strides, pad, 'NHWC', middle(attributes.numbers('dilations')))
}

/** Batches are made alike first: tfjs pairs those that broadcast against each other wrongly. */
const matMul: Run = (inputs, attributes, { name, op }) => {
  const [a, b] = [at(inputs, 0), at(inputs, 1)]
  if (a.rank < 2 || b.rank < 2) throw new Error(`matrices of shapes [${a.shape}] and [${b.shape}]`)
  const left = attributes.flag('transpose_a') || attributes.flag('adj_x')
  const right = attributes.flag('transpose_b') || attributes.flag('adj_y')
  const outer = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  checkedSize(name, op, [...outer, a.shape.at(left ? -1 : -2) as number, b.shape.at(right ? -2 : -1) as number])
  const alike = (x: tf.Tensor) => {
    const shape = [...outer, ...x.shape.slice(-2)]
    return x.shape.join() === shape.join() ? x : tf.broadcastTo(x, shape)
  }
  return tf.matMul(alike(a), alike(b), left, right)
}
const product = { transpose_a: flag, transpose_b: flag, grad_a: only(false), grad_b: only(false) }
const batchProduct = { adj_x: flag, adj_y: flag, grad_x: only(false), grad_y: only(false) }

const activations: Readonly<
  Record<string, (x: tf.Tensor, attributes: GraphAttributes, rest: tf.Tensor[]) => tf.Tensor>
> = {
  Relu: (x) => tf.relu(x),
  Relu6: (x) => tf.relu6(x),
  Elu: (x) => tf.elu(x),
  Sigmoid: (x) => tf.sigmoid(x),
  Tanh: (x) => tf.tanh(x),
  LeakyRelu: (x, attributes) => tf.leakyRelu(x, attributes.number('leakyrelu_alpha', 0.2)),
  Prelu: (x, _, rest) => rectified(x, rest.shift() as tf.Tensor),
}

/** A layer with bias and activation in one node, as converters write it. */
function fused(run: Run, attributes: AttributeChecks): Operator {
  const fusing: AttributeChecks = {
    fused_ops: anything,
    num_args: whole,
    num_host_args: only(0),
    leakyrelu_alpha: real,
    // Of a fused batch normalisation, which is refused.
    epsilon: real,
    filter_format: only('HWIO'),
    TArgs: anything,
  }
  return operator(
    (inputs, given, node) => {
      const [x, weights, ...rest] = inputs as [tf.Tensor, tf.Tensor, ...tf.Tensor[]]
      const [first, ...others] = given.texts('fused_ops')
      const after = first === 'BiasAdd' || first === undefined ? others : [first, ...others]
      const needed = (first === 'BiasAdd' ? 1 : 0) + (after[0] === 'Prelu' ? 1 : 0)
      if (after.length > 1 || after.some((op) => !Object.hasOwn(activations, op)))
        throw given.refused('fused_ops', `BiasAdd, and one of ${Object.keys(activations).join(', ')}`)
      if (rest.length !== needed || given.number('num_args', needed) !== needed)
        throw given.refused('num_args', `${needed}, as many as its fused_ops read`)
      let y = run([x, weights], given, node) as tf.Tensor
      if (first === 'BiasAdd') y = tf.add(y, vector(rest.shift() as tf.Tensor, y))
      return after[0] === undefined ? y : (activations[after[0]] as (typeof activations)[string])(y, given, rest)
    },
    [2, 4],
    { ...attributes, ...fusing },
  )
}

/** A bias: one number for each channel. */
function vector(bias: tf.Tensor, x: tf.Tensor): tf.Tensor {
  if (bias.rank !== 1 || bias.shape[0] !== x.shape.at(-1))
    throw new Error(`a bias of shape [${bias.shape}] for values of shape [${x.shape}]`)
  return bias
}

/** With given statistics, in operations that have gradients. */
const normalisation = operator(
  ([x, scale, offset, mean, variance], attributes) => {
    if (!attributes.has('epsilon')) throw attributes.refused('epsilon', 'a number')
    const channels = (x as tf.Tensor).shape.at(-1)
    for (const part of [scale, offset, mean, variance])
      if (part?.rank !== 1 || part.shape[0] !== channels)
        throw new Error(`parameters of shape [${part?.shape}] for ${channels} channels`)
    return batchNormInference(x as tf.Tensor, mean as tf.Tensor, variance as tf.Tensor, scale, offset, attributes.number('epsilon', 0), false) // biome-ignore format: one line
  },
  5,
  { epsilon: real, data_format: nhwc, is_training: only(false), exponential_avg_factor: anything, U: type },
)

const pooling = (pool: typeof tf.maxPool, explicit: boolean): Operator =>
  operator(
    ([x], attributes) => {
      const [window, strides] = [middle(attributes.numbers('ksize')), middle(attributes.numbers('strides'))]
      const pad = paddingOf(attributes)
      return pool(x as tf.Tensor4D, window, strides, pad as 'same')
    },
    1,
    {
      ksize: steps,
      strides: steps,
      padding: explicit ? only('SAME', 'VALID', 'EXPLICIT') : only('SAME', 'VALID'),
      ...(explicit && { explicit_paddings: wholes }),
      data_format: nhwc,
    },
  )

const reduction = (
  reduce: (x: tf.Tensor, axis: number[], keep: boolean) => tf.Tensor,
  more: { readonly withoutGradient?: true } = {},
): Operator =>
  // biome-ignore format: one line
  operator(
    ([x, axis], attributes) => reduce(x as tf.Tensor, list(axis), attributes.flag('keep_dims')),
    2,
    { keep_dims: flag },
    more,
  )

const pairs = (values: readonly number[]): Pair[] =>
  Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]] as Pair)

function padding({ name, op }: NodeDef, x: tf.Tensor, sides: tf.Tensor | undefined): Pair[] {
  const pads = pairs(list(sides))
  if (pads.length !== x.rank || pads.some((pair) => pair.some((each) => !(each >= 0))))
    throw new Error(`paddings [${pads.join('; ')}] of ${x.rank} axes`)
  checkedSize(name, op, x.shape.map((size, i) => size + (pads[i] as Pair)[0] + (pads[i] as Pair)[1])) // biome-ignore format: one line
  return pads
}

const resizing = (resize: typeof tf.image.resizeBilinear): Operator =>
  operator(
    ([x, size], attributes, { name, op }) => {
      const to = list(size) as Pair
      checkedSize(name, op, [(x as tf.Tensor).shape[0] ?? 1, ...to, (x as tf.Tensor).shape[3] ?? 1])
      return resize(x as tf.Tensor4D, to, attributes.flag('align_corners'), attributes.flag('half_pixel_centers'))
    },
    2,
    { align_corners: flag, half_pixel_centers: flag },
  )

/** By slices where steps are 1, else by gathering along each axis: both have gradients. */
const stridedSlice: Run = ([x, begin, end, strides], attributes) => {
  const mask = (name: string) => attributes.number(name, 0)
  const masks = ['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask'].map(mask)
  const [beginMask = 0, endMask = 0, ellipsisMask = 0, newAxisMask = 0, shrinkAxisMask = 0] = masks
  const from = x as tf.Tensor
  const info = tf.slice_util.sliceInfo(from.shape, list(begin), list(end), list(strides), beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask) // biome-ignore format: one line
  const sizes = tf.slice_util.computeOutShape(info.begin, info.end, info.strides)
  if (sizes.some((size) => size <= 0)) return tf.zeros(info.finalShape, from.dtype)
  if (info.strides.every((step) => step === 1)) return tf.reshape(tf.slice(from, info.begin, sizes), info.finalShape)
  let y = from
  info.begin.forEach((first, axis) => {
    const step = info.strides[axis] as number
    const places = Array.from({ length: sizes[axis] as number }, (_, i) => first + i * step)
    if (places.length !== from.shape[axis] || step !== 1) y = tf.gather(y, tf.tensor1d(places, 'int32'), axis)
  })
  return tf.reshape(y, info.finalShape)
}

const split = (x: tf.Tensor, parts: number | number[], axis: number): tf.Tensor[] => {
  if (Array.isArray(parts) ? parts.length > 4_096 : parts > 4_096) throw new Error('more than 4,096 parts')
  return tf.split(x, parts, axis)
}
const concat = (parts: Tensors, axis: number): tf.Tensor => {
  const first = at(parts, 0)
  const place = axis < 0 ? axis + first.rank : axis
  return parts.length === 1 ? first : tf.concat([...parts], place)
}
const select = (first: boolean): Operator =>
  operator((inputs, _, { name, op }) => {
    const [condition, a, b] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    // The first version takes a vector for a choice of rows.
    if (first && condition.rank > 0 && condition.shape.join() !== a.shape.join())
      throw new Error(`a condition of shape [${condition.shape}] for values of shape [${a.shape}]`)
    checkedSize(name, op, tf.backend_util.assertAndGetBroadcastShape(broadcast(condition, a), b.shape))
    return tf.where(condition.dtype === 'bool' ? condition : tf.cast(condition, 'bool'), a, b)
  }, 3)

export const operators: Readonly<Record<string, Operator>> = {
  Identity: unary((x) => x),
  Snapshot: unary((x) => x),
  IdentityN: operator((inputs) => [...inputs], [1, 64], { T: anything }),
  StopGradient: unary((x) => constantOf((y) => tf.clone(y as tf.Tensor), [x])),
  Add: binary(tf.add),
  AddV2: binary(tf.add),
  BiasAdd: operator(([x, bias]) => tf.add(x as tf.Tensor, vector(bias as tf.Tensor, x as tf.Tensor)), 2, {
    data_format: nhwc,
  }),
  BiasAddV1: operator(([x, bias]) => tf.add(x as tf.Tensor, vector(bias as tf.Tensor, x as tf.Tensor)), 2),
  Sub: binary(tf.sub),
  Mul: binary(tf.mul),
  RealDiv: binary(tf.div),
  Div: binary(tf.div),
  DivNoNan: { ...binary(tf.divNoNan), withoutGradient: true },
  FloorDiv: binary(tf.floorDiv),
  FloorMod: binary(tf.mod),
  Mod: binary(tf.mod),
  Maximum: binary(tf.maximum),
  Minimum: binary(tf.minimum),
  Pow: binary(tf.pow),
  Atan2: binary(tf.atan2),
  SquaredDifference: binary(tf.squaredDifference),
  Prelu: binary(rectified),
  Greater: compared(tf.greater),
  GreaterEqual: compared(tf.greaterEqual),
  Less: compared(tf.less),
  LessEqual: compared(tf.lessEqual),
  Equal: compared(tf.equal),
  NotEqual: compared(tf.notEqual),
  LogicalAnd: compared(tf.logicalAnd),
  LogicalOr: compared(tf.logicalOr),
  LogicalNot: unary((x) => constantOf((y) => tf.logicalNot(y as tf.Tensor), [x])),
  Relu: unary(tf.relu),
  Relu6: unary(tf.relu6),
  Elu: unary(tf.elu),
  Selu: unary(tf.selu),
  Sigmoid: unary(tf.sigmoid),
  Tanh: unary(tf.tanh),
  Exp: unary(tf.exp),
  Expm1: unary(tf.expm1),
  Softplus: unary(tf.softplus),
  Log: unary(tf.log),
  Log1p: unary(tf.log1p),
  Sqrt: unary(tf.sqrt),
  Rsqrt: unary(tf.rsqrt),
  Square: unary(tf.square),
  Abs: unary(tf.abs),
  Neg: unary(tf.neg),
  Floor: unary(tf.floor),
  Ceil: unary(tf.ceil),
  Round: unary(tf.round),
  Sign: unary(tf.sign),
  Reciprocal: unary(tf.reciprocal),
  Erf: unary(tf.erf),
  Sin: unary(tf.sin),
  Cos: unary(tf.cos),
  Tan: unary(tf.tan),
  Atan: unary(tf.atan),
  Sinh: unary(tf.sinh),
  Cosh: unary(tf.cosh),
  Softmax: unary((x) => tf.softmax(x)),
  LogSoftmax: unary((x) => tf.logSoftmax(x)),
  ZerosLike: unary((x) => tf.zerosLike(x)),
  OnesLike: unary((x) => tf.onesLike(x)),
  Select: select(true),
  SelectV2: select(false),
  AddN: operator((inputs) => tf.addN([...inputs]), [1, 4_096], { N: whole }),
  LeakyRelu: operator(([x], attributes) => tf.leakyRelu(x as tf.Tensor, attributes.number('alpha', 0.2)), 1, {
    alpha: real,
  }),
  ClipByValue: operator(([x, low, high]) => tf.clipByValue(x as tf.Tensor, number(low), number(high)), 3),
  Conv2D: operator(convolution, 2, sliding),
  _FusedConv2D: fused(convolution, sliding),
  DepthwiseConv2dNative: operator(depthwise, 2, sliding),
  FusedDepthwiseConv2dNative: fused(depthwise, sliding),
  Conv2DBackpropInput: operator(
    ([size, filter, dy], attributes, { name, op }) => {
      const shape = list(size) as [number, number, number, number]
      checkedSize(name, op, shape)
      if (middle(attributes.numbers('dilations')).some((each) => each !== 1))
        throw attributes.refused('dilations', '[1, 1, 1, 1]')
      const pad = paddingOf(attributes)
      return tf.conv2dTranspose(dy as tf.Tensor4D, filter as tf.Tensor4D, shape, middle(attributes.numbers('strides')), pad as 'same') // biome-ignore format: one line
    },
    3,
    sliding,
  ),
  MatMul: operator(matMul, 2, product),
  BatchMatMul: operator(matMul, 2, batchProduct),
  BatchMatMulV2: operator(matMul, 2, batchProduct),
  _FusedMatMul: fused(matMul, product),
  FusedBatchNorm: normalisation,
  FusedBatchNormV2: normalisation,
  FusedBatchNormV3: normalisation,
  MaxPool: pooling(tf.maxPool, true),
  AvgPool: pooling(tf.avgPool as typeof tf.maxPool, false),
  Mean: reduction(tf.mean),
  Sum: reduction(tf.sum),
  Max: reduction(tf.max),
  Min: reduction(tf.min),
  Prod: reduction(tf.prod),
  All: reduction(tf.all, { withoutGradient: true }),
  Any: reduction(tf.any, { withoutGradient: true }),
  ArgMax: operator(([x, axis]) => tf.argMax(x as tf.Tensor, number(axis)), 2, { output_type: type }),
  ArgMin: operator(([x, axis]) => tf.argMin(x as tf.Tensor, number(axis)), 2, { output_type: type }),
  TopKV2: operator(
    ([x, count], attributes) => {
      if (attributes.has('sorted') && !attributes.flag('sorted')) throw attributes.refused('sorted', 'true')
      const { values, indices: places } = tf.topk(x as tf.Tensor, number(count), true)
      return [values, places]
    },
    2,
    { sorted: flag },
    { withoutGradient: true },
  ),
  Cumsum: operator(
    ([x, axis], attributes) => tf.cumsum(x as tf.Tensor, number(axis), attributes.flag('exclusive'), attributes.flag('reverse')), // biome-ignore format: one line
    2,
    { exclusive: flag, reverse: flag },
  ),
  OneHot: operator(
    (inputs, attributes, { name, op }) => {
      const axis = attributes.number('axis', -1)
      const [where, depth] = [indices(at(inputs, 0)), number(inputs[1])]
      if (axis !== -1 && axis !== where.rank) throw attributes.refused('axis', 'the last')
      checkedSize(name, op, [...where.shape, depth])
      return tf.oneHot(where, depth, number(inputs[2]), number(inputs[3]))
    },
    4,
    { axis: whole, TI: type },
  ),
  Reshape: operator(([x, shape]) => tf.reshape(x as tf.Tensor, list(shape)), 2),
  Squeeze: operator(
    ([x], attributes) => {
      const axes = attributes.numbers('squeeze_dims').map((axis) => (axis < 0 ? axis + (x as tf.Tensor).rank : axis))
      return tf.squeeze(x as tf.Tensor, axes.length > 0 ? axes : undefined)
    },
    1,
    { squeeze_dims: wholes },
  ),
  ExpandDims: operator(([x, axis]) => tf.expandDims(x as tf.Tensor, number(axis)), 2),
  Shape: operator(([x]) => tf.tensor1d((x as tf.Tensor).shape, 'int32'), 1, { out_type: type }),
  Size: operator(([x]) => tf.scalar((x as tf.Tensor).size, 'int32'), 1, { out_type: type }),
  Rank: operator(([x]) => tf.scalar((x as tf.Tensor).rank, 'int32'), 1),
  ConcatV2: operator((inputs) => concat(inputs.slice(0, -1), number(inputs.at(-1))), [2, 4_096], { N: whole }),
  Concat: operator((inputs) => concat(inputs.slice(1), number(inputs[0])), [2, 4_096], { N: whole }),
  Pack: operator(
    (inputs, attributes) => {
      const axis = attributes.number('axis', 0)
      return tf.stack([...inputs], axis < 0 ? axis + at(inputs, 0).rank + 1 : axis)
    },
    [1, 4_096],
    { axis: whole, N: whole },
  ),
  Unpack: operator(
    ([x], attributes) => {
      const axis = attributes.number('axis', 0)
      const place = axis < 0 ? axis + (x as tf.Tensor).rank : axis
      const count = (x as tf.Tensor).shape[place]
      if (count === undefined || count > 4_096)
        throw new Error(`it takes ${count} parts out of shape [${(x as tf.Tensor).shape}]`)
      if (attributes.number('num', count) !== count) throw attributes.refused('num', String(count))
      return tf.unstack(x as tf.Tensor, place)
    },
    1,
    { axis: whole, num: whole },
  ),
  Split: operator(([axis, x], attributes) => split(x as tf.Tensor, attributes.number('num_split', 1), number(axis)), 2, { num_split: whole }), // biome-ignore format: one line
  SplitV: operator(([x, parts, axis]) => split(x as tf.Tensor, list(parts), number(axis)), 3, { num_split: whole }),
  Slice: operator(([x, begin, size]) => tf.slice(x as tf.Tensor, list(begin), list(size)), 3, { Index: type }),
  StridedSlice: operator(stridedSlice, 4, {
    Index: type,
    begin_mask: whole,
    end_mask: whole,
    ellipsis_mask: whole,
    new_axis_mask: whole,
    shrink_axis_mask: whole,
  }),
  Gather: operator(([x, where]) => tf.gather(x as tf.Tensor, indices(where as tf.Tensor)), 2, {
    validate_indices: anything,
  }),
  GatherV2: operator(
    ([x, where, axis], attributes) =>
      tf.gather(x as tf.Tensor, indices(where as tf.Tensor), number(axis), attributes.number('batch_dims', 0)),
    3,
    { batch_dims: whole },
  ),
  GatherNd: operator(([x, where]) => tf.gatherND(x as tf.Tensor, indices(where as tf.Tensor)), 2, { bad_indices_policy: only('') }, { withoutGradient: true }), // biome-ignore format: one line
  Pad: operator(([x, sides], _, node) => tf.pad(x as tf.Tensor, padding(node, x as tf.Tensor, sides)), 2),
  PadV2: operator(([x, sides, value], _, node) => tf.pad(x as tf.Tensor, padding(node, x as tf.Tensor, sides), number(value)), 3), // biome-ignore format: one line
  MirrorPad: operator(
    ([x, sides], attributes, node) =>
      tf.mirrorPad(x as tf.Tensor, padding(node, x as tf.Tensor, sides), attributes.text('mode', '') === 'REFLECT' ? 'reflect' : 'symmetric'), // biome-ignore format: one line
    2,
    { mode: only('REFLECT', 'SYMMETRIC') },
  ),
  Fill: operator(
    ([shape, value], _, { name, op }) => {
      const sizes = list(shape)
      checkedSize(name, op, sizes)
      return tf.fill(sizes, number(value), (value as tf.Tensor).dtype as 'float32')
    },
    2,
    { index_type: type },
  ),
  Range: operator(([from, to, step], _, { name, op }) => {
    const [first, end, by] = [number(from), number(to), number(step)]
    checkedSize(name, op, [Math.max(0, Math.ceil((end - first) / by))])
    return tf.range(first, end, by, (from as tf.Tensor).dtype as 'float32')
  }, 3),
  BroadcastTo: operator(([x, shape], _, { name, op }) => {
    const sizes = list(shape)
    checkedSize(name, op, sizes)
    return tf.broadcastTo(x as tf.Tensor, sizes)
  }, 2),
  Transpose: operator(([x, axes]) => tf.transpose(x as tf.Tensor, list(axes)), 2),
  Tile: operator(([x, times], _, { name, op }) => {
    const reps = list(times)
    checkedSize(
      name,
      op,
      (x as tf.Tensor).shape.map((size, i) => size * (reps[i] ?? 1)),
    )
    return tf.tile(x as tf.Tensor, reps)
  }, 2),
  ReverseV2: operator(([x, axes]) => tf.reverse(x as tf.Tensor, list(axes)), 2),
  DepthToSpace: operator(([x], attributes) => tf.depthToSpace(x as tf.Tensor4D, attributes.number('block_size', 1)), 1, { block_size: whole, data_format: nhwc }), // biome-ignore format: one line
  SpaceToBatchND: operator(([x, block, sides], _, node) => {
    const [shape, pads] = [list(block), pairs(list(sides))]
    checkedSize(node.name, node.op, [(x as tf.Tensor).size, ...pads.map(([before, after]) => 1 + before + after)])
    return tf.spaceToBatchND(x as tf.Tensor, shape, pads)
  }, 3),
  BatchToSpaceND: operator(
    ([x, block, crops]) => tf.batchToSpaceND(x as tf.Tensor, list(block), pairs(list(crops))),
    3,
  ),
  ResizeBilinear: resizing(tf.image.resizeBilinear),
  ResizeNearestNeighbor: resizing(tf.image.resizeNearestNeighbor as typeof tf.image.resizeBilinear),
  Cast: operator(([x], attributes) => tf.cast(x as tf.Tensor, attributes.type('DstT')), 1, {
    SrcT: type,
    DstT: type,
    Truncate: only(false),
  }),
}
