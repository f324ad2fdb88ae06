import * as tf from '@tensorflow/tfjs-core'
import { gdas, gumbel, gumbelRelaxation } from 'archloom/plugins/gdas'
import { countTensors, useEngine } from 'archloom/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const alpha = [
  [0, 1, -1],
  [0.5, 0.5, 0.5],
]

describe('Gumbel relaxation', () => {
  it('draws operations with the probabilities of softmax(α)', () => {
    const rng = seeded(1)
    const counts = [0, 0, 0]
    const draws = 20_000
    for (let i = 0; i < draws; i++) {
      const row = [0, 1, -1].map((value) => value + gumbel(rng))
      const drawn = row.indexOf(Math.max(...row))
      counts[drawn] = counts[drawn]! + 1
    }
    const total = 1 + Math.E + 1 / Math.E
    ;[1 / total, Math.E / total, 1 / Math.E / total].forEach((probability, op) => {
      expect(counts[op]! / draws).toBeCloseTo(probability, 2)
    })
  })

  it('weighs the drawn operation with exactly 1, and skips the others', () => {
    for (let seed = 0; seed < 10; seed++) {
      const relaxed = gumbelRelaxation(alpha, seeded(seed), 0.7)
      const weights = tf.tidy(() => relaxed.weights(tf.tensor2d(alpha)).arraySync()) as number[][]
      weights.forEach((row, edge) => {
        expect(row.map((value) => value === 1)).toEqual(row.map((_, op) => op === relaxed.drawn[edge]))
        expect(row.reduce((sum, value) => sum + value)).toBe(1)
        row.forEach((value, op) => {
          expect(relaxed.skip?.(edge, op)).toBe(value === 0)
        })
      })
    }
  })

  it('has the slope of a softmax at the temperature with the same noise', () => {
    const temperature = 0.7
    const relaxed = gumbelRelaxation(alpha, seeded(3), temperature)
    // The same noise again.
    const rng = seeded(3)
    const noise = alpha.map((row) => row.map(() => gumbel(rng)))
    const at = (values: readonly (readonly number[])[]) =>
      values.map((row, edge) => {
        const powers = row.map((value, op) => Math.exp((value + (noise[edge]?.[op] as number)) / temperature))
        const total = powers.reduce((sum, power) => sum + power, 0)
        return powers.map((power) => power / total)
      })
    const out = [
      [0.3, -1, 2],
      [1, 0.5, -0.7],
    ]
    const gradient = tf.tidy(() =>
      tf
        .grad((x: tf.Tensor) => tf.sum(tf.mul(relaxed.weights(x as tf.Tensor2D), tf.tensor2d(out))))(tf.tensor2d(alpha))
        .arraySync(),
    ) as number[][]
    const soft = at(alpha)
    alpha.forEach((row, edge) => {
      const p = soft[edge] as number[]
      const mean = p.reduce((sum, probability, op) => sum + probability * (out[edge]?.[op] as number), 0)
      row.forEach((_, op) => {
        // Softmax with ln softmax(α) has the same slope as with α.
        const expected = (p[op]! * ((out[edge]?.[op] as number) - mean)) / temperature
        expect(gradient[edge]?.[op]).toBeCloseTo(expected, 4)
      })
    })
  })

  it('leaves nothing behind', async () => {
    const tried = () => {
      const relaxed = gumbelRelaxation(alpha, seeded(3), 1)
      tf.tidy(() => void relaxed.weights(tf.tensor2d(alpha)).dataSync())
    }
    expect(await countTensors(tried)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('refuses a temperature of 0', () => {
    expect(() => gdas({ minTemperature: 0 })).toThrow('ARCHLOOM_OPTION')
  })
})
