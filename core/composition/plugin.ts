import type { Controller, ControllerFactory } from '../controller.ts'
import type { EvaluatorDefinition } from '../evaluator.ts'
import type { Paper } from '../paper.ts'
import type { SchedulerFactory } from '../scheduler.ts'
import type { Algorithm } from '../search/algorithm.ts'
import type { Trainer } from '../trainer.ts'
import { error } from './errors.ts'
import type { Observer } from './observer.ts'
import type { Part, Token } from './tokens.ts'

/** Where a plugin puts the parts it provides. */
export interface Binder {
  readonly controller: {
    to(factory: ControllerFactory): void
    /** A factory made from other parts of the search, such as its budget. */
    toFactory(make: Make<ControllerFactory>): void
    /** A class; constructor parameters are injected by the tokens of its `@inject` decorators. */
    toClass(type: new (...parts: never[]) => Controller): void
  }
  readonly scheduler: { to(factory: SchedulerFactory): void }
  readonly algorithm: { to(algorithm: Algorithm): void }
  readonly trainer: { to(trainer: Trainer): void }
  readonly evaluator: { to(definition: EvaluatorDefinition): void }
  /** Called once, when the study is opened: subscribe to events$, or attach listeners. */
  readonly observer: { to(observer: Observer): void }
  /** Any typed token: a constant, or a value made from other parts. */
  bind<T>(token: Token<T>): { to(value: T): void; toFactory(make: Make<T>): void }
}

/** Makes a part from other parts: `get` those that must be there, `find` those that another plugin may provide. */
export type Make<T> = (get: <U>(token: Token<U>) => U, find: <U>(token: Token<U>) => U | undefined) => T

/**
 * What a plugin may ask for:
 * `space`, `space:<name>`, `networks` (the space builds them), `supernet`, `cost`, `evaluator:<kind>`,
 * or a part or capability that another plugin or the evaluator provides.
 */
export type Need = string | { readonly need: string; readonly remedy: string }

export interface PluginDefinition {
  readonly name: string
  readonly provides?: readonly (Part | (string & {}))[]
  readonly needs?: readonly Need[]
  /** Publications that the plugin implements. */
  readonly paper?: Paper | readonly Paper[]
  /** Its options, as plain JSON: printed by describe(). */
  readonly options?: object
  bind(binder: Binder): void
}

export interface Plugin extends Required<Omit<PluginDefinition, 'paper'>> {
  readonly papers: readonly Paper[]
}

/** Define a plugin: what it provides, what it needs, and how its parts are bound. */
export function definePlugin(definition: PluginDefinition): Plugin {
  if (typeof definition?.name !== 'string' || definition.name === '' || typeof definition.bind !== 'function')
    throw error('ARCHLOOM_PLUGIN_INVALID', {
      received: definition,
      expected: 'a definition with a name and a bind function',
    })
  const { paper } = definition
  return {
    name: definition.name,
    provides: definition.provides ?? [],
    needs: definition.needs ?? [],
    options: definition.options ?? {},
    papers: paper === undefined ? [] : 'bibtex' in paper ? [paper] : paper,
    bind: (binder) => definition.bind(binder),
  }
}
