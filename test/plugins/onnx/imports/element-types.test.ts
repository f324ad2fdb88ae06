import { writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { float16ToNumber, numbersOfType, numberToFloat16, valuesOfType } from '../../../../core/tensor/index.ts'
import { onnxFeatureNetwork } from '../../../../evaluators/metrics/generative/index.ts'
import { openOnnx } from '../../../../plugins/onnx/index.ts'
import { scratch } from './model-files.ts'
import { type ElementName, elementType, onnxFile } from './onnx-files.ts'

const files = scratch('element-types')
afterAll(files.remove)

/** y = 3·x in floats, between an input and an output of other types. */
const tripled = (from: ElementName, to: ElementName, factor = 3) =>
  onnxFile(
    [
      { op: 'Cast', inputs: ['x'], outputs: ['a'], attributes: { to: elementType.float64 } },
      { op: 'Cast', inputs: ['f'], outputs: ['g'], attributes: { to: elementType.float64 } },
      { op: 'Mul', inputs: ['a', 'g'], outputs: ['b'] },
      { op: 'Cast', inputs: ['b'], outputs: ['y'], attributes: { to: elementType[to] } },
    ],
    [{ name: 'x', type: from, dims: ['n'] }],
    [{ name: 'y', type: to, dims: ['n'] }],
    [{ name: 'f', dims: [], floats: [factor] }],
  )

const types = Object.keys(elementType).filter((name) => name !== 'string' && name !== 'bool') as ElementName[]

describe('tensors of any element type', () => {
  it.each(types)('%s go in and come out as the numbers that they are', async (type) => {
    const values = /^u|bool/.test(type) ? [0, 1, 20] : [-2, 0, 20]
    await using into = await openOnnx(tripled(type, 'float32'))
    expect([...(await into.apply({ dims: [3], values: Float32Array.from(values) })).values]).toEqual(
      values.map((v) => 3 * v),
    )
    await using out = await openOnnx(tripled('float32', type))
    expect([...(await out.apply({ dims: [3], values: Float32Array.from(values) })).values]).toEqual(
      values.map((v) => 3 * v),
    )
  })

  it('bool are ones and zeros', async () => {
    await using into = await openOnnx(tripled('bool', 'float32'))
    expect([...(await into.apply({ dims: [3], values: Float32Array.of(0, 1, 1) })).values]).toEqual([0, 3, 3])
    await using out = await openOnnx(tripled('float32', 'bool'))
    expect([...(await out.apply({ dims: [3], values: Float32Array.of(0, 0.25, -4) })).values]).toEqual([0, 1, 1])
  })

  it('are refused where a number cannot be one of them, or no 32-bit float', async () => {
    const apply = async (from: ElementName, to: ElementName, value: number, factor = 3) => {
      await using model = await openOnnx(tripled(from, to, factor))
      return await model.apply({ dims: [1], values: Float32Array.of(value) })
    }
    await expect(apply('uint8', 'float32', -1)).rejects.toThrow(
      /ARCHLOOM_ONNX_TENSOR.*"x".*-1 at 0, which is not uint8/,
    )
    await expect(apply('int64', 'float32', 0.5)).rejects.toThrow(/ARCHLOOM_ONNX_TENSOR.*0.5 at 0, which is not int64/)
    await expect(apply('bool', 'float32', 2)).rejects.toThrow(/ARCHLOOM_ONNX_TENSOR.*not bool/)
    await expect(apply('int64', 'int64', 5_592_407, 3)).rejects.toThrow(
      /ARCHLOOM_ONNX_TENSOR.*"y".*16777221.*32-bit float/,
    )
    await expect(apply('float32', 'string', 1)).rejects.toThrow(/ARCHLOOM_ONNX_TENSOR.*"y".*type string/)
    await expect(apply('float64', 'float64', 3e38, 100)).rejects.toThrow(
      /ARCHLOOM_ONNX_TENSOR.*outside the range of 32-bit floats/,
    )
  })

  it('of several inputs are given by name', async () => {
    const file = onnxFile(
      [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
      [{ name: 'a', type: 'int64', dims: ['n'] }, { name: 'b', type: 'int64', dims: ['n'] }], // biome-ignore format: one line
      [{ name: 'y', type: 'int64', dims: ['n'] }],
    )
    await using model = await openOnnx(file)
    const tensor = (...values: number[]) => ({ dims: [values.length], values: Float32Array.from(values) })
    expect([...((await model.run({ a: tensor(1, 2), b: tensor(3, 4) })).y?.values ?? [])]).toEqual([4, 6])
    await expect(model.apply(tensor(1, 2))).rejects.toThrow(
      /ARCHLOOM_ONNX_TENSOR.*"b".*all of its inputs, a, b, by name/,
    )
    await expect(model.run({ a: tensor(1), b: tensor(2), c: tensor(3) })).rejects.toThrow(/ARCHLOOM_ONNX_TENSOR.*"c"/)
    await expect(model.run({ a: tensor(1, 2, 3), b: tensor(2, 1) })).rejects.toThrow('ARCHLOOM_ONNX_TENSOR')
  })

  it('halves are rounded to the nearest, ties to even, and come back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16ToNumber(bits)
      if (!Number.isNaN(value)) expect(numberToFloat16(value)).toBe(bits)
    }
    for (const [
      value,
      nearest,
    ] of [[1 + 2 ** -11, 1], [1 + 3 * 2 ** -11, 1 + 2 ** -9], [65_519, 65_504], [65_520, Number.POSITIVE_INFINITY], [2 ** -25, 0], [1.5 * 2 ** -24, 2 ** -23], [0.1, 0.0999755859375]] as const) // biome-ignore format: one line
      expect(float16ToNumber(numberToFloat16(value))).toBe(nearest)
    expect(Number.isNaN(float16ToNumber(numberToFloat16(Number.NaN)))).toBe(true)
    expect(() => numbersOfType('complex64', [])).toThrow(RangeError)
    expect(() => valuesOfType('toString', [1])).toThrow(RangeError)
  })

  it.each(['float16', 'uint8', 'float64'] as const)('feature networks read and give %s', async (type) => {
    const path = `${files.next()}.onnx`
    const file = onnxFile(
      [
        { op: 'Cast', inputs: ['x'], outputs: ['a'], attributes: { to: 1 } },
        { op: 'ReduceMean', inputs: ['a', 'axes'], outputs: ['b'], attributes: { keepdims: 0 } },
        { op: 'Cast', inputs: ['b'], outputs: ['y'], attributes: { to: elementType[type] } },
      ],
      [{ name: 'x', type, dims: ['n', 1, 2, 2] }],
      [{ name: 'y', type, dims: ['n', 1] }],
      [{ name: 'axes', dims: [2], ints: [2, 3] }],
    )
    writeFileSync(path, file)
    using features = await onnxFeatureNetwork({
      path,
      name: 'mean',
      shape: [2, 2, 1],
      features: 'y',
      scale: (v) => Math.round(8 * v + 8),
    })
    const { features: found } = await features.measure(Float32Array.of(-1, 0, 0, 1, 1, 1, 0, 0))
    expect([...found]).toEqual([8, 12])
  })

  it('feature networks refuse numbers that the input cannot hold', async () => {
    const path = `${files.next()}.onnx`
    writeFileSync(path, onnxFile([{ op: 'Cast', inputs: ['x'], outputs: ['y'], attributes: { to: 1 } }], [{ name: 'x', type: 'uint8', dims: ['n', 1, 1, 1] }], [{ name: 'y', dims: ['n', 1, 1, 1] }])) // biome-ignore format: one line
    const open = onnxFeatureNetwork({ path, name: 'bytes', shape: [1, 1, 1], features: 'y', scale: () => 0.5 })
    await expect(open).rejects.toThrow(/ARCHLOOM_FEATURE_NETWORK.*not uint8.*scale/)
  })
})
