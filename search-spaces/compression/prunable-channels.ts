import { error } from './prunable-errors.ts'
import { channelsOut, type GraphNode, INPUT, isMixing, type LayerGraph } from './prunable-graph.ts'
import { graphShapes } from './prunable-shapes.ts'

/** Channels that can be pruned one by one. Pruning one also removes the channels of other layers that it is tied to. */
export interface ChannelGroup {
  /** The first layer that produces these channels. */
  readonly name: string
  /** The class of each channel, in the order of that layer's filters. Tied channels have the same class. */
  readonly channels: readonly number[]
  /** Convolutions and dense layers that write the channels; more than one if additions tie them. */
  readonly producers: readonly string[]
  /** Convolutions and dense layers that read them. */
  readonly consumers: readonly string[]
}

/** Which channels of a network belong together. */
export interface Coupling {
  /** For every node (and the input), the class of each output channel. Channels of one class are removed together. */
  readonly classes: ReadonlyMap<string, Int32Array>
  /** Number of classes. */
  readonly count: number
  /** The groups, in the order of their first readers. Channels of the network's input and output belong to no group. */
  readonly groups: readonly ChannelGroup[]
}

/** Disjoint sets of channels. */
class Ties {
  readonly #parent: number[] = []
  make(count: number): Int32Array {
    return Int32Array.from({ length: count }, () => this.#parent.push(this.#parent.length) - 1)
  }
  root(channel: number): number {
    let at = channel
    while (this.#parent[at] !== at) {
      // Path halving keeps later look-ups short.
      this.#parent[at] = this.#parent[this.#parent[at] as number] as number
      at = this.#parent[at] as number
    }
    return at
  }
  join(a: number, b: number): void {
    const [first, second] = [this.root(a), this.root(b)]
    this.#parent[Math.max(first, second)] = Math.min(first, second)
  }
}

/** Channels of a node's output: new ones if it mixes channels, otherwise those of its input. */
function outputChannels(node: GraphNode, inputs: readonly Int32Array[], positions: number, ties: Ties): Int32Array {
  const first = inputs[0] as Int32Array
  switch (node.op) {
    case 'convolution':
    case 'dense':
      return ties.make(channelsOut(node))
    case 'zeros':
      return ties.make(node.shape.at(-1) as number)
    case 'depthwise-convolution': {
      const multiplier = node.kernel.shape[3] as number
      return Int32Array.from(
        { length: first.length * multiplier },
        (_, i) => first[Math.floor(i / multiplier)] as number,
      )
    }
    case 'pad-channels':
      return Int32Array.from([...ties.make(node.before), ...first, ...ties.make(node.after)])
    case 'flatten':
      return Int32Array.from({ length: first.length * positions }, (_, i) => first[i % first.length] as number)
    case 'concat':
      return Int32Array.from(inputs.flatMap((channels) => [...channels]))
    case 'add':
      for (const other of inputs.slice(1))
        for (const [i, channel] of other.entries()) ties.join(channel, first[i] as number)
      return first
    default:
      return first
  }
}

/** How often each class occurs. */
const occurrences = (classes: Int32Array) => {
  const counts = new Map<number, number>()
  for (const each of classes) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}

/**
 * Ties channels through a network: additions tie channels in pairs; depthwise convolutions, normalisations and pooling
 * keep them; concatenations join them. Any network of layers is supported. A residual stream becomes one group with
 * many producers, and the inside of a block becomes a separate group. Error: ARCHLOOM_PRUNABLE_GRAPH.
 */
export function coupleChannels(graph: LayerGraph): Coupling {
  const shapes = graphShapes(graph)
  const ties = new Ties()
  const raw = new Map<string, Int32Array>([[INPUT, ties.make(graph.inputShape.at(-1) as number)]])
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => raw.get(name) as Int32Array)
    const before = shapes.get(node.inputs[0] ?? '') ?? []
    const positions = before.slice(0, -1).reduce((product, size) => product * size, 1)
    raw.set(node.name, outputChannels(node, inputs, positions, ties))
  }
  // Later nodes may add ties, so the roots are final only now.
  const numbers = new Map<number, number>()
  const classOf = (channel: number) => {
    const root = ties.root(channel)
    if (!numbers.has(root)) numbers.set(root, numbers.size)
    return numbers.get(root) as number
  }
  const classes = new Map([...raw].map(([name, channels]) => [name, channels.map(classOf)]))
  return { classes, count: numbers.size, groups: groupsOf(graph, classes) }
}

function groupsOf(graph: LayerGraph, classes: ReadonlyMap<string, Int32Array>): ChannelGroup[] {
  const of = (name: string) => classes.get(name) as Int32Array
  const fixed = new Set([...of(INPUT), ...of(graph.output)])
  const producers = new Map<number, string[]>()
  const consumers = new Map<number, string[]>()
  const firstReader = new Map<number, number>()
  const usedAs = new Map<number, string>()
  graph.nodes.forEach((node, at) => {
    if (!isMixing(node)) return
    for (const channel of of(node.name)) producers.set(channel, [...(producers.get(channel) ?? []), node.name])
    for (const [channel, times] of occurrences(of(node.inputs[0] as string))) {
      consumers.set(channel, [...(consumers.get(channel) ?? []), node.name])
      // A channel that one layer reads n times costs n times as much. Only channels with equal costs share a group.
      usedAs.set(channel, `${usedAs.get(channel) ?? ''} ${node.name}×${times}`)
      if (!firstReader.has(channel)) firstReader.set(channel, at)
    }
  })
  const groups = new Map<string, number[]>()
  for (const [channel, names] of producers) {
    if (fixed.has(channel) || !consumers.has(channel)) continue
    const key = `${names.join(' ')} →${usedAs.get(channel)}`
    groups.set(key, [...(groups.get(key) ?? []), channel])
  }
  const order = ({ channels }: ChannelGroup) => firstReader.get(channels[0]!) as number
  return [...groups.values()]
    .map((channels): ChannelGroup => {
      const one = channels[0] as number
      const own = producers.get(one) as string[]
      return { name: own[0] as string, channels, producers: own, consumers: consumers.get(one) as string[] }
    })
    .sort((a, b) => order(a) - order(b))
}

/** Which channels of each group are kept: ascending positions in the group, at least one. */
export type KeptChannels = readonly (readonly number[])[]

/** Whether each class is kept. Error: ARCHLOOM_PRUNABLE_KEEP. */
export function keptClasses({ groups, count }: Pick<Coupling, 'groups' | 'count'>, kept: KeptChannels): Uint8Array {
  const stays = new Uint8Array(count).fill(1)
  groups.forEach(({ name, channels }, index) => {
    const received = kept[index]
    const valid =
      Array.isArray(received) &&
      received.length > 0 &&
      received.every(
        (position, i) => Number.isInteger(position) && position > (received[i - 1] ?? -1) && position < channels.length,
      )
    if (!valid)
      throw error('ARCHLOOM_PRUNABLE_KEEP', {
        group: name,
        received,
        expected: `one or more ascending whole numbers from 0 to ${channels.length - 1}`,
      })
    for (const channel of channels) stays[channel] = 0
    for (const position of received) stays[channels[position] as number] = 1
  })
  return stays
}

/** Positions of the kept channels in a node's output. */
export const keptPositions = (classes: Int32Array, stays: Uint8Array): number[] =>
  [...classes].flatMap((channel, position) => (stays[channel] ? [position] : []))
