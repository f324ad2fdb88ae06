import type { Observation } from '../controller.ts'
import type { Genotype } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { type Novelty, novelty } from './novelty.ts'
import { type Outcome, outcomeOf } from './population.ts'

/** What a model-based controller knows: outcomes, proposals without an outcome, and all proposed genotypes. */
export interface History {
  /** The last outcome of each trial, in the order in which the trials got their first outcome. */
  readonly outcomes: readonly Outcome[]
  /** Genotypes that were proposed and have no outcome yet, oldest first. */
  readonly open: readonly Genotype[]
  readonly proposed: Novelty
  propose(genotype: Genotype): void
  /** Returns the index of the outcome, and the outcome at a lower fidelity that it replaces. */
  observe(observation: Observation): { readonly index: number; readonly replaced: Outcome | undefined }
}

/** @param unique see `novelty`. */
export function history(space: SearchSpace, unique: number): History {
  const outcomes: Outcome[] = []
  const places = new Map<number, number>()
  const open: { readonly genotype: Genotype; readonly key: string }[] = []
  const proposed = novelty(space, unique)
  return {
    outcomes,
    get open() {
      return open.map(({ genotype }) => genotype)
    },
    proposed,
    propose(genotype) {
      proposed.add(genotype)
      open.push({ genotype, key: space.format(genotype) })
    },
    observe(observation) {
      const outcome = outcomeOf(observation)
      const known = places.get(outcome.trial)
      if (known !== undefined) {
        const replaced = outcomes[known]
        outcomes[known] = outcome
        return { index: known, replaced }
      }
      const key = space.format(outcome.genotype)
      const at = open.findIndex((each) => each.key === key)
      if (at >= 0) open.splice(at, 1)
      // The outcome of a proposal made elsewhere, for example in an earlier study.
      else proposed.add(outcome.genotype)
      const index = outcomes.push(outcome) - 1
      places.set(outcome.trial, index)
      return { index, replaced: undefined }
    },
  }
}

/**
 * Outcomes that can be compared: those at the highest fidelity at which at least `least` trials were measured; if
 * there is none, those at the fidelity at which most trials were measured.
 */
export function comparable(outcomes: readonly Outcome[], least: number): readonly Outcome[] {
  const counts = new Map<number, number>()
  for (const { fidelity, reward } of outcomes)
    if (reward !== undefined) counts.set(fidelity, (counts.get(fidelity) ?? 0) + 1)
  if (counts.size <= 1) return outcomes
  const levels = [...counts].sort((a, b) => b[0] - a[0])
  const [level] = levels.find(([, count]) => count >= least) ?? levels.reduce((a, b) => (b[1] > a[1] ? b : a))
  return outcomes.filter(({ fidelity, reward }) => fidelity === level || reward === undefined)
}
