/** Damaged files: whatever a model.json says, it is read or refused by a code. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ArchloomError } from '../../../../core/errors.ts'
import { type Random, seeded } from '../../../../core/random.ts'
import { useEngine } from '../../../../core/tensor/index.ts'
import { exportGraphModel, importGraphModel, importLayersModel } from '../../../../plugins/onnx/index.ts'
import {
  graphNetwork,
  importLayersModel as importLayerGraph,
  resNetGraph,
} from '../../../../search-spaces/compression/index.ts'
import { saveLayersModel, scratch } from './model-files.ts'

const files = scratch('damaged')
const runs = process.env.ARCHLOOM_SLOW ? 10_000 : 250
let graph: string
let keras: string

beforeAll(async () => {
  await useEngine('wasm')
  using net = graphNetwork(resNetGraph({ depth: 8, widths: [2, 3, 4], size: 8, classes: 3, rng: seeded(2) }))
  graph = files.next()
  await exportGraphModel(net, graph)
  const model = layers.sequential({
    layers: [
      layers.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [8, 8, 2], activation: 'relu' }),
      layers.layers.batchNormalization({}),
      layers.layers.depthwiseConv2d({ kernelSize: 2, padding: 'same' }),
      layers.layers.upSampling2d({ size: [2, 2] }),
      layers.layers.maxPooling2d({ poolSize: 2 }),
      layers.layers.zeroPadding2d({ padding: 1 }),
      layers.layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 2 }),
      layers.layers.reshape({ targetShape: [256, 2] }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  })
  keras = await saveLayersModel(model, files.next())
  model.dispose()
}, 60_000)
afterAll(files.remove)

const odd: readonly unknown[] = [null, true, false, 0, 1, -1, 2, 3.5, 7, 65_536, 1e9, 2 ** 53, -1e300, '', 'x', '0', '-1', '9999999', 'NaN', 'input', 'output', [], {}, [[]], [1, 1, 1, 1], [null], [-1, 5], { list: {} }, { i: '3' }, { s: 'Tk9ORQ==' }, { type: 'DT_STRING' }, { b: true }, '__proto__', 'constructor', 'float16', 'same', 'relu'] // biome-ignore format: one line

interface Place {
  readonly parent: Record<string, unknown>
  readonly key: string
}

/** Every value inside a JSON document. */
function places(value: unknown, found: Place[] = []): Place[] {
  if (typeof value === 'object' && value !== null)
    for (const key of Object.keys(value)) {
      found.push({ parent: value as Record<string, unknown>, key })
      places((value as Record<string, unknown>)[key], found)
    }
  return found
}

/** One to three changes of values, keys and order. */
function damaged(text: string, rng: Random): string {
  const json = JSON.parse(text)
  for (let changes = 1 + rng.int(3); changes > 0; changes--) {
    const all = places(json)
    const { parent, key } = rng.pick(all)
    const other = rng.pick(all)
    const kind = rng.int(6)
    if (kind === 0) Array.isArray(parent) ? parent.splice(Number(key), 1) : delete parent[key]
    else if (kind === 1) parent[key] = structuredClone(other.parent[other.key])
    else if (kind === 2 && Array.isArray(parent)) parent.push(structuredClone(rng.pick(parent)))
    else if (kind === 3 && typeof parent[key] === 'number') parent[key] = parent[key]! * rng.pick([-1, 2, 10, 1000])
    else if (kind === 3 && typeof parent[key] === 'string')
      parent[key] = `${parent[key]}${rng.pick(['1', '/', ':1', ' '])}`
    else parent[key] = structuredClone(rng.pick(odd))
  }
  return JSON.stringify(json)
}

type Import = (path: string) => Promise<Partial<Disposable> & object>

/** What went wrong without a code. */
async function uncoded(folder: string, read: Import, seed: number): Promise<string[]> {
  const file = join(folder, 'model.json')
  const whole = readFileSync(file, 'utf8')
  const found: string[] = []
  for (let i = 0; i < runs; i++) {
    const text = damaged(whole, seeded(seed).fork(i))
    writeFileSync(file, text)
    const before = tf.memory().numTensors
    await read(folder).then(
      (made) => made[Symbol.dispose]?.(),
      (thrown: unknown) => {
        if (!ArchloomError.is(thrown)) found.push(`${i}: ${(thrown as Error).stack?.split('\n').slice(0, 3).join(' ')}`)
      },
    )
    if (tf.memory().numTensors !== before) found.push(`${i}: ${tf.memory().numTensors - before} tensors are left`)
  }
  writeFileSync(file, whole)
  return found
}

it('damaged graph models are read or refused by a code', { timeout: 3_600_000 }, async () => {
  expect(await uncoded(graph, importGraphModel, 1)).toEqual([])
})

it('damaged layers models are read or refused by a code', { timeout: 3_600_000 }, async () => {
  expect(await uncoded(keras, importLayersModel, 2)).toEqual([])
})

it('damaged layers models are read as layer graphs or refused by a code', { timeout: 3_600_000 }, async () => {
  expect(await uncoded(keras, importLayerGraph, 3)).toEqual([])
})

it('files that were cut or overwritten are refused by a code', async () => {
  const file = join(graph, 'model.json')
  const whole = readFileSync(file)
  const found: string[] = []
  for (let i = 0; i < 60; i++) {
    const rng = seeded(4).fork(i)
    const bytes = Buffer.from(whole.subarray(0, 1 + rng.int(whole.length - 1)))
    for (let k = 0; k < 5; k++) bytes[rng.int(bytes.length)] = rng.int(256)
    writeFileSync(file, bytes)
    await importGraphModel(graph).then(
      (made) => made[Symbol.dispose](),
      (thrown: unknown) => void (ArchloomError.is(thrown) || found.push(String(thrown))),
    )
  }
  writeFileSync(file, whole)
  expect(found).toEqual([])
})
