import { pickOptions } from '../../core/options/index.ts'
import type { ImageDataset } from './dataset.ts'
import { type LabelledImages, labelledImages } from './images.ts'
import { imageSplit } from './split.ts'

/** Replaces every 2×2 pixels by their mean. */
function halved(images: LabelledImages): LabelledImages {
  const { count, height, width, channels, classes, pixels, labels } = images
  const [rows, columns] = [height / 2, width / 2]
  const small = new Uint8Array(count * rows * columns * channels)
  const pixel = (n: number, y: number, x: number, c: number) =>
    pixels[((n * height + y) * width + x) * channels + c] as number
  let at = 0
  for (let n = 0; n < count; n++)
    for (let y = 0; y < height; y += 2)
      for (let x = 0; x < width; x += 2)
        for (let c = 0; c < channels; c++)
          small[at++] = Math.round(
            (pixel(n, y, x, c) + pixel(n, y, x + 1, c) + pixel(n, y + 1, x, c) + pixel(n, y + 1, x + 1, c)) / 4,
          )
  return labelledImages({ height: rows, width: columns, channels, classes, pixels: small, labels })
}

/**
 * Halves height and width by averaging every 2×2 pixels, for experiments that would take too long on the full images.
 * Splits, normalisation and labels are unchanged; training images are cropped with a padding of 1 and mirrored.
 */
export function halfSize(data: ImageDataset): ImageDataset {
  const small = new Map<LabelledImages, LabelledImages>()
  const of = (images: LabelledImages) => {
    const known = small.get(images) ?? halved(images)
    small.set(images, known)
    return known
  }
  const { train, validation, test } = data
  return {
    ...data,
    name: `${data.name.replace(/ at .*/, '')} at ${train.images.height / 2}×${train.images.width / 2}`,
    train: imageSplit('train', of(train.images), {
      indices: train.indices,
      normalisation: train.normalisation,
      // Classes of the generated set are directions, which mirroring would change.
      augmentation: { crop: { padding: 1 }, flip: data.source !== 'generated' },
    }),
    validation: imageSplit(
      'validation',
      of(validation.images),
      pickOptions(validation, ['indices', 'normalisation', 'augmentation']),
    ),
    test: imageSplit('test', of(test.images), pickOptions(test, ['indices', 'normalisation', 'augmentation'])),
  }
}
