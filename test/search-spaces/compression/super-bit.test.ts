import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { softmaxCrossEntropy, useEngine } from '../../../core/tensor/index.ts'
import { deriveModel } from '../../../plugins/abs/index.ts'
import {
  type BitChoice,
  bopsOf,
  cheapestChoice,
  checkTarget,
  filterGates,
  type GraphNode,
  graphBuilder,
  groupScores,
  INPUT,
  type LayerGraph,
  logisticSlope,
  meanBits,
  meanResiduals,
  multiPathNetwork,
  preActivationResNet,
  quantise,
  quantisedNetwork,
  quantisedWeights,
  quantiseFixed,
  quantiseGradient,
  randomChoice,
  resNetGraph,
  superBitNetwork,
  superBitPlan,
  superBitSpace,
  superQuantise,
  uniformChoice,
  unsignedGrid,
} from '../../../search-spaces/compression/index.ts'

beforeAll(() => useEngine('onnxruntime'), 60_000)

/** Millions of BOPs, as printed. */
const millions = (bops: number) => Number((bops / 1e6).toFixed(1))
const empty = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((all, size) => all * size, 1)) })

/** Layers one after the other and sums; weights are all 0: for counting. */
function counted(inputShape: number[]) {
  const nodes: GraphNode[] = []
  const convolution = (from: string, inputs: number, filters: number, kernel = 3, stride = 1) => {
    const name = `conv_${nodes.length}`
    const padding = (kernel - 1) / 2
    const layer = { op: 'convolution', kernel: empty([kernel, kernel, inputs, filters]), dilation: 1 } as const
    nodes.push({ name, inputs: [from], ...layer, stride, padding })
    return name
  }
  const depthwise = (from: string, channels: number, stride: number) => {
    const name = `depthwise_${nodes.length}`
    const layer = { op: 'depthwise-convolution', kernel: empty([3, 3, channels, 1]), dilation: 1 } as const
    nodes.push({ name, inputs: [from], ...layer, stride, padding: 1 })
    return name
  }
  const add = (...inputs: string[]) => {
    const name = `add_${nodes.length}`
    nodes.push({ name, inputs, op: 'add' })
    return name
  }
  const finish = (from: string, features: number, classes: number): LayerGraph => {
    nodes.push({ name: 'pool', inputs: [from], op: 'global-average-pool' })
    nodes.push({ name: 'classifier', inputs: ['pool'], op: 'dense', kernel: empty([features, classes]) })
    return { inputShape, nodes, output: 'classifier' }
  }
  return { nodes, convolution, depthwise, add, finish }
}

describe('published counts', () => {
  const countOf = (graph: LayerGraph, bits: number) => {
    const plan = superBitPlan(graph, { prune: false })
    return { full: plan.fullBops, at: bopsOf(plan, uniformChoice(plan, bits)) }
  }

  it('AO1 AO2 pre-activation ResNet-20', () => {
    const { full, at } = countOf(preActivationResNet({ depth: 20, classes: 100 }), 4)
    expect(full / 1024).toBe(40_818_944)
    expect(millions(full)).toBe(41_798.6)
    expect(at).toBe((40_818_944 - 442_368 - 6400) * 16 + 448_768 * 64)
    expect(millions(at)).toBe(674.6)
  })

  it('AO3 pre-activation ResNet-56', () => {
    const { full, at } = countOf(preActivationResNet({ depth: 56, classes: 100 }), 4)
    expect(full / 1024).toBe(125_753_600)
    expect([full, at].map(millions)).toEqual([128_771.7, 2033.6])
  })

  it('AO4 ResNet-18 on ImageNet', () => {
    const { nodes, convolution, add, finish } = counted([224, 224, 3])
    let last = convolution(INPUT, 3, 64, 7, 2)
    nodes.push({ name: 'max', inputs: [last], op: 'max-pool', kernel: [3, 3], stride: 2, padding: 1 })
    last = 'max'
    let channels = 64
    for (const [stage, filters] of [64, 128, 256, 512].entries())
      for (const block of [0, 1]) {
        const stride = stage > 0 && block === 0 ? 2 : 1
        const branch = convolution(convolution(last, channels, filters, 3, stride), filters, filters)
        last = add(branch, channels === filters ? last : convolution(last, channels, filters, 1, stride))
        channels = filters
      }
    const { full, at } = countOf(finish(last, 512, 1000), 4)
    expect(full / 1024).toBe(1_814_073_344)
    expect(at / 1e9).toBeCloseTo(34.714, 3)
    expect(full / at).toBeCloseTo(53.51, 2)
  })

  it('AO5 MobileNetV2 on ImageNet', () => {
    const { convolution, depthwise, add, finish } = counted([224, 224, 3])
    let last = convolution(INPUT, 3, 32, 3, 2)
    let channels = 32
    const stages = [
      [1, 16, 1, 1],
      [6, 24, 2, 2],
      [6, 32, 3, 2],
      [6, 64, 4, 2],
      [6, 96, 3, 1],
      [6, 160, 3, 2],
      [6, 320, 1, 1],
    ] as const
    for (const [expand, filters, blocks, first] of stages)
      for (let block = 0; block < blocks; block++) {
        const stride = block === 0 ? first : 1
        const wide = expand * channels
        const inside = expand === 1 ? last : convolution(last, channels, wide, 1)
        const out = convolution(depthwise(inside, wide, stride), wide, filters, 1)
        last = stride === 1 && channels === filters ? add(out, last) : out
        channels = filters
      }
    const { full, at } = countOf(finish(convolution(last, channels, 1280, 1), 1280, 1000), 6)
    expect(full / 1024).toBe(300_774_272)
    expect(full / 1e9).toBeCloseTo(307.993, 3)
    expect(at / 1e9).toBeCloseTo(11.167, 3)
  })

  it('AO6 identity shortcuts count less, and would not match', () => {
    const { full } = countOf(resNetGraph({ depth: 20, classes: 100, shortcut: 'identity' }), 4)
    expect(millions(full)).toBe(41_530.2)
  })
})

const small = (seed = 1) => preActivationResNet({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(seed) })
const images = (count = 4) => {
  const rng = seeded(7)
  return tf.tensor4d(
    Float32Array.from({ length: count * 192 }, () => rng.normal()),
    [count, 8, 8, 3],
  )
}
const set = (variable: tf.Variable | undefined, values: number[]) =>
  tf.tidy(() => variable?.assign(tf.tensor1d(values)))
const prune = { groupSize: 2 }
const centred = (graph: LayerGraph): LayerGraph => ({
  ...graph,
  nodes: graph.nodes.map((node) => {
    if (node.op !== 'convolution') return node
    const { shape, data } = node.kernel
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    return { ...node, kernel: { shape, data: data.map((value) => value - mean) } }
  }),
})

describe('plan', () => {
  it('searches what lies between the first layer and the last, and prunes first convolutions of blocks', () => {
    const plan = superBitPlan(small(), { prune })
    expect(plan.layers.map(({ role }) => role)).toEqual(['first', ...new Array(8).fill('inner'), 'last'])
    expect(plan.groups.map(({ name }) => name)).toEqual([0, 1, 2].map((stage) => `stage_${stage}_block_0/conv_1`))
    expect(plan.groups.map(({ count, mostPruned }) => [count, mostPruned])).toEqual([
      [2, 1],
      [4, 2],
      [4, 2],
    ])
    expect(plan.layers.filter(({ signed }) => signed).map(({ name }) => name)).toEqual(['stem'])
    const cheapest = cheapestChoice(plan)
    expect(bopsOf(plan, cheapest)).toBeLessThan(bopsOf(plan, uniformChoice(plan, 2)))
    expect(meanBits(plan, cheapest)).toEqual({ weights: 2, activations: 2 })
  })

  it('cuts a stage in half with its block: both convolutions become cheaper', () => {
    const plan = superBitPlan(small(), { prune })
    const full = uniformChoice(plan, 32)
    const half = { ...full, kept: [[0], [0, 1, 2, 3], [0, 1, 2, 3]] }
    const positions = 64 * 9 * 1024
    expect(bopsOf(plan, full) - bopsOf(plan, half)).toBe(positions * (4 * 2 + 2 * 4))
  })

  it('is a search space of K² pairs a layer times the numbers of groups (eq. 16)', () => {
    const space = superBitSpace(small(), { prune: { groupSize: 2, mostPruned: 1 } })
    expect(space.size).toBe(9n ** 8n * 2n * 4n * 4n)
    const architecture = space.decode(space.random(seeded(4)))
    const { bits, kept } = space.choice(architecture)
    expect(bits.slice(1, -1)).toEqual(architecture.bits)
    expect(kept.map(({ length }) => length)).toEqual(architecture.keptGroups)
    expect(space.share(architecture)).toBe(bopsOf(space.plan, { bits, kept }) / space.plan.fullBops)
    const own = space.plan.graph.nodes.find(({ name }) => name === 'stage_1_block_0/conv_1')
    const scores = groupScores(own?.op === 'convolution' ? own.kernel.data : new Float32Array(8), 8, 2)
    const best = space.choice({ ...architecture, keptGroups: [1, 1, 1] }).kept[1]
    expect(scores[best?.[0] as number]).toBe(Math.max(...scores))
    expect(superBitSpace(small(), { quantise: false, prune }).size).toBe(2n * 3n * 3n)
  })

  it('random bits cost just below the target', () => {
    const plan = superBitPlan(small(), { prune: false })
    const share = (0.6 * bopsOf(plan, uniformChoice(plan, 4))) / plan.fullBops
    const found = [1, 2, 3].map((seed) => randomChoice(plan, share, seeded(seed)))
    for (const choice of found) {
      expect(bopsOf(plan, choice) / plan.fullBops).toBeLessThanOrEqual(share)
      expect(bopsOf(plan, choice) / plan.fullBops).toBeGreaterThan(0.85 * share)
    }
    expect(new Set(found.map((each) => JSON.stringify(each))).size).toBe(3)
  })

  it('refuses what cannot be', () => {
    expect(() => superBitPlan(small(), { ladder: [2, 4, 6] })).toThrow('ARCHLOOM_SUPER_BIT_LADDER')
    expect(() => superBitPlan(small(), { prune: { groupSize: 3 } })).toThrow(/ARCHLOOM_SUPER_BIT_GROUPS.*conv_1/)
    expect(() => superBitPlan(small(), { prune: { groupSize: 4 } })).toThrow('ARCHLOOM_SUPER_BIT_GROUPS')
    expect(() => superBitPlan(small(), { prune: { groupSize: 0 } })).toThrow('ARCHLOOM_OPTION')
    expect(() => superBitPlan(small(), { prune: false, quantise: false })).toThrow('ARCHLOOM_OPTION')
    expect(() => superBitPlan(small(), { edgeBits: 0 })).toThrow('ARCHLOOM_OPTION')
    for (const clips of [{ weightClip: 0 }, { activationClip: Number.NaN }])
      for (const made of [superBitNetwork, multiPathNetwork])
        expect(() => made(small(), clips)).toThrow('ARCHLOOM_OPTION')
    const build = graphBuilder(seeded(1))
    const two = build.dense(
      'two',
      build.add('pool', { op: 'global-average-pool' }, build.convolution('one', INPUT, { channelsIn: 3, filters: 4 })),
      4,
      3,
    )
    expect(() => superBitPlan({ inputShape: [8, 8, 3], nodes: build.nodes, output: two })).toThrow(
      'ARCHLOOM_SUPER_BIT_NETWORK',
    )
    const plan = superBitPlan(small(), { prune })
    const minimum = bopsOf(plan, cheapestChoice(plan))
    expect(() => checkTarget(plan, 1e-4)).toThrow(`the minimum reachable is ${minimum}`)
    expect(() => checkTarget(plan, Number.NaN)).toThrow('ARCHLOOM_SUPER_BIT_TARGET')
    expect(() => randomChoice(plan, 1e-4, seeded(1))).toThrow('ARCHLOOM_SUPER_BIT_TARGET')
    expect(checkTarget(plan, 0.1)).toBe(0.1 * plan.fullBops)
  })
})

describe('super-bit network', () => {
  it('AO16 shut gates are the fixed network at the fewest bits, open ones that at the most', () => {
    using net = superBitNetwork(small(), { prune: false })
    using x = { value: images(), [Symbol.dispose]: () => x.value.dispose() }
    tf.tidy(() => net.calibrateClips(x.value))
    const fixed = (bits: number) => {
      net.choice = uniformChoice(net.plan, bits)
      return tf.tidy(() => net.apply(x.value, { training: false }).dataSync())
    }
    const gated = () => tf.tidy(() => net.observeGates(x.value).dataSync())
    expect(gated()).toEqual(fixed(8))
    expect(net.selected.bits.slice(1, -1).every(({ weights, activations }) => weights === 8 && activations === 8)).toBe(
      true,
    )
    for (const variable of [...net.thresholds.weights, ...net.thresholds.activations]) set(variable, [1e9, 1e9])
    expect(gated()).toEqual(fixed(2))
    expect(meanBits(net.plan, net.selected)).toEqual({ weights: 2, activations: 2 })
  })

  it('nests other ladders too', () => {
    using net = superBitNetwork(small(), { prune: false, ladder: [1, 2, 4, 8] })
    for (const variable of [...net.thresholds.weights, ...net.thresholds.activations]) set(variable, [0, 0, 1e9])
    tf.tidy(() => {
      const x = images()
      const gated = net.observeGates(x).dataSync()
      net.choice = uniformChoice(net.plan, 4)
      expect(net.apply(x, { training: false }).dataSync()).toEqual(gated)
    })
  })

  it.each([
    ['bits and filters', {}],
    ['filters alone', { quantise: false }],
  ])('AO17 gates and slices compute the same: %s', async (_, options) => {
    using net = superBitNetwork(small(), { prune, ...options })
    const x = images()
    tf.tidy(() => net.calibrateClips(x))
    const bits = net.choice.bits.map((own, l) =>
      net.plan.quantised && net.plan.layers[l]?.role === 'inner' ? { weights: 4, activations: 2 + 2 * (l % 2) } : own,
    )
    const choice: BitChoice = { bits, kept: [[1], [0, 3], [1, 2, 3]] }
    net.choice = choice
    const model = await deriveModel(net, choice)
    expect(model.kept['stage_1_block_0/conv_1']).toEqual([0, 1, 6, 7])
    using small_ = quantisedNetwork(model)
    const [gated, sliced] = tf.tidy(() => [
      net.apply(x, { training: false }).dataSync(),
      small_.apply(x, { training: false }).dataSync(),
    ])
    gated?.forEach((logit, i) => {
      expect(sliced?.[i]).toBeCloseTo(logit, 5)
    })
    const plain = superBitPlan(model.graph, { prune: false })
    expect(model.bops).toBe(bopsOf(plain, { bits, kept: [] }))
    x.dispose()
  })

  it('AO18 a group whose score equals the threshold is pruned', () => {
    const values = Float32Array.of(1, 1, 2, 2, 4, 4, 0.5, 0.5)
    expect([...groupScores(values, 8, 2)]).toEqual([0.25, 0.5, 1, 0.125])
    const kernel = tf.variable(tf.tensor4d(values, [1, 1, 1, 8]))
    const threshold = tf.variable(tf.tensor1d([0.25]))
    tf.tidy(() => {
      const { mask, open } = filterGates(kernel, threshold, 2)
      expect(open).toEqual([0, 1, 1, 0])
      expect([...mask.dataSync()]).toEqual([0, 0, 1, 1, 1, 1, 0, 0])
    })
    tf.dispose([kernel, threshold])
  })

  it('scores hand their gradient to the weights, through the largest one too', () => {
    const rng = seeded(3)
    // Away from 0, where |w| has a corner.
    const values = Float32Array.from({ length: 48 }, (_, i) => (i % 2 ? 1 : -1) * (0.2 + rng.float()))
    const upstream = [0.3, -1, 0.7, 0.2]
    const kernel = tf.variable(tf.tensor4d(values, [2, 2, 3, 4]))
    const threshold = tf.variable(tf.tensor1d([0.31]))
    const { grads } = tf.variableGrads(
      () => tf.sum(tf.mul(filterGates(kernel, threshold, 2).mask, tf.tensor1d(upstream))),
      [kernel, threshold],
    )
    const scores = groupScores(values, 4, 2)
    const slopes = [...scores].map((score) => logisticSlope(score - 0.31))
    const ofGroups = [0.3 - 1, 0.7 + 0.2]
    const surrogate = (weights: Float32Array) =>
      [...groupScores(weights, 4, 2)].reduce((sum, score, c) => sum + score * slopes[c]! * ofGroups[c]!, 0)
    const found = (grads[kernel.name] as tf.Tensor).dataSync()
    values.forEach((_, i) => {
      const at = (step: number) => surrogate(values.map((value, j) => (i === j ? value + step : value)))
      expect(found[i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 3)
    })
    const ofThreshold = -slopes.reduce((sum, slope, c) => sum + slope * ofGroups[c]!, 0)
    expect((grads[threshold.name] as tf.Tensor).dataSync()[0]).toBeCloseTo(ofThreshold, 5)
    tf.dispose([kernel, threshold, grads])
  })

  it('AO14 thresholds learn through the tape as by hand', () => {
    const clip = tf.variable(tf.tensor1d([1]))
    const thresholds = tf.variable(tf.tensor1d([0, 0]))
    const x = tf.variable(tf.tensor1d([0.45]))
    const options = { gridOf: unsignedGrid, ladder: [2, 4, 8], learn: true }
    const { grads } = tf.variableGrads(
      () => tf.sum(superQuantise(x, clip, thresholds, options).value) as tf.Scalar,
      [x, clip, thresholds],
    )
    const of = (variable: tf.Variable) => [...(grads[variable.name] as tf.Tensor).dataSync()]
    expect(of(x)).toEqual([1])
    expect(of(thresholds)[0]).toBeCloseTo(-0.0293119, 6)
    expect(of(thresholds)[1]).toBeCloseTo(0.0039213, 6)
    expect(of(clip)[0]).toBeCloseTo(115 / 255 - 0.45, 6)
    tf.dispose([clip, thresholds, x, grads])
  })

  it.each([
    ['whole blocks of channels', 32],
    ['blocks that are not full', 5],
  ])('reads values where the engine keeps them: %s', (_, filters) => {
    const [clip, thresholds] = [tf.variable(tf.tensor1d([1.3])), tf.variable(tf.tensor1d([0, 0]))]
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const made = (seed: number) => {
        const rng = seeded(seed)
        const kernel = Float32Array.from({ length: 27 * filters }, () => 0.3 * rng.normal())
        return tf.relu(tf.conv2d(images(2), tf.tensor4d(kernel, [3, 3, 3, filters]), 1, 'same'))
      }
      const [x, weights] = [made(1), made(2)]
      // Before anything asks for their values row by row.
      const y = quantiseFixed(x, clip, unsignedGrid, 4)
      const options = { gridOf: unsignedGrid, ladder: [2, 4, 8], learn: false }
      const gated = superQuantise(made(1), clip, thresholds, options)
      const { grads } = tf.variableGrads(
        () => tf.sum(tf.mul(quantiseFixed(x, clip, unsignedGrid, 4), weights)) as tf.Scalar,
        [clip],
      )
      const dx = tf.grad((each: tf.Tensor) => tf.sum(tf.mul(quantiseFixed(each, clip, unsignedGrid, 4), weights)))(x)
      const grid = unsignedGrid(clip.dataSync()[0] as number)
      const values = x.dataSync() as Float32Array
      expect(y.dataSync()).toEqual(quantise(values, grid, 4))
      expect(gated.value.dataSync()).toEqual(quantise(values, grid, 8))
      const means = meanResiduals(values, grid, [2, 4, 8])
      gated.means.forEach((mean, j) => {
        expect(mean).toBeCloseTo(means[j] as number, 12)
      })
      const expected = quantiseGradient(weights.dataSync() as Float32Array, values, grid, 4)
      expect(dx.dataSync()).toEqual(expected.dx)
      expect((grads[clip.name] as tf.Tensor).dataSync()[0]).toBeCloseTo(expected.clip, 3)
    })
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([clip, thresholds])
  })

  it('costs: ln R and its slope in gates and filters, on the side whose turn it is', () => {
    using net = superBitNetwork(small(), { prune })
    const x = images()
    const { plan, thresholds } = net
    const before = tf.memory().numTensors
    tf.tidy(() => {
      for (const turn of ['weights', 'activations'] as const) {
        const { value, grads } = tf.variableGrads(() => net.search(x, turn).logBops, [...net.learning(turn)])
        expect(value.dataSync()[0]).toBeCloseTo(Math.log(bopsOf(plan, net.selected)), 4)
        const total = bopsOf(plan, net.selected)
        const at = 2
        const other = turn === 'weights' ? 'activations' : 'weights'
        expect(grads[thresholds[other][at]?.name ?? '']).toBeUndefined()
        const changed = (to: number) => {
          const bits = net.selected.bits.map((own, l) => (l === at ? { ...own, [turn]: to } : own))
          return bopsOf(plan, { ...net.selected, bits })
        }
        const found = (grads[thresholds[turn][at]?.name ?? ''] as tf.Tensor).dataSync()
        const means = net.residuals[at]?.[turn] as readonly number[]
        // Both gates are open: closing the first loses all bits beyond 2, closing the second those beyond 4.
        const expected = [changed(8) - changed(2), changed(8) - changed(4)].map(
          (cost, j) => (-cost / total) * logisticSlope(means[j]!),
        )
        expect(found[0]).toBeCloseTo(expected[0] as number, 6)
        expect(found[1]).toBeCloseTo(expected[1] as number, 6)
        const kept = net.selected.kept.map((groups, g) => (g === 0 ? groups.slice(1) : groups))
        const oneGroup = total - bopsOf(plan, { ...net.selected, kept })
        const ofFilters = (grads[thresholds.filters[0]?.name ?? ''] as tf.Tensor).dataSync()[0]
        const slopes = (net.scores[0] as readonly number[]).map(logisticSlope)
        // One layer writes the filters and one reads them: a group less costs what the slope says.
        expect(ofFilters).toBeCloseTo((-oneGroup / total) * slopes[0]! - (oneGroup / total) * slopes[1]!, 5)
      }
    })
    expect(tf.memory().numTensors).toBe(before)
    x.dispose()
  })

  it('a step of the whole loss moves weights, clips and the thresholds of the turn', () => {
    using net = superBitNetwork(small(), { prune })
    const x = images()
    const labels = tf.tensor1d([0, 1, 2, 0], 'int32')
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => {
        const { logits, logBops } = net.search(x, 'weights')
        return tf.add(softmaxCrossEntropy(logits, labels), tf.mul(logBops, 0.1)) as tf.Scalar
      }, [...net.learning('weights')])
      const names = Object.keys(grads).filter((name) => grads[name] != null)
      for (const part of ['kernel', 'weight_clip', 'activation_clip', 'weight_thresholds', 'filter_threshold'])
        expect(
          names.some((name) => name.endsWith(`stage_0_block_0/conv_1/${part}`)),
          part,
        ).toBe(true)
      expect(names.some((name) => name.endsWith('activation_thresholds'))).toBe(false)
      for (const gradient of Object.values(grads))
        expect(Number.isFinite(gradient ? tf.sum(gradient).dataSync()[0] : 0)).toBe(true)
    })
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([x, labels])
  })

  it('keeps a trained network what it was: at 8 bits logits hardly move', () => {
    // What standardisation takes away, the mean, is not there to begin with.
    const graph = centred(small())
    using net = superBitNetwork(graph, { prune: false, weightClip: 4 })
    using float = quantisedNetwork({
      graph,
      kept: {},
      bops: 1,
      fullBops: 1,
      layers: net.plan.layers.map(({ name, signed }) => ({
        name,
        signed,
        weights: 32,
        activations: 32,
        weightClip: 1,
        activationClip: 1,
        standardise: true,
        weightScale: 'kept' as const,
      })),
    })
    tf.tidy(() => {
      const x = images()
      net.calibrateClips(x)
      for (const variable of net.trainable.filter(({ name }) => name.endsWith('activation_clip')))
        variable.assign(tf.mul(variable as tf.Tensor, 4))
      const [own, exact] = [net, float].map((each) => each.apply(x, { training: false }).dataSync())
      exact?.forEach((logit, i) => {
        expect(Math.abs((own?.[i] as number) - logit)).toBeLessThan(0.15 * Math.max(...exact.map(Math.abs)))
      })
    })
  })

  it('weights that are not finite are named', async () => {
    const graph = small()
    const broken = graph.nodes.map((node) =>
      node.name === 'classifier'
        ? { ...node, kernel: { shape: [8, 3], data: new Float32Array(24).fill(Number.NaN) } }
        : node,
    )
    expect(() => superBitNetwork({ ...graph, nodes: broken as GraphNode[] }, { prune })).toThrow(
      'ARCHLOOM_PRUNABLE_WEIGHTS',
    )
    using net = superBitNetwork(graph, { prune: false })
    const kernel = net.trainable.find(({ name }) => name.endsWith('stage_0_block_0/conv_2/kernel')) as tf.Variable
    tf.tidy(() => kernel.assign(tf.fill(kernel.shape, Number.NaN)))
    expect(() => tf.tidy(() => net.apply(images(), { training: false }))).toThrow(
      /ARCHLOOM_SUPER_BIT_NOT_FINITE.*stage_0_block_0\/conv_2/,
    )
    using other = superBitNetwork(graph, { prune: false })
    const model = await deriveModel(other, other.choice)
    expect(() => quantisedNetwork({ ...model, layers: model.layers.slice(1) })).toThrow('ARCHLOOM_SUPER_BIT_NETWORK')
  })

  it('signed inputs and depthwise convolutions are quantised and pruned as well', async () => {
    const build = graphBuilder(seeded(5))
    const random = (shape: number[]) => ({
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    })
    const rng = seeded(6)
    const stem = build.convolution('stem', INPUT, { channelsIn: 3, filters: 4, relu: false })
    const wide = build.convolution('expand', stem, { channelsIn: 4, filters: 8, kernel: 1 })
    const deep = {
      op: 'depthwise-convolution',
      kernel: random([3, 3, 8, 1]),
      stride: 1,
      dilation: 1,
      padding: 'same',
    } as const
    const depthwise = build.add('depthwise', deep, wide)
    const project = build.convolution('project', depthwise, { channelsIn: 8, filters: 4, kernel: 1, relu: false })
    const sum = build.add('sum', { op: 'add' }, project, stem)
    const logits = build.dense('classifier', build.add('pool', { op: 'global-average-pool' }, sum), 4, 3)
    const graph = { inputShape: [8, 8, 3], nodes: build.nodes, output: logits }
    using net = superBitNetwork(graph, { prune })
    const { groups, layers } = net.plan
    expect(groups.map(({ name }) => name)).toEqual(['expand'])
    expect(layers.map(({ signed }) => signed)).toEqual([true, true, false, true, true])
    const x = images()
    net.choice = { bits: net.choice.bits, kept: [[0, 2]] }
    const model = await deriveModel(net, net.choice)
    expect(model.graph.nodes.find(({ name }) => name === 'depthwise')).toMatchObject({
      kernel: { shape: [3, 3, 4, 1] },
    })
    using sliced = quantisedNetwork(model)
    const [own, cut] = tf.tidy(() => [net, sliced].map((each) => each.apply(x, { training: false }).dataSync()))
    own?.forEach((logit, i) => {
      expect(cut?.[i]).toBeCloseTo(logit, 4)
    })
    // Codes and their step are the values.
    for (const { name } of model.layers) {
      const stored = quantisedWeights(model, name)
      expect(stored?.codes.length).toBe(stored?.values.length)
      stored?.values.forEach((value, i) => {
        expect(stored.low + stored.step * stored.codes[i]!).toBeCloseTo(value, 5)
      })
    }
    x.dispose()
  })
})

describe('multi-path network', () => {
  it('costs what its softmax expects, and reads out the likeliest widths', () => {
    using net = multiPathNetwork(small())
    const x = images()
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const inner = bopsOf(net.plan, uniformChoice(net.plan, 2)) - edges(net.plan)
      const { value, grads } = tf.variableGrads(() => net.search(x).logBops, [...net.trainable])
      expect(value.dataSync()[0]).toBeCloseTo(Math.log(edges(net.plan) + (inner / 4) * ((4 + 16 + 64) / 3)), 4)
      const mixture = net.mixtures[1] as tf.Variable
      expect((grads[mixture.name] as tf.Tensor).dataSync()[2]).toBeGreaterThan(0)
      set(mixture, [0, 1, 0])
      expect(net.bits()[1]).toEqual({ weights: 4, activations: 4 })
    })
    expect(tf.memory().numTensors).toBe(before)
    x.dispose()
  })
})

const edges = (plan: ReturnType<typeof superBitPlan>) => {
  const zero = {
    ...uniformChoice(plan, 2),
    bits: uniformChoice(plan, 2).bits.map((own, l) =>
      plan.layers[l]?.role === 'inner' ? { weights: 0, activations: 0 } : own,
    ),
  }
  return bopsOf(plan, zero)
}
