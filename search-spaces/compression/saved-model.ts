/** Reads saved tf.js models: model.json with a topology, and weights of every type that tf.js writes. */
import { open, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, quote } from '../../core/errors.ts'
import { float16ToNumber } from '../../core/tensor/index.ts'
import { error } from './saved-model-errors.ts'

/** One stored tensor. Quantised weights are already converted to numbers; string tensors have no values here. */
export interface SavedWeights {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: 'float32' | 'int32' | 'bool' | 'string'
  readonly values: Float32Array | Int32Array | Uint8Array
}

export interface SavedModel {
  /** Where the model came from, for error messages. */
  readonly source: string
  readonly kind: 'graph-model' | 'layers-model'
  readonly topology: Readonly<Record<string, unknown>>
  readonly weights: readonly SavedWeights[]
  /** Named inputs and outputs of a graph model. */
  readonly signature?: unknown
}

/** The fields that are read of model.json and of the artifacts that the savers of tf.js pass on. */
export interface ModelFields {
  readonly format?: unknown
  readonly modelTopology?: unknown
  readonly signature?: unknown
  readonly userDefinedMetadata?: unknown
  readonly modelInitializer?: unknown
}

type Fields = Readonly<Record<string, unknown>>
type Refuse = (reason: string, options?: { cause?: unknown; remedy?: string }) => Error

export const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The error for an incomplete model. */
export const savedModelError = (folder: string, reason: string): Error => refusing(folder)(reason)

const refusing =
  (folder: string): Refuse =>
  (reason, { cause, remedy } = {}) =>
    error(
      'ARCHLOOM_TFJS_FOLDER',
      { folder, reason, ...(remedy !== undefined && { remedy }) },
      cause === undefined ? undefined : { cause },
    )

/** Maximum size of model.json and of weights, in bytes. */
const LONGEST_JSON = 256 * 1024 * 1024
const MOST_BYTES = 2 * 1024 * 1024 * 1024

/**
 * Reads a folder, or its model.json, by path or file URL. The format is recognised by the topology, so that files
 * without a "format" are read too; a "format" that contradicts the topology is refused. Weights are read only from
 * files inside the folder. Error: ARCHLOOM_TFJS_FOLDER for a model that is missing, truncated, inconsistent, or of
 * another format than supported or `expected`.
 */
export async function readSavedModel(given: string | URL, expected?: SavedModel['kind']): Promise<SavedModel> {
  const path = given instanceof URL || given.startsWith('file://') ? fileURLToPath(given) : given
  const refuse = refusing(path)
  const file = await stat(path).then(
    (found) => (found.isDirectory() ? join(path, 'model.json') : path),
    (cause: unknown) => {
      throw refuse(messageOf(cause), { cause })
    },
  )
  const bytes = await contents(file, LONGEST_JSON, refuse)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw refuse(`${quote(file)} is not JSON (${messageOf(cause)})`, { cause })
  }
  if (!isObject(json)) throw refuse('model.json is not an object')
  const groups = json.weightsManifest
  if (!Array.isArray(groups)) throw refuse('it has no weightsManifest, which lists its weights')
  const kind = kindOf(json, refuse)
  if (expected !== undefined && kind !== expected)
    throw refuse(`its format is ${quote(kind)}, expected ${expected}`, {
      remedy: `Use ${kind === 'graph-model' ? 'importGraphModel' : 'importLayersModel'} of archloom/plugins/onnx`,
    })
  const folder = await realpath(dirname(file))
  const weights: SavedWeights[] = []
  const read = new Set<string>()
  let left = MOST_BYTES
  for (const group of groups) {
    if (!isObject(group)) throw refuse('its weightsManifest holds something that is not a group of weights')
    const parts: Uint8Array[] = []
    for (const name of listOf(group.paths, 'paths', refuse)) {
      const part = await shardOf(folder, name, refuse)
      if (read.has(part)) throw refuse(`its weights are in ${quote(name)} twice`)
      read.add(part)
      parts.push(await contents(part, left, refuse))
      left -= (parts.at(-1) as Uint8Array).length
    }
    weights.push(...decoded(listOf(group.weights, 'weights', refuse), joined(parts), refuse))
  }
  return { source: path, kind, ...topologyOf(json, refuse), weights }
}

/** Reads a model in memory, as the `save` method of tf.js passes it to its handlers. Error: ARCHLOOM_TFJS_FOLDER. */
export function savedModelOf(
  artifacts: ModelFields & { readonly weightSpecs?: unknown; readonly weightData?: unknown },
): SavedModel {
  const source = 'model in memory'
  const refuse = refusing(source)
  const kind = kindOf(artifacts, refuse)
  const { weightSpecs, weightData } = artifacts
  const parts = [weightData].flat()
  if (weightSpecs === undefined || weightData === undefined || !parts.every((part) => part instanceof ArrayBuffer))
    throw refuse('it has no weights', { remedy: 'Give { modelTopology, weightSpecs, weightData }' })
  const bytes = joined(parts.map((part) => new Uint8Array(part as ArrayBuffer)))
  const weights = decoded(listOf(weightSpecs, 'weightSpecs', refuse), bytes, refuse)
  return { source, kind, ...topologyOf(artifacts, refuse), weights }
}

const topologyOf = (
  { modelTopology, signature, userDefinedMetadata, modelInitializer }: ModelFields,
  refuse: Refuse,
) => {
  if (modelInitializer !== undefined && modelInitializer !== null)
    throw refuse('it has a modelInitializer, a second graph that fills tables', { remedy: 'Load it with tf.js itself' })
  // Converters before 2.0 stored it in the metadata.
  const named = (isObject(userDefinedMetadata) ? userDefinedMetadata.signature : undefined) ?? signature
  return { topology: modelTopology as Fields, ...(named != null && { signature: named }) }
}

function kindOf({ format, modelTopology }: ModelFields, refuse: Refuse): SavedModel['kind'] {
  if (!isObject(modelTopology)) throw refuse('it has no modelTopology')
  const kind = Array.isArray(modelTopology.node)
    ? 'graph-model'
    : ['model_config', 'modelConfig', 'class_name', 'className'].some((key) => Object.hasOwn(modelTopology, key))
      ? 'layers-model'
      : undefined
  if (kind === undefined) throw refuse('its topology has neither the nodes of a graph model nor the layers of a layers model') // biome-ignore format: one line
  if (format != null && format !== kind)
    throw refuse(`its format is ${quote(format)}, but its topology is that of a ${kind}`)
  return kind
}

function listOf(value: unknown, what: string, refuse: Refuse): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`its ${what} are not a list`)
  return value
}

/** The file of a shard, which must be a plain path that stays inside the folder after following links. */
async function shardOf(folder: string, name: unknown, refuse: Refuse): Promise<string> {
  if (typeof name !== 'string' || name === '' || name.includes('\0') || isAbsolute(name))
    throw refuse(`it names ${quote(name)} as a file of its weights`)
  const file = await realpath(join(folder, name)).catch((cause: unknown) => {
    throw refuse(messageOf(cause), { cause })
  })
  const inside = relative(folder, file)
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    throw refuse(`its weights would be read from ${quote(name)}, which is outside its folder`)
  return file
}

async function contents(file: string, most: number, refuse: Refuse): Promise<Uint8Array> {
  try {
    await using handle = await open(file)
    const { size, ...found } = await handle.stat()
    if (!('mode' in found) || size > most) throw new RangeError(`${file} has ${size} bytes, more than ${most}`)
    return await handle.readFile()
  } catch (cause) {
    throw refuse(messageOf(cause), { cause })
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const bytesEach = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const

/** Reads every tensor of a group, in the order of their bytes. */
function decoded(specs: readonly unknown[], bytes: Uint8Array, refuse: Refuse): SavedWeights[] {
  let at = 0
  const take = (name: string, size: number): Uint8Array => {
    if (at + size > bytes.length)
      throw refuse(`its weights are truncated: they end after ${bytes.length} bytes, within ${quote(name)}`)
    at += size
    // Copied, because shards are not aligned.
    return bytes.slice(at - size, at)
  }
  const read = specs.map((spec): SavedWeights => {
    if (!isObject(spec)) throw refuse('its weightsManifest lists weights that are not an object')
    const { name, shape, dtype, quantization } = spec
    if (typeof name !== 'string') throw refuse(`weights have the name ${quote(name)}`)
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw refuse(`the weights ${quote(name)} have the shape ${quote(shape)}`)
    const count = shape.reduce((product: number, size: number) => product * size, 1)
    if (quantization != null) return { name, shape, ...widened(name, dtype, quantization, count, take, refuse) }
    if (dtype === 'string') {
      for (let i = 0; i < count; i++) take(name, new DataView(take(name, 4).buffer).getUint32(0, true))
      return { name, shape, dtype, values: new Uint8Array(0) }
    }
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw refuse(`the weights ${quote(name)} are of the type ${quote(dtype)}; float32, int32 and bool are read`)
    const { buffer } = take(name, count * bytesEach[dtype])
    const values =
      dtype === 'float32'
        ? new Float32Array(buffer)
        : dtype === 'int32'
          ? new Int32Array(buffer)
          : new Uint8Array(buffer)
    return { name, shape, dtype, values }
  })
  if (at !== bytes.length) throw refuse(`its weights have ${bytes.length} bytes, but its manifest describes only ${at}`)
  return read
}

/** Converts weights that were stored in 8 or 16 bits. */
function widened(
  name: string,
  dtype: unknown,
  quantization: unknown,
  count: number,
  take: (name: string, size: number) => Uint8Array,
  refuse: Refuse,
): Pick<SavedWeights, 'dtype' | 'values'> {
  const { dtype: stored, scale, min, ...others } = isObject(quantization) ? quantization : {}
  const [other] = Object.keys(others).filter((key) => key !== 'original_dtype')
  if (other !== undefined) throw refuse(`the quantisation of ${quote(name)} has the unknown field ${quote(other)}`) // biome-ignore format: one line
  if (stored === 'float16' && dtype === 'float32') {
    const bits = new Uint16Array(take(name, count * 2).buffer)
    return { dtype, values: Float32Array.from(bits, float16ToNumber) }
  }
  if ((stored !== 'uint8' && stored !== 'uint16') || (dtype !== 'float32' && dtype !== 'int32'))
    throw refuse(`the weights ${quote(name)} are ${quote(dtype)} stored as ${quote(stored)}, which is not supported`)
  if (typeof scale !== 'number' || typeof min !== 'number' || !Number.isFinite(scale) || !Number.isFinite(min))
    throw refuse(`the weights ${quote(name)} are stored as ${stored} with scale ${quote(scale)} and min ${quote(min)}`)
  const { buffer } = take(name, count * bytesEach[stored])
  const codes = stored === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer)
  const real = (code: number) => code * scale + min
  return dtype === 'float32'
    ? { dtype, values: Float32Array.from(codes, real) }
    : { dtype, values: Int32Array.from(codes, (code) => Math.round(real(code))) }
}
