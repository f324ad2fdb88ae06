import * as tf from '@tensorflow/tfjs-core'
import { type Gan, game, gaussianSampler, generatorSpace } from 'archloom/plugins/lccgan'
import { hasMemory, mbnNormalisation } from 'archloom/plugins/mbn'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { normalisedSpace } from 'archloom/search-spaces/normalised'
import { superResolutionSpace } from 'archloom/search-spaces/super-resolution'
import { toySpace } from 'archloom/search-spaces/toy'
import { adam, countTensors, type NormalisationChoice, trainStep, useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import type { Network } from '../../core/trainer.ts'

await useEngine('wasm')

const choices = ['batch-norm', 'batch-renorm', 'running-batch-norm', 'group-norm', mbnNormalisation()] as const
const nameOf = (choice: (typeof choices)[number]) => (typeof choice === 'string' ? choice : choice.name)

type Option = { readonly normalisation: NormalisationChoice }
const images = { input: [8, 8, 3], classes: 3 }
const spaces = {
  toy: (o: Option) => toySpace(o),
  cell: (o: Option) => cellSpace({ nodes: 1, cells: 2, channels: 4, ...o }),
  chain: (o: Option) => chainSpace({ stem: 4, head: 8, ...o }),
  'nas-bench-201': (o: Option) => nasBench201Space({ cells: 1, channels: 4, ...o }),
  'nas-bench-macro': (o: Option) => nasBenchMacroSpace({ channels: 4, head: 8, ...o }),
  'super-resolution': (o: Option) => superResolutionSpace({ cells: 2, channels: 3, nodes: 1, ...o }),
  generator: (o: Option) =>
    generatorSpace({
      features: [2],
      latentDimension: 4,
      discriminatorFeatures: 2,
      ...o,
      discriminatorNormalisation: o.normalisation,
    }),
}

/** A step towards a constant: every normalisation is run in training, and its gradient taken. */
function step(network: Network): { readonly loss: number; readonly moved: number } {
  const before = network.trainable.map((variable) => variable.dataSync().slice())
  using optimizer = adam({ learningRate: 0.01 })
  const { loss } = trainStep({
    variables: network.trainable,
    optimizer,
    loss: () => {
      const x = tf.randomNormal([4, ...network.inputShape], 0, 1, 'float32', 3)
      const y = network.apply(x, { training: true, rng: seeded(2) })
      return tf.mean(tf.squaredDifference(y, 0.5)) as tf.Scalar
    },
  })
  const moved = network.trainable.filter((variable, i) =>
    variable.dataSync().some((value, k) => value !== before[i]?.[k]),
  )
  return { loss, moved: moved.length / network.trainable.length }
}

describe.each(Object.keys(spaces) as (keyof typeof spaces)[])('%s', (kind) => {
  // biome-ignore lint/suspicious/noExplicitAny: one loop over spaces of different architectures.
  const make = spaces[kind] as (o: Option) => any

  it.each(choices.map((choice) => [nameOf(choice), choice] as const))(
    'is built and trained by %s',
    async (name, normalisation) => {
      const space = make({ normalisation })
      const rng = seeded(4)
      const run = () => {
        const architecture = space.decode(space.random(rng))
        using network = space.build(architecture, { ...images, rng: seeded(1) }) as Network
        expect(hasMemory(network)).toBe(name === 'mbn')
        const { loss, moved } = step(network)
        expect(Number.isFinite(loss)).toBe(true)
        // Pooling and skips have no weights, and some may lead past them.
        expect(moved).toBeGreaterThan(0.3)
        const inferred = tf.tidy(() => [
          ...network.apply(tf.ones([2, ...network.inputShape]), { training: false }).dataSync(),
        ])
        expect(inferred.every(Number.isFinite)).toBe(true)
        if (kind === 'generator') play(network as Gan)
      }
      run()
      expect((await countTensors(run)).tensors).toBe(0)
      if (!space.supernet) return
      using supernet = space.supernet({ ...images, rng: seeded(1) })
      expect(hasMemory(supernet)).toBe(name === 'mbn')
    },
  )

  it('has the choice of what normalises as a decision of a search', () => {
    const space = normalisedSpace((o) => make(o as Option), choices)
    expect(space.decisions[0]).toMatchObject({ name: 'normalisation', options: choices.map(nameOf) })
    const names = new Set(choices.map((normalisation) => make({ normalisation }).name))
    expect(names.size).toBe(choices.length)
    const rng = seeded(7)
    const seen = new Set<string>()
    for (let i = 0; i < 30; i++) {
      const architecture = space.decode(space.random(rng))
      if (seen.has(architecture.normalisation)) continue
      seen.add(architecture.normalisation)
      using network = space.build(architecture, { ...images, rng: seeded(1) })
      expect(hasMemory(network)).toBe(architecture.normalisation === 'mbn')
      expect(Number.isFinite(step(network).loss)).toBe(true)
    }
    expect(seen.size).toBe(choices.length)
  })
})

/** Both sides of the game are normalised by it. */
function play(network: Gan): void {
  expect(network.discriminator.list().length).toBeGreaterThan(0)
  using both = game(network, gaussianSampler({ dimension: 4 }), {
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
  })
  const real = tf.ones([4, ...network.outputShape])
  const losses = both.step(real, seeded(1))
  real.dispose()
  expect(Number.isFinite(losses.discriminator) && Number.isFinite(losses.generator)).toBe(true)
}

it('a super-resolution space without normalisation has nothing to choose: ARCHLOOM_OPTION', () => {
  expect(() => superResolutionSpace({ normalised: false, normalisation: 'group-norm' })).toThrow(
    /ARCHLOOM_OPTION.*normalised/,
  )
  expect(superResolutionSpace({ normalisation: 'batch-norm' }).name).toBe(
    superResolutionSpace({ normalised: true }).name,
  )
})
