/** Runs ONNX files that enlarge images, of archloom and of other programs, as upscalers. */
import { readFile } from 'node:fs/promises'
import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { options as declareOptions, value, whole } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import { bicubicRows, drawScene } from '../../evaluators/data/images/index.ts'
import { type Enlarger, reachOf, type UpscalerModel } from '../../evaluators/upscaling/index.ts'
import { error } from './errors.ts'
import { importOnnx } from './import-onnx.ts'
import { decodeOnnx } from './onnx-file.ts'
import { type OnnxTensor, openOnnx } from './session.ts'

const declared = declareOptions('openOnnxUpscaler', {
  range: value<1 | 255>('1 or 255', {
    holds: (range) => range === 1 || range === 255,
    absent: '255 for files of archloom, otherwise the one that leaves a test image most alike',
    doc: 'Greatest value of the images that the file takes and gives.',
  }),
  threads: whole({ min: 1, default: 1, doc: 'Number of threads of one operation.' }),
})

export interface OnnxUpscalerOptions {
  readonly range?: 1 | 255
  readonly threads?: number
}

export interface OnnxUpscaler extends UpscalerModel, AsyncDisposable {
  /** Greatest value of the images that the file takes. */
  readonly range: 1 | 255
}

const hasCode = (thrown: unknown, code: string) => ArchloomError.is(thrown) && thrown.code === code

interface Runner extends AsyncDisposable {
  readonly inputs: readonly { readonly name: string; readonly dims: readonly (number | null)[] }[]
  readonly run: (input: OnnxTensor) => Promise<OnnxTensor>
}

/** ONNX Runtime, or, without it, the operations of the engine in use. */
async function runnerOf(source: string, bytes: Uint8Array, threads: number): Promise<Runner> {
  try {
    const model = await openOnnx(bytes, { threads })
    return { inputs: model.details, run: (input) => model.apply(input), [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() } // biome-ignore format: one line
  } catch (thrown) {
    if (!hasCode(thrown, 'ARCHLOOM_ONNXRUNTIME_MISSING')) throw thrown
  }
  const inputs = decodeOnnx(bytes, source).inputs.map(({ name, dims = [] }) => ({ name, dims }))
  const { first, channels, size } = formOf(source, { inputs })
  const network = await importOnnx(bytes, { input: [size?.height ?? 64, size?.width ?? 64, channels] })
  const apply = network.upscale ?? network.apply
  return {
    inputs,
    async run({ dims: shape, values }) {
      const y = tf.tidy(() => {
        const x = tf.tensor(values, [...shape])
        return apply(first ? tf.transpose(x, [0, 2, 3, 1]) : x, { training: false })
      })
      try {
        return { dims: y.shape, values: (await y.data()) as Float32Array }
      } finally {
        y.dispose()
      }
    },
    [Symbol.asyncDispose]: async () => network[Symbol.dispose](),
  }
}

/** How a file takes images. */
interface Form {
  readonly first: boolean
  readonly channels: 1 | 3
  readonly size: { readonly height: number; readonly width: number } | undefined
}

const isColour = (size: number | null | undefined): size is 1 | 3 => size === 1 || size === 3

function formOf(file: string, { inputs }: Pick<Runner, 'inputs'>): Form {
  const refuse = (reason: string) => error('ARCHLOOM_ONNX_UPSCALER', { file, reason })
  const [input, ...others] = inputs
  if (!input || others.length > 0) throw refuse(`it has the inputs ${inputs.map(({ name }) => name).join(', ')}`)
  const { dims } = input
  const shape = `its input has the shape [${dims.map((size) => size ?? 'open').join(', ')}]`
  if (dims.length !== 4) throw refuse(shape)
  const first = isColour(dims[1]) && !(dims[3] === 3 && dims[1] === 1)
  const channels = first ? dims[1] : dims[3]
  if (!isColour(channels)) throw refuse(shape)
  if ((dims[0] ?? 1) !== 1) throw refuse(`it takes ${dims[0]} images at once`)
  const [height = null, width = null] = first ? dims.slice(2) : dims.slice(1, 3)
  if ((height === null) !== (width === null)) throw refuse(shape)
  return { first, channels, size: height === null || width === null ? undefined : { height, width } }
}

/** Weights of red, green and blue in the luma of JPEG files. */
const LUMA = [0.299, 0.587, 0.114] as const

/** [h, w, c] to the order of the file, as numbers up to `range`; of a file of one channel the luma. */
function given(values: Float32Array, height: number, width: number, { first, channels }: Form, range: number) {
  const count = height * width
  const out = new Float32Array(count * channels)
  const step = range / 255
  for (let i = 0; i < count; i++)
    if (channels === 1) out[i] = step * LUMA.reduce((sum, weight, c) => sum + weight * values[3 * i + c]!, 0)
    else for (let c = 0; c < 3; c++) out[first ? c * count + i : 3 * i + c] = step * values[3 * i + c]!
  const dims = first ? [1, channels, height, width] : [1, height, width, channels]
  return { dims, values: out }
}

/** Bicubic enlargement of values [h, w, 3], not rounded. */
function bicubic(values: Float32Array, height: number, width: number, scale: number): Float32Array {
  const [down, across] = [height, width].map((size) => bicubicRows(size, size * scale, scale, 'symmetric'))
  const tall = new Float32Array(height * scale * width * 3)
  down!.forEach(({ positions, weights }, y) => {
    for (let i = 0; i < 3 * width; i++)
      tall[y * 3 * width + i] = weights.reduce((sum, weight, tap) => sum + weight * values[positions[tap]! * 3 * width + i]!, 0) // biome-ignore format: one line
  })
  const out = new Float32Array(height * scale * width * scale * 3)
  for (let y = 0; y < height * scale; y++)
    across!.forEach(({ positions, weights }, x) => {
      for (let c = 0; c < 3; c++)
        out[(y * width * scale + x) * 3 + c] = weights.reduce((sum, weight, tap) => sum + weight * tall[(y * width + positions[tap]!) * 3 + c]!, 0) // biome-ignore format: one line
    })
  return out
}

/** The result of the file as [h, w, 3] up to 255; luma alone is combined with the colours of the bicubic result. */
function received(
  { values }: OnnxTensor,
  small: Float32Array,
  height: number,
  width: number,
  scale: number,
  { first, channels }: Form,
  range: number,
): Float32Array {
  const count = height * width * scale * scale
  const step = 255 / range
  if (channels === 3) {
    const out = new Float32Array(count * 3)
    for (let i = 0; i < count; i++)
      for (let c = 0; c < 3; c++) out[3 * i + c] = step * values[first ? c * count + i : 3 * i + c]!
    return out
  }
  const out = bicubic(small, height, width, scale)
  for (let i = 0; i < count; i++) {
    const luma = LUMA.reduce((sum, weight, c) => sum + weight * out[3 * i + c]!, 0)
    for (let c = 0; c < 3; c++) out[3 * i + c] = out[3 * i + c]! + step * values[i]! - luma
  }
  return out
}

/** Sides that are multiples of one of these are tried, as networks with windows require. */
const MULTIPLES = [1, 2, 4, 8, 16, 32, 64] as const
/** Most parameters of a network whose reach is measured, which takes eight passes over 97×97 pixels. */
const MEASURED = 1e6

/**
 * Opens an ONNX file that enlarges images as a model for `upscaleFiles` and `upscaleTiled`: one input and output of
 * [1, channels, height, width] or [1, height, width, channels], with 3 channels (red, green, blue) or 1 (luma), of any
 * size or of one, with values up to 1 or 255. What the file does not state is found by enlarging a small test image.
 * Runs on ONNX Runtime where it is installed, otherwise with the operators of `importOnnx`. Dispose it (`await
 * using`). Errors: ARCHLOOM_ONNX_UPSCALER, ARCHLOOM_ONNX_FILE, ARCHLOOM_OPTION.
 */
export async function openOnnxUpscaler(file: string, options: OnnxUpscalerOptions = {}): Promise<OnnxUpscaler> {
  const { range: stated, threads } = declared.read(options)
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw error('ARCHLOOM_ONNX_FILE', { file, reason: messageOf(cause) }, { cause })
  })
  const runner = await runnerOf(file, bytes, threads)
  try {
    return await opened(file, bytes, runner, stated ?? (isOwn(bytes, file) ? 255 : undefined))
  } catch (thrown) {
    await runner[Symbol.asyncDispose]()
    throw thrown
  }
}

async function opened(file: string, bytes: Uint8Array, runner: Runner, stated?: 1 | 255): Promise<OnnxUpscaler> {
  const refuse = (reason: string, cause?: unknown) =>
    error('ARCHLOOM_ONNX_UPSCALER', { file, reason }, cause === undefined ? undefined : { cause })
  const form = formOf(file, runner)
  const { size, first, channels } = form
  let multiple = 1
  let failure: unknown
  let scale: number | undefined
  let range: 1 | 255 = stated ?? 1
  for (const each of size ? [1] : MULTIPLES) {
    const [height, width] = size ? [size.height, size.width] : [20, 24].map((side) => Math.ceil(side / each) * each)
    const image = Float32Array.from(drawScene(height!, width!, seeded('test')).pixels)
    const differences: { range: 1 | 255; difference: number }[] = []
    try {
      for (const tried of stated ? [stated] : ([255, 1] as const)) {
        const result = await runner.run(given(image, height!, width!, form, tried))
        const [rows = 0, columns = 0] = first ? result.dims.slice(2) : result.dims.slice(1, 3)
        const factor = rows / height!
        const colours = first ? result.dims[1] : result.dims[3]
        if (!Number.isInteger(factor) || factor < 1 || factor !== columns / width! || colours !== channels)
          throw refuse(`an image of ${height}×${width} gives values of the shape [${result.dims}]`)
        scale = factor
        const [ours, plain] = [received(result, image, height!, width!, factor, form, tried), bicubic(image, height!, width!, factor)] // biome-ignore format: one line
        differences.push({ range: tried, difference: ours.reduce((sum, v, i) => sum + Math.abs(v - plain[i]!), 0) })
      }
    } catch (thrown) {
      if (hasCode(thrown, 'ARCHLOOM_ONNX_UPSCALER')) throw thrown
      failure = thrown
      continue
    }
    multiple = each
    range = differences.reduce((best, other) => (other.difference < best.difference ? other : best)).range
    break
  }
  if (scale === undefined) throw refuse(`no test image could be enlarged (${messageOf(failure)})`, failure)
  const factor = scale
  const enlarger: Enlarger = {
    scale: factor,
    ...(size && { size }),
    async enlarge(values, height, width) {
      const [rows, columns] = [height, width].map((side) => Math.ceil(side / multiple) * multiple) as [number, number]
      const padded = rows === height && columns === width ? values : extended(values, height, width, rows, columns)
      const result = await runner.run(given(padded, rows, columns, form, range))
      const large = received(result, padded, rows, columns, factor, form, range)
      return padded === values ? large : cutOut(large, columns * factor, height * factor, width * factor)
    },
  }
  const parameters = parametersOf(bytes, file)
  const known = size || multiple > 1 || parameters > MEASURED
  const reach = known ? null : await reachOf(enlarger)
  return {
    network: enlarger,
    range,
    description: { kind: 'onnx', scale: factor, parameters, reach },
    [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose](),
  }
}

/** Whether archloom wrote the file: its networks take values up to 255. */
function isOwn(bytes: Uint8Array, file: string): boolean {
  try {
    return decodeOnnx(bytes, file).properties.get('layout') === 'NHWC'
  } catch {
    return false
  }
}

/** Number of weights; 0 where they lie in another file. */
function parametersOf(bytes: Uint8Array, file: string): number {
  try {
    const { constants } = decodeOnnx(bytes, file)
    return [...constants.values()].reduce((sum, { kind, values }) => sum + (kind === 'float' ? values.length : 0), 0)
  } catch {
    return 0
  }
}

/** [h, w, 3] extended at the right and the bottom by repeating the edge. */
function extended(values: Float32Array, height: number, width: number, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns * 3)
  for (let y = 0, to = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const from = (Math.min(y, height - 1) * width + Math.min(x, width - 1)) * 3
      for (let c = 0; c < 3; c++) out[to++] = values[from + c]!
    }
  return out
}

function cutOut(values: Float32Array, columns: number, height: number, width: number): Float32Array {
  const out = new Float32Array(height * width * 3)
  for (let y = 0; y < height; y++) out.set(values.subarray(y * columns * 3, (y * columns + width) * 3), y * width * 3)
  return out
}
