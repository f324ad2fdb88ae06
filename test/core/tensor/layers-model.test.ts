import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { defineSpace, integer, product } from '../../../core/space/index.ts'
import { fromLayersModel } from '../../../core/tensor/index.ts'
import type { BuildOptions } from '../../../core/trainer.ts'

const options: BuildOptions = { input: [6], classes: 3, rng: seeded(1) }

const modelOf = (units: number, { input, classes }: BuildOptions, activation?: 'softmax') =>
  layers.sequential({
    layers: [
      layers.layers.dense({ units, activation: 'relu', inputShape: [...input] }),
      layers.layers.batchNormalization(),
      layers.layers.dense({ units: classes, ...(activation && { activation }) }),
    ],
  })

const spaceOf = (build: (units: number, options: BuildOptions) => unknown) =>
  defineSpace('keras', product({ units: integer(2, 4) }), { build: ({ units }, given) => build(units, given) as never })

describe('a model of tfjs-layers as a network', () => {
  it('is refused by name where a space builds it as it is', () => {
    const space = spaceOf((units, given) => modelOf(units, given))
    expect(() => space.build?.({ units: 3 }, options)).toThrow('ARCHLOOM_SPACE_NETWORK')
    expect(() => space.build?.({ units: 3 }, options)).toThrow('fromLayersModel')
    for (const wrong of [undefined, 7, {}, Promise.resolve()])
      expect(() => spaceOf(() => wrong).build?.({ units: 3 }, options)).toThrow('ARCHLOOM_SPACE_NETWORK')
  })

  it('computes what the model computes, trains its weights and leaves nothing behind', async () => {
    await tf.setBackend('cpu')
    const before = tf.memory().numTensors
    {
      const space = spaceOf((units, given) => fromLayersModel(modelOf(units, given)))
      using network = space.build!({ units: 3 }, options)
      expect([network.inputShape, network.outputShape]).toEqual([[6], [3]])
      expect(network.trainable.map(({ shape }) => shape)).toEqual([[6, 3], [3], [3], [3], [3, 3], [3]])
      expect(network.state.map(({ shape }) => shape)).toEqual([[3], [3]])
      tf.tidy(() => {
        const x = tf.randomNormal([5, 6], 0, 1, 'float32', 7)
        const logits = network.apply(x, { training: false })
        const [w, b, gamma, beta, v, c] = network.trainable as readonly tf.Variable[]
        const [mean, variance] = network.state as readonly tf.Variable[]
        const hidden = tf.relu(tf.add(tf.matMul(x, w!), b!))
        const normal = tf.batchNorm2d(
          hidden as tf.Tensor2D,
          mean as never,
          variance as never,
          beta as never,
          gamma as never,
          1e-3,
        )
        const expected = tf.add(tf.matMul(normal, v!), c!)
        const off = tf.max(tf.abs(tf.sub(logits, expected))).dataSync()[0]!
        expect(off).toBeLessThan(1e-5)
      })
      const { grads, value } = tf.variableGrads(
        () => tf.sum(network.apply(tf.ones([2, 6]), { training: true })) as tf.Scalar,
        [...network.trainable],
      )
      expect(Object.keys(grads)).toHaveLength(6)
      tf.dispose([grads, value])
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it('must have one input of known shape and end in logits', () => {
    const refused = (model: unknown) => expect(() => fromLayersModel(model as never)).toThrow('ARCHLOOM_LAYERS_MODEL')
    const made = [modelOf(3, options, 'softmax')]
    for (const model of made) {
      refused(model)
      model.dispose()
    }
    const [a, b] = [layers.input({ shape: [2] }), layers.input({ shape: [2] })]
    const two = layers.model({ inputs: [a, b], outputs: layers.layers.add().apply([a, b]) as layers.SymbolicTensor })
    refused(two)
    const open = layers.sequential({
      layers: [layers.layers.conv2d({ filters: 1, kernelSize: 1, inputShape: [null, null, 1] })],
    })
    refused(open)
    open.dispose()
    refused(layers.sequential())
    refused(7)
    refused(undefined)
  })
})
