import { optionError, optionNames } from '../../core/options/index.ts'
import { type Ladder, nestedLadder, PAPER_LADDER } from './ladder.ts'
import { type Coupling, coupleChannels } from './prunable-channels.ts'
import { type GraphNode, hasKernel, INPUT, isMixing, type KernelNode, type LayerGraph } from './prunable-graph.ts'
import { graphShapes } from './prunable-shapes.ts'
import { error } from './super-bit-errors.ts'

export interface PruneOptions {
  /** Filters that are kept or pruned together (B). Must divide the filters of every prunable layer. Default 4. */
  readonly groupSize?: number
  /** Largest share of a layer's groups that may go; at least one group may, and one stays. Default 0.5. */
  readonly mostPruned?: number
  /** Layers whose filters are no multiple of the group: refused, or left as they are. Default 'refuse'. */
  readonly oddLayers?: 'refuse' | 'keep'
}

export interface SuperBitOptions {
  /** Candidate bit-widths of weights and activations. Default [2, 4, 8]. */
  readonly ladder?: readonly number[]
  /** false: everything stays at 32 bits, filters alone are searched (ABS-P). Default true. */
  readonly quantise?: boolean
  /** false: bits alone are searched (ABS-Q). Default groups of 4, at most half of them pruned. */
  readonly prune?: PruneOptions | false
  /** Bits of the first and the last layer, which are not searched. Default 8. */
  readonly edgeBits?: number
}

/** A layer with a kernel, and what is searched in it. */
export interface BitLayer {
  readonly name: string
  /** The first layer reads the network's input, which stays in floating point but is counted at `edgeBits`. */
  readonly role: 'first' | 'inner' | 'last'
  /** Whether its input may be negative, so that activations are quantised symmetrically, like weights. */
  readonly signed: boolean
  /** Multiply-adds of one pair of channels: kernel area times output positions. */
  readonly perPair: number
  /** Number of input channels that one filter reads (1 for depthwise convolutions), and number of filters. */
  readonly inputs: number
  readonly outputs: number
  /** Index of the group of filters that its input, or its output, consists of. */
  readonly inputGroup?: number
  readonly outputGroup?: number
}

/** Filters of one layer that may be pruned, together with the input channels of the layers that read them. */
export interface FilterGroups {
  /** Name of the layer with these filters. */
  readonly name: string
  readonly filters: number
  readonly groupSize: number
  /** Number of groups. */
  readonly count: number
  /** Maximum number of pruned groups (n in the clamp of eq. (14)). */
  readonly mostPruned: number
  /** Index in the groups of the coupling. */
  readonly coupled: number
}

/** The choices of ABS in a network, and their costs. */
export interface SuperBitPlan {
  readonly graph: LayerGraph
  readonly coupling: Coupling
  readonly ladder: Ladder
  readonly quantised: boolean
  readonly edgeBits: number
  readonly layers: readonly BitLayer[]
  readonly groups: readonly FilterGroups[]
  /** Layers that could be pruned if the group size divided their filters, and are left as they are. */
  readonly oddLayers: readonly string[]
  /** BOPs at 32 bits everywhere, nothing pruned. */
  readonly fullBops: number
}

/** Bits of a layer's weights and of its input; 32 is floating point. */
export interface LayerBits {
  readonly weights: number
  readonly activations: number
}

/** One point of the space. */
export interface BitChoice {
  /** One entry per layer of the plan. */
  readonly bits: readonly LayerBits[]
  /** Kept groups of filters: one list of ascending indices per prunable layer. */
  readonly kept: readonly (readonly number[])[]
}

/** Bits of a float. */
export const FLOAT_BITS = 32

const superBitPlanNames = optionNames<SuperBitOptions>('superBitPlan', {
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
})

/**
 * Finds the layers whose bits are searched (all layers with a kernel except the first and the last) and the filters
 * that can be pruned: those of convolutions whose output no other layer writes and whose channels are read only as a
 * whole, such as the first convolutions of residual blocks. Errors: ARCHLOOM_SUPER_BIT_LADDER, _GROUPS, _OPTION,
 * _NETWORK.
 */
export function superBitPlan(graph: LayerGraph, options: SuperBitOptions = {}): SuperBitPlan {
  superBitPlanNames(options)
  const { quantise = true, edgeBits = 8, prune = {} } = options
  const ladder = nestedLadder(options.ladder ?? PAPER_LADDER)
  if (!Number.isInteger(edgeBits) || edgeBits < 1 || edgeBits > 16)
    throw refuse('edgeBits', edgeBits, 'a whole number from 1 to 16')
  if (!quantise && prune === false)
    throw refuse('prune', prune, 'other options: with quantise false, nothing is searched')
  const shapes = graphShapes(graph)
  const coupling = coupleChannels(graph)
  const nodes = graph.nodes.filter(hasKernel)
  if (nodes.length < 3)
    throw error('ARCHLOOM_SUPER_BIT_NETWORK', {
      received: `has ${nodes.length} layers with a kernel`,
      expected: 'three or more, because the first and the last are not searched',
    })
  const oddLayers: string[] = []
  const groups = prune === false ? [] : filterGroups(graph, coupling, nodes, prune, oddLayers)
  const groupOf = (name: string) => {
    const [channel] = coupling.classes.get(name) as Int32Array
    const index = groups.findIndex(({ coupled }) => coupling.groups[coupled]?.channels.includes(channel as number))
    return index === -1 ? undefined : index
  }
  const positive = positiveNodes(graph)
  const layers = nodes.map((node, at): BitLayer => {
    const area = product(node.kernel.shape.slice(0, -2))
    const output = shapes.get(node.name) as readonly number[]
    const [input, own] = [groupOf(node.inputs[0] as string), groupOf(node.name)]
    return {
      name: node.name,
      role: at === 0 ? 'first' : at === nodes.length - 1 ? 'last' : 'inner',
      signed: !positive.has(node.inputs[0] as string),
      perPair: area * product(output.slice(0, -1)),
      inputs: isMixing(node) ? (node.kernel.shape.at(-2) as number) : 1,
      outputs: output.at(-1) as number,
      ...(isMixing(node) && input !== undefined && { inputGroup: input }),
      ...(own !== undefined && { outputGroup: own }),
    }
  })
  const fullBops = layers.reduce((sum, { perPair, inputs, outputs }) => sum + perPair * inputs * outputs, 0)
  return {
    graph,
    coupling,
    ladder,
    quantised: quantise,
    edgeBits,
    layers,
    groups,
    oddLayers,
    fullBops: fullBops * FLOAT_BITS * FLOAT_BITS,
  }
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1)

const refuse = (option: string, received: unknown, expected: string) =>
  optionError('compression', option, received, expected)

function filterGroups(
  graph: LayerGraph,
  coupling: Coupling,
  nodes: readonly KernelNode[],
  { groupSize = 4, mostPruned = 0.5, oddLayers = 'refuse' }: PruneOptions,
  left: string[],
): FilterGroups[] {
  if (oddLayers !== 'refuse' && oddLayers !== 'keep') throw refuse('oddLayers', oddLayers, "'refuse' or 'keep'")
  if (!Number.isInteger(groupSize) || groupSize < 1) throw refuse('groupSize', groupSize, 'a positive whole number')
  if (!(mostPruned > 0 && mostPruned <= 1)) throw refuse('mostPruned', mostPruned, 'a share in (0, 1]')
  const first = nodes[0]?.name
  const groups = coupling.groups.flatMap(({ name, channels, producers }, coupled): FilterGroups[] => {
    if (producers.length > 1 || name === first || !readWhole(graph, coupling, channels)) return []
    const filters = channels.length
    const odd = filters % groupSize !== 0 || filters === groupSize
    if (odd && oddLayers === 'keep') {
      left.push(name)
      return []
    }
    if (odd) throw error('ARCHLOOM_SUPER_BIT_GROUPS', { layer: name, filters, groupSize })
    const count = filters / groupSize
    const most = Math.min(count - 1, Math.max(Math.floor((filters * mostPruned) / groupSize), 1))
    return [{ name, filters, groupSize, count, mostPruned: most, coupled }]
  })
  if (groups.length === 0 && oddLayers === 'refuse')
    throw error('ARCHLOOM_SUPER_BIT_NETWORK', {
      received: 'has no filters that can be pruned independently',
      expected: 'convolutions to whose output nothing is added; or set prune: false',
    })
  return groups
}

/** Whether every node with some of these channels has exactly these channels, in this order. */
const readWhole = ({ nodes }: LayerGraph, { classes }: Coupling, channels: readonly number[]) =>
  nodes.every(({ name }) => {
    const own = classes.get(name) as Int32Array
    if (!channels.some((channel) => own.includes(channel))) return true
    return own.length === channels.length && channels.every((channel, i) => own[i] === channel)
  })

/** Names of nodes whose output is never negative. */
function positiveNodes({ nodes }: LayerGraph): ReadonlySet<string> {
  const positive = new Set<string>()
  const neverNegative = ['relu', 'relu6', 'sigmoid', 'softplus']
  const isPositive = (node: GraphNode) => {
    if (node.op === 'activation') return neverNegative.includes(node.activation)
    if (node.op === 'zeros') return true
    if (hasKernel(node) || node.op === 'batch-norm') return false
    return node.inputs.every((name) => name !== INPUT && positive.has(name))
  }
  for (const node of nodes) if (isPositive(node)) positive.add(node.name)
  return positive
}
