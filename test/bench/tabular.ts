/**
 * Searches over NAS-Bench-201 (CIFAR-10, oracle protocol: the objective is the mean test accuracy after 200 epochs), and the host's own time per
 * trial. Needs ARCHLOOM_DATA.   npm run bench -- tabular [--seeds 200] [--json]
 */
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import {
  createSearch,
  defineSpace,
  type EvaluatorDefinition,
  memoryStore,
  oneOf,
  type Plugin,
  product,
  repeat,
} from '../../core/index.ts'
import { nasBench201Table, tabular } from '../../evaluators/tabular/index.ts'
import { evolution } from '../../plugins/evolution/index.ts'
import { localSearch } from '../../plugins/local-search/index.ts'
import { random } from '../../plugins/random/index.ts'
import { reinforce } from '../../plugins/reinforce/index.ts'
import { nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'
import { temporaryFolder } from './folders/temporary.ts'

const EVALUATIONS = 200

const strategies: Readonly<Record<string, () => Plugin>> = {
  random: () => random(),
  evolution: () => evolution({ population: 10, sample: 10 }),
  reinforce: () => reinforce(),
  'local-search': () => localSearch(),
}

export interface TabularBenchOptions {
  readonly seeds?: number
  readonly log?: (line: string) => void
}

interface StrategyResult extends BenchResult {
  readonly sd: number
  readonly seeds: number
  readonly evaluationsPerSecond: number
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const sd = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) * (values.length / Math.max(1, values.length - 1)))

async function bestOf(plugin: Plugin, evaluator: EvaluatorDefinition, seed: number): Promise<number> {
  await using search = createSearch({
    space: nasBench201Space(),
    evaluator,
    plugins: [plugin],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: EVALUATIONS },
    study: memoryStore(),
    seed,
  })
  await search.finish()
  return 100 * (search.best()[0]?.reward ?? Number.NaN)
}

async function strategyResults(seeds: number, log: (line: string) => void): Promise<StrategyResult[]> {
  const evaluator = tabular(nasBench201Table({ protocol: 'oracle' }))
  const results: StrategyResult[] = []
  for (const [name, plugin] of Object.entries(strategies)) {
    const began = performance.now()
    const best: number[] = []
    for (let seed = 1; seed <= seeds; seed++) best.push(await bestOf(plugin(), evaluator, seed))
    const evaluationsPerSecond = Math.round((1000 * seeds * EVALUATIONS) / (performance.now() - began))
    const value = mean(best)
    const reference = results.length ? { reference: 'random', ratio: value / (results[0] as StrategyResult).value } : {}
    results.push({ name, value, unit: '% accuracy', ...reference, sd: sd(best), seeds, evaluationsPerSecond })
    log(
      `${name}: best accuracy after ${EVALUATIONS} evaluations ${value.toFixed(2)} ± ${sd(best).toFixed(2)} % ` +
        `(${seeds} seeds), ${evaluationsPerSecond} evaluations a second`,
    )
  }
  return results
}

/** Milliseconds a trial (propose, evaluate a sum, observe, journal without fsync), for each thousand of the trials. */
async function millisecondsATrial(directory: string, name: string, maxTrials: number): Promise<number[]> {
  const thousands: number[] = []
  await using search = createSearch({
    space: defineSpace('ten', product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) })),
    evaluator: ({ digits }) => ({ sum: digits.reduce((sum: number, digit) => sum + digit, 0) }),
    plugins: [random()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    study: { directory, name },
  })
  let began = performance.now()
  for await (const event of search.run()) {
    if (event.type !== 'controller.updated' || ((event.trials[0] ?? 0) + 1) % 1000 !== 0) continue
    thousands.push((performance.now() - began) / 1000)
    began = performance.now()
  }
  return thousands
}

async function overheadResults(log: (line: string) => void): Promise<BenchResult[]> {
  const directory = temporaryFolder('bench')
  let thousands: number[]
  try {
    // A compiler that is still warming up would make the first thousand look slow, and the last ones flat.
    await millisecondsATrial(directory, 'warm-up', 3000)
    thousands = await millisecondsATrial(directory, 'overhead', 10_000)
  } finally {
    rmSync(directory, { recursive: true })
  }
  const [first, last] = [thousands[0] as number, thousands.at(-1) as number]
  log(`overhead of a trial, by thousands: ${thousands.map((ms) => ms.toFixed(3)).join(' ')} ms`)
  const names = ['overhead/first-thousand', 'overhead/last-thousand'] as const
  return [
    { name: names[0], value: first, unit: 'ms/trial' },
    { name: names[1], value: last, unit: 'ms/trial', reference: names[0], ratio: first / last },
    { name: 'overhead/all', value: mean(thousands), unit: 'ms/trial' },
  ]
}

export async function run({ seeds = 200, log = () => {} }: TabularBenchOptions = {}): Promise<Bench> {
  const results = [...(await strategyResults(Number(seeds), log)), ...(await overheadResults(log))]
  return { bench: 'tabular', results }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
