import { cifar10, halfSize, type ImageDataset, orGenerated } from '../../../evaluators/data/index.ts'

export interface DataSizes {
  readonly train: number
  readonly validation: number
  readonly test: number
}

/** CIFAR-10 with its size halved the given number of times, or generated images of that size if it is not available. */
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
