import type { ImageDataset } from './dataset.ts'
import { type ImageSplit, imageSplit } from './split.ts'

/** The same images with values from −1 (0) to 1 (255), the range of generators that end in tanh. */
export function symmetricRange(dataset: ImageDataset): ImageDataset {
  const half = new Array<number>(dataset.train.images.channels).fill(0.5)
  const normalisation = { mean: half, std: half }
  const within = <R extends 'train' | 'validation' | 'test'>(split: ImageSplit<R>): ImageSplit<R> => {
    const { role, images, indices, augmentation } = split
    return imageSplit(role, images, { indices, normalisation, ...(augmentation && { augmentation }) })
  }
  const { train, validation, test } = dataset
  return { ...dataset, train: within(train), validation: within(validation), test: within(test) }
}
