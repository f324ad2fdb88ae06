import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ArchloomError } from '../../../../core/errors.ts'
import { seeded } from '../../../../core/random.ts'
import { useEngine } from '../../../../core/tensor/index.ts'
import { generatedImages } from '../../../../evaluators/data/index.ts'
import { compress } from '../../../../plugins/compress/index.ts'
import { exportOnnx, importOnnx, onnxImportOperators, openOnnx } from '../../../../plugins/onnx/index.ts'
import { graphNetwork, resNetGraph } from '../../../../search-spaces/compression/index.ts'
import { scratch } from './model-files.ts'
import { type FileConstant, type FileNode, onnxFile } from './onnx-files.ts'

const files = scratch('onnx-models')
beforeAll(() => useEngine('wasm') as Promise<unknown>)
afterAll(files.remove)

const drawn = (count: number, seed: number) => {
  const rng = seeded(seed)
  return Array.from({ length: count }, () => Math.round(1000 * rng.normal()) / 1000 + 0.0003)
}
const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
const constant = (name: string, ...dims: number[]): FileConstant => ({
  name,
  dims,
  floats: drawn(size(dims), size(dims) + 1),
})
const ints = (name: string, ...values: number[]): FileConstant => ({ name, dims: [values.length], ints: values })
const scalar = (name: string, value: number): FileConstant => ({ name, dims: [], floats: [value] })

interface Case {
  readonly nodes: readonly FileNode[]
  readonly constants?: readonly FileConstant[]
  /** Of the input, with the batch. */
  readonly x?: readonly number[]
}

const one = (
  op: string,
  attributes: FileNode['attributes'] = {},
  constants: readonly FileConstant[] = [],
  x?: readonly number[],
): Case => ({
  // biome-ignore format: one line
  nodes: [{ op, inputs: ['x', ...constants.map(({ name }) => name)], outputs: ['y'], attributes }],
  constants,
  ...(x && { x }),
})
const pool = { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }

const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(['Identity', 'Dropout', 'Relu', 'Sigmoid', 'Tanh', 'Exp', 'Abs', 'Neg', 'Reciprocal', 'Erf', 'Softplus', 'Floor', 'Ceil', 'Round', 'Sign', 'LeakyRelu', 'Elu', 'HardSigmoid', 'HardSwish', 'GlobalAveragePool', 'GlobalMaxPool', 'Flatten', 'Softmax', 'LogSoftmax'].map((op) => [op, one(op)])), // biome-ignore format: one line
  'Log, Sqrt of squares': { nodes: [{ op: 'Mul', inputs: ['x', 'x'], outputs: ['a'] }, { op: 'Log', inputs: ['a'], outputs: ['b'] }, { op: 'Sqrt', inputs: ['a'], outputs: ['c'] }, { op: 'Add', inputs: ['b', 'c'], outputs: ['y'] }] }, // biome-ignore format: one line
  'LeakyRelu with alpha': one('LeakyRelu', { alpha: { float: 0.3 } }),
  'HardSigmoid with alpha': one('HardSigmoid', { alpha: { float: 1 / 6 } }),
  Clip: one('Clip', {}, [scalar('low', 0), scalar('high', 6)]),
  'Clip on one side': {
    nodes: [{ op: 'Clip', inputs: ['x', '', 'high'], outputs: ['y'] }],
    constants: [scalar('high', 0.5)],
  },
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu'].map((op) => [op, one(op, {}, [constant('c', 3, 1, 1)])])), // biome-ignore format: one line
  'Add along a row': one('Add', {}, [constant('c', 6)]),
  Pow: one('Pow', {}, [scalar('c', 2)]),
  Conv: one('Conv', { pads: [1, 1, 1, 1], strides: [2, 1] }, [constant('w', 4, 3, 3, 3), constant('b', 4)]),
  'Conv, uneven, dilated': one('Conv', { pads: [0, 2, 1, 0], dilations: [2, 1], kernel_shape: [2, 3] }, [constant('w', 4, 3, 2, 3)]), // biome-ignore format: one line
  'Conv, same': one('Conv', { auto_pad: 'SAME_UPPER', strides: [2, 2] }, [constant('w', 4, 3, 3, 3)]),
  'Conv, same below': one('Conv', { auto_pad: 'SAME_LOWER', strides: [2, 2] }, [constant('w', 4, 3, 2, 2)]),
  'Conv, depthwise': one('Conv', { group: 3, pads: [1, 1, 1, 1] }, [constant('w', 6, 1, 3, 3), constant('b', 6)]),
  BatchNormalization: one('BatchNormalization', { epsilon: { float: 0.01 } }, [constant('s', 3), constant('b', 3), constant('m', 3), { name: 'v', dims: [3], floats: [0.5, 1, 2] }]), // biome-ignore format: one line
  MaxPool: one('MaxPool', pool),
  AveragePool: one('AveragePool', pool),
  'AveragePool that counts padding': one('AveragePool', { ...pool, count_include_pad: 1 }),
  'Flatten, Relu, Gemm': {
    nodes: [{ op: 'Flatten', inputs: ['x'], outputs: ['a'] }, { op: 'Relu', inputs: ['a'], outputs: ['b'] }, { op: 'Gemm', inputs: ['b', 'w', 'c'], outputs: ['y'], attributes: { transB: 1 } }], // biome-ignore format: one line
    constants: [constant('w', 5, 90), constant('c', 5)],
  },
  'Reshape, MatMul': {
    nodes: [
      { op: 'Reshape', inputs: ['x', 's'], outputs: ['a'] },
      { op: 'MatMul', inputs: ['a', 'w'], outputs: ['y'] },
    ],
    constants: [ints('s', 0, -1), constant('w', 90, 4)],
  },
  'Flatten, Softmax': {
    nodes: [
      { op: 'Flatten', inputs: ['x'], outputs: ['a'] },
      { op: 'Softmax', inputs: ['a'], outputs: ['y'] },
    ],
  },
  'Gemm of rows': one('Gemm', {}, [constant('w', 4, 5), constant('c', 5)], [2, 4]),
  ...Object.fromEntries(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin'].map((op) => [op, one(op, { keepdims: 0 }, [ints('axes', 2, 3)])])), // biome-ignore format: one line
  'ReduceMean of channels': one('ReduceMean', { keepdims: 1 }, [ints('axes', 1)]),
  Squeeze: one('Squeeze', {}, [ints('axes', 1, -1)], [2, 1, 4, 1]),
  Transpose: one('Transpose', { perm: [0, 2, 1, 3] }),
  'Transpose there and back': { nodes: [{ op: 'Transpose', inputs: ['x'], outputs: ['a'], attributes: { perm: [0, 2, 3, 1] } }, { op: 'Transpose', inputs: ['a'], outputs: ['y'], attributes: { perm: [0, 3, 1, 2] } }] }, // biome-ignore format: one line
  ConvTranspose: one('ConvTranspose', { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [0, 1] }, [constant('w', 3, 4, 3, 3), constant('b', 4)]), // biome-ignore format: one line
  Slice: one('Slice', {}, [ints('s', 1, -2), ints('e', 9, 99), ints('a', 2, 3)]),
  Pad: one('Pad', { mode: 'edge' }, [ints('p', 0, 0, 1, 2, 0, 0, 0, 1)]),
  DepthToSpace: one('DepthToSpace', { blocksize: 2, mode: 'CRD' }, [], [2, 8, 3, 4]),
  Resize: { nodes: [{ op: 'Resize', inputs: ['x', '', 's'], outputs: ['y'], attributes: { mode: 'linear' } }], constants: [{ name: 's', dims: [4], floats: [1, 1, 2, 3] }] }, // biome-ignore format: one line
  Concat: { nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['a'] }, { op: 'Concat', inputs: ['x', 'a'], outputs: ['y'], attributes: { axis: 1 } }] }, // biome-ignore format: one line
}

describe('an ONNX file', () => {
  it('has every operator among the cases', () => {
    const covered = new Set(['Constant', ...Object.values(cases).flatMap(({ nodes }) => nodes.map(({ op }) => op))])
    expect(onnxImportOperators.filter((op) => !covered.has(op))).toEqual([])
  })

  it.each(Object.entries(cases))(
    'of %s computes what ONNX Runtime computes',
    async (_, { nodes, constants = [], x = [2, 3, 5, 6] }) => {
      // biome-ignore format: one line
      const bytes = onnxFile(nodes, [{ name: 'x', dims: ['n', ...x.slice(1)] }], [{ name: 'y', dims: [] }].map((each) => ({ ...each, dims: ['n'] })), constants) // biome-ignore format: one line
      const values = Float32Array.from(drawn(size(x), 5))
      // Outputs are written with a rank of one: ONNX Runtime finds the real one, and only warns.
      await using runtime = await openOnnx(bytes)
      const expected = await runtime.apply({ dims: x, values })
      for (const layout of ['file', 'channels-last'] as const) {
        using ours = await importOnnx(bytes, { layout })
        tf.tidy(() => {
          const given = tf.tensor(values, [...x])
          const image = layout === 'channels-last' && x.length === 4
          const y = ours.apply(image ? tf.transpose(given, [0, 2, 3, 1]) : given, { training: false })
          expect(y.shape).toEqual(expected.dims)
          const received = y.dataSync()
          const scale = Math.max(1e-6, ...expected.values.map(Math.abs))
          for (const [i, value] of expected.values.entries())
            expect(Math.abs(received[i]! - value) / scale).toBeLessThan(1e-5)
        })
      }
    },
  )

  it('that we wrote comes back, is compressed, and can be trained', async () => {
    const source = resNetGraph({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(1) })
    using network = graphNetwork(source)
    const path = `${files.next()}.onnx`
    await exportOnnx(network, { file: path })
    using ours = await importOnnx(path)
    expect(ours.inputShape).toEqual([8, 8, 3])
    tf.tidy(() => {
      const x = tf.randomNormal([3, 8, 8, 3], 0, 1, 'float32', 1)
      const [a, b] = [network, ours].map((each) => each.apply(x, { training: false }))
      expect(tf.max(tf.abs(tf.sub(a!, b!))).dataSync()[0]).toBeLessThan(
        1e-5 * (tf.max(tf.abs(a!)).dataSync()[0] as number),
      )
    })
    const { value, grads } = tf.variableGrads(
      () => tf.sum(ours.apply(tf.ones([1, 8, 8, 3]), { training: true })) as tf.Scalar,
      [...ours.trainable],
    )
    expect(Object.keys(grads)).toHaveLength(ours.trainable.length)
    tf.dispose([value, grads])
    const data = generatedImages({ train: 96, validation: 48, classes: 3, size: 8 })
    const small = await compress(path, { target: { multiplyAdds: 0.6 }, data, prune: 'uniform', epochs: 0 })
    expect(small.after.multiplyAdds).toBeLessThanOrEqual(0.6 * small.before.multiplyAdds)
  })

  const refused = (each: Case) =>
    importOnnx(
      onnxFile(
        each.nodes,
        [{ name: 'x', dims: ['n', ...(each.x ?? [2, 3, 5, 6]).slice(1)] }],
        [{ name: 'y', dims: [] }],
        each.constants,
      ),
    ).then(
      // biome-ignore format: one line
      () => '',
      (thrown: Error) => thrown.message,
    )

  it.each([
    ['an operator', one('GridSample'), /ARCHLOOM_ONNX_OPERATOR.*"GridSample"/],
    ['an operator of another domain', { nodes: [{ op: 'Relu', domain: 'com.example', inputs: ['x'], outputs: ['y'] }] }, /ARCHLOOM_ONNX_OPERATOR.*com\.example\.Relu/], // biome-ignore format: one line
    ['ceil_mode', one('MaxPool', { kernel_shape: [2, 2], ceil_mode: 1 }), /ARCHLOOM_ONNX_ATTRIBUTE.*ceil_mode 1/],
    [
      'groups',
      one('Conv', { group: 2 }, [constant('w', 4, 2, 1, 1)], [1, 4, 5, 5]),
      /ARCHLOOM_ONNX_ATTRIBUTE.*group 2/,
    ],
    ['an unknown attribute', one('Relu', { slope: 2 }), /ARCHLOOM_ONNX_ATTRIBUTE.*slope 2/],
    ['the axis of a softmax', one('Softmax', { axis: 1 }), /ARCHLOOM_ONNX_ATTRIBUTE.*axis 1/],
    ['a normalisation in training', one('BatchNormalization', { training_mode: 1 }, [constant('s', 3), constant('b', 3), constant('m', 3), constant('v', 3)]), /ARCHLOOM_ONNX_ATTRIBUTE.*training_mode 1/], // biome-ignore format: one line
    [
      'alpha of a product',
      one('Gemm', { alpha: { float: 2 } }, [constant('w', 4, 5)], [2, 4]),
      /ARCHLOOM_ONNX_ATTRIBUTE.*alpha 2/,
    ],
  ] as const)('with %s that is not read is refused by name', async (_, each, expected) => {
    expect(await refused(each as Case)).toMatch(expected)
  })

  const old = (op: string, outputs: readonly string[], inputs: readonly string[], constants: readonly FileConstant[], opset: number, dims: readonly number[]) => // biome-ignore format: one line
    importOnnx(onnxFile([{ op, inputs: ['x', ...inputs], outputs }], [{ name: 'x', dims }], [{ name: 'y', dims: [] }], constants, opset)) // biome-ignore format: one line

  it('that means something else in its own opset is refused by name', async () => {
    for (const op of ['Softmax', 'LogSoftmax']) {
      const refused = new RegExp(`ARCHLOOM_ONNX_ATTRIBUTE.*${op}.*axis 1, expected the last of 4`)
      await expect(old(op, ['y'], [], [], 12, [1, 2, 4, 5])).rejects.toThrow(refused)
      for (const [opset, dims] of [[12, [1, 5]], [13, [1, 2, 4, 5]]] as const) // biome-ignore format: one line
        (await old(op, ['y'], [], [], opset, dims))[Symbol.dispose]()
    }
    const parts = ['s', 'b', 'm', 'v'].map((name) => constant(name, 3))
    const names = ['s', 'b', 'm', 'v']
    const normalised = (outputs: readonly string[]) => old('BatchNormalization', outputs, names, parts, 9, [1, 3, 4, 5])
    await expect(normalised(['y', 'mean', 'var', 'a', 'b'])).rejects.toThrow(
      /ARCHLOOM_ONNX_ATTRIBUTE.*outputs \["y","mean"/,
    )
    ;(await normalised(['y']))[Symbol.dispose]()
    const training = [{ name: 't', dims: [], ints: [1] }]
    await expect(old('Dropout', ['y'], ['', 't'], training, 13, [1, 5])).rejects.toThrow(
      /ARCHLOOM_ONNX_ATTRIBUTE.*training_mode/,
    )
  })

  it('that computes with whole numbers is refused', async () => {
    for (const type of ['int32', 'int64', 'uint8'] as const) {
      const halves = onnxFile([{ op: 'Div', inputs: ['x', 'two'], outputs: ['y'] }], [{ name: 'x', type, dims: [1, 3] }], [{ name: 'y', type, dims: [] }], [{ name: 'two', dims: [1], ints: [2] }]) // biome-ignore format: one line
      await expect(importOnnx(halves)).rejects.toThrow(/ARCHLOOM_IMPORT_INPUT.*element type \d+, and no float/)
    }
  })

  it('that is damaged is read or refused by a code', async () => {
    const whole = onnxFile(cases['Flatten, Relu, Gemm']!.nodes, [{ name: 'x', dims: ['n', 3, 5, 6] }], [{ name: 'y', dims: ['n', 5] }], cases['Flatten, Relu, Gemm']!.constants) // biome-ignore format: one line
    const found: string[] = []
    for (let i = 0; i < (process.env.ARCHLOOM_SLOW ? 10_000 : 300); i++) {
      const rng = seeded(9).fork(i)
      const bytes = whole.slice(0, rng.int(4) === 0 ? rng.int(whole.length) : whole.length)
      // The weights lie at the end: most changes are made before them.
      for (let k = rng.int(4); k > 0 && bytes.length > 0; k--)
        bytes[rng.int(Math.min(bytes.length, 220))] = rng.int(256)
      await importOnnx(bytes).then(
        (made) => made[Symbol.dispose](),
        (thrown: unknown) =>
          void (ArchloomError.is(thrown) || found.push(`${i}: ${(thrown as Error).stack?.slice(0, 300)}`)),
      )
    }
    expect(found).toEqual([])
  })
})
