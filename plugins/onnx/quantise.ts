/**
 * A float graph with QuantizeLinear and DequantizeLinear around its layers (QDQ), the form that ONNX Runtime turns into
 * integer kernels. Weights: one scale an output channel. Activations: one scale a tensor, calibrated.
 */
import type { Bits } from '../../evaluators/profile/index.ts'
import { error } from './errors.ts'
import {
  consumersOf,
  dropUnused,
  type ElementType,
  GraphBuilder,
  type GraphConstant,
  type GraphNode,
  type OnnxGraph,
} from './graph.ts'
import { activationGrid, type Range, weightCodes } from './grids.ts'

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
    throw error('ARCHLOOM_ONNX_OPTION', {
      option: `bits${names}`,
      received: found,
      expected: '2 to 8, or 32 for float',
    })
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
        ((op === 'Transpose' || ((op === 'Add' || op === 'Mul') && inputs.some((each) => graph.constants.has(each)))) &&
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
    } else if (everywhere && moving.has(node.op)) read(node.inputs[0] as string, node, 8)
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
  /** Values beyond the codes in use are cut first. */
  readonly clip?: readonly [number, number]
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

/** Rewrites the graph in place. Error: ARCHLOOM_ONNX_OPTION. */
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
  const layers: QuantisedLayer[] = []
  const added = new Map<string, GraphNode[]>()
  const renamed = new Map<string, string>()
  const insert = (name: string, width: number, reader?: GraphNode): string => {
    const key = `${reader && bits.clips ? reader.name : width} ${name}`
    const known = renamed.get(key)
    if (known !== undefined) return known
    const { scale, zero, clip, halves } = quantiserOf(name, width, reader)
    const nodes: GraphNode[] = []
    const push = (op: string, inputs: string[], wanted: string) => {
      const output = builder.name(wanted)
      nodes.push({ op, name: output, inputs, outputs: [output], attributes: {} })
      return output
    }
    const cut = clip ? push('Clip', [name, builder.scalar(clip[0]), builder.scalar(clip[1])], `${name}/cut`) : name
    const moved = halves ? push('Add', [cut, halves[0]], `${name}/moved`) : cut
    const codes = push('QuantizeLinear', [moved, scale, zero], `${name}/codes`)
    const level = push('DequantizeLinear', [codes, scale, zero], `${name}/value`)
    const value = halves ? push('Add', [level, halves[1]], `${name}/back`) : level
    added.set(name, [...(added.get(name) ?? []), ...nodes])
    renamed.set(key, value)
    return value
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
  for (const node of [...graph.nodes]) {
    const axis = layerAxis[node.op]
    const weights = graph.constants.get(node.inputs[1] ?? '')
    if (axis === undefined || weights?.type !== 'float32') continue
    const width = node.op === 'ConvTranspose' ? 32 : bitsFor(bits.activations, node.name)
    const source = [...plan.values].find(([, readers]) => readers.has(node))?.[0]
    const input = source === undefined ? undefined : quantiserOf(source, width, node)
    const carried = quantiseWeights(graph, builder, added, node, axis, bitsFor(bits.weights, node.name), input)
    layers.push({
      layer: node.name,
      weights: carried,
      activations: input?.carried ?? { bits: 32, as: 'float32', levels: 2 ** 32, coarser: false },
    })
  }
  order(graph, added)
  dropUnused(graph)
  return layers
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
    ...(coarser && { clip: [-zero * scale, (levels - 1 - zero) * scale] as const }),
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
  const as = bits === 4 && fourBits ? 'uint4' : 'uint8'
  const levels = 2 ** bits
  const coarser = levels < (as === 'uint4' ? 16 : 256)
  const scale = ((signed ? 2 : 1) * clip) / (levels - 1)
  const half = (sign: number) => builder.scalar((sign * scale) / 2)
  return {
    scale: builder.constant(Float32Array.of(scale), [], `${name}/scale`),
    zero: builder.constant(Int32Array.of(signed ? levels / 2 : 0), [], `${name}/zero`, as),
    number: scale,
    carried: { bits, as, levels, coarser, exact: true },
    ...(coarser && { clip: [signed ? -clip : 0, clip] as const }),
    ...(signed && { halves: [half(-1), half(1)] as const }),
  }
}

/** Weights become integers and a DequantizeLinear; with 8-bit inputs the bias becomes 32-bit integers. */
function quantiseWeights(
  graph: OnnxGraph,
  builder: GraphBuilder,
  added: Map<string, GraphNode[]>,
  node: GraphNode,
  axis: number,
  bits: number,
  input: Quantiser | undefined,
): Carried {
  const name = node.inputs[1] as string
  const weights = graph.constants.get(name) as GraphConstant
  if (bits === 32) return { bits, as: 'float32', levels: 2 ** 32, coarser: false }
  const bias = graph.constants.get(node.inputs[2] ?? '')
  const integer = input?.carried.as === 'uint8' && !input.clip && !input.halves
  // The bias is counted in input scale × weight scale: it must fit 32 bits.
  const least = integer && bias ? Float32Array.from(bias.values, (b) => Math.abs(b) / ((input?.number as number) * 2 ** 30)) : undefined // biome-ignore format: one line
  const { codes, scales, type, shift, levels, exact } = weightCodes(weights, axis, bits, least)
  const before: GraphNode[] = []
  const dequantise = (codesName: string, scale: string, attributes: GraphNode['attributes'], wanted: string) => {
    const output = builder.name(wanted)
    before.push({ op: 'DequantizeLinear', name: output, inputs: [codesName, scale], outputs: [output], attributes })
    return output
  }
  const scale = builder.constant(scales, [scales.length], `${name}/scale`)
  let value = dequantise(builder.constant(codes, weights.dims, `${name}/codes`, type), scale, { axis }, `${name}/value`)
  if (shift) {
    const dims = weights.dims.map((size, i) => (i === axis ? size : 1))
    const half = builder.constant(
      scales.map((each) => each * shift),
      dims,
      `${name}/half`,
    )
    const output = builder.name(`${name}/shifted`)
    before.push({ op: 'Add', name: output, inputs: [value, half], outputs: [output], attributes: {} })
    value = output
  }
  node.inputs[1] = value
  if (integer && bias && type === 'int8' && !shift) {
    const product = scales.map((each) => each * (input?.number as number))
    const counted = Int32Array.from(bias.values, (b, c) => Math.round(b / (product[c] as number)))
    const biasName = node.inputs[2] as string
    const biasScale = builder.constant(product, [product.length], `${biasName}/scale`)
    const biasCodes = builder.constant(counted, bias.dims, `${biasName}/codes`, 'int32')
    node.inputs[2] = dequantise(biasCodes, biasScale, { axis: 0 }, `${biasName}/value`)
  }
  added.set(`before ${node.name}`, before)
  return { bits, as: type, levels, coarser: bits !== 4 && bits !== 8, exact }
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
