import { join } from 'node:path'
import { sizeNotes } from './cifar-sets.ts'
import { error } from './errors.ts'
import type { ImagesOnDisk, NamedSet, RemoteFile } from './find.ts'
import { readIdx, readIdxImages, readIdxLabels } from './idx.ts'
import { labelledImages } from './images.ts'
import { firstExisting } from './read-bytes.ts'

const DIGITS = Array.from({ length: 10 }, (_, k) => String(k))
const FASHION = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
]
const TRAIN_IMAGES = 'train-images-idx3-ubyte'
const TRAIN_LABELS = 'train-labels-idx1-ubyte'
const TEST_IMAGES = 't10k-images-idx3-ubyte'
const TEST_LABELS = 't10k-labels-idx1-ubyte'

const published = (bases: readonly string[], files: Readonly<Record<string, string>>): RemoteFile[] =>
  Object.entries(files).map(([name, md5]) => ({
    urls: bases.map((base) => `${base}/${name}.gz`),
    file: `${name}.gz`,
    checksum: { algorithm: 'md5', value: md5 },
  }))

/** LeCun, Cortes & Burges: 60,000 + 10,000 handwritten digits of 28×28. */
export const mnistSet: NamedSet = {
  name: 'mnist',
  title: 'MNIST',
  folders: ['mnist', 'MNIST', 'MNIST/raw'],
  read: (folder) => readFolder(folder, DIGITS, [60_000, 10_000]),
  // The authors' site no longer serves the files; these are the copies that the large frameworks use.
  remote: published(
    ['https://ossci-datasets.s3.amazonaws.com/mnist', 'https://storage.googleapis.com/cvdf-datasets/mnist'],
    {
      [TRAIN_IMAGES]: 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
      [TRAIN_LABELS]: 'd53e105ee54ea40749a09fcbcd1e9432',
      [TEST_IMAGES]: '9fb629c4189551a2d022fa330f9573f3',
      [TEST_LABELS]: 'ec29112dd5afa0611ce80d1b7f02629c',
    },
  ),
}

/** Xiao, Rasul & Vollgraf (2017): 60,000 + 10,000 pieces of clothing of 28×28. */
export const fashionMnistSet: NamedSet = {
  name: 'fashion-mnist',
  title: 'Fashion-MNIST',
  folders: ['fashion-mnist', 'fashion_mnist', 'FashionMNIST', 'FashionMNIST/raw'],
  read: (folder) => readFolder(folder, FASHION, [60_000, 10_000]),
  remote: published(['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com'], {
    [TRAIN_IMAGES]: '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
    [TRAIN_LABELS]: '25c81989df183df01b3e8a0aad5dffbe',
    [TEST_IMAGES]: 'bef4ecab320f06d8554ea6380940ec79',
    [TEST_LABELS]: 'bb300cfdad3c16e7a12a480ee83cd310',
  }),
}

/** Hull (1994): 7,291 + 2,007 digits from envelopes, 16×16, as IDX files. */
export const uspsSet: NamedSet = {
  name: 'usps',
  title: 'USPS',
  folders: ['usps', 'USPS'],
  read: (folder) => readFolder(folder, DIGITS, [7291, 2007]),
  remote: [],
}

async function readFolder(
  folder: string,
  classNames: readonly string[],
  official: readonly [train: number, test: number],
): Promise<ImagesOnDisk | undefined> {
  const find = (...names: string[]) =>
    firstExisting(names.flatMap((name) => [name, name.replace('-idx', '.idx')]).map((name) => join(folder, name)))
  const paths = {
    [TRAIN_IMAGES]: await find(TRAIN_IMAGES),
    [TRAIN_LABELS]: await find(TRAIN_LABELS),
    [TEST_IMAGES]: await find(TEST_IMAGES, 'test-images-idx3-ubyte', 't10k-first3000-images-idx3-ubyte'),
    [TEST_LABELS]: await find(TEST_LABELS, 'test-labels-idx1-ubyte'),
  }
  const absent = Object.entries(paths).flatMap(([name, path]) => (path ? [] : [name]))
  if (absent.length === 4) return undefined
  if (absent.length > 0) {
    const path = join(folder, absent[0] as string)
    throw error('ARCHLOOM_DATA_FILE_MISSING', { path, why: 'the folder holds only a part of the four files' })
  }
  const found = paths as Record<string, string>
  const train = await readIdx({ images: found[TRAIN_IMAGES] as string, labels: found[TRAIN_LABELS] as string })
  const test = await readTest(found[TEST_IMAGES] as string, found[TEST_LABELS] as string)
  return { train, test, classNames, notes: sizeNotes(train.count, test.count, official) }
}

/**
 * Reads the test part. A file named "first3000" holds the first test images, while its labels may be those of the
 * whole set.
 */
async function readTest(images: string, labels: string) {
  if (!images.includes('-first')) return readIdx({ images, labels })
  const { count, height, width, pixels } = await readIdxImages(images)
  const own = Int32Array.from(await readIdxLabels(labels)).subarray(0, count)
  return labelledImages({ height, width, channels: 1, classes: 10, pixels, labels: own }, `${images} + ${labels}`)
}
