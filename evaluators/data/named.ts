import { optionNames } from '../../core/options/index.ts'
import type { Augmentation } from './augmentation.ts'
import { cifar10Set, cifar100Set } from './cifar-sets.ts'
import { type ImageDataset, type SplitDatasetOptions, splitDataset } from './dataset.ts'
import { error } from './errors.ts'
import { type FindOptions, type FoundData, findSet, type NamedSet } from './find.ts'
import { fashionMnistSet, mnistSet, uspsSet } from './idx-sets.ts'

/** How a named set is split, changed and found. */
export interface NamedSetOptions
  extends FindOptions,
    Pick<SplitDatasetOptions, 'trainSize' | 'testSize' | 'normalisation' | 'seed'> {
  /** Number of training examples held out for validation. Default: a tenth (5,000 for CIFAR-10). */
  readonly validation?: number
  /** Random changes of training images; `true` applies those that are usual for the set. Default: none. */
  readonly augment?: Augmentation | boolean
}

export interface Cifar100Options extends NamedSetOptions {
  /** 100 fine classes or 20 coarse ones. Default fine. */
  readonly labels?: 'fine' | 'coarse'
}

/** Cropping with 4 pixels of padding, and mirroring: usual for CIFAR since He et al. (2016). */
const NATURAL: Augmentation = { crop: { padding: 4 }, flip: true }
/** Digits must not be mirrored. */
const DIGIT: Augmentation = { crop: { padding: 2 } }
const CLOTHING: Augmentation = { crop: { padding: 2 }, flip: true }

const cifar10Names = optionNames<NamedSetOptions>('cifar10', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
  trainSize: true,
  testSize: true,
  normalisation: true,
  seed: true,
  validation: true,
  augment: true,
})

/** CIFAR-10: 32×32×3, 10 classes. Errors: those of findData and splitDataset. */
export const cifar10 = (options: NamedSetOptions = {}) => {
  cifar10Names(options)
  return load(cifar10Set, NATURAL, options)
}
const cifar100Names = optionNames<Cifar100Options>('cifar100', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
  trainSize: true,
  testSize: true,
  normalisation: true,
  seed: true,
  validation: true,
  augment: true,
  labels: true,
})

/** CIFAR-100: 32×32×3, 100 fine or 20 coarse classes. */
export const cifar100 = (options: Cifar100Options = {}) => {
  cifar100Names(options)
  return load(cifar100Set(options.labels), NATURAL, options)
}
const fashionMnistNames = optionNames<NamedSetOptions>('fashionMnist', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
  trainSize: true,
  testSize: true,
  normalisation: true,
  seed: true,
  validation: true,
  augment: true,
})

/** Fashion-MNIST: 28×28×1, 10 classes. */
export const fashionMnist = (options: NamedSetOptions = {}) => {
  fashionMnistNames(options)
  return load(fashionMnistSet, CLOTHING, options)
}
const mnistNames = optionNames<NamedSetOptions>('mnist', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
  trainSize: true,
  testSize: true,
  normalisation: true,
  seed: true,
  validation: true,
  augment: true,
})

/** MNIST digits: 28×28×1, 10 classes. */
export const mnist = (options: NamedSetOptions = {}) => {
  mnistNames(options)
  return load(mnistSet, DIGIT, options)
}
const uspsNames = optionNames<NamedSetOptions>('usps', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
  trainSize: true,
  testSize: true,
  normalisation: true,
  seed: true,
  validation: true,
  augment: true,
})

/** USPS digits: 16×16×1, 10 classes. */
export const usps = (options: NamedSetOptions = {}) => {
  uspsNames(options)
  return load(uspsSet, DIGIT, options)
}

const sets = {
  cifar10: cifar10Set,
  cifar100: cifar100Set(),
  'fashion-mnist': fashionMnistSet,
  mnist: mnistSet,
  usps: uspsSet,
} satisfies Record<string, NamedSet>

export type DataName = keyof typeof sets
export const dataNames = Object.keys(sets) as readonly DataName[]

const findDataNames = optionNames<FindOptions>('findData', {
  environment: true,
  mirror: true,
  onProgress: true,
  clock: true,
  signal: true,
  attempts: true,
  pauseMs: true,
})

/**
 * The images of a named set as published, without splits and normalisation: from ARCHLOOM_DATA, else from the cache,
 * else downloaded. Errors: ARCHLOOM_DATA_SET_UNKNOWN, and those of findSet.
 */
export async function findData(name: DataName, options: FindOptions = {}): Promise<FoundData> {
  findDataNames(options)
  const set: NamedSet | undefined = sets[name]
  if (!set) throw error('ARCHLOOM_DATA_SET_UNKNOWN', { name, known: dataNames })
  return findSet(set, options)
}

async function load(set: NamedSet, usual: Augmentation, options: NamedSetOptions): Promise<ImageDataset> {
  const { title, ...found } = await findSet(set, options)
  const { validation, trainSize, testSize, normalisation, seed, augment } = options
  const changes = augment === true ? usual : augment || undefined
  return splitDataset({
    ...found,
    name: title,
    ...(validation !== undefined && { validation }),
    ...(trainSize !== undefined && { trainSize }),
    ...(testSize !== undefined && { testSize }),
    ...(normalisation && { normalisation }),
    ...(seed !== undefined && { seed }),
    ...(changes && { augment: changes }),
  })
}
