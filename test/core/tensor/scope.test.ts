import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  conv2d,
  countTensors,
  groupNorm,
  heNormal,
  ones,
  useEngine,
  type VariableScope,
  variableScope,
  zeros,
} from '../../../core/tensor/index.ts'

await useEngine('cpu')

const rootScope = (seed = 1) => variableScope({ rng: seeded(seed) })
const fill = (scope: VariableScope) => {
  scope.child('a').weight('kernel', [2, 3], heNormal())
  scope.child('a').child('norm').normalise(3)
  scope.weight('offset', [3], zeros)
}

describe('variableScope', () => {
  it('names by path, in order of creation, and distinguishes weights from state', () => {
    using scope = rootScope()
    fill(scope)
    expect(scope.list().map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'weight a/kernel',
      'weight a/norm/gamma',
      'weight a/norm/beta',
      'state a/norm/moving_mean',
      'state a/norm/moving_variance',
      'weight offset',
    ])
    expect(scope.trainable).toHaveLength(4)
    expect(scope.stateful).toHaveLength(2)
    expect(scope.child('a').child('norm').trainable).toHaveLength(2)
    expect(scope.child('a')).toBe(scope.child('a'))
    expect(scope.trainable.every((variable) => variable.trainable)).toBe(true)
    expect(scope.stateful.some((variable) => variable.trainable)).toBe(false)
  })

  it('keeps two networks of the same paths apart', () => {
    using first = rootScope()
    using second = rootScope()
    fill(first)
    fill(second)
    expect(first.trainable[0]?.name).not.toBe(second.trainable[0]?.name)
  })

  it('gives values by path and seed, whatever the order of creation', () => {
    using first = rootScope()
    using second = rootScope()
    using other = rootScope(2)
    const of = (scope: VariableScope, names: string[]) => {
      for (const name of names) scope.weight(name, [4, 5], heNormal())
      return scope
        .list()
        .find(({ path }) => path === 'x')
        ?.variable.dataSync()
    }
    const values = of(first, ['x', 'y'])
    expect(of(second, ['y', 'x'])).toEqual(values)
    expect(of(other, ['x'])).not.toEqual(values)
  })

  it('carries the choice of normalisation', () => {
    using scope = variableScope({
      rng: seeded(1),
      normalisation: (at, options) => groupNorm(at, { ...options, groups: 1 }),
    })
    scope.child('n').normalise(4)
    expect(scope.list().map(({ path }) => path)).toEqual(['n/gamma', 'n/beta'])
  })

  it('disposes a child alone, then everything, and leaves no tensor', async () => {
    const left = await countTensors(() => {
      const scope = rootScope()
      fill(scope)
      scope.child('a').dispose()
      expect(scope.list().map(({ path }) => path)).toEqual(['offset'])
      scope.child('a').weight('kernel', [2], ones)
      scope.dispose()
      scope.dispose()
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })

  it('ARCHLOOM_SCOPE_DUPLICATE_NAME, _NAME_INVALID, _DISPOSED', () => {
    const scope = rootScope()
    scope.weight('kernel', [1], ones)
    expect(() => scope.weight('kernel', [1], ones)).toThrow('ARCHLOOM_SCOPE_DUPLICATE_NAME')
    expect(() => conv2d(scope, { inputChannels: 1, filters: 1, kernel: 1 })).toThrow("scope.child('conv1')")
    expect(() => scope.weight('a/b', [1], ones)).toThrow('ARCHLOOM_SCOPE_NAME_INVALID')
    expect(() => scope.child('')).toThrow('ARCHLOOM_SCOPE_NAME_INVALID')
    scope.dispose()
    expect(() => scope.weight('late', [1], ones)).toThrow('ARCHLOOM_SCOPE_DISPOSED')
    expect(() => scope.load([])).toThrow('ARCHLOOM_SCOPE_DISPOSED')
  })
})

describe('save and load', () => {
  it('copies values out and in, by path relative to the scope', async () => {
    using first = rootScope(1)
    using second = rootScope(2)
    fill(first)
    fill(second)
    const saved = await first.save()
    expect(saved.map(({ name, shape }) => [name, shape])).toContainEqual(['a/kernel', [2, 3]])
    second.load(JSON.parse(JSON.stringify(saved.map((each) => ({ ...each, data: [...each.data] })))))
    expect(await second.save()).toEqual(saved)
    const kernel = await first.child('a').save()
    expect(kernel[0]?.name).toBe('kernel')
    kernel[0]?.data.fill(7)
    expect((await first.save())[0]?.data).toEqual(saved[0]?.data)
  })

  it('loads what both sides have, if asked to', async () => {
    using scope = rootScope()
    scope.weight('x', [2], zeros)
    scope.weight('y', [2], zeros)
    scope.load([{ name: 'x', shape: [2], data: Float32Array.of(1, 2) }, { name: 'z', shape: [1], data: Float32Array.of(9) }], { partial: true }) // biome-ignore format: one line
    expect((await scope.save()).map(({ data }) => [...data])).toEqual([
      [1, 2],
      [0, 0],
    ])
  })

  it('ARCHLOOM_WEIGHTS_MISSING, _UNEXPECTED, _SHAPE_MISMATCH, _LENGTH_MISMATCH, and then changes nothing', async () => {
    using scope = rootScope()
    scope.weight('x', [2], zeros)
    scope.weight('y', [2], zeros)
    const x = { name: 'x', shape: [2], data: Float32Array.of(1, 2) }
    const y = { name: 'y', shape: [2], data: Float32Array.of(3, 4) }
    expect(() => scope.load([x])).toThrow('ARCHLOOM_WEIGHTS_MISSING')
    expect(() => scope.load([x, y, { ...x, name: 'z' }])).toThrow('ARCHLOOM_WEIGHTS_UNEXPECTED')
    expect(() => scope.load([x, { ...y, shape: [1, 2] }])).toThrow('ARCHLOOM_WEIGHTS_SHAPE_MISMATCH')
    expect(() => scope.load([x, { ...y, data: Float32Array.of(3) }])).toThrow('ARCHLOOM_WEIGHTS_LENGTH_MISMATCH')
    expect((await scope.save()).flatMap(({ data }) => [...data])).toEqual([0, 0, 0, 0])
    expect(tf.memory().numTensors).toBeGreaterThan(0)
  })
})
