import { ArchloomError } from '../../core/errors.ts'
import { optionNames } from '../../core/options/index.ts'
import type { ImageDataset } from './dataset.ts'
import { type GeneratedImagesOptions, generatedImages } from './generated.ts'

/**
 * Whether an error means that a data set is not available here. A broken file or a wrong option is a different error.
 */
const absent = (code: string) =>
  code.startsWith('ARCHLOOM_DOWNLOAD_') || ['ARCHLOOM_DATA_SET_NOT_FOUND', 'ARCHLOOM_CACHE_UNWRITABLE'].includes(code)

const orGeneratedNames = optionNames<GeneratedImagesOptions>('orGenerated', {
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
 * The real data set, or generated images if it can neither be found nor downloaded; the first note then says so. Any
 * other error is thrown: `orGenerated(() => cifar10({ trainSize: 4000 }), { train: 4000 })`.
 */
export async function orGenerated(
  load: () => Promise<ImageDataset>,
  options: GeneratedImagesOptions = {},
): Promise<ImageDataset> {
  orGeneratedNames(options)
  try {
    return await load()
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || !absent(thrown.code)) throw thrown
    const data = generatedImages(options)
    return { ...data, notes: [`a substitute for real data: ${thrown.message.split('\n')[0]}`, ...data.notes] }
  }
}
