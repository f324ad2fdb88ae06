import type * as tf from '@tensorflow/tfjs-core'
import { type Trace, type TracedKernel, traceForwards } from '../../../evaluators/profile/index.ts'
import { checkAttributes, checkTypes } from '../attributes.ts'
import { error, SizeFixed } from '../errors.ts'
import type { Exportable } from '../export.ts'
import {
  convolutionWindows,
  poolingWindows,
  seen,
  transposedWindows,
  type WindowAttributes,
  type Windows,
} from '../windows.ts'
import { type ModelWeights, writeFolder } from './folder.ts'
import { type AttributeValue, flag, type NodeDef, real, sizes, text, type, whole, wholes } from './node-def.ts'

export interface FolderReport {
  readonly folder: string
  /** Of the weights. */
  readonly bytes: number
  /** Nodes by operator. */
  readonly operators: Readonly<Record<string, number>>
}

/**
 * A network in evaluation mode as a tf.js GraphModel folder, for any batch: `loadGraphModel('…/model.json')`.
 * Errors: ARCHLOOM_TFJS_KERNEL_UNSUPPORTED, ARCHLOOM_ONNX_KERNEL_FORM, ARCHLOOM_ONNX_NOT_FINITE,
 * ARCHLOOM_ONNX_SIZE_FIXED.
 */
export async function exportGraphModel(network: Exportable, folder: string): Promise<FolderReport> {
  const forward = (x: tf.Tensor) => network.apply(x, { training: false })
  const shapes = [2, 3].map((batch) => [batch, ...network.inputShape])
  const traces = await traceForwards(forward, shapes, [...network.trainable, ...network.state])
  let graph: GraphDef
  try {
    graph = new GraphDef(traces)
  } catch (thrown) {
    if (thrown instanceof SizeFixed)
      throw error('ARCHLOOM_ONNX_SIZE_FIXED', { reason: thrown.message }, { cause: thrown })
    throw thrown
  }
  const { nodes, weights } = graph
  const dims = (shape: readonly number[]) => ({ dim: [-1, ...shape].map((size) => ({ size: String(size) })) })
  const tensor = (name: string, shape: readonly number[]) => ({
    [name]: { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: dims(shape) },
  })
  const [output] = traces.map((trace) => trace.tensors[trace.output]?.shape.slice(1) ?? [])
  const signature = { inputs: tensor('input', network.inputShape), outputs: tensor('output', output ?? []) }
  const topology = { node: nodes, versions: { producer: 27 } }
  const bytes = await writeFolder(folder, { format: 'graph-model', topology, weights, signature })
  const operators: Record<string, number> = {}
  for (const { op } of nodes) operators[op] = (operators[op] ?? 0) + 1
  return { folder, bytes, operators }
}

const float = { T: type('float32') }

/** Names that differ between tfjs's kernels and TensorFlow's operators, and attributes that only need copying. */
const elementwise: Readonly<Record<string, string>> = {
  Add: 'AddV2',
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'RealDiv',
  Maximum: 'Maximum',
  Minimum: 'Minimum',
  Pow: 'Pow',
  SquaredDifference: 'SquaredDifference',
  Prelu: 'Prelu',
  Greater: 'Greater',
  Less: 'Less',
  GreaterEqual: 'GreaterEqual',
  LessEqual: 'LessEqual',
  Equal: 'Equal',
  Select: 'SelectV2',
  AddN: 'AddN',
  Relu: 'Relu',
  Relu6: 'Relu6',
  Elu: 'Elu',
  Selu: 'Selu',
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Exp: 'Exp',
  Softplus: 'Softplus',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Rsqrt: 'Rsqrt',
  Square: 'Square',
  Abs: 'Abs',
  Neg: 'Neg',
  Floor: 'Floor',
  Ceil: 'Ceil',
  Round: 'Round',
  Sign: 'Sign',
  Reciprocal: 'Reciprocal',
  Erf: 'Erf',
  Identity: 'Identity',
  Softmax: 'Softmax',
  LogSoftmax: 'LogSoftmax',
}

type Write = (graph: GraphDef, kernel: TracedKernel, place: number) => void

const pairOf = (size: number | readonly number[]): readonly number[] => (typeof size === 'number' ? [size, size] : size)

/** Sizes do not depend on the batch: padding is always known. */
const known = (windows: Windows | undefined): Windows => {
  if (!windows) throw new SizeFixed('the padding of a layer depends on the batch')
  return windows
}

const convolution =
  (op: string): Write =>
  (graph, { inputs: { x, filter }, outputs, attributes }) => {
    const given = attributes as unknown as WindowAttributes
    const windows = known(convolutionWindows([graph.shape(x)], graph.shape(filter), given, op !== 'Conv2D'))
    const own = { ...windowOf(given, windows.pads), dilations: wholes([1, ...windows.dilations, 1]) }
    graph.add(outputs[0], op, [graph.value(x), graph.value(filter)], own)
  }

/** Padding by its name where it has one, else the numbers of the network's own rounding. */
function windowOf({ strides, pad }: WindowAttributes, pads: Windows['pads']): Record<string, AttributeValue> {
  const common = { ...float, data_format: text('NHWC'), strides: wholes([1, ...pairOf(strides), 1]) }
  if (typeof pad === 'string') return { ...common, padding: text(pad.toUpperCase()) }
  const [top, left, bottom, right] = pads
  return { ...common, padding: text('EXPLICIT'), explicit_paddings: wholes([0, 0, top, bottom, left, right, 0, 0]) }
}

/** Padded by numbers, which graph models do not know for pooling: by a node of its own, means made good by a factor. */
function pooling(
  op: 'MaxPool' | 'AvgPool',
  graph: GraphDef,
  { inputs: { x }, outputs: [y], attributes }: TracedKernel,
) {
  const given = attributes as unknown as WindowAttributes
  const { kernel, strides, pads } = known(poolingWindows(op, [graph.shape(x)], given))
  const own = (pad: 'same' | 'valid') => ({
    ...windowOf({ ...given, pad }, pads),
    ksize: wholes([1, ...kernel, 1]),
  })
  if (typeof given.pad === 'string') {
    graph.add(y, op, [graph.value(x)], own(given.pad))
    return
  }
  const [top, left, bottom, right] = pads
  if (pads.every((size) => size === 0)) {
    graph.add(y, op, [graph.value(x)], own('valid'))
    return
  }
  const value = graph.float(op === 'MaxPool' ? Number.NEGATIVE_INFINITY : 0)
  const sizes = graph.ints([0, 0, top, bottom, left, right, 0, 0], [4, 2])
  const pooled = graph.node(op, [graph.node('PadV2', [graph.value(x), sizes, value], float)], own('valid'))
  if (op === 'MaxPool') {
    graph.name(y, pooled)
    return
  }
  const [, height = 1, width = 1] = graph.shape(x)
  const [, rows = 1, columns = 1] = graph.shape(y)
  const factors = Float32Array.from({ length: rows * columns }, (_, i) => {
    const down = seen(height, Math.floor(i / columns), strides[0], kernel[0], top)
    const across = seen(width, i % columns, strides[1], kernel[1], left)
    return (kernel[0] * kernel[1]) / (down * across)
  })
  graph.add(y, 'Mul', [pooled, graph.constant(factors, [1, rows, columns, 1], 'float32', 'counts')], float)
}

/** tfjs's TensorFlow operators, written from traced kernels. */
const writers: Readonly<Record<string, Write>> = {
  ...Object.fromEntries(
    Object.entries(elementwise).map(([kernel, op]): [string, Write] => [
      kernel,
      (graph, { inputs, outputs }) => {
        const names = Object.values(inputs).map((reference) => graph.value(reference))
        graph.add(outputs[0], op, names, op === 'AddN' ? { ...float, N: whole(names.length) } : float)
      },
    ]),
  ),
  Conv2D: convolution('Conv2D'),
  DepthwiseConv2dNative: convolution('DepthwiseConv2dNative'),
  Conv2DBackpropInput: (graph, { inputs: { dy, filter }, outputs: [y], attributes }) => {
    const given = attributes as unknown as WindowAttributes
    const large = graph.shape(y)
    const { pads } = transposedWindows([graph.shape(dy)], [large], graph.shape(filter), given)
    const [top, left, ...ends] = pads
    const [bottom, right] = ends.map((size) => Math.max(0, size)) as [number, number]
    const names = [graph.openShape(dy as number, large.slice(1)), graph.value(filter), graph.value(dy)]
    graph.add(y, 'Conv2DBackpropInput', names, windowOf(given, [top, left, bottom, right]))
  },
  BatchMatMul: (graph, { inputs: { a, b }, outputs: [y], attributes: { transposeA, transposeB } }) => {
    const names = [graph.value(a), graph.value(b)]
    const [left, right] = [flag(transposeA === true), flag(transposeB === true)]
    if (graph.shape(y).length === 2) graph.add(y, 'MatMul', names, { ...float, transpose_a: left, transpose_b: right })
    else graph.add(y, 'BatchMatMulV2', names, { ...float, adj_x: left, adj_y: right })
  },
  MaxPool: (graph, kernel) => pooling('MaxPool', graph, kernel),
  AvgPool: (graph, kernel) => pooling('AvgPool', graph, kernel),
  ScaleShift: (graph, { inputs: { x, scale, shift }, outputs: [y], attributes }) => {
    const product = graph.node('Mul', [graph.value(x), graph.value(scale)], float)
    const sum = graph.node('AddV2', [product, graph.value(shift)], float)
    graph.name(y, attributes.relu ? graph.node('Relu', [sum], float) : sum)
  },
  SpatialMean: (graph, { inputs: { x }, outputs: [y] }) =>
    graph.add(y, 'Mean', [graph.value(x), graph.ints([1, 2])], { ...float, keep_dims: flag(false) }),
  ...Object.fromEntries(
    ['Mean', 'Sum', 'Max', 'Min', 'Prod'].map((op): [string, Write] => [
      op,
      (graph, { inputs: { x }, outputs: [y], attributes }) => {
        const { axis, reductionIndices, keepDims } = attributes as Record<string, unknown>
        const rank = graph.shape(x).length
        const given = axis ?? reductionIndices ?? Array.from({ length: rank }, (_, i) => i)
        const axes = graph.ints([given].flat() as number[])
        graph.add(y, op, [graph.value(x), axes], { ...float, keep_dims: flag(keepDims === true) })
      },
    ]),
  ),
  Reshape: (graph, { inputs, outputs: [y] }) =>
    graph.add(y, 'Reshape', [graph.value(Object.values(inputs)[0]), graph.ints(graph.openSizes(y))], float),
  ExpandDims: (graph, { inputs, outputs: [y] }) =>
    graph.add(y, 'Reshape', [graph.value(Object.values(inputs)[0]), graph.ints(graph.openSizes(y))], float),
  Concat: (graph, { inputs, outputs: [y], attributes }) => {
    const names = Object.values(inputs).map((reference) => graph.value(reference))
    const count = whole(names.length)
    graph.add(y, 'ConcatV2', [...names, graph.int(attributes.axis as number)], { ...float, N: count })
  },
  Slice: (graph, { inputs: { x }, outputs: [y] }, place) => {
    const begin = graph.same(place, ({ attributes }) => [attributes.begin].flat() as number[], 'a part is cut out')
    graph.add(y, 'Slice', [graph.value(x), graph.ints(begin), graph.ints(graph.openSizes(y))], float)
  },
  PadV2: (graph, { inputs: { x }, outputs: [y], attributes: { constantValue = 0 } }, place) => {
    const pads = graph.same(place, ({ attributes }) => (attributes.paddings as number[][]).flat(), 'padding')
    const names = [graph.value(x), graph.ints(pads, [pads.length / 2, 2]), graph.float(constantValue as number)]
    graph.add(y, 'PadV2', names, float)
  },
  Transpose: (graph, { inputs: { x }, outputs: [y], attributes }) => {
    const reversed = graph.shape(x).map((_, axis, { length }) => length - 1 - axis)
    graph.add(y, 'Transpose', [graph.value(x), graph.ints((attributes.perm as number[] | null) ?? reversed)], float)
  },
  SplitV: (graph, { inputs: { x }, outputs, attributes }) => {
    const axis = attributes.axis as number
    const parts = graph.ints(outputs.map((output) => graph.shape(output).at(axis) as number))
    const count = { ...float, num_split: whole(outputs.length) }
    graph.many(outputs, 'SplitV', [graph.value(x), parts, graph.int(axis)], count)
  },
  Tile: (graph, { inputs: { x }, outputs: [y] }, place) => {
    const reps = graph.same(place, ({ attributes }) => attributes.reps as number[], 'repetition')
    graph.add(y, 'Tile', [graph.value(x), graph.ints(reps)], float)
  },
  Reverse: (graph, { inputs: { x }, outputs: [y], attributes }) =>
    graph.add(y, 'ReverseV2', [graph.value(x), graph.ints([attributes.dims].flat() as number[])], float),
  DepthToSpace: (graph, { inputs: { x }, outputs: [y], attributes }) =>
    graph.add(y, 'DepthToSpace', [graph.value(x)], {
      ...float,
      block_size: whole(attributes.blockSize as number),
      data_format: text('NHWC'),
    }),
  ...Object.fromEntries(
    ['ResizeBilinear', 'ResizeNearestNeighbor'].map((op): [string, Write] => [
      op,
      (graph, { inputs: { images }, outputs: [y], attributes }) =>
        graph.add(y, op, [graph.value(images), graph.ints(graph.shape(y).slice(1, 3))], {
          ...float,
          align_corners: flag(attributes.alignCorners === true),
          half_pixel_centers: flag(attributes.halfPixelCenters === true),
        }),
    ]),
  ),
  LeakyRelu: (graph, { inputs: { x }, outputs: [y], attributes }) =>
    graph.add(y, 'LeakyRelu', [graph.value(x)], { ...float, alpha: real(attributes.alpha as number) }),
  ClipByValue: (graph, { inputs: { x }, outputs: [y], attributes: { clipValueMin, clipValueMax } }) => {
    const names = [graph.value(x), graph.float(clipValueMin as number), graph.float(clipValueMax as number)]
    graph.add(y, 'ClipByValue', names, float)
  },
  Cast: (graph, { inputs: { x }, outputs: [y], attributes }) =>
    graph.add(y, 'Cast', [graph.value(x)], {
      SrcT: type(graph.traces[0]?.tensors[x as number]?.dtype ?? 'float32'),
      DstT: type(attributes.dtype as string),
    }),
  Step: (graph, { inputs: { x }, outputs: [y] }) => {
    const positive = graph.node('Greater', [graph.value(x), graph.float(0)], float)
    graph.add(y, 'Cast', [positive], { SrcT: type('bool'), DstT: type('float32') })
  },
}

export const graphModelKernels: readonly string[] = Object.keys(writers).sort()

/** Graph models take these along the last axis. */
function checkLast({ name, inputs, attributes }: TracedKernel, graph: GraphDef): void {
  if (name !== 'Softmax' && name !== 'LogSoftmax') return
  const axis = attributes.dim ?? attributes.axis ?? -1
  const last = graph.shape(Object.values(inputs)[0]).length - 1
  if (axis !== -1 && axis !== last)
    throw error('ARCHLOOM_ONNX_KERNEL_FORM', { kernel: name, received: `axis ${axis}`, expected: 'the last axis' })
}

class GraphDef {
  readonly nodes: NodeDef[] = []
  readonly weights: ModelWeights[] = []
  private readonly names = new Map<number, string>()
  private readonly taken = new Set(['input', 'output'])

  constructor(readonly traces: readonly Trace[]) {
    const [trace] = traces as [Trace]
    const [, ...rest] = this.shape(trace.input)
    this.nodes.push({ name: 'input', op: 'Placeholder', attr: { dtype: type('float32'), shape: sizes([-1, ...rest]) } })
    this.names.set(trace.input, 'input')
    trace.kernels.forEach((kernel, place) => {
      const write = Object.hasOwn(writers, kernel.name) ? writers[kernel.name] : undefined
      if (!write) throw error('ARCHLOOM_TFJS_KERNEL_UNSUPPORTED', { kernel: kernel.name, supported: graphModelKernels })
      checkAttributes(kernel)
      checkTypes(kernel, (reference) => trace.tensors[reference]?.dtype ?? 'float32')
      checkLast(kernel, this)
      write(this, kernel, place)
    })
    this.nodes.push({ name: 'output', op: 'Identity', input: [this.value(trace.output)], attr: float })
  }

  shape(reference: number | undefined): readonly number[] {
    return this.traces[0]?.tensors[reference as number]?.shape ?? []
  }

  /** Sizes with −1 for the one that grows with the batch. */
  openSizes(reference: number | undefined): number[] {
    const [small, large] = this.traces.map((trace) => trace.tensors[reference as number]?.shape ?? [])
    const open = (small ?? []).map((size, axis) => (size === large?.[axis] ? size : -1))
    if (open.filter((size) => size === -1).length > 1) throw new SizeFixed(`sizes [${small}] mix several open ones`)
    return open
  }

  /** What must not depend on the batch. */
  same(place: number, of: (kernel: TracedKernel) => number[], what: string): number[] {
    const all = this.traces.map((trace) => of(trace.kernels[place] as TracedKernel))
    if (all.some((each) => `${each}` !== `${all[0]}`)) throw new SizeFixed(`${what} depends on the batch`)
    return all[0] as number[]
  }

  name(reference: number | undefined, name: string): void {
    this.names.set(reference as number, name)
  }

  value(reference: number | undefined): string {
    const known = this.names.get(reference as number)
    if (known !== undefined) return known
    const constant = this.traces[0]?.constants.get(reference as number)
    if (!constant) throw new Error(`value ${reference} was never made`)
    const { values, shape, dtype, name = 'constant' } = constant
    const bad = values instanceof Float32Array ? values.reduce((n, v) => n + (Number.isFinite(v) ? 0 : 1), 0) : 0
    if (bad > 0) throw error('ARCHLOOM_ONNX_NOT_FINITE', { constant: name, values: bad, of: values.length })
    const open = this.openSizes(reference)
    const row = shape.slice(1).reduce((product, size) => product * size, 1)
    if (open.includes(-1) && (open[0] !== -1 || !values.every((value, i) => value === values[i % row])))
      throw new SizeFixed(`a constant of shape [${shape}] grows with the batch`)
    // A constant that is repeated for each example is kept once, and repeated at run time.
    const made = open.includes(-1) ? this.repeated(values.slice(0, row), shape.slice(1), name) : this.constant(values, shape, dtype, name) // biome-ignore format: one line
    this.names.set(reference as number, made)
    return made
  }

  private repeated(values: ModelWeights['values'], rest: readonly number[], name: string): string {
    const one = this.constant(values, [1, ...rest], 'float32', name)
    const times = this.node('ConcatV2', [this.batch(), this.ints(rest.map(() => 1)), this.int(0)], {
      N: whole(2),
      T: type('int32'),
    })
    return this.node('Tile', [one, times], float)
  }

  /** [batch] of the input, as a value. */
  private batch(): string {
    const shape = this.node('Shape', ['input'], { ...float, out_type: type('int32') })
    return this.node('Slice', [shape, this.ints([0]), this.ints([1])], { T: type('int32') })
  }

  openShape(_: number, rest: readonly number[]): string {
    const attributes = { N: whole(2), T: type('int32') }
    return this.node('ConcatV2', [this.batch(), this.ints(rest), this.int(0)], attributes)
  }

  constant(values: ModelWeights['values'], shape: readonly number[], dtype: string, wanted: string): string {
    const name = this.unique(wanted)
    const kind = dtype as ModelWeights['dtype']
    this.weights.push({ name, shape, dtype: kind, values })
    const tensorShape = { dim: shape.map((size) => ({ size: String(size) })) }
    const tensor = { dtype: (type(dtype) as { type: string }).type, tensorShape }
    this.nodes.push({ name, op: 'Const', attr: { dtype: type(dtype), value: { tensor } } })
    return name
  }

  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(Int32Array.from(values), shape, 'int32', 'sizes')
  }

  int(value: number): string {
    return this.constant(Int32Array.of(value), [], 'int32', 'axis')
  }

  float(value: number): string {
    return this.constant(Float32Array.of(value), [], 'float32', 'number')
  }

  node(op: string, input: readonly string[], attr: NodeDef['attr'] = {}): string {
    const name = this.unique(op)
    this.nodes.push({ name, op, input, attr })
    return name
  }

  add(reference: number | undefined, op: string, input: readonly string[], attr: NodeDef['attr'] = {}): void {
    this.name(reference, this.node(op, input, attr))
  }

  many(references: readonly number[], op: string, input: readonly string[], attr: NodeDef['attr']): void {
    const name = this.node(op, input, attr)
    references.forEach((reference, i) => {
      this.name(reference, i === 0 ? name : `${name}:${i}`)
    })
  }

  private unique(wanted: string): string {
    let name = wanted
    for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`
    this.taken.add(name)
    return name
  }
}
