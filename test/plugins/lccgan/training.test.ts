import * as tf from '@tensorflow/tfjs-core'
import { mixture, pointSplit } from 'archloom/evaluators/data'
import {
  approximationGap,
  autoEncoderTrainer,
  convolutionalAutoEncoder,
  convolutionalGan,
  denseAutoEncoder,
  denseGan,
  embeddingsOf,
  type GameOptions,
  type Gan,
  game,
  ganTrainer,
  gaussianSampler,
  generated,
  lccganTrainer,
  lccSampler,
  learnBasesByAdam,
  learnLatent,
  releasedLoss,
  rowsOf,
  walked,
} from 'archloom/plugins/lccgan'
import { useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import type { FitOptions, Progress, Trainer } from '../../../core/trainer.ts'

await useEngine('wasm')

const tensorCount = () => tf.memory().numTensors
const points = (count = 200) => pointSplit('train', mixture({ modes: 4, noise: 0.02 }).draw(count, seeded(1)))
const bases = rowsOf([1, 0, 0, 1, -1, 0, 0, -1, 0.6, 0.6], 2)
const local = (neighbours = 3) => lccSampler({ bases, neighbours })
const small = (latentDimension = 2) => denseGan({ latentDimension, dimension: 2, width: 8, rng: seeded(2) })
const settings: GameOptions = {
  loss: 'log',
  learningRate: 1e-3,
  discriminatorLearningRate: 1e-3,
  beta1: 0.5,
  beta2: 0.999,
  penalty: 10,
  generatorBatchSize: 'same',
  approximationWeight: 0,
  approximationOrder: 2,
  approximationExamples: 4,
}
const values = async (variables: readonly tf.Variable[]) =>
  (await Promise.all(variables.map((variable) => variable.data()))).map((data) => [...data])
async function fitted(trainer: Trainer, network: Gan, data = points(), options: Partial<FitOptions> = {}) {
  const progress: Progress[] = []
  for await (const each of trainer.fit(network, data, { epochs: 1, rng: seeded(3), ...options })) progress.push(each)
  return progress
}

describe('networks', () => {
  it('LO9 are the released ones: 3,576,704, 6,832,640 and 7,643,648 parameters; 64×64×3 in [−1, 1]', () => {
    const shape = [64, 64, 3]
    // By the number f of features, with 100 codes; 64 are too many weights to draw in a test.
    const decoder = (f: number) => 16 * (100 * 8 * f + (32 + 8 + 2) * f * f + 3 * f) + 2 * 15 * f
    const encoder = (f: number, outputs: number) =>
      16 * (6 * f + (8 + 32 + 64) * f * f + 8 * f * outputs) + 2 * (4 + 8 + 8) * f
    expect([decoder(64), encoder(64, 1), encoder(64, 100)]).toEqual([3_576_704, 6_832_640, 7_643_648])
    const count = (variables: readonly tf.Variable[]) => variables.reduce((sum, { size }) => sum + size, 0)
    using slim = convolutionalGan({ shape, latentDimension: 100, features: 2, rng: seeded(1) })
    expect(count(slim.generator.trainable)).toBe(decoder(2))
    expect(count(slim.discriminator.trainable)).toBe(encoder(2, 1))
    using coder = convolutionalAutoEncoder({ shape, latentDimension: 100, features: 2, rng: seeded(1) })
    expect(count(coder.scope.child('encoder').trainable)).toBe(encoder(2, 100))
    expect(count(coder.scope.child('decoder').trainable)).toBe(decoder(2))
    const image = tf.tidy(() =>
      slim.apply(tf.randomNormal([1, 100], 0, 1, 'float32', 5), { training: true }).dataSync(),
    )
    expect(image).toHaveLength(64 * 64 * 3)
    expect(Math.max(...image.map(Math.abs))).toBeLessThanOrEqual(1)
  })

  it.each([
    [28, 'transposed', 2, 1],
    [28, 'nearest', 3, 0],
    [16, 'transposed', 6, 0],
    [24, 'nearest', 5, 0],
  ] as const)(
    'make and judge images of side %d (%s, kernel %d, %d more convolutions)',
    (side, upsampling, kernel, extra) => {
      const before = tensorCount()
      {
        const body = { upsampling, kernel, extra, features: 2 }
        using made = convolutionalGan({ shape: [side, side, 1], latentDimension: 3, ...body, rng: seeded(1) })
        tf.tidy(() => {
          const images = made.apply(tf.ones([2, 3]), { training: true })
          expect(images.shape).toEqual([2, side, side, 1])
          expect(made.discriminate(images, { training: true }).shape).toEqual([2, 1])
        })
      }
      expect(tensorCount()).toEqual(before)
    },
  )

  it('refuse what they cannot make', () => {
    const make = (options: object) => () =>
      convolutionalGan({ shape: [28, 28, 1], latentDimension: 3, rng: seeded(1), ...options })
    expect(make({ shape: [30, 28, 1] })).toThrow(/ARCHLOOM_OPTION.*shape/)
    expect(make({ shape: [3, 3, 1] })).toThrow(/ARCHLOOM_OPTION.*shape/)
    expect(make({ kernel: 3 })).toThrow(/ARCHLOOM_OPTION.*kernel" is 3.*2, 4, 6/)
    expect(make({ features: 0 })).toThrow(/ARCHLOOM_OPTION.*features/)
    expect(() => denseGan({ latentDimension: 0, dimension: 2, rng: seeded(1) })).toThrow(/ARCHLOOM_OPTION/)
  })
})

describe('the game', () => {
  it('LO8 costs 2 ln 2 and ln 2 where the discriminator has no opinion', () => {
    using network = small()
    tf.tidy(() => {
      for (const variable of network.discriminator.trainable) variable.assign(tf.zerosLike(variable as tf.Tensor))
    })
    using play = game(network, local(), { ...settings, discriminatorLearningRate: 1e-12 })
    const real = tf.ones([6, 2])
    const { discriminator, generator } = play.step(real, seeded(1))
    real.dispose()
    expect(discriminator).toBeCloseTo(2 * Math.LN2, 5)
    expect(generator).toBeCloseTo(Math.LN2, 5)
  })

  it.each(['same', 'fresh'] as const)(
    'moves both sides, each by its own gradient, and leaks nothing (%s batch)',
    async (generatorBatchSize) => {
      using network = small()
      const play = game(network, local(), { ...settings, generatorBatchSize })
      const real = tf.ones([6, 2])
      play.step(real, seeded(1))
      const [before, tensors] = [await values(network.trainable), tensorCount()]
      for (let i = 0; i < 3; i++) play.step(real, seeded(i))
      expect(tensorCount()).toEqual(tensors)
      const after = await values(network.trainable)
      for (const [i, own] of after.entries()) expect(own).not.toEqual(before[i])
      const generator = await values(network.generator.trainable)
      play.discriminatorStep(real, seeded(9))
      expect(await values(network.generator.trainable)).toEqual(generator)
      play[Symbol.dispose]()
      real.dispose()
    },
  )

  it('same and fresh differ only in what the generator is judged on', () => {
    const first = (generatorBatchSize: 'same' | 'fresh') => {
      using network = small()
      using play = game(network, local(), { ...settings, generatorBatchSize })
      const real = tf.ones([6, 2])
      const losses = play.step(real, seeded(1))
      real.dispose()
      return losses
    }
    expect(first('same').discriminator).toBeCloseTo(first('fresh').discriminator, 6)
    expect(first('same').generator).not.toBeCloseTo(first('fresh').generator, 6)
  })

  it('of Wasserstein with a linear critic: the penalty is λ(‖w‖ − 1)² whatever the examples', () => {
    using network = denseGan({ latentDimension: 2, dimension: 2, width: 8, rng: seeded(2) })
    const w = tf.variable(tf.tensor2d([[3], [4]]))
    const critic: Gan = { ...network, discriminate: (x) => tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D) }
    Object.defineProperty(critic, 'discriminator', { value: { trainable: [w], stateful: [] } })
    using play = game(critic, local(), { ...settings, loss: 'wasserstein', discriminatorLearningRate: 1e-12 })
    const real = tf.tensor2d([
      [1, 0],
      [2, 2],
    ])
    const loss = play.discriminatorStep(real, seeded(1))
    const fake = tf.tidy(() => {
      const z = tf.tensor2d(local().draw(2, seeded(1)), [2, 2])
      const scores = tf.matMul(network.apply(z, { training: true }) as tf.Tensor2D, w as unknown as tf.Tensor2D)
      return tf.mean(scores).dataSync()[0] as number
    })
    expect(loss).toBeCloseTo(fake - (3 + 14) / 2 + 10 * (5 - 1) ** 2, 2)
    tf.dispose([real, w])
  })

  it('refuses batch statistics under a gradient penalty, and a gap without bases', () => {
    using judged = convolutionalGan({ shape: [8, 8, 1], latentDimension: 2, features: 2, rng: seeded(1) })
    const wasserstein = { ...settings, loss: 'wasserstein' as const }
    using fine = convolutionalGan({
      shape: [16, 16, 1],
      latentDimension: 2,
      features: 2,
      rng: seeded(1),
      discriminatorNormalisation: 'none',
    })
    game(fine, local(), wasserstein)[Symbol.dispose]()
    expect(judged.discriminator.stateful.length).toBe(0)
    using deep = convolutionalGan({ shape: [16, 16, 1], latentDimension: 2, features: 2, rng: seeded(1) })
    expect(() => game(deep, local(), wasserstein)).toThrow(/ARCHLOOM_LCCGAN_NETWORK.*batch statistics/)
    using network = small()
    const gap = { ...settings, approximationWeight: 1 }
    expect(() => game(network, gaussianSampler({ dimension: 2 }), gap)).toThrow(/ARCHLOOM_OPTION.*approximation/)
  })

  it('a collapsed discriminator is ARCHLOOM_LCCGAN_COLLAPSED, and the generator keeps its weights', async () => {
    using network = small()
    const [first] = network.discriminator.trainable as [tf.Variable]
    tf.tidy(() => first.assign(tf.fill(first.shape, Number.NaN)))
    const before = await values(network.generator.trainable)
    await expect(fitted(ganTrainer({ prior: local() }), network)).rejects.toThrow(
      /ARCHLOOM_LCCGAN_COLLAPSED: the loss of the discriminator at step 1 of 3/,
    )
    expect(await values(network.generator.trainable)).toEqual(before)
  })
})

describe('the gap to the local approximation', () => {
  const batch = () => ({
    inputs: tf.tensor2d([[0.5, 0.5]]),
    bases: tf.tensor2d([
      [1, 0],
      [0, 1],
    ]),
    weights: tf.tensor2d([[0.5, 0.5]]),
  })
  it('LO5 is 0 for an affine map at both orders, and for a quadratic one at order 2 only', () => {
    const affine = (x: tf.Tensor) => tf.add(tf.matMul(x as tf.Tensor2D, tf.tensor2d([[2], [-1]])), 3)
    const quadratic = (x: tf.Tensor) => tf.sum(tf.square(x), 1, true)
    const gap = (map: (x: tf.Tensor) => tf.Tensor, order: 1 | 2) =>
      tf.tidy(() => approximationGap(map, batch(), { order }).dataSync()[0] as number)
    for (const order of [1, 2] as const) expect(gap(affine, order)).toBeCloseTo(0, 5)
    expect(gap(quadratic, 2)).toBeCloseTo(0, 4)
    // ½ against Σγ·1.
    expect(gap(quadratic, 1)).toBeCloseTo(0.5, 5)
  })

  it('can be trained on: a generator under it comes closer to it', async () => {
    const end = async (approximationWeight: number) => {
      using network = small()
      const trainer = ganTrainer({ prior: local(), batchSize: 16, learningRate: 0.01, approximationWeight })
      await fitted(trainer, network, points(64), { epochs: 10 })
      const gap = { ...settings, approximationWeight: 1e-9, approximationExamples: 50 }
      using play = game(network, local(), gap)
      const real = tf.ones([2, 2])
      const measured = play.step(real, seeded(7)).gap
      real.dispose()
      return measured
    }
    expect(await end(50)).toBeLessThan(0.5 * (await end(0)))
  })
})

describe('training', () => {
  it('reports, samples and walks on any prior, repeatably, and leaks nothing', async () => {
    const run = async (trainer: Trainer, latent: number) => {
      using network = small(latent)
      const progress = await fitted(trainer, network)
      return { progress, made: [...generated(network, 5, seeded(4))], way: [...walked(network, 4, seeded(4))] }
    }
    const seen: number[] = []
    const onSamples = (_: Gan, { step }: { step: number }) => void seen.push(step)
    const lcc = ganTrainer({ prior: local(), batchSize: 50, reportEvery: 2, samplesEvery: 3, onSamples })
    const first = await run(lcc, 2)
    const tensors = tensorCount()
    expect(first.progress.map(({ step }) => step)).toEqual([2, 4])
    expect(Object.keys(first.progress[0]?.metrics ?? {})).toEqual(['discriminator', 'generator'])
    expect(seen).toEqual([3, 4])
    expect(await run(lcc, 2)).toEqual(first)
    await run(ganTrainer({ prior: gaussianSampler({ dimension: 5 }), loss: 'wasserstein', batchSize: 50 }), 5)
    expect(tensorCount()).toEqual(tensors)
  })

  it('refuses networks that do not fit, and bad settings', async () => {
    using network = small(3)
    await expect(fitted(ganTrainer({ prior: local() }), network)).rejects.toThrow(
      /ARCHLOOM_LCCGAN_NETWORK.*length 3.*length 2/,
    )
    using wide = denseGan({ latentDimension: 2, dimension: 3, rng: seeded(1) })
    await expect(fitted(ganTrainer({ prior: local() }), wide)).rejects.toThrow(
      /ARCHLOOM_LCCGAN_NETWORK.*examples \[3\].*examples \[2\]/,
    )
    using coder = denseAutoEncoder({ latentDimension: 2, dimension: 2, rng: seeded(1) })
    await expect(fitted(ganTrainer({ prior: local() }), coder as never)).rejects.toThrow(/ARCHLOOM_LCCGAN_NETWORK/)
    expect(() => generated(network, 1, seeded(1))).toThrow(/ARCHLOOM_LCCGAN_NETWORK.*without a prior/)
    expect(() => walked(network, 1, seeded(1))).toThrow(/ARCHLOOM_LCCGAN_NETWORK/)
    expect(() => ganTrainer({ prior: local(), batchSize: 0 })).toThrow(/ARCHLOOM_OPTION/)
    expect(() => ganTrainer({ prior: local(), learningRate: -1 })).toThrow(/ARCHLOOM_OPTION/)
  })

  it('stops when it is told to', async () => {
    using network = small()
    const run = fitted(ganTrainer({ prior: local() }), network, points(), { signal: AbortSignal.abort('enough') })
    await expect(run).rejects.toBe('enough')
  })
})

describe('the latent manifold', () => {
  it('auto-encoders learn, and their codes do not depend on batches', async () => {
    using network = denseAutoEncoder({ latentDimension: 2, dimension: 2, width: 16, rng: seeded(1) })
    const data = points()
    const losses: number[] = []
    const trainer = autoEncoderTrainer({ batchSize: 20, learningRate: 0.01, reportEvery: 10 })
    for await (const { metrics } of trainer.fit(network, data, { epochs: 10, rng: seeded(2) }))
      losses.push(metrics.loss as number)
    expect(losses.at(-1)).toBeLessThan(0.3 * losses[0]!)
    expect(embeddingsOf(network, data)).toHaveLength(200)
    const [some] = [embeddingsOf(network, data, 3)]
    for (const [i, code] of some.entries())
      for (const [k, value] of code.entries())
        expect(value).toBeCloseTo(embeddingsOf(network, data)[i]?.[k] as number, 4)
  })

  it.each(['exact', 'adam'] as const)('gives bases by the %s scheme', async (scheme) => {
    const before = tensorCount()
    const { bases: found, reconstruction } = await learnLatent(points(), {
      dimension: 3,
      bases: 6,
      neighbours: 3,
      epochs: 2,
      batchSize: 20,
      learningRate: 0.01,
      points: 100,
      rounds: 2,
      scheme,
      adam: { batchSize: 50, epochs: 1, rounds: 2, steps: 2 },
      rng: seeded(1),
    })
    expect(found).toHaveLength(6)
    expect(found[0]).toHaveLength(3)
    expect(Number.isFinite(reconstruction)).toBe(true)
    expect(tensorCount()).toEqual(before)
  })

  it('is learnt once for all generators on the same data', async () => {
    const trainer = lccganTrainer({
      coordinates: 3,
      batchSize: 50,
      latent: { bases: 6, neighbours: 3, epochs: 1, points: 100, rounds: 1 },
    })
    const data = points()
    using one = small(3)
    using two = small(3)
    await fitted(trainer, one, data)
    await fitted(trainer, two, data, { rng: seeded(99) })
    expect(one.prior && 'bases' in one.prior && one.prior.bases).toEqual(
      two.prior && 'bases' in two.prior && two.prior.bases,
    )
    expect(one.prior?.name).toBe('LCC, d = 3, codes convex')
    using four = small(3)
    const few = lccganTrainer({ coordinates: 7, latent: { bases: 6, epochs: 1, points: 100, rounds: 1 } })
    await expect(fitted(few, four, data)).rejects.toThrow(/ARCHLOOM_LCCGAN_TOO_FEW_BASES: 6 bases.*7/)
  })

  it('the released loss is what its formula says, and its gradient exists at h = v', () => {
    const [codes, own, at] = [
      tf.tensor2d([[0.5, 0.5]]),
      tf.tensor2d([
        [0, 0],
        [2, 0],
      ]),
      tf.tensor2d([[0, 0]]),
    ]
    const weights = { locality: 2, shrinkage: 0.2 }
    const value = (order: 1 | 2) => releasedLoss(codes, own, at, { ...weights, order }).dataSync()[0]
    // ½·mean(1, 0) + 2·mean over two codes and two coordinates of ½·(0, 0; 4, 0) + 0.2·mean(0, 0, 4, 0).
    expect(value(1)).toBeCloseTo(0.25 + 2 * (2 / 4) + 0.2, 4)
    // ½·8 over two codes.
    expect(value(2)).toBeCloseTo(0.25 + 2 * (4 / 2) + 0.2, 4)
    const slope = tf.grad((v: tf.Tensor) => releasedLoss(codes, v as tf.Tensor2D, at, { ...weights, order: 2 }))(own)
    expect([...slope.dataSync()].every(Number.isFinite)).toBe(true)
    const turned = tf.grad((c: tf.Tensor) => releasedLoss(c as tf.Tensor2D, own, at, { ...weights, order: 2 }))(
      tf.tensor2d([[1, -1]]),
    )
    expect([...turned.dataSync()].every(Number.isFinite)).toBe(true)
  })

  it('needs a batch of points for the released scheme', () => {
    expect(() => learnBasesByAdam(bases, { bases: 2, batchSize: 6, rng: seeded(1) })).toThrow(
      /ARCHLOOM_LCCGAN_POINTS.*5 points/,
    )
  })
})
