import type { Controller, ControllerFactory } from '../controller.ts'
import type { EvaluatorDefinition } from '../evaluator.ts'
import type { Declaration } from '../options/index.ts'
import type { Paper } from '../paper.ts'
import type { SchedulerFactory } from '../scheduler.ts'
import type { Algorithm } from '../search/algorithm.ts'
import type { Trainer } from '../trainer.ts'
import { isPanel, type Panel } from '../trial/panel.ts'
import { error } from './errors.ts'
import type { Observer } from './observer.ts'
import type { Part, Token } from './tokens.ts'

/** Receives the parts that a plugin provides. */
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
  /** The observer is called once, when the study is opened, to subscribe to `events$` or attach listeners. */
  readonly observer: { to(observer: Observer): void }
  /** Any typed token: a constant, or a value made from other parts. */
  bind<T>(token: Token<T>): { to(value: T): void; toFactory(make: Make<T>): void }
}

/** Makes a part from other parts: `get` returns a part that must exist, `find` one that another plugin may provide. */
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
  /** How the dashboard shows what the plugin reports. */
  readonly panels?: readonly Panel[]
  bind(binder: Binder): void
}

export interface Plugin extends Required<Omit<PluginDefinition, 'paper'>> {
  readonly papers: readonly Paper[]
}

/** The papers of a plugin. */
export const papersOf = ({ paper }: Pick<PluginDefinition, 'paper'>): readonly Paper[] =>
  paper === undefined ? [] : 'bibtex' in paper ? [paper] : paper

export const pluginKinds = [
  'controller',
  'scheduler',
  'one-shot method',
  'training method',
  'compression',
  'engine',
  'store',
  'queue',
  'observer',
  'format',
  'composition',
] as const
export type PluginKind = (typeof pluginKinds)[number]

/** What is known about a plugin before it is made. */
export interface PluginDeclaration extends Omit<PluginDefinition, 'options' | 'bind'> {
  readonly kind: PluginKind
  /** What it does, in one sentence. */
  readonly does: string
  readonly options?: Pick<Declaration<never>, 'where' | 'fields' | 'renamed'>
}

const declared = new Map<string, PluginDeclaration>()
/** Every plugin declared so far, by name; a module declares its plugins when it is imported. */
export const declaredPlugins = (): ReadonlyMap<string, PluginDeclaration> => declared

/**
 * Declares a plugin once, when its module is imported, so that `archloom plugins` lists it. The result is passed to
 * `definePlugin`: `const about = declarePlugin({ … })`, `definePlugin({ ...about, options, bind })`.
 */
export function declarePlugin<const D extends PluginDeclaration>(declaration: D): Omit<D, 'options'> {
  declared.set(declaration.name, declaration)
  const { options: _, ...about } = declaration
  return about
}

/** Defines a plugin: what it provides, what it needs, and how its parts are bound. */
export function definePlugin(definition: PluginDefinition): Plugin {
  if (typeof definition?.name !== 'string' || definition.name === '' || typeof definition.bind !== 'function')
    throw error('ARCHLOOM_PLUGIN_INVALID', {
      received: definition,
      expected: 'a definition with a name and a bind function',
    })
  const { panels = [] } = definition
  const wrong: unknown = Array.isArray(panels) ? panels.find((panel) => !isPanel(panel)) : panels
  if (wrong !== undefined)
    throw error('ARCHLOOM_PLUGIN_INVALID', {
      received: wrong,
      expected: 'panels with a kind, a title and an event; "lines" have metrics and "bars" have values',
    })
  return {
    name: definition.name,
    provides: definition.provides ?? [],
    needs: definition.needs ?? [],
    options: definition.options ?? {},
    papers: papersOf(definition),
    panels,
    bind: (binder) => definition.bind(binder),
  }
}
