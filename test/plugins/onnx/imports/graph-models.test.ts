import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'
import { countTensors, useEngine } from '../../../../core/tensor/index.ts'
import { exportGraphModel, graphModelOperators, importGraphModel } from '../../../../plugins/onnx/index.ts'
import { graphNetwork, resNetGraph } from '../../../../search-spaces/compression/index.ts'
import { difference, floats, handler, ints, type StoredTensor, scratch, writeModel } from './model-files.ts'

const files = scratch('graph-models')
beforeAll(() => useEngine('wasm') as Promise<unknown>)
afterAll(files.remove)

const text = (value: string) => ({ s: Buffer.from(value).toString('base64') })
const list = (...values: number[]) => ({ list: { i: values.map(String) } })
const texts = (...values: string[]) => ({ list: { s: values.map((value) => text(value).s) } })
const int = (value: number) => ({ i: String(value) })
const flag = (b: boolean) => ({ b })
const type = (name = 'DT_FLOAT') => ({ type: name })

/** One number after the other of a fixed sequence around 0, never 0. */
const drawn = (count: number, seed = 1) => {
  const rng = seeded(seed)
  return Array.from({ length: count }, () => Math.round((rng.float() * 2 - 1) * 1000) / 500 + 0.001)
}
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const weights = (...shape: number[]) => ({ shape, values: drawn(size(shape), shape.length + size(shape)) })
const numbers = (...values: number[]) => ({ shape: [values.length], values, whole: true })
const number = (value: number, whole = true) => ({ shape: [], values: [value], whole })

interface Constant {
  readonly shape: readonly number[]
  readonly values: readonly number[]
  readonly whole?: boolean
}

interface Case {
  readonly op: string
  /** Of the placeholder, with the batch. */
  readonly x?: readonly number[]
  /** 'x' or constants, in the operator's order. */
  readonly inputs?: readonly ('x' | Constant)[]
  readonly attr?: Readonly<Record<string, unknown>>
  readonly outputs?: number
  /** The file fixes the batch. */
  readonly fixed?: boolean
  /** Values of x instead of drawn ones. */
  readonly positive?: boolean
  /** Operators in front of it. */
  readonly before?: readonly {
    readonly name: string
    readonly op: string
    readonly input: readonly string[]
    readonly attr?: object
  }[]
  readonly reads?: string
}

function graphOf({
  op,
  x = [2, 4, 4, 2],
  inputs = ['x'],
  attr = {},
  outputs = 1,
  before = [],
  reads = 'x',
  fixed = false,
}: Case) {
  const stored: StoredTensor[] = []
  const nodes: object[] = [
    { name: 'x', op: 'Placeholder', attr: { dtype: type(), shape: { shape: { dim: [fixed ? x[0] : -1, ...x.slice(1)].map((each) => ({ size: String(each) })) } } } }, // biome-ignore format: one line
    ...before,
  ]
  const names = inputs.map((input, i) => {
    if (input === 'x') return reads
    const { shape, values, whole = false } = input
    stored.push((whole ? ints : floats)(`c${i}`, shape, values))
    nodes.push({ name: `c${i}`, op: 'Const', attr: { dtype: type(whole ? 'DT_INT32' : 'DT_FLOAT') } })
    return `c${i}`
  })
  nodes.push({ name: 'y', op, input: names, attr })
  // Every output is brought to floats: official and own are compared as such.
  const ends = Array.from({ length: outputs }, (_, i) => {
    nodes.push({ name: `end${i}`, op: 'Identity', input: [i === 0 ? 'y' : `y:${i}`] })
    return [`end${i}`, { name: `end${i}:0` }]
  })
  const signature = { inputs: { x: { name: 'x:0' } }, outputs: Object.fromEntries(ends) }
  return { fields: { format: 'graph-model', signature, modelTopology: { node: nodes, versions: {} } }, stored }
}

const write = (one: Case) => {
  const { fields, stored } = graphOf(one)
  return writeModel(files.next(), fields, stored)
}

const window = { strides: list(1, 2, 2, 1), padding: text('SAME'), data_format: text('NHWC'), T: type() }
const conv = { ...window, dilations: list(1, 1, 1, 1), explicit_paddings: list(), use_cudnn_on_gpu: flag(true) }
const explicit = { ...conv, padding: text('EXPLICIT'), explicit_paddings: list(0, 0, 1, 2, 0, 1, 0, 0) }
const pool = { ...window, ksize: list(1, 2, 3, 1) }
const reduce = { keep_dims: flag(true), T: type(), Tidx: type('DT_INT32') }
const fusing = (...ops: string[]) => ({ fused_ops: texts(...ops), num_args: int(ops.includes('Prelu') ? 2 : 1), epsilon: { f: 0 }, leakyrelu_alpha: { f: 0.3 } }) // biome-ignore format: one line
const filter = weights(3, 3, 2, 3)
const side = weights(2, 4, 4, 2)
const binary = ['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Div', 'DivNoNan', 'FloorMod', 'Mod', 'FloorDiv', 'Maximum', 'Minimum', 'Atan2', 'SquaredDifference', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'] // biome-ignore format: one line
const unary = ['Identity', 'Snapshot', 'StopGradient', 'Relu', 'Relu6', 'Elu', 'Selu', 'Sigmoid', 'Tanh', 'Exp', 'Expm1', 'Softplus', 'Square', 'Abs', 'Neg', 'Floor', 'Ceil', 'Round', 'Sign', 'Reciprocal', 'Erf', 'Sin', 'Cos', 'Tan', 'Atan', 'Sinh', 'Cosh', 'Softmax', 'LogSoftmax', 'ZerosLike', 'OnesLike'] // biome-ignore format: one line
const greater = { name: 'bools', op: 'Greater', input: ['x', 'x0'] }
const zero = { name: 'x0', op: 'ZerosLike', input: ['x'] }

const cases: readonly Case[] = [
  ...unary.map((op) => ({ op })),
  ...['Log', 'Log1p', 'Sqrt', 'Rsqrt'].map((op) => ({ op, positive: true })),
  ...binary.map((op) => ({ op, inputs: ['x', side] as const })),
  { op: 'AddV2', inputs: ['x', weights(4, 1, 2)] },
  { op: 'Pow', inputs: ['x', number(2, false)] },
  { op: 'BiasAdd', inputs: ['x', weights(2)], attr: { data_format: text('NHWC') } },
  { op: 'BiasAddV1', inputs: ['x', weights(2)] },
  { op: 'Prelu', inputs: ['x', weights(1, 1, 2)] },
  { op: 'Prelu', inputs: ['x', weights(4, 4, 2)] },
  { op: 'LeakyRelu', attr: { alpha: { f: 0.3 } } },
  { op: 'LeakyRelu' },
  { op: 'ClipByValue', inputs: ['x', number(-0.5, false), number(0.7, false)] },
  { op: 'AddN', fixed: true, inputs: ['x', side, side], attr: { N: int(3) } },
  { op: 'IdentityN', inputs: ['x', side], outputs: 2 },
  ...['LogicalAnd', 'LogicalOr'].map((op) => ({ op, before: [zero, greater, { name: 'n', op: 'LogicalNot', input: ['bools'] }], reads: 'bools', inputs: ['x', 'x'] as const })), // biome-ignore format: one line
  { op: 'LogicalNot', before: [zero, greater], reads: 'bools' },
  { op: 'All', before: [zero, greater], reads: 'bools', inputs: ['x', numbers(1)], attr: reduce },
  { op: 'Any', before: [zero, greater], reads: 'bools', inputs: ['x', numbers(1, 2)], attr: reduce },
  ...['Select', 'SelectV2'].map((op) => ({ op, fixed: true, before: [zero, greater], reads: 'bools', inputs: ['x', side, weights(2, 4, 4, 2)] as const })), // biome-ignore format: one line
  { op: 'Conv2D', inputs: ['x', filter], attr: conv },
  { op: 'Conv2D', inputs: ['x', filter], attr: { ...conv, padding: text('VALID'), strides: list(1, 1, 1, 1) } },
  { op: 'Conv2D', inputs: ['x', filter], attr: { ...conv, strides: list(1, 1, 1, 1), dilations: list(1, 2, 2, 1) } },
  { op: 'Conv2D', inputs: ['x', filter], attr: explicit },
  { op: 'DepthwiseConv2dNative', inputs: ['x', weights(3, 3, 2, 2)], attr: conv },
  { op: 'DepthwiseConv2dNative', inputs: ['x', weights(3, 3, 2, 2)], attr: explicit },
  { op: '_FusedConv2D', inputs: ['x', filter, weights(3)], attr: { ...conv, ...fusing('BiasAdd') } },
  ...['Relu', 'Relu6', 'Elu', 'Sigmoid', 'LeakyRelu'].map((op) => ({ op: '_FusedConv2D', inputs: ['x', filter, weights(3)] as const, attr: { ...conv, ...fusing('BiasAdd', op) } })), // biome-ignore format: one line
  { op: '_FusedConv2D', inputs: ['x', filter, weights(3), weights(1, 1, 3)], attr: { ...conv, ...fusing('BiasAdd', 'Prelu') } }, // biome-ignore format: one line
  { op: 'FusedDepthwiseConv2dNative', inputs: ['x', weights(3, 3, 2, 1), weights(2)], attr: { ...conv, ...fusing('BiasAdd', 'Relu6') } }, // biome-ignore format: one line
  { op: 'Conv2DBackpropInput', x: [2, 3, 3, 2], inputs: [numbers(2, 6, 6, 3), weights(3, 3, 3, 2), 'x'], attr: conv },
  {
    op: 'MatMul',
    x: [3, 4],
    inputs: ['x', weights(5, 4)],
    attr: { transpose_a: flag(false), transpose_b: flag(true) },
  },
  { op: '_FusedMatMul', x: [3, 4], inputs: ['x', weights(4, 5), weights(5)], attr: { ...fusing('BiasAdd', 'Relu'), transpose_a: flag(false), transpose_b: flag(false) } }, // biome-ignore format: one line
  {
    op: 'BatchMatMul',
    x: [2, 3, 4],
    inputs: ['x', weights(2, 4, 3)],
    attr: { adj_x: flag(false), adj_y: flag(false) },
  },
  {
    op: 'BatchMatMulV2',
    x: [2, 3, 4],
    inputs: ['x', weights(1, 3, 4)],
    attr: { adj_x: flag(false), adj_y: flag(true) },
  },
  ...['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map((op) => ({
    op,
    inputs: ['x', weights(2), weights(2), weights(2), { shape: [2], values: [0.5, 2] }] as const,
    attr: { epsilon: { f: 0.01 }, data_format: text('NHWC'), is_training: flag(false), U: type() },
  })),
  { op: 'MaxPool', attr: pool },
  { op: 'MaxPool', attr: { ...pool, padding: text('VALID'), explicit_paddings: list() } },
  { op: 'AvgPool', attr: pool },
  ...['Mean', 'Sum', 'Max', 'Min', 'Prod'].map((op) => ({ op, inputs: ['x', numbers(1, -2)] as const, attr: reduce })),
  { op: 'Mean', inputs: ['x', numbers(1, 2)], attr: { ...reduce, keep_dims: flag(false) } },
  ...['ArgMax', 'ArgMin'].map((op) => ({
    op,
    inputs: ['x', number(3)] as const,
    attr: { output_type: type('DT_INT32') },
  })),
  { op: 'TopKV2', x: [2, 6], inputs: ['x', number(3)], attr: { sorted: flag(true) }, outputs: 2 },
  { op: 'Cumsum', x: [2, 6], inputs: ['x', number(1)], attr: { exclusive: flag(true), reverse: flag(false) } },
  { op: 'OneHot', x: [2, 3], before: [{ name: 'i', op: 'Cast', input: ['x'], attr: { SrcT: type(), DstT: type('DT_INT32') } }], reads: 'i', inputs: ['x', number(4), number(2, false), number(-1, false)], attr: { axis: int(-1) } }, // biome-ignore format: one line
  { op: 'Reshape', inputs: ['x', numbers(-1, 8, 4)] },
  { op: 'Squeeze', x: [2, 1, 4, 1], attr: { squeeze_dims: list(1, -1) } },
  { op: 'ExpandDims', inputs: ['x', number(-1)] },
  ...['Shape', 'Size', 'Rank'].map((op) => ({ op, attr: op === 'Rank' ? {} : { out_type: type('DT_INT32') } })),
  { op: 'ConcatV2', fixed: true, inputs: ['x', side, number(-1)], attr: { N: int(2) } },
  { op: 'Concat', fixed: true, inputs: [number(1), 'x', side], attr: { N: int(2) } },
  { op: 'Pack', fixed: true, inputs: ['x', side], attr: { axis: int(1), N: int(2) } },
  { op: 'Unpack', x: [2, 3, 4], attr: { axis: int(1), num: int(3) }, outputs: 3 },
  { op: 'Split', inputs: [number(2), 'x'], attr: { num_split: int(2) }, outputs: 2 },
  { op: 'SplitV', inputs: ['x', numbers(1, 3), number(1)], attr: { num_split: int(2) }, outputs: 2 },
  { op: 'Slice', inputs: ['x', numbers(0, 1, 0, 1), numbers(-1, 2, 3, 1)] },
  { op: 'StridedSlice', inputs: ['x', numbers(0, 1, 0, 0), numbers(0, 3, 0, 1), numbers(1, 1, 1, 1)], attr: { begin_mask: int(5), end_mask: int(5), shrink_axis_mask: int(8) } }, // biome-ignore format: one line
  { op: 'StridedSlice', inputs: ['x', numbers(0, 3, 0), numbers(2, 0, 4), numbers(1, -2, 3)], attr: { end_mask: int(0), new_axis_mask: int(0), ellipsis_mask: int(0) } }, // biome-ignore format: one line
  { op: 'StridedSlice', inputs: ['x', numbers(0, 0, 1), numbers(0, 0, 2), numbers(1, 1, 1)], attr: { new_axis_mask: int(1), ellipsis_mask: int(2) } }, // biome-ignore format: one line
  { op: 'Gather', fixed: true, inputs: ['x', numbers(1, 0, 1)], attr: { validate_indices: flag(true) } },
  { op: 'GatherV2', inputs: ['x', numbers(3, 0), number(2)], attr: { batch_dims: int(0) } },
  { op: 'GatherNd', inputs: ['x', { shape: [2, 2], values: [0, 1, 1, 3], whole: true }] },
  { op: 'Pad', inputs: ['x', { shape: [4, 2], values: [0, 0, 1, 2, 0, 1, 0, 0], whole: true }] },
  { op: 'PadV2', inputs: ['x', { shape: [4, 2], values: [0, 0, 1, 2, 0, 1, 0, 0], whole: true }, number(0.5, false)] },
  { op: 'MirrorPad', inputs: ['x', { shape: [4, 2], values: [0, 0, 1, 2, 0, 1, 0, 0], whole: true }], attr: { mode: text('REFLECT') } }, // biome-ignore format: one line
  { op: 'MirrorPad', inputs: ['x', { shape: [4, 2], values: [0, 0, 1, 2, 0, 1, 0, 0], whole: true }], attr: { mode: text('SYMMETRIC') } }, // biome-ignore format: one line
  { op: 'Fill', before: [{ name: 's', op: 'Shape', input: ['x'] }], reads: 's', inputs: ['x', number(0.5, false)] },
  { op: 'Range', before: [{ name: 's', op: 'Size', input: ['x'] }], reads: 's', inputs: [number(2), 'x', number(3)] },
  { op: 'BroadcastTo', x: [2, 1, 3], inputs: ['x', numbers(2, 4, 3)] },
  { op: 'Transpose', inputs: ['x', numbers(0, 3, 1, 2)] },
  { op: 'Tile', inputs: ['x', numbers(1, 2, 1, 3)] },
  { op: 'ReverseV2', inputs: ['x', numbers(1, 3)] },
  { op: 'DepthToSpace', x: [2, 2, 2, 8], attr: { block_size: int(2), data_format: text('NHWC') } },
  { op: 'SpaceToBatchND', inputs: ['x', numbers(2, 2), { shape: [2, 2], values: [0, 0, 1, 1], whole: true }] },
  { op: 'BatchToSpaceND', fixed: true, x: [8, 2, 2, 1], inputs: ['x', numbers(2, 2), { shape: [2, 2], values: [0, 0, 1, 0], whole: true }] }, // biome-ignore format: one line
  ...['ResizeBilinear', 'ResizeNearestNeighbor'].flatMap(
    (op) =>
    [[false, false], [true, false], [false, true]].map(([corners, half]) => ({ op, inputs: ['x', numbers(7, 5)] as const, attr: { align_corners: flag(corners!), half_pixel_centers: flag(half!) } })), // biome-ignore format: one line
  ),
  { op: 'Cast', attr: { SrcT: type(), DstT: type('DT_INT32'), Truncate: flag(false) } },
  { op: 'Cast', before: [zero, greater], reads: 'bools', attr: { SrcT: type('DT_BOOL'), DstT: type() } },
]

/** Operators that our table has and the official converter does not. */
const unofficial = ['Concat', 'BiasAddV1', 'Div', 'Gather', 'Size', 'Rank', 'Snapshot']

describe('an operator of a graph model', () => {
  it('is among the cases, whichever it is', () => {
    const covered = new Set(['Const', 'Placeholder', ...cases.map(({ op }) => op)])
    expect(graphModelOperators.filter((op) => !covered.has(op))).toEqual([])
  })

  it.each(cases.map((each, i) => [each.op, i, each] as const))(
    '%s computes what tf.js computes, case %i',
    async (op, _, one) => {
      const path = write(one)
      using ours = await importGraphModel(path)
      const official = await loadGraphModel(handler(path)).catch((thrown: Error) => {
        if (unofficial.includes(op)) return undefined
        throw thrown
      })
      const shape = one.x ?? [2, 4, 4, 2]
      const x = tf.tensor(
        drawn(size(shape), 3).map((value) => (one.positive ? Math.abs(value) : value)),
        [...shape],
      )
      const keys = Object.keys(ours.applyAll(tf.zeros([...shape]), { training: false }))
      expect(keys).toHaveLength(one.outputs ?? 1)
      try {
        tf.tidy(() => {
          const received = Object.values(ours.applyAll(x, { training: false }))
          const computed = official?.execute(x, keys)
          for (const [i, expected] of ([computed ?? []].flat() as tf.Tensor[]).entries())
            expect(difference(tf.cast(received[i]!, 'float32'), tf.cast(expected, 'float32'))).toBeLessThan(1e-5)
        })
      } catch (thrown) {
        if (!unofficial.includes(op)) throw thrown
      }
      official?.dispose()
      // It can be trained through, or is refused by name before it is tried.
      const total = (y: tf.Tensor) => tf.sum(tf.mul(tf.cast(y, 'float32'), 0.5)) as tf.Scalar
      const run = () => {
        const { grad, value } = tf.valueAndGrad((given) => {
          const all = Object.values(ours.applyAll(given, { training: true }))
          return tf.add(tf.sum(tf.mul(given, 0)), tf.addN(all.map(total)))
        })(x)
        expect(grad.shape).toEqual(x.shape)
        tf.dispose([grad, value])
      }
      if (withoutGradient.includes(op)) expect(run).toThrow(new RegExp(`ARCHLOOM_IMPORT_TRAINING.*"y".*"${op}"`))
      else run()
      x.dispose()
    },
  )
})
const withoutGradient = ['All', 'Any', 'DivNoNan', 'GatherNd', 'TopKV2']

describe('a graph model', () => {
  it('of a normalisation in one node is trained further', async () => {
    const norm = { op: 'FusedBatchNormV3', inputs: ['x', weights(2), weights(2), weights(2), { shape: [2], values: [0.5, 2] }], attr: { epsilon: { f: 0.01 } } } as const // biome-ignore format: one line
    const run = async () => {
      using ours = await importGraphModel(write(norm))
      expect(ours.trainable.map(({ shape }) => shape)).toEqual([[2], [2]])
      expect(ours.state).toHaveLength(2)
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.square(ours.apply(tf.ones([1, 4, 4, 2]), { training: true }))) as tf.Scalar,
        [...ours.trainable],
      )
      expect(Object.keys(grads)).toHaveLength(2)
      tf.dispose([value, grads])
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('gives the output that is asked for, or all by name', async () => {
    const path = write({ op: 'Unpack', x: [2, 3, 4], attr: { axis: int(1), num: int(3) }, outputs: 3 })
    using first = await importGraphModel(path)
    using last = await importGraphModel(path, { output: 'end2' })
    expect(first.outputs).toEqual(['end0', 'end1', 'end2'])
    tf.tidy(() => {
      const x = tf.reshape(tf.range(0, 24), [2, 3, 4])
      expect([...first.apply(x, { training: false }).dataSync()]).toEqual([0, 1, 2, 3, 12, 13, 14, 15])
      expect([...last.apply(x, { training: false }).dataSync()]).toEqual([8, 9, 10, 11, 20, 21, 22, 23])
    })
    await expect(importGraphModel(path, { output: 'end3' })).rejects.toThrow(/ARCHLOOM_OPTION.*end3.*end0, end1/)
  })

  it('without a format, with its signature among the metadata or without one, is read', async () => {
    const { fields, stored } = graphOf({ op: 'Relu' })
    const { signature, modelTopology } = fields
    for (const other of [{ modelTopology }, { modelTopology, userDefinedMetadata: { signature } }]) {
      using ours = await importGraphModel(writeModel(files.next(), other, stored))
      expect(ours.outputs).toEqual(['end0'])
      expect(ours.outputShape).toEqual([4, 4, 2])
    }
  })

  it('with a batch of one in its file takes several all the same', async () => {
    const { fields, stored } = graphOf({ op: 'Relu' })
    const json = JSON.parse(JSON.stringify(fields).replace('"-1"', '"1"'))
    using ours = await importGraphModel(writeModel(files.next(), json, stored))
    tf.tidy(() => {
      const x = tf.randomNormal([3, 4, 4, 2], 0, 1, 'float32', 1)
      expect(difference(ours.apply(x, { training: false }), tf.relu(x))).toBe(0)
    })
    const three = JSON.parse(JSON.stringify(fields).replace('"-1"', '"3"'))
    using fixed = await importGraphModel(writeModel(files.next(), three, stored))
    expect(() => fixed.apply(tf.ones([2, 4, 4, 2]), { training: false })).toThrow(
      /ARCHLOOM_IMPORT_INPUT.*3 inputs at once/,
    )
  })

  it.each([
    [
      'data layout',
      { op: 'Conv2D', inputs: ['x', filter], attr: { ...conv, data_format: text('NCHW') } },
      /data_format "NCHW"/,
    ],
    ['an unknown attribute', { op: 'Relu', attr: { slope: { f: 0.5 } } }, /slope 0.5/],
    ['a fused operator', { op: '_FusedConv2D', inputs: ['x', filter, weights(3)], attr: { ...conv, ...fusing('BiasAdd', 'Mish') } }, /fused_ops \["BiasAdd","Mish"\]/], // biome-ignore format: one line
    ['a fused normalisation', { op: '_FusedConv2D', inputs: ['x', filter, weights(3)], attr: { ...conv, ...fusing('FusedBatchNorm') } }, /fused_ops/], // biome-ignore format: one line
    ['arguments that are not read', { op: '_FusedConv2D', inputs: ['x', filter, weights(3), weights(3)], attr: { ...conv, ...fusing('BiasAdd') } }, /num_args/], // biome-ignore format: one line
    ['a normalisation in training', { op: 'FusedBatchNormV3', inputs: ['x', weights(2), weights(2), weights(2), weights(2)], attr: { epsilon: { f: 0.1 }, is_training: flag(true) } }, /is_training true/], // biome-ignore format: one line
    ['a normalisation without epsilon', { op: 'FusedBatchNormV3', inputs: ['x', weights(2), weights(2), weights(2), weights(2)] }, /epsilon/], // biome-ignore format: one line
    ['strides of the batch', { op: 'MaxPool', attr: { ...pool, strides: list(2, 2, 2, 1) } }, /strides \[2,2,2,1\]/],
    ['a padding', { op: 'AvgPool', attr: { ...pool, padding: text('EXPLICIT') } }, /padding "EXPLICIT"/],
    ['no padding at all', { op: 'Conv2D', inputs: ['x', filter], attr: { ...conv, padding: undefined } }, /padding/],
    ['paddings of channels', { op: 'Conv2D', inputs: ['x', filter], attr: { ...explicit, explicit_paddings: list(0, 0, 0, 0, 0, 0, 1, 0) } }, /explicit_paddings/], // biome-ignore format: one line
    ['a type', { op: 'Relu', attr: { T: type('DT_COMPLEX64') } }, /T "DT_COMPLEX64"/],
    ['a mode', { op: 'MirrorPad', inputs: ['x', numbers(0, 0)], attr: { mode: text('WRAP') } }, /mode "WRAP"/],
    ['an unsorted top', { op: 'TopKV2', x: [2, 6], inputs: ['x', number(3)], attr: { sorted: flag(false) }, outputs: 2 }, /sorted false/], // biome-ignore format: one line
  ] as const)('with %s that is not handled is refused by name', async (_, one, expected) => {
    const thrown = await importGraphModel(write(one as Case)).then(
      () => '',
      (error: Error) => error.message,
    )
    expect(thrown).toMatch(/ARCHLOOM_TFJS_ATTRIBUTE: node "y"/)
    expect(thrown).toMatch(expected)
  })

  it('names operators, inputs and outputs that it cannot have', async () => {
    await expect(importGraphModel(write({ op: 'While' }))).rejects.toThrow(/ARCHLOOM_TFJS_OPERATOR.*"y".*"While"/)
    await expect(importGraphModel(write({ op: 'Relu', outputs: 2 }))).rejects.toThrow(
      /ARCHLOOM_TFJS_FOLDER.*output 1 of "y"/,
    )
    await expect(importGraphModel(write({ op: 'Relu', inputs: ['x', side] }))).rejects.toThrow(/ARCHLOOM_IMPORT_NODE.*"y".*2 values, expected 1/) // biome-ignore format: one line
    await expect(importGraphModel(write({ op: 'Add', inputs: ['x', weights(3, 3)] }))).rejects.toThrow(/ARCHLOOM_IMPORT_NODE.*"y"/) // biome-ignore format: one line
    const second = { name: 'z', op: 'Placeholder', input: [], attr: { dtype: type() } }
    const two = write({ op: 'AddN', before: [second], inputs: ['x', 'x'], reads: 'z' })
    const json = JSON.parse(readFileSync(join(two, 'model.json'), 'utf8'))
    json.modelTopology.node.find(({ name }: { name: string }) => name === 'y').input = ['x', 'z']
    writeFileSync(join(two, 'model.json'), JSON.stringify(json))
    await expect(importGraphModel(two)).rejects.toThrow(/ARCHLOOM_IMPORT_INPUT.*2 inputs \(x, z\)/)
  })

  it('bounds what a file can make it compute', async () => {
    const huge = 60_000
    await expect(importGraphModel(write({ op: 'Tile', inputs: ['x', numbers(1, huge, huge, 1)] }))).rejects.toThrow(/ARCHLOOM_IMPORT_NODE.*tensor of shape/) // biome-ignore format: one line
    await expect(importGraphModel(write({ op: 'ResizeBilinear', inputs: ['x', numbers(huge, huge)] }))).rejects.toThrow(/ARCHLOOM_IMPORT_NODE.*tensor of shape/) // biome-ignore format: one line
    await expect(importGraphModel(write({ op: 'Relu', x: [1, huge, huge, 3] }))).rejects.toThrow(/ARCHLOOM_IMPORT_NODE.*tensor of shape/) // biome-ignore format: one line
  })
})

describe('weights', () => {
  const folder = async () => {
    using net = graphNetwork(resNetGraph({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(2) }))
    const path = files.next()
    await exportGraphModel(net, path)
    return path
  }
  const changed = async (change: (json: Record<string, never>, path: string) => void) => {
    const path = await folder()
    const json = JSON.parse(readFileSync(join(path, 'model.json'), 'utf8'))
    change(json, path)
    writeFileSync(join(path, 'model.json'), JSON.stringify(json))
    return importGraphModel(path)
  }
  const manifest = (json: Record<string, unknown>) =>
    json.weightsManifest as { paths: unknown[]; weights: Record<string, unknown>[] }[]

  it.each(['../outside.bin', '/etc/hostname', 'deeper/../../outside.bin', '', 7, 'a\0b'])(
    'are not read from %j',
    async (name) => {
      const read = changed((json, path) => {
        writeFileSync(join(dirname(path), 'outside.bin'), readFileSync(join(path, 'group1-shard1of1.bin')))
        mkdirSync(join(path, 'deeper'))
        manifest(json)[0]!.paths = [name]
      })
      await expect(read).rejects.toThrow(/ARCHLOOM_TFJS_FOLDER/)
    },
  )

  it('are not read through a link that leaves the folder', async () => {
    const read = changed((json, path) => {
      writeFileSync(join(dirname(path), 'linked.bin'), readFileSync(join(path, 'group1-shard1of1.bin')))
      symlinkSync(join(dirname(path), 'linked.bin'), join(path, 'link.bin'))
      manifest(json)[0]!.paths = ['link.bin']
    })
    await expect(read).rejects.toThrow(/ARCHLOOM_TFJS_FOLDER.*outside its folder/)
  })

  it.each([
    ['a shape larger than the file', { shape: [1e6, 1e6] }, /truncated/],
    ['a shape that is no shape', { shape: [-1, 2] }, /has?v?e? the shape/],
    ['a type that is not read', { dtype: 'complex64' }, /complex64/],
    ['half a quantisation', { quantization: { dtype: 'uint8', scale: 1 } }, /min/],
    ['a quantisation of four bits', { quantization: { dtype: 'uint4', scale: 1, min: 0 } }, /uint4/],
    ['a quantisation with more in it', { quantization: { dtype: 'uint8', scale: 1, min: 0, axis: 1 } }, /axis/],
    ['a name that is none', { name: 3 }, /the name 3/],
  ])('with %s are refused', async (_, change, expected) => {
    const read = changed((json) => void Object.assign(manifest(json)[0]!.weights[0]!, change))
    await expect(read).rejects.toThrow(expected)
    await expect(read).rejects.toThrow('ARCHLOOM_TFJS_FOLDER')
  })

  it('in one file twice, or more bytes than the manifest describes, are refused', async () => {
    await expect(changed((json) => void manifest(json)[0]!.paths.push('group1-shard1of1.bin'))).rejects.toThrow(/twice/)
    await expect(changed((json) => void manifest(json)[0]!.weights.pop())).rejects.toThrow(
      /but its manifest describes only/,
    )
    await expect(changed((json) => void Object.assign(json, { format: 'layers-model' }))).rejects.toThrow(
      /its format is/,
    )
    await expect(changed((json) => void Object.assign(json, { modelInitializer: {} }))).rejects.toThrow(
      /modelInitializer/,
    )
  })
})
