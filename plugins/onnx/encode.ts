/** The bytes of an ONNX file. Field numbers are those of onnx.proto; opset and version of the format stand below. */
import { VERSION } from '../../core/version.ts'
import type { Attribute, ElementType, GraphConstant, GraphNode, GraphValue, OnnxGraph } from './graph.ts'
import { Message } from './protobuf.ts'

/** Operators of ai.onnx in this version: the first with 4-bit integers in QuantizeLinear. */
export const OPSET = 21
/** Operators of ai.onnx.ml in this version: the last with TreeEnsembleRegressor as it stands, which every runtime has. */
const ML_OPSET = 3
const IR_VERSION = 10

const elementTypes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  uint4: 21,
  int4: 22,
}

function writeAttribute(m: Message, name: string, value: Attribute): void {
  m.text(1, name)
  if (typeof value === 'string') m.text(4, value).int(20, 3)
  else if (typeof value === 'number') m.int(3, value).int(20, 2)
  else if ('float' in value) m.float(2, value.float).int(20, 1)
  else if ('floats' in value) m.floats(7, value.floats).int(20, 6)
  else if ('ints' in value) m.wholes(8, value.ints).int(20, 7)
  else if ('texts' in value) {
    for (const each of value.texts) m.text(9, each)
    m.int(20, 8)
  } else {
    for (const each of value) m.int(8, each)
    m.int(20, 7)
  }
}

function writeNode(m: Message, node: GraphNode): void {
  for (const name of node.inputs) m.text(1, name)
  for (const name of node.outputs) m.text(2, name)
  // A name is optional: layers have theirs.
  if (node.name !== node.outputs[0]) m.text(3, node.name)
  m.text(4, node.op)
  if (node.domain) m.text(7, node.domain)
  for (const [name, value] of Object.entries(node.attributes)) m.message(5, (a) => writeAttribute(a, name, value))
}

function writeValue(m: Message, { name, type, dims }: GraphValue, untyped = false): void {
  m.text(1, name).message(2, (t) =>
    t.message(1, (tensor) => {
      tensor.int(1, elementTypes[type])
      if (untyped) return
      tensor.message(2, (shape) => {
        for (const size of dims)
          shape.message(1, (dim) => (typeof size === 'number' ? dim.int(1, size) : dim.text(2, size)))
      })
    }),
  )
}

/** Two to a byte, the first in the low half. */
function packed(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2))
  for (let i = 0; i < values.length; i++) {
    const at = i >> 1
    bytes[at] = bytes[at]! | ((values[i]! & 15) << (i % 2 === 0 ? 0 : 4))
  }
  return bytes
}

/** The values as they lie in a file, little-endian. */
export function bytesOf({ type, values }: GraphConstant): Uint8Array {
  const seen = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength)
  if (type === 'int4' || type === 'uint4') return packed(values)
  if (type === 'int8') return seen(Int8Array.from(values))
  if (type === 'uint8' || type === 'bool') return Uint8Array.from(values)
  if (type === 'int64') return seen(BigInt64Array.from([...values].map(BigInt)))
  if (type === 'int32') return seen(values instanceof Int32Array ? values : Int32Array.from(values))
  return seen(values instanceof Float32Array ? values : Float32Array.from(values))
}

function writeConstant(m: Message, name: string, constant: GraphConstant): void {
  for (const size of constant.dims) m.int(1, size)
  m.int(2, elementTypes[constant.type]).text(8, name).raw(9, bytesOf(constant))
}

/** @param untyped outputs are written without shapes: ONNX Runtime finds them. */
export function encode(
  graph: OnnxGraph,
  properties: Readonly<Record<string, string>> = {},
  untyped = false,
): Uint8Array<ArrayBuffer> {
  const model = new Message()
    .int(1, IR_VERSION)
    .text(2, 'archloom')
    .text(3, VERSION)
    .message(7, (g) => {
      for (const node of graph.nodes) g.message(1, (n) => writeNode(n, node))
      g.text(2, 'archloom')
      for (const [name, constant] of graph.constants) g.message(5, (c) => writeConstant(c, name, constant))
      for (const value of graph.inputs) g.message(11, (v) => writeValue(v, value))
      for (const value of graph.outputs) g.message(12, (v) => writeValue(v, value, untyped))
    })
    .message(8, (o) => o.text(1, '').int(2, OPSET))
  if (graph.nodes.some(({ domain }) => domain === 'ai.onnx.ml'))
    model.message(8, (o) => o.text(1, 'ai.onnx.ml').int(2, ML_OPSET))
  for (const [key, value] of Object.entries(properties)) model.message(14, (p) => p.text(1, key).text(2, value))
  return model.finish()
}
