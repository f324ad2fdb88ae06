import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { createSearch, seeded } from 'archloom'
import { generatedImages, prefix } from 'archloom/evaluators/data'
import { cacp, cacpController, conditionalEvolution, prunedAccuracy } from 'archloom/plugins/cacp'
import { random } from 'archloom/plugins/random'
import { useEngine } from 'archloom/tensor'
import { proposed } from 'archloom/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { calibrate } from '../../../plugins/cacp/calibration.ts'
import { compressChannels, fineTune } from '../../../plugins/cacp/compress.ts'
import { cholesky, reconstruct, reconstructFromRows, solveCholesky } from '../../../plugins/cacp/normal-equations.ts'
import { channelImportance, largest, pruneChannels } from '../../../plugins/cacp/prune.ts'
import { graphAccuracy } from '../../../plugins/cacp/pruned-accuracy.ts'
import { RateRewards } from '../../../plugins/cacp/reward.ts'
import { bestOfRates, pruningSearch, remembered, violations } from '../../../plugins/cacp/search.ts'
import { minMax, stateRows } from '../../../plugins/cacp/state.ts'
import {
  channelSpace,
  graphCost,
  graphNetwork,
  type LayerGraph,
  pruningProblem,
  resNetGraph,
  vggGraph,
} from '../../../search-spaces/compression/prunable.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'

await useEngine('wasm')

const data = generatedImages({ train: 64, validation: 32, test: 32, classes: 3, size: 8 })
const network = () => vggGraph({ layers: [4, 6, 'pool', 6], size: 8, classes: 3, rng: seeded(3) })
const logits = (graph: LayerGraph) => {
  using net = graphNetwork(graph)
  return tf.tidy(() => net.apply(tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 5), { training: false }).dataSync())
}
const quick = { hidden: 8, warmUp: { episodes: 4 }, batchSize: 8 }

describe('least squares', () => {
  const normals = (count: number, seed: number) => {
    const rng = seeded(seed)
    return Float64Array.from({ length: count }, () => rng.normal())
  }
  /** XᵀX of rows of n values. */
  const gramOf = (x: Float64Array, n: number) => {
    const gram = new Float64Array(n * n)
    for (let row = 0; row < x.length / n; row++)
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) gram[i * n + j] = gram[i * n + j]! + x[row * n + i]! * x[row * n + j]!
    return gram
  }

  it('solves a positive definite system, and refuses another', () => {
    const a = gramOf(normals(40, 1), 5)
    const [factor, solution] = [a.slice(), normals(10, 2)]
    const right = solution.slice()
    expect(cholesky(factor, 5)).toBe(true)
    solveCholesky(factor, 5, right, 2)
    for (let i = 0; i < 5; i++)
      for (let c = 0; c < 2; c++) {
        const product = [0, 1, 2, 3, 4].reduce((sum, k) => sum + a[i * 5 + k]! * right[k * 2 + c]!, 0)
        expect(product).toBeCloseTo(solution[i * 2 + c] as number, 9)
      }
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBe(false)
  })

  it('CO8 with every channel kept gives W back, also with fewer rows than columns', () => {
    const w = normals(6 * 4, 3)
    for (const rows of [40, 3]) {
      const found = reconstruct(gramOf(normals(rows * 6, 4), 6), 6, w, 4, [0, 1, 2, 3, 4, 5], 1e-6)
      found.forEach((value, i) => {
        expect(Math.abs(value - w[i]!)).toBeLessThan(1e-6)
      })
    }
  })

  it('what a dropped input says through a kept one moves to the kept one', () => {
    // Input 2 is twice input 0: nothing is lost without it.
    const x = normals(50 * 3, 5)
    for (let row = 0; row < 50; row++) x[row * 3 + 2] = 2 * x[row * 3]!
    const found = reconstruct(gramOf(x, 3), 3, Float64Array.of(1, 10, 3, -1, 5, 7), 2, [0, 1], 1e-12)
    expect([...found].map((value) => Math.round(1e6 * value) / 1e6)).toEqual([11, 24, 3, -1])
  })

  it('of few rows has the same solution in a system of as many unknowns as rows', () => {
    const [rows, n, columns] = [7, 20, 3]
    const x = Float64Array.from(Float32Array.from(normals(rows * n, 6)))
    const w = normals(n * columns, 7)
    for (const kept of [[0, 1, 5, 6, 11, 19], [3], Array.from({ length: n }, (_, i) => i)]) {
      const expected = reconstruct(gramOf(x, n), n, w, columns, kept, 1e-3)
      const received = reconstructFromRows(Float32Array.from(x), rows, n, w, columns, kept, 1e-3)
      expect(received).toHaveLength(expected.length)
      for (const [i, value] of expected.entries()) expect(received[i]).toBeCloseTo(value, 9)
    }
    expect([...reconstructFromRows(new Float32Array(6), 2, 3, Float64Array.of(1, 2, 3), 1, [0, 2], 1e-6)]).toEqual([
      1, 3,
    ])
  })

  it('an input that was never seen leaves the weights alone', () => {
    expect([...reconstruct(new Float64Array(9), 3, Float64Array.of(1, 2, 3), 1, [0, 2], 1e-6)]).toEqual([1, 3])
  })
})

describe('pruning', () => {
  it('CO15 keeps the channels that their readers weigh most, the first of equals', () => {
    const problem = pruningProblem(network())
    const importance = channelImportance(problem, 1)
    const reader = problem.choices[1]?.reader
    const sums = Array.from({ length: 6 }, (_, j) =>
      [...(reader?.kernel.data ?? [])].reduce(
        (sum, w, at) => sum + (Math.floor(at / 6) % 6 === j ? Math.abs(w) : 0),
        0,
      ),
    )
    importance.forEach((value, j) => {
      expect(value).toBeCloseTo(sums[j] as number, 9)
    })
    expect(largest([1, 3, 2, 3, 0.5], 2)).toEqual([1, 3])
    expect(largest([2, 2, 2], 2)).toEqual([0, 1])
    expect(largest([1, 5, 2], 2)).toEqual([1, 2])
  })

  it('CO7 everything kept is the network itself, its accuracy the same', async () => {
    const problem = pruningProblem(network())
    const calibration = await calibrate(problem, data.train, { images: 16, points: 6, rng: seeded(1) })
    const kept = problem.choices.map(({ channels }) => channels)
    const same = pruneChannels(problem, kept, calibration)
    const [before, after] = [logits(problem.graph), logits(same)]
    after.forEach((value, i) => {
      expect(Math.abs(value - before[i]!)).toBeLessThan(1e-4)
    })
    expect(await graphAccuracy(same, data.validation)).toEqual(await graphAccuracy(problem.graph, data.validation))
  })

  it('reconstruction brings the outputs nearer to those of the whole network; strided and residual ones too', async () => {
    for (const graph of [
      network(),
      resNetGraph({ depth: 8, widths: [6, 8, 10], size: 8, classes: 3, rng: seeded(2) }),
    ]) {
      const problem = pruningProblem(graph, { groups: 'all' })
      const before = tf.memory().numTensors
      const calibration = await calibrate(problem, data.train, { images: 64, points: 12, rng: seeded(1) })
      expect(tf.memory().numTensors).toBe(before)
      const kept = problem.choices.map(({ channels }) => Math.ceil(0.6 * channels))
      const inputs = [...data.train.batches({ batchSize: 64 })][0]
      const out = (small: LayerGraph) => {
        using net = graphNetwork(small)
        return tf.tidy(() => net.apply(inputs?.inputs as tf.Tensor, { training: false }).dataSync())
      }
      const whole = out(graph)
      const far = (small: LayerGraph) => [...out(small)].reduce((sum, y, i) => sum + (y - whole[i]!) ** 2, 0)
      expect(far(pruneChannels(problem, kept, calibration))).toBeLessThan(0.7 * far(pruneChannels(problem, kept)))
      tf.dispose([inputs?.inputs, inputs?.targets] as tf.Tensor[])
    }
  })

  it('an empty calibration set is ARCHLOOM_CACP_CALIBRATION', async () => {
    const problem = pruningProblem(network())
    const empty = { ...data.train, size: 0 }
    await expect(calibrate(problem, empty, { rng: seeded(1) })).rejects.toThrow(/ARCHLOOM_CACP_CALIBRATION.*0 images/)
    const dry = { ...data.train, batches: () => [] }
    await expect(calibrate(problem, dry, { rng: seeded(1) })).rejects.toThrow('ARCHLOOM_CACP_CALIBRATION')
  })
})

describe('states and rewards', () => {
  it('columns go from 0 to 1, constant ones stay', () => {
    expect(
      minMax([
        [1, 5, 0],
        [3, 5, 2],
        [2, 5, 8],
      ]),
    ).toEqual([
      [0, 5, 0],
      [1, 5, 0.25],
      [0.5, 5, 1],
    ])
  })

  it('a state holds what went, what can still go, the last action and the rate, unless it is blind', () => {
    const problem = pruningProblem(network())
    const rows = stateRows(problem)
    const first = rows.state(0, 0.3, [], 1, 'rate')
    expect(first).toHaveLength(11)
    expect(first.slice(7, 11)).toEqual([0, first[8], 1, 0.3])
    const later = rows.state(1, 0.3, [2], 0.4, 'blind')
    const whole = problem.choices.map(({ channels }) => channels)
    expect(later[7]).toBeCloseTo(1 - problem.cost([2, ...whole.slice(1)]) / problem.multiplyAdds, 12)
    expect(later[8]).toBeLessThan(first[8]!)
    expect(later.slice(9)).toEqual([0.4, 0])
    expect(rows.state(2, 0.3, [2, 3], 0.4, 'rate')[8]).toBe(0)
  })

  it('rewards of each rate are compared with its own mean', () => {
    const difference = new RateRewards(2, { kind: 'difference', decay: 0.5 })
    expect([difference.reward(0, 0.2), difference.reward(1, 0.8), difference.reward(0, 0.4)]).toEqual([0, 0, 0.2])
    expect(difference.reward(0, 0.3)).toBeCloseTo(0, 12)
    const ratio = new RateRewards(1, { kind: 'ratio', decay: 0.5 })
    expect([ratio.reward(0, 0.2), ratio.reward(0, 0.3)]).toEqual([1, 0.3 / 0.2])
    expect(new RateRewards(1, { kind: 'accuracy' }).reward(0, 0.7)).toBe(0.7)
    // The journal's form: fixed means to begin with, which hardly move.
    const journal = new RateRewards(2, { kind: 'difference', decay: 0.999, start: [0.614, 0.85] })
    expect(journal.reward(0, 0.714)).toBeCloseTo(0.1, 12)
    expect(journal.means[0]).toBeCloseTo(0.614 + 0.1 / 1000, 12)
    expect(journal.reward(1, 0.85)).toBeCloseTo(0, 12)
  })
})

describe('the controller', () => {
  const space = channelSpace(network(), { rates: [0.4, 0.7] })
  const made = (kept: readonly number[]) => kept.reduce((sum, count, i) => sum + (i + 1) * count, 0) / 40

  it('takes rates in turn, stays within every budget, and repeats itself from the same seed', async () => {
    const run = () =>
      pruningSearch(space, cacpController(quick)(space, seeded(1)), made, { episodes: 14, rng: seeded(2) })
    const episodes = await run()
    expect(episodes.map(({ rate }) => rate).slice(0, 4)).toEqual([0.4, 0.7, 0.4, 0.7])
    expect(violations(space.problem, episodes)).toBe(0)
    expect(episodes.at(-1)?.diagnostics.criticLoss).toBeGreaterThan(0)
    expect(episodes[4]?.diagnostics.criticLoss).toBeUndefined()
    expect(await run()).toEqual(episodes)
    const [low, high] = bestOfRates(episodes, [0.4, 0.7])
    expect(low?.accuracy).toBe(Math.max(...episodes.filter(({ rate }) => rate === 0.4).map(({ accuracy }) => accuracy)))
    expect(high?.rate).toBe(0.7)
  })

  it('updates so often per transition as it is told, and keeps a count of it', async () => {
    const choices = space.problem.choices.length
    for (const updates of [undefined, 3]) {
      const controller = cacpController({ ...quick, ...(updates && { updates }) })(space, seeded(1))
      await pruningSearch(space, controller, made, { episodes: 9, rng: seeded(2) })
      // Episodes 0 to 4 are the warm-up.
      expect(controller.agent.criticOptimizer.steps).toBe(4 * choices * (updates ?? 1))
      expect(controller.agent.actorOptimizer.steps).toBe(4 * choices * (updates ?? 1))
    }
  })

  it('keeps its noise above a floor, or a noise of its own for each rate', () => {
    /** How much actions at the second rate vary after twenty episodes at the first. */
    const spread = (exploration: NonNullable<Parameters<typeof cacpController>[0]>['exploration']) => {
      const make = (seed: number) => {
        const controller = cacpController({
          ...quick,
          warmUp: { episodes: 0 },
          exploration: { sd: 0.5, decay: 0.5, ...exploration },
        })(space, seeded(1))
        for (let trial = 0; trial < 20; trial++) controller.propose(seeded(trial), { condition: { rate: 0.4 } })
        const { actions } = proposed(controller.propose(seeded(seed), { condition: { rate: 0.7 } })).context as {
          actions: number[]
        }
        return actions[0]!
      }
      const drawn = Array.from({ length: 12 }, (_, seed) => make(100 + seed))
      return Math.max(...drawn) - Math.min(...drawn)
    }
    // As published: the noise of both rates is gone.
    expect(spread({ floor: 0 })).toBeLessThan(1e-4)
    expect(spread({ floor: 0.2 })).toBeGreaterThan(0.1)
    expect(spread({ floor: 0, per: 'rate' })).toBeGreaterThan(0.1)
    // The default keeps some.
    expect(spread({})).toBeGreaterThan(0.02)
  })

  it('has the rate that a search of hundreds of updates needs; the published one on request', () => {
    const rate = (options: Parameters<typeof cacpController>[0]) =>
      cacpController({ ...quick, ...options })(space, seeded(1)).agent.options.actorLearningRate
    expect([rate({}), rate({ actorLearningRate: 1e-4 })]).toEqual([1e-3, 1e-4])
  })

  it('takes failed trials and conditions', () => {
    const controller = cacpController(quick)(space, seeded(1))
    for (let trial = 0; trial < 14; trial++) {
      const proposal = proposed(controller.propose(seeded(9).fork(trial)))
      const failed = trial % 5 === 3
      const reward = made(space.decode(proposal.genotype).kept)
      controller.observe([{ trial, proposal, objectives: [], metrics: {}, ...(!failed && { reward }) }])
    }
    const asked = proposed(controller.propose(seeded(1), { condition: { rate: 0.7 } }))
    expect(space.decode(asked.genotype).rate).toBe(0.7)
  })

  it('rolls out without noise, for rates that it never saw, and refuses those that cannot be', () => {
    const controller = cacpController(quick)(space, seeded(1))
    for (const rate of [0.35, 0.55, 0.9]) {
      const kept = controller.greedy(rate)
      expect(kept).toEqual(controller.greedy(rate))
      expect(space.problem.cost(kept)).toBeLessThanOrEqual(rate * space.problem.multiplyAdds)
    }
    expect(() => controller.greedy(0.01)).toThrow('ARCHLOOM_PRUNING_INFEASIBLE')
  })

  it('evolution keeps the same budgets, and gets better', async () => {
    const controller = conditionalEvolution({ population: 4, sample: 3 })(space, seeded(1))
    const episodes = await pruningSearch(space, controller, made, { episodes: 80, rng: seeded(2) })
    expect(violations(space.problem, episodes)).toBe(0)
    const mean = (part: typeof episodes) => part.reduce((sum, { accuracy }) => sum + accuracy, 0) / part.length
    expect(mean(episodes.slice(-20))).toBeGreaterThan(mean(episodes.slice(0, 8)))
  })

  it('other spaces are ARCHLOOM_CACP_SPACE, other options ARCHLOOM_OPTION', async () => {
    expect(() => cacpController()(toySpace(), seeded(1))).toThrow(/ARCHLOOM_CACP_SPACE.*"toy"/)
    expect(() => conditionalEvolution()(toySpace(), seeded(1))).toThrow('ARCHLOOM_CACP_SPACE')
    const parts = { space: toySpace(), rng: seeded(1) } as never
    await expect((async () => prunedAccuracy({ data }).create(parts))()).rejects.toThrow('ARCHLOOM_CACP_SPACE')
    expect(() => cacp({ hidden: 0 })).toThrow(/ARCHLOOM_OPTION.*hidden" is 0/)
    expect(() => cacp({ exploration: { decay: 2 } })).toThrow(/ARCHLOOM_OPTION.*decay" is 2/)
    expect(() => cacp({ exploration: { floor: -1 } })).toThrow(/ARCHLOOM_OPTION.*floor" is -1/)
    expect(() => cacp({ exploration: { per: 'layer' as never } })).toThrow(/ARCHLOOM_OPTION.*per" is "layer"/)
    expect(() => cacp({ updates: 0.5 })).toThrow(/ARCHLOOM_OPTION.*updates" is 0.5/)
    expect(() => cacp({ rewardMeans: { decay: 1 } })).toThrow(/ARCHLOOM_OPTION.*rewardMeans.decay" is 1/)
    expect(() => cacp({ rewardMeans: { start: [61.4] } })).toThrow(/ARCHLOOM_OPTION.*start\[0\]" is 61.4;/)
    expect(() => cacp({ reward: 'loud' as never })).toThrow(/ARCHLOOM_OPTION.*difference/)
  })

  it('measures equal prunings once', async () => {
    let measured = 0
    const measure = remembered((kept) => {
      measured++
      return kept[0] as number
    })
    expect([await measure([1, 2]), await measure([1, 2]), await measure([1, 3])]).toEqual([1, 1, 1])
    expect(measured).toBe(2)
  })
})

describe('the whole', () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-cacp-'))
  afterAll(() => rmSync(directory, { recursive: true }))

  it('searches through createSearch, cites, and refuses other spaces', async () => {
    const parts = { objectives: { accuracy: 'maximise' }, budget: { maxTrials: 6 }, seed: 3 } as const
    const evaluator = prunedAccuracy({ data, calibration: { images: 16, points: 4 } })
    await using search = createSearch({
      space: channelSpace(network(), { rates: [0.4, 0.7] }),
      evaluator,
      plugins: [cacp(quick)],
      ...parts,
      study: { name: 'cacp', directory },
    })
    expect(search.describe()).toContain('cacp')
    expect(search.cite()).toContain('liu2021conditional')
    await search.finish()
    const [best] = search.best(1)
    expect(best?.metrics.share).toBeLessThanOrEqual(best?.architecture.rate as number)
    const others = { ...parts, budget: { maxTrials: 3 }, study: { name: 'random', directory } }
    await using sampled = createSearch({
      space: channelSpace(network(), { rates: [0.4] }),
      evaluator,
      plugins: [random()],
      ...others,
    })
    await sampled.finish()
    for (const { metrics } of sampled.best(3)) expect(metrics.share).toBeLessThanOrEqual(0.4)
    const wrong = { space: toySpace() as never, evaluator, plugins: [cacp()], ...parts }
    expect(() => createSearch({ ...wrong, study: { name: 'wrong', directory } })).toThrow(
      /ARCHLOOM_PLUGIN_NEEDS.*channels/,
    )
  })

  it('compresses to every rate and to one never trained for; the networks are smaller, and can be fine-tuned', async () => {
    const before = tf.memory().numTensors
    const graph = network()
    const compression = await compressChannels(graph, {
      data,
      rates: [0.4, 0.7],
      episodes: 8,
      controller: quick,
      calibration: { images: 16, points: 4 },
    })
    expect(compression.best.map(({ rate }) => rate)).toEqual([0.4, 0.7])
    for (const { rate, share, graph: small, multiplyAdds, accuracy } of [
      ...compression.best,
      await compression.at(0.55),
    ]) {
      expect(share).toBeLessThanOrEqual(rate)
      expect(graphCost(small).multiplyAdds).toBe(multiplyAdds)
      expect((await graphAccuracy(small, data.validation)).accuracy).toBe(accuracy)
    }
    const small = compression.best[0]?.graph as LayerGraph
    const tuned = await fineTune(small, { data, epochs: 1 })
    expect(graphCost(tuned)).toEqual(graphCost(small))
    expect(logits(tuned)).not.toEqual(logits(small))
    expect(tf.memory().numTensors).toBe(before)
    await expect(compression.at(0.001)).rejects.toThrow('ARCHLOOM_PRUNING_INFEASIBLE')
  })

  it('takes a network of a space as it is, and says where NaN weights lie', async () => {
    using net = toySpace().build({ layers: 2, filters: 8, kernel: 3 }, { input: [8, 8, 3], classes: 3, rng: seeded(1) })
    const options = { data: { ...data, train: prefix(data.train, 32) }, rates: [0.5], episodes: 3, controller: quick }
    const { best, whole } = await compressChannels(net, { ...options, calibration: { images: 8, points: 2 } })
    expect(best[0]?.multiplyAdds).toBeLessThanOrEqual(0.5 * whole.multiplyAdds)
    const graph = network()
    const [first, ...rest] = graph.nodes
    if (first?.op !== 'convolution') throw new Error('the first node is a convolution')
    const kernel = { ...first.kernel, data: first.kernel.data.map((w, i) => (i === 5 ? Number.NaN : w)) }
    const broken = { ...graph, nodes: [{ ...first, kernel }, ...rest] }
    await expect(compressChannels(broken, options)).rejects.toThrow(/ARCHLOOM_PRUNABLE_WEIGHTS.*index 5/)
  })
})
