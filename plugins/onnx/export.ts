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
  /** Where the file is written; folders are made. Absent: bytes only. */
  readonly file?: string
  /** Shape of one input, without the batch. Default: the network's; another is for networks with `upscale` only. */
  readonly input?: readonly number[]
  /** Batch normalisation goes into the convolutions before it. Default true. */
  readonly foldBatchNorm?: boolean
  /** Weights and activations as integers. Default: float. */
  readonly quantise?: QuantiseOptions
  /** Height and width stay open too, for networks with `upscale`. Default false. */
  readonly dynamicSize?: boolean
}

export interface QuantiseOptions extends QuantiseBits {
  /** Inputs by which ranges of activations are chosen; not needed where activations stay at 32 bits. */
  readonly calibration?: Calibration
  /** Of those, at most so many. Default 64. */
  readonly images?: number
}

export interface ExportReport {
  /** Bits asked for and how they are carried, layer by layer, of a quantised file. */
  readonly quantised?: readonly QuantisedLayer[]
  readonly file?: string
  readonly bytes: number
  readonly opset: number
  /** Nodes by operator. */
  readonly operators: Readonly<Record<string, number>>
  /** 'batch', or the number that the file is fixed to, and why. */
  readonly batch: 'open' | { readonly fixed: number; readonly reason: string }
  readonly size: 'open' | readonly number[]
}

export interface Exported {
  readonly model: Uint8Array<ArrayBuffer>
  readonly graph: OnnxGraph
  readonly report: ExportReport
}

/** Sizes of the batch that are tried: what differs between them depends on the batch. */
const batches = [1, 2] as const

/**
 * A network in evaluation mode as an ONNX file (opset 21): inputs and outputs in tfjs's order [batch, height, width,
 * channels], weights as constants. One forward pass is traced on the current engine for two sizes of the batch.
 * Errors: ARCHLOOM_ONNX_KERNEL_UNSUPPORTED, ARCHLOOM_ONNX_KERNEL_FORM, ARCHLOOM_ONNX_NOT_FINITE, ARCHLOOM_OPTION,
 * ARCHLOOM_ONNX_SIZE_FIXED, ARCHLOOM_ONNX_CALIBRATION.
 */
export async function exportOnnx(network: Exportable, given: ExportOptions = {}): Promise<Exported> {
  const options = exportOptions.read(given)
  const { graph, batch, size } = await graphOf(network, options)
  const { quantise: bits } = options
  const quantised = bits && (await quantiseGraph(graph, bits, checkedInput(network, options)))
  return written(graph, { batch, size, ...(quantised && { quantised }) }, options.file)
}

/** Rewrites a float graph in integers. Errors: ARCHLOOM_ONNX_CALIBRATION, ARCHLOOM_OPTION. */
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

export interface OpenGraph extends Pick<ExportReport, 'batch' | 'size'> {
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
  const shapes = [
    ...batches.map((batch) => [batch, ...input]),
    ...(options.dynamicSize ? [[batches[0], ...larger]] : []),
  ]
  const traces = await traceForwards(forward, shapes, variables)
  const { foldBatchNorm = true } = options
  const finish = (graph: OnnxGraph) => {
    foldAffine(graph, { scales: foldBatchNorm })
    foldPadding(graph)
    shareConstants(graph)
    return graph
  }
  const size = options.dynamicSize ? 'open' : input
  try {
    return { graph: finish(translate(traces)), batch: 'open', size }
  } catch (thrown) {
    if (!(thrown instanceof SizeFixed)) throw thrown
    if (options.dynamicSize) throw error('ARCHLOOM_ONNX_SIZE_FIXED', { reason: thrown.message }, { cause: thrown })
    const single = await traceForwards(
      forward,
      [1, 1].map((batch) => [batch, ...input]),
      variables,
    )
    return { graph: finish(translate(single)), batch: { fixed: 1, reason: thrown.message }, size }
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

/** The file of a graph, and what is in it. */
export async function written(
  graph: OnnxGraph,
  parts: Pick<ExportReport, 'batch' | 'size' | 'quantised'>,
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
