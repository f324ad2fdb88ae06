import 'reflect-metadata'
import { Container, ContainerModule, type ContainerModuleLoadOptions, type Newable } from '#inversify'
import type { Controller } from '../controller.ts'
import { quote } from '../errors.ts'
import type { EvaluatorDefinition } from '../evaluator.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from './errors.ts'
import type { Observer } from './observer.ts'
import type { Binder, Make, Plugin } from './plugin.ts'
import {
  ALGORITHM,
  CONTROLLER,
  CONTROLLER_FACTORY,
  EVALUATOR_DEFINITION,
  type Part,
  partTokens,
  RANDOM,
  SCHEDULER,
  SPACE,
  type Token,
  TRAINER,
} from './tokens.ts'

export type Bind = Binder['bind']

/** A part together with the name of the plugin or option that bound it. */
export interface Named<T> {
  readonly owner: string
  readonly value: T
}

/** The resolved parts of one search: a flat, frozen container. */
export interface Composition {
  get<T>(token: Token<T>): T
  has(token: Token<unknown>): boolean
  readonly observers: readonly Named<Observer>[]
  /** The plugin or option that bound each part, for describe(). */
  readonly origins: ReadonlyMap<Token<unknown>, string>
}

/**
 * Binds the parts of `createSearch` itself, then the plugins in order, then the overrides. Afterwards nothing can be
 * bound.
 */
export function compose(
  base: (bind: Bind) => void,
  plugins: readonly Plugin[],
  overrides: (bind: Bind) => void,
): Composition {
  const container = new Container({ defaultScope: 'Singleton' })
  const origins = new Map<Token<unknown>, string>()
  const observers: Named<Observer>[] = []
  let frozen = false

  const binderFor = (owner: string, load: ContainerModuleLoadOptions, replaces: boolean): Binder => {
    const claim = <T>(token: Token<T>) => {
      if (frozen) throw error('ARCHLOOM_SEARCH_FROZEN', { part: nameOf(token) })
      const other = origins.get(token)
      if (other !== undefined) {
        if (!replaces) throw error('ARCHLOOM_PLUGIN_CONFLICT', { part: nameOf(token), plugins: [other, owner] })
        load.unbind(token)
      }
      origins.set(token, owner)
      return load.bind<T>(token)
    }
    const bind: Bind = <T>(token: Token<T>) => ({
      to: (value: T) => {
        claim(token).toConstantValue(value)
      },
      toFactory: (make: Make<T>) => {
        claim(token)
          .toDynamicValue((context) =>
            make(
              (wanted) => context.get(wanted),
              (wanted) => context.get(wanted, { optional: true }),
            ),
          )
          .inSingletonScope()
      },
    })
    const bindController = () =>
      bind(CONTROLLER).toFactory((get) => get(CONTROLLER_FACTORY)(get(SPACE), get(RANDOM).fork('controller')))
    return {
      bind,
      controller: {
        to: (factory) => {
          bindController()
          bind(CONTROLLER_FACTORY).to(factory)
        },
        toFactory: (make) => {
          bindController()
          bind(CONTROLLER_FACTORY).toFactory(make)
        },
        toClass: (type) => {
          claim(CONTROLLER)
            .to(type as Newable<Controller>)
            .inSingletonScope()
        },
      },
      scheduler: { to: (factory) => bind(SCHEDULER).to(factory) },
      algorithm: { to: (algorithm) => bind(ALGORITHM).to(algorithm) },
      trainer: { to: (trainer) => bind(TRAINER).to(trainer) },
      evaluator: { to: (definition) => bind(EVALUATOR_DEFINITION).to(definition) },
      observer: { to: (value) => void observers.push({ owner, value }) },
    }
  }

  container.load(new ContainerModule((load) => base(binderFor('createSearch', load, false).bind)))
  for (const plugin of plugins) {
    // The evaluator given to createSearch is a default that a plugin may replace only by providing one.
    container.load(new ContainerModule((load) => plugin.bind(binderFor(plugin.name, load, false))))
    for (const part of plugin.provides)
      if (part in partTokens && origins.get(partTokens[part as Part]) !== plugin.name)
        throw error('ARCHLOOM_PLUGIN_PROMISE', { plugin: plugin.name, part })
  }
  container.load(new ContainerModule((load) => overrides(binderFor('overrides', load, true).bind)))
  frozen = true
  return {
    get: (token) => container.get(token),
    has: (token) => container.isBound(token),
    observers,
    origins,
  }
}

const nameOf = (token: Token<unknown>) =>
  typeof token === 'symbol' ? (token.description ?? '').replace('archloom:', '') : String(token)

/** Refuses a search whose parts do not fit together; the error says what to add. */
export function checkNeeds(plugins: readonly Plugin[], space: SearchSpace, evaluator: EvaluatorDefinition) {
  const names = new Set<string>()
  for (const plugin of plugins) {
    if (names.has(plugin.name)) throw error('ARCHLOOM_PLUGIN_DUPLICATE', { plugin: plugin.name })
    names.add(plugin.name)
  }
  const has = new Set<string>([
    'space',
    `space:${space.name}`,
    'evaluator',
    `evaluator:${evaluator.kind}`,
    ...(space.build ? ['networks'] : []),
    ...(space.supernet ? ['supernet'] : []),
    ...(space.cost ? ['cost'] : []),
    ...(evaluator.provides ?? []),
    ...plugins.flatMap((plugin) => plugin.provides),
  ])
  const refuse = (plugin: string, need: string, remedy: string | undefined) => {
    if (need === 'networks')
      throw error('ARCHLOOM_PLUGIN_NEEDS_NETWORKS', {
        plugin,
        space: space.name,
        remedy:
          remedy ??
          `Give defineSpace(${quote(space.name)}, …) a build function, or use a space that has networks, such as cellSpace().`,
      })
    if (need === 'evaluator:weight-sharing')
      throw error('ARCHLOOM_PLUGIN_NEEDS_SUPERNET', {
        plugin,
        evaluator: evaluator.name,
        remedy: remedy ?? 'Use weightSharing() from archloom/evaluators/weight-sharing.',
      })
    throw error('ARCHLOOM_PLUGIN_NEEDS', {
      plugin,
      need,
      has: [...has],
      remedy:
        remedy ??
        (need === 'supernet'
          ? `Give defineSpace(${quote(space.name)}, …) a supernet function, or use a space that has one, such as cellSpace(), chainSpace() or nasBench201Space().`
          : 'Add a plugin or part that provides it.'),
    })
  }
  for (const need of evaluator.needs ?? []) if (!has.has(need)) refuse(evaluator.name, need, undefined)
  for (const plugin of plugins)
    for (const entry of plugin.needs) {
      const { need, remedy } = typeof entry === 'string' ? { need: entry, remedy: undefined } : entry
      if (!has.has(need)) refuse(plugin.name, need, remedy)
    }
}
