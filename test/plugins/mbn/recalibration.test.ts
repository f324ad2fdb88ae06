import * as tf from '@tensorflow/tfjs-core'
import { generatedImages } from 'archloom/evaluators/data'
import { recalibrate } from 'archloom/evaluators/weight-sharing'
import { memorizedBatchNorm } from 'archloom/plugins/mbn'
import { batchNorm, type Normalisation, useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { smallConvNet } from '../../../plugins/mbn/accuracy-experiment.ts'

await useEngine('cpu')

const data = generatedImages({ train: 40, validation: 10, test: 10, classes: 2, size: 8 })

/** State by name after some training passes and, where asked for, a recalibration. */
function stateAfter(normalisation: Normalisation, run: (network: ReturnType<typeof smallConvNet>) => void) {
  using network = smallConvNet(data, normalisation, [4, 4], 1)
  run(network)
  return Object.fromEntries(
    network.scope
      .list()
      .filter(({ kind }) => kind === 'state')
      .map(({ path, variable }) => [path, [...variable.dataSync()]]),
  )
}

/** The first batches of the training split in stored order, as recalibration takes them. */
const passes = (network: ReturnType<typeof smallConvNet>, batches: number) => {
  let done = 0
  for (const { inputs, targets } of data.train.batches({ batchSize: 8, dropRemainder: true })) {
    tf.tidy(() => void network.apply(inputs, { training: true }))
    tf.dispose([inputs, targets])
    if (++done === batches) break
  }
}

describe('recalibrated statistics', () => {
  it.each([
    ['of the last batches', memorizedBatchNorm({ batches: 2 }), 4],
    ['of fewer batches than it has room for', memorizedBatchNorm({ batches: 10 }), 3],
    ['of all batches', memorizedBatchNorm({ family: 'infinite' }), 4],
  ] as const)('leave a memory %s as it is, whatever it held before', (_, normalisation, batches) => {
    const expected = stateAfter(normalisation, (network) => passes(network, batches))
    const found = stateAfter(normalisation, (network) => {
      passes(network, 5)
      recalibrate(network, data.train, batches, 8)
    })
    expect(found).toEqual(expected)
    const counts = Object.entries(found).filter(([name]) => name.endsWith('samples'))
    expect(counts).toHaveLength(2)
    // The newest entry of the first layer is a whole batch: 8 images of 4×4 positions.
    expect(counts[0]?.[1][0]).toBe(8 * 16)
  })

  it('are means of running averages still', () => {
    const found = stateAfter(batchNorm, (network) => recalibrate(network, data.train, 1, 8))
    const once = stateAfter(batchNorm, (network) => {
      for (const state of network.state) tf.tidy(() => state.assign(tf.zerosLike(state as tf.Tensor)))
      passes(network, 1)
    })
    for (const [name, values] of Object.entries(found))
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo((once[name]?.[i] as number) / 0.1, 4)
  })
})
