import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'
import { picture } from '../../../evaluators/data/images/index.ts'
import { psnr } from '../../../evaluators/metrics/index.ts'
import { byteError, decibels, jointReward, RELEASED_COST_UNIT, rewardBorder } from '../../../plugins/hnas/index.ts'
import { HNAS_A, publishedSearchCost, superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const reward = (image: tf.Tensor, target: tf.Tensor, border: number) => {
  const value = tf.tidy(() => byteError(image, target, border).dataSync()[0] as number)
  tf.dispose([image, target])
  return decibels(value)
}
const even = (value: number) => tf.fill([2, 20, 18, 3], value)

it('2h a difference of one grey level is 48.1308 dB in rewards and 49.4527 dB on luma', () => {
  expect(reward(even(100), even(101), rewardBorder(2))).toBeCloseTo(48.1308, 4)
  const grey = (value: number) => picture(8, 8, 3, new Uint8Array(192).fill(value))
  expect(psnr(grey(100), grey(101))).toBeCloseTo(49.4527, 4)
  expect(psnr(grey(0), grey(255))).toBeCloseTo(1.3219, 4)
})

it('rewards are rounded, cut to bytes, blind to the border, and finite for a perfect image', () => {
  expect(reward(even(100.4), even(100), 8)).toBe(decibels(0))
  expect(decibels(0)).toBeCloseTo(100, 10)
  expect(reward(even(300), even(255), 8)).toBe(decibels(0))
  const framed = tf.tidy(() =>
    tf.pad(
      tf.fill([2, 4, 2, 3], 50),
      [
        [0, 0],
        [8, 8],
        [8, 8],
        [0, 0],
      ],
      99,
    ),
  )
  expect(reward(framed, even(50), rewardBorder(2))).toBe(decibels(0))
  expect(() => tf.tidy(() => byteError(tf.ones([1, 16, 16, 3]), tf.ones([1, 16, 16, 3]), 8))).toThrow('ARCHLOOM_OPTION')
})

it('weighs quality against the cost of the architecture it is given', () => {
  expect(jointReward(0.2, 30, 0.5)).toBeCloseTo(0.2 * 30 - 0.8 * 0.5, 12)
  expect(jointReward(1, 30, 1e9)).toBe(30)
  expect(jointReward(0, 30, 2)).toBe(-2)
  const search = superResolutionSpace({ channels: 8 })
  const { multiplyAdds, transposedMultiplyAdds, meanShiftMultiplyAdds } = search.cost(HNAS_A, {
    input: [48, 48, 3],
    classes: 0,
  })
  // The released count: transposed convolutions free, the mean shift not, three decimals.
  const counted = multiplyAdds - transposedMultiplyAdds + meanShiftMultiplyAdds
  const released = publishedSearchCost(search.cost(HNAS_A, { input: [48, 48, 3], classes: 0 }))
  expect(counted / RELEASED_COST_UNIT).toBeCloseTo(released, 3)
})
