/** The folder of a tf.js model: model.json and weights in shards of at most 4 MiB. */
import { join } from 'node:path'
import { VERSION } from '../../../core/index.ts'
import { replaceFile } from '../../../core/node/files.ts'

export interface ModelWeights {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: 'float32' | 'int32' | 'bool'
  readonly values: Float32Array | Int32Array | Uint8Array
}

export interface ModelFolder {
  readonly format: 'graph-model' | 'layers-model'
  readonly topology: unknown
  readonly weights: readonly ModelWeights[]
  /** Named inputs and outputs of a graph model. */
  readonly signature?: unknown
}

const SHARD = 4 * 1024 * 1024

/** Writes the folder and returns the bytes of its weights. */
export async function writeFolder(folder: string, model: ModelFolder): Promise<number> {
  const { format, topology, weights, signature } = model
  const whole = Buffer.concat(
    weights.map(({ values: { buffer, byteOffset, byteLength } }) => Buffer.from(buffer, byteOffset, byteLength)),
  )
  const count = Math.max(1, Math.ceil(whole.length / SHARD))
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`)
  const json = {
    format,
    generatedBy: `archloom ${VERSION}`,
    convertedBy: null,
    ...(signature !== undefined && { signature }),
    modelTopology: topology,
    weightsManifest: [{ paths, weights: weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })) }],
  }
  for (const [i, path] of paths.entries())
    await replaceFile(join(folder, path), whole.subarray(i * SHARD, (i + 1) * SHARD))
  // Last: a folder with a model.json is whole.
  await replaceFile(join(folder, 'model.json'), JSON.stringify(json))
  return whole.length
}
