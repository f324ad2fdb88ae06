import type { Controller, ControllerFactory, Genotype, Random } from '../../core/index.ts'
import {
  crowdingDistance,
  descending,
  nonDominatedSort,
  novelty,
  type Outcome,
  outcomeOf,
} from '../../core/policy/index.ts'
import { type Nsga2Options, nsga2Options } from './options.ts'

/** Number of attempts to make a child that was not proposed before. */
const ATTEMPTS = 32

interface Ranked {
  readonly outcome: Outcome
  /** 0 is the best front. Infeasible individuals come after all feasible ones, by their violation. */
  readonly front: number
  readonly crowding: number
}

/**
 * Fronts under constrained domination: the non-dominated fronts of feasible trials, then infeasible trials one by one,
 * by increasing violation. Failed trials are left out.
 */
export function constrainedFronts(outcomes: readonly Outcome[]): readonly (readonly Outcome[])[] {
  const measured = outcomes.filter(({ reward }) => reward !== undefined)
  const feasible = measured.filter(({ violation }) => violation === 0)
  const infeasible = measured.filter(({ violation }) => violation !== 0)
  const fronts = nonDominatedSort(feasible.map(({ objectives }) => objectives))
  return [
    ...fronts.map((front) => front.map((i) => feasible[i]!)),
    ...infeasible.toSorted((a, b) => descending(-a.violation, -b.violation)).map((outcome) => [outcome]),
  ]
}

/** The best `size` outcomes, by front and then by crowding distance, best first. */
function survivors(outcomes: readonly Outcome[], size: number): readonly Ranked[] {
  const ranked: Ranked[] = []
  for (const [front, members] of constrainedFronts(outcomes).entries()) {
    if (ranked.length >= size) break
    const crowding = crowdingDistance(members.map(({ objectives }) => objectives))
    const order = members
      .map((outcome, i) => ({ outcome, front, crowding: crowding[i]! }))
      .sort((a, b) => descending(a.crowding, b.crowding))
    ranked.push(...order.slice(0, size - ranked.length))
  }
  return ranked
}

/** The default population for a number of trials: a twentieth of them, from 10 to 50. */
export const nsga2PopulationFor = (trials: number): number =>
  Math.max(10, Math.min(50, Math.round(Number.isFinite(trials) ? trials / 20 : 50)))

/**
 * NSGA-II (Deb et al. 2002): children of tournament winners are made by uniform crossover and mutation, and the best
 * of parents and children survive, by non-dominated front and crowding distance. Feasible individuals come before
 * infeasible ones, whatever the units of the objectives; a failed trial gives no individual. With one objective it is
 * a genetic algorithm with elitism. Error: ARCHLOOM_OPTION.
 */
export function geneticSearch(given: Nsga2Options = {}): ControllerFactory {
  const { population: size = 50, crossover, mutation, unique } = nsga2Options.read(given)

  return (space): Controller => {
    const probability = mutation ?? 1 / Math.max(1, space.decisions.length)
    let parents: readonly Ranked[] = []
    /** Children that were measured since the last selection. */
    let children: Outcome[] = []
    let ended = 0
    const proposed = novelty(space, unique)

    const tournament = (rng: Random): Genotype => {
      const [a, b] = [rng.pick(parents), rng.pick(parents)]
      const order = a.front - b.front || descending(a.crowding, b.crowding)
      return (order <= 0 ? a : b).outcome.genotype
    }
    const child = (rng: Random): Genotype => {
      const first = tournament(rng)
      let genotype = rng.float() < crossover ? space.crossover(first, tournament(rng), rng) : first
      // Applies as many single mutations as decisions would mutate.
      let count = 0
      for (let d = 0; d < space.decisions.length; d++) if (rng.float() < probability) count++
      for (let i = 0; i < count; i++) genotype = space.mutate(genotype, rng)
      return genotype
    }
    const offspring = (rng: Random): Genotype => {
      let genotype = child(rng)
      for (let attempt = 0; attempt < ATTEMPTS && proposed.isStale(genotype); attempt++)
        genotype = attempt < ATTEMPTS / 2 ? child(rng) : space.mutate(genotype, rng)
      return genotype
    }
    const drawn = (rng: Random): Genotype => {
      let genotype = space.random(rng)
      for (let attempt = 0; attempt < ATTEMPTS && proposed.isStale(genotype); attempt++) genotype = space.random(rng)
      return genotype
    }
    const select = () => {
      if (children.length < size) return
      parents = survivors([...parents.map(({ outcome }) => outcome), ...children], size)
      children = []
    }

    return {
      propose(rng, start) {
        const genotype = start?.from ? space.mutate(start.from, rng) : parents.length > 0 ? offspring(rng) : drawn(rng)
        proposed.add(genotype)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) {
          const outcome = outcomeOf(observation)
          proposed.add(outcome.genotype)
          const isThis = ({ trial }: Outcome) => trial === outcome.trial
          if (parents.some((ranked) => isThis(ranked.outcome)) || children.some(isThis)) {
            // The same trial at a higher fidelity replaces its earlier result.
            const kept = (known: Outcome) => (isThis(known) ? outcome : known)
            parents = survivors(
              parents.map((ranked) => kept(ranked.outcome)),
              size,
            )
            children = children.map(kept)
            continue
          }
          ended++
          if (outcome.reward === undefined) continue
          children.push(outcome)
          select()
        }
        const front = parents.filter((ranked) => ranked.front === 0).length
        return { trials: ended, population: parents.length, front }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
