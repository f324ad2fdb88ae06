import type { Controller, ControllerFactory, Genotype, Random } from '../../core/index.ts'
import { feasibleFirst, history } from '../../core/policy/index.ts'
import { frontChooser } from './front.ts'
import { type TpeOptions, tpeOptions } from './options.ts'
import { Memory, mixtureOfRows, type Row, rowOf } from './parzen.ts'

/** Number of good trials: a tenth of all, at most 25. */
const goodCount = (trials: number) => Math.min(25, Math.ceil(0.1 * trials))
/** Number of newest trials with weight 1. The weight of older ones falls linearly to 1/n for the first trial. */
const FLAT = 25
/** Number of steps from the best candidate that are tried if every candidate was proposed before. */
const ESCAPES = 32

/** Weight of a trial by its age among n: age 0 is the newest. */
const weightOf = (age: number, n: number): number => {
  if (age < FLAT || n <= FLAT) return 1
  const rise = n - FLAT
  const at = n - 1 - age
  return rise === 1 ? 1 / n : 1 / n + ((1 - 1 / n) * at) / (rise - 1)
}

/** Rows of a density, and the weight of each. */
interface Chosen {
  readonly rows: readonly Row[]
  readonly weights: readonly number[]
}

/** At most `limit` of the trials (oldest first) that are not excluded, with weights that represent all of them. */
function thinned(trials: readonly Row[], excluded: { has(trial: number): boolean }, limit: number): Chosen {
  const n = trials.length
  const recent = n <= limit ? n : Math.floor(limit / 4)
  const [older, taken] = [n - recent, n <= limit ? 0 : limit - recent]
  const rows: Row[] = []
  const weights: number[] = []
  const add = (i: number, factor: number) => {
    if (excluded.has(i)) return
    rows.push(trials[i]!)
    weights.push(factor * weightOf(n - 1 - i, n))
  }
  for (let k = 0; k < taken; k++) add(Math.floor(((k + 0.5) * older) / taken), older / taken)
  for (let i = older; i < n; i++) add(i, 1)
  return { rows, weights }
}

/**
 * Tree-structured Parzen estimator (Bergstra et al. 2011) in its multivariate form. It draws from the density of the
 * good trials, and proposes the draw with the largest ratio to the density of the others. Feasible trials are better
 * than infeasible ones, and these are better than failed ones; with a scheduler, trials with higher fidelity come
 * first. Running trials count as others, so that parallel proposals spread out. With several objectives the good trials
 * are the first fronts, weighted by their hypervolume (Ozaki et al. 2022). Error: ARCHLOOM_OPTION.
 */
export function treeParzen(given: TpeOptions = {}): ControllerFactory {
  const { startup, candidates, kernels, unique, several } = tpeOptions.read(given)

  return (space): Controller => {
    const known = history(space, unique)
    const { outcomes, proposed } = known
    /** Indices of the outcomes, best first. */
    const order: number[] = []
    /** Rows of the outcomes. */
    const rows: Row[] = []
    const chooser = frontChooser()
    const [goodMemory, otherMemory] = [new Memory(), new Memory()]

    const take = (index: number) => {
      const outcome = outcomes[index]!
      let [low, high] = [0, order.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (feasibleFirst(outcome, outcomes[order[middle]!]!) < 0) high = middle
        else low = middle + 1
      }
      order.splice(low, 0, index)
    }

    const stepAway = (genotype: Genotype, rng: Random): Genotype => {
      let next = genotype
      for (let attempt = 0; attempt < ESCAPES; attempt++) {
        next = space.mutate(attempt % 4 === 0 ? genotype : next, rng)
        if (!proposed.isStale(next)) return next
      }
      return genotype
    }

    const modelled = (rng: Random): Genotype => {
      const count = goodCount(outcomes.length)
      const isMany = several === 'front' && outcomes[order[0]!]!.objectives.length > 1
      const good = isMany ? chooser.choose(order, outcomes, count) : new Map(order.slice(0, count).map((i) => [i, 1]))
      const best = [...good.keys()].sort((a, b) => a - b)
      const others = thinned(rows, good, kernels)
      const open = known.open.map((genotype) => rowOf(space, genotype))
      const goodMixture = mixtureOfRows(
        space,
        best.map((i) => rows[i]!),
        best.map((i) => good.get(i)!),
        goodMemory,
      )
      const otherMixture = mixtureOfRows(
        space,
        [...others.rows, ...open],
        [...others.weights, ...open.map(() => 1)],
        otherMemory,
      )
      const drawn = Array.from({ length: candidates }, () => goodMixture.draw(rng))
      // Considers only new candidates, if there are any.
      const fresh = drawn.filter((genotype) => !proposed.isStale(genotype))
      const choice = fresh.length > 0 ? fresh : drawn
      const choiceRows = choice.map((genotype) => rowOf(space, genotype))
      const other = otherMixture.logDensities(choiceRows)
      const ratios = goodMixture.logDensities(choiceRows).map((density, c) => density - other[c]!)
      const chosen = choice[ratios.indexOf(Math.max(...ratios))]!
      return fresh.length > 0 ? chosen : stepAway(chosen, rng)
    }

    return {
      propose(rng, given) {
        const from = given?.from
        const knows = outcomes.length >= startup && outcomes[order[0]!]!.reward !== undefined
        const genotype = from ? space.mutate(from, rng) : knows ? modelled(rng) : space.random(rng)
        known.propose(genotype)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) {
          const { index, replaced } = known.observe(observation)
          rows[index] = rowOf(space, outcomes[index]!.genotype)
          if (replaced) {
            order.splice(order.indexOf(index), 1)
            chooser.forget()
          }
          take(index)
        }
        const best = outcomes[order[0] ?? -1]?.reward
        return {
          trials: outcomes.length,
          good: goodCount(outcomes.length),
          ...(best !== undefined && { bestReward: best }),
        }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
