import {
  type Controller,
  type ControllerFactory,
  type Genotype,
  type Random,
  type SearchSpace,
  toUnit,
} from '../../core/index.ts'
import { comparable, feasibleFirst, history, type Outcome } from '../../core/policy/index.ts'
import { logExpectedImprovement } from './acquisition.ts'
import { type Difference, fitted, type Hyperparameters, type Posterior, posterior } from './gaussian-process.ts'
import { type GpOptions, gpOptions } from './options.ts'

/**
 * A genotype as a point for the kernel: option indices of unordered choices, unit-scale values of numbers, NaN for
 * inactive decisions.
 */
export function pointOf(space: SearchSpace, genotype: Genotype): Float64Array {
  return Float64Array.from(space.decisions, (decision, d) => {
    if (!space.isActive(genotype, d)) return Number.NaN
    return decision.kind === 'choice' && !decision.ordered ? genotype[d]! : toUnit(decision, genotype[d]!)
  })
}

/**
 * The difference of two points: the squared distance of numbers, 0 or 1 for options, and 1 if only one of the two has
 * the decision.
 */
export function differenceOf(space: SearchSpace): Difference {
  const isNumber = space.decisions.map((decision) => decision.kind === 'real' || decision.ordered)
  return (a, b, d) => {
    const [x, y] = [a[d]!, b[d]!]
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) === Number.isNaN(y) ? 0 : 1
    return isNumber[d] ? (x - y) ** 2 : x === y ? 0 : 1
  }
}

/**
 * Values for the model: rewards relative to the median, in units of their spread. A value is at most twice as far below
 * the median as the best reward is above it, so that broken architectures do not determine the scale. Infeasible and
 * failed trials get this lowest value.
 */
export function modelValues(outcomes: readonly Outcome[]): Float64Array {
  const isGood = ({ reward, violation }: Outcome) => reward !== undefined && violation === 0
  const rewards = outcomes.filter(isGood).map(({ reward }) => reward!)
  if (rewards.length === 0) return new Float64Array(outcomes.length)
  const sorted = rewards.sort((a, b) => a - b)
  const median = sorted[sorted.length >> 1]!
  const best = sorted.at(-1)!
  const reach = best - median || Math.abs(median - sorted[0]!) || 1
  const floor = median - 2 * reach
  const clipped = Float64Array.from(outcomes, (o) => (isGood(o) ? Math.max(floor, o.reward!) : floor))
  const mean = clipped.reduce((sum, value) => sum + value, 0) / clipped.length
  const deviation = Math.sqrt(clipped.reduce((sum, value) => sum + (value - mean) ** 2, 0) / clipped.length) || 1
  return clipped.map((value) => (value - mean) / deviation)
}

/** The hyperparameters are fitted again when the number of trials has grown by this share since the last fit. */
const REFIT = 0.1
/** Number of best trials whose mutants are candidates, and of candidates that are improved by their neighbours. */
const PARENTS = 10
const CLIMBERS = 3
const CLIMB_STEPS = 8
const CLIMB_WIDTH = 24

/**
 * Bayesian optimisation with a Gaussian process over all decisions at once: numbers are compared by their distance on
 * their own scale and unordered choices by equality; a decision that only one of two genotypes has counts as
 * different. It proposes the maximum of the expected improvement among random genotypes, mutants of the best trials,
 * and the neighbours of the best of those. Running trials count with the mean that the model predicts for them. Error:
 * ARCHLOOM_OPTION.
 */
export function bayesianSearch(given: GpOptions = {}): ControllerFactory {
  const { startup, candidates, trials: limit, unique } = gpOptions.read(given)

  return (space): Controller => {
    const difference = differenceOf(space)
    const start: Hyperparameters = {
      weights: Float64Array.from(space.decisions, (d) => (d.kind === 'real' || d.ordered ? 4 : 0.5)),
      noise: 1e-3,
    }
    const known = history(space, unique)
    const { outcomes: all, proposed } = known
    let hyperparameters = start
    let fittedAt = 0

    /** The newest trials and the best ones, oldest first. */
    const inModel = (): readonly Outcome[] => {
      const trials = comparable(all, startup)
      if (trials.length <= limit) return trials
      const newest = limit >> 1
      const best = trials
        .slice(0, -newest)
        .sort(feasibleFirst)
        .slice(0, limit - newest)
      return [...best, ...trials.slice(-newest)]
    }

    const refit = () => {
      if (all.length < Math.max(startup, (1 + REFIT) * fittedAt)) return
      const outcomes = inModel()
      const points = outcomes.map(({ genotype }) => pointOf(space, genotype))
      hyperparameters = fitted(points, modelValues(outcomes), hyperparameters, start, difference)
      fittedAt = all.length
    }

    const modelled = (rng: Random): Genotype => {
      const outcomes = inModel()
      let points = outcomes.map(({ genotype }) => pointOf(space, genotype))
      let values: ArrayLike<number> = modelValues(outcomes)
      const best = Math.max(...Array.from(values))
      let model = posterior(points, values, hyperparameters, difference)
      const { open } = known
      if (model && open.length > 0) {
        const pending = open.map((genotype) => pointOf(space, genotype))
        values = [...Array.from(values), ...pending.map((point) => (model as Posterior).at(point).mean)]
        points = [...points, ...pending]
        model = posterior(points, values, hyperparameters, difference)
      }
      if (!model) return space.random(rng)
      const scores = new Map<string, number>()
      const score = (genotype: Genotype): number => {
        const key = space.format(genotype)
        let value = scores.get(key)
        if (value === undefined) {
          const { mean, deviation } = (model as Posterior).at(pointOf(space, genotype))
          value = proposed.isStale(genotype) ? Number.NEGATIVE_INFINITY : logExpectedImprovement(mean, deviation, best)
          scores.set(key, value)
        }
        return value
      }
      const parents = outcomes.toSorted(feasibleFirst).slice(0, PARENTS)
      const pool = Array.from({ length: candidates }, () => space.random(rng))
      for (let i = 0; i < candidates; i++) {
        const mutant = space.mutate(parents[i % parents.length]!.genotype, rng)
        pool.push(i % 2 === 0 ? mutant : space.mutate(mutant, rng))
      }
      const ranked = pool.map((genotype) => ({ genotype, value: score(genotype) })).sort((a, b) => b.value - a.value)
      let top = ranked[0]!
      for (let climber of ranked.slice(0, CLIMBERS)) {
        for (let step = 0; step < CLIMB_STEPS; step++) {
          const near = rng.shuffle([...space.neighbours(climber.genotype)]).slice(0, CLIMB_WIDTH)
          const from: typeof climber = climber
          for (const genotype of near) {
            const value = score(genotype)
            if (value > climber.value) climber = { genotype, value }
          }
          if (climber === from) break
        }
        if (climber.value > top.value) top = climber
      }
      return top.genotype
    }

    return {
      propose(rng, from) {
        const knows = all.length >= startup && all.some(({ reward }) => reward !== undefined)
        const genotype = from?.from ? space.mutate(from.from, rng) : knows ? modelled(rng) : space.random(rng)
        known.propose(genotype)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) known.observe(observation)
        refit()
        return { trials: all.length, noise: hyperparameters.noise }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
