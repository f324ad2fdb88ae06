/** The folder of a tf.js model: model.json and weights in shards of at most 4 MiB. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf, VERSION } from '../../../core/index.ts'
import { error } from '../errors.ts'

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
const bytesEach = { float32: 4, int32: 4, bool: 1 } as const

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
  await mkdir(folder, { recursive: true })
  for (const [i, path] of paths.entries())
    await writeFile(join(folder, path), whole.subarray(i * SHARD, (i + 1) * SHARD))
  // Last: a folder with a model.json is whole.
  await writeFile(join(folder, 'model.json'), JSON.stringify(json))
  return whole.length
}

interface Manifest {
  readonly format?: string
  readonly modelTopology?: unknown
  readonly signature?: unknown
  readonly weightsManifest?: readonly {
    readonly paths?: readonly string[]
    readonly weights?: readonly { name?: unknown; shape?: unknown; dtype?: unknown; quantization?: unknown }[]
  }[]
}

/**
 * Reads a folder (or its model.json). Errors: ARCHLOOM_TFJS_FOLDER for what is absent, truncated, of another format, or
 * holds weights of a type that is not read.
 */
export async function readFolder(path: string, format: ModelFolder['format']): Promise<ModelFolder> {
  const file = path.endsWith('.json') ? path : join(path, 'model.json')
  const refuse = (reason: string, cause?: unknown) =>
    error('ARCHLOOM_TFJS_FOLDER', { folder: path, reason }, cause === undefined ? undefined : { cause })
  const bytesOf = async (name: string) => {
    try {
      return await readFile(name)
    } catch (cause) {
      throw refuse(messageOf(cause), cause)
    }
  }
  let json: Manifest
  try {
    json = JSON.parse((await bytesOf(file)).toString('utf8'))
  } catch (cause) {
    throw cause instanceof SyntaxError ? refuse(`model.json is no JSON (${cause.message})`, cause) : cause
  }
  if (json?.format !== format || typeof json.modelTopology !== 'object' || !Array.isArray(json.weightsManifest))
    throw refuse(`its format is ${JSON.stringify(json?.format)}, expected ${format} with a topology and weights`)
  const weights: ModelWeights[] = []
  for (const { paths = [], weights: specs = [] } of json.weightsManifest) {
    const bytes = Buffer.concat(await Promise.all(paths.map((part: string) => bytesOf(join(dirname(file), part)))))
    let at = 0
    for (const { name, shape, dtype, quantization } of specs) {
      const each = bytesEach[dtype as keyof typeof bytesEach]
      if (typeof name !== 'string' || !Array.isArray(shape) || !each || quantization)
        throw refuse(
          `weights ${JSON.stringify(name)} are ${quantization ? 'quantised' : String(dtype)}, which is not read`,
        )
      const size = shape.reduce((product: number, n: number) => product * n, each)
      if (at + size > bytes.length)
        throw refuse(`its weights end after ${bytes.length} bytes, within ${JSON.stringify(name)}: truncated`)
      // A copy: shards are not aligned.
      const { buffer } = Uint8Array.from(bytes.subarray(at, at + size))
      const values = dtype === 'float32' ? new Float32Array(buffer) : dtype === 'int32' ? new Int32Array(buffer) : new Uint8Array(buffer) // biome-ignore format: one line
      weights.push({ name, shape, dtype: dtype as ModelWeights['dtype'], values })
      at += size
    }
  }
  const { modelTopology: topology, signature } = json
  return { format, topology, weights, ...(signature !== undefined && { signature }) }
}
