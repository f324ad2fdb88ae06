import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine, variableScope } from '../../../core/tensor/index.ts'
import { symmetries, transformed } from '../../../evaluators/data/images/index.ts'
import { picture } from '../../../evaluators/data/images/picture.ts'
import { upsamplingOperations } from '../../../search-spaces/super-resolution/index.ts'
import { cellLayer } from '../../../search-spaces/super-resolution/network.ts'
import { resolveOptions } from '../../../search-spaces/super-resolution/space.ts'
import {
  buildUpsamplingOperation,
  countUpsamplingOperation,
} from '../../../search-spaces/super-resolution/upsampling-operations.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const mode = { training: false }

describe('2h identities of cells', () => {
  it.each(upsamplingOperations.filter((op) => op !== 'deconvolution'))(
    '%s on an inner edge gives its input back and costs nothing',
    (op) => {
      using scope = variableScope({ rng: seeded(1) })
      const layer = buildUpsamplingOperation(scope, op, { channels: 3, factor: 1 })
      const x = tf.randomUniform([1, 4, 5, 3], -1, 1, 'float32', 2)
      const y = tf.tidy(() => layer(x, mode).dataSync())
      expect(y).toEqual(x.dataSync())
      x.dispose()
      expect(scope.trainable).toHaveLength(0)
      const size = { height: 4, width: 5 }
      expect(countUpsamplingOperation(op, { channels: 3, factor: 1 }, size)).toMatchObject({
        parameters: 0,
        multiplyAdds: 0,
      })
    },
  )

  it('area and nearest enlarge to the same bits', () => {
    for (const factor of [2, 3, 4] as const) {
      using scope = variableScope({ rng: seeded(1) })
      const [area, nearest] = (['area', 'nearest'] as const).map((op) => {
        const layer = buildUpsamplingOperation(scope, op, { channels: 2, factor })
        return tf.tidy(() => layer(tf.randomUniform([1, 3, 4, 2], 0, 1, 'float32', 4), mode).dataSync())
      })
      expect(area).toEqual(nearest)
    }
  })

  it('a cell of skips alone adds its projected, rectified inputs, and puts nodes in order', () => {
    const [channels, nodes] = [3, 4]
    const options = resolveOptions({ channels, nodes })
    using scope = variableScope({ rng: seeded(1), normalisation: () => (x) => x })
    // Node k adds states k and k + 1: 2 = 0 + 1, 3 = 1 + 2, …
    const layer = cellLayer(scope, options, (states) => {
      for (let k = 0; k < nodes; k++) states.push(tf.add(states[k] as tf.Tensor, states[k + 1] as tf.Tensor))
    })
    // The entrances pass their first channels on.
    for (const { path, variable } of scope.list())
      if (path.endsWith('kernel'))
        tf.tidy(() => variable.assign(tf.reshape(tf.eye(channels * nodes, channels), [1, 1, 12, 3])))
    const [zero, one] = [-2, 5]
    const result = tf.tidy(() => {
      const input = (value: number) => tf.fill([1, 2, 2, channels * nodes], value)
      return [
        ...layer([input(zero), input(one)], mode)
          .dataSync()
          .slice(0, 12),
      ]
    })
    // relu(−2) = 0 and relu(5) = 5: states 0, 5, then 5, 10, 15, 25.
    expect(result).toEqual([5, 5, 5, 10, 10, 10, 15, 15, 15, 25, 25, 25])
  })

  it('the eight symmetries are a group', () => {
    const image = picture(2, 2, 1, new Uint8Array([1, 2, 3, 4]))
    const all = symmetries.map((symmetry) => transformed(image, symmetry).pixels.join())
    expect(new Set(all).size).toBe(8)
    for (const first of symmetries)
      for (const second of symmetries)
        expect(all).toContain(transformed(transformed(image, first), second).pixels.join())
  })
})
