import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { virtualClock } from '../../../core/clock.ts'
import type { Split } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { accuracy } from '../../../evaluators/metrics/index.ts'
import {
  absCompress,
  absSearch,
  clampThresholds,
  fineTune,
  largestFilterThreshold,
  multiPathSearch,
  pruneThenQuantise,
  quantisedNetwork,
  quantisedWeights,
  randomBits,
  readOut,
  uniformBits,
} from '../../../plugins/abs/index.ts'
import { nextLambda } from '../../../plugins/abs/options.ts'
import { type GatedTensor, gatesWithin } from '../../../plugins/abs/read-out.ts'
import {
  bopsOf,
  cheapestChoice,
  graphNetwork,
  meanBits,
  preActivationResNet,
  superBitNetwork,
  superBitPlan,
  uniformChoice,
} from '../../../search-spaces/compression/index.ts'

beforeAll(() => useEngine('onnxruntime'), 60_000)

const data = generatedImages({ train: 64, validation: 16, test: 16, classes: 3, size: 8 })
const graph = preActivationResNet({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(1) })
const prune = { groupSize: 2 }
const plan = superBitPlan(graph, { prune })
const base = { data: data.train, calibration: data.validation, steps: 6, batchSize: 16, prune, clock: virtualClock() }
const shareOf = (bits: number) => bopsOf(plan, uniformChoice(plan, bits)) / plan.fullBops
const rng = () => seeded(3)
const empty = (): Split<'validation'> => ({ ...data.validation, size: 0, batches: () => [] })

describe('λ', () => {
  it('A1 bits never rise with it', async () => {
    const bits: number[] = []
    for (const lambda of [0, 0.1, 10]) {
      const { choice, share } = await absSearch(graph, { ...base, prune: false, rng: rng(), lambda, steps: 8 })
      const { weights, activations } = meanBits(plan, choice)
      bits.push(weights + activations)
      if (lambda === 10) expect(share).toBeLessThan(1.3 * shareOf(2))
    }
    expect(bits).toEqual([...bits].sort((a, b) => b - a))
    expect(bits[2]).toBeLessThan(bits[0]!)
  })

  it('rises above the target, falls below it and has no weight there, and is left alone without one', () => {
    const at = { lambda: 0.1, start: 0.1, firstLogShare: 0, step: 100, steps: 160, target: 0.25 }
    const above = nextLambda({ ...at, logShare: Math.log(0.5) })
    expect(above.lambda).toBeCloseTo(0.1 * 2 ** (8 / 160), 10)
    expect(above.weight).toBe(above.lambda)
    const below = nextLambda({ ...at, logShare: Math.log(0.125) })
    expect(below.lambda).toBeCloseTo(0.1 / 2 ** (8 / 160), 10)
    expect(below.weight).toBe(0)
    expect(nextLambda({ ...at, lambda: 10, logShare: Math.log(1e9) }).lambda).toBe(10)
    expect(nextLambda({ ...at, target: undefined, logShare: 0 })).toEqual({ lambda: 0.1, weight: 0.1 })
  })

  it('approaches the target over the first half of a search', () => {
    const weight = (step: number, logShare: number) =>
      nextLambda({ lambda: 0.1, start: 0.1, firstLogShare: 0, step, steps: 100, target: Math.exp(-2), logShare }).weight
    // A quarter of the way down, at a quarter of the half: nothing is pushed yet.
    expect(weight(12, -0.5)).toBe(0)
    expect(weight(40, -0.5)).toBeGreaterThan(0)
    expect(weight(50, -1.99)).toBeGreaterThan(0)
    expect(weight(100, -2.01)).toBe(0)
    // A target above the first share is met from the beginning.
    expect(
      nextLambda({ lambda: 0.1, start: 0.1, step: 9, steps: 10, target: 0.9, firstLogShare: -3, logShare: -3 }),
    ).toMatchObject({ weight: 0 })
  })

  it('leaves gates near the border at the end of a search for a target', async () => {
    const shares: number[] = []
    const target = 0.75 * shareOf(4)
    const report = ({ share }: { share: number }) => shares.push(share)
    await absSearch(graph, {
      ...base,
      prune: false,
      rng: rng(),
      target: { bops: target },
      steps: 40,
      onProgress: report,
    })
    expect(shares.at(-1)).toBeLessThan(1.3 * target)
    // 0.1 pushed every gate shut, to the cost of two bits.
    expect(shares.at(-1)).toBeGreaterThan(1.1 * shareOf(2))
  })
})

describe('search', () => {
  it.each([
    ['ABS', {}, 0.75 * shareOf(4)],
    ['ABS-Q', { prune: false as const }, 0.75 * shareOf(4)],
    ['ABS-P', { quantise: false }, 0.75],
    ['a ladder from 1 bit', { ladder: [1, 2, 4, 8] }, 0.8 * shareOf(2)],
    ['both sides at once', { alternate: false }, 0.75 * shareOf(4)],
  ])('%s meets its target, repeats, and leaks nothing', async (_, options, target) => {
    const before = tf.memory().numTensors
    const shares: number[] = []
    const run = () =>
      absSearch(graph, {
        ...base,
        ...options,
        target: { bops: target },
        rng: rng(),
        onProgress: ({ share }) => shares.push(share),
      })
    const found = await run()
    expect(tf.memory().numTensors).toBe(before)
    expect(shares).toHaveLength(base.steps)
    expect(found.share).toBeLessThanOrEqual(target)
    expect(found.share).toBeGreaterThan(0.6 * target)
    expect(found.liveBytes).toBeGreaterThan(0)
    expect(found.model.bops / found.model.fullBops).toBeCloseTo(found.share, 10)
    const again = await run()
    expect(again.choice).toEqual(found.choice)
    using network = quantisedNetwork(found.model)
    expect(await accuracy(network, data.validation)).toBeGreaterThanOrEqual(0)
  })

  it('takes a network of ours, and says the least that can be reached', async () => {
    using network = graphNetwork(graph)
    const minimum = bopsOf(plan, cheapestChoice(plan))
    await expect(absSearch(network, { ...base, rng: rng(), target: { bops: 1e-5 } })).rejects.toThrow(
      new RegExp(`ARCHLOOM_SUPER_BIT_TARGET.*minimum reachable is ${minimum}`),
    )
    const compressed = await absCompress(network, {
      data,
      target: { bops: 0.02 },
      searchEpochs: 1,
      fineTuneEpochs: 1,
      batchSize: 16,
      prune,
      seed: 1,
    })
    expect(compressed.share).toBeLessThanOrEqual(0.02)
    expect(compressed.model.graph.nodes.length).toBe(graph.nodes.length)
    for (const { name, weights } of compressed.model.layers) {
      const stored = quantisedWeights(compressed.model, name)
      expect(Math.max(...(stored?.codes ?? []))).toBeLessThan(2 ** weights)
    }
  })

  it('refuses bad input', async () => {
    const search = (options: object) => absSearch(graph, { ...base, rng: rng(), ...options })
    await expect(search({ calibration: empty() })).rejects.toThrow('ARCHLOOM_ABS_CALIBRATION')
    await expect(search({ data: { ...data.train, batches: () => [] } })).rejects.toThrow('ARCHLOOM_OPTION')
    for (const options of [
      { lambda: -1 },
      { target: { bops: 2 } },
      { weightDecay: Number.POSITIVE_INFINITY },
      { steps: 0 },
      { learningRate: Number.NaN },
      { ceiling: 0 },
      { refreshEvery: 0.5 },
      { weightDecay: -1 },
      { thresholdLearningRate: 0 },
      { batchSize: 0 },
    ])
      await expect(search(options)).rejects.toThrow('ARCHLOOM_OPTION')
    await expect(search({ prune: { groupSize: 3 } })).rejects.toThrow('ARCHLOOM_SUPER_BIT_GROUPS')
    await expect(search({ ladder: [2, 3] })).rejects.toThrow('ARCHLOOM_SUPER_BIT_LADDER')
    await expect(search({ data: { ...data.train, classes: 4 } })).rejects.toThrow('ARCHLOOM_ABS_CLASSES')
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await expect(search({ signal: stop.signal })).rejects.toThrow('enough')
    const notNumbers: Split<'train'> = {
      ...data.train,
      batches: () => [{ inputs: tf.fill([2, 8, 8, 3], Number.NaN), targets: tf.tensor1d([0, 1], 'int32') }],
    }
    await expect(search({ data: notNumbers, calibrateClips: false })).rejects.toThrow('ARCHLOOM_ABS_DIVERGED')
  })
})

describe('thresholds', () => {
  it('of filters prune at most n groups, ties included', () => {
    const scores = [0.4, 0.1, 0.3, 0.2]
    expect(largestFilterThreshold(scores, { mostPruned: 2 })).toBe(0.2)
    expect(largestFilterThreshold([0.2, 0.1, 0.2, 0.2], { mostPruned: 2 })).toBe(0.1)
    expect(largestFilterThreshold([0.2, 0.2, 0.2], { mostPruned: 2 })).toBe(0)
  })

  it('stay between 0 and their ceiling', () => {
    using net = superBitNetwork(graph, { prune })
    tf.dispose(tf.tidy(() => net.observeGates(tf.zeros([2, 8, 8, 3]))))
    const [weights] = net.thresholds.weights.filter((each) => each !== undefined)
    const [filters] = net.thresholds.filters
    tf.tidy(() => {
      weights?.assign(tf.tensor1d([-1, 9]))
      filters?.assign(tf.tensor1d([9]))
    })
    clampThresholds(net, 2)
    const residual = net.residuals[1]?.weights[1] as number
    expect(weights?.dataSync()[0]).toBe(0)
    expect(weights?.dataSync()[1]).toBeCloseTo(2 * residual, 6)
    expect(filters?.dataSync()[0]).toBe(Math.min(...(net.scores[0] as readonly number[])))
  })
})

describe('read-out', () => {
  it('averages over the calibration set, and moves thresholds until a target just fits', async () => {
    using net = superBitNetwork(graph, { prune })
    const free = await readOut(net, data.validation)
    expect(meanBits(plan, free.choice)).toEqual({ weights: 8, activations: 8 })
    expect(free).toMatchObject({ moved: 0, flicker: 0, bops: bopsOf(plan, free.choice) })
    let last = Number.POSITIVE_INFINITY
    for (const target of [0.05, 0.02, 0.012]) {
      const { bops } = await readOut(net, data.validation, { target: { bops: target } })
      expect(bops).toBeLessThanOrEqual(target * plan.fullBops)
      expect(bops).toBeLessThan(last)
      last = bops
    }
    const least = bopsOf(plan, cheapestChoice(plan))
    const { choice } = await readOut(net, data.validation, { target: { bops: (1 + 1e-9) * (least / plan.fullBops) } })
    expect(bopsOf(plan, choice)).toBe(least)
  })
})

describe('gates within a target', () => {
  const bare = superBitPlan(graph, { prune: false })
  const inner = bare.layers.flatMap(({ role }, layer) => (role === 'inner' ? [layer] : []))
  /** Weights of searched layers, with the ratios of threshold to residual and the residuals themselves. */
  const tensors = (ratios: readonly (readonly number[])[], residuals: readonly (readonly number[])[]): GatedTensor[] =>
    ratios.map((own, i) => ({
      layer: inner[i]!,
      side: 'weights',
      residuals: residuals[i]!,
      thresholds: own.map((ratio, j) => ratio * residuals[i]![j]!),
    }))
  const cost = (bits: readonly (readonly [index: number, width: number])[]) => {
    const choice = uniformChoice(bare, 2)
    const own = choice.bits.map((each) => ({ ...each }))
    for (const [index, weights] of bits) own[inner[index]!] = { weights, activations: 2 }
    return bopsOf(bare, { ...choice, bits: own })
  }
  const widths = (choice: ReturnType<typeof gatesWithin>['choice']) => inner.map((layer) => choice.bits[layer]!.weights)
  const from = uniformChoice(bare, 2)

  it('opens the gate that is nearest to its own threshold, not the one with the smallest residual', () => {
    // The second tensor has a tenth of the residual; its gate is farther shut beside it, though nearer in absolute terms.
    const two = tensors(
      [
        [1.05, 1.05],
        [1.09, 1.09],
      ],
      [
        [0.08, 0.016],
        [0.008, 0.0016],
      ],
    )
    const { choice, moved } = gatesWithin(bare, from, two, cost([[0, 4]]))
    expect(widths(choice).slice(0, 2)).toEqual([4, 2])
    expect(moved).toBe(1)
  })

  it('does not depend on the scale of a tensor', () => {
    const ratios = [
      [1.05, 1.2],
      [0.9, 1.1],
      [1.08, 1.3],
    ]
    const residuals = [
      [0.08, 0.016],
      [0.04, 0.006],
      [0.06, 0.01],
    ]
    const limits = [
      cost([]),
      cost([[1, 4]]),
      cost([
        [0, 4],
        [1, 4],
      ]),
      cost([
        [0, 8],
        [1, 8],
      ]),
      cost([
        [0, 8],
        [1, 8],
        [2, 8],
      ]),
    ]
    for (const limit of limits) {
      const chosen = (scales: readonly number[]) =>
        widths(
          gatesWithin(
            bare,
            from,
            tensors(
              ratios,
              residuals.map((own, i) => own.map((x) => scales[i]! * x)),
            ),
            limit,
          ).choice,
        )
      const plain = chosen([1, 1, 1])
      for (const scales of [
        [10, 1, 1],
        [1, 0.01, 3],
        [5, 7, 0.1],
      ])
        expect(chosen(scales)).toEqual(plain)
    }
  })

  it('moves one width at a time, the worthier first where all stand at their ceiling', () => {
    const ceiling = [1.1, 1.1]
    const alike = tensors(
      [ceiling, ceiling, ceiling],
      [
        [0.08, 0.016],
        [0.08, 0.016],
        [0.02, 0.004],
      ],
    )
    const order: string[] = []
    for (const limit of [
      cost([[0, 4]]),
      cost([
        [0, 4],
        [1, 4],
      ]),
    ]) {
      const found = widths(gatesWithin(bare, from, alike, limit).choice)
      expect(Math.max(...found)).toBe(4)
      order.push(found.slice(0, 3).join(' '))
    }
    expect(order).toEqual(['4 2 2', '4 4 2'])
    // With room for all, all open.
    expect(widths(gatesWithin(bare, from, alike, Number.POSITIVE_INFINITY).choice).slice(0, 3)).toEqual([8, 8, 8])
  })

  it('shuts the gate with the largest ratio first, and fills up what is left', () => {
    const three = tensors(
      [
        [0.5, 0.6],
        [0.5, 0.99],
        [0.1, 0.2],
      ],
      [
        [0.08, 0.016],
        [0.08, 0.016],
        [0.08, 0.016],
      ],
    )
    const bits = from.bits.map((own) => ({ ...own }))
    for (const index of [0, 1, 2]) bits[inner[index]!] = { weights: 8, activations: 2 }
    const { choice, moved } = gatesWithin(
      bare,
      { ...from, bits },
      three,
      cost([
        [0, 8],
        [1, 4],
        [2, 8],
      ]),
    )
    expect(widths(choice).slice(0, 3)).toEqual([8, 4, 8])
    expect(moved).toBe(-1)
    // A tensor on its grid gains nothing: it opens last.
    const flat = tensors(
      [
        [0, 0],
        [1.1, 1.1],
      ],
      [
        [0, 0],
        [0.08, 0.016],
      ],
    )
    expect(widths(gatesWithin(bare, from, flat, cost([[1, 4]])).choice).slice(0, 2)).toEqual([2, 4])
  })
})

describe('baselines', () => {
  it('uniform, random, two stages, many paths: each costs what it says', async () => {
    const share = 0.75 * shareOf(4)
    const before = tf.memory().numTensors
    const options = { ...base, rng: rng() }
    const uniform = await uniformBits(graph, 4, options)
    expect(uniform.bops / uniform.fullBops).toBeCloseTo(shareOf(4), 12)
    const float = await uniformBits(graph, 32, options)
    expect(float.bops).toBe(float.fullBops)
    const random = await randomBits(graph, share, options)
    expect(random.bops / random.fullBops).toBeLessThanOrEqual(share)
    const stages = await pruneThenQuantise(graph, { ...options, target: { bops: share }, pruned: 0.9 })
    expect(stages.share).toBeLessThanOrEqual(share)
    expect(stages.model.fullBops).toBe(plan.fullBops)
    const paths = await multiPathSearch(graph, { ...options, target: { bops: share } })
    expect(paths.share).toBeLessThanOrEqual(share)
    expect(paths.choice.bits.every(({ weights, activations }) => weights === activations)).toBe(true)
    expect(tf.memory().numTensors).toBe(before)
    for (const model of [uniform, float, random, stages.model, paths.model]) {
      using network = quantisedNetwork(model)
      expect(Number.isFinite(await accuracy(network, data.validation))).toBe(true)
    }
  })

  it('fine-tuning changes weights and clips, not bits', async () => {
    const model = await uniformBits(graph, 2, { ...base, rng: rng() })
    const before = tf.memory().numTensors
    const tuned = await fineTune(model, { data: data.train, epochs: 1, batchSize: 16, rng: rng() })
    expect(tf.memory().numTensors).toBe(before)
    expect(tuned.layers.map(({ weights, activations }) => [weights, activations])).toEqual(
      model.layers.map(({ weights, activations }) => [weights, activations]),
    )
    expect(tuned.layers[2]?.weightClip).not.toBe(model.layers[2]?.weightClip)
    const kernel = (of: typeof model) => of.graph.nodes.find(({ name }) => name === 'stem')
    expect(kernel(tuned)).not.toEqual(kernel(model))
  })
})
