import * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { toySpace } from 'archloom/search-spaces/toy'
import { batchNorm, conv2d, network, useEngine, variableScope } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import type { Network } from '../../../core/trainer.ts'
import {
  coupleChannels,
  currentGraph,
  graphCost,
  graphNetwork,
  type LayerGraph,
  layerGraph,
  prunedCost,
  resNetGraph,
  sliceGraph,
  vggGraph,
} from '../../../search-spaces/compression/prunable.ts'

await useEngine('wasm')

const form = { input: [8, 8, 3], classes: 4 }

/** Everything different from its neighbours: fresh normalisations alone would hide exchanged weights. */
function scramble({ trainable, state }: Network): void {
  const rng = seeded(5)
  for (const variable of [...trainable, ...state]) {
    const least = variable.name.endsWith('variance') ? 0.5 : variable.rank > 1 ? -0.4 : -0.5
    const values = Float32Array.from({ length: variable.size }, () => least + rng.float())
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)))
  }
}

const logits = (net: Network, size = 3) =>
  tf.tidy(() => {
    const rng = seeded(9)
    const [height = 1, width = 1, channels = 1] = net.inputShape
    const values = Float32Array.from({ length: size * height * width * channels }, () => rng.normal())
    return net.apply(tf.tensor4d(values, [size, height, width, channels]), { training: false }).dataSync()
  })

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from({ length: a.length }, (_, i) => Math.abs(a[i]! - b[i]!)))

/** Keeps about so much of every group, evenly spread. */
const share = (graph: LayerGraph, part: number) =>
  coupleChannels(graph).groups.map(({ channels }) => {
    const count = Math.max(1, Math.floor(part * channels.length))
    return Array.from({ length: count }, (_, i) => Math.floor((i * channels.length) / count))
  })

const networks: Record<string, () => Network> = {
  toy: () => toySpace().build({ layers: 2, filters: 8, kernel: 3 }, { ...form, rng: seeded(1) }),
  chain: () => {
    const space = chainSpace({ stem: 8, head: 16, stages: [{ widths: [8, 12], depth: { min: 2, max: 2 } }] })
    return space.build(space.decode(space.random(seeded(3))), { ...form, rng: seeded(1) })
  },
  'nas-bench-macro': () => {
    const space = nasBenchMacroSpace({ channels: 4, head: 8 })
    return space.build(space.decode(space.random(seeded(2))), { ...form, rng: seeded(1) })
  },
}
for (const seed of [1, 2, 3, 4])
  networks[`nas-bench-201, ${seed}`] = () => {
    const space = nasBench201Space({ channels: 4, cells: 1 })
    return space.build(space.decode(space.random(seeded(seed))), { ...form, rng: seeded(1) })
  }
for (const stem of ['cifar', 'imagenet'] as const)
  for (const seed of [1, 2])
    networks[`cell, ${stem}, ${seed}`] = () => {
      const space = cellSpace({ nodes: 2, channels: 4, cells: 3, reductions: [1], stem })
      return space.build(space.decode(space.random(seeded(seed))), { ...form, input: [16, 16, 3], rng: seeded(1) })
    }

describe.each(Object.entries(networks))('a network of %s as a layer graph', (_, build) => {
  it('computes what the network computes, costs what its slices cost, and is pruned to a smaller network', async () => {
    const before = tf.memory().numTensors
    const net = build()
    scramble(net)
    const expected = logits(net)
    const graph = await layerGraph(net)
    net[Symbol.dispose]()
    expect(tf.memory().numTensors).toBe(before)

    using again = graphNetwork(graph)
    expect(again.outputShape).toEqual([4])
    expect(furthest(logits(again), expected)).toBeLessThan(1e-4 * Math.max(1, ...expected.map(Math.abs)))

    const coupling = coupleChannels(graph)
    expect(coupling.groups.length).toBeGreaterThan(0)
    const cost = prunedCost(graph, coupling)
    expect(cost.multiplyAdds(cost.whole)).toBe(graphCost(graph).multiplyAdds)
    for (const part of [0.3, 0.6]) {
      const kept = share(graph, part)
      const small = sliceGraph(graph, coupling, kept)
      expect(graphCost(small).multiplyAdds).toBe(cost.multiplyAdds(kept.map(({ length }) => length)))
      expect(graphCost(small).parameters).toBeLessThan(graphCost(graph).parameters)
      using pruned = graphNetwork(small)
      expect(logits(pruned)).toHaveLength(12)
    }
  })
})

describe('coupled channels', () => {
  it('a residual stream is one group, the inside of each block its own', () => {
    const graph = resNetGraph({ depth: 8, widths: [4, 6, 8], size: 8 })
    const groups = coupleChannels(graph).groups
    expect(groups.map(({ name, channels }) => [name, channels.length])).toEqual(
      [
        ['stem', 4],
        ['stage_0_block_0/conv_1', 4],
        ['stage_1_block_0/conv_1', 6],
        ['stage_1_block_0/conv_2', 6],
        ['stage_2_block_0/conv_1', 8],
        ['stage_2_block_0/conv_2', 8],
      ].sort((a, b) => order.indexOf(a[0] as string) - order.indexOf(b[0] as string)),
    )
    expect(groups.find(({ name }) => name === 'stem')?.producers).toEqual(['stem', 'stage_0_block_0/conv_2'])
  })
  const order = [
    'stem',
    'stage_0_block_0/conv_1',
    'stage_1_block_0/conv_1',
    'stage_1_block_0/conv_2',
    'stage_2_block_0/conv_1',
    'stage_2_block_0/conv_2',
  ]

  it('removing channels whose weights are zero changes nothing, whatever they are tied to', async () => {
    for (const shortcut of ['convolution', 'identity'] as const) {
      const graph = resNetGraph({ depth: 8, widths: [4, 6, 8], size: 8, shortcut, rng: seeded(4) })
      const coupling = coupleChannels(graph)
      // The readers of a dropped channel have zero kernels for it: the result cannot depend on it.
      const dropped = new Set(coupling.groups.flatMap(({ channels }) => channels.filter((_, i) => i % 3 === 1)))
      const nodes = graph.nodes.map((node) => {
        if (node.op !== 'convolution' && node.op !== 'dense') return node
        const classes = coupling.classes.get(node.inputs[0] as string) as Int32Array
        const columns = node.kernel.shape.at(-1) as number
        const data = node.kernel.data.map((value, i) =>
          dropped.has(classes[Math.floor(i / columns) % classes.length]!) ? 0 : value,
        )
        return { ...node, kernel: { ...node.kernel, data } }
      })
      const kept = coupling.groups.map(({ channels }) => channels.flatMap((_, i) => (i % 3 === 1 ? [] : [i])))
      using whole = graphNetwork({ ...graph, nodes })
      using pruned = graphNetwork(sliceGraph({ ...graph, nodes }, coupling, kept))
      expect(furthest(logits(whole), logits(pruned))).toBeLessThan(1e-4)
    }
  })

  it('ARCHLOOM_PRUNABLE_KEEP names the group', () => {
    const graph = vggGraph({ layers: [4, 6], size: 8 })
    const coupling = coupleChannels(graph)
    expect(() => sliceGraph(graph, coupling, [[0, 1], []])).toThrow(/ARCHLOOM_PRUNABLE_KEEP.*conv_1/)
    expect(() => sliceGraph(graph, coupling, [[0, 4], [0]])).toThrow(/ARCHLOOM_PRUNABLE_KEEP.*conv_0.*0 to 3/)
    expect(() => sliceGraph(graph, coupling, [[2, 1], [0]])).toThrow(/ARCHLOOM_PRUNABLE_KEEP/)
  })
})

describe('published counts', () => {
  it('CO1 ResNet-56 on CIFAR-10: 125,747,840 multiply-adds, 125,485,696 with identity shortcuts', () => {
    expect(graphCost(resNetGraph({ depth: 56 })).multiplyAdds).toBe(125_747_840)
    expect(graphCost(resNetGraph({ depth: 56, shortcut: 'identity' })).multiplyAdds).toBe(125_485_696)
  })

  it('CO2 the published strategies, read as sparsities of the inner channels of each block', () => {
    const graph = resNetGraph({ depth: 56 })
    const { groups, ...coupling } = coupleChannels(graph)
    const inner = groups.map(({ producers }) => producers.length === 1 && (producers[0] as string).endsWith('conv_1'))
    expect(inner.filter(Boolean)).toHaveLength(27)
    const cost = prunedCost(graph, { groups, ...coupling })
    const repeated = (parts: readonly (readonly [number, number])[]) =>
      parts.flatMap(([value, n]) => Array(n).fill(value))
    // biome-ignore format: one line a rate
    const strategies = {
      0.3: repeated([[0.6875, 7], [0.625, 3], [0.8125, 2], [0.78125, 1], [0.75, 1], [0.71875, 1], [0.6875, 1], [0.65625, 1], [0.625, 1], [0.609375, 1], [0.5, 1], [0.4375, 2], [0.84375, 1], [0.890625, 1], [0.90625, 2], [0.890625, 1]]),
      0.5: repeated([[0.5625, 9], [0.40625, 1], [0.59375, 1], [0.53125, 1], [0.5625, 3], [0.53125, 2], [0.5, 1], [0.359375, 1], [0.484375, 1], [0.453125, 1], [0.46875, 1], [0.4375, 1], [0.40625, 1], [0.390625, 1], [0.375, 1], [0.359375, 1]]),
      0.7: repeated([[0.5, 2], [0.4375, 4], [0.375, 3], [0.40625, 1], [0.28125, 2], [0.25, 4], [0.21875, 2], [0.125, 1], [0.171875, 1], [0.15625, 1], [0.171875, 1], [0.1875, 1], [0.203125, 1], [0.234375, 1], [0.265625, 1], [0.328125, 1]]),
    }
    const counted = Object.values(strategies).map((sparsities: number[]) => {
      expect(sparsities).toHaveLength(27)
      let at = 0
      const kept = groups.map(({ channels }, g) =>
        inner[g] ? Math.round(channels.length * (1 - sparsities[at++]!)) : channels.length,
      )
      return cost.multiplyAdds(kept)
    })
    expect(counted).toEqual([37_771_904, 62_581_376, 88_035_968])
  })

  it('CO3 VGG-16 on CIFAR-10: 313,201,664 multiply-adds, 5,120 of them the classifier', () => {
    const graph = vggGraph()
    expect(graphCost(graph).multiplyAdds).toBe(313_201_664)
    const classifier = graph.nodes.find(({ name }) => name === 'classifier')
    expect(classifier?.op === 'dense' && classifier.kernel.data.length).toBe(5120)
  })

  it('CO4 pruning every second convolution, the count is linear, and that of the sliced network', () => {
    const graph = vggGraph({ layers: [8, 8, 'pool', 16, 16, 'pool', 16, 16], size: 16 })
    const coupling = coupleChannels(graph)
    const cost = prunedCost(graph, coupling)
    const alternate = coupling.groups.map((_, g) => g % 2 === 0)
    const whole = cost.multiplyAdds(cost.whole)
    const unit = coupling.groups.map(
      (_, g) => whole - cost.multiplyAdds(cost.whole.map((count, i) => (i === g ? count - 1 : count))),
    )
    const rng = seeded(3)
    for (let trial = 0; trial < 20; trial++) {
      const counts = cost.whole.map((count, g) => (alternate[g] ? 1 + rng.int(count) : count))
      const linear = counts.reduce((sum, count, g) => sum - unit[g]! * (cost.whole[g]! - count), whole)
      expect(cost.multiplyAdds(counts)).toBe(linear)
      const kept = counts.map((count) => Array.from({ length: count }, (_, i) => i))
      expect(graphCost(sliceGraph(graph, coupling, kept)).multiplyAdds).toBe(linear)
    }
  })
})

describe('a graph as a network', () => {
  it('keeps the ReLU after a normalisation that is replaced by one of the same numbers', () => {
    const graph = vggGraph({ layers: [4, 'pool', 6], size: 8, classes: 3, rng: seeded(1) })
    using whole = graphNetwork(graph)
    using replaced = graphNetwork(graph, (node, scope) =>
      node.op === 'batch-norm'
        ? batchNorm(scope, { channels: node.mean.data.length, epsilon: node.epsilon })
        : undefined,
    )
    expect(furthest(logits(replaced), logits(whole))).toBeLessThan(1e-5)
  })

  it('trains, and gives its weights back', async () => {
    const graph = vggGraph({ layers: [4, 'pool', 6], size: 8, classes: 3, rng: seeded(1) })
    const before = tf.memory().numTensors
    {
      using net = graphNetwork(graph)
      expect(await currentGraph(net)).toEqual(graph)
      tf.tidy(() => {
        const x = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3)
        const { grads } = tf.variableGrads(
          () => tf.sum(net.apply(x, { training: true })) as tf.Scalar,
          [...net.trainable],
        )
        for (const variable of net.trainable) variable.assign(tf.sub(variable, grads[variable.name] as tf.Tensor))
      })
      using again = graphNetwork(await currentGraph(net))
      expect(furthest(logits(again), logits(net))).toBe(0)
      expect(await currentGraph(again)).not.toEqual(graph)
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it('leaves constants of the network unchanged if they are not variables', async () => {
    const scope = variableScope({ rng: seeded(1) })
    const convolve = conv2d(scope, { inputChannels: 3, filters: 4, kernel: 3 })
    const offset = tf.tensor1d([1, 2, 3, 4])
    const apply = (x: tf.Tensor) => tf.mean(tf.add(convolve(x, { training: false }), offset), [1, 2])
    using net = network({ scope, inputShape: [8, 8, 3], outputShape: [4], apply })
    const [node] = (await layerGraph(net)).nodes
    expect(node?.op === 'convolution' && [...(node.bias?.data ?? [])]).toEqual([1, 2, 3, 4])
    expect(offset.isDisposed).toBe(false)
    offset.dispose()
  })

  it('ARCHLOOM_PRUNABLE_GRAPH says what is inconsistent', () => {
    const relu = { op: 'activation', activation: 'relu' } as const
    const graph = (nodes: LayerGraph['nodes'], output = 'a'): LayerGraph => ({ inputShape: [4, 4, 3], nodes, output })
    const cases: readonly (readonly [LayerGraph, RegExp])[] = [
      [graph([{ ...relu, name: 'a', inputs: ['b'] }]), /there is no b before it/],
      [graph([{ ...relu, name: 'a', inputs: [] }]), /no input/],
      [graph([{ ...relu, name: 'a', inputs: ['input'] }], 'z'), /not one of its nodes/],
      [
        graph([
          { ...relu, name: 'a', inputs: ['input'] },
          { ...relu, name: 'a', inputs: ['input'] },
        ]),
        /twice/,
      ],
      [
        graph([{ op: 'dense', kernel: { shape: [3, 1], data: new Float32Array(3) }, name: 'a', inputs: ['input'] }]),
        /features/,
      ],
    ]
    for (const [given, message] of cases) {
      expect(() => graphNetwork(given)).toThrow('ARCHLOOM_PRUNABLE_GRAPH')
      expect(() => graphNetwork(given)).toThrow(message)
    }
  })

  it('NaN weights are ARCHLOOM_PRUNABLE_WEIGHTS, with their place', async () => {
    using net = toySpace().build({ layers: 2, filters: 8, kernel: 3 }, { ...form, rng: seeded(1) })
    const [kernel] = net.trainable
    const values = kernel?.dataSync().slice() as Float32Array
    values[7] = Number.NaN
    tf.tidy(() => kernel?.assign(tf.tensor(values, kernel.shape)))
    await expect(layerGraph(net)).rejects.toThrow(/ARCHLOOM_PRUNABLE_WEIGHTS: kernel of "layer_0.*NaN at index 7/)
  })

  it('an operation without a counterpart is ARCHLOOM_PRUNABLE_LAYER, with what is supported', async () => {
    const scope = variableScope({ rng: seeded(1) })
    const convolve = conv2d(scope, { inputChannels: 3, filters: 4, kernel: 3 })
    const apply = (x: tf.Tensor) => tf.mean(tf.cos(convolve(x, { training: false })), [1, 2])
    using net = network({ scope, inputShape: [8, 8, 3], outputShape: [4], apply })
    const before = tf.memory().numTensors
    await expect(layerGraph(net)).rejects.toThrow(/ARCHLOOM_PRUNABLE_LAYER.*"Cos".*Conv2D.*Relu/)
    expect(tf.memory().numTensors).toBe(before)
    using failing = network({
      scope: variableScope({ rng: seeded(1) }),
      inputShape: [8, 8, 3],
      outputShape: [4],
      apply: (x) => {
        tf.add(x, 1)
        throw new Error('broken')
      },
    })
    await expect(layerGraph(failing)).rejects.toThrow('broken')
    expect(tf.memory().numTensors).toBe(before)
    // The engine is as it was.
    expect(Object.hasOwn(tf.engine(), 'runKernel')).toBe(false)
  })
})
