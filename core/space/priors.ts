import { type Decision, drawValue, fromUnit, type Genotype, type Json, shareOf, toUnit } from './decision.ts'
import { error } from './prior-errors.ts'
import type { SearchSpace } from './space.ts'

/**
 * What is believed of one decision before the search. Of a choice: a weight for each option by its text, 1 where an option
 * is left out; an option is drawn in proportion to its weight. Of an ordered choice or a real decision also
 * `{ around, spread }`: a normal distribution over the decision's scale around a value, whose standard deviation is a share
 * of the scale (default 0.2), cut off at the ends.
 */
export type Prior = Readonly<Record<string, number>> | { readonly around: number; readonly spread?: number }

/** Priors by the name of the decision; a `*` stands for any part of a name, as in `'cells.*.op'`. */
export type Priors = Readonly<Record<string, Prior>>

const textOf = (option: Json) => (typeof option === 'string' ? option : JSON.stringify(option))
const isOrdered = (decision: Decision) => decision.kind === 'real' || decision.ordered
const isAround = (prior: Prior): prior is { readonly around: number; readonly spread?: number } => 'around' in prior

/** Draws of one decision under its prior. */
type Draw = SearchSpace['draw']

function drawOf(space: SearchSpace, decision: Decision, prior: Prior): Draw {
  const refuse = (received: unknown, expected: string) =>
    error('ARCHLOOM_PRIOR_INVALID', { decision: decision.name, received, expected })
  if (typeof prior !== 'object' || prior === null || Array.isArray(prior))
    throw refuse(prior, 'weights by option, or { around, spread }')
  if (isAround(prior) && isOrdered(decision)) {
    const { around, spread = 0.2 } = prior
    const inRange =
      decision.kind === 'real'
        ? around >= decision.min && around <= decision.max
        : decision.options.some((option) => option === around)
    if (!inRange) throw refuse(prior, 'around: a value of the decision')
    if (!(spread > 0 && Number.isFinite(spread))) throw refuse(prior, 'a spread above 0, a share of the scale')
    const stray = Object.keys(prior).find((key) => key !== 'around' && key !== 'spread')
    if (stray !== undefined) throw refuse(prior, 'around and spread only')
    const centre =
      decision.kind === 'real' ? toUnit(decision, around) : toUnit(decision, decision.options.indexOf(around))
    return (prefix, rng) => {
      const allowed = space.allowed(prefix)
      if (allowed === null)
        for (;;) {
          const unit = centre + spread * rng.normal()
          if (unit >= 0 && unit <= 1) return fromUnit(decision, unit)
        }
      if (allowed.length === 1 || decision.kind === 'real') return drawValue(decision, allowed, rng)
      const weights = allowed.map(
        (option) => shareOf(decision, option) * Math.exp(-(((toUnit(decision, option) - centre) / spread) ** 2) / 2),
      )
      return allowed[rng.weighted(weights)]!
    }
  }
  if (decision.kind === 'real') throw refuse(prior, '{ around, spread }, because the decision is real')
  const texts = decision.options.map(textOf)
  for (const [option, weight] of Object.entries(prior)) {
    if (!texts.includes(option)) throw refuse(option, `weights for options among ${texts.slice(0, 12).join(', ')}`)
    if (!(weight >= 0 && Number.isFinite(weight))) throw refuse(prior, 'finite weights of at least 0')
  }
  const weights = texts.map(
    (text, option) => shareOf(decision, option) * (new Map(Object.entries(prior)).get(text) ?? 1),
  )
  if (!weights.some((weight) => weight > 0)) throw refuse(prior, 'a weight above 0 for at least one option')
  return (prefix, rng) => {
    const allowed = space.allowed(prefix) ?? []
    const own = allowed.map((option) => weights[option]!)
    // Where constraints leave only options of weight 0, they are equally likely.
    return own.some((weight) => weight > 0) ? allowed[rng.weighted(own)]! : drawValue(decision, allowed, rng)
  }
}

const matches = (pattern: string, name: string) =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(name)

/**
 * The same space, whose random genotypes follow priors: `random` and `draw`, with which every controller starts. Changes of
 * a given genotype (mutation, crossover, neighbours) do not. A later pattern that matches a decision wins.
 * Error: ARCHLOOM_PRIOR_INVALID for a name that matches no decision, an unknown option, or a weight that is none.
 */
export function withPriors<A>(space: SearchSpace<A>, priors: Priors): SearchSpace<A> {
  const { decisions } = space
  if (typeof priors !== 'object' || priors === null || Array.isArray(priors))
    throw error('ARCHLOOM_PRIOR_INVALID', {
      decision: '',
      received: priors,
      expected: 'priors by the name of a decision',
    })
  const draws = new Map<number, Draw>()
  for (const [pattern, prior] of Object.entries(priors)) {
    const matched = decisions.flatMap(({ name }, index) => (matches(pattern, name) ? [index] : []))
    if (matched.length === 0)
      throw error('ARCHLOOM_PRIOR_INVALID', {
        decision: pattern,
        received: pattern,
        expected: `a name that matches one of ${decisions
          .slice(0, 12)
          .map(({ name }) => name)
          .join(', ')}`,
      })
    for (const index of matched) draws.set(index, drawOf(space as SearchSpace, decisions[index]!, prior))
  }
  const draw: Draw = (prefix, rng) => (draws.get(prefix.length) ?? space.draw)(prefix, rng)
  const random = (rng: Parameters<typeof space.random>[0]): Genotype => {
    const genotype: number[] = []
    while (genotype.length < decisions.length) genotype.push(draw(genotype, rng))
    return genotype
  }
  // The original stays the prototype: what is computed when it is asked for, such as the size, still is.
  return Object.assign(Object.create(space) as SearchSpace<A>, { draw, random })
}
