/** Small ONNX files, written field by field. */
import { Message } from '../../../../plugins/onnx/protobuf.ts'

export const elementType = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13 } as const // biome-ignore format: one line
export type ElementName = keyof typeof elementType

export interface FileNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>
  readonly domain?: string
}

export interface FileValue {
  readonly name: string
  readonly type?: ElementName
  readonly dims: readonly (number | string)[]
}

export interface FileConstant {
  readonly name: string
  readonly dims: readonly number[]
  readonly floats?: readonly number[]
  readonly ints?: readonly number[]
}

export function onnxFile(
  nodes: readonly FileNode[],
  inputs: readonly FileValue[],
  outputs: readonly FileValue[],
  constants: readonly FileConstant[] = [],
  opset = 21,
): Uint8Array {
  const value = (m: Message, { name, type = 'float32', dims }: FileValue) =>
    m.text(1, name).message(2, (t) =>
      t.message(1, (tensor) =>
        tensor.int(1, elementType[type]).message(2, (shape) => {
          for (const size of dims)
            shape.message(1, (dim) => (typeof size === 'number' ? dim.int(1, size) : dim.text(2, size)))
        }),
      ),
    )
  const node = (m: Message, { op, inputs: reads, outputs: writes, attributes = {}, domain }: FileNode) => {
    for (const name of reads) m.text(1, name)
    for (const name of writes) m.text(2, name)
    m.text(4, op)
    for (const [name, each] of Object.entries(attributes))
      m.message(5, (a) => {
        a.text(1, name)
        if (typeof each === 'string') a.text(4, each).int(20, 3)
        else if (typeof each === 'number') a.int(3, each).int(20, 2)
        else if ('float' in each) a.float(2, each.float).int(20, 1)
        else {
          for (const item of each) a.int(8, item)
          a.int(20, 7)
        }
      })
    if (domain) m.text(7, domain)
  }
  return new Message()
    .int(1, 10)
    .message(7, (g) => {
      for (const each of nodes) g.message(1, (m) => node(m, each))
      g.text(2, 'graph')
      for (const { name, dims, floats, ints } of constants)
        g.message(5, (m) => {
          for (const size of dims) m.int(1, size)
          m.int(2, floats ? elementType.float32 : elementType.int64).text(8, name)
          const values = floats ? Float32Array.from(floats) : BigInt64Array.from((ints ?? []).map(BigInt))
          m.raw(9, new Uint8Array(values.buffer))
        })
      for (const each of inputs) g.message(11, (m) => value(m, each))
      for (const each of outputs) g.message(12, (m) => value(m, each))
    })
    .message(8, (o) => o.text(1, '').int(2, opset))
    .finish()
}
