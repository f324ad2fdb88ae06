import type { Controller, ControllerFactory, Genotype, Random } from '../../core/index.ts'
import { feasibleFirst, history, type Outcome } from '../../core/policy/index.ts'
import { bootstrapSample, type RegressionNode, regressionTree, treeValue } from '../../core/policy/regression-tree.ts'
import { encodingOf } from './encoding.ts'
import { type PredictorOptions, predictorOptions } from './options.ts'

/** Mutations of one candidate: one more with this probability, again and again. */
const AGAIN = 0.5
/** Mutants that are made for each candidate, at most, while all of them were proposed before. */
const ATTEMPTS = 4

/**
 * Evolution guided by a predictor, after BANANAS (White, Neiswanger and Savani 2021): an ensemble learns how good the
 * trials were, and of many mutants of the best trials the one is proposed that a draw from the ensemble's prediction puts
 * first (independent Thompson sampling). The ensemble is of extremely randomised trees over bootstrap samples; it learns
 * ranks, so that units do not matter: feasible trials precede infeasible ones and those precede failed ones.
 * Error: ARCHLOOM_OPTION.
 */
export function predictorSearch(given: PredictorOptions = {}): ControllerFactory {
  const { startup, members, candidates, parents, rows: limit, unique } = predictorOptions.read(given)

  return (space): Controller => {
    const known = history(space, unique)
    const { outcomes, proposed } = known
    const { columns, encode } = encodingOf(space)
    /** Outcomes, best first. */
    const order: Outcome[] = []
    const rowOf = new Map<Outcome, Float64Array>()

    const take = (outcome: Outcome) => {
      let [low, high] = [0, order.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (feasibleFirst(outcome, order[middle]!) < 0) high = middle
        else low = middle + 1
      }
      order.splice(low, 0, outcome)
      rowOf.set(outcome, encode(outcome.genotype))
    }

    /** Places in `order` that the ensemble learns from. */
    const chosen = (): readonly number[] => {
      const n = order.length
      if (n <= limit) return order.map((_, place) => place)
      const better = limit >> 1
      const rest = limit - better
      return Array.from({ length: limit }, (_, k) =>
        k < better ? k : better + Math.floor(((k - better + 0.5) * (n - better)) / rest),
      )
    }

    const ensemble = (rng: Random): readonly RegressionNode[] => {
      const places = chosen()
      const rows = places.map((place) => rowOf.get(order[place]!)!)
      // The score of a rank, −log of its share: differences among the best count, those among the worst hardly do.
      const targets = places.map((place) => -Math.log((place + 0.5) / order.length))
      return Array.from({ length: members }, (_, member) => {
        const own = rng.fork(member)
        const sample = bootstrapSample(rows.length, own)
        return regressionTree({ columns, rows, targets }, { splits: 'random', sample, rng: own })
      })
    }

    const mutant = (rng: Random): Genotype => {
      for (let attempt = 0; ; attempt++) {
        let genotype = space.mutate(order[rng.int(Math.min(parents, order.length))]!.genotype, rng)
        while (rng.float() < AGAIN) genotype = space.mutate(genotype, rng)
        if (attempt >= ATTEMPTS || !proposed.isStale(genotype)) return genotype
      }
    }

    const predicted = (rng: Random): Genotype => {
      const trees = ensemble(rng.fork('ensemble'))
      let best: { readonly genotype: Genotype; readonly isStale: boolean; readonly score: number } | undefined
      for (let c = 0; c < candidates; c++) {
        const genotype = mutant(rng)
        const isStale = proposed.isStale(genotype)
        const row = encode(genotype)
        const values = trees.map((tree) => treeValue(tree, row))
        const mean = values.reduce((sum, value) => sum + value, 0) / members
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (members - 1)
        const score = mean + Math.sqrt(variance) * rng.normal()
        // New ones first, where there are any.
        if (!best || Number(best.isStale) - Number(isStale) > 0 || (isStale === best.isStale && score > best.score))
          best = { genotype, isStale, score }
      }
      return best!.genotype
    }

    return {
      propose(rng, request) {
        const from = request?.from
        const knows = outcomes.length >= startup && order[0]?.reward !== undefined
        const genotype = from ? space.mutate(from, rng) : knows ? predicted(rng) : space.random(rng)
        known.propose(genotype)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) {
          const { index, replaced } = known.observe(observation)
          if (replaced) {
            order.splice(order.indexOf(replaced), 1)
            rowOf.delete(replaced)
          }
          take(outcomes[index]!)
        }
        const best = order[0]?.reward
        return { trials: outcomes.length, ...(best !== undefined && { bestReward: best }) }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
