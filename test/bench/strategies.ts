/**
 * Search strategies on tables of trained networks. Needs ARCHLOOM_DATA.
 *   npm run bench -- strategies [--space nb201|macro] [--dataset cifar10|cifar100|imagenet16] [--protocol honest|oracle]
 *     [--seeds 20] [--trials 200] [--only tpe,gp] [--json]
 * nb201: mean test accuracy (percent) of the architecture that each search chose. macro: hypervolume of accuracy and
 * multiply-adds, as a share of the whole table's front, above the worst value of each.
 */
import { pathToFileURL } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import type { Controller, ControllerFactory } from '../../core/controller.ts'
import { type SearchSpace, seeded } from '../../core/index.ts'
import { hypervolume } from '../../core/policy/index.ts'
import { nasBench201Table, nasBenchMacroTable } from '../../evaluators/tabular/index.ts'
import { populationFor, regularizedEvolution } from '../../plugins/evolution/index.ts'
import { bayesianSearch } from '../../plugins/gp/index.ts'
import { hillClimbing } from '../../plugins/local-search/index.ts'
import { geneticSearch, nsga2PopulationFor } from '../../plugins/nsga2/index.ts'
import { randomSearch } from '../../plugins/random/index.ts'
import { treeParzen } from '../../plugins/tpe/index.ts'
import { nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'
import { nasBenchMacroSpace } from '../../search-spaces/nas-bench-macro/index.ts'

export interface StrategiesOptions {
  readonly space?: 'nb201' | 'macro'
  readonly dataset?: 'cifar10' | 'cifar100' | 'imagenet16'
  readonly protocol?: 'honest' | 'oracle'
  readonly seeds?: number
  readonly trials?: number
  /** Names of strategies, separated by commas. */
  readonly only?: string
  readonly log?: (line: string) => void
}

/** With the defaults of the plugins for a budget of so many trials. */
const strategies = (trials: number): Readonly<Record<string, ControllerFactory>> => ({
  random: randomSearch(),
  evolution: regularizedEvolution({ population: populationFor(trials) }),
  'local-search': hillClimbing(),
  tpe: treeParzen(),
  nsga2: geneticSearch({ population: nsga2PopulationFor(trials) }),
  gp: bayesianSearch(),
})

/** One table: what each genotype is chosen by, and what it is worth when it is reported. */
interface Problem {
  readonly space: SearchSpace
  readonly unit: string
  objectivesOf(genotype: readonly number[]): readonly number[]
  /** Of all trials of a search, in their order. */
  worth(genotypes: readonly (readonly number[])[]): number
  /** The largest possible worth. */
  readonly best: number
}

function cells({ dataset, protocol }: Pick<StrategiesOptions, 'dataset' | 'protocol'>): Problem {
  const space = nasBench201Space()
  const table = nasBench201Table({ ...(dataset && { dataset }), protocol: protocol ?? 'honest' })
  const metrics = new Map(
    [...space.enumerate()].map((genotype) => [space.format(genotype), table.lookup(space.decode(genotype), 1).metrics]),
  )
  const of = (genotype: readonly number[], metric: string) => 100 * metrics.get(space.format(genotype))![metric]!
  return {
    space: space as SearchSpace,
    unit: '% test accuracy',
    objectivesOf: (genotype) => [of(genotype, 'accuracy')],
    worth: (genotypes) =>
      of(
        genotypes.reduce((a, b) => (of(b, 'accuracy') > of(a, 'accuracy') ? b : a)),
        'testAccuracy',
      ),
    best: Math.max(...[...metrics.values()].map(({ testAccuracy }) => 100 * testAccuracy!)),
  }
}

function chains(): Problem {
  const space = nasBenchMacroSpace() as SearchSpace
  const table = nasBenchMacroTable()
  const points = new Map(
    [...space.enumerate()].map((genotype) => {
      const { accuracy, multiplyAdds } = table.lookup(space.decode(genotype) as never, 1).metrics
      return [space.format(genotype), [accuracy!, -multiplyAdds!]]
    }),
  )
  const all = [...points.values()]
  const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((k) => pick(...all.map((point) => point[k]!))))
  const scaled = (point: readonly number[]) => point.map((value, k) => (value - low![k]!) / (high![k]! - low![k]!))
  /** The points of the front only: hypervolumes of thousands of points are slow. */
  const volume = (some: readonly (readonly number[])[]) => {
    let most = Number.NEGATIVE_INFINITY
    const order = some.map(scaled).sort((a, b) => b[1]! - a[1]! || b[0]! - a[0]!)
    const front = order.filter(([accuracy]) => {
      const isBetter = accuracy! > most
      if (isBetter) most = accuracy!
      return isBetter
    })
    return hypervolume(front, [0, 0])
  }
  const whole = volume(all)
  const of = (genotype: readonly number[]) => points.get(space.format(genotype))!
  return {
    space,
    unit: '% hypervolume',
    objectivesOf: of,
    worth: (genotypes) => (100 * volume(genotypes.map(of))) / whole,
    best: 100,
  }
}

/** Genotypes of all trials of one search, and the milliseconds of this process's own time that a trial took. */
function play({ space, objectivesOf }: Problem, factory: ControllerFactory, trials: number, seed: number) {
  const rng = seeded(seed)
  using controller: Controller = factory(space, rng.fork('controller'))
  const genotypes: (readonly number[])[] = []
  const began = process.cpuUsage()
  for (let trial = 0; trial < trials; trial++) {
    const proposal = controller.propose(rng.fork(`propose/${trial}`))
    if (typeof proposal === 'string') break
    const objectives = objectivesOf(proposal.genotype)
    genotypes.push(proposal.genotype)
    controller.observe([{ trial, proposal, reward: objectives[0]!, objectives, metrics: {} }])
  }
  const { user, system } = process.cpuUsage(began)
  return { genotypes, milliseconds: (user + system) / 1000 / trials }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const error = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / Math.max(1, values.length - 1))

interface StrategyResult extends BenchResult {
  readonly standardError: number
  /** Share of the seeds that found the best of the table. */
  readonly optimum: number
  readonly seeds: number
  readonly trials: number
  readonly protocol: 'honest' | 'oracle'
  readonly millisecondsPerTrial: number
}

export async function run(options: StrategiesOptions = {}): Promise<Bench> {
  const { space = 'nb201', log = () => {} } = options
  const protocol = space === 'macro' ? 'oracle' : (options.protocol ?? 'honest')
  const [seeds, trials] = [Number(options.seeds ?? 20), Number(options.trials ?? 200)]
  const problem = space === 'macro' ? chains() : cells({ ...options, protocol })
  const names = options.only?.split(',')
  const results: StrategyResult[] = []
  for (const [name, factory] of Object.entries(strategies(trials))) {
    if (names && !names.includes(name)) continue
    const played = Array.from({ length: seeds }, (_, i) => play(problem, factory, trials, i + 1))
    const worths = played.map(({ genotypes }) => problem.worth(genotypes))
    const value = mean(worths)
    const optimum = worths.filter((worth) => worth >= problem.best - 1e-9).length / seeds
    const millisecondsPerTrial = mean(played.map(({ milliseconds }) => milliseconds))
    const random = results.find((result) => result.name === 'random')
    results.push({
      name,
      value,
      unit: problem.unit,
      ...(random && { reference: 'random', ratio: value / random.value }),
      standardError: error(worths),
      optimum,
      seeds,
      trials,
      protocol,
      millisecondsPerTrial,
    })
    log(
      `${name}: ${value.toFixed(3)} ± ${error(worths).toFixed(3)} ${problem.unit} after ${trials} trials ` +
        `(${protocol} protocol, ${seeds} seeds), the best of the table in ${(100 * optimum).toFixed(0)} %, ` +
        `${millisecondsPerTrial.toFixed(3)} ms of processor time per trial`,
    )
  }
  return { bench: 'strategies', results }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
