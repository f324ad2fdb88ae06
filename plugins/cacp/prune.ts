import {
  channelsIn,
  type GraphNode,
  isMixing,
  type KeptChannels,
  keptClasses,
  keptPositions,
  type LayerGraph,
  type MixingNode,
  type PruningProblem,
  sliceGraph,
  sliceKernel,
  type Weights,
} from '../../search-spaces/compression/prunable.ts'
import type { Calibration, LayerInputs } from './calibration.ts'
import { reconstruct, reconstructFromRows } from './normal-equations.ts'

/** The importance of each channel of a group: Σ |W| over the weights of all layers that read it. */
export function channelImportance({ graph, coupling }: PruningProblem, group: number): Float64Array {
  const { channels, consumers } = coupling.groups[group] as (typeof coupling.groups)[number]
  const placeOf = new Map(channels.map((channel, place) => [channel, place]))
  const importance = new Float64Array(channels.length)
  for (const node of graph.nodes) {
    if (!isMixing(node) || !consumers.includes(node.name)) continue
    const classes = coupling.classes.get(node.inputs[0] as string) as Int32Array
    const { data, shape } = node.kernel
    const columns = shape.at(-1) as number
    for (let at = 0; at < data.length; at++) {
      const place = placeOf.get(classes[Math.floor(at / columns) % classes.length]!)
      if (place !== undefined) importance[place] = importance[place]! + Math.abs(data[at]!)
    }
  }
  return importance
}

/** Positions of the largest values in ascending order; among equal values the first. */
export const largest = (values: ArrayLike<number>, count: number): number[] =>
  Array.from(values, (value, place) => ({ value, place }))
    .sort((a, b) => b.value - a.value || a.place - b.place)
    .slice(0, count)
    .map(({ place }) => place)
    .sort((a, b) => a - b)

/** The channels that every group of the network keeps if choice i keeps its counts[i] most important ones. */
export function selectChannels(problem: PruningProblem, counts: readonly number[]): KeptChannels {
  const kept = problem.coupling.groups.map(({ channels }) => channels.map((_, place) => place))
  for (const [i, { group }] of problem.choices.entries())
    kept[group] = largest(channelImportance(problem, group), counts[i] as number)
  return kept
}

/** Ridge that pulls new weights towards the old ones, as a share of the mean diagonal of XᵀX. */
const RIDGE = 1e-4

/**
 * Computes new kernels, with which the outputs of each reader from its kept inputs are close to those from all inputs.
 */
function reconstructed(problem: PruningProblem, kept: KeptChannels, calibration: Calibration) {
  const { graph, coupling } = problem
  const stays = keptClasses(coupling, kept)
  const kernels = new Map<string, Weights>()
  for (const node of graph.nodes) {
    const known = calibration.get(node.name)
    if (!known || !isMixing(node)) continue
    const places = (name: string) => keptPositions(coupling.classes.get(name) as Int32Array, stays)
    const [inputs, outputs] = [places(node.inputs[0] as string), places(node.name)]
    const channels = channelsIn(node)
    if (inputs.length === channels) continue
    kernels.set(node.name, newKernel(node, calibration, known, inputs, outputs))
  }
  return kernels
}

/**
 * A cache of new kernels by reader and kept inputs. Agents often return to the same numbers of channels, so each
 * system is solved once, for all outputs of the reader.
 */
const solved = new WeakMap<Calibration, { readonly kernels: Map<string, Float32Array>; bytes: number }>()
const MOST_BYTES = 256 * 1024 * 1024

function newKernel(
  { name, kernel }: MixingNode,
  calibration: Calibration,
  known: LayerInputs,
  inputs: readonly number[],
  outputs: readonly number[],
): Weights {
  const [channels, filters] = [kernel.shape.at(-2)!, kernel.shape.at(-1)!]
  const memory = solved.get(calibration) ?? { kernels: new Map(), bytes: 0 }
  solved.set(calibration, memory)
  const key = `${inputs.join()} ${name}`
  let data = memory.kernels.get(key)
  if (data === undefined) {
    const field = known.size / channels
    const rows = Array.from({ length: field }, (_, f) => inputs.map((input) => f * channels + input)).flat()
    const old = Float64Array.from(kernel.data)
    data = Float32Array.from(
      'gram' in known
        ? reconstruct(known.gram, known.size, old, filters, rows, RIDGE)
        : reconstructFromRows(known.rows, known.count, known.size, old, filters, rows, RIDGE),
    )
    memory.bytes += data.byteLength
    for (const [first, { byteLength }] of memory.kernels) {
      if (memory.bytes <= MOST_BYTES) break
      memory.kernels.delete(first)
      memory.bytes -= byteLength
    }
    memory.kernels.set(key, data)
  }
  const shape = [...kernel.shape.slice(0, -2), inputs.length, filters]
  return sliceKernel({ shape, data }, Array.from(inputs.keys()), outputs)
}

/**
 * Prunes the network so that choice i keeps its counts[i] most important channels. With a calibration, the layers that
 * read fewer channels get new weights by least squares. Statistics of normalisations are not recomputed.
 */
export function pruneChannels(
  problem: PruningProblem,
  counts: readonly number[],
  calibration?: Calibration,
): LayerGraph {
  const kept = selectChannels(problem, counts)
  const sliced = sliceGraph(problem.graph, problem.coupling, kept)
  if (!calibration) return sliced
  const kernels = reconstructed(problem, kept, calibration)
  const nodes = sliced.nodes.map((node): GraphNode => {
    const kernel = kernels.get(node.name)
    return kernel && isMixing(node) ? { ...node, kernel } : node
  })
  return { ...sliced, nodes }
}
