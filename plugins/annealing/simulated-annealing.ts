import type { Controller, ControllerFactory, Genotype } from '../../core/index.ts'
import { feasibleFirst, history, type Outcome } from '../../core/policy/index.ts'
import { type AnnealingOptions, annealingOptions } from './options.ts'

/** How many mutations are tried to find one that was not proposed before. */
const ATTEMPTS = 32

/**
 * Simulated annealing (Kirkpatrick et al. 1983): each proposal is a mutant of the present state. It becomes the state
 * if it is better, and otherwise with probability exp(−loss / temperature). The temperature is in units of the
 * standard deviation of the first, random rewards, so that the unit of the objective does not matter. An infeasible
 * mutant becomes the state only if the state has a larger violation; a failed one never does. Error: ARCHLOOM_OPTION.
 */
export function simulatedAnnealing(given: AnnealingOptions = {}): ControllerFactory {
  const { startup, temperature, cooling, unique } = annealingOptions.read(given)

  return (space, rng): Controller => {
    const known = history(space, unique)
    const chance = rng.fork('acceptance')
    let state: Outcome | undefined
    let moves = 0
    let spread = 0

    const decide = (outcome: Outcome) => {
      const counted = known.outcomes.length
      if (counted <= startup) {
        if (!state || feasibleFirst(outcome, state) < 0) state = outcome
        if (counted < startup) return
        const rewards = known.outcomes.flatMap(({ reward }) => (reward === undefined ? [] : [reward]))
        spread = deviationOf(rewards.filter(Number.isFinite))
        return
      }
      const heat = temperature * spread * cooling ** moves++
      // One draw per trial, whatever the outcome, so that the random stream does not depend on the rewards.
      const luck = chance.float()
      if (!state || feasibleFirst(outcome, state) <= 0) state = outcome
      else if (outcome.reward !== undefined && outcome.violation === state.violation) {
        const loss = state.reward! - outcome.reward
        if (luck < Math.exp(-loss / heat)) state = outcome
      }
    }

    return {
      propose(own, start) {
        const from = start?.from ?? (known.outcomes.length < startup ? undefined : state?.genotype)
        let genotype: Genotype = from ? space.mutate(from, own) : space.random(own)
        for (let attempt = 0; attempt < ATTEMPTS && known.proposed.isStale(genotype); attempt++)
          genotype = from && attempt < ATTEMPTS / 2 ? space.mutate(from, own) : space.mutate(genotype, own)
        known.propose(genotype)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) {
          const { index, replaced } = known.observe(observation)
          const outcome = known.outcomes[index]!
          if (!replaced) decide(outcome)
          else if (state?.trial === outcome.trial) state = outcome
        }
        const heat = temperature * spread * cooling ** moves
        return {
          trials: known.outcomes.length,
          temperature: heat,
          ...(state?.reward !== undefined && { reward: state.reward }),
        }
      },
      [Symbol.dispose]: () => {},
    }
  }
}

/** The standard deviation of finite numbers, 0 of none; also where their squares are too large for a number. */
function deviationOf(values: readonly number[]): number {
  const count = Math.max(1, values.length)
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count)
  if (Number.isFinite(deviation)) return deviation
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  return Math.min(Number.MAX_VALUE, most * deviationOf(values.map((value) => value / most)))
}
