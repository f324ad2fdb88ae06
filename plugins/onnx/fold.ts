/** Passes that make a graph smaller without changing what it computes. */
import {
  consumersOf,
  dropUnused,
  GraphBuilder,
  type GraphConstant,
  type GraphNode,
  type OnnxGraph,
  productOf,
} from './graph.ts'

/** Layers with constant weights, and the axis of the weights that counts their outputs. */
const outputAxis: Readonly<Record<string, (node: GraphNode) => number>> = {
  Conv: () => 0,
  ConvTranspose: () => 1,
  Gemm: () => 1,
}

/** One number per channel (the second axis), or one for all; undefined for any other form. */
function perChannel({ dims, values }: GraphConstant, channels: number, rank: number): Float32Array | undefined {
  if (dims.length > rank) return undefined
  const whole = [...new Array<number>(rank - dims.length).fill(1), ...dims]
  if (whole.some((size, axis) => size !== 1 && (axis !== 1 || size !== channels))) return undefined
  const one = values.length === 1
  return Float32Array.from({ length: channels }, (_, c) => values[one ? 0 : c] as number)
}

/** Multiplies the weights of output channel c by scale[c]. */
function scaled({ dims, values }: GraphConstant, axis: number, scale: Float32Array): Float32Array {
  const inner = productOf(dims.slice(axis + 1))
  const channels = dims[axis] as number
  return Float32Array.from(values as Float32Array, (value, i) => value * scale[Math.floor(i / inner) % channels]!)
}

/** The `y·scale + shift` that the node applies to its other operand; undefined for other nodes. */
function affineOf(
  { op }: GraphNode,
  parameter: Float32Array,
  parameterFirst: boolean,
): { scale?: Float32Array; shift?: Float32Array } | undefined {
  if (op === 'Mul') return { scale: parameter }
  if (op === 'Add') return { shift: parameter }
  if (op === 'Sub' && !parameterFirst) return { shift: parameter.map((value) => -value) }
  if (op === 'Div' && !parameterFirst && parameter.every((value) => value !== 0))
    return { scale: parameter.map((value) => 1 / value) }
  return undefined
}

/**
 * One number per channel after a concatenation of channels applies to each of its parts, so additions and
 * multiplications are moved before it, where they may be folded.
 */
function spreadOverParts(graph: OnnxGraph): void {
  const builder = new GraphBuilder(graph)
  for (let at = 0; at < graph.nodes.length; at++) {
    const node = graph.nodes[at] as GraphNode
    const consumers = consumersOf(graph)
    const [next, ...others] = consumers.get(node.outputs[0] as string) ?? []
    if (node.op !== 'Concat' || node.attributes.axis !== 1 || !next || others.length > 0) continue
    if ((next.op !== 'Mul' && next.op !== 'Add') || next.inputs[0] !== node.outputs[0]) continue
    const constant = graph.constants.get(next.inputs[1] as string)
    const layers = node.inputs.map((name) => graph.nodes.find(({ outputs }) => outputs.includes(name)))
    const sizes = layers.map((layer) => {
      const weights = layer?.op === 'Conv' ? graph.constants.get(layer.inputs[1] as string) : undefined
      return weights && consumers.get(layer?.outputs[0] as string)?.length === 1 ? weights.dims[0]! : 0
    })
    const channels = sizes.reduce((sum, size) => sum + size, 0)
    const parameter = constant && !sizes.includes(0) && perChannel(constant, channels, 4)
    if (!parameter) continue
    let from = 0
    const moved = node.inputs.map((name, part): GraphNode => {
      const values = parameter.slice(from, from + sizes[part]!)
      from += values.length
      const part0 = builder.constant(values, [values.length, 1, 1], 'part')
      const output = builder.name(next.op)
      return { op: next.op, name: output, inputs: [name, part0], outputs: [output], attributes: {} }
    })
    node.inputs = moved.map(({ outputs }) => outputs[0] as string)
    node.outputs = [...next.outputs]
    graph.nodes.splice(graph.nodes.indexOf(next), 1)
    graph.nodes.splice(at, 0, ...moved)
    // Visited again, because an addition may follow the multiplication.
    at += moved.length - 1
  }
}

/**
 * Folds multiplications and additions of one number per channel after a convolution or product into its weights and
 * bias, including batch normalisation. `scales: false` leaves multiplications, and nodes after them, unchanged.
 */
export function foldAffine(graph: OnnxGraph, { scales = true }: { scales?: boolean } = {}): number {
  if (scales) spreadOverParts(graph)
  const builder = new GraphBuilder(graph)
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  let folded = 0
  for (const layer of graph.nodes) {
    const axisOf = outputAxis[layer.op]
    const weights = graph.constants.get(layer.inputs[1] ?? '')
    if (!axisOf || weights?.type !== 'float32') continue
    const axis = axisOf(layer)
    for (;;) {
      const consumers = consumersOf(graph)
      const [produced] = layer.outputs as [string]
      const [next, ...others] = consumers.get(produced) ?? []
      if (!next || others.length > 0 || outputs.has(produced) || next.inputs.length !== 2) break
      const first = next.inputs[0] !== produced
      const constant = graph.constants.get(next.inputs[first ? 0 : 1] as string)
      const current = graph.constants.get(layer.inputs[1] as string) as GraphConstant
      const channels = current.dims[axis] as number
      const parameter = constant && perChannel(constant, channels, layer.op === 'Gemm' ? 2 : 4)
      const affine = parameter && affineOf(next, parameter, first)
      if (!affine || (affine.scale && !scales)) break
      const bias = layer.inputs[2] === undefined ? undefined : (graph.constants.get(layer.inputs[2]) as GraphConstant)
      const old = (bias?.values as Float32Array | undefined) ?? new Float32Array(channels)
      const stem = produced
      const { scale, shift } = affine
      if (scale)
        layer.inputs[1] = builder.constant(scaled(current, axis, scale), current.dims, layer.inputs[1] as string)
      if (bias || shift)
        layer.inputs[2] = builder.constant(
          old.map((value, c) => value * (scale?.[c] ?? 1) + (shift?.[c] ?? 0)),
          [channels],
          `${stem}/bias`,
        )
      layer.outputs = [...next.outputs]
      graph.nodes.splice(graph.nodes.indexOf(next), 1)
      folded++
    }
  }
  dropUnused(graph)
  return folded
}

/** Folds zero padding into the following convolution. */
export function foldPadding(graph: OnnxGraph): void {
  const consumers = consumersOf(graph)
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  for (const node of graph.nodes) {
    const pad = producers.get(node.inputs[0] ?? '')
    if (node.op !== 'Conv' || pad?.op !== 'Pad' || (consumers.get(pad.outputs[0] as string)?.length ?? 0) > 1) continue
    const sizes = graph.constants.get(pad.inputs[1] as string)?.values
    const value = graph.constants.get(pad.inputs[2] ?? '')?.values[0] ?? 0
    const pads = node.attributes.pads as readonly number[] | undefined
    if (!sizes || !pads || value !== 0 || sizes.length !== 8 || [0, 1, 4, 5].some((at) => sizes[at] !== 0)) continue
    if ([2, 3, 6, 7].some((at) => sizes[at]! < 0)) continue
    const added = [2, 3, 6, 7].map((at, i) => sizes[at]! + pads[i]!)
    node.attributes = { ...node.attributes, pads: added }
    node.inputs[0] = pad.inputs[0] as string
  }
  dropUnused(graph)
}

const bitsOf = ({ values }: GraphConstant) => new Int32Array(values.buffer, values.byteOffset, values.length)

const isSame = (a: Int32Array, b: Int32Array) => a.every((bits, i) => bits === b[i])

/** A hash: equal constants share it, and others rarely do. */
function fingerprint(bits: Int32Array): number {
  let hash = 0x811c9dc5
  for (const value of bits) hash = Math.imul(hash ^ value, 0x01000193)
  return hash
}

/**
 * Constants of the same type, shape and bits are kept once: a layer that is applied twice has its weights once in a
 * file.
 */
export function shareConstants(graph: OnnxGraph): void {
  const known = new Map<string, { readonly name: string; readonly bits: Int32Array }[]>()
  const renamed = new Map<string, string>()
  for (const [name, constant] of graph.constants) {
    const bits = bitsOf(constant)
    const key = `${constant.type} ${constant.dims} ${fingerprint(bits)}`
    const alike = known.get(key) ?? []
    const first = alike.find((each) => isSame(each.bits, bits))
    if (first) renamed.set(name, first.name)
    else known.set(key, [...alike, { name, bits }])
  }
  for (const node of graph.nodes) node.inputs = node.inputs.map((name) => renamed.get(name) ?? name)
  dropUnused(graph)
}
