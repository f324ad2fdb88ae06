/**
 * Search strategies on tables of trained networks, which need ARCHLOOM_DATA, and on test functions.
 *   npm run bench -- strategies [--space nb201|macro|branin|hartmann6|ackley-mixed|…] [--dataset cifar10|cifar100|imagenet16] [--protocol honest|oracle]
 *     [--seeds 20] [--trials 200] [--only tpe,gp] [--csv curves.csv] [--svg regret.svg]
 *     [--peers tpe,nsga2] [--python python3] [--keep peers.jsonl] [--json]
 *   npm run bench -- strategies --space nb101|transnas|transnas-macro|nats-size --table converted.csv [--chooses column]
 *     [--reports column] [...]
 * The second form takes a file that `archloom table convert` wrote; larger values of its columns must be better.
 * A function's name in place of a table needs no data: the smallest value found, with the sign changed. Functions of the
 * reported table are branin, hartmann6 and ackley-mixed; defaults of plugins are chosen on hartmann3, six-hump-camel, levy4
 * and rastrigin-mixed.
 * nb201: mean test accuracy (percent) of the architecture that each search chose. macro: hypervolume of accuracy and
 * multiply-adds, as a share of the whole table's front, above the worst value of each. Worths are taken after 20, 50, 100,
 * 150, 200 and 500 trials, as far as the searches go; strategies with a population choose it for all `trials`.
 * With --schedulers, every strategy gets the simulated time of random search, and the share of it is measured that a strategy
 * needs to reach what random search finds: npm run bench -- strategies --schedulers [--dataset …] [--seeds 20] [--trials 200]
 * With --peers, Optuna's samplers of these names run on the same problem, where Python has Optuna. With --keep, a run that was
 * stopped does not repeat their searches.
 */
import { pathToFileURL } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import type { Controller, ControllerFactory } from '../../core/controller.ts'
import { type Genotype, seeded } from '../../core/index.ts'
import { replaceFileSync } from '../../core/node/files.ts'
import { optionError } from '../../core/options/index.ts'
import { simulatedAnnealing } from '../../plugins/annealing/index.ts'
import { evolutionStrategy } from '../../plugins/cma-es/index.ts'
import { populationFor, regularizedEvolution } from '../../plugins/evolution/index.ts'
import { bayesianSearch } from '../../plugins/gp/index.ts'
import { gridSearch } from '../../plugins/grid/index.ts'
import { hillClimbing } from '../../plugins/local-search/index.ts'
import { geneticSearch, nsga2PopulationFor } from '../../plugins/nsga2/index.ts'
import { predictorSearch } from '../../plugins/predictor/index.ts'
import { randomSearch } from '../../plugins/random/index.ts'
import { policySearch } from '../../plugins/reinforce/index.ts'
import { sobolSearch } from '../../plugins/sobol/index.ts'
import { treeParzen } from '../../plugins/tpe/index.ts'
import { regretFigure } from './strategies/figure.ts'
import { type FileSpaceName, isFileSpace } from './strategies/file-problems.ts'
import type { FunctionName } from './strategies/functions.ts'
import { type Played, playPeers } from './strategies/peers.ts'
import { type Problem, problemOf } from './strategies/problems.ts'
import { playSimulatedTime, type SimulatedTimeOptions, timeShares } from './strategies/simulated-time.ts'

export interface StrategiesOptions {
  readonly space?: 'nb201' | 'macro' | FileSpaceName | FunctionName
  readonly dataset?: 'cifar10' | 'cifar100' | 'imagenet16'
  readonly protocol?: 'honest' | 'oracle'
  /** For nb101, transnas, transnas-macro and nats-size: the converted table, and the columns that choose and are reported. */
  readonly table?: string
  readonly chooses?: string
  readonly reports?: string
  readonly seeds?: number
  readonly trials?: number
  /** Names of strategies, separated by commas. */
  readonly only?: string
  /** Files for the curves and their figure. */
  readonly csv?: string
  readonly svg?: string
  /** Names of Optuna's samplers, separated by commas; true for those that have a counterpart here. */
  readonly peers?: string | true
  readonly python?: string
  /** A file that keeps the searches of the peers, one line each. */
  readonly keep?: string
  /** Compares schedulers at equal simulated time instead, on NAS-Bench-201 under the oracle protocol. */
  readonly schedulers?: true
  readonly log?: (line: string) => void
}

/** With the defaults of the plugins for a budget of so many trials. */
const strategies = (trials: number): Readonly<Record<string, ControllerFactory>> => ({
  random: randomSearch(),
  sobol: sobolSearch(),
  grid: gridSearch(),
  evolution: regularizedEvolution({ population: populationFor(trials) }),
  'local-search': hillClimbing(),
  annealing: simulatedAnnealing(),
  'cma-es': evolutionStrategy(),
  tpe: treeParzen(),
  nsga2: geneticSearch({ population: nsga2PopulationFor(trials) }),
  predictor: predictorSearch(),
  gp: bayesianSearch(),
  reinforce: policySearch(),
})

const CHECKPOINTS = [20, 50, 100, 150, 200, 500]

/** Genotypes of all trials of one search. */
function playOnce({ space, objectivesOf }: Problem, factory: ControllerFactory, trials: number, seed: number) {
  const rng = seeded(seed)
  using controller: Controller = factory(space, rng.fork('controller'))
  const genotypes: Genotype[] = []
  for (let trial = 0; trial < trials; trial++) {
    const proposal = controller.propose(rng.fork(`propose/${trial}`))
    if (typeof proposal === 'string') break
    const objectives = objectivesOf(proposal.genotype)
    genotypes.push(proposal.genotype)
    controller.observe([{ trial, proposal, reward: objectives[0]!, objectives, metrics: {} }])
  }
  return genotypes
}

/** All seeds of a strategy, and the milliseconds of this process's own time that a trial took. */
function playAll(problem: Problem, factory: ControllerFactory, trials: number, seeds: number): Played {
  const began = process.cpuUsage()
  const genotypes = Array.from({ length: seeds }, (_, i) => playOnce(problem, factory, trials, i + 1))
  const { user, system } = process.cpuUsage(began)
  return { genotypes, milliseconds: (user + system) / 1000 / trials / seeds }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const error = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / Math.max(1, values.length - 1))

interface StrategyResult extends BenchResult {
  readonly standardError: number
  /** Share of the seeds that found the best of the table. */
  readonly optimum: number
  /** Mean worth and its standard error after so many trials. */
  readonly after: Readonly<Record<number, { readonly value: number; readonly standardError: number }>>
  readonly seeds: number
  readonly trials: number
  readonly protocol: 'honest' | 'oracle'
  readonly millisecondsPerTrial: number
}

/** Schedulers at equal simulated time. */
async function schedulersBench(options: SimulatedTimeOptions, log: (line: string) => void): Promise<Bench> {
  const results = await playSimulatedTime(options)
  for (const { name, share, standardError, reached, after } of results)
    log(
      `${name}: reaches the mean best of random search after ${(100 * share).toFixed(1)} ± ${(100 * standardError).toFixed(1)} % of its ` +
        `simulated time (${(100 * reached).toFixed(0)} % of ${options.seeds} seeds reach it); best accuracy after ` +
        timeShares.map((at) => `${100 * at} %: ${after[at]!.toFixed(2)}`).join(', '),
    )
  const rows = results.map(({ share, ...rest }) => ({ ...rest, value: share, unit: 'of the time of random search' }))
  return { bench: 'strategies', results: rows }
}

export async function run(options: StrategiesOptions = {}): Promise<Bench> {
  const { space = 'nb201', log = () => {}, dataset, csv, svg, keep, python = 'python3' } = options
  const protocol = space === 'nb201' || isFileSpace(space) ? (options.protocol ?? 'honest') : 'oracle'
  const [seeds, trials] = [Number(options.seeds ?? 20), Number(options.trials ?? 200)]
  if (options.schedulers) return schedulersBench({ dataset: dataset ?? 'cifar10', seeds, trials }, log)
  const { table, chooses, reports } = options
  const columns = { ...(table && { table }), ...(chooses && { chooses }), ...(reports && { reports }) }
  const problem = problemOf({ space, protocol, ...(dataset && { dataset }), ...columns })
  const checkpoints = [...new Set([...CHECKPOINTS.filter((n) => n < trials), trials])]
  const at = [
    ...new Set([...Array.from({ length: Math.floor(trials / 5) }, (_, i) => 5 * (i + 1)), ...checkpoints]),
  ].sort((a, b) => a - b)
  const names = options.only?.split(',')
  const known = Object.keys(strategies(trials))
  for (const name of names ?? [])
    if (!known.includes(name)) throw optionError('bench', 'only', name, `some of ${known.join(', ')}`)
  const results: StrategyResult[] = []
  const curves: { readonly name: string; readonly worths: readonly (readonly number[])[] }[] = []

  const take = (name: string, { genotypes, milliseconds }: Played) => {
    const worths = genotypes.map((each) => problem.worths(each, at))
    curves.push({ name, worths })
    const after = (n: number) => worths.map((course) => course[at.indexOf(n)]!)
    const last = after(trials)
    const value = mean(last)
    const optimum = last.filter((worth) => worth >= problem.best - problem.near).length / seeds
    const random = results.find((result) => result.name === 'random')
    const courses = checkpoints.map((n) => [n, { value: mean(after(n)), standardError: error(after(n)) }] as const)
    results.push({
      name,
      value,
      unit: problem.unit,
      ...(random && { reference: 'random', ratio: value / random.value }),
      standardError: error(last),
      optimum,
      after: Object.fromEntries(courses),
      seeds,
      trials,
      protocol,
      millisecondsPerTrial: milliseconds,
    })
    log(
      `${name}: ${value.toFixed(3)} ± ${error(last).toFixed(3)} ${problem.unit} after ${trials} trials ` +
        `(${protocol} protocol, ${seeds} seeds), the best of the table in ${(100 * optimum).toFixed(0)} %, ` +
        `${milliseconds.toFixed(3)} ms of processor time per trial; after ` +
        courses.map(([n, each]) => `${n}: ${each.value.toFixed(3)} ± ${each.standardError.toFixed(3)}`).join(', '),
    )
  }

  for (const [name, factory] of Object.entries(strategies(trials)))
    if (!names || names.includes(name)) take(name, playAll(problem, factory, trials, seeds))
  if (options.peers !== undefined) {
    const samplers = typeof options.peers === 'string' ? options.peers.split(',') : ['random', 'tpe', 'nsga2']
    const onPlayed = (sampler: string, seed: number) => log(`Optuna's ${sampler}: seed ${seed} of ${seeds}`)
    const peers = await playPeers(problem, { python, samplers, seeds, trials, onPlayed, ...(keep && { keep }) })
    if (typeof peers === 'string') log(`Optuna is left out: ${peers}`)
    else for (const [name, played] of peers) take(name, played)
  }

  if (csv !== undefined) {
    const rows = curves.flatMap(({ name, worths }) =>
      at.map((n, k) => {
        const values = worths.map((course) => course[k]!)
        return [name, n, seeds, mean(values), error(values), problem.best - mean(values)].join(',')
      }),
    )
    replaceFileSync(csv, `${['strategy,trials,seeds,mean,standard_error,regret', ...rows].join('\n')}\n`)
    log(`wrote ${csv}`)
  }
  if (svg !== undefined) {
    const regrets = curves.map(({ name, worths }) => ({
      name,
      mean: at.map((_, k) => problem.best - mean(worths.map((course) => course[k]!))),
    }))
    replaceFileSync(svg, regretFigure(`${problem.name}, ${seeds} seeds`, at, regrets, problem.unit))
    log(`wrote ${svg}`)
  }
  return { bench: 'strategies', results }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
