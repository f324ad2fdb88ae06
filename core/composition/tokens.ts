import type { Clock } from '../clock.ts'
import type { Controller, ControllerFactory } from '../controller.ts'
import type { Evaluator, EvaluatorDefinition } from '../evaluator.ts'
import type { Random } from '../random.ts'
import type { SchedulerFactory } from '../scheduler.ts'
import type { Algorithm } from '../search/algorithm.ts'
import type { ResolvedBudget } from '../search/budget.ts'
import type { SearchSpace } from '../space/space.ts'
import type { Store } from '../study/store.ts'
import type { Trainer } from '../trainer.ts'
import type { ResolvedObjective } from '../trial/objective.ts'

declare const carried: unique symbol
/** A name that carries the type of what is bound to it. */
export type Token<T> = symbol & { readonly [carried]?: T }

/** Makes your own token, for parts that your plugins share. */
export const token = <T>(name: string): Token<T> => Symbol.for(`archloom:${name}`) as Token<T>

export const SPACE = token<SearchSpace>('space')
export const OBJECTIVES = token<readonly ResolvedObjective[]>('objectives')
export const BUDGET = token<ResolvedBudget>('budget')
export const RANDOM = token<Random>('random')
export const CLOCK = token<Clock>('clock')
export const STORE = token<Store>('store')
export const EVALUATOR_DEFINITION = token<EvaluatorDefinition>('evaluator definition')
/** Creates the evaluator on the first call, so that a search that never runs never starts one. */
export const EVALUATOR = token<() => Promise<Evaluator>>('evaluator')
export const CONTROLLER_FACTORY = token<ControllerFactory>('controller factory')
export const CONTROLLER = token<Controller>('controller')
export const SCHEDULER = token<SchedulerFactory>('scheduler')
export const TRAINER = token<Trainer>('trainer')
export const ALGORITHM = token<Algorithm>('algorithm')

/** Tokens by the word a plugin uses in `provides`. */
export const partTokens = {
  controller: CONTROLLER,
  scheduler: SCHEDULER,
  algorithm: ALGORITHM,
  trainer: TRAINER,
  evaluator: EVALUATOR_DEFINITION,
} as const
export type Part = keyof typeof partTokens
