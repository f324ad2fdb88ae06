export {
  type Infer,
  integer,
  oneOf,
  product,
  real,
  repeat,
  type SpaceNode,
  subset,
  variant,
  when,
} from './combinators.ts'
export { allDifferent, type Constraint, occurrences, sumAtMost, where } from './constraints.ts'
export type { ChoiceDecision, Decision, Genotype, Json, RealDecision } from './decision.ts'
export { findSearchSpace, registerSearchSpace, searchSpaceNames } from './registry.ts'
export { defineSpace, optionLabel, type SearchSpace, type SpaceOptions, type Validation } from './space.ts'
