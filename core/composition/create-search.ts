import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type Clock, realClock } from '../clock.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorFunction } from '../evaluator.ts'
import { seeded } from '../random.ts'
import { type Budget, resolveBudget } from '../search/budget.ts'
import { error as searchError } from '../search/errors.ts'
import { type Objectives, resolveObjectives } from '../search/objective.ts'
import type { Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { type JournalOptions, journalStore } from '../study/journal.ts'
import type { Store } from '../study/store.ts'
import { type Bind, checkNeeds, compose } from './compose.ts'
import { error } from './errors.ts'
import type { Plugin } from './plugin.ts'
import { composedSearch, type Search } from './search.ts'
import {
  ALGORITHM,
  BUDGET,
  CLOCK,
  CONTROLLER,
  EVALUATOR,
  EVALUATOR_DEFINITION,
  OBJECTIVES,
  RANDOM,
  SPACE,
  STORE,
  TRAINER,
} from './tokens.ts'

export interface StudyOptions extends JournalOptions {
  /** Name of the study's folder. A study of that name is resumed. Default: space, plugins and the time. */
  readonly name?: string
  /** Folder of all studies. Default `./archloom-studies`. */
  readonly directory?: string
}

export interface CreateSearchOptions<A> {
  readonly space: SearchSpace<A>
  /** How architectures are measured (a function is enough); may be left out where a plugin brings its own. */
  readonly evaluator?: NoInfer<Evaluator<A> | EvaluatorDefinition<A> | EvaluatorFunction<A>>
  readonly plugins: readonly Plugin[]
  /** What is optimised, each with its direction; the first one is the reward unless weights say otherwise. */
  readonly objectives: Objectives
  readonly budget: Budget
  /** Same seed, same trajectory. Default 1. */
  readonly seed?: number
  /** Evaluations at once, up to the evaluator's limit. Default 1. */
  readonly concurrency?: number
  /** A name (an existing study of that name goes on), options, or a store of your own. */
  readonly study?: string | StudyOptions | Store
  readonly clock?: Clock
  /** Bind any part, after all plugins: `overrides: (bind) => bind(CLOCK).to(virtualClock())`. */
  readonly overrides?: (bind: Bind) => void
}

const OPTIONS = 'space evaluator plugins objectives budget seed concurrency study clock overrides'.split(' ')
const STUDIES = 'archloom-studies'
const isStore = (study: object): study is Store => 'append' in study

function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
}

/**
 * Compose a search. Parts that do not fit are refused here, before anything runs:
 * ARCHLOOM_PLUGIN_NEEDS…, ARCHLOOM_PLUGIN_CONFLICT, ARCHLOOM_SEARCH_NO_CONTROLLER, ARCHLOOM_OBJECTIVE_…, ARCHLOOM_BUDGET_INVALID.
 */
export function createSearch<A>(options: CreateSearchOptions<A>): Search<A> {
  checkNames(options)
  const { space, plugins, seed = 1, concurrency = 1, clock = realClock } = options
  if (!Array.isArray(plugins))
    throw error('ARCHLOOM_SEARCH_OPTION', { option: 'plugins', received: plugins, expected: 'an array of plugins' })
  for (const plugin of plugins as readonly unknown[])
    if (typeof plugin !== 'object' || plugin === null || !('bind' in plugin))
      throw error('ARCHLOOM_PLUGIN_INVALID', {
        received: plugin,
        expected: 'what definePlugin() returns; call the plugin: evolution()',
      })
  if (typeof space?.decode !== 'function')
    throw error('ARCHLOOM_SEARCH_OPTION', {
      option: 'space',
      received: space,
      expected: 'a search space, such as defineSpace() returns',
    })
  if (!Number.isFinite(seed))
    throw error('ARCHLOOM_SEARCH_OPTION', { option: 'seed', received: seed, expected: 'a finite number' })
  if (!(Number.isInteger(concurrency) && concurrency >= 1))
    throw error('ARCHLOOM_SEARCH_OPTION', {
      option: 'concurrency',
      received: concurrency,
      expected: 'a whole number of at least 1',
    })
  checkStudy(options.study)
  const objectives = resolveObjectives(options.objectives ?? {})
  const budget = resolveBudget(options.budget ?? {})
  const given = definitionOf<A>(options.evaluator)
  const broughtByPlugin = plugins.some((plugin) => plugin.provides.includes('evaluator'))
  if (!given && !broughtByPlugin) throw error('ARCHLOOM_SEARCH_NO_EVALUATOR', { received: options.evaluator })

  let trainerTaken = false
  const trainerPart = () => ({
    get trainer() {
      trainerTaken = true
      return composition.get(TRAINER)
    },
  })
  const base = (bind: Bind) => {
    bind(SPACE).to(space)
    bind(OBJECTIVES).to(objectives)
    bind(BUDGET).to(budget)
    bind(RANDOM).to(seeded(seed))
    bind(CLOCK).to(clock)
    if (given && !broughtByPlugin) bind(EVALUATOR_DEFINITION).to(given)
    bind(EVALUATOR).toFactory((get) => {
      const parts = { space: get(SPACE) as SearchSpace<A>, rng: get(RANDOM).fork('evaluator'), clock: get(CLOCK) }
      let created: Promise<Evaluator> | undefined
      return () => {
        const all = composition.has(TRAINER) ? Object.assign(trainerPart(), parts) : parts
        created ??= Promise.resolve(get(EVALUATOR_DEFINITION).create(all))
        return created
      }
    })
  }
  const composition = compose(base, plugins, options.overrides ?? (() => {}))
  const evaluator = composition.get(EVALUATOR_DEFINITION)
  checkNeeds(plugins, space, evaluator)
  if (!composition.has(CONTROLLER) && !composition.has(ALGORITHM))
    throw error('ARCHLOOM_SEARCH_NO_CONTROLLER', { plugins: plugins.map((plugin) => plugin.name) })
  const limit = evaluator.concurrency ?? 1
  if (concurrency > limit)
    throw error('ARCHLOOM_SEARCH_CONCURRENCY', { received: concurrency, evaluator: evaluator.name, limit })
  if (evaluator.metrics)
    for (const { metric } of objectives)
      if (!evaluator.metrics.includes(metric))
        throw searchError('ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC', {
          name: metric,
          known: evaluator.metrics,
          evaluator: evaluator.name,
        })

  const { study, store } = openStudy(
    options.study,
    [space.name, ...plugins.map((plugin) => plugin.name)].join('-'),
    clock,
    composition.has(STORE) ? composition.get(STORE) : undefined,
  )
  const withStore: typeof composition = {
    ...composition,
    get: <T>(token: Parameters<typeof composition.get<T>>[0]) =>
      (token as unknown) === STORE ? (store as T) : composition.get(token),
  }
  try {
    return composedSearch({
      space,
      plugins,
      composition: withStore,
      seed,
      concurrency,
      study,
      trainerIgnored: () => composition.has(TRAINER) && !trainerTaken,
      budgetGiven: { ...(options.budget ?? {}) } as Json,
    })
  } catch (thrown) {
    // A study that cannot be resumed must not stay locked.
    store.close()
    throw thrown
  }
}

/** A misspelt option is a search with a default instead. */
function checkNames(options: unknown) {
  if (typeof options !== 'object' || options === null)
    throw error('ARCHLOOM_SEARCH_OPTION', { option: 'options', received: options, expected: 'an object' })
  for (const [option, received] of Object.entries(options))
    if (!OPTIONS.includes(option))
      throw error('ARCHLOOM_SEARCH_OPTION', { option, received, expected: `one of the options ${OPTIONS.join(', ')}` })
}

function checkStudy(study: unknown) {
  const name = typeof study === 'object' && study !== null ? (study as StudyOptions).name : study
  const nameable = name === undefined || (typeof name === 'string' && name !== '')
  if (study === null || !nameable)
    throw error('ARCHLOOM_SEARCH_OPTION', {
      option: 'study',
      received: study,
      expected: 'a name, { name, directory } or a store',
    })
}

/** Where the study goes: a store of the user's, a named (maybe existing) folder, or a new folder. */
function openStudy(
  study: CreateSearchOptions<unknown>['study'],
  parts: string,
  clock: Clock,
  bound: Store | undefined,
): { study: string; store: Store } {
  if (bound) return { study: bound.location, store: bound }
  if (typeof study === 'object' && isStore(study)) return { study: study.location, store: study }
  const { name, directory = STUDIES, ...journal } = typeof study === 'string' ? { name: study } : (study ?? {})
  const fresh = () => {
    const stem = `${parts}-${timestamp(clock)}`
    for (let n = 1; ; n++) {
      const candidate = n === 1 ? stem : `${stem}-${n}`
      if (!existsSync(join(directory, candidate))) return candidate
    }
  }
  const chosen = name ?? fresh()
  const folder = resolve(directory, chosen)
  return { study: basename(folder), store: journalStore(folder, journal) }
}

function definitionOf<A>(evaluator: CreateSearchOptions<A>['evaluator']): EvaluatorDefinition | undefined {
  if (evaluator === undefined) return undefined
  if (typeof evaluator === 'function') {
    const evaluate: Evaluator<A>['evaluate'] = async (request, context) => ({
      metrics: await evaluator(request.architecture, request, context),
    })
    const name = evaluator.name || 'function'
    return { kind: 'from-scratch', name, create: () => ({ kind: 'from-scratch', name, evaluate }) as Evaluator }
  }
  if (typeof evaluator === 'object' && evaluator !== null) {
    if ('create' in evaluator) return evaluator as EvaluatorDefinition
    if ('evaluate' in evaluator && typeof evaluator.evaluate === 'function') {
      const { kind = 'from-scratch', name = 'evaluator', concurrency = 1 } = evaluator
      return { kind, name, concurrency, create: () => evaluator as Evaluator }
    }
  }
  throw error('ARCHLOOM_SEARCH_NO_EVALUATOR', { received: evaluator })
}
