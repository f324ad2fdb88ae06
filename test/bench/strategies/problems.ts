import type { Genotype, SearchSpace } from '../../../core/index.ts'
import { hypervolume } from '../../../core/policy/index.ts'
import { nasBench201Table, nasBenchMacroTable } from '../../../evaluators/tabular/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'
import { nasBenchMacroSpace } from '../../../search-spaces/nas-bench-macro/index.ts'
import { type FileProblemOptions, type FileSpaceName, fileProblem, isFileSpace } from './file-problems.ts'
import { type FunctionName, functionProblem, isFunctionName } from './functions.ts'

/** One table: what each genotype is chosen by, and what a search is worth after so many trials. */
export interface Problem {
  readonly name: string
  readonly space: SearchSpace
  readonly unit: string
  /** What a search is told: one number per objective, larger is better. */
  objectivesOf(genotype: Genotype): readonly number[]
  /** Of a search's trials in their order: its worth after each of the given numbers of trials. */
  worths(genotypes: readonly Genotype[], at: readonly number[]): readonly number[]
  /** The largest possible worth, and the distance from it at which it counts as found. */
  readonly best: number
  readonly near: number
  /** What Optuna's samplers are told where the problem is no table, and the genotype of the values that they propose. */
  readonly peers?: { readonly task: object; genotypeOf(values: readonly number[]): Genotype }
}

export interface ProblemOptions extends Pick<FileProblemOptions, 'table' | 'chooses' | 'reports'> {
  readonly space: 'nb201' | 'macro' | FileSpaceName | FunctionName
  readonly dataset?: 'cifar10' | 'cifar100' | 'imagenet16'
  readonly protocol: 'honest' | 'oracle'
}

export function problemOf(options: ProblemOptions): Problem {
  const { space } = options
  if (isFunctionName(space)) return functionProblem(space)
  if (isFileSpace(space)) return fileProblem({ ...options, space })
  return space === 'macro' ? chains() : cells(options)
}

/** Worth: test accuracy of the architecture that the search would choose. */
function cells({ dataset = 'cifar10', protocol }: ProblemOptions): Problem {
  const space = nasBench201Space()
  const table = nasBench201Table({ dataset, protocol })
  const metrics = new Map(
    [...space.enumerate()].map((genotype) => [space.format(genotype), table.lookup(space.decode(genotype), 1).metrics]),
  )
  const of = (genotype: Genotype, metric: string) => 100 * metrics.get(space.format(genotype))![metric]!
  return {
    name: `NAS-Bench-201 ${dataset}, ${protocol} protocol`,
    space: space as SearchSpace,
    unit: '% test accuracy',
    objectivesOf: (genotype) => [of(genotype, 'accuracy')],
    worths(genotypes, at) {
      let chosen: Genotype | undefined
      const course = genotypes.map((genotype) => {
        if (!chosen || of(genotype, 'accuracy') > of(chosen, 'accuracy')) chosen = genotype
        return of(chosen, 'testAccuracy')
      })
      return at.map((n) => course[Math.min(n, course.length) - 1]!)
    },
    best: Math.max(...[...metrics.values()].map(({ testAccuracy }) => 100 * testAccuracy!)),
    near: 1e-9,
  }
}

/** Worth: hypervolume of accuracy and multiply-adds above the worst of each, as a share of the whole table's. */
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
  const of = (genotype: Genotype) => points.get(space.format(genotype))!
  return {
    name: 'NAS-Bench-Macro, accuracy and multiply-adds, oracle protocol',
    space,
    unit: '% hypervolume',
    objectivesOf: of,
    worths: (genotypes, at) => at.map((n) => (100 * volume(genotypes.slice(0, n).map(of))) / whole),
    best: 100,
    near: 1e-9,
  }
}
