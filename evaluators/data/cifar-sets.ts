import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CifarOptions, readCifar } from './cifar.ts'
import { error } from './errors.ts'
import type { ImagesOnDisk, NamedSet } from './find.ts'
import { firstExisting } from './read-bytes.ts'

const HOME = 'https://www.cs.toronto.edu/~kriz'
const CIFAR10_TRAIN = [
  'data_batch_1.bin',
  'data_batch_2.bin',
  'data_batch_3.bin',
  'data_batch_4.bin',
  'data_batch_5.bin',
]

const CIFAR10_CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ')

/** Krizhevsky (2009): 50,000 + 10,000 photographs of 32×32 in 10 classes. */
export const cifar10Set: NamedSet = {
  name: 'cifar10',
  title: 'CIFAR-10',
  folders: ['cifar-10-batches-bin', 'cifar10', 'CIFAR10', 'cifar-10'],
  read: (folder) =>
    readFolder(folder, {
      train: CIFAR10_TRAIN,
      test: 'test_batch.bin',
      names: 'batches.meta.txt',
      classNames: CIFAR10_CLASSES,
      official: [50_000, 10_000],
      records: { labelBytes: 1, classes: 10 },
    }),
  remote: [
    {
      urls: [`${HOME}/cifar-10-binary.tar.gz`],
      file: 'cifar-10-binary.tar.gz',
      checksum: { algorithm: 'md5', value: 'c32a1d4ab5d03f1284b67883e8d87530' },
      members: [...CIFAR10_TRAIN, 'test_batch.bin', 'batches.meta.txt'],
    },
  ],
}

/** Krizhevsky (2009): 50,000 + 10,000 photographs of 32×32 in 100 fine (or 20 coarse) classes. */
export const cifar100Set = (labels: 'fine' | 'coarse' = 'fine'): NamedSet => ({
  name: 'cifar100',
  title: 'CIFAR-100',
  folders: ['cifar-100-binary', 'cifar100', 'CIFAR100', 'cifar-100', 'cifar100-mini'],
  read: (folder) =>
    readFolder(folder, {
      train: ['train.bin'],
      test: 'test.bin',
      names: `${labels}_label_names.txt`,
      official: [50_000, 10_000],
      records: labels === 'fine' ? { labelBytes: 2, classes: 100 } : { labelBytes: 2, labelByte: 0, classes: 20 },
    }),
  remote: [
    {
      urls: [`${HOME}/cifar-100-binary.tar.gz`],
      file: 'cifar-100-binary.tar.gz',
      checksum: { algorithm: 'md5', value: '03b5dce01913d631647c71ecec9e9cb8' },
      members: ['train.bin', 'test.bin', 'fine_label_names.txt', 'coarse_label_names.txt'],
    },
  ],
})

interface CifarFolder {
  readonly train: readonly string[]
  readonly test: string
  readonly names: string
  readonly classNames?: readonly string[]
  readonly official: readonly [train: number, test: number]
  readonly records: CifarOptions & { readonly classes: number }
}

async function readFolder(folder: string, files: CifarFolder): Promise<ImagesOnDisk | undefined> {
  const find = (name: string) => firstExisting([join(folder, name)])
  const batches = await Promise.all(files.train.map(find))
  const present = batches.filter((path) => path !== undefined)
  const testPath = await find(files.test)
  if (present.length === 0 && !testPath) return undefined
  if (present.length === 0 || !testPath) {
    const path = join(folder, testPath ? (files.train[0] as string) : files.test)
    throw error('ARCHLOOM_DATA_FILE_MISSING', { path, why: 'the folder holds the other part of the set only' })
  }
  const train = await readCifar(present, files.records)
  const test = await readCifar(testPath, files.records)
  const absent = files.train.filter((_, i) => batches[i] === undefined)
  const notes = [
    ...(absent.length ? [`${present.length} of ${files.train.length} training files: no ${absent.join(', ')}`] : []),
    ...sizeNotes(train.count, test.count, files.official),
  ]
  return { train, test, classNames: await classNamesOf(folder, files), notes }
}

/** Notes for a set that is not the complete official one. */
export function sizeNotes(train: number, test: number, official: readonly [number, number]): string[] {
  const part = (n: number, whole: number, what: string) =>
    n === whole
      ? []
      : [`${n.toLocaleString('en-US')} of the official ${whole.toLocaleString('en-US')} ${what} examples`]
  return [...part(train, official[0], 'training'), ...part(test, official[1], 'test')]
}

async function classNamesOf(folder: string, { names, classNames, records }: CifarFolder): Promise<readonly string[]> {
  const text = await readFile(join(folder, names), 'utf8').catch(() => '')
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length === records.classes) return lines
  return classNames ?? Array.from({ length: records.classes }, (_, k) => `class ${k}`)
}
