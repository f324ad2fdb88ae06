import { quote } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { Rule } from './combinators.ts'
import type { ChoiceDecision, Decision, Json } from './decision.ts'
import { error } from './errors.ts'

/** The value of one decision as a constraint sees it: the option, the real value, or undefined if it is inactive. */
export type ConstraintValue = Json | undefined

/**
 * A condition on several decisions, stated by their names. `*` stands for one step of a path: `layers.*.units`.
 * Constraints are propagated while sampling: an option that leaves no completion is never offered.
 */
export interface Constraint {
  readonly paths: readonly string[]
  readonly description: string
  /** `open[i]` means decision i is not chosen yet; the answer must be true if any completion could satisfy it. */
  readonly possible: (
    values: readonly ConstraintValue[],
    open: readonly boolean[],
    decisions: readonly ChoiceDecision[],
  ) => boolean
  /** An option that at least one of the decisions must have. */
  readonly option?: Json
}

/** Any predicate over the named decisions; checked as soon as all of them are chosen. */
export const where = (
  paths: readonly string[],
  description: string,
  predicate: (...values: ConstraintValue[]) => boolean,
): Constraint => ({
  paths,
  description,
  possible(values, open) {
    if (open.includes(true)) return true
    const kept: unknown = predicate(...values)
    // A promise would count as true.
    if (typeof kept !== 'boolean')
      throw error('ARCHLOOM_SPACE_PART', {
        path: description,
        received: kept,
        expected: 'a predicate that returns true or false',
      })
    return kept
  },
})

/**
 * The sum of a weight over the decisions stays at or below a limit. If no weight is negative, impossible options are
 * excluded early.
 */
export const sumAtMost = (
  paths: readonly string[],
  limit: number,
  weight: (value: Json) => number = (value) => Number(value),
): Constraint => ({
  paths,
  description: `sum over ${paths.join(', ')} ≤ ${limit}`,
  possible(values, open, decisions) {
    let least = 0
    for (let i = 0; i < values.length; i++) {
      if (open[i]) least += Math.min(0, ...(decisions[i] as ChoiceDecision).options.map(weight))
      else if (values[i] !== undefined) least += weight(values[i] as Json)
    }
    return least <= limit
  },
})

/** No two of the decisions hold the same value (inactive ones do not count). */
export const allDifferent = (...paths: readonly string[]): Constraint => ({
  paths,
  description: `${paths.join(', ')} all different`,
  possible(values, open) {
    const chosen = values.filter((value, i) => !open[i] && value !== undefined).map((value) => JSON.stringify(value))
    return new Set(chosen).size === chosen.length
  },
})

const occurrencesNames = optionNames<{ min?: number; max?: number }>('occurrences', { min: true, max: true })

/** The option is chosen at least `min` and at most `max` times among the decisions. */
export const occurrences = (
  paths: readonly string[],
  option: Json,
  given: { min?: number; max?: number },
): Constraint => {
  const { min = 0, max = Number.POSITIVE_INFINITY } = occurrencesNames(given)
  return {
    paths,
    option,
    description: `${JSON.stringify(option)} chosen ${min} to ${max} times among ${paths.join(', ')}`,
    possible(values, open, decisions) {
      const key = JSON.stringify(option)
      let chosen = 0
      let could = 0
      for (let i = 0; i < values.length; i++) {
        if (!open[i]) chosen += JSON.stringify(values[i]) === key ? 1 : 0
        else if ((decisions[i] as ChoiceDecision).options.some((o) => JSON.stringify(o) === key)) could++
      }
      return chosen <= max && chosen + could >= min
    },
  }
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Turns a constraint into a rule over decision indices. */
export function toRule(
  constraint: Constraint,
  decisions: readonly Decision[],
  isActive: (genotype: readonly number[], index: number) => boolean,
): Rule {
  const found = constraint.paths.flatMap((path) => {
    const steps = path.split('.').map((step) => (step === '*' ? '[^.]+' : literal(step)))
    const pattern = new RegExp(`^${steps.join('\\.')}$`)
    const matching = decisions.flatMap((decision, index) => (pattern.test(decision.name) ? [index] : []))
    if (matching.length === 0)
      throw error('ARCHLOOM_SPACE_CONSTRAINT_PATH', { path, known: decisions.map((d) => d.name) })
    return matching
  })
  // Two paths may name the same decision, which counts once.
  const scope = [...new Set(found)]
  const scoped = scope.map((index) => {
    const decision = decisions[index] as Decision
    if (decision.kind === 'real')
      throw error('ARCHLOOM_SPACE_RANGE', {
        path: decision.name,
        received: 'a constraint over a real decision',
        expected: 'constraints over choices and integers only (use integer() with a step)',
      })
    return decision
  })
  const { option } = constraint
  const key = JSON.stringify(option)
  const options = [...new Set(scoped.flatMap((decision) => decision.options.map((each) => JSON.stringify(each))))]
  if (option !== undefined && !options.includes(key))
    throw error('ARCHLOOM_SPACE_PART', {
      path: constraint.paths.join(', '),
      received: option,
      expected: `an option of these decisions, which have ${quote(
        options.map((each) => JSON.parse(each) as Json),
        200,
      )}`,
    })
  return {
    scope,
    description: constraint.description,
    possible(genotype, chosen) {
      const open = scope.map((index) => index >= chosen)
      const values = scope.map((index, i) =>
        index >= chosen || !isActive(genotype, index)
          ? undefined
          : (scoped[i] as ChoiceDecision).options[genotype[index] as number],
      )
      return constraint.possible(values, open, scoped)
    },
  }
}
