import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, l1Loss, useEngine } from '../../../core/tensor/index.ts'
import type { LinearTap } from '../../../core/trainer.ts'
import {
  bicubicDuals,
  buildDrn,
  drnConfigurations,
  drnCost,
  dualNetworks,
  regressionLosses,
  unpairedDualLoss,
} from '../../../plugins/drn/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const mode = { training: false }
const parameters = (variables: readonly tf.Variable[]) => variables.reduce((sum, { size }) => sum + size, 0)
const noise = (seed: number, ...shape: [number, number, number, number]) =>
  tf.randomUniform<tf.Rank.R4>(shape, 0, 255, 'float32', seed)
const numbers = (make: () => tf.Tensor) => [...tf.tidy(() => make().dataSync())]
const number = (make: () => tf.Tensor) => numbers(make)[0] as number

describe('primal networks', () => {
  it.each([
    ['drn-s-4x', 4_804_041, 109.72],
    ['drn-s-8x', 5_402_976, 197.42],
    ['drn-l-4x', 9_825_869, 224.44],
    ['drn-l-8x', 10_003_994, 365.62],
  ] as const)('%s has its parameters and multiply-adds', (name, size, giga) => {
    const cost = drnCost(drnConfigurations[name], [96, 96])
    expect(cost.parameters).toBe(size)
    expect(cost.multiplyAdds / 1e9).toBeCloseTo(giga, 2)
  })

  it('of published size is built as counted, without being run', () => {
    using network = buildDrn({ ...drnConfigurations['drn-s-4x'], input: [48, 48, 3], rng: seeded(1) })
    expect(parameters(network.trainable)).toBe(4_804_041)
    expect(network.outputShape).toEqual([192, 192, 3])
  })

  it.each([
    [2, 1, 8, 16_927, 1.22],
    [2, 2, 8, 21_616, 1.52],
    [4, 1, 4, 31_503, 5.21],
    [4, 2, 4, 40_881, 6.69],
    [4, 2, 8, 160_441, 25.8],
    [8, 2, 4, 179_706, 46.5],
  ] as const)(
    'of scale %i, %i blocks and %i features agree with the count',
    async (scale, blocks, features, size, mega) => {
      const cost = drnCost({ scale, blocks, features }, [8, 8])
      expect(cost.parameters).toBe(size)
      expect(cost.multiplyAdds / 1e6).toBeCloseTo(mega, mega < 20 ? 2 : 1)
      const run = async () => {
        using network = buildDrn({ scale, blocks, features, input: [8, 8, 3], rng: seeded(1) })
        expect(parameters(network.trainable)).toBe(size)
        let counted = 0
        const tap = ({ kernel, input, geometry }: LinearTap) => {
          const positions = geometry.kind === 'dense' ? 1 : input.shape[1]! * input.shape[2]!
          counted += (kernel.size * positions) / (geometry.kind === 'dense' ? 1 : geometry.stride ** 2)
        }
        const shapes = tf.tidy(() =>
          network.outputs(noise(1, 1, 8, 8, 3), { training: true, tap }).map(({ shape }) => shape.slice(1, 3).join()),
        )
        expect(shapes).toEqual(Array.from({ length: Math.log2(scale) + 1 }, (_, k) => `${8 * 2 ** k},${8 * 2 ** k}`))
        expect(counted).toBe(cost.multiplyAdds)
      }
      expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
    },
  )

  it('start at U(±1/√fan-in), attention too, with biases of 0', () => {
    using network = buildDrn({ scale: 4, features: 16, blocks: 1, input: [8, 8, 3], rng: seeded('start') })
    using duals = dualNetworks({ scale: 4, rng: seeded('duals') })
    const names = network.trainable.map(({ name }) => name)
    expect(names.some((name) => /attention.*squeeze.*kernel/.test(name))).toBe(true)
    for (const variable of [...network.trainable, ...duals.trainable]) {
      const values = variable.dataSync<'float32'>()
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      if (/bias/.test(variable.name)) {
        expect(largest, variable.name).toBe(0)
        continue
      }
      const fan = variable.shape.slice(0, -1).reduce((product, size) => product * size, 1)
      expect(largest, variable.name).toBeLessThanOrEqual(1 / Math.sqrt(fan) + 1e-7)
      // Of hundreds of uniform draws the largest is near the bound.
      if (values.length > 300) expect(largest, variable.name).toBeGreaterThan(0.95 / Math.sqrt(fan))
    }
  })

  it('take images of any size', () => {
    using network = buildDrn({ scale: 4, blocks: 1, features: 4, input: [8, 8, 3], rng: seeded(2) })
    for (const [h, w] of [
      [1, 1],
      [3, 5],
    ] as const) {
      const shapes = tf.tidy(() => network.outputs(noise(1, 2, h, w, 3), mode).map(({ shape }) => shape))
      expect(shapes).toEqual([1, 2, 4].map((factor) => [2, h * factor, w * factor, 3]))
    }
  })

  it('without weights give the mean colour at every size', () => {
    using network = buildDrn({ scale: 4, blocks: 1, features: 4, input: [4, 4, 3], rng: seeded(3) })
    for (const variable of network.trainable) tf.tidy(() => variable.assign(tf.zerosLike(variable as tf.Tensor)))
    const images = tf.tidy(() => network.outputs(noise(1, 1, 4, 4, 3), mode).map((image) => [...image.dataSync()]))
    for (const image of images)
      image.forEach((value, i) => {
        expect(value).toBeCloseTo([114.444, 111.4605, 103.02][i % 3] as number, 3)
      })
  })

  it('of impossible shape are refused', () => {
    const build = (options: object) => () =>
      buildDrn({ scale: 4, blocks: 1, features: 4, input: [4, 4, 3], rng: seeded(1), ...options })
    expect(build({ scale: 3 })).toThrow('ARCHLOOM_OPTION')
    expect(build({ features: 3 })).toThrow('ARCHLOOM_OPTION')
    expect(build({ scale: 8, features: 3 })).toThrow('ARCHLOOM_OPTION')
    expect(build({ blocks: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => dualNetworks({ scale: 1, rng: seeded(1) })).toThrow('ARCHLOOM_OPTION')
  })
})

describe('dual networks', () => {
  it('have 162 parameters each, map 0 to 0, and scale with their input', () => {
    using duals = dualNetworks({ scale: 8, rng: seeded(1) })
    expect(duals.layers.length).toBe(3)
    expect(parameters(duals.trainable)).toBe(3 * 162)
    const [dual] = duals.layers
    expect(dual).toBeDefined()
    if (!dual) return
    expect(numbers(() => dual(tf.zeros([1, 4, 6, 3]), mode))).toEqual(new Array(2 * 3 * 3).fill(0))
    const x = noise(2, 1, 6, 4, 3)
    const once = numbers(() => dual(x, mode))
    numbers(() => dual(tf.mul(x, 3), mode)).forEach((value, i) => {
      expect(value).toBeCloseTo(3 * once[i]!, 2)
    })
    x.dispose()
    using third = dualNetworks({ scale: 3, rng: seeded(1) })
    const shape = tf.tidy(() => third.layers[0]?.(tf.ones([1, 9, 6, 3]), mode).shape)
    expect(shape).toEqual([1, 3, 2, 3])
  })
})

describe('losses', () => {
  const targets = () => [noise(1, 2, 2, 3, 3), noise(2, 2, 4, 6, 3), noise(3, 2, 8, 12, 3)]

  it('on a perfect reconstruction are 0 and the way back from the targets', () => {
    using duals = dualNetworks({ scale: 4, rng: seeded(4) })
    const t = targets()
    const { layers } = duals
    const primal = number(() => regressionLosses(t, t, duals, mode).primal)
    const dual = number(() => regressionLosses(t, t, duals, mode).dual)
    const expected = number(() =>
      tf.add(
        l1Loss((layers[0] as (typeof layers)[0])(t[1] as tf.Tensor, mode), t[0] as tf.Tensor),
        l1Loss((layers[1] as (typeof layers)[0])(t[2] as tf.Tensor, mode), t[1] as tf.Tensor),
      ),
    )
    expect(primal).toBe(0)
    expect(dual).toBeCloseTo(expected, 3)
    expect(dual).toBeGreaterThan(1)
    // A network of one size is sent back step by step.
    const alone = number(() => regressionLosses(t.slice(2), t, duals, mode).dual)
    const chained = number(() => {
      const half = (layers[1] as (typeof layers)[0])(t[2] as tf.Tensor, mode)
      const small = (layers[0] as (typeof layers)[0])(half, mode)
      return tf.add(l1Loss(half, t[1] as tf.Tensor), l1Loss(small, t[0] as tf.Tensor))
    })
    expect(alone).toBeCloseTo(chained, 3)
    const unpaired = number(() => unpairedDualLoss(t.slice(2), t[0] as tf.Tensor, duals, mode))
    const whole = number(() =>
      l1Loss(
        (layers[0] as (typeof layers)[0])((layers[1] as (typeof layers)[0])(t[2] as tf.Tensor, mode), mode),
        t[0] as tf.Tensor,
      ),
    )
    expect(unpaired).toBeCloseTo(whole, 3)
    expect(() => tf.tidy(() => regressionLosses(t.slice(0, 2), t, duals, mode).dual)).toThrow('ARCHLOOM_DRN_SCALE')
    tf.dispose(t)
  })

  it('without weight leave the duals alone and the network to the primal loss', () => {
    using network = buildDrn({ scale: 2, blocks: 1, features: 8, input: [4, 4, 3], rng: seeded(5) })
    using duals = dualNetworks({ scale: 2, rng: seeded(6) })
    const t = [noise(1, 1, 4, 4, 3), noise(2, 1, 8, 8, 3)]
    const variables = [...network.trainable, ...duals.trainable]
    const gradients = (weight: number | undefined) =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const images = network.outputs(t[0] as tf.Tensor, mode)
          const { primal, dual } = regressionLosses(images, t, weight === undefined ? undefined : duals, mode)
          return weight === undefined ? primal : (tf.add(primal, tf.mul(dual, weight)) as tf.Scalar)
        }, variables)
        return variables.map(({ name }) => [...(grads[name]?.dataSync() ?? [])])
      })
    const [none, zero, some] = [gradients(undefined), gradients(0), gradients(0.1)]
    const n = network.trainable.length
    expect(zero.slice(0, n)).toEqual(none.slice(0, n))
    for (const gradient of zero.slice(n)) expect(gradient.every((value) => Math.abs(value) === 0)).toBe(true)
    expect(
      some
        .slice(n)
        .flat()
        .some((value) => value !== 0),
    ).toBe(true)
    expect(some.slice(0, n)).not.toEqual(none.slice(0, n))
    tf.dispose(t)
  })

  it('have the gradient that finite differences give', () => {
    using network = buildDrn({ scale: 2, blocks: 1, features: 8, input: [4, 4, 3], rng: seeded(7) })
    using duals = dualNetworks({ scale: 2, rng: seeded(8) })
    const t = [noise(1, 1, 4, 4, 3), noise(2, 1, 8, 8, 3)]
    const variables = [...network.trainable, ...duals.trainable]
    const loss = () => {
      const { primal, dual } = regressionLosses(network.outputs(t[0] as tf.Tensor, mode), t, duals, mode)
      return tf.add(primal, tf.mul(dual, 0.1)) as tf.Scalar
    }
    const gradients = tf.tidy(() => {
      const { grads } = tf.variableGrads(loss, variables)
      return variables.map(({ name }) => Float32Array.from((grads[name] as tf.Tensor).dataSync()))
    })
    const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g.reduce((a, b) => a + b * b, 0), 0))
    const moved = (distance: number) => {
      const move = (d: number) =>
        variables.forEach((variable, i) => {
          tf.tidy(() =>
            variable.assign(
              tf.add(variable as tf.Tensor, tf.mul(tf.tensor(gradients[i] as Float32Array, variable.shape), d / norm)),
            ),
          )
        })
      move(distance)
      const value = number(loss)
      move(-distance)
      return value
    }
    const h = 1e-3
    expect((moved(h) - moved(-h)) / (2 * h) / norm).toBeCloseTo(1, 1)
    tf.dispose(t)
  })

  it('with the true bicubic as dual are below a grey level on true pairs', () => {
    using duals = bicubicDuals(2)
    expect(duals.trainable).toEqual([])
    const hr = noise(5, 1, 8, 12, 3)
    const lr = tf.tidy(() => tf.round((duals.layers[0] as (typeof duals.layers)[0])(hr, mode)))
    expect(number(() => regressionLosses([hr], [lr, hr], duals, mode).dual)).toBeLessThan(0.5)
    tf.dispose([hr, lr])
  })
})
