/** A tf.js GraphModel folder as a network of ours: its constants become variables, so that it can be trained further. */
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/index.ts'
import { network, type ScopedNetwork, type VariableScope, variableScope, zeros } from '../../../core/tensor/index.ts'
import { error } from '../errors.ts'
import { type ModelWeights, readFolder } from './folder.ts'
import { Attributes, type NodeDef } from './node-def.ts'

type Tensors = readonly tf.Tensor[]
/** What an operator computes; lists of numbers are read from tensors that do not depend on the input. */
type Run = (inputs: Tensors, attributes: Attributes, node: NodeDef) => tf.Tensor | tf.Tensor[]

const unary =
  (f: (x: tf.Tensor) => tf.Tensor): Run =>
  ([x]) =>
    f(x as tf.Tensor)
const binary =
  (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Run =>
  ([a, b]) =>
    f(a as tf.Tensor, b as tf.Tensor)
const list = (x: tf.Tensor | undefined): number[] => [...(x as tf.Tensor).dataSync()]
const number = (x: tf.Tensor | undefined): number => list(x)[0] as number

type Pair = [number, number]
const middle = (values: readonly number[]): Pair => [values[1] ?? 1, values[2] ?? 1]

function paddingOf(attributes: Attributes): 'same' | 'valid' | tf.backend_util.ExplicitPadding {
  const padding = attributes.text('padding', 'SAME').toLowerCase()
  if (padding !== 'explicit') return padding as 'same' | 'valid'
  const [, , top = 0, bottom = 0, left = 0, right = 0] = attributes.numbers('explicit_paddings')
  return [[0, 0], [top, bottom], [left, right], [0, 0]] // biome-ignore format: one line
}

const convolution: Run = ([x, filter], attributes) =>
  tf.conv2d(
    x as tf.Tensor4D,
    filter as tf.Tensor4D,
    middle(attributes.numbers('strides')),
    paddingOf(attributes) as 'same',
    'NHWC',
    middle(attributes.numbers('dilations')),
  )
const depthwise: Run = ([x, filter], attributes) =>
  tf.depthwiseConv2d(
    x as tf.Tensor4D,
    filter as tf.Tensor4D,
    middle(attributes.numbers('strides')),
    paddingOf(attributes) as 'same',
    'NHWC',
    middle(attributes.numbers('dilations')),
  )
const matMul: Run = ([a, b], attributes) =>
  tf.matMul(
    a as tf.Tensor,
    b as tf.Tensor,
    attributes.flag('transpose_a') || attributes.flag('adj_x'),
    attributes.flag('transpose_b') || attributes.flag('adj_y'),
  )

const activations: Readonly<Record<string, (x: tf.Tensor, attributes: Attributes, rest: Tensors) => tf.Tensor>> = {
  Relu: (x) => tf.relu(x),
  Relu6: (x) => tf.relu6(x),
  Elu: (x) => tf.elu(x),
  Sigmoid: (x) => tf.sigmoid(x),
  LeakyRelu: (x, attributes) => tf.leakyRelu(x, attributes.number('leakyrelu_alpha', 0.2)),
  Prelu: (x, _, [slope]) => tf.prelu(x, slope as tf.Tensor),
}

/** A layer with bias and activation in one node, as converters write it. */
const fused =
  (run: Run): Run =>
  (inputs, attributes, node) => {
    const [x, weights, ...rest] = inputs as [tf.Tensor, tf.Tensor, ...tf.Tensor[]]
    let y = run([x, weights], attributes, node) as tf.Tensor
    for (const op of attributes.texts('fused_ops'))
      y = op === 'BiasAdd' ? tf.add(y, rest.shift() as tf.Tensor) : (activations[op]?.(y, attributes, rest) ?? y)
    return y
  }

const normalise: Run = ([x, scale, offset, mean, variance], attributes) =>
  tf.batchNorm(
    x as tf.Tensor4D,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    offset as tf.Tensor1D,
    scale as tf.Tensor1D,
    attributes.number('epsilon', 1e-3),
  )
const pooling =
  (pool: typeof tf.maxPool): Run =>
  ([x], attributes) =>
    pool(x as tf.Tensor4D, middle(attributes.numbers('ksize')), middle(attributes.numbers('strides')), paddingOf(attributes) as 'same') // biome-ignore format: one line
const reduction =
  (reduce: (x: tf.Tensor, axis: number[], keep: boolean) => tf.Tensor): Run =>
  ([x, axis], attributes) =>
    reduce(x as tf.Tensor, list(axis), attributes.flag('keep_dims'))

const operators: Readonly<Record<string, Run>> = {
  Identity: unary((x) => x),
  ...{ Add: binary(tf.add), AddV2: binary(tf.add), BiasAdd: binary(tf.add), Sub: binary(tf.sub), Mul: binary(tf.mul) },
  ...{ RealDiv: binary(tf.div), Maximum: binary(tf.maximum), Minimum: binary(tf.minimum), Pow: binary(tf.pow) },
  ...{ SquaredDifference: binary(tf.squaredDifference), Prelu: binary(tf.prelu), Greater: binary(tf.greater) },
  ...{ GreaterEqual: binary(tf.greaterEqual), Less: binary(tf.less), LessEqual: binary(tf.lessEqual) },
  ...{ Equal: binary(tf.equal), Relu: unary(tf.relu), Relu6: unary(tf.relu6), Elu: unary(tf.elu) },
  ...{ Selu: unary(tf.selu), Sigmoid: unary(tf.sigmoid), Tanh: unary(tf.tanh), Exp: unary(tf.exp) },
  ...{ Softplus: unary(tf.softplus), Log: unary(tf.log), Sqrt: unary(tf.sqrt), Rsqrt: unary(tf.rsqrt) },
  ...{ Square: unary(tf.square), Abs: unary(tf.abs), Neg: unary(tf.neg), Floor: unary(tf.floor), Ceil: unary(tf.ceil) },
  ...{ Round: unary(tf.round), Sign: unary(tf.sign), Reciprocal: unary(tf.reciprocal), Erf: unary(tf.erf) },
  ...{ Softmax: unary((x) => tf.softmax(x)), LogSoftmax: unary((x) => tf.logSoftmax(x)) },
  SelectV2: ([condition, a, b]) => tf.where(condition as tf.Tensor, a as tf.Tensor, b as tf.Tensor),
  AddN: (inputs) => tf.addN([...inputs]),
  LeakyRelu: ([x], attributes) => tf.leakyRelu(x as tf.Tensor, attributes.number('alpha', 0.2)),
  ClipByValue: ([x, low, high]) => tf.clipByValue(x as tf.Tensor, number(low), number(high)),
  Conv2D: convolution,
  _FusedConv2D: fused(convolution),
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2dNative: fused(depthwise),
  Conv2DBackpropInput: ([size, filter, dy], attributes) =>
    tf.conv2dTranspose(
      dy as tf.Tensor4D,
      filter as tf.Tensor4D,
      list(size) as [number, number, number, number],
      middle(attributes.numbers('strides')),
      paddingOf(attributes) as 'same',
    ),
  ...{ MatMul: matMul, BatchMatMul: matMul, BatchMatMulV2: matMul, _FusedMatMul: fused(matMul) },
  ...{ FusedBatchNorm: normalise, FusedBatchNormV2: normalise, FusedBatchNormV3: normalise },
  MaxPool: pooling(tf.maxPool),
  AvgPool: pooling(tf.avgPool as typeof tf.maxPool),
  ...{ Mean: reduction(tf.mean), Sum: reduction(tf.sum), Max: reduction(tf.max), Min: reduction(tf.min) },
  Prod: reduction(tf.prod),
  Reshape: ([x, shape]) => tf.reshape(x as tf.Tensor, list(shape)),
  Squeeze: ([x], attributes) => tf.squeeze(x as tf.Tensor, attributes.numbers('squeeze_dims')),
  ExpandDims: ([x, axis]) => tf.expandDims(x as tf.Tensor, number(axis)),
  Shape: ([x]) => tf.tensor1d((x as tf.Tensor).shape, 'int32'),
  ConcatV2: (inputs) => tf.concat(inputs.slice(0, -1) as tf.Tensor[], number(inputs.at(-1))),
  Slice: ([x, begin, size]) => tf.slice(x as tf.Tensor, list(begin), list(size)),
  Pad: ([x, pads]) => tf.pad(x as tf.Tensor, pairs(list(pads))),
  PadV2: ([x, pads, value]) => tf.pad(x as tf.Tensor, pairs(list(pads)), number(value)),
  Transpose: ([x, perm]) => tf.transpose(x as tf.Tensor, list(perm)),
  SplitV: ([x, parts, axis]) => tf.split(x as tf.Tensor, list(parts), number(axis)),
  Tile: ([x, reps]) => tf.tile(x as tf.Tensor, list(reps)),
  ReverseV2: ([x, axes]) => tf.reverse(x as tf.Tensor, list(axes)),
  DepthToSpace: ([x], attributes) => tf.depthToSpace(x as tf.Tensor4D, attributes.number('block_size', 2)),
  ResizeBilinear: ([x, size], attributes) =>
    tf.image.resizeBilinear(x as tf.Tensor4D, list(size) as Pair, attributes.flag('align_corners'), attributes.flag('half_pixel_centers')), // biome-ignore format: one line
  ResizeNearestNeighbor: ([x, size], attributes) =>
    tf.image.resizeNearestNeighbor(x as tf.Tensor4D, list(size) as Pair, attributes.flag('align_corners'), attributes.flag('half_pixel_centers')), // biome-ignore format: one line
  Cast: ([x], attributes) => tf.cast(x as tf.Tensor, attributes.type('DstT') as tf.DataType),
}

const pairs = (values: readonly number[]): Pair[] =>
  Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]] as Pair)

export const graphModelOperators: readonly string[] = ['Const', 'Placeholder', ...Object.keys(operators)].sort()

/** Reads a folder. Errors: ARCHLOOM_TFJS_FOLDER, ARCHLOOM_TFJS_OPERATOR (names the node, and what is supported). */
export async function importGraphModel(path: string): Promise<ScopedNetwork> {
  const { topology, weights } = await readFolder(path, 'graph-model')
  const { node: nodes } = topology as { node?: readonly NodeDef[] }
  const refuse = (reason: string) => error('ARCHLOOM_TFJS_FOLDER', { folder: path, reason })
  if (!Array.isArray(nodes)) throw refuse('its topology has no nodes')
  const placeholders = nodes.filter(({ op }) => op === 'Placeholder')
  if (placeholders.length !== 1) throw refuse(`it has ${placeholders.length} inputs, expected one`)
  const order = inOrder(nodes, refuse)
  for (const { name, op } of order)
    if (op !== 'Const' && op !== 'Placeholder' && !Object.hasOwn(operators, op))
      throw error('ARCHLOOM_TFJS_OPERATOR', { node: name, op, supported: graphModelOperators })
  const scope = variableScope({ rng: seeded(1) })
  const stored = new Map(weights.map((each) => [each.name, each]))
  const constants = new Map(
    order
      .filter(({ op }) => op === 'Const')
      .map(({ name }) => {
        const found = stored.get(name)
        if (!found) throw refuse(`the constant ${JSON.stringify(name)} has no weights`)
        return [name, constantOf(scope, found)] as const
      }),
  )
  const last = order.at(-1) as NodeDef
  const apply = (x: tf.Tensor): tf.Tensor => {
    const values = new Map<string, Tensors>()
    for (const node of order) values.set(node.name, result(node, values, constants, x))
    return (values.get(last.name) as Tensors)[0] as tf.Tensor
  }
  const inputShape = shapeOf(placeholders[0] as NodeDef)
  if (inputShape.some((size) => !(size > 0))) throw refuse(`its input has the open shape [${inputShape}]`)
  const outputShape = tf.tidy(() => apply(tf.zeros([1, ...inputShape])).shape.slice(1))
  return network({ scope, inputShape, outputShape, apply })
}

function result(
  node: NodeDef,
  values: ReadonlyMap<string, Tensors>,
  constants: ReadonlyMap<string, () => tf.Tensor>,
  x: tf.Tensor,
): Tensors {
  // biome-ignore format: one line
  if (node.op === 'Placeholder') return [x]
  if (node.op === 'Const') return [(constants.get(node.name) as () => tf.Tensor)()]
  const inputs = wired(node).map((source) => {
    const [name = '', at = '0'] = source.split(':')
    return (values.get(name) as Tensors)[Number(at)] as tf.Tensor
  })
  const made = (operators[node.op] as Run)(inputs, new Attributes(node), node)
  return Array.isArray(made) ? made : [made]
}

/** Weights become variables, numbers and sizes stay as they are. */
function constantOf(scope: VariableScope, { name, shape, dtype, values }: ModelWeights): () => tf.Tensor {
  if (dtype !== 'float32' || shape.length === 0) return () => tf.tensor(values, [...shape], dtype)
  const parts = name.split('/').filter((part) => part !== '')
  const own = parts.slice(0, -1).reduce((at, part) => at.child(part), scope)
  const variable = own.weight(parts.at(-1) ?? 'constant', shape, zeros)
  tf.tidy(() => variable.assign(tf.tensor(values, [...shape], 'float32')))
  return () => variable
}

/** Inputs that carry values; '^name' only orders. */
const wired = ({ input = [] }: NodeDef) => input.filter((name) => !name.startsWith('^'))

const shapeOf = ({ attr }: NodeDef): number[] => {
  const { shape } = (attr?.shape ?? {}) as { shape?: { dim?: readonly { size: string }[] } }
  return (shape?.dim ?? []).slice(1).map(({ size }) => Number(size))
}

/** What the outputs need, each node behind its inputs; the one that nobody reads comes last. */
function inOrder(nodes: readonly NodeDef[], refuse: (reason: string) => Error): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const read = new Set(nodes.flatMap((node) => wired(node).map((source) => source.split(':')[0])))
  const ends = nodes.filter(
    ({ name, op }) => !read.has(name) && op !== 'Const' && op !== 'Placeholder' && op !== 'NoOp',
  )
  if (ends.length !== 1) throw refuse(`it has ${ends.length} outputs, expected one`)
  const ordered: NodeDef[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (name: string, from: string) => {
    const node = byName.get(name)
    if (!node) throw refuse(`node ${JSON.stringify(from)} reads ${JSON.stringify(name)}, which is not there`)
    if (state.get(name) === 'done') return
    if (state.get(name) === 'open') throw refuse(`it has a circle at ${JSON.stringify(name)}`)
    state.set(name, 'open')
    for (const source of wired(node)) visit(source.split(':')[0] as string, name)
    state.set(name, 'done')
    ordered.push(node)
  }
  visit((ends[0] as NodeDef).name, '')
  return ordered
}
