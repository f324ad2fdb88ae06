// `npm run bench -- fit`: does searching pay? `fit` beside the network made by hand and beside random search, each for
// the same processor time, over three seeds; and the three tables. Test data is looked at once, at the end of each run.
//     npm run bench -- fit --minutes 5 --seeds 3 --only cifar-10,digits [--json]
import { join } from 'node:path'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { cifar10, fashionMnist, type ImageDataset } from '../../evaluators/data/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import { type Row, readTable, recordsOf } from '../../evaluators/tables/index.ts'
import { allowance, fit, processorClock, searchImages, trainHandMade } from '../../plugins/fit/index.ts'

export interface FitBenchOptions {
  /** Minutes of two cores for images: twice as many minutes of processor time. Default 5. */
  readonly minutes?: number
  /** Default 3. */
  readonly seeds?: number
  /** Names of data sets, separated by commas. Default: all. */
  readonly only?: string
  readonly log?: (line: string) => void
}

const images: Readonly<Record<string, (seed: number) => Promise<ImageDataset>>> = {
  'cifar-10': (seed) => cifar10({ validation: 1000, seed }),
  'fashion-mnist': (seed) => fashionMnist({ trainSize: 9000, validation: 1000, seed }),
}
/** Row i of a table is of fold f: the folds of the tables' own description. */
const foldOf = (i: number) => Math.floor(((((i + 1) * 2_654_435_761) % 2 ** 32) / 2 ** 32) * 4)
const tables: Readonly<Record<string, string>> = { digits: 'target', hr: 'status', bikeshare: 'bikers' }

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const sd = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1))
export async function run({
  minutes = 5,
  seeds = 3,
  only = '',
  log = console.error,
}: FitBenchOptions = {}): Promise<Bench> {
  const results: BenchResult[] = []
  const names = only.split(',').filter((name) => name !== '')
  const wanted = (name: string) => names.length === 0 || names.includes(name)

  for (const [name, load] of Object.entries(images)) {
    if (!wanted(name)) continue
    const found: number[] = []
    const random: number[] = []
    const hand: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const data = await load(seed)
      const budget = () => allowance({ minutes: 2 * minutes }, processorClock)
      using searched = await searchImages({ data, seed, allowance: budget() })
      found.push((await classify(searched.network, data.test)).accuracy)
      using drawn = await searchImages({ data, seed, allowance: budget(), strategy: 'random' })
      random.push((await classify(drawn.network, data.test)).accuracy)
      using byHand = await trainHandMade({ data, seed, allowance: budget() })
      hand.push((await classify(byHand, data.test)).accuracy)
      log(`${name} seed ${seed}: fit ${found.at(-1)}, random ${random.at(-1)}, by hand ${hand.at(-1)}`)
    }
    results.push({
      name: `${name}: fit against the network made by hand`,
      value: mean(found),
      unit: `accuracy, ± ${sd(found).toFixed(4)}`,
      reference: `${mean(hand).toFixed(4)}, the network made by hand`,
      ratio: mean(found) / mean(hand),
    })
    results.push({
      name: `${name}: fit against random search`,
      value: mean(found),
      unit: `accuracy, ± ${sd(found).toFixed(4)}`,
      reference: `${mean(random).toFixed(4)}, random search`,
      ratio: mean(found) / mean(random),
    })
  }

  for (const [name, target] of Object.entries(tables)) {
    if (!wanted(name)) continue
    const folder = process.env.ARCHLOOM_DATA
    if (folder === undefined) throw new Error('the tables lie in ARCHLOOM_DATA/tables: set ARCHLOOM_DATA')
    const rows = recordsOf(await readTable(join(folder, 'tables', `${name}.csv`))) as Row[]
    const found: number[] = []
    const random: number[] = []
    let metric = 'accuracy'
    for (let seed = 0; seed < seeds; seed++) {
      const train = rows.filter((_, i) => foldOf(i) !== seed)
      const test = rows.filter((_, i) => foldOf(i) === seed)
      for (const strategy of ['search', 'random'] as const) {
        using result = await fit({ data: train, target, minutes: 1, seed: seed + 1, clock: processorClock, strategy })
        metric = result.task === 'regression' ? 'rmse' : 'accuracy'
        const value = (await result.evaluate(test))[metric]!
        ;(strategy === 'search' ? found : random).push(value)
        log(`${name} seed ${seed} ${strategy}: ${metric} ${value}`)
      }
    }
    const better = metric === 'rmse' ? mean(random) / mean(found) : mean(found) / mean(random)
    results.push({
      name: `${name}: fit against random search, 60 s`,
      value: mean(found),
      unit: `${metric}, ± ${sd(found).toFixed(4)}`,
      reference: `${mean(random).toFixed(4)}, random search`,
      ratio: better,
    })
  }

  return { bench: 'fit', results }
}
