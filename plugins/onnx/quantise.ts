/**
 * A float graph with QuantizeLinear and DequantizeLinear around its layers (QDQ), the form that ONNX Runtime turns into
 * integer kernels. Weights: one scale per output channel. Activations: one scale per tensor, calibrated.
 *
 * Layers that no integer kernel computes as stated are kept apart from that form, because ONNX Runtime rewrites it beyond
 * recognition otherwise: it rounds float biases and float weights to 8 bits beside a DequantizeLinear, rounds float
 * inputs to 8 bits beside 4- and 8-bit weights (MatMulNBits), and makes convolutions of 4-bit inputs that it cannot run.
 */
import { optionError } from '../../core/options/index.ts'
import type { Bits } from '../../evaluators/profile/index.ts'
import {
  consumersOf,
  dropUnused,
  type ElementType,
  GraphBuilder,
  type GraphConstant,
  type GraphNode,
  type OnnxGraph,
} from './graph.ts'
import { activationGrid, LEAST_SCALE, type Range, type WeightCodes, weightCodes } from './grids.ts'

export interface QuantiseBits {
  /** Of weights; by path of the layer, '*' for those not named. Default 8. 32: float. */
  readonly weights?: Bits
  /** Of what layers read. Default 8. 32: float. */
  readonly activations?: Bits
  /** Ranges that were learned, by layer: nothing else is quantised, and nothing calibrated. */
  readonly clips?: ReadonlyMap<string, Clip>
}

/** Levels clip·i / (2ᵏ − 1), or with a sign clip·(2i / (2ᵏ − 1) − 1). */
export interface Clip {
  readonly clip: number
  readonly signed: boolean
}

export interface QuantisedLayer {
  readonly layer: string
  readonly weights: Carried
  readonly activations: Carried
}

/** Bits as asked for, and what the file holds. */
export interface Carried {
  readonly bits: number
  /** Type in the file. */
  readonly as: ElementType
  /** Different values that occur at most. */
  readonly levels: number
  /** Bits other than 4 and 8 use a part of the codes of the next wider type. */
  readonly coarser: boolean
  /** Weights that a search had put on their grid already are kept exactly. */
  readonly exact?: boolean
}

const layerAxis: Readonly<Record<string, number>> = { Conv: 0, Gemm: 1, ConvTranspose: 1 }
/** What ONNX Runtime computes in integers beside layers, where all its inputs and outputs are 8 bits. */
const integerOps = new Set(['Add', 'Mul', 'Concat', 'AveragePool', 'GlobalAveragePool', 'LeakyRelu', 'Sigmoid'])
/** Their values are those of their input: on the same grid. */
const moving = new Set(['MaxPool', 'Flatten', 'Reshape', 'Transpose', 'DepthToSpace', 'Slice'])
/** What the quantiser after a layer does anyway. */
const absorbed = new Set(['Relu', 'Clip'])

export const bitsFor = (bits: Bits | undefined, layer: string): number => {
  const found = typeof bits === 'object' ? (bits[layer] ?? bits['*'] ?? 32) : (bits ?? 8)
  const names = typeof bits === 'object' ? ` of ${layer}` : ''
  if (!(found === 32 || (Number.isInteger(found) && found >= 2 && found <= 8)))
    throw optionError('onnx', `bits${names}`, found, '2 to 8, or 32 for float')
  return found
}

/** Which values are to be quantised, and to how many bits for which reader. */
export interface QuantisationPlan {
  readonly values: ReadonlyMap<string, ReadonlyMap<GraphNode, number>>
  /** Values that must come out of a quantiser so that their producer works in integers. */
  readonly outputs: ReadonlySet<string>
}

export function planQuantisation(graph: OnnxGraph, bits: QuantiseBits): QuantisationPlan {
  const consumers = consumersOf(graph)
  const values = new Map<string, Map<GraphNode, number>>()
  const outputs = new Set<string>()
  const read = (name: string, reader: GraphNode, width: number) => {
    if (graph.constants.has(name)) return
    values.set(name, (values.get(name) ?? new Map<GraphNode, number>()).set(reader, width))
  }
  const everywhere = !bits.clips && (bits.activations === undefined || bits.activations === 8)
  /** The value that a quantiser may follow: behind the activation that it absorbs. */
  const settled = (node: GraphNode): string => {
    const [output] = node.outputs as [string]
    const [next, ...others] = consumers.get(output) ?? []
    const ends = next && absorbed.has(next.op) && others.length === 0
    return ends ? (next.outputs[0] as string) : output
  }
  const isFinal = (name: string): boolean =>
    (consumers.get(name) ?? []).every(
      ({ op, inputs, outputs: [output] }) =>
        op === 'Identity' ||
        ((moving.has(op) || ((op === 'Add' || op === 'Mul') && inputs.some((each) => graph.constants.has(each)))) &&
          isFinal(output as string)),
    )
  for (const node of graph.nodes) {
    if (graph.constants.get(node.inputs[1] ?? '')?.type === 'float32' && node.op in layerAxis) {
      const width = bitsFor(bits.activations, node.name)
      if (width === 32 || node.op === 'ConvTranspose') continue
      read(node.inputs[0] as string, node, width)
      if (everywhere) outputs.add(settled(node))
    } else if (everywhere && integerOps.has(node.op)) {
      if (node.inputs.some((name) => graph.constants.has(name))) continue
      for (const name of node.inputs) read(name, node, 8)
      outputs.add(settled(node))
    } else if (everywhere && moving.has(node.op) && !isFinal(node.outputs[0] as string))
      read(node.inputs[0] as string, node, 8)
  }
  for (const name of outputs) if (isFinal(name)) outputs.delete(name)
  return { values, outputs }
}

/** The values whose ranges a quantisation needs. */
export const plannedValues = ({ values, outputs }: QuantisationPlan): string[] => [
  ...new Set([...values.keys(), ...outputs]),
]

interface Quantiser {
  readonly scale: string
  readonly zero: string
  readonly number: number
  readonly carried: Carried
  /** Values beyond the codes in use are cut first: the least and the greatest value that come out. */
  readonly cut?: readonly [number, number]
  /** Names of ±half a step, for levels around zero without it: added before and behind. */
  readonly halves?: readonly [string, string]
}

/**
 * Whether a quantiser behind this value may have 4-bit codes. ONNX Runtime moves quantisers up to where values are made;
 * it cannot fold a Clip into one of 4-bit codes nor take their maximum, and fails at it.
 */
function takesFourBits(name: string, producers: ReadonlyMap<string, GraphNode>): boolean {
  const producer = producers.get(name)
  if (!producer || !moving.has(producer.op)) return producer?.op !== 'Clip'
  return producer.op !== 'MaxPool' && takesFourBits(producer.inputs[0] as string, producers)
}

/** Rewrites the graph in place. Error: ARCHLOOM_OPTION. */
export function quantise(graph: OnnxGraph, bits: QuantiseBits, ranges: ReadonlyMap<string, Range>): QuantisedLayer[] {
  const plan = planQuantisation(graph, bits)
  const builder = new GraphBuilder(graph)
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const consumers = consumersOf(graph)
  const quantisers = new Map<string, Quantiser>()
  const quantiserOf = (name: string, width: number, reader?: GraphNode): Quantiser => {
    const producer = producers.get(name)
    const clip = reader && bits.clips?.get(reader.name)
    if (reader && clip) {
      const own = `clip ${reader.name}`
      const made = quantisers.get(own) ?? learnedQuantiser(builder, clip, width, takesFourBits(name, producers), name)
      quantisers.set(own, made)
      return made
    }
    // Moved values keep their grid, as integers can be moved.
    if (producer && moving.has(producer.op) && plan.values.has(producer.inputs[0] as string))
      return quantiserOf(producer.inputs[0] as string, width)
    const key = `${width} ${name}`
    const type = width === 4 && takesFourBits(name, producers) ? 'uint4' : 'uint8'
    const made = quantisers.get(key) ?? activationQuantiser(builder, ranges.get(name) as Range, width, type, name)
    quantisers.set(key, made)
    return made
  }
  const added = new Map<string, GraphNode[]>()
  const renamed = new Map<string, string>()
  const insert = (name: string, width: number, reader?: GraphNode): string => {
    const key = `${reader && bits.clips ? reader.name : width} ${name}`
    const known = renamed.get(key)
    if (known !== undefined) return known
    const { scale, zero, cut, halves } = quantiserOf(name, width, reader)
    const nodes: GraphNode[] = []
    const push = (op: string, inputs: string[], wanted: string) => {
      const output = builder.name(wanted)
      nodes.push({ op, name: output, inputs, outputs: [output], attributes: {} })
      return output
    }
    const bounds = cut?.map((end) => builder.scalar(end)) ?? []
    const inside = cut ? push('Clip', [name, ...bounds], `${name}/cut`) : name
    const moved = halves ? push('Add', [inside, halves[0]], `${name}/moved`) : inside
    const codes = push('QuantizeLinear', [moved, scale, zero], `${name}/codes`)
    const level = push('DequantizeLinear', [codes, scale, zero], `${name}/value`)
    const value = halves ? push('Add', [level, halves[1]], `${name}/back`) : level
    added.set(name, [...(added.get(name) ?? []), ...nodes])
    renamed.set(key, value)
    return value
  }
  const coded = new Map<GraphNode, CodedLayer>()
  for (const node of graph.nodes) {
    const axis = layerAxis[node.op]
    const weights = graph.constants.get(node.inputs[1] ?? '')
    if (axis === undefined || weights?.type !== 'float32') continue
    const width = node.op === 'ConvTranspose' ? 32 : bitsFor(bits.activations, node.name)
    const source = [...plan.values].find(([, readers]) => readers.has(node))?.[0]
    const input = source === undefined ? undefined : quantiserOf(source, width, node)
    coded.set(node, codedLayer(graph, node, axis, bitsFor(bits.weights, node.name), input))
  }
  for (const [name, readers] of plan.values)
    for (const [reader, width] of readers) {
      const value = insert(name, width, reader)
      reader.inputs = reader.inputs.map((each) => (each === name ? value : each))
    }
  for (const name of plan.outputs) {
    const value = insert(name, 8)
    for (const reader of consumers.get(name) ?? [])
      reader.inputs = reader.inputs.map((each) => (each === name ? value : each))
  }
  const layers = [...coded].map(([node, layer]): QuantisedLayer => {
    const weights = quantiseWeights(graph, builder, added, node, layer)
    const activations = layer.input?.carried ?? { bits: 32, as: 'float32', levels: 2 ** 32, coarser: false }
    return { layer: node.name, weights, activations }
  })
  order(graph, added)
  keepApart(graph, builder, new Set([...coded].filter(([, { integer }]) => !integer).map(([node]) => node)))
  dropUnused(graph)
  return layers
}

/** Behind a DequantizeLinear, a Clip that changes no value keeps a float layer apart from the form that is rewritten. */
function keepApart(graph: OnnxGraph, builder: GraphBuilder, layers: ReadonlySet<GraphNode>): void {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const dequantised = (name: string): boolean => {
    const producer = producers.get(name)
    if (!producer || !moving.has(producer.op)) return producer?.op === 'DequantizeLinear'
    return dequantised(producer.inputs[0] as string)
  }
  graph.nodes = graph.nodes.flatMap((node) => {
    const [name] = node.inputs as [string]
    if (!layers.has(node) || !dequantised(name)) return [node]
    const output = builder.name(`${name}/apart`)
    const ends = [-LARGEST_FLOAT, LARGEST_FLOAT].map((end) => builder.scalar(end))
    node.inputs[0] = output
    return [{ op: 'Clip', name: output, inputs: [name, ...ends], outputs: [output], attributes: {} }, node]
  })
}

const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127

/** The integers of a layer's weights; `integer`: a kernel of ONNX Runtime computes with them as they are. */
interface CodedLayer {
  readonly axis: number
  readonly bits: number
  readonly input: Quantiser | undefined
  readonly weights?: WeightCodes
  /** The bias counted in input scale × weight scale. */
  readonly bias?: Int32Array
  readonly integer: boolean
}

function codedLayer(
  graph: OnnxGraph,
  node: GraphNode,
  axis: number,
  bits: number,
  input: Quantiser | undefined,
): CodedLayer {
  const weights = graph.constants.get(node.inputs[1] as string) as GraphConstant
  const bias = graph.constants.get(node.inputs[2] ?? '')
  const common = { axis, bits, input }
  if (bits === 32) return { ...common, integer: false }
  const eight = input?.carried.as === 'uint8' && !input.cut && !input.halves ? input.number : undefined
  if (eight === undefined) return { ...common, weights: weightCodes(weights, axis, bits), integer: false }
  // The bias is counted in input scale × weight scale: it must fit 32 bits.
  const least = bias && Float32Array.from(bias.values, (b) => Math.abs(b) / (eight * 2 ** 30))
  const codes = weightCodes(weights, axis, bits, least)
  const counts = Float64Array.from(bias?.values ?? [], (b, c) => Math.round(b / Math.fround(codes.scales[c]! * eight)))
  // Weights on a grid keep their scale, in which a bias that is far larger has no integer.
  const integer = codes.type === 'int8' && !codes.shift && counts.every((count) => Math.abs(count) < 2 ** 31)
  return { ...common, weights: codes, integer, ...(integer && bias && { bias: Int32Array.from(counts) }) }
}

function activationQuantiser(
  builder: GraphBuilder,
  range: Range,
  bits: number,
  as: 'uint4' | 'uint8',
  name: string,
): Quantiser {
  const { scale, zero, levels } = activationGrid(range, bits)
  const coarser = levels < (as === 'uint4' ? 16 : 256)
  return {
    scale: builder.constant(Float32Array.of(scale), [], `${name}/scale`),
    zero: builder.constant(Int32Array.of(zero), [], `${name}/zero`, as),
    number: scale,
    carried: { bits, as, levels, coarser },
    ...(coarser && { cut: [-zero * scale, (levels - 1 - zero) * scale] as const }),
  }
}

/** The quantiser of a learned range: the levels are the search's, to the bit where half steps do not tie. */
function learnedQuantiser(
  builder: GraphBuilder,
  { clip, signed }: Clip,
  bits: number,
  fourBits: boolean,
  name: string,
): Quantiser {
  if (!(clip >= 2 ** 8 * LEAST_SCALE && clip < Number.POSITIVE_INFINITY))
    throw optionError('onnx', `the learned range of ${name}`, clip, 'a positive number that is not denormal')
  const as = bits === 4 && fourBits ? 'uint4' : 'uint8'
  const levels = 2 ** bits
  const coarser = levels < (as === 'uint4' ? 16 : 256)
  const scale = Math.fround(((signed ? 2 : 1) * clip) / (levels - 1))
  const half = (sign: number) => builder.scalar((sign * scale) / 2)
  return {
    scale: builder.constant(Float32Array.of(scale), [], `${name}/scale`),
    zero: builder.constant(Int32Array.of(signed ? levels / 2 : 0), [], `${name}/zero`, as),
    number: scale,
    carried: { bits, as, levels, coarser, exact: true },
    ...(coarser && { cut: [signed ? -clip : 0, clip] as const }),
    ...(signed && { halves: [half(-1), half(1)] as const }),
  }
}

/**
 * Beyond this size of two adjacent weights, ONNX Runtime's kernels of unsigned inputs and signed weights overflow 16 bits
 * on processors with AVX2 and no VNNI, and go on with the nearest number that fits.
 */
const LARGEST_SIGNED = 64

/** Integer layers: weights and bias behind a DequantizeLinear. Others: weights that a constant fold widens once. */
function quantiseWeights(
  graph: OnnxGraph,
  builder: GraphBuilder,
  added: Map<string, GraphNode[]>,
  node: GraphNode,
  { axis, bits, input, weights: coded, bias, integer }: CodedLayer,
): Carried {
  if (!coded) return { bits, as: 'float32', levels: 2 ** 32, coarser: false }
  const { codes, scales, shift, levels, exact } = coded
  const [, name, biasName] = node.inputs as [string, string, string]
  const { dims } = graph.constants.get(name) as GraphConstant
  const before: GraphNode[] = []
  const push = (op: string, inputs: string[], wanted: string, attributes: GraphNode['attributes'] = {}) => {
    const output = builder.name(wanted)
    before.push({ op, name: output, inputs, outputs: [output], attributes })
    return output
  }
  const unsigned = integer && codes.some((code) => Math.abs(code) > LARGEST_SIGNED)
  const as = unsigned ? 'uint8' : coded.type
  const stored = builder.constant(unsigned ? codes.map((code) => code + 128) : codes, dims, `${name}/codes`, as)
  if (integer) {
    const scale = builder.constant(scales, [scales.length], `${name}/scale`)
    const zeros = new Int32Array(scales.length).fill(128)
    const zero = unsigned ? [builder.constant(zeros, [scales.length], `${name}/zero`, 'uint8')] : []
    node.inputs[1] = push('DequantizeLinear', [stored, scale, ...zero], `${name}/value`, { axis })
    if (bias) {
      const product = scales.map((each) => each * (input as Quantiser).number)
      const biasScale = builder.constant(product, [product.length], `${biasName}/scale`)
      const biasCodes = builder.constant(bias, [bias.length], `${biasName}/codes`, 'int32')
      node.inputs[2] = push('DequantizeLinear', [biasCodes, biasScale], `${biasName}/value`, { axis: 0 })
    }
  } else {
    const along = dims.map((size, i) => (i === axis ? size : 1))
    const whole = push('Cast', [stored], `${name}/float`, { to: 1 })
    const halves = shift && builder.constant(shift, along, `${name}/half`)
    const moved = halves ? push('Add', [whole, halves], `${name}/shifted`) : whole
    node.inputs[1] = push('Mul', [moved, builder.constant(scales, along, `${name}/scale`)], `${name}/value`)
  }
  added.set(`before ${node.name}`, before)
  return { bits, as, levels, coarser: bits !== 4 && bits !== 8, exact }
}

/** Puts new nodes where they belong: quantisers behind what they read, weights before their layer. */
function order(graph: OnnxGraph, added: ReadonlyMap<string, readonly GraphNode[]>): void {
  const [input] = graph.inputs
  graph.nodes = [
    ...(added.get(input?.name ?? '') ?? []),
    ...graph.nodes.flatMap((node) => [
      ...(added.get(`before ${node.name}`) ?? []),
      node,
      ...node.outputs.flatMap((name) => added.get(name) ?? []),
    ]),
  ]
}
