import {
  cifar10,
  type ImageDataset,
  imageSplit,
  type LabelledImages,
  labelledImages,
  orGenerated,
} from '../../../evaluators/data/index.ts'

/** Every 2×2 pixels as one, their mean. */
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

/** Half the height and width: networks are then small enough to be pruned hundreds of times in minutes. */
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
      ...{ indices: train.indices, normalisation: train.normalisation },
      // Classes of the generated set are directions: mirrored, one is another.
      augmentation: { crop: { padding: 1 }, flip: data.source !== 'generated' },
    }),
    validation: imageSplit('validation', of(validation.images), validation),
    test: imageSplit('test', of(test.images), test),
  }
}

export interface DataSizes {
  readonly train: number
  readonly validation: number
  readonly test: number
}

/** CIFAR-10, its size halved so many times; generated images of that size where it cannot be had. */
export async function photographs(
  { train, validation, test }: DataSizes,
  environment: NodeJS.ProcessEnv,
  halvings: number,
  signal: AbortSignal,
): Promise<ImageDataset> {
  const options = { trainSize: train, validation, testSize: test, augment: halvings === 0, environment, signal }
  let data = await orGenerated(() => cifar10(options), { train, validation, test, size: 32 })
  for (let k = 0; k < halvings; k++) data = halfSize(data)
  return data
}
