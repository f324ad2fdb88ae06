import type * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../core/index.ts'
import { replaceFile } from '../../core/node/files.ts'
import { optionError } from '../../core/options/index.ts'
import { type Trace, traceForwards } from '../../evaluators/profile/index.ts'
import { type Calibration, calibrationBatches, rangesOf } from './calibrate.ts'
import { encode, OPSET } from './encode.ts'
import { error, SizeFixed } from './errors.ts'
import { foldAffine, foldPadding, shareConstants } from './fold.ts'
import type { OnnxGraph } from './graph.ts'
import type { Range } from './grids.ts'
import { exportOptions } from './options.ts'
import { plannedValues, planQuantisation, type QuantiseBits, type QuantisedLayer, quantise } from './quantise.ts'
import { translate } from './translate.ts'

/** A network, or a super-resolution network, which takes images of any size. */
export type Exportable = Pick<Network, 'inputShape' | 'trainable' | 'state' | 'apply'> & {
  upscale?(lr: tf.Tensor, mode: { training: boolean }): tf.Tensor
}

export interface ExportOptions {
  /** Path of the file to write; missing folders are created. Absent: only bytes are returned. */
  readonly file?: string
  /**
   * Shape of one input, without the batch. Default: that of the network; another shape is only for networks with
   * `upscale`.
   */
  readonly input?: readonly number[]
  /** Folds batch normalisation into the preceding convolutions. Default true. */
  readonly foldBatchNorm?: boolean
  /** Weights and activations as integers. Default: float. */
  readonly quantise?: QuantiseOptions
  /**
   * Leaves height and width open, for networks with `upscale`; true refuses networks that fix the size. Default: open
   * where the network allows it, unless `input` states a size.
   */
  readonly dynamicSize?: boolean
}

export interface QuantiseOptions extends QuantiseBits {
  /** Inputs from which the ranges of activations are computed; not needed if activations stay at 32 bits. */
  readonly calibration?: Calibration
  /** Maximum number of these inputs that are used. Default 64. */
  readonly images?: number
}

export interface ExportReport {
  /** The requested bits of a quantised file and how they are represented, layer by layer. */
  readonly quantised?: readonly QuantisedLayer[]
  readonly file?: string
  readonly bytes: number
  readonly opset: number
  /** Number of nodes by operator. */
  readonly operators: Readonly<Record<string, number>>
  /** 'batch', or the number that the file is fixed to, and why. */
  readonly batch: 'open' | { readonly fixed: number; readonly reason: string }
  readonly size: 'open' | readonly number[]
  /** Why the size of a network with `upscale` is fixed although it was to be open where possible. */
  readonly sizeReason?: string
}

export interface Exported {
  readonly model: Uint8Array<ArrayBuffer>
  readonly graph: OnnxGraph
  readonly report: ExportReport
}

/** The batch sizes that are traced; sizes that differ between them depend on the batch. */
const batches = [1, 2] as const

/**
 * A network in evaluation mode as an ONNX file (opset 21): inputs and outputs in tfjs's order [batch, height, width,
 * channels], weights as constants. One forward pass is traced on the current engine for two sizes of the batch, and of
 * the image where that stays open.
 * Errors: ARCHLOOM_ONNX_KERNEL_UNSUPPORTED, ARCHLOOM_ONNX_KERNEL_FORM, ARCHLOOM_ONNX_NOT_FINITE, ARCHLOOM_OPTION,
 * ARCHLOOM_ONNX_SIZE_FIXED, ARCHLOOM_ONNX_CALIBRATION.
 */
export async function exportOnnx(network: Exportable, given: ExportOptions = {}): Promise<Exported> {
  const options = exportOptions.read(given)
  const { graph, ...open } = await graphOf(network, options)
  const { quantise: bits } = options
  const quantised = bits && (await quantiseGraph(graph, bits, checkedInput(network, options)))
  return written(graph, { ...open, ...(quantised && { quantised }) }, options.file)
}

/** Rewrites a float graph with integers. Errors: ARCHLOOM_ONNX_CALIBRATION, ARCHLOOM_OPTION. */
export async function quantiseGraph(
  graph: OnnxGraph,
  options: QuantiseOptions,
  input: readonly number[],
): Promise<QuantisedLayer[]> {
  const values = plannedValues(planQuantisation(graph, options))
  const { images = 64 } = options
  const ranges =
    values.length === 0
      ? new Map<string, Range>()
      : await rangesOf(graph, values, await calibrationBatches(options.calibration, input, images))
  const layers = quantise(graph, options, ranges)
  shareConstants(graph)
  return layers
}

export interface OpenGraph extends Pick<ExportReport, 'batch' | 'size' | 'sizeReason'> {
  readonly graph: OnnxGraph
}

/** The folded graph of a network, before it is written. */
export async function graphOf(network: Exportable, options: Omit<ExportOptions, 'file'> = {}): Promise<OpenGraph> {
  const input = checkedInput(network, options)
  const variables = [...network.trainable, ...network.state]
  const upscale = network.upscale?.bind(network)
  const forward = (x: tf.Tensor) => (upscale ? upscale(x, { training: false }) : network.apply(x, { training: false }))
  const [height = 1, width = 1, ...rest] = input
  const larger = [height + 1, width + 2, ...rest]
  const { foldBatchNorm = true, dynamicSize = upscale !== undefined && options.input === undefined } = options
  const traced = async (shapes: readonly (readonly number[])[]) => {
    const graph = translate(await traceForwards(forward, shapes, variables))
    foldAffine(graph, { scales: foldBatchNorm })
    foldPadding(graph)
    shareConstants(graph)
    return graph
  }
  const either = batches.map((batch) => [batch, ...input])
  let sizeReason: string | undefined
  if (dynamicSize)
    try {
      return { graph: await traced([...either, [batches[0], ...larger]]), batch: 'open', size: 'open' }
    } catch (thrown) {
      if (!(thrown instanceof SizeFixed)) throw thrown
      if (options.dynamicSize) throw error('ARCHLOOM_ONNX_SIZE_FIXED', { reason: thrown.message }, { cause: thrown })
      sizeReason = thrown.message
    }
  const size = { size: input, ...(sizeReason !== undefined && { sizeReason }) }
  try {
    return { graph: await traced(either), batch: 'open', ...size }
  } catch (thrown) {
    if (!(thrown instanceof SizeFixed)) throw thrown
    const graph = await traced([1, 1].map((batch) => [batch, ...input]))
    return { graph, batch: { fixed: 1, reason: thrown.message }, ...size }
  }
}

function checkedInput(network: Exportable, { input, dynamicSize }: ExportOptions): readonly number[] {
  const shape = input ?? network.inputShape
  const other = `${shape}` !== `${network.inputShape}`
  const free = typeof network.upscale === 'function'
  if (shape.some((size) => !Number.isInteger(size) || size < 1) || (other && !free))
    throw optionError(
      'onnx',
      'input',
      shape,
      free ? 'a list of positive sizes' : `[${network.inputShape}], the shape that the network was built for`,
    )
  if (dynamicSize && !free)
    throw optionError('onnx', 'dynamicSize', dynamicSize, 'false for a network of one input shape')
  return shape
}

/** The file of a graph, and a report on its content. */
export async function written(
  graph: OnnxGraph,
  parts: Pick<ExportReport, 'batch' | 'size' | 'sizeReason' | 'quantised'>,
  file?: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<Exported> {
  const model = encode(graph, { layout: 'NHWC', ...properties })
  const operators: Record<string, number> = {}
  for (const { op } of graph.nodes) operators[op] = (operators[op] ?? 0) + 1
  if (file !== undefined) await replaceFile(file, model)
  const report = { ...(file !== undefined && { file }), bytes: model.length, opset: OPSET, operators, ...parts }
  return { model, graph, report }
}

export type { Trace }
