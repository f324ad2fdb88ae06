import { join } from 'node:path'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import {
  channelStatistics,
  cifar10,
  classCounts,
  fashionMnist,
  findData,
  firstImages,
  mnist,
} from '../../../evaluators/data/index.ts'
import { readBytes } from '../../../evaluators/data/read-bytes.ts'
import { describeWithData } from '../../conditional-suites.ts'
import { md5 } from './files.ts'

const from = (root: string) => ({ ARCHLOOM_DATA: root, ARCHLOOM_OFFLINE: '1', ARCHLOOM_CACHE: '/no/cache' })

describeWithData('CIFAR-10', ['cifar10'], (root) => {
  const environment = from(root)
  test('the unpacked files have the published MD5', async () => {
    const published = {
      data_batch_1: '5dd7e06a14cb22eb9f671a540d1b7c25',
      test_batch: '803d5f7f4d78ea53de84dbe85f74fb6d',
    }
    for (const [name, expected] of Object.entries(published))
      expect(md5(await readBytes(join(root, 'cifar10', `${name}.bin.gz`)))).toBe(expected)
  })

  test('class counts, and channel statistics near those of the whole set', async () => {
    const { train, test, classNames } = await findData('cifar10', { environment })
    // The first official batch.
    expect(classCounts(firstImages(train, 10_000))).toEqual([1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981])
    expect(classCounts(test)).toEqual(new Array(10).fill(1000))
    expect(classNames).toEqual('airplane automobile bird cat deer dog frog horse ship truck'.split(' '))
    const { mean, std } = channelStatistics(train)
    for (const [c, value] of [0.4914, 0.4822, 0.4465].entries()) expect(Math.abs(mean[c]! - value)).toBeLessThan(0.004)
    for (const [c, value] of [0.247, 0.2435, 0.2616].entries()) expect(Math.abs(std[c]! - value)).toBeLessThan(0.002)
  })

  test('the first picture is a frog: label 6, and its first pixels as published', async () => {
    const { train } = await findData('cifar10', { environment })
    expect(train.labels[0]).toBe(6)
    expect([...train.pixels.subarray(0, 6)]).toEqual([59, 62, 63, 43, 46, 45])
  })

  test('an epoch of augmented batches covers the training split and leaves no tensor', async () => {
    await tf.setBackend('cpu')
    const data = await cifar10({ environment, validation: 1000, trainSize: 500, augment: true, seed: 1 })
    const before = tf.memory().numTensors
    let examples = 0
    for (const { inputs, targets } of data.train.batches({ batchSize: 64 })) {
      expect(inputs.shape.slice(1)).toEqual([32, 32, 3])
      examples += inputs.shape[0] as number
      tf.dispose([inputs, targets])
    }
    expect(examples).toBe(500)
    expect(tf.memory().numTensors).toBe(before)
    expect(classCounts(data.validation.images, data.validation.indices).every((n) => n > 90 && n < 107)).toBe(true)
    expect(data.source).toBe('archloom-data')
  })
})

describeWithData('CIFAR-100, class-balanced part', ['cifar100-mini'], (root) => {
  const environment = from(root)
  test('20 and 5 examples a class; said to be a part', async () => {
    const { train, test, notes, classNames } = await findData('cifar100', { environment })
    expect(classCounts(train)).toEqual(new Array(100).fill(20))
    expect(classCounts(test)).toEqual(new Array(100).fill(5))
    expect(classNames[0]).toBe('apple')
    expect(notes).toEqual([
      '2,000 of the official 50,000 training examples',
      '500 of the official 10,000 test examples',
    ])
  })
})

describeWithData('Fashion-MNIST', ['fashion-mnist'], (root) => {
  const environment = from(root)
  test('60,000 and 10,000, balanced, with the known mean and deviation', async () => {
    const data = await findData('fashion-mnist', { environment })
    expect(classCounts(data.train)).toEqual(new Array(10).fill(6000))
    expect(classCounts(data.test)).toEqual(new Array(10).fill(1000))
    const { mean, std } = channelStatistics(data.train)
    expect(mean[0]).toBeCloseTo(0.286, 3)
    expect(std[0]).toBeCloseTo(0.353, 3)
    expect((await fashionMnist({ environment, testSize: 100 })).test.size).toBe(100)
  })
})

describeWithData('MNIST', ['mnist'], (root) => {
  const environment = from(root)
  test('the published class counts, mean and deviation', async () => {
    const { train } = await findData('mnist', { environment })
    expect(classCounts(train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    const { mean, std } = channelStatistics(train)
    expect(mean[0]).toBeCloseTo(0.1307, 4)
    expect(std[0]).toBeCloseTo(0.3081, 4)
    expect((await mnist({ environment, validation: 10_000 })).train).toMatchObject({
      size: 50_000,
      inputShape: [28, 28, 1],
    })
  })
})

describeWithData('USPS', ['usps'], (root) => {
  const environment = from(root)
  test('the published class counts', async () => {
    const { train, test } = await findData('usps', { environment })
    expect(classCounts(train)).toEqual([1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644])
    expect(classCounts(test)).toEqual([359, 264, 198, 166, 200, 160, 170, 147, 166, 177])
  })
})
