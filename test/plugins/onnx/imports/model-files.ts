/** Saved models made in the test, and the official loaders on them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type * as layers from '@tensorflow/tfjs-layers'

/** A folder of its own for a test file; `next()` is a new path inside. */
export function scratch(name: string) {
  const directory = mkdtempSync(join(tmpdir(), `archloom-${name}-`))
  let count = 0
  return {
    next: () => join(directory, `model-${++count}`),
    remove: () => rmSync(directory, { recursive: true }),
  }
}

export interface StoredTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: object
  readonly bytes: Uint8Array
}

export const floats = (name: string, shape: readonly number[], values: ArrayLike<number>): StoredTensor => ({
  name,
  shape,
  dtype: 'float32',
  bytes: new Uint8Array(Float32Array.from(values).buffer),
})
export const ints = (name: string, shape: readonly number[], values: ArrayLike<number>): StoredTensor => ({
  name,
  shape,
  dtype: 'int32',
  bytes: new Uint8Array(Int32Array.from(values).buffer),
})

/** Writes model.json and one file of weights. */
export function writeModel(folder: string, fields: object, weights: readonly StoredTensor[]): string {
  mkdirSync(folder, { recursive: true })
  const manifest = [{ paths: ['weights.bin'], weights: weights.map(({ bytes: _, ...spec }) => spec) }]
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat(weights.map(({ bytes }) => bytes)))
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...fields, weightsManifest: manifest }))
  return folder
}

/** How a tf.LayersModel is written by tf.js's own savers. */
export async function saveLayersModel(model: layers.LayersModel, folder: string, fields: object = {}): Promise<string> {
  await model.save({
    save: async ({ modelTopology, weightSpecs = [], weightData }) => {
      mkdirSync(folder, { recursive: true })
      const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
      writeFileSync(join(folder, 'model.json'), JSON.stringify({ modelTopology, weightsManifest: manifest, ...fields }))
      writeFileSync(join(folder, 'weights.bin'), Buffer.from(weightData as ArrayBuffer))
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } }
    },
  })
  return folder
}

/** The official loaders read files through a handler in this process. */
export function handler(folder: string) {
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
  const [{ paths, weights }] = json.weightsManifest
  const bytes = Buffer.concat(paths.map((name: string) => readFileSync(join(folder, name))))
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const { modelTopology, format, signature } = json
  return tf.io.fromMemory({ modelTopology, format, signature, weightSpecs: weights, weightData }) as never
}

/** Greatest difference, relative to the largest value of the second. */
export function difference(a: tf.Tensor, b: tf.Tensor): number {
  if (a.shape.join() !== b.shape.join()) throw new Error(`shapes [${a.shape}] and [${b.shape}]`)
  const [left, right] = [a.dataSync(), b.dataSync()]
  let [most, scale] = [0, 1e-30]
  for (let i = 0; i < left.length; i++) {
    if (Number.isNaN(left[i]) !== Number.isNaN(right[i])) return Number.POSITIVE_INFINITY
    most = Math.max(most, Math.abs(left[i]! - right[i]!) || 0)
    scale = Math.max(scale, Math.abs(right[i]!) || 0)
  }
  return most / scale
}
