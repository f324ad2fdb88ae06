import * as tf from '@tensorflow/tfjs-core'
import {
  convolutionalJointNetwork,
  denseJointNetwork,
  encoded,
  interpolate,
  jointNetwork,
  translate,
} from 'archloom/plugins/jwdm'
import { countTensors, identity, type Layer, useEngine, variableScope } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { perceptron } from '../../../plugins/jwdm/perceptron.ts'
import { normal } from './tensors.ts'

await useEngine('cpu')

/** A network of given layers; its critics say nothing. */
const of = (encode: Layer, decode: Layer, shape = [2]) =>
  jointNetwork({
    scope: variableScope({ rng: seeded(1) }),
    latentShape: shape,
    x: { shape, encode, decode, criticise: (x) => tf.zeros([x.shape[0] as number, 1]) },
    y: { shape, encode, decode, criticise: (x) => tf.zeros([x.shape[0] as number, 1]) },
    criticiseLatent: (x) => tf.zeros([x.shape[0] as number, 1]),
  })

describe('joint networks', () => {
  it('keep critics apart from what is trained against them', () => {
    using network = denseJointNetwork({ x: 2, y: 3, latent: 4, hidden: [5], rng: seeded(1) })
    const count = (variables: readonly tf.Variable[]) => variables.reduce((sum, { size }) => sum + size, 0)
    const layers = (a: number, b: number) => a * 5 + 5 + 5 * b + b
    expect(count(network.trainable)).toBe(layers(2, 4) + layers(3, 4) + layers(4, 2) + layers(4, 3))
    expect(count(network.critics)).toBe(layers(2, 1) + layers(3, 1) + layers(4, 1))
    expect(network.scope.trainable).toHaveLength(network.trainable.length + network.critics.length)
    expect([network.inputShape, network.outputShape]).toEqual([[2], [3]])
  })

  it('translate domains of different shapes through a code of one', () => {
    using network = denseJointNetwork({ x: 2, y: 3, rng: seeded(1) })
    tf.tidy(() => {
      const x = normal([4, 2], 1)
      expect(network.apply(x, { training: false }).shape).toEqual([4, 3])
      expect(translate(network, 'y', translate(network, 'x', x)).shape).toEqual([4, 2])
      expect(() => translate(network, 'y', x)).toThrow(/ARCHLOOM_JWDM_SHAPES.*domain y.*\[4, 2\].*\[4, 3\]/)
    })
  })

  it('refuse domains whose codes differ, and leave nothing behind', async () => {
    const build = () =>
      convolutionalJointNetwork({ x: [28, 28, 1], y: [16, 16, 1], features: 2, blocks: 0, rng: seeded(1) })
    const left = await countTensors(() => expect(build).toThrow(/ARCHLOOM_JWDM_SHAPES.*y.*\[4, 4, 8\].*\[7, 7, 8\]/))
    expect(left.tensors).toBe(0)
    const odd = { features: 2, blocks: 0, rng: seeded(1), y: [6, 6, 1] }
    expect(() => convolutionalJointNetwork({ ...odd, x: [6, 6, 1] })).toThrow(/ARCHLOOM_JWDM_SHAPES.*decoder/)
  })

  it.each([
    () => denseJointNetwork({ x: 0, y: 2, rng: seeded(1) }),
    () => denseJointNetwork({ x: 2, y: 2, hidden: [1.5], rng: seeded(1) }),
    () => convolutionalJointNetwork({ x: [8, 8], y: [8, 8, 1], rng: seeded(1) }),
    () => convolutionalJointNetwork({ x: [8, 8, 1], y: [8, 8, 1], blocks: -1, rng: seeded(1) }),
  ])('refuse ARCHLOOM_OPTION %#', (build) => {
    expect(build).toThrow(/ARCHLOOM_OPTION/)
  })

  it('save and load, critics too', async () => {
    using first = denseJointNetwork({ x: 2, y: 2, hidden: [3], rng: seeded(1) })
    using second = denseJointNetwork({ x: 2, y: 2, hidden: [3], rng: seeded(2) })
    second.scope.load(await first.scope.save())
    tf.tidy(() => {
      const x = normal([3, 2], 1)
      expect([...translate(second, 'x', x).dataSync()]).toEqual([...translate(first, 'x', x).dataSync()])
    })
  })
})

describe('the networks of CycleGAN', () => {
  it('JN1 have the published numbers of parameters', () => {
    const network = convolutionalJointNetwork({ x: [4, 4, 3], y: [4, 4, 3], blocks: 0, rng: seeded(1) })
    const count = (prefix: string) =>
      network.scope
        .list()
        .filter(({ path }) => path.startsWith(prefix))
        .reduce((sum, { variable }) => sum + variable.size, 0)
    // Six residual blocks, three in each half, are only counted here: to fill them takes seconds.
    const blocks = 6 * 2 * (9 * 256 * 256)
    // Offsets in front of a normalisation do nothing and are left out.
    const useless = 64 + 128 + 256 + 6 * 2 * 256 + 128 + 64
    expect(count('encoder_x') + count('decoder_y') + blocks).toBe(7_837_699 - useless)
    expect(count('critics/x')).toBe(2_764_737)
    network[Symbol.dispose]()
  })

  it('take a batch of one, and treat each image of a batch by itself', () => {
    using network = convolutionalJointNetwork({
      x: [8, 8, 1],
      y: [8, 8, 3],
      features: 2,
      blocks: 1,
      kernel: 3,
      criticHalvings: 1,
      rng: seeded(1),
    })
    tf.tidy(() => {
      const images = normal([3, 8, 8, 1], 2)
      const all = translate(network, 'x', images)
      expect(all.shape).toEqual([3, 8, 8, 3])
      const one = translate(network, 'x', tf.slice(images, 1, 1)).dataSync()
      const same = tf.slice(all, 1, 1).dataSync()
      for (const [i, value] of one.entries()) expect(value).toBeCloseTo(same[i] as number, 4)
    })
  })
})

describe('perceptrons', () => {
  it.each(['relu', 'leaky'] as const)('with %s have the gradients of what they compute', (activation) => {
    const scope = variableScope({ rng: seeded(3) })
    const layer = perceptron(scope, [3, 5, 4, 2], activation)
    const act = activation === 'relu' ? tf.relu : (x: tf.Tensor) => tf.leakyRelu(x, 0.2)
    const variables = [...scope.trainable] as unknown as tf.Tensor[]
    for (const variable of scope.trainable) variable.assign(normal(variable.shape, variable.size))
    const plain = (x: tf.Tensor) => {
      const [a, p, b, q, c, r] = variables as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
      const first = act(tf.add(tf.matMul(x as tf.Tensor2D, a as tf.Tensor2D), p))
      const second = act(tf.add(tf.matMul(first as tf.Tensor2D, b as tf.Tensor2D), q))
      return tf.add(tf.matMul(second as tf.Tensor2D, c as tf.Tensor2D), r)
    }
    const x = normal([6, 3], 4)
    const target = normal([6, 2], 5)
    const results = [(i: tf.Tensor) => layer(i, { training: true }), plain].map((apply) => {
      const loss = (i: tf.Tensor) => tf.sum(tf.mul(apply(i), target)) as tf.Scalar
      const { value, grads } = tf.variableGrads(() => loss(x), [...scope.trainable])
      return [value, tf.grad(loss)(x), ...Object.values(grads)].map((tensor) => [...tensor.dataSync()])
    })
    const [fused = [], reference = []] = results
    expect(fused).toHaveLength(8)
    for (const [i, values] of fused.entries())
      for (const [k, value] of values.entries()) expect(value).toBeCloseTo(reference[i]?.[k] as number, 4)
    scope.dispose()
  })
})

describe('interpolation', () => {
  it('JO9 has the frames themselves at its ends, and codes on the line between', () => {
    using network = denseJointNetwork({ x: 2, y: 3, rng: seeded(1) })
    tf.tidy(() => {
      const [begin, end] = [normal([1, 2], 1), normal([1, 2], 2)]
      const { source, translated, codes } = interpolate(network, 'x', { begin, end, frames: 3 })
      expect([source.shape, translated.shape, codes.shape]).toEqual([
        [5, 2],
        [5, 3],
        [5, 2],
      ])
      const rows = source.arraySync() as number[][]
      expect(rows[0]).toEqual([...begin.dataSync()])
      expect(rows[4]).toEqual([...end.dataSync()])
      const [zBegin, zEnd] = [encoded(network, 'x', begin).dataSync(), encoded(network, 'x', end).dataSync()]
      for (const [i, code] of (codes.arraySync() as number[][]).entries())
        for (const [k, value] of code.entries()) {
          const a = 1 - i / 4
          expect(value).toBeCloseTo(a * zBegin[k]! + (1 - a) * zEnd[k]!, 5)
        }
      const ends = translate(network, 'x', tf.concat([begin, end])).arraySync() as number[][]
      const made = translated.arraySync() as number[][]
      for (const [at, row] of [made[0], made[4]].entries())
        for (const [k, value] of (row as number[]).entries()) expect(value).toBeCloseTo(ends[at]?.[k] as number, 5)
    })
  })

  it('JO9 linear encoders and decoders give linear frames exactly', () => {
    const turn = tf.tensor2d([
      [0, 1],
      [-1, 0],
    ])
    using network = of(
      (x) => tf.matMul(x as tf.Tensor2D, turn),
      (z) => tf.matMul(z as tf.Tensor2D, turn, false, true),
    )
    tf.tidy(() => {
      const [begin, end] = [tf.tensor2d([[0, 8]]), tf.tensor2d([[4, 0]])]
      const { source } = interpolate(network, 'x', { begin, end, frames: [0.75, 0.5, 0.25] })
      expect(source.arraySync()).toEqual([
        [0, 8],
        [1, 6],
        [2, 4],
        [3, 2],
        [4, 0],
      ])
    })
    turn.dispose()
  })

  it('refuses shares outside (0, 1), and two frames at one end', () => {
    using network = of(identity(), identity())
    const frame = tf.ones([1, 2])
    const refused = (options: object) => () =>
      tf.tidy(() => void interpolate(network, 'x', { begin: frame, end: frame, frames: 1, ...options }))
    for (const options of [{ frames: -1 }, { frames: 1.5 }, { frames: [0.5, 1] }, { end: tf.ones([2, 2]) }])
      expect(refused(options)).toThrow(/ARCHLOOM_OPTION.*interpolate/)
  })
})
