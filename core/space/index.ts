export {
  type Infer,
  integer,
  type NumberOptions,
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
export {
  type ChoiceDecision,
  type Decision,
  drawValue,
  fromUnit,
  type Genotype,
  type Json,
  type RealDecision,
  shareOf,
  toUnit,
} from './decision.ts'
export { type Prior, type Priors, withPriors } from './priors.ts'
export { findSearchSpace, registerSearchSpace, searchSpaceNames } from './registry.ts'
export {
  defineSpace,
  optionLabel,
  type SearchSpace,
  type SpaceOptions,
  type SpaceOrigin,
  type Validation,
} from './space.ts'
