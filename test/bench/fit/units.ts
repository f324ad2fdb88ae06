import { join } from 'node:path'
import { cifar10, fashionMnist, type ImageDataset, readCifar, splitDataset } from '../../../evaluators/data/index.ts'
import { classify } from '../../../evaluators/metrics/index.ts'
import { readTable, recordsOf } from '../../../evaluators/tables/index.ts'
import { allowance, fit, processorClock, searchImages, trainHandMade } from '../../../plugins/fit/index.ts'
import { compareOnnx, exportOnnx } from '../../../plugins/onnx/index.ts'

/** `compressed` is `fit` with `--compress --max-bytes 200000`, whose file of integers is measured. */
export const arms = ['fit', 'hand-made', 'random', 'compressed'] as const
export type Arm = (typeof arms)[number]

/** One training that the benchmark consists of: it runs in a process of its own. */
export interface Unit {
  readonly set: string
  readonly arm: Arm
  readonly seed: number
  /** Of processor time. */
  readonly minutes: number
}

/** A finished unit. */
export interface Finished extends Unit {
  readonly metric: 'accuracy' | 'rmse'
  /** On test data, which is looked at once, here. */
  readonly value: number
  /** Of the network that a search of images found. */
  readonly parameters?: number
  /** Of the file that was measured, where it was one. */
  readonly bytes?: number
}

const folder = () => {
  const root = process.env.ARCHLOOM_DATA
  if (root === undefined) throw new Error('the benchmark reads its data from ARCHLOOM_DATA: set it')
  return root
}

/** Apples and oranges of CIFAR-100: 1,000 training images, of which 200 are held for validation. */
async function applesAndOranges(seed: number): Promise<ImageDataset> {
  const split = (part: 'train' | 'test') =>
    readCifar(
      ['A', 'B'].map((half) => join(folder(), 'cifar100-apple-orange', `${part}${half}.bin.gz`)),
      { classes: 2 },
    )
  return splitDataset({
    name: 'CIFAR-100 apples and oranges',
    train: await split('train'),
    validation: 200,
    test: await split('test'),
    classNames: ['apple', 'orange'],
    seed,
    location: folder(),
  })
}

export const imageSets: Readonly<Record<string, (seed: number) => Promise<ImageDataset>>> = {
  'cifar-10': (seed) => cifar10({ validation: 1000, seed }),
  'fashion-mnist': (seed) => fashionMnist({ trainSize: 9000, validation: 1000, seed }),
  'apple-orange': applesAndOranges,
}

/** Most bytes of the file of the arm `compressed`. */
const MOST_BYTES = 200_000

/** Tables and their targets. */
export const tableSets: Readonly<Record<string, string>> = { digits: 'target', hr: 'status', bikeshare: 'bikers' }

/** Row i of a table is of fold f: the folds of the tables' own description. */
const foldOf = (i: number) => Math.floor(((((i + 1) * 2_654_435_761) % 2 ** 32) / 2 ** 32) * 4)

export async function runUnit(unit: Unit): Promise<Finished> {
  const target = tableSets[unit.set]
  return { ...unit, ...(target === undefined ? await runImages(unit) : await runTable(unit, target)) }
}

async function runImages({ set, arm, seed, minutes }: Unit): Promise<Omit<Finished, keyof Unit>> {
  const load = imageSets[set]
  if (!load) throw new Error(`no data set ${set}`)
  const data = await load(seed)
  const shared = { data, seed, allowance: allowance({ minutes }, processorClock) }
  if (arm === 'hand-made') {
    using network = await trainHandMade(shared)
    return { metric: 'accuracy', value: (await classify(network, data.test)).accuracy }
  }
  using found = await searchImages({
    ...shared,
    strategy: arm === 'random' ? 'random' : 'search',
    ...(arm === 'compressed' && { limits: { bytes: MOST_BYTES, integers: true } }),
  })
  const { parameters } = found.cost
  if (arm !== 'compressed')
    return { metric: 'accuracy', value: (await classify(found.network, data.test)).accuracy, parameters }
  const { model } = await exportOnnx(found.network, { quantise: { calibration: data.train } })
  if (model.length > MOST_BYTES) throw new Error(`the file has ${model.length} bytes, more than ${MOST_BYTES}`)
  const { fileAccuracy } = await compareOnnx(found.network, model, data.test)
  return { metric: 'accuracy', value: fileAccuracy, parameters, bytes: model.length }
}

async function runTable(
  { set, arm, seed, minutes }: Unit,
  target: string,
): Promise<Pick<Finished, 'metric' | 'value'>> {
  const rows = recordsOf(await readTable(join(folder(), 'tables', `${set}.csv`)))
  // Seed s of the benchmark is seed s − 1 of the tables' description, whose fold is the test part.
  using result = await fit({
    data: rows.filter((_, i) => foldOf(i) !== seed - 1),
    target,
    minutes,
    seed,
    clock: processorClock,
    strategy: arm === 'fit' ? 'search' : 'random',
  })
  const metric = result.task === 'regression' ? 'rmse' : 'accuracy'
  const measured = await result.evaluate(rows.filter((_, i) => foldOf(i) === seed - 1))
  return { metric, value: measured[metric]! }
}
