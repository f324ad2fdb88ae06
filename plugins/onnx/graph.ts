/** An ONNX graph under construction: plain data that passes can rewrite before it is written. */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: ArrayLike<number> }
  | { readonly ints: ArrayLike<number> }
  | { readonly texts: readonly string[] }

/** Types of tensors in the files written here. `int4` and `uint4` are packed two to a byte when written. */
export type ElementType = 'float32' | 'int8' | 'uint8' | 'int4' | 'uint4' | 'int32' | 'int64' | 'bool'

export interface GraphNode {
  op: string
  /** For a layer, the path of its weights, whatever the name of its output. */
  readonly name: string
  inputs: string[]
  outputs: string[]
  attributes: Readonly<Record<string, Attribute>>
  /** Set of operators other than ai.onnx: 'ai.onnx.ml' for trees. */
  readonly domain?: 'ai.onnx.ml'
}

/** A size that the file leaves open is written as its name. */
export type Dimension = number | string

export interface GraphValue {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly Dimension[]
}

export interface GraphConstant {
  readonly type: ElementType
  readonly dims: readonly number[]
  /** One number per element, whatever the type. */
  readonly values: Float32Array | Int32Array
}

export interface OnnxGraph {
  nodes: GraphNode[]
  readonly inputs: GraphValue[]
  readonly outputs: GraphValue[]
  readonly constants: Map<string, GraphConstant>
}

export const productOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1)

/** Adds nodes and constants; names are unique in the graph. */
export class GraphBuilder {
  readonly graph: OnnxGraph
  private readonly taken = new Set<string>()

  constructor(graph: OnnxGraph = { nodes: [], inputs: [], outputs: [], constants: new Map() }) {
    this.graph = graph
    for (const name of graph.constants.keys()) this.taken.add(name)
    for (const { outputs } of graph.nodes) for (const name of outputs) this.taken.add(name)
    for (const { name } of graph.inputs) this.taken.add(name)
  }

  /** The name, or the name followed by the first free number. */
  name(wanted: string): string {
    let name = wanted
    for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`
    this.taken.add(name)
    return name
  }

  op(op: string, inputs: readonly string[], attributes: GraphNode['attributes'] = {}, wanted = op): string {
    return this.ops(op, inputs, 1, attributes, wanted)[0] as string
  }

  ops(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: GraphNode['attributes'] = {},
    wanted = op,
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.name(wanted))
    this.graph.nodes.push({ op, name: names[0] as string, inputs: [...inputs], outputs: [...names], attributes })
    return names
  }

  constant(
    values: GraphConstant['values'],
    dims: readonly number[],
    wanted = 'constant',
    type: ElementType = values instanceof Int32Array ? 'int32' : 'float32',
  ): string {
    const name = this.name(wanted)
    this.graph.constants.set(name, { type, dims, values })
    return name
  }

  scalar(value: number): string {
    return this.constant(Float32Array.of(value), [], 'scalar')
  }

  /** A list of 64-bit integers: shapes, axes, pads. */
  ints(values: readonly number[]): string {
    return this.constant(Int32Array.from(values), [values.length], 'sizes', 'int64')
  }
}

/** The nodes that read each value. */
export function consumersOf(graph: OnnxGraph): Map<string, GraphNode[]> {
  const consumers = new Map<string, GraphNode[]>()
  for (const node of graph.nodes)
    for (const name of new Set(node.inputs)) consumers.set(name, [...(consumers.get(name) ?? []), node])
  return consumers
}

/** Removes nodes and constants that no output needs. */
export function dropUnused(graph: OnnxGraph): void {
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const kept: GraphNode[] = []
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.some((name) => needed.has(name))) {
      kept.push(node)
      for (const name of node.inputs) needed.add(name)
    }
  graph.nodes = kept.reverse()
  for (const name of [...graph.constants.keys()]) if (!needed.has(name)) graph.constants.delete(name)
}
