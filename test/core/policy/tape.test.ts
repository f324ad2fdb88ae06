import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { clearGradients } from '../../../core/policy/policy-gradient.ts'
import {
  affine,
  attentionLogits,
  attentionWeights,
  categorical,
  concatenated,
  elementwise,
  lstmStep,
  lstmWeights,
  type Parameter,
  parameter,
  result,
  row,
  sum,
  Tape,
  type Vector,
  zeroState,
} from '../../../core/policy/tape/index.ts'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'

/** Gradients of f by central differences, against those that the tape carried back. */
function expectGradients(parameters: readonly Parameter[], f: (tape?: Tape) => Vector): void {
  clearGradients(parameters)
  const tape = new Tape()
  f(tape).gradient[0] = 1
  tape.backward()
  for (const { name, value, gradient } of parameters)
    for (let i = 0; i < value.length; i++) {
      const kept = value[i] as number
      const at = (x: number) => {
        value[i] = x
        return f().value[0] as number
      }
      const slope = (at(kept + 1e-5) - at(kept - 1e-5)) / 2e-5
      value[i] = kept
      expect(gradient[i], `${name}[${i}]`).toBeCloseTo(slope, 7)
    }
}

const rng = seeded('tape')
const vector = (name: string, size: number) => parameter(name, [size], rng, 1)

describe('gradients of the tape equal central differences', () => {
  const weights = parameter('weights', [1, 3], rng, 1)
  const bias = vector('bias', 1)
  const [a, b] = [vector('a', 3), vector('b', 3)]

  it('of affine, sum, elementwise and concatenated, with a vector used twice', () => {
    const wide = parameter('wide', [1, 6], rng, 1)
    expectGradients([weights, bias, a, b], (tape) => affine(tape, sum(tape, a, b), weights, bias))
    expectGradients([wide, a, b], (tape) => affine(tape, concatenated(tape, a, sum(tape, a, b)), wide))
    expectGradients([weights, a], (tape) =>
      affine(
        tape,
        elementwise(tape, a, Math.exp, (_, y) => y),
        weights,
      ),
    )
  })

  it('of three steps of an LSTM', () => {
    const lstm = lstmWeights('lstm', 3, 4, rng, 0.8)
    const score = parameter('score', [1, 8], rng, 1)
    expectGradients([...Object.values(lstm as object), a, b, score] as Parameter[], (tape) => {
      let state = lstmStep(tape, a, zeroState(4), lstm)
      state = lstmStep(tape, b, state, lstm)
      state = lstmStep(tape, a, state, lstm)
      return affine(tape, concatenated(tape, state.hidden, state.cell), score)
    })
  })

  it('of attention over rows of a table', () => {
    const table = parameter('table', [4, 3], rng, 1)
    const attention = attentionWeights('attention', 3, rng, 1)
    const score = parameter('score', [1, 3], rng, 1)
    expectGradients([table, a, score, ...Object.values(attention as object)] as Parameter[], (tape) =>
      affine(
        tape,
        attentionLogits(
          tape,
          [3, 0, 3].map((token) => row(table, token)),
          a,
          attention,
        ),
        score,
      ),
    )
  })

  it('of log-probability and entropy of a masked softmax', () => {
    const logits = vector('logits', 5)
    expectGradients([logits], (tape) => {
      const distribution = categorical(logits, [0, 2, 4])
      const value = 1.5 * distribution.logProbabilities[2]! - 0.7 * distribution.entropy
      return result(tape, Float64Array.of(value), (gradient) => {
        const d = gradient[0] as number
        distribution.back(2, 1.5 * d, -0.7 * d)
      })
    })
  })
})

describe('the masked softmax', () => {
  it('gives nothing to what is not allowed, and survives logits of any size', () => {
    const huge = { value: Float64Array.of(1e4, -1e4, 1e4, 0), gradient: new Float64Array(4) }
    const distribution = categorical(huge, [0, 1, 2])
    expect([...distribution.probabilities]).toEqual([0.5, 0, 0.5, 0])
    expect(distribution.entropy).toBeCloseTo(Math.LN2, 12)
    expect(distribution.logProbabilities[3]).toBe(Number.NEGATIVE_INFINITY)
    distribution.back(0, 1, 1)
    expect([...huge.gradient].every(Number.isFinite)).toBe(true)
  })

  it('has the policy gradient of a fair coin: ± 0.25 for rewards 1 and 0 with baseline 0.5', () => {
    const logits = { value: new Float64Array(2), gradient: new Float64Array(2) }
    const coin = categorical(logits, [0, 1])
    for (const [chosen, reward] of [
      [0, 1],
      [1, 0],
    ] as const)
      coin.back(chosen, 0.5 * (reward - 0.5), 0)
    expect([...logits.gradient]).toEqual([0.25, -0.25])
  })
})

describe('the LSTM equals the one in tensors', () => {
  beforeAll(async () => {
    await useEngine('cpu')
  })

  it('in values and gradients, to 1e-6', () => {
    const [inputs, hidden] = [3, 5]
    const lstm = lstmWeights('lstm', inputs, hidden, rng, 0.7)
    const xs = [vector('x0', inputs), vector('x1', inputs)]

    const tape = new Tape()
    let state = zeroState(hidden)
    for (const x of xs) state = lstmStep(tape, x, state, lstm)
    state.hidden.gradient.fill(1)
    tape.backward()

    tf.tidy(() => {
      const tensor = ({ value, shape }: Parameter) => tf.tensor(Float32Array.from(value), [...shape])
      const run = (...[wx, wh, bx, bh, x0, x1]: tf.Tensor[]) => {
        let [h, c] = [tf.zeros([1, hidden]), tf.zeros([1, hidden])] as tf.Tensor[] as [tf.Tensor, tf.Tensor]
        for (const x of [x0, x1] as tf.Tensor[]) {
          const z = tf.addN([
            tf.matMul(tf.reshape(x, [1, inputs]) as tf.Tensor2D, wx as tf.Tensor2D, false, true),
            tf.matMul(h as tf.Tensor2D, wh as tf.Tensor2D, false, true),
            tf.reshape(bx as tf.Tensor, [1, -1]),
            tf.reshape(bh as tf.Tensor, [1, -1]),
          ])
          const [i, f, g, o] = tf.split(z, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
          c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)))
          h = tf.mul(tf.sigmoid(o), tf.tanh(c))
        }
        return h
      }
      const weights = [lstm.input, lstm.recurrent, lstm.inputBias, lstm.recurrentBias, ...xs]
      const expected = run(...weights.map(tensor)).dataSync()
      expected.forEach((value, i) => {
        expect(state.hidden.value[i]).toBeCloseTo(value, 6)
      })
      const gradients = tf.grads((...given: tf.Tensor[]) => tf.sum(run(...given)))(weights.map(tensor))
      weights.forEach(({ name, gradient }, w) => {
        ;(gradients[w] as tf.Tensor).dataSync().forEach((value, i) => {
          expect(gradient[i], `${name}[${i}]`).toBeCloseTo(value, 6)
        })
      })
    })
  })
})
