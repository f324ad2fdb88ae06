import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  adam,
  batchNorm,
  conv2d,
  dense,
  globalAvgPool,
  maxPool,
  network,
  sequential,
  softmaxCrossEntropy,
  trainStep,
  useEngine,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Network } from '../../../core/trainer.ts'
import {
  classCounts,
  describeDataset,
  type GeneratedImagesOptions,
  generatedImages,
  type ImageDataset,
  imageSplit,
  labelledImages,
} from '../../../evaluators/data/index.ts'
import { accuracy } from '../../../evaluators/metrics/index.ts'
import { md5 } from './files.ts'
import { linearAccuracy } from './linear-model.ts'

/** Two convolutions of the given kernel, each with batch norm and ReLU, a pooling between them, mean over space. */
function convNet(data: ImageDataset, filters: readonly [number, number], kernel: number): Network {
  const scope = variableScope({ rng: seeded('weights') })
  const [, , channels] = data.train.inputShape as [number, number, number]
  const block = (name: string, inputChannels: number, n: number) => {
    const own = scope.child(name)
    return [conv2d(own, { inputChannels, filters: n, kernel }), batchNorm(own, { channels: n, relu: true })]
  }
  const apply = sequential(
    ...block('first', channels, filters[0]),
    maxPool({ kernel: 2, stride: 2 }),
    ...block('second', filters[0], filters[1]),
    globalAvgPool(),
    dense(scope.child('head'), { inputs: filters[1], units: data.train.classes }),
  )
  return network({ scope, inputShape: data.train.inputShape, outputShape: [data.train.classes], apply })
}

async function trained(data: ImageDataset, epochs: number, filters: readonly [number, number], kernel = 3) {
  using net = convNet(data, filters, kernel)
  using optimizer = adam({ learningRate: 0.005 })
  const rng = seeded('order')
  for (let epoch = 0; epoch < epochs; epoch++) {
    optimizer.learningRate = 0.0025 * (1 + Math.cos((Math.PI * epoch) / epochs))
    for (const { inputs, targets } of data.train.batches({ batchSize: 32, rng })) {
      const loss = () => softmaxCrossEntropy(net.apply(inputs, { training: true }), targets)
      trainStep({ variables: net.trainable, optimizer, loss })
      tf.dispose([inputs, targets])
    }
  }
  return await accuracy(net, data.test)
}

test('a linear model stays below 60 %, a small conv net reaches 90 %, and one without convolutions does not', async () => {
  await useEngine('wasm')
  const before = tf.memory().numTensors
  const data = generatedImages({ train: 2000, test: 500, validation: 100, seed: 1 })
  expect(linearAccuracy(data.train, data.test)).toBeLessThan(0.6)
  expect(await trained(data, 4, [16, 32])).toBeGreaterThanOrEqual(0.9)
  expect(await trained(data, 1, [16, 32], 1)).toBeLessThan(0.6)
  expect(tf.memory().numTensors).toBe(before)
}, 180_000)

test.runIf(process.env.ARCHLOOM_SLOW === '1')(
  'the same at 32×32 and in grey, over three seeds (ARCHLOOM_SLOW=1)',
  async () => {
    await useEngine('wasm')
    for (const seed of [1, 2, 3])
      for (const form of [{ size: 32 }, { size: 16, channels: 1 }, { size: 12, classes: 4 }] as const) {
        const data = generatedImages({ ...form, train: 3000, seed })
        if (form.size < 32) expect(linearAccuracy(data.train, data.test)).toBeLessThan(0.6)
        expect(await trained(data, 6, [16, 32])).toBeGreaterThanOrEqual(0.9)
      }
  },
  600_000,
)

test('the linear model of this test does learn what is linear', () => {
  const rng = seeded(1)
  const make = (count: number) => {
    const labels = Int32Array.from({ length: count }, (_, i) => i % 3)
    const pixels = Uint8Array.from(
      { length: count * 4 },
      (_, i) => 60 * (labels[i >> 2] === i % 4 ? 2 : 1) + rng.int(30),
    )
    return labelledImages({ height: 2, width: 2, channels: 1, classes: 3, pixels, labels })
  }
  expect(linearAccuracy(imageSplit('train', make(300)), imageSplit('test', make(90)))).toBe(1)
})

test('seeded: the same images again, others by another seed; parts differ and do not depend on each other', () => {
  const images = (options: GeneratedImagesOptions) => {
    const { train, validation, test } = generatedImages({ train: 40, validation: 40, test: 40, ...options })
    return [train, validation, test].map((part) => md5(part.images.pixels))
  }
  const [train, validation, test_] = images({ seed: 1 })
  expect(images({ seed: 1 })).toEqual([train, validation, test_])
  expect(images({ seed: 2 })[0]).not.toEqual(train)
  expect(train).not.toEqual(test_)
  expect(validation).not.toEqual(test_)
  expect(images({ seed: 1, train: 80 })[2]).toEqual(test_)
})

test('shape, balance, names and what is said', () => {
  const data = generatedImages({ classes: 7, size: 12, channels: 1, train: 70, validation: 14, test: 21 })
  expect(data.train.inputShape).toEqual([12, 12, 1])
  expect(classCounts(data.train.images)).toEqual(new Array(7).fill(10))
  expect(new Set(data.classNames).size).toBe(7)
  expect(data.source).toBe('generated')
  expect(data.notes.join()).toMatch(/generated images, not photographs/)
  expect(describeDataset(data)).toBe(
    'generated textures (generated): 70 train, 14 validation, 21 test; 12×12×1, 7 classes',
  )
})

test('every number of classes has as many different textures', () => {
  for (let classes = 2; classes <= 16; classes++)
    expect(new Set(generatedImages({ classes, train: 20, validation: 20, test: 20 }).classNames).size).toBe(classes)
})

test.each<GeneratedImagesOptions>([
  { classes: 1 },
  { classes: 17 },
  { size: 7 },
  { train: 5 },
  { noise: Number.NaN },
  { channels: 4 as 3 },
  { channels: 2 as 3 },
])('%j is ARCHLOOM_GENERATED_IMAGES', (options) => {
  expect(() => generatedImages(options)).toThrow(expect.objectContaining({ code: 'ARCHLOOM_GENERATED_IMAGES' }))
})
