import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  conv2d,
  countTensors,
  network as networkOf,
  pixelShuffle,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Batch, Network, Progress, Split } from '../../../core/trainer.ts'
import {
  downscaleBlurred,
  downscaleNearest,
  generatedPairs,
  type Picture,
  pairOf,
  patchSplit,
} from '../../../evaluators/data/images/index.ts'
import {
  bicubicDuals,
  buildDrn,
  type DualRegressionOptions,
  degradationDual,
  dualNetworks,
  dualRegressionTrainer,
  regressionLosses,
  unpairedDualLoss,
} from '../../../plugins/drn/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const patch = 6
const data = (scale: 2 | 3 | 4) =>
  patchSplit('train', generatedPairs(2, { scale, size: 12 * scale }), { patch, patches: 8 })
const drn = (scale: 2 | 4) =>
  buildDrn({ scale, blocks: 1, features: scale === 2 ? 8 : 4, input: [patch, patch, 3], rng: seeded('network') })

async function trained(
  network: Network,
  split: Split<'train'>,
  options: DualRegressionOptions = {},
  epochs = 2,
): Promise<readonly Progress[]> {
  const trainer = dualRegressionTrainer({ batchSize: 4, reportEvery: 2, learningRate: 1e-3, ...options })
  const reports: Progress[] = []
  for await (const report of trainer.fit(network, split, { epochs, rng: seeded('fit') })) reports.push(report)
  return reports
}

const weights = (variables: readonly tf.Variable[]) => variables.map((variable) => [...variable.dataSync()])

describe('closed-loop training', () => {
  it('lowers both losses, and repeats itself from a seed', { timeout: 120_000 }, async () => {
    const runs: (readonly Progress[])[] = []
    const run = async () => {
      using network = drn(4)
      runs.push(await trained(network, data(4), { dualLearningRate: 1e-2, learningRate: 3e-3 }, 6))
    }
    await run()
    await run()
    const [first, second] = runs
    expect(second).toEqual(first)
    const [start, end] = [first?.[0], first?.at(-1)]
    expect(end?.metrics.primal as number).toBeLessThan(0.8 * (start?.metrics.primal as number))
    expect(end?.metrics.dual as number).toBeLessThan(0.8 * (start?.metrics.dual as number))
    for (const { metrics } of first ?? [])
      expect(metrics.loss).toBeCloseTo((metrics.primal as number) + 0.1 * (metrics.dual as number), 2)
    expect(end).toMatchObject({ step: 12, steps: 12, epoch: 6 })
  })

  it('lets the rate fall along a cosine, epoch by epoch', async () => {
    using network = drn(2)
    const reports = await trained(network, data(2), { reportEvery: 1, learningRate: 1e-4 }, 4)
    const rates = reports.map(({ metrics }) => metrics.learningRate as number)
    expect(rates[0]).toBeCloseTo(1e-4, 10)
    expect(rates[1]).toBe(rates[0])
    expect(rates[4]).toBeCloseTo(1e-7 + (1e-4 - 1e-7) / 2, 9)
    expect(reports.length).toBe(8)
  })

  it('trains duals of the caller along, and leaves fixed ones and λ = 0 out of it', async () => {
    using network = drn(2)
    using duals = dualNetworks({ scale: 2, rng: seeded('duals') })
    const before = weights(duals.trainable)
    await trained(network, data(2), { duals, dualWeight: 0 }, 1)
    expect(weights(duals.trainable)).toEqual(before)
    await trained(network, data(2), { duals }, 1)
    expect(weights(duals.trainable)).not.toEqual(before)
    using fixed = bicubicDuals(2)
    const reports = await trained(network, data(2), { duals: fixed }, 1)
    expect(reports.at(-1)?.metrics.dual).toBeGreaterThan(0)
  })

  it('takes any network that enlarges, searched ones too, and leaves no tensor', { timeout: 120_000 }, async () => {
    const space = superResolutionSpace({ channels: 3, nodes: 1, cells: 2, scale: 4 })
    const plain = (scale: number): Network => {
      const scope = variableScope({ rng: seeded('plain') })
      const layer = conv2d(scope, { inputChannels: 3, filters: 3 * scale * scale, kernel: 3, bias: true })
      const shuffle = pixelShuffle({ factor: scale })
      return networkOf({
        scope,
        inputShape: [patch, patch, 3],
        outputShape: [patch * scale, patch * scale, 3],
        apply: (x, mode) => shuffle(layer(x, mode), mode),
      })
    }
    const run = async () => {
      const searched = space.decode(space.random(seeded('searched')))
      using first = space.build(searched, { input: [patch, patch, 3], classes: 0, rng: seeded(1) })
      using second = plain(3)
      for (const [network, split] of [
        [first, data(4)],
        [second, data(3)],
      ] as const) {
        const before = weights(network.trainable)
        const reports = await trained(network, split, {}, 1)
        expect(reports.at(-1)?.metrics.dual).toBeGreaterThan(0)
        expect(weights(network.trainable)).not.toEqual(before)
      }
      // Without the sizes in between, they are made of the large patch.
      const pairs = data(4)
      const bare: Split<'train'> = {
        ...pairs,
        *batches(options) {
          for (const { inputs, targets, between } of pairs.batches(options)) {
            tf.dispose([...between])
            yield { inputs, targets }
          }
        },
      }
      await trained(first, bare, {}, 1)
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('adapts: unpaired small images take part in the dual loss', async () => {
    const real = generatedPairs(2, { scale: 2, size: 24, seed: 9 }).map(({ name, lr }) => pairOf(name, lr, 1))
    const unpaired = patchSplit('train', real, { patch, patches: 4 })
    const run = async (options: DualRegressionOptions) => {
      using network = drn(2)
      const reports = await trained(network, data(2), options, 1)
      return { reports, weights: weights(network.trainable) }
    }
    const mixed = await run({ unpaired, unpairedRatio: 0.5 })
    // Two of four examples of a batch are paired: eight make four steps.
    expect(mixed.reports.at(-1)?.steps).toBe(4)
    const control = await run({ batchSize: 2 })
    expect(control.reports.at(-1)?.steps).toBe(4)
    expect(mixed.weights).not.toEqual(control.weights)
    expect(await countTensors(async () => void (await run({ unpaired })))).toEqual({ tensors: 0, buffers: 0 })
  })

  it.each([
    ['every second pixel', undefined, (image: Picture) => downscaleNearest(image, 4)],
    ['a centred blur', 1.6, (image: Picture) => downscaleBlurred(image, { sigma: 1.6 }, 4)],
  ] as const)('knows %s as a way back that is not learnt', async (_, sigma, shrink) => {
    const { hr } = generatedPairs(1, { scale: 4, size: 32, seed: 3 })[0]!
    using dual = degradationDual(4, sigma === undefined ? {} : { sigma })
    const small = tf.tidy(() => {
      const x = tf.tensor4d(Float32Array.from(hr.pixels), [1, hr.height, hr.width, 3])
      return [...(dual.layers[0]!(x, { training: false }) as tf.Tensor).dataSync()]
    })
    const expected = [...shrink(hr).pixels]
    expect(small).toHaveLength(expected.length)
    // Images are rounded to bytes.
    expect(Math.max(...small.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(0.51)
    expect(dual.trainable).toEqual([])
    expect(() => degradationDual(40)).toThrow(/ARCHLOOM_OPTION/)
  })

  it('adapts by a way back of the unpaired images alone', async () => {
    const run = async (options: DualRegressionOptions) => {
      using network = drn(2)
      const real = generatedPairs(2, { scale: 2, size: 24, seed: 9 }).map(({ name, lr }) => pairOf(name, lr, 1))
      const unpaired = patchSplit('train', real, { patch, patches: 4 })
      await trained(network, data(2), { dualWeight: 0, unpaired, unpairedRatio: 0.5, ...options })
      return weights(network.trainable)
    }
    const plain = await run({})
    using known = degradationDual(2)
    // Without a weight of its own the way back counts as much as that of the pairs: not at all here.
    expect(await run({ unpairedDuals: known })).toEqual(plain)
    const adapted = await run({ unpairedDuals: known, unpairedWeight: 1 })
    expect(adapted).not.toEqual(plain)
    using own = dualNetworks({ scale: 2, rng: seeded('own') })
    const before = weights(own.trainable)
    expect(await run({ unpairedDuals: own, unpairedWeight: 1 })).not.toEqual(adapted)
    expect(weights(own.trainable)).not.toEqual(before)
    expect(() => dualRegressionTrainer({ unpairedWeight: -1 })).toThrow(/ARCHLOOM_OPTION.*unpairedWeight/)
  })

  it('weighs every image of the dual loss alike, paired or not', async () => {
    using network = drn(4)
    using duals = dualNetworks({ scale: 4, rng: seeded('duals') })
    const noise = (n: number, side: number, seed: number) =>
      tf.randomUniform<tf.Rank.R4>([n, side, side, 3], 0, 255, 'float32', seed)
    const split = (make: () => Batch): Split<'train'> => ({
      role: 'train',
      size: 3,
      inputShape: [patch, patch, 3],
      classes: 0,
      batches: () => [make()],
    })
    const [lr, middle, hr] = [() => noise(3, 6, 1), () => noise(3, 12, 2), () => noise(3, 24, 3)]
    const foreign = () => noise(1, 6, 4)
    const expected = tf.tidy(() => {
      const mode = { training: false }
      const t = [lr(), middle(), hr()]
      const paired = regressionLosses(network.outputs(t[0] as tf.Tensor, mode), t, duals, mode).dual
      const unpaired = unpairedDualLoss(network.outputs(foreign(), mode), foreign(), duals, mode)
      return (paired.dataSync()[0] as number) + (unpaired.dataSync()[0] as number) / 3
    })
    const data = split(() => ({ inputs: lr(), targets: hr(), between: [middle()] }) as Batch)
    const unpaired = split(() => ({ inputs: foreign(), targets: tf.zeros([1, 1, 1, 3]) }))
    const [first] = await trained(network, data, { duals, unpaired, unpairedRatio: 0.25, reportEvery: 1 }, 1)
    expect(first?.metrics.dual).toBeCloseTo(expected, 2)
  })

  it('skips steps whose loss leaps, and stops where the loss is no number', async () => {
    using network = drn(2)
    const reports = await trained(network, data(2), { skipAbove: 1.000001, learningRate: 1e-9 }, 4)
    expect(reports.reduce((sum, { metrics }) => sum + (metrics.skipped as number), 0)).toBeGreaterThan(0)
    const [variable] = network.trainable
    tf.tidy(() => variable?.assign(tf.fill(variable.shape, Number.NaN)))
    await expect(trained(network, data(2))).rejects.toThrow('ARCHLOOM_TRAINING_DIVERGED')
  })

  it('refuses what it cannot train', async () => {
    using network = drn(2)
    await expect(trained(network, data(4))).rejects.toThrow('ARCHLOOM_DRN_SCALE')
    const { upscale: _, ...plain } = network
    await expect(trained(plain, data(2), { onTrained: () => {} })).rejects.toThrow(/ARCHLOOM_OPTION.*upscale/)
    await expect(trained(network, data(2), {}, 0)).rejects.toThrow('ARCHLOOM_OPTION')
    const empty: Split<'train'> = {
      role: 'train',
      size: 4,
      inputShape: [patch, patch, 3],
      classes: 0,
      batches: () => [],
    }
    await expect(trained(network, empty)).rejects.toThrow('ARCHLOOM_TRAINING_NO_BATCHES')
    expect(() => dualRegressionTrainer({ dualWeight: -1 })).toThrow('ARCHLOOM_OPTION')
    expect(() => dualRegressionTrainer({ batchSize: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => dualRegressionTrainer({ batchSize: 2, unpaired: empty, unpairedRatio: 0.1 })).toThrow(
      'ARCHLOOM_OPTION',
    )
    const stop = new AbortController()
    stop.abort()
    const trainer = dualRegressionTrainer({ batchSize: 4 })
    const aborted = async () => {
      for await (const _ of trainer.fit(network, data(2), { epochs: 1, rng: seeded(1), signal: stop.signal }));
    }
    await expect(aborted()).rejects.toThrow('aborted')
  })
})
