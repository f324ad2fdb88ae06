/**
 * Writes ONNX models: the few protocol-buffer messages of onnx.proto that small graphs need. Field
 * numbers are those of onnx.proto (ONNX, opset 17).
 */
export type Attribute = number | string | readonly number[] | { readonly float: number }
export type ElementType = 'float32' | 'int32' | 'int64' | 'bool'
const elementTypes: Readonly<Record<ElementType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 }

export interface GraphNode {
  readonly op: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}
export interface GraphValue {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly number[]
}
export interface GraphConstant extends GraphValue {
  readonly values: readonly number[]
}

/** A model under construction: `op` adds a node and names its output. */
export class Graph {
  readonly nodes: GraphNode[] = []
  readonly inputs: GraphValue[] = []
  readonly outputs: GraphValue[] = []
  readonly constants: GraphConstant[] = []
  private count = 0

  input(name: string, dims: readonly number[], type: ElementType = 'float32'): string {
    this.inputs.push({ name, dims, type })
    return name
  }

  /** One node with one output. A domain may precede the operator: 'com.microsoft.nchwc:Conv'. */
  op(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const [domain, name] = op.includes(':') ? (op.split(':') as [string, string]) : ['', op]
    const output = `v${this.count++}`
    this.nodes.push({ op: name, domain, inputs, outputs: [output], attributes })
    return output
  }

  /** A list of 64-bit integers: shapes, axes, pads. */
  ints(values: readonly number[]): string {
    return this.constant(values, 'int64', [values.length])
  }

  constant(values: readonly number[], type: ElementType, dims: readonly number[] = []): string {
    const name = `c${this.count++}`
    this.constants.push({ name, type, dims, values })
    return name
  }

  output(value: string, dims: readonly number[], type: ElementType = 'float32'): this {
    this.outputs.push({ name: value, dims, type })
    return this
  }
}

class Writer {
  private readonly bytes: number[] = []
  private varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      this.bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    this.bytes.push(Number(rest))
    return this
  }
  int(field: number, value: number): this {
    return this.varint(field << 3).varint(value)
  }
  float(field: number, value: number): this {
    this.varint((field << 3) | 5)
    this.bytes.push(...new Uint8Array(new Float32Array([value]).buffer))
    return this
  }
  raw(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2).varint(value.length)
    for (const byte of value) this.bytes.push(byte)
    return this
  }
  text(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value))
  }
  message(field: number, write: (writer: Writer) => void): this {
    const inner = new Writer()
    write(inner)
    return this.raw(field, inner.finish())
  }
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes)
  }
}

function writeAttribute(w: Writer, name: string, value: Attribute): void {
  w.text(1, name)
  if (typeof value === 'string') w.text(4, value).int(20, 3)
  else if (typeof value === 'number') w.int(3, value).int(20, 2)
  else if ('float' in value) w.float(2, value.float).int(20, 1)
  else {
    for (const each of value) w.int(8, each)
    w.int(20, 7)
  }
}

function writeValue(w: Writer, { name, type, dims }: GraphValue): void {
  w.text(1, name).message(2, (t) =>
    t.message(1, (tensor) => {
      tensor.int(1, elementTypes[type]).message(2, (shape) => {
        for (const size of dims) shape.message(1, (dim) => dim.int(1, size))
      })
    }),
  )
}

function writeConstant(w: Writer, { name, type, dims, values }: GraphConstant): void {
  for (const size of dims) w.int(1, size)
  w.int(2, elementTypes[type]).text(8, name)
  const bytes =
    type === 'int64'
      ? new BigInt64Array(values.map(BigInt))
      : type === 'int32'
        ? new Int32Array(values)
        : type === 'bool'
          ? new Uint8Array(values)
          : new Float32Array(values)
  w.raw(9, new Uint8Array(bytes.buffer))
}

/** The bytes of the model. */
export function encode(graph: Graph): Uint8Array<ArrayBuffer> {
  const model = new Writer().int(1, 8).message(7, (g) => {
    for (const node of graph.nodes)
      g.message(1, (n) => {
        for (const name of node.inputs) n.text(1, name)
        for (const name of node.outputs) n.text(2, name)
        n.text(4, node.op)
        for (const [name, value] of Object.entries(node.attributes)) n.message(5, (a) => writeAttribute(a, name, value))
        if (node.domain) n.text(7, node.domain)
      })
    g.text(2, 'archloom')
    for (const constant of graph.constants) g.message(5, (c) => writeConstant(c, constant))
    for (const value of graph.inputs) g.message(11, (v) => writeValue(v, value))
    for (const value of graph.outputs) g.message(12, (v) => writeValue(v, value))
  })
  const domains = [
    ['', 17],
    ['com.microsoft', 1],
    ['com.microsoft.nchwc', 1],
  ] as const
  for (const [domain, version] of domains) model.message(8, (o) => o.text(1, domain).int(2, version))
  return model.finish()
}
