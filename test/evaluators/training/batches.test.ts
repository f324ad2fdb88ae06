import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Batch, seeded } from '../../../core/index.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { batchesOf, stepsOf } from '../../../evaluators/training/batches.ts'

const { train } = generatedImages({ classes: 2, size: 8, train: 10, validation: 4, test: 4 })

beforeAll(async () => {
  await useEngine('cpu')
})

/** Sizes and contents of batches, which are disposed. */
function read(batches: Iterable<Batch>) {
  const seen: { size: number; text: string }[] = []
  for (const { inputs, targets } of batches) {
    seen.push({ size: inputs.shape[0]!, text: [...inputs.dataSync()].join() })
    tf.dispose([inputs, targets])
  }
  return seen
}

describe('batchesOf', () => {
  it('goes through the split pass after pass, each in its own order, and ends after the requested steps', () => {
    const order = (pass: number) => seeded(1).fork(`pass ${pass}`)
    const seen = read(batchesOf(train, { batchSize: 4, steps: 5, order, dropRemainder: false }))
    expect(seen.map(({ size }) => size)).toEqual([4, 4, 2, 4, 4])
    const first = read(train.batches({ batchSize: 4, rng: seeded(1).fork('pass 0') }))
    const second = read(train.batches({ batchSize: 4, rng: seeded(1).fork('pass 1') }))
    expect(seen).toEqual([...first, ...second.slice(0, 2)])
    expect(read(batchesOf(train, { batchSize: 4, steps: 0, order }))).toEqual([])
  })

  it('leaves out remainders unless told otherwise, and draws all passes from one stream where one is given', () => {
    const seen = read(batchesOf(train, { batchSize: 4, steps: 4, order: seeded(2) }))
    const rng = seeded(2)
    const passes = [0, 1].flatMap(() => read(train.batches({ batchSize: 4, rng, dropRemainder: true })))
    expect(seen).toEqual(passes)
  })

  it('has no end without steps, and leaves no tensor when it is closed early', () => {
    const before = tf.memory().numTensors
    const batches = batchesOf(train, { batchSize: 4, order: seeded(3) })
    for (let step = 0; step < 7; step++) {
      const { inputs, targets } = batches.next().value as Batch
      tf.dispose([inputs, targets])
    }
    batches.return()
    expect(tf.memory().numTensors).toBe(before)
  })

  it('a split that gives no batch: ARCHLOOM_TRAINING_NO_BATCHES instead of a loop without end', () => {
    expect(() => batchesOf(train, { batchSize: 11, order: seeded(1) }).next()).toThrow('ARCHLOOM_TRAINING_NO_BATCHES')
  })
})

it('stepsOf never asks for more than the split has, nor for less than one step', () => {
  expect(stepsOf(train, 4, 2.5)).toEqual({ batchSize: 4, epochSteps: 2, steps: 5 })
  expect(stepsOf(train, 64, 0.1)).toEqual({ batchSize: 10, epochSteps: 1, steps: 1 })
})
