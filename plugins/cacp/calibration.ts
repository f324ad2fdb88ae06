import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import type { Split } from '../../core/trainer.ts'
import { graphNetwork, type MixingNode, type PruningProblem } from '../../search-spaces/compression/prunable.ts'
import { error } from './errors.ts'

export interface CalibrationOptions {
  /** Number of images. Default: 128. */
  readonly images?: number
  /** Number of randomly drawn positions of each feature map. Default: 10. */
  readonly points?: number
  readonly rng: Random
}

/** The inputs X [rows, size] of one layer in the unpruned network: XᵀX, or X itself if it is smaller. */
export type LayerInputs = {
  /** Size of one row: kernel height · width · channels. */
  readonly size: number
} & (
  | { readonly gram: Float64Array }
  /** X, row-major, of which `count` rows are filled. */
  | { readonly rows: Float32Array; readonly count: number }
)

/**
 * The inputs of each layer that reads prunable channels. They are collected once and used to reconstruct every
 * pruning.
 */
export type Calibration = ReadonlyMap<string, LayerInputs>

type Collected = { size: number } & ({ gram: Float64Array } | { rows: Float32Array; count: number })

/** The first row and column that a kernel reads for output position (y, x). */
function firstRead(node: MixingNode, [height, width]: readonly [number, number]) {
  if (node.op === 'dense') return { top: 0, left: 0, rows: 1, columns: 1 }
  const { kernel, stride, dilation, padding } = node
  const [kernelHeight = 1, kernelWidth = 1] = kernel.shape
  const along = (size: number, extent: number) => {
    const window = dilation * (extent - 1) + 1
    if (padding === 'valid') return { zeros: 0, count: Math.floor((size - window) / stride) + 1 }
    if (padding !== 'same') return { zeros: padding, count: Math.floor((size + 2 * padding - window) / stride) + 1 }
    const count = Math.ceil(size / stride)
    return { zeros: Math.floor(Math.max(0, (count - 1) * stride + window - size) / 2), count }
  }
  const [vertical, horizontal] = [along(height, kernelHeight), along(width, kernelWidth)]
  return { top: -vertical.zeros, left: -horizontal.zeros, rows: vertical.count, columns: horizontal.count }
}

/** The inputs that a kernel multiplies at one output position, in the order of the kernel's rows. */
function patch(
  node: MixingNode,
  map: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  base: number,
  top: number,
  left: number,
): Float64Array {
  const [kernelHeight, kernelWidth] = node.op === 'dense' ? [1, 1] : (node.kernel.shape as [number, number])
  const dilation = node.op === 'dense' ? 1 : node.dilation
  const row = new Float64Array(kernelHeight * kernelWidth * channels)
  for (let i = 0, at = 0; i < kernelHeight; i++)
    for (let j = 0; j < kernelWidth; j++, at += channels) {
      const [y, x] = [top + i * dilation, left + j * dilation]
      if (y < 0 || y >= height || x < 0 || x >= width) continue
      const from = base + (y * width + x) * channels
      for (let c = 0; c < channels; c++) row[at + c] = map[from + c] as number
    }
  return row
}

function addOuterProduct(gram: Float64Array, row: Float64Array): void {
  const n = row.length
  for (let i = 0; i < n; i++) {
    const a = row[i] as number
    if (a === 0) continue
    const from = i * n
    for (let j = 0; j < n; j++) gram[from + j] = gram[from + j]! + a * row[j]!
  }
}

const calibrateNames = optionNames<CalibrationOptions>('calibrate', { images: true, points: true, rng: true })

/**
 * Passes calibration images through the unpruned network and collects the inputs of its layers. It uses training
 * images only. Error: ARCHLOOM_CACP_CALIBRATION if there are no images.
 */
export async function calibrate(
  { graph, coupling, choices }: PruningProblem,
  data: Split<'train'>,
  given: CalibrationOptions,
): Promise<Calibration> {
  const { images = 128, points = 10, rng } = calibrateNames(given)
  if (data.size === 0 || !(images > 0))
    throw error('ARCHLOOM_CACP_CALIBRATION', { received: Math.min(data.size, images), expected: 'at least one' })
  const readers = new Set(choices.flatMap(({ group }) => coupling.groups[group]?.consumers ?? []))
  const calibration = new Map<string, Collected>()
  using network = graphNetwork(graph)
  const positions = rng.fork('positions')
  let seen = 0
  for (const { inputs, targets } of data.batches({ batchSize: Math.min(32, images), rng: rng.fork('images') })) {
    const read: { node: MixingNode; input: tf.Tensor }[] = []
    try {
      tf.tidy(() => {
        network.observe(inputs, (node, [input]) => {
          if (input && readers.has(node.name)) read.push({ node: node as MixingNode, input: tf.keep(tf.clone(input)) })
        })
      })
      const batch = Math.min(inputs.shape[0] as number, images - seen)
      for (const { node, input } of read) {
        const map = (await input.data()) as Float32Array
        const channels = input.shape.at(-1) as number
        const [height, width] = input.rank === 4 ? (input.shape.slice(1, 3) as [number, number]) : [1, 1]
        const { top, left, rows, columns } = firstRead(node, [height, width])
        const stride = node.op === 'dense' ? 1 : node.stride
        const size = node.kernel.data.length / (node.kernel.shape.at(-1) as number)
        const each = Math.min(points, rows * columns)
        const most = Math.min(images, data.size) * each
        const known: Collected =
          calibration.get(node.name) ??
          (size > most
            ? { size, rows: new Float32Array(most * size), count: 0 }
            : { size, gram: new Float64Array(size * size) })
        calibration.set(node.name, known)
        for (let image = 0; image < batch; image++)
          for (let point = 0; point < each; point++) {
            const [y, x] = [positions.int(rows), positions.int(columns)]
            const base = image * height * width * channels
            const place = [top + y * stride, left + x * stride] as const
            const row = patch(node, map, [height, width, channels], base, ...place)
            if ('gram' in known) addOuterProduct(known.gram, row)
            else known.rows.set(row, known.count++ * size)
          }
      }
      seen += batch
    } finally {
      tf.dispose([inputs, targets, ...read.map(({ input }) => input)])
    }
    if (seen >= images) break
  }
  if (seen === 0) throw error('ARCHLOOM_CACP_CALIBRATION', { received: 0, expected: 'at least one' })
  return calibration
}
