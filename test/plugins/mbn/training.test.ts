import * as tf from '@tensorflow/tfjs-core'
import { createSearch, memoryStore, seeded, virtualClock } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { supervisedTrainer } from 'archloom/evaluators/training'
import {
  clearMemory,
  doubleForwardStep,
  hasMemory,
  type MemorizedBatchNormOptions,
  mbn,
  mbnNormalisation,
  mbnTrainer,
  memorizedBatchNorm,
  papers,
  refreshMemory,
} from 'archloom/plugins/mbn'
import { random } from 'archloom/plugins/random'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { normalisedSpace } from 'archloom/search-spaces/normalised'
import { toySpace } from 'archloom/search-spaces/toy'
import {
  batchNorm,
  batchRenorm,
  countTensors,
  dense,
  dropout,
  type Normalisation,
  network,
  relu,
  runningBatchNorm,
  sequential,
  useEngine,
  variableScope,
} from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { memoriesAmong } from '../../../plugins/mbn/memory.ts'
import { rings } from '../../evaluators/training/tiny.ts'

await useEngine('cpu')

const values = (variables: readonly tf.Variable[]) => variables.map((variable) => [...variable.dataSync()])

/** A second pass multiplies and adds in the order of inference: equal but for the last bits. */
const expectClose = (received: readonly number[][], expected: readonly number[][]) =>
  received.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(expected.flat()[i] as number, 4)
  })

function perceptron(normalisation: Normalisation, { rate = 0 } = {}) {
  const scope = variableScope({ rng: seeded(5), normalisation })
  return network({
    scope,
    inputShape: [2],
    outputShape: [2],
    apply: sequential(
      dense(scope.child('first'), { inputs: 2, units: 8 }),
      scope.child('norm_1').normalise(8, { relu: true }),
      dropout({ rate }),
      dense(scope.child('second'), { inputs: 8, units: 8 }),
      scope.child('norm_2').normalise(8, { relu: true }),
      relu(),
      dense(scope.child('out'), { inputs: 8, units: 2 }),
    ),
  })
}

const fitted = async (net: ReturnType<typeof perceptron>, trainer = mbnTrainer(), epochs = 2) => {
  for await (const _ of trainer.fit(net, rings('train', 48), { epochs, rng: seeded(2) }));
  return net
}

describe('Double-Forward', () => {
  it('leaves the newest entry exactly as the batch is under the new weights', () => {
    using net = perceptron(memorizedBatchNorm({ batches: 4 }))
    const optimizer = tf.train.sgd(0.5)
    for (const { inputs, targets } of rings('train', 32).batches({ batchSize: 8 })) {
      const step = () =>
        tf.tidy(() => {
          const labels = tf.oneHot(tf.cast(targets, 'int32'), 2)
          const { value, grads } = tf.variableGrads(
            () => tf.neg(tf.sum(tf.mul(tf.logSoftmax(net.apply(inputs, { training: true }) as tf.Tensor2D), labels))),
            [...net.trainable],
          )
          optimizer.applyGradients(grads)
          return value.dataSync()[0] as number
        })
      doubleForwardStep(step, { network: net, batch: { inputs, targets }, mode: { training: true } })
      const [weights, memories] = [values(net.trainable), values(net.state)]
      const inferred = tf.tidy(() => [...net.apply(inputs, { training: false }).dataSync()])
      // Once more: nothing moves, and inference is what the second pass computed.
      refreshMemory(net, inputs)
      expect(values(net.trainable)).toEqual(weights)
      expect(values(net.state)).toEqual(memories)
      const second = tf.tidy(() => [
        ...net.apply(inputs, { training: true, memory: 'refresh' } as { training: boolean }).dataSync(),
      ])
      expect(inferred).toEqual(second)
      tf.dispose([inputs, targets])
    }
  })

  it('changes nothing when the weights do not move', async () => {
    const still = { batchSize: 8, learningRate: () => 0, weightDecay: 0 }
    using one = await fitted(perceptron(memorizedBatchNorm()), mbnTrainer({ ...still, doubleForward: false }))
    using other = await fitted(perceptron(memorizedBatchNorm()), mbnTrainer(still))
    expect(values(other.trainable)).toEqual(values(one.trainable))
    expectClose(values(other.state), values(one.state))
  })

  it('changes the memory where they do', async () => {
    using one = await fitted(perceptron(memorizedBatchNorm()), mbnTrainer({ batchSize: 8, doubleForward: false }))
    using other = await fitted(perceptron(memorizedBatchNorm()), mbnTrainer({ batchSize: 8 }))
    expect(values(other.state)).not.toEqual(values(one.state))
  })

  it('uses the same dropout masks and leaves their generator where one pass leaves it', () => {
    using net = perceptron(memorizedBatchNorm(), { rate: 0.5 })
    const rng = seeded(7)
    const inputs = tf.randomNormal([8, 2], 0, 1, 'float32', 3)
    const mode = { training: true, rng }
    const step = () => tf.tidy(() => net.apply(inputs, mode).dataSync()[0] as number)
    const before = rng.snapshot()
    doubleForwardStep(step, { network: net, batch: { inputs, targets: inputs }, mode })
    const memories = values(net.state)
    const after = rng.snapshot()
    expect(after).not.toEqual(before)
    // Weights did not move: with the same masks the second layer's entry stays what the first pass pushed.
    clearMemory(net)
    rng.restore(before)
    step()
    expect(rng.snapshot()).toEqual(after)
    expectClose(values(net.state), memories)
    inputs.dispose()
  })

  it.each<[string, Normalisation]>([
    ['batch norm', batchNorm],
    ['batch renormalisation', batchRenorm],
    ['running batch norm', runningBatchNorm],
  ])('leaves the running averages of %s in the same network to the first pass', async (_, other) => {
    const mixed = () => {
      const scope = variableScope({ rng: seeded(6), normalisation: memorizedBatchNorm() })
      const first = dense(scope.child('first'), { inputs: 2, units: 4 })
      const apply = sequential(first, scope.child('norm_1').normalise(4), other(scope.child('norm_2'), { channels: 4 }))
      return network({ scope, inputShape: [2], outputShape: [4], apply })
    }
    using one = mixed()
    using two = mixed()
    const inputs = tf.randomNormal([8, 2], 0, 1, 'float32', 3)
    const step = (net: typeof one) => tf.tidy(() => net.apply(inputs, { training: true }).dataSync()[0] as number)
    step(one)
    const run = () =>
      void doubleForwardStep(() => step(two), {
        network: two,
        batch: { inputs, targets: inputs },
        mode: { training: true },
      })
    run()
    const averages = (net: typeof one) => {
      const memories = new Set(memoriesAmong(net.state))
      return values(net.state.filter((variable) => !memories.has(variable)))
    }
    expect(averages(two).length).toBeGreaterThan(0)
    expect(averages(two)).toEqual(averages(one))
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
    inputs.dispose()
  })

  it('passes over networks without memory: they train as ever', async () => {
    using one = await fitted(perceptron(batchNorm), mbnTrainer({ batchSize: 8 }))
    using other = await fitted(perceptron(batchNorm), supervisedTrainer({ batchSize: 8 }))
    expect(hasMemory(one)).toBe(false)
    expect(values(one.trainable)).toEqual(values(other.trainable))
    expect(values(one.state)).toEqual(values(other.state))
  })

  it('is flat in memory', async () => {
    using net = perceptron(memorizedBatchNorm())
    await fitted(net)
    expect(await countTensors(() => fitted(net))).toEqual({ tensors: 0, buffers: 0 })
  })
})

describe('training', () => {
  it.each<[string, Normalisation]>([
    ['mbn', memorizedBatchNorm()],
    ['mbn, pooled, infinite', memorizedBatchNorm({ family: 'infinite', variance: 'pooled' })],
    ['batch renormalisation', (scope, o) => batchRenorm(scope, { ...o, momentum: 0.9 })],
    ['running batch norm', (scope, o) => runningBatchNorm(scope, { ...o, momentum: 0.9 })],
  ])('%s learns what no line separates', async (_, normalisation) => {
    using net = perceptron(normalisation)
    const trainer = mbnTrainer({ batchSize: 8, optimizer: 'adam', learningRate: 0.02 })
    await fitted(net, trainer, 25)
    let right = 0
    for (const { inputs, targets } of rings('validation', 64, 9).batches({ batchSize: 64 })) {
      right += tf.tidy(() => {
        const guesses = tf.argMax(net.apply(inputs, { training: false }), 1)
        return tf.sum(tf.cast(tf.equal(guesses, tf.cast(targets, 'int32')), 'int32')).dataSync()[0] as number
      })
      tf.dispose([inputs, targets])
    }
    expect(right).toBeGreaterThan(54)
  })

  it('a cleared memory holds nothing', async () => {
    using net = await fitted(perceptron(memorizedBatchNorm()))
    expect(hasMemory(net)).toBe(true)
    clearMemory(net)
    expect(
      values(memoriesAmong(net.state))
        .flat()
        .every((value) => value === 0),
    ).toBe(true)
  })
})

describe('batch renormalisation', () => {
  const x = () => tf.add(tf.randomNormal([6, 3], 0, 2, 'float32', 5), 1)

  it('is batch normalisation before its ramp, and has running statistics after it', () => {
    using scope = variableScope({ rng: seeded(1) })
    const options = { channels: 3, epsilon: 1e-5, ramp: { from: 1, rMaxAt: 1, dMaxAt: 1 }, rMax: 1e6, dMax: 1e6 }
    const layer = batchRenorm(scope, options)
    using other = variableScope({ rng: seeded(1) })
    const stock = batchNorm(other, { channels: 3 })
    const run = (made: typeof layer, training: boolean) => tf.tidy(() => [...made(x(), { training }).dataSync()])
    const close = (a: readonly number[], b: readonly number[]) =>
      a.forEach((value, i) => {
        expect(value).toBeCloseTo(b[i] as number, 4)
      })
    close(run(layer, true), run(stock, true))
    // Without limits r and d turn the batch's statistics into the running ones, as they were before the step.
    const inferred = run(layer, false)
    close(run(layer, true), inferred)
  })

  it.each([{ rMax: 0.5 }, { dMax: -1 }, { ramp: { from: 5, rMaxAt: 1, dMaxAt: 9 } }])(
    '%o is ARCHLOOM_OPTION',
    (options) => {
      using scope = variableScope({ rng: seeded(1) })
      expect(() => batchRenorm(scope, { channels: 3, ...options })).toThrow('ARCHLOOM_OPTION')
    },
  )
})

describe('spaces', () => {
  const memorised = (options: MemorizedBatchNormOptions = {}) => mbnNormalisation(options)
  const form = { input: [8, 8, 1], classes: 3 }
  const spaces = [
    ['toy', toySpace],
    ['cell', (o: object) => cellSpace({ nodes: 1, cells: 2, channels: 4, ...o })],
    ['nas-bench-201', (o: object) => nasBench201Space({ cells: 1, channels: 4, ...o })],
    ['nas-bench-macro', (o: object) => nasBenchMacroSpace({ channels: 4, head: 8, ...o })],
    ['chain', (o: object) => chainSpace({ stem: 4, head: 8, ...o })],
  ] as const

  it.each(spaces)('%s: every network takes the normalisation, and the name tells it', (_, make) => {
    const plain = make({})
    expect(make({ normalisation: 'batch-norm' }).name).toBe(plain.name)
    for (const normalisation of ['group-norm', 'batch-renorm', memorised({ batches: 3 })] as const) {
      const space = make({ normalisation })
      const name = typeof normalisation === 'string' ? normalisation : 'mbn-batches=3'
      expect(space.name.replace(`-normalisation=${name}`, '')).toBe(plain.name)
      expect(space.name).not.toBe(plain.name)
      expect(space.decisions).toEqual(plain.decisions)
      // biome-ignore lint/suspicious/noExplicitAny: one loop over spaces of different architectures.
      const architecture = space.decode(space.random(seeded(4))) as any
      using net = space.build(architecture, { ...form, rng: seeded(1) })
      expect(hasMemory(net)).toBe(name.startsWith('mbn'))
      const logits = tf.tidy(() => {
        const images = tf.randomNormal([4, ...form.input], 0, 1, 'float32', 3)
        net.apply(images, { training: true, rng: seeded(1) })
        return [...net.apply(images, { training: false }).dataSync()]
      })
      expect(logits.every(Number.isFinite)).toBe(true)
    }
  })

  it('supernets take it too', () => {
    const space = nasBench201Space({ cells: 1, channels: 4, normalisation: memorised() })
    using supernet = space.supernet?.({ ...form, rng: seeded(1) })
    expect(hasMemory(supernet as NonNullable<typeof supernet>)).toBe(true)
  })

  it('an unknown normalisation is ARCHLOOM_OPTION', () => {
    expect(() => toySpace({ normalisation: 'layer-norm' as 'batch-norm' })).toThrow(
      /ARCHLOOM_OPTION.*layer-norm.*group-norm/,
    )
  })

  it('a search chooses among normalisations, and the plugin trains them all', async () => {
    const space = normalisedSpace(toySpace, ['batch-norm', 'group-norm', memorised()])
    expect(space.size).toBe(81n)
    expect(space.decisions[0]).toMatchObject({ name: 'normalisation', options: ['batch-norm', 'group-norm', 'mbn'] })
    const architecture = space.decode(space.random(seeded(1)))
    expect(space.decode(space.encode(architecture))).toEqual(architecture)
    const data = generatedImages({ train: 32, validation: 16, classes: 2, size: 8 })
    await using search = createSearch({
      space,
      evaluator: trainFromScratch({ data, epochs: 1, engine: 'cpu' }),
      plugins: [random(), mbn({ batchSize: 8 })],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 4 },
      seed: 3,
      clock: virtualClock(),
      study: memoryStore(),
    })
    await search.finish()
    expect(search.state()).toMatchObject({ completed: 4, failed: 0 })
    expect(search.cite()).toContain(papers[0]?.bibtex)
  })

  it('constraints of the space hold inside it', () => {
    const make = (o: object) => cellSpace({ nodes: 2, distinctInputs: true, ...o })
    const [inner, space] = [make({}), normalisedSpace(make, ['batch-norm', 'group-norm'])]
    for (let i = 0; i < 20; i++) expect(inner.validate(space.random(seeded(i)).slice(1)).ok).toBe(true)
    expect(space.papers).toEqual(inner.papers)
    const architecture = space.decode(space.random(seeded(1)))
    expect(space.cost(architecture, form)).toEqual(inner.cost(architecture.network, form))
  })

  it('refuses spaces that differ in more: ARCHLOOM_OPTION', () => {
    expect(() => normalisedSpace(toySpace, [])).toThrow('ARCHLOOM_OPTION')
    expect(() => normalisedSpace(toySpace, ['group-norm', 'group-norm'])).toThrow('ARCHLOOM_OPTION')
    const differing = (o: { normalisation: unknown }) => cellSpace({ nodes: o.normalisation === 'batch-norm' ? 1 : 2 })
    expect(() => normalisedSpace(differing as never, ['batch-norm', 'group-norm'])).toThrow('ARCHLOOM_OPTION')
  })
})
