import * as tf from '@tensorflow/tfjs-core'
import { expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  adam,
  countTensors,
  dense,
  l2Loss,
  loadOptimizer,
  momentum,
  saveOptimizer,
  trainStep,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import { sample } from './finite-differences.ts'

await useEngine('cpu')

const x = sample([6, 3], 'x')
const y = sample([6, 2], 'y')

/** A network of one layer with its optimizer. */
function training(make = () => adam({ learningRate: 0.1 })) {
  const scope = variableScope({ rng: seeded(1) })
  const layer = dense(scope.child('dense'), { inputs: 3, units: 2 })
  const optimizer = make()
  const loss = () => l2Loss(layer(x, { training: true }), y)
  return {
    scope,
    optimizer,
    steps: (count: number) =>
      Array.from({ length: count }, () => trainStep({ variables: scope.trainable, optimizer, loss }).loss),
    [Symbol.dispose]: () => {
      scope.dispose()
      optimizer.dispose()
    },
  }
}

it.each([
  ['adam', () => adam({ learningRate: 0.1 })],
  ['momentum', () => momentum({ learningRate: 0.1 })],
])('training continues the same after weights and %s state went to another scope', async (_name, make) => {
  const left = await countTensors(async () => {
    using whole = training(make)
    using first = training(make)
    using second = training(make)
    const losses = whole.steps(6)
    first.steps(3)
    const state = await saveOptimizer(first.scope, first.optimizer)
    expect(state.map(({ name }) => name)).toContain('step')
    expect(state.every(({ name }) => name === 'step' || name.startsWith('dense/'))).toBe(true)
    second.scope.load(await first.scope.save())
    await loadOptimizer(second.scope, second.optimizer, state)
    expect(second.steps(3)).toEqual(losses.slice(3))
  })
  expect(left).toEqual({ tensors: 0, buffers: 0 })
})

it('refuses the state of another network: ARCHLOOM_WEIGHTS_UNEXPECTED', async () => {
  using net = training()
  const state = [{ name: 'other/kernel/first', shape: [1], data: Float32Array.of(0) }]
  await expect(loadOptimizer(net.scope, net.optimizer, state)).rejects.toThrow('ARCHLOOM_WEIGHTS_UNEXPECTED')
  expect(tf.memory().numTensors).toBeGreaterThan(0)
})
