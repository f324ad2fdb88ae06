import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  adam,
  conv2d,
  dense,
  depthwiseConv2d,
  globalAvgPool,
  type Layer,
  l2Loss,
  loadOptimizer,
  momentum,
  relu,
  StepOptimizer,
  saveOptimizer,
  sequential,
  trainStep,
  transposedConv2d,
  useEngine,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { LinearTap } from '../../../core/trainer.ts'
import { blocksOf, outputBlocksOf } from '../../../plugins/dinas/blocks.ts'
import {
  fallingAlpha,
  owmAlpha,
  ProjectedOptimizer,
  type ProjectionOptions,
  projected,
} from '../../../plugins/dinas/index.ts'

await useEngine('cpu')

const sample = (shape: number[], label: string) => {
  const rng = seeded(label)
  return tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    shape,
  )
}
const sgd = () => momentum({ learningRate: 0.05, momentum: 0 })
type Builder = (scope: VariableScope) => Layer

const builders: Record<string, { build: Builder; input: number[] }> = {
  dense: { build: (s) => dense(s, { inputs: 6, units: 3 }), input: [5, 6] },
  'convolution with bias': {
    build: (s) => conv2d(s, { inputChannels: 2, filters: 3, kernel: 3, stride: 2, padding: 1, bias: true }),
    input: [2, 6, 6, 2],
  },
  'dilated convolution': {
    build: (s) => conv2d(s, { inputChannels: 2, filters: 3, kernel: 3, dilation: 2 }),
    input: [2, 6, 6, 2],
  },
  'grouped convolution': {
    build: (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: 3, groups: 2, bias: true }),
    input: [2, 4, 4, 4],
  },
  'depthwise convolution': {
    build: (s) => depthwiseConv2d(s, { channels: 3, kernel: 3, stride: 2, padding: 1, multiplier: 2, bias: true }),
    input: [2, 6, 6, 3],
  },
  'transposed convolution': {
    build: (s) => transposedConv2d(s, { inputChannels: 3, filters: 2, kernel: 4, stride: 2 }),
    input: [2, 3, 3, 3],
  },
}

function built({ build, input }: (typeof builders)[string], label = 'x') {
  const scope = variableScope({ rng: seeded(3) })
  const layer = build(scope.child('layer'))
  const x = sample(input, label)
  let use: LinearTap | undefined
  const y = tf.tidy(() =>
    layer(x, {
      training: true,
      tap: (seen) => {
        use = seen
      },
    }),
  )
  return {
    scope,
    layer,
    x,
    y,
    use: use as unknown as LinearTap,
    [Symbol.dispose]: () => {
      tf.dispose([x, y])
      scope.dispose()
    },
  }
}

describe.each(Object.entries(builders))('%s as matrices', (name, builder) => {
  it('DO12 is its rows times its kernel, and back', () => {
    using made = built(builder)
    const { y, x, use, scope } = made
    tf.tidy(() => {
      const blocks = blocksOf(use)
      const parts = [use.kernel, ...(use.bias ? [use.bias] : [])] as tf.Tensor[]
      const stacked = blocks.stack(parts)
      expect(stacked.shape.slice(0, 2)).toEqual([blocks.count, blocks.dimension])
      for (const [i, part] of blocks.unstack(stacked).entries())
        expect([...part.dataSync()]).toEqual([...(parts[i] as tf.Tensor).dataSync()])
      if (name === 'transposed convolution') {
        // Each pixel's products, summed over: the same total as the output's, where nothing is cut off.
        expect(blocks.rows(x).shape).toEqual([1, 2 * 9, 3])
        return
      }
      const products = tf.transpose(tf.matMul(blocks.rows(x), stacked), [1, 0, 2])
      const expected = y.dataSync()
      const got = products.dataSync()
      expect(got.length).toBe(expected.length)
      for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(expected[i] as number, 4)
    })
    scope.dispose()
  })

  it('turned over, its rows are the outputs', () => {
    if (name === 'transposed convolution') return
    using made = built(builder)
    const { y, x, use, scope } = made
    tf.tidy(() => {
      const turned = outputBlocksOf(use)
      const parts = [use.kernel, ...(use.bias ? [use.bias] : [])] as tf.Tensor[]
      const stacked = turned.stack(parts)
      expect(stacked.shape[1]).toBe(turned.dimension)
      for (const [i, part] of turned.unstack(stacked).entries())
        expect([...part.dataSync()]).toEqual([...(parts[i] as tf.Tensor).dataSync()])
      const got = tf.transpose(turned.rows(x), [1, 0, 2]).dataSync()
      for (const [i, value] of y.dataSync().entries()) expect(got[i]).toBeCloseTo(value, 4)
    })
    scope.dispose()
  })

  it('DO12 has the gradient rowsᵀ · ∂L/∂y', () => {
    if (name === 'transposed convolution') return
    using made = built(builder)
    const { x, use, layer, scope, y } = made
    tf.tidy(() => {
      const blocks = blocksOf(use)
      const upstream = sample(y.shape, 'dy')
      const { grads } = tf.variableGrads(
        () => tf.sum(tf.mul(layer(x, { training: true }), upstream)) as tf.Scalar,
        [...scope.trainable],
      )
      const outputs = upstream.size / (y.size / (y.shape.at(-1) as number))
      const dy = tf.transpose(tf.reshape(upstream, [-1, blocks.count, outputs / blocks.count]), [1, 0, 2])
      const wanted = blocks.unstack(tf.matMul(blocks.rows(x), dy as tf.Tensor3D, true, false))
      const named = [use.kernel, ...(use.bias ? [use.bias] : [])].map(({ name: key }) => grads[key] as tf.Tensor)
      for (const [i, part] of wanted.entries()) {
        const got = (named[i] as tf.Tensor).dataSync()
        for (const [j, value] of part.dataSync().entries()) expect(got[j]).toBeCloseTo(value, 3)
      }
    })
  })
})

/** A layer that learns one thing, protects what it saw, and learns another. */
function twoTasks(builder: (typeof builders)[string], options: ProjectionOptions | undefined, inner = sgd) {
  const scope = variableScope({ rng: seeded(3) })
  const layer = builder.build(scope.child('layer'))
  const few = [1, ...builder.input.slice(1)]
  const first = sample(few, 'first')
  const second = sample(builder.input, 'second')
  const optimizer = options ? projected(inner, { protectEvery: 0, releaseEvery: 0, ...options })(0) : inner()
  const tap = options ? (optimizer as ProjectedOptimizer).tap : undefined
  const [wanted, other] = tf.tidy(() => [
    sample(layer(first, { training: false }).shape, 'wanted'),
    sample(layer(second, { training: false }).shape, 'other'),
  ]) as [tf.Tensor, tf.Tensor]
  const learn = (x: tf.Tensor, y: tf.Tensor, steps: number) =>
    Array.from(
      { length: steps },
      () =>
        trainStep({
          variables: scope.trainable,
          optimizer,
          loss: () => l2Loss(layer(x, { training: true, ...(tap && { tap }) }), y),
        }).loss,
    )
  const outputs = () => tf.tidy(() => layer(first, { training: false }).dataSync().slice())
  learn(first, wanted, 5)
  const before = outputs()
  if (options) (optimizer as ProjectedOptimizer).protect((seen) => layer(first, { training: true, tap: seen }))
  const losses = learn(second, other, 15)
  const after = outputs()
  const change = Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))
  const weights = scope.trainable.map((variable) => [...variable.dataSync()])
  tf.dispose([first, second, wanted, other])
  optimizer.dispose()
  scope.dispose()
  return { change, losses, weights }
}

describe('projected optimizer', () => {
  const ample = {
    dense: { build: ((s) => dense(s, { inputs: 12, units: 3 })) as Builder, input: [5, 12] },
    convolution: {
      build: ((s) => conv2d(s, { inputChannels: 6, filters: 3, kernel: 3, bias: true })) as Builder,
      input: [2, 4, 4, 6],
    },
    grouped: {
      build: ((s) => conv2d(s, { inputChannels: 8, filters: 4, kernel: 3, groups: 2 })) as Builder,
      input: [2, 4, 4, 8],
    },
  }
  it.each(Object.entries(ample))('%s keeps its outputs on protected inputs, and learns', (_, builder) => {
    const plain = twoTasks(builder, undefined)
    const kept = twoTasks(builder, { alpha: 1e-5 })
    expect(plain.change).toBeGreaterThan(0.05)
    expect(kept.change).toBeLessThan(0.01 * plain.change)
    expect(kept.losses.at(-1)).toBeLessThan(0.95 * kept.losses[0]!)
  })

  it.each([
    ['momentum and weight decay', () => momentum({ learningRate: 0.02, momentum: 0.9, weightDecay: 0.1 })],
    ['Adam', () => adam({ learningRate: 0.02, weightDecay: 0.1 })],
  ])('projects the whole increment of %s', (_, inner) => {
    expect(twoTasks(ample.dense, undefined, inner).change).toBeGreaterThan(0.05)
    expect(twoTasks(ample.dense, { alpha: 1e-5 }, inner).change).toBeLessThan(1e-3)
    // The gradient alone does not do: decay and what the momentum remembers are in no way orthogonal.
    expect(twoTasks(ample.dense, { alpha: 1e-5, project: 'gradient' }, inner).change).toBeGreaterThan(1e-2)
  })

  it('a gradient projected before plain descent is an increment projected after it', () => {
    const [a, b] = [{}, { project: 'gradient' as const }].map((o) => twoTasks(ample.convolution, { alpha: 0.1, ...o }))
    for (const [i, weights] of (a as typeof b & object).weights.entries())
      for (const [j, value] of weights.entries()) expect(b?.weights[i]?.[j]).toBeCloseTo(value, 5)
  })

  it('keeps depthwise channels apart, or leaves them alone', () => {
    const builder = {
      build: ((s) => depthwiseConv2d(s, { channels: 3, kernel: 5, padding: 'valid' })) as Builder,
      input: [2, 7, 7, 3],
    }
    const plain = twoTasks(builder, undefined)
    // Nine positions in 25 dimensions a channel.
    expect(twoTasks(builder, { alpha: 1e-5 }).change).toBeLessThan(0.02 * plain.change)
    expect(twoTasks(builder, { alpha: 1e-5, depthwise: 'exempt' }).weights).toEqual(plain.weights)
  })

  it('DO10 is the wrapped optimizer bit for bit while nothing is protected', () => {
    const run = (wrap: boolean) => {
      using made = built(builders['convolution with bias'] as (typeof builders)[string])
      const inner = () => momentum({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 })
      const optimizer = wrap ? projected(inner, { warmUp: { steps: 100 } })(0) : inner()
      const { layer, x, scope, y } = made
      const tap = wrap ? (optimizer as ProjectedOptimizer).tap : undefined
      for (let i = 0; i < 8; i++)
        trainStep({
          variables: scope.trainable,
          optimizer,
          loss: () => l2Loss(layer(x, { training: true, ...(tap && { tap }) }), tf.zerosLike(y)),
        })
      const weights = scope.trainable.map((variable) => [...variable.dataSync()])
      optimizer.dispose()
      return weights
    }
    expect(run(true)).toEqual(run(false))
  })

  it('DO11 leaves weights and projectors of operations off the path as they are', async () => {
    const scope = variableScope({ rng: seeded(1) })
    const [a, b] = ['a', 'b'].map((name) => dense(scope.child(name), { inputs: 4, units: 2 })) as [Layer, Layer]
    const optimizer = projected(sgd, { protectEvery: 1, releaseEvery: 0 })(0)
    const x = sample([3, 4], 'x')
    const step = (layer: Layer, path: VariableScope) =>
      trainStep({
        variables: path.trainable,
        optimizer,
        loss: () => tf.sum(tf.square(layer(x, { training: true, tap: optimizer.tap }))) as tf.Scalar,
      })
    step(a, scope.child('a'))
    step(b, scope.child('b'))
    const stateOf = async () => {
      const state = await optimizer.getWeights()
      const found = state
        .find(({ name }) => name.endsWith('b/kernel/projector'))
        ?.tensor.dataSync()
        .slice()
      tf.dispose(state.map(({ tensor }) => tensor))
      return [...(found as Float32Array), ...scope.child('b').trainable.flatMap((v) => [...v.dataSync()])]
    }
    const before = await stateOf()
    for (let i = 0; i < 3; i++) step(a, scope.child('a'))
    expect(await stateOf()).toEqual(before)
    x.dispose()
    optimizer.dispose()
    scope.dispose()
  })

  const small = () => {
    const scope = variableScope({ rng: seeded(5) })
    const layer = sequential(
      conv2d(scope.child('conv'), { inputChannels: 2, filters: 4, kernel: 3 }),
      relu(),
      globalAvgPool(),
      dense(scope.child('head'), { inputs: 4, units: 2 }),
    )
    const x = sample([3, 5, 5, 2], 'x')
    const y = sample([3, 2], 'y')
    return {
      scope,
      layer,
      x,
      y,
      step: (optimizer: ProjectedOptimizer) =>
        trainStep({
          variables: scope.trainable,
          optimizer,
          loss: () => l2Loss(layer(x, { training: true, tap: optimizer.tap }), y),
        }).loss,
      [Symbol.dispose]: () => {
        tf.dispose([x, y])
        scope.dispose()
      },
    }
  }

  it('warms up, protects and releases when it is told to', () => {
    using net = small()
    const optimizer = projected(sgd, { warmUp: { steps: 3 }, protectEvery: 2, releaseEvery: 5, releaseShare: 0.5 })(0)
    const freedom = Array.from({ length: 10 }, () => {
      net.step(optimizer)
      return optimizer.metrics().freedom
    })
    const [, , , fourth, fifth, , seventh, eighth, ninth] = freedom as number[]
    expect(freedom.slice(0, 4)).toEqual([1, 1, 1, 1])
    expect(fourth).toBe(1)
    expect(fifth).toBeLessThan(1)
    expect(seventh).toBeLessThan(fifth as number)
    expect(eighth).toBeCloseTo(0.5 * (seventh as number) + 0.5, 6)
    expect(ninth).toBeLessThan(eighth as number)
    const { leastFreedom, layers } = optimizer.metrics()
    expect(layers).toBe(2)
    expect(leastFreedom).toBeLessThanOrEqual(freedom.at(-1) as number)
    optimizer.dispose()
  })

  it('gives α what it depends on', () => {
    using net = small()
    const seen: [string, string, number][] = []
    const alpha: ProjectionOptions['alpha'] = ({ name, geometry, progress }) => {
      seen.push([name, geometry.kind, progress])
      return 1
    }
    const optimizer = projected(sgd, { alpha, protectEvery: 2, layers: (name) => name !== 'conv/kernel' })(4)
    for (let i = 0; i < 4; i++) net.step(optimizer)
    expect(seen).toEqual([
      ['head/kernel', 'dense', 0.5],
      ['head/kernel', 'dense', 1],
    ])
    optimizer.dispose()
    expect(fallingAlpha(2, 1e-2)({ progress: 0.5 })).toBeCloseTo(0.2, 12)
    const owm = owmAlpha()
    const dense = (name: string, progress: number) => owm({ name, geometry: { kind: 'dense' }, progress })
    expect(['fc1', 'fc2', 'fc3', 'fc1'].map((name) => dense(name, 1))).toEqual([1e-4, 1e-2, 1e-1, 1e-4])
    expect(dense('fc2', 0)).toBe(1)
  })

  it('mean columns protect the mean of a batch exactly', () => {
    const scope = variableScope({ rng: seeded(1) })
    const layer = dense(scope.child('d'), { inputs: 5, units: 2 })
    const optimizer = projected(sgd, { alpha: 1e-6, columns: 'mean', protectEvery: 0 })(0)
    const [x, other] = [sample([4, 5], 'x'), sample([16, 5], 'other')]
    const centre = tf.tidy(() => tf.mean(x, 0, true))
    optimizer.protect((tap) => layer(x, { training: true, tap }))
    const outputs = () => tf.tidy(() => layer(centre, { training: false }).dataSync().slice())
    const before = outputs()
    for (let i = 0; i < 20; i++)
      trainStep({
        variables: scope.trainable,
        optimizer,
        loss: () => tf.mean(tf.square(tf.sub(layer(other, { training: true, tap: optimizer.tap }), 3))) as tf.Scalar,
      })
    for (const [i, value] of outputs().entries()) expect(value).toBeCloseTo(before[i] as number, 4)
    expect(optimizer.metrics().freedom).toBeCloseTo(5 / 6, 4)
    tf.dispose([x, other, centre])
    optimizer.dispose()
    scope.dispose()
  })

  it('resumes where it was saved, in another network of the same form', async () => {
    const options: ProjectionOptions = { protectEvery: 2, releaseEvery: 0 }
    const inner = () => momentum({ learningRate: 0.05 })
    const losses = async (cut: number) => {
      const all: number[] = []
      const first = small()
      const before = projected(inner, options)(0)
      for (let i = 0; i < cut; i++) all.push(first.step(before))
      const saved = { weights: await first.scope.save(), optimizer: await saveOptimizer(first.scope, before) }
      first[Symbol.dispose]()
      before.dispose()
      using second = small()
      const after = projected(inner, options)(0)
      second.scope.load(saved.weights)
      await loadOptimizer(second.scope, after, saved.optimizer)
      for (let i = cut; i < 10; i++) all.push(second.step(after))
      after.dispose()
      return all
    }
    const [whole, resumed] = [await losses(0), await losses(5)]
    for (const [i, loss] of whole.entries()) expect(resumed[i]).toBeCloseTo(loss, 5)
  })

  it('keeps projectors that it took up of layers not yet shown: they are saved again, released, and counted', async () => {
    using net = small()
    const before = projected(sgd, { protectEvery: 1, releaseEvery: 0 })(0)
    net.step(before)
    const resumed = async (from: ProjectedOptimizer) => {
      const made = projected(sgd, { protectEvery: 1, releaseEvery: 0 })(0)
      const state = await from.getWeights()
      await made.setWeights(state)
      tf.dispose(state.map(({ tensor }) => tensor))
      return made
    }
    const first = await resumed(before)
    expect(first.metrics()).toEqual(before.metrics())
    const second = await resumed(first)
    expect(second.metrics()).toEqual(before.metrics())
    expect(second.metrics().freedom).toBeLessThan(1)
    const losses = [net.step(before), net.step(second)]
    expect(losses.every(Number.isFinite)).toBe(true)
    expect(second.metrics().layers).toBe(2)
    first.release()
    expect(first.metrics().freedom).toBe(1)
    const third = await resumed(first)
    expect(third.metrics()).toEqual({ freedom: 1, leastFreedom: 1, layers: 2 })
    for (const each of [before, first, second, third]) each.dispose()
  })

  it('refuses a projector of another layer, and inputs that are no numbers', async () => {
    using net = small()
    const optimizer = projected(sgd, { protectEvery: 1 })(0)
    const name = net.scope.trainable[0]?.name as string
    const state = [
      { name: 'step', tensor: tf.scalar(3, 'int32') as tf.Tensor },
      { name: `${name}/projector`, tensor: tf.ones([1, 2, 2]) as tf.Tensor },
    ]
    await optimizer.setWeights(state)
    tf.dispose(state.map(({ tensor }) => tensor))
    expect(() => net.step(optimizer)).toThrow('ARCHLOOM_PROJECTOR_STATE')
    const odd = [
      { name: 'step', tensor: tf.scalar(3, 'int32') as tf.Tensor },
      { name: `${name}/projector`, tensor: tf.ones([1, 2, 3]) as tf.Tensor },
    ]
    await expect(optimizer.setWeights(odd)).rejects.toThrow('ARCHLOOM_PROJECTOR_STATE')
    tf.dispose(odd.map(({ tensor }) => tensor))
    optimizer.dispose()
    const fresh = projected(sgd, { protectEvery: 1 })(0)
    const bad = tf.fill([1, 5, 5, 2], Number.NaN)
    expect(() => fresh.protect((tap) => net.layer(bad, { training: true, tap }))).toThrow('ARCHLOOM_PROJECTOR_COLUMN')
    expect(fresh.metrics().freedom).toBe(1)
    bad.dispose()
    fresh.dispose()
  })

  it('is told apart from other optimizers', () => {
    const [plain, wrapped] = [sgd(), projected(sgd)(0)]
    expect(plain instanceof ProjectedOptimizer).toBe(false)
    expect(wrapped instanceof ProjectedOptimizer).toBe(true)
    expect(wrapped instanceof StepOptimizer).toBe(true)
    expect(plain instanceof StepOptimizer).toBe(true)
    expect(tf.train.sgd(0.1) instanceof StepOptimizer).toBe(false)
    expect(wrapped instanceof tf.Optimizer).toBe(true)
  })

  it('refuses options that mean nothing', () => {
    const bad: Record<string, unknown>[] = [
      { alpha: 0 },
      { alpha: Number.NaN },
      { columns: 'all' },
      { protectEvery: -1 },
      { warmUp: { steps: 0.5 } },
      { releaseEvery: Number.NaN },
      { releaseShare: 0 },
      { releaseShare: 2 },
      { project: 'weights' },
      { side: 'left' },
      { depthwise: 'yes' },
      { layers: 'head' },
      { rows: 0 },
      { rank: 0 },
    ]
    for (const options of bad) expect(() => projected(sgd, options)).toThrow('ARCHLOOM_OPTION')
  })

  it('keeps no tensor', () => {
    const { numTensors } = tf.memory()
    {
      using net = small()
      const optimizer = projected(() => momentum({ learningRate: 0.01 }), { protectEvery: 2, releaseEvery: 5 })(0)
      for (let i = 0; i < 3; i++) net.step(optimizer)
      const settled = tf.memory().numTensors
      for (let i = 0; i < 18; i++) net.step(optimizer)
      // Released and protected again: matrices come and go, nothing else does.
      expect(tf.memory().numTensors).toBeLessThanOrEqual(settled)
      optimizer.dispose()
    }
    expect(tf.memory().numTensors).toBe(numTensors)
  })
})
