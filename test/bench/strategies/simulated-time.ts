import { createSearch, memoryStore, type Plugin, virtualClock } from '../../../core/index.ts'
import { nasBench201Table, tabular } from '../../../evaluators/tabular/index.ts'
import { asha } from '../../../plugins/asha/index.ts'
import { hyperband, successiveHalving } from '../../../plugins/hyperband/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { tpe } from '../../../plugins/tpe/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'

/** The table stores the accuracies after 12 and 200 epochs: two rungs, of which the first costs this share. */
const minFidelity = 12 / 200
const eta = 1 / minFidelity

const pairs: Readonly<Record<string, () => readonly Plugin[]>> = {
  tpe: () => [tpe()],
  'random, asha': () => [random(), asha({ minFidelity, eta })],
  'random, successiveHalving': () => [random(), successiveHalving({ minFidelity, eta })],
  'random, hyperband': () => [random(), hyperband({ minFidelity, eta })],
  'tpe, asha': () => [tpe(), asha({ minFidelity, eta })],
  'tpe, hyperband (BOHB)': () => [tpe(), hyperband({ minFidelity, eta })],
}

/** Bests of fully trained trials, in percent, and when they were found, in simulated seconds. */
interface Course {
  readonly bests: readonly { readonly seconds: number; readonly accuracy: number }[]
  /** The simulated time of the whole search. */
  readonly seconds: number
}

export interface SimulatedTimeOptions {
  readonly dataset: 'cifar10' | 'cifar100' | 'imagenet16'
  readonly seeds: number
  /** Fully trained trials of random search, whose simulated time is everyone's budget. */
  readonly trials: number
}

export interface SimulatedTimeResult {
  readonly name: string
  /** Mean best accuracy after these shares of the time of random search. */
  readonly after: Readonly<Record<number, number>>
  /** Mean share of that time until the mean final best of random search is reached; 1 where it is not. */
  readonly share: number
  readonly standardError: number
  /** Share of the seeds that reach it. */
  readonly reached: number
}

export const timeShares = [0.05, 0.1, 0.25, 0.5, 1] as const

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const accuracyAt = ({ bests }: Course, seconds: number) =>
  bests.findLast((best) => best.seconds <= seconds)?.accuracy ?? 0

/** Strategies with schedulers on NAS-Bench-201 under the oracle protocol, one evaluation at a time. */
export async function playSimulatedTime(options: SimulatedTimeOptions): Promise<readonly SimulatedTimeResult[]> {
  const { dataset, seeds, trials } = options
  const evaluator = tabular(nasBench201Table({ dataset, protocol: 'oracle' }))
  const play = async (
    plugins: readonly Plugin[],
    budget: { maxTrials: number } | { seconds: number },
    seed: number,
  ) => {
    const bests: { seconds: number; accuracy: number }[] = []
    const clock = virtualClock()
    await using search = createSearch({
      space: nasBench201Space(),
      evaluator,
      plugins,
      budget,
      seed,
      clock,
      study: memoryStore(),
      objectives: { accuracy: 'maximise' },
    })
    search.on('best.changed', ({ reward }) => void bests.push({ seconds: clock.now() / 1000, accuracy: 100 * reward }))
    await search.finish()
    return { bests, seconds: clock.now() / 1000 }
  }
  const playAll = async (of: (seed: number) => Promise<Course>) => {
    const courses: Course[] = []
    for (let seed = 1; seed <= seeds; seed++) courses.push(await of(seed))
    return courses
  }
  const reference = await playAll((seed) => play([random()], { maxTrials: trials }, seed))
  const seconds = mean(reference.map((course) => course.seconds))
  const goal = mean(reference.map(({ bests }) => bests.at(-1)!.accuracy))

  const resultOf = (name: string, courses: readonly Course[]): SimulatedTimeResult => {
    const whens = courses.map(({ bests }) => bests.find(({ accuracy }) => accuracy >= goal)?.seconds ?? seconds)
    const shares = whens.map((when) => Math.min(1, when / seconds))
    const share = mean(shares)
    return {
      name,
      after: Object.fromEntries(
        timeShares.map((at) => [at, mean(courses.map((each) => accuracyAt(each, at * seconds)))]),
      ),
      share,
      standardError: Math.sqrt(mean(shares.map((each) => (each - share) ** 2)) / Math.max(1, seeds - 1)),
      reached: whens.filter((when) => when < seconds).length / seeds,
    }
  }
  const results = [resultOf('random', reference)]
  for (const [name, plugins] of Object.entries(pairs))
    results.push(resultOf(name, await playAll((seed) => play(plugins(), { seconds }, seed))))
  return results
}
