import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  conv2d,
  countTensors,
  dense,
  globalAvgPool,
  type Layer,
  network,
  owned,
  sequential,
  softmaxCrossEntropy,
  type TrainStepResult,
  trainStep,
  trainStepAsync,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import { expectClose, sample } from './finite-differences.ts'

const engineName = (await useEngine('cpu')).name

const build = (seed = 1, outputShape = [3]) => {
  const scope = variableScope({ rng: seeded(seed) })
  const apply = sequential(
    conv2d(scope.child('conv'), { inputChannels: 2, filters: 4, kernel: 3, stride: 2 }),
    scope.child('norm').normalise(4, { relu: true }),
    globalAvgPool(),
    dense(scope.child('dense'), { inputs: 4, units: 3 }),
  )
  return network({ scope, inputShape: [6, 6, 2], outputShape, apply })
}
const inputs = sample([8, 6, 6, 2], 'inputs')
const labels = tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32')

describe('network', () => {
  it('lists what is trained and what is saved, and disposes both', async () => {
    const left = await countTensors(() => {
      using net = build()
      expect(net.trainable).toHaveLength(5)
      expect(net.state).toHaveLength(2)
      tf.tidy(() => {
        expect(net.apply(inputs, { training: false }).shape).toEqual([8, 3])
      })
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })

  it('computes the same after its weights went to another', async () => {
    using first = build(1)
    using second = build(2)
    const logits = (net: typeof first) => tf.tidy(() => net.apply(inputs, { training: false }).dataSync().slice())
    expect(logits(second)).not.toEqual(logits(first))
    second.scope.load(await first.scope.save())
    expect(logits(second)).toEqual(logits(first))
  })

  it('has the same initial weights on another engine, and nearly the same outputs', async () => {
    await import('@tensorflow/tfjs-backend-wasm')
    const run = async () => {
      using net = build()
      const x = sample([8, 6, 6, 2], 'inputs')
      const logits = tf.tidy(() => net.apply(x, { training: true }).dataSync().slice())
      x.dispose()
      return { weights: await net.scope.save(), logits }
    }
    const here = await run()
    await tf.setBackend('wasm')
    const there = await run()
    await tf.setBackend(engineName)
    const initial = ({ weights }: typeof here) => weights.filter(({ name }) => !name.includes('moving'))
    expect(initial(there)).toEqual(initial(here))
    expectClose(there.logits, here.logits)
  })

  it('ARCHLOOM_NETWORK_INPUT_SHAPE and ARCHLOOM_NETWORK_OUTPUT_SHAPE', () => {
    using net = build()
    using wrong = build(1, [4])
    expect(() => tf.tidy(() => net.apply(tf.zeros([1, 6, 5, 2]), { training: false }))).toThrow(
      'ARCHLOOM_NETWORK_INPUT_SHAPE: the network received inputs of shape [1, 6, 5, 2], expected [batch, 6, 6, 2]',
    )
    expect(() => tf.tidy(() => wrong.apply(inputs, { training: false }))).toThrow(
      "ARCHLOOM_NETWORK_OUTPUT_SHAPE: the network's apply returned shape [8, 3], but it declares [8, 4]",
    )
  })

  it('hands on auxiliary logits', () => {
    using scope = variableScope({ rng: seeded(1) })
    let last: tf.Tensor | undefined
    const main: Layer = (x) => {
      last = tf.mul(x, 2)
      return x
    }
    const auxiliary = { weight: 0.4, logits: () => last }
    const net = network({ scope, inputShape: [2], outputShape: [2], apply: main, auxiliary })
    tf.tidy(() => {
      net.apply(tf.tensor2d([[1, 2]]), { training: true })
      expect([...(net.auxiliary?.logits()?.dataSync() ?? [])]).toEqual([2, 4])
    })
  })
})

describe('trainStep', () => {
  const lossOf = (net: ReturnType<typeof build>) => () =>
    softmaxCrossEntropy(net.apply(inputs, { training: true }), labels)

  it('lowers the loss and leaves no tensor', async () => {
    const left = await countTensors(() => {
      using net = build()
      const optimizer = tf.train.sgd(0.5)
      const losses = Array.from({ length: 20 }, () => {
        const before = tf.memory().numTensors
        const { loss } = trainStep({ variables: net.trainable, optimizer, loss: lossOf(net) })
        expect(tf.memory().numTensors).toBe(before)
        return loss
      })
      expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.8)
      optimizer.dispose()
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })

  it('clips by the global norm, and reports it', () => {
    using net = build()
    const before = net.trainable.map((variable) => variable.dataSync().slice())
    const { gradientNorm = 0 } = trainStep({
      variables: net.trainable,
      optimizer: tf.train.sgd(1),
      loss: lossOf(net),
      clipNorm: 0.01,
    })
    expect(gradientNorm).toBeGreaterThan(0.01)
    let moved = 0
    for (const [i, variable] of net.trainable.entries())
      for (const [j, value] of variable.dataSync().entries()) moved += (value - (before[i]?.[j] as number)) ** 2
    expect(Math.sqrt(moved)).toBeCloseTo(0.01, 4)
  })

  it.each([
    ['infinite loss', () => tf.div(tf.scalar(1), 0) as tf.Scalar, undefined],
    ['gradient that is not a number', () => tf.scalar(0), 1],
  ])('reports NaN and changes nothing: %s', (_name, extra, clipNorm) => {
    using net = build()
    const values = () => net.trainable.map((variable) => [...variable.dataSync()])
    const before = values()
    const loss = () => {
      // √ at 0: a finite value with an infinite slope, times 0.
      const kink = tf.mul(tf.sqrt(tf.mul(tf.sum(net.trainable[0] as tf.Tensor), 0)), 0)
      return tf.add(tf.add(lossOf(net)(), extra()), clipNorm ? kink : 0) as tf.Scalar
    }
    const optimizer = tf.train.sgd(1)
    const result = trainStep({ variables: net.trainable, optimizer, loss, ...(clipNorm ? { clipNorm } : {}) })
    expect(result.loss).toBeNaN()
    expect(values()).toEqual(before)
  })

  it('does the same asynchronously', async () => {
    const run = async (step: typeof trainStepAsync) => {
      using net = build()
      const optimizer = tf.train.sgd(0.5)
      const results: TrainStepResult[] = []
      for (let i = 0; i < 3; i++)
        results.push(await step({ variables: net.trainable, optimizer, loss: lossOf(net), clipNorm: 0.3 }))
      optimizer.dispose()
      return { results, weights: await net.scope.save() }
    }
    const left = await countTensors(async () => {
      expect(await run(trainStepAsync)).toEqual(await run(async (options) => trainStep(options)))
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })

  it('frees everything when the loss throws', async () => {
    using net = build()
    const optimizer = tf.train.sgd(1)
    const failing = () => {
      lossOf(net)()
      throw new RangeError('a layer failed')
    }
    const left = await countTensors(() => {
      expect(() => trainStep({ variables: net.trainable, optimizer, loss: failing })).toThrow('a layer failed')
      trainStep({ variables: net.trainable, optimizer, loss: lossOf(net) })
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })
})

/** A tidy that hands out whatever its body made. */
function inTidy<T>(make: () => T): T {
  let made: { value: T } | undefined
  tf.tidy(() => {
    made = { value: make() }
  })
  return (made as { value: T }).value
}

describe('owned', () => {
  it('holds tensors out of a tidy until the block ends', async () => {
    const left = await countTensors(() => {
      using pair = inTidy(() => owned({ a: tf.ones([2]), b: [tf.zeros([3])] }))
      expect([...pair.value.a.dataSync()]).toEqual([1, 1])
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })

  it('countTensors sees what is left behind', async () => {
    const leaked: tf.Tensor[] = []
    const left = await countTensors(async () => {
      await Promise.resolve()
      leaked.push(tf.ones([2]), tf.ones([3]))
    })
    expect(left).toEqual({ tensors: 2, buffers: 2 })
    tf.dispose(leaked)
  })
})
