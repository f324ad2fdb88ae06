import { type Controller, type ControllerFactory, type Decision, quote, type Random } from '../../core/index.ts'
import { optionError } from '../../core/options/index.ts'
import { type PerturbOptions, perturbOptions } from './options.ts'

/** The value of a decision, a little smaller or larger; an unordered choice keeps its option. */
function moved(decision: Decision, value: number, factor: number, rng: Random): number {
  const isUp = rng.float() < 0.5
  if (decision.kind === 'real')
    return Math.min(decision.max, Math.max(decision.min, isUp ? value * factor : value / factor))
  if (!decision.ordered) return value
  return Math.min(decision.options.length - 1, Math.max(0, isUp ? value + 1 : value - 1))
}

/**
 * Population-based training (Jaderberg et al. 2017), the part that explores: for a trial that starts from another one's
 * checkpoint, proposes that trial's genotype with every decision perturbed or drawn anew. Any other trial is drawn at
 * random. Error: ARCHLOOM_OPTION.
 */
export function perturbation(given: PerturbOptions = {}): ControllerFactory {
  const { factor, resample, only } = perturbOptions.read(given)
  return (space): Controller => {
    const names = space.decisions.map(({ name }) => name)
    const isPartOf = (part: string) => (name: string) => name === part || name.startsWith(`${part}.`)
    for (const part of only ?? [])
      if (!names.some(isPartOf(part))) throw optionError('perturb', 'only', part, `names among ${quote(names)}`)
    const isFree = names.map((name) => !only || only.some((part) => isPartOf(part)(name)))
    return {
      propose(rng, { from } = {}) {
        if (!from) return { genotype: space.random(rng) }
        const genotype: number[] = []
        for (const [i, decision] of space.decisions.entries()) {
          const own = rng.fork(decision.name)
          const allowed = space.allowed(genotype)
          const isKnown = space.isActive(from, i) && (!isFree[i] || own.float() >= resample)
          const value = isFree[i] ? moved(decision, from[i]!, factor, own) : from[i]!
          const isAllowed = allowed === null || allowed.includes(value)
          genotype.push(isKnown && isAllowed ? value : space.draw(genotype, own))
        }
        return { genotype }
      },
      observe: () => ({}),
      [Symbol.dispose]: () => {},
    }
  }
}
