import { defineSpace, integer, oneOf, product, real, type SearchSpace } from '../../../core/index.ts'
import type { Problem } from './problems.ts'

/** A decision, as Python's samplers are told of it. Options of a categorical decision are numbers, too. */
export type Domain =
  | { readonly kind: 'real' | 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'categorical'; readonly options: readonly number[] }

/** A function to be minimised, by Surjanovic and Bingham (https://www.sfu.ca/~ssurjano/optimization.html). */
interface TestFunction {
  readonly domains: readonly Domain[]
  readonly minimum: number
  compute(x: readonly number[]): number
  /** Name of the function in optuna_peers.py, and its constants. */
  readonly python: string
  readonly constants?: readonly (readonly (readonly number[])[])[]
}

const reals = (count: number, min: number, max: number): readonly Domain[] =>
  Array.from({ length: count }, () => ({ kind: 'real', min, max }))
/** Two real decisions, two integers and two categories, whose options are in no order. */
const mixed = (min: number, max: number, options: readonly number[]): readonly Domain[] => [
  ...reals(2, min, max),
  { kind: 'integer', min, max },
  { kind: 'integer', min, max },
  { kind: 'categorical', options },
  { kind: 'categorical', options: options.toReversed() },
]
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

const hartmann = (a: readonly (readonly number[])[], p: readonly (readonly number[])[]) => ({
  domains: reals(a[0]!.length, 0, 1),
  compute: (x: readonly number[]): number =>
    -sum(
      [1, 1.2, 3, 3.2].map(
        (alpha, i) => alpha * Math.exp(-sum(x.map((value, j) => a[i]![j]! * (value - p[i]![j]!) ** 2))),
      ),
    ),
  python: 'hartmann',
  constants: [a, p],
})

/** Functions of the reported table, then those on which defaults of the plugins are chosen. */
export const functions = {
  hartmann6: {
    minimum: -3.322368,
    ...hartmann(
      [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
      ],
      [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
      ],
    ),
  },
  branin: {
    domains: [
      { kind: 'real', min: -5, max: 10 },
      { kind: 'real', min: 0, max: 15 },
    ],
    python: 'branin',
    minimum: 0.397887,
    compute: ([x, y]) =>
      (y! - (5.1 / (4 * Math.PI ** 2)) * x! ** 2 + (5 / Math.PI) * x! - 6) ** 2 +
      10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x!) +
      10,
  },
  'ackley-mixed': {
    domains: mixed(-5, 10, [3, -1, 0, 5, -4, 8]),
    python: 'ackley',
    minimum: 0,
    compute: (x) =>
      20 +
      Math.E -
      20 * Math.exp(-0.2 * Math.sqrt(sum(x.map((value) => value ** 2)) / x.length)) -
      Math.exp(sum(x.map((value) => Math.cos(2 * Math.PI * value))) / x.length),
  },
  hartmann3: {
    minimum: -3.86278,
    ...hartmann(
      [
        [3, 10, 30],
        [0.1, 10, 35],
        [3, 10, 30],
        [0.1, 10, 35],
      ],
      [
        [0.3689, 0.117, 0.2673],
        [0.4699, 0.4387, 0.747],
        [0.1091, 0.8732, 0.5547],
        [0.0381, 0.5743, 0.8828],
      ],
    ),
  },
  'six-hump-camel': {
    domains: [
      { kind: 'real', min: -3, max: 3 },
      { kind: 'real', min: -2, max: 2 },
    ],
    python: 'camel',
    minimum: -1.031628,
    compute: ([x, y]) => (4 - 2.1 * x! ** 2 + x! ** 4 / 3) * x! ** 2 + x! * y! + (-4 + 4 * y! ** 2) * y! ** 2,
  },
  levy4: {
    domains: reals(4, -10, 10),
    python: 'levy',
    minimum: 0,
    compute(x) {
      const w = x.map((value) => 1 + (value - 1) / 4)
      const last = w.at(-1)!
      return (
        Math.sin(Math.PI * w[0]!) ** 2 +
        sum(w.slice(0, -1).map((each) => (each - 1) ** 2 * (1 + 10 * Math.sin(Math.PI * each + 1) ** 2))) +
        (last - 1) ** 2 * (1 + Math.sin(2 * Math.PI * last) ** 2)
      )
    },
  },
  'rastrigin-mixed': {
    domains: mixed(-4, 6, [2, -3, 0, 4, 1]),
    python: 'rastrigin',
    minimum: 0,
    compute: (x) => 10 * x.length + sum(x.map((value) => value ** 2 - 10 * Math.cos(2 * Math.PI * value))),
  },
} satisfies Readonly<Record<string, TestFunction>>
export type FunctionName = keyof typeof functions
export const isFunctionName = (name: string): name is FunctionName => Object.hasOwn(functions, name)

/** Worth: the largest −f so far. */
export function functionProblem(name: FunctionName): Problem {
  const { domains, minimum, compute, python, constants = [] }: TestFunction = functions[name]
  const nodes = domains.map((domain) => {
    if (domain.kind === 'categorical') return oneOf(...domain.options)
    return domain.kind === 'real' ? real(domain.min, domain.max) : integer(domain.min, domain.max)
  })
  const space = defineSpace(name, product(Object.fromEntries(nodes.map((node, d) => [`x${d}`, node]))))
  const valueAt = (genotype: readonly number[]) => -compute(Object.values(space.decode(genotype)) as number[])
  return {
    name,
    space: space as SearchSpace,
    unit: 'negative value',
    objectivesOf: (genotype) => [valueAt(genotype)],
    worths(genotypes, at) {
      let most = Number.NEGATIVE_INFINITY
      const course = genotypes.map((genotype) => {
        most = Math.max(most, valueAt(genotype))
        return most
      })
      return at.map((n) => course[Math.min(n, course.length) - 1]!)
    },
    best: -minimum,
    near: 0.01 * Math.max(1, Math.abs(minimum)),
    peers: {
      task: { domains, function: python, constants },
      genotypeOf: (values) => space.encode(Object.fromEntries(values.map((value, d) => [`x${d}`, value]))),
    },
  }
}
