import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as tf from '@tensorflow/tfjs-core'
import { messageOf } from '../../core/errors.ts'
import { replaceFile } from '../../core/node/files.ts'
import { optionNames } from '../../core/options/index.ts'
import { type Random, seeded } from '../../core/random.ts'
import {
  readSafetensors,
  type SafetensorsOptions,
  saveSafetensors,
  type VariableScope,
} from '../../core/tensor/index.ts'
import type { ApplyMode, Network } from '../../core/trainer.ts'
import { type Enlarging, enlargerOf } from './enlarger.ts'
import { error } from './errors.ts'

/** An upscaling network with weights that can be saved: one of the super-resolution space, one of DRN, or your own. */
export interface Upscaler extends Network {
  readonly scope: VariableScope
  readonly scale: number
  /** [b, h, w, 3] → [b, h·scale, w·scale, 3], values 0 to 255. */
  upscale(lr: tf.Tensor, mode: ApplyMode): tf.Tensor
}

/** Builds a network from the saved options; its weights are loaded from the file afterwards. */
export type UpscalerBuilder = (
  options: Readonly<Record<string, unknown>>,
  parts: { readonly input: readonly number[]; readonly rng: Random },
) => Upscaler

/** The content of model.json. */
export interface UpscalerDescription {
  readonly format: 'archloom-upscaler'
  readonly version: 1
  /** Name of the builder that makes the network. */
  readonly kind: string
  /** Options of the builder, as plain JSON. */
  readonly options: Readonly<Record<string, unknown>>
  readonly scale: number
  readonly parameters: number
  /** How far a pixel of the result depends on the small image, in its pixels; null if on the whole image. */
  readonly reach: number | null
  /** Further information, such as data, steps and PSNR. */
  readonly notes: Readonly<Record<string, unknown>>
}

const DESCRIPTION = 'model.json'
const WEIGHTS = 'weights.safetensors'

/** Modules that export `upscalers`: builders by kind. Loaded when a model asks for one. */
const modules: Readonly<Record<string, string>> = {
  compact: 'archloom/search-spaces/super-resolution',
  cells: 'archloom/search-spaces/super-resolution',
  drn: 'archloom/plugins/drn',
}

/**
 * The builder of the network and its options, the reach if it is known (default: it is measured), and the bits of the
 * weights in the file (default: 'float32').
 */
export type SaveUpscalerOptions = Pick<UpscalerDescription, 'kind' | 'options'> &
  Partial<Pick<UpscalerDescription, 'notes' | 'reach'>> &
  Pick<SafetensorsOptions, 'precision'>

const saveUpscalerNames = optionNames<SaveUpscalerOptions>('saveUpscaler', {
  kind: true,
  options: true,
  notes: true,
  reach: true,
  precision: true,
})

/** Writes a network as a folder: model.json and weights.safetensors. */
export async function saveUpscaler(
  folder: string,
  network: Upscaler,
  given: SaveUpscalerOptions,
): Promise<UpscalerDescription> {
  const { kind, options, notes = {}, reach, precision = 'float32' } = saveUpscalerNames(given)
  const description: UpscalerDescription = {
    format: 'archloom-upscaler',
    version: 1,
    kind,
    options,
    scale: network.scale,
    parameters: network.scope.trainable.reduce((sum, { size }) => sum + size, 0),
    reach: reach === undefined ? await reachOf(network) : reach,
    notes,
  }
  const metadata = { format: 'archloom-upscaler', kind }
  await saveSafetensors(join(folder, WEIGHTS), network, { metadata, precision })
  await replaceFile(join(folder, DESCRIPTION), `${JSON.stringify(description, null, 2)}\n`)
  return description
}

export interface LoadUpscalerOptions {
  /** Additional builders by kind; they take precedence over those of archloom. */
  readonly builders?: Readonly<Record<string, UpscalerBuilder>>
  /** The required scale; a model with another scale is an error. */
  readonly scale?: number
  /** `inputShape` of the network, for exporters that fix the size; any size can be enlarged. Default: [64, 64, 3]. */
  readonly input?: readonly number[]
}

/** A network, or a file of another program, and what is known of it. */
export interface UpscalerModel {
  readonly network: Enlarging
  readonly description: Pick<UpscalerDescription, 'kind' | 'scale' | 'parameters' | 'reach'>
}

export interface LoadedUpscaler extends Disposable {
  readonly network: Upscaler
  readonly description: UpscalerDescription
}

const loadUpscalerNames = optionNames<LoadUpscalerOptions>('loadUpscaler', { builders: true, scale: true, input: true })

/**
 * Reads a model folder and builds its network. Errors: ARCHLOOM_UPSCALER_FOLDER, ARCHLOOM_UPSCALER_KIND,
 * ARCHLOOM_UPSCALER_SCALE.
 */
export async function loadUpscaler(folder: string, given: LoadUpscalerOptions = {}): Promise<LoadedUpscaler> {
  const { builders = {}, scale, input = [64, 64, 3] } = loadUpscalerNames(given)
  const description = await describeUpscaler(folder)
  if (scale !== undefined && scale !== description.scale)
    throw error('ARCHLOOM_UPSCALER_SCALE', { folder, received: description.scale, expected: scale })
  const build = await builderOf(description.kind, builders)
  const attempt = async <T>(file: string, work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw error('ARCHLOOM_UPSCALER_FOLDER', { folder, file, reason: messageOf(cause).replace(/\.$/, '') }, { cause })
    }
  }
  const { weights } = await attempt(WEIGHTS, () => readSafetensors(join(folder, WEIGHTS)))
  const network = await attempt(DESCRIPTION, () => build(description.options, { input, rng: seeded(0) }))
  try {
    await attempt(WEIGHTS, () => network.scope.load(weights))
    if (network.scale !== description.scale)
      throw error('ARCHLOOM_UPSCALER_FOLDER', {
        folder,
        file: DESCRIPTION,
        reason: `it says ×${description.scale}, but its options make a network of ×${network.scale}`,
      })
  } catch (thrown) {
    network[Symbol.dispose]()
    throw thrown
  }
  return { network, description, [Symbol.dispose]: () => network[Symbol.dispose]() }
}

/** Reads the description of a model folder without building the network. Error: ARCHLOOM_UPSCALER_FOLDER. */
export async function describeUpscaler(folder: string): Promise<UpscalerDescription> {
  const broken = (reason: string, cause?: unknown) =>
    error('ARCHLOOM_UPSCALER_FOLDER', { folder, file: DESCRIPTION, reason }, { cause })
  let read: Partial<UpscalerDescription> | null
  try {
    read = JSON.parse(await readFile(join(folder, DESCRIPTION), 'utf8')) as Partial<UpscalerDescription> | null
  } catch (cause) {
    throw broken(messageOf(cause), cause)
  }
  const { format, version, kind, options, scale, reach } = read ?? {}
  if (format !== 'archloom-upscaler') throw broken(`its format is ${JSON.stringify(format)}`)
  if (version !== 1) throw broken(`its version is ${JSON.stringify(version)}, expected 1`)
  const whole = (n: unknown, least: number) => Number.isInteger(n) && (n as number) >= least
  if (typeof kind !== 'string' || typeof options !== 'object' || options === null || !whole(scale, 1))
    throw broken('kind, options or scale is missing or invalid')
  if (reach !== null && !whole(reach, 0)) throw broken(`its reach is ${JSON.stringify(reach)}`)
  return { parameters: 0, notes: {}, ...read } as UpscalerDescription
}

async function builderOf(kind: string, own: Readonly<Record<string, UpscalerBuilder>>): Promise<UpscalerBuilder> {
  const module = Object.hasOwn(modules, kind) ? modules[kind] : undefined
  const known = () => [...Object.keys(own), ...Object.keys(modules)]
  if (Object.hasOwn(own, kind)) return own[kind] as UpscalerBuilder
  if (module === undefined) throw error('ARCHLOOM_UPSCALER_KIND', { received: kind, known: known() })
  const { upscalers } = (await import(module)) as { upscalers?: Readonly<Record<string, UpscalerBuilder>> }
  const build = upscalers?.[kind]
  if (!build) throw error('ARCHLOOM_UPSCALER_KIND', { received: kind, known: known() })
  return build
}

/** Side of the images on which the reach is measured. A reach of half of it or more counts as the whole image. */
const PROBE = 97
/**
 * Darkest and lightest values of these images. Several ranges are used, because a unit may be active only in some of
 * them.
 */
const RANGES = [
  [0, 255],
  [0, 80],
  [175, 255],
  [100, 155],
] as const

/**
 * Measures how far a pixel of the result depends on the input, by changing the middle pixel of noise images. The
 * result is exact for convolutions, up to numerical precision, and null if the change affects the whole image, as with
 * channel attention.
 */
export async function reachOf(network: Enlarging): Promise<number | null> {
  const { scale, enlarge } = enlargerOf(network)
  const rng = seeded('reach')
  const middle = (PROBE - 1) / 2
  const at = 3 * (middle * PROBE + middle)
  const side = PROBE * scale
  const distance = (i: number) => Math.abs(Math.floor(i / scale) - middle)
  let reach = 0
  for (const [low, high] of RANGES) {
    const values = Float32Array.from({ length: PROBE * PROBE * 3 }, () => low + (high - low) * rng.float())
    const changed = values.slice()
    for (let c = 0; c < 3; c++) changed[at + c] = 255 - values[at + c]!
    const [a, b] = [await enlarge(values, PROBE, PROBE), await enlarge(changed, PROBE, PROBE)]
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const from = 3 * (y * side + x)
        if (a[from] === b[from] && a[from + 1] === b[from + 1] && a[from + 2] === b[from + 2]) continue
        reach = Math.max(reach, distance(y), distance(x))
      }
    if (reach >= middle) return null
  }
  return reach
}
