import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'
import { type LoadedUpscaler, loadUpscaler, saveUpscaler } from '../../../evaluators/upscaling/index.ts'
import {
  exportGraphModel,
  exportOnnx,
  importGraphModel,
  openOnnx,
  readSafetensors,
} from '../../../plugins/onnx/index.ts'
import { compact, network } from './models.ts'

let directory: string
let model: LoadedUpscaler
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-upscaling-export-'))
  using made = network()
  await saveUpscaler(join(directory, 'model'), made, { kind: 'compact', options: { ...compact }, reach: 4 })
  model = await loadUpscaler(join(directory, 'model'), { input: [20, 24, 3] })
}, 60_000)
afterAll(() => {
  model[Symbol.dispose]()
  rmSync(directory, { recursive: true })
})

const small = () => tf.randomUniform([1, 20, 24, 3], 0, 255, 'float32', 5)
const expected = () => tf.tidy(() => [...model.network.upscale(small(), { training: false }).dataSync()])
const near = (values: ArrayLike<number>) => {
  const wanted = expected()
  expect(values.length).toBe(wanted.length)
  const distances = wanted.map((value, i) => Math.abs(value - values[i]!))
  expect(Math.max(...distances)).toBeLessThan(0.01)
}

describe('a saved model leaves archloom', () => {
  it('as ONNX', async () => {
    const file = join(directory, 'double.onnx')
    const { model: bytes } = await exportOnnx(model.network, { file })
    await using opened = await openOnnx(bytes)
    const x = small()
    const { dims, values } = await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })
    x.dispose()
    expect(dims).toEqual([1, 40, 48, 3])
    near(values)
  })

  it('as a tf.js graph model', async () => {
    const folder = join(directory, 'graph')
    await exportGraphModel(model.network, folder)
    using graph = await importGraphModel(folder)
    near(tf.tidy(() => graph.apply(small(), { training: false }).dataSync()))
  })

  it('as safetensors that other readers open', async () => {
    const { weights } = await readSafetensors(join(directory, 'model', 'weights.safetensors'))
    expect(weights.map(({ name }) => name)).toContain('block_0/first/kernel')
    expect(weights).toEqual(await model.network.scope.save())
  })
})
