import type { NetworkCost } from '../../core/trainer.ts'
import type { Coupling } from './prunable-channels.ts'
import { channelsIn, channelsOut, hasKernel, isMixing, type KernelNode, type LayerGraph } from './prunable-graph.ts'
import { graphShapes } from './prunable-shapes.ts'

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1)

/** Kernel area times output positions: the multiply-adds of one pair of channels. */
const perPair = (node: KernelNode, output: readonly number[]) =>
  product(node.kernel.shape.slice(0, -2)) * product(output.slice(0, -1))

/**
 * Multiply-adds for one image (convolutions and dense layers; bias, normalisation, activation and pooling do not
 * count) and parameters (kernels, biases, affine normalisations).
 */
export function graphCost(graph: LayerGraph): NetworkCost {
  const shapes = graphShapes(graph)
  let [multiplyAdds, parameters] = [0, 0]
  for (const node of graph.nodes) {
    if (node.op === 'batch-norm') parameters += (node.gamma?.data.length ?? 0) + (node.beta?.data.length ?? 0)
    if (!hasKernel(node)) continue
    parameters += node.kernel.data.length + (node.bias?.data.length ?? 0)
    multiplyAdds += multiplyAddsOf(node, shapes.get(node.name) as readonly number[])
  }
  return { multiplyAdds, parameters }
}

function multiplyAddsOf(node: KernelNode, output: readonly number[]): number {
  if (isMixing(node)) return perPair(node, output) * channelsIn(node) * channelsOut(node)
  return perPair(node, output) * product(node.kernel.shape.slice(2))
}

/** Number of channels as a function of how many each group keeps: fixed + Σ times[g] · kept[g]. */
interface ChannelCount {
  readonly fixed: number
  readonly times: readonly (readonly [group: number, times: number])[]
}

const countAt = ({ fixed, times }: ChannelCount, kept: readonly number[]) =>
  times.reduce((sum, [group, n]) => sum + n * kept[group]!, fixed)

/** Cost of a pruned network as a function of the number of channels that each group keeps. */
export interface PrunedCost {
  /** Number of channels of each group in the unpruned network. */
  readonly whole: readonly number[]
  multiplyAdds(kept: readonly number[]): number
}

/** Computes the cost of any pruning without slicing the graph. It equals `graphCost` of the sliced graph. */
export function prunedCost(graph: LayerGraph, { classes, groups }: Coupling): PrunedCost {
  const shapes = graphShapes(graph)
  const groupOf = new Map(groups.flatMap(({ channels }, g) => channels.map((channel) => [channel, g] as const)))
  const counted = (name: string): ChannelCount => {
    const occurrences = new Map<number, number>()
    let fixed = 0
    for (const channel of classes.get(name) as Int32Array) {
      const group = groupOf.get(channel)
      if (group === undefined) fixed++
      else occurrences.set(group, (occurrences.get(group) ?? 0) + 1)
    }
    // Every channel of a group occurs equally often.
    const times = [...occurrences].map(([g, n]) => [g, n / (groups[g]?.channels.length as number)] as const)
    return { fixed, times }
  }
  const one: ChannelCount = { fixed: 1, times: [] }
  const terms = graph.nodes.flatMap((node) => {
    if (!hasKernel(node)) return []
    const input = isMixing(node) ? counted(node.inputs[0] as string) : one
    return [{ pair: perPair(node, shapes.get(node.name) as readonly number[]), input, output: counted(node.name) }]
  })
  return {
    whole: groups.map(({ channels }) => channels.length),
    multiplyAdds: (kept) =>
      terms.reduce((sum, { pair, input, output }) => sum + pair * countAt(input, kept) * countAt(output, kept), 0),
  }
}
