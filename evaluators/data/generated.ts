import { optionNames } from '../../core/options/index.ts'
import { type Random, seeded } from '../../core/random.ts'
import { type ImageDataset, type SplitDatasetOptions, splitDataset } from './dataset.ts'
import { error } from './errors.ts'
import { type LabelledImages, labelledImages } from './images.ts'
import { drawTexture, MOST_CLASSES, noiseTable, type Texture, textures } from './textures.ts'

/** Classes are patterns in several directions, so mirroring as augmentation would turn one class into another. */
export interface GeneratedImagesOptions extends Pick<SplitDatasetOptions, 'augment'> {
  /** Number of classes, 2 to 16. Default: 10. */
  readonly classes?: number
  /** Height and width in pixels, 8 to 256. Default 16. */
  readonly size?: number
  /** Default 3. */
  readonly channels?: 1 | 3
  /** Number of examples of each part. Default: 4,000, 1,000 and 1,000. */
  readonly train?: number
  readonly validation?: number
  readonly test?: number
  /** Standard deviation of the noise, in grey levels. Default 14. */
  readonly noise?: number
  /** Default 0. */
  readonly seed?: number
}

const generatedImagesNames = optionNames<GeneratedImagesOptions>('generatedImages', {
  augment: true,
  classes: true,
  size: true,
  channels: true,
  train: true,
  validation: true,
  test: true,
  noise: true,
  seed: true,
})

/**
 * Generated images to classify. The class is the pattern (stripes, chequers, dashes) and its direction; position,
 * phase, scale, colour, background, spots and noise are random. All classes have the same mean image, so a linear
 * model stays near chance, but a small convolutional network solves the task. Errors: ARCHLOOM_GENERATED_IMAGES.
 */
export function generatedImages(options: GeneratedImagesOptions = {}): ImageDataset {
  generatedImagesNames(options)
  const { classes = 10, size = 16, channels = 3, train = 4000, validation = 1000, test = 1000, noise = 14 } = options
  check('classes', classes, 2, MOST_CLASSES)
  check('size', size, 8, 256)
  if (channels !== 1 && channels !== 3) refuse('channels', channels, '1 or 3')
  for (const [part, n] of Object.entries({ train, validation, test })) check(part, n, classes, 1e6)
  if (!(noise >= 0 && noise <= 128)) refuse('noise', noise, 'a number from 0 to 128')
  const rng = seeded(options.seed ?? 0)
  const kinds = textures(classes)
  const table = noiseTable(rng.fork('noise'))
  const draw = (n: number, part: string) => drawn(kinds, n, { size, channels, noise }, table, rng.fork(part))
  return splitDataset({
    name: 'generated textures',
    train: draw(train, 'train'),
    validation: draw(validation, 'validation'),
    test: draw(test, 'test'),
    classNames: kinds.map((kind) => kind.name),
    source: 'generated',
    notes: ['generated images, not photographs: accuracies on them say nothing about real data sets'],
    ...(options.augment && { augment: options.augment }),
  })
}

function drawn(
  kinds: readonly Texture[],
  count: number,
  form: { size: number; channels: number; noise: number },
  table: Float32Array,
  rng: Random,
): LabelledImages {
  const bytes = form.size * form.size * form.channels
  const pixels = new Uint8ClampedArray(count * bytes)
  // Classes alternate, so every prefix is balanced.
  const labels = Int32Array.from({ length: count }, (_, i) => i % kinds.length)
  for (let i = 0; i < count; i++) drawTexture(kinds[i % kinds.length] as Texture, pixels, i * bytes, form, table, rng)
  const { size, channels } = form
  const parts = { height: size, width: size, channels, classes: kinds.length, labels }
  return labelledImages({ ...parts, pixels: new Uint8Array(pixels.buffer) }, 'generated')
}

function check(option: string, received: unknown, least: number, most: number): void {
  if (!Number.isInteger(received) || (received as number) < least || (received as number) > most)
    refuse(option, received, `a whole number from ${least} to ${most}`)
}

function refuse(option: string, received: unknown, expected: string): never {
  throw error('ARCHLOOM_GENERATED_IMAGES', { option, received, expected })
}
