import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { traceForward, traceForwards } from '../../../evaluators/profile/index.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

describe('traceForward', () => {
  it('records what depends on the input, and reads weights as constants with their paths', async () => {
    using net = toySpace().build({ layers: 2, filters: 4, kernel: 3 }, { input: [6, 6, 3], classes: 3, rng: seeded(1) })
    const apply = (x: tf.Tensor) => net.apply(x, { training: false })
    const before = tf.engine().runKernel
    const trace = await traceForward(apply, [2, 6, 6, 3], [...net.trainable, ...net.state])
    expect(tf.engine().runKernel).toBe(before)
    expect(trace.kernels.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Conv2D', 'ScaleShift', 'SpatialMean', 'BatchMatMul']),
    )
    const named = [...trace.constants.values()].flatMap(({ name }) => (name === undefined ? [] : [name]))
    // Scale and shift of a normalisation come from its variables.
    expect(named).toEqual(expect.arrayContaining([expect.stringMatching(/kernel$/), expect.stringMatching(/gamma$/)]))
    expect(trace.tensors[trace.output]?.shape).toEqual([2, 3])
    expect(await countTensors(() => traceForward(apply, [2, 6, 6, 3]))).toEqual({ tensors: 0, buffers: 0 })
  })

  it('leaves out what the output does not need', async () => {
    const trace = await traceForward(
      (x) => {
        tf.exp(x)
        return tf.relu(x)
      },
      [2, 3],
    )
    expect(trace.kernels.map(({ name }) => name)).toEqual(['Relu'])
  })

  it('gives the engine back after an error', async () => {
    const before = tf.engine().runKernel
    const failing = () => {
      throw new Error('no')
    }
    await expect(traceForward(failing, [1])).rejects.toThrow('no')
    expect(tf.engine().runKernel).toBe(before)
  })
})

it('traceForwards refuses a network whose kernels depend on the size', async () => {
  const fickle = (x: tf.Tensor) => (x.shape[0] === 2 ? tf.relu(x) : tf.exp(x))
  await expect(traceForwards(fickle, [[2], [3]])).rejects.toThrow('ARCHLOOM_PROFILE_TRACE_DIFFERS')
})

it('traceForwards refuses a forward pass that reads values and makes tensors of them', async () => {
  const reading = (x: tf.Tensor) =>
    tf.add(
      x,
      tf.tensor(
        x
          .dataSync()
          .map((value) => Math.round(value))
          .slice(0, 3),
      ),
    )
  await expect(traceForwards(reading, [[2, 3], [3, 3]])).rejects.toThrow('ARCHLOOM_PROFILE_TRACE_BROKEN') // biome-ignore format: one line
})
