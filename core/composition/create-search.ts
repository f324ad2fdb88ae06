import { defaultStorage } from '#platform'
import { type Clock, realClock } from '../clock.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorFunction } from '../evaluator.ts'
import { options as declare, optionError, value } from '../options/index.ts'
import { seeded } from '../random.ts'
import { type Budget, resolveBudget } from '../search/budget.ts'
import { error as searchError } from '../search/errors.ts'
import type { Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import type { Store } from '../study/store.ts'
import { checkStudyName, type Studies, safeName, studiesAt, withoutPassword } from '../study/studies.ts'
import type { CommitMode } from '../trial/events.ts'
import { type Objectives, resolveObjectives } from '../trial/objective.ts'
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

export interface StudyOptions {
  /** Name of the study. A study of that name is resumed. Default: space, plugins and the time. */
  readonly name?: string
  /** Where studies are kept: a URL such as `journal:./archloom-studies` (the default in Node), or an opened place. */
  readonly storage?: string | Studies
  /** Shorthand for `storage: 'journal:<directory>'`. */
  readonly directory?: string
  /** Of a journal: when to force events to the disk. Default 'never'. */
  readonly fsync?: 'never' | 'trial'
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
  /** When results reach the controller. Default 'ordered' at concurrency 1, else 'arrival'. */
  readonly commit?: CommitMode
  /** Whether the controller's repeated proposals are replaced by architectures that were not proposed before. Default false. */
  readonly unique?: boolean
  /** A name (an existing study of that name goes on), options, or a store of your own. */
  readonly study?: string | StudyOptions | Store
  readonly clock?: Clock
  /** Bind any part, after all plugins: `overrides: (bind) => bind(CLOCK).to(virtualClock())`. */
  readonly overrides?: (bind: Bind) => void
}

const isStore = (study: object): study is Store => 'append' in study

function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
}

/**
 * Compose a search. Parts that do not fit are refused here, before anything runs:
 * ARCHLOOM_PLUGIN_NEEDS…, ARCHLOOM_PLUGIN_CONFLICT, ARCHLOOM_SEARCH_NO_CONTROLLER, ARCHLOOM_OBJECTIVE_…, ARCHLOOM_BUDGET_INVALID.
 */
export function createSearch<A>(options: CreateSearchOptions<A>): Search<A> {
  declared.read((options ?? null) as object)
  const { space, plugins, seed = 1, concurrency = 1, clock = realClock } = options
  if (!Array.isArray(plugins)) throw optionError('createSearch', 'plugins', plugins, 'an array of plugins')
  for (const plugin of plugins as readonly unknown[])
    if (typeof plugin !== 'object' || plugin === null || !('bind' in plugin))
      throw error('ARCHLOOM_PLUGIN_INVALID', {
        received: plugin,
        expected: 'what definePlugin() returns; call the plugin: evolution()',
      })
  if (typeof space?.decode !== 'function')
    throw optionError('createSearch', 'space', space, 'a search space, such as defineSpace() returns')
  if (!Number.isFinite(seed)) throw optionError('createSearch', 'seed', seed, 'a finite number')
  if (!(Number.isInteger(concurrency) && concurrency >= 1))
    throw optionError('createSearch', 'concurrency', concurrency, 'a whole number of at least 1')
  checkStudy(options.study)
  const commit = commitOf(options.commit, concurrency)
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

  const made = () => `${safeName([space.name, ...plugins.map((plugin) => plugin.name)].join('-'))}-${timestamp(clock)}`
  return composedSearch({
    space,
    plugins,
    composition,
    seed,
    concurrency,
    commit,
    unique: options.unique ?? false,
    ...placeOf(options.study, made, composition.has(STORE) ? composition.get(STORE) : undefined),
    isTrainerIgnored: () => composition.has(TRAINER) && !trainerTaken,
    budgetGiven: { ...(options.budget ?? {}) } as Json,
  })
}

/** The names; the values are checked where they are used. */
const declared = declare('createSearch', {
  space: value<unknown>('a search space'),
  evaluator: value<unknown>('an evaluator'),
  plugins: value<unknown>('an array of plugins'),
  objectives: value<unknown>('objectives by metric'),
  budget: value<unknown>('a budget'),
  seed: value<unknown>('a finite number', { absent: '1' }),
  concurrency: value<unknown>('a whole number of at least 1', { absent: '1' }),
  commit: value<unknown>("'ordered', 'arrival' or { staleness }", {
    absent: "'ordered' at concurrency 1, else 'arrival'",
  }),
  unique: value<unknown>('true or false', { absent: 'false' }),
  study: value<unknown>('a name, { name, directory } or a store', { holds: () => true }),
  clock: value<unknown>('a clock'),
  overrides: value<unknown>('a function that binds parts'),
})

function commitOf(commit: CommitMode | undefined, concurrency: number): CommitMode {
  if (commit === undefined) return concurrency === 1 ? 'ordered' : 'arrival'
  const staleness = typeof commit === 'object' ? commit?.staleness : undefined
  if (commit === 'ordered' || commit === 'arrival' || (Number.isInteger(staleness) && staleness! >= 1)) return commit
  throw optionError(
    'createSearch',
    'commit',
    commit,
    "'ordered', 'arrival' or { staleness: n } with a whole number n of at least 1",
  )
}

function checkStudy(study: unknown) {
  const name = typeof study === 'object' && study !== null ? (study as StudyOptions).name : study
  const nameable = name === undefined || (typeof name === 'string' && name !== '')
  if (study === null || !nameable)
    throw optionError('createSearch', 'study', study, 'a name, { name, directory } or a store')
}

/** Where the study goes: a store of the user's, or a named (maybe existing) or new study of a place for studies. */
function placeOf(
  study: CreateSearchOptions<unknown>['study'],
  makeName: () => string,
  bound: Store | undefined,
): { location: string; openStore: () => Promise<Store> } {
  const store = bound ?? (typeof study === 'object' && isStore(study) ? study : undefined)
  if (store) return { location: store.location, openStore: async () => store }
  const options = typeof study === 'string' ? { name: study } : ((study ?? {}) as StudyOptions)
  const { directory, fsync } = options
  const storage =
    options.storage ??
    (directory === undefined ? defaultStorage : `journal:${directory}${fsync === 'trial' ? '?fsync=trial' : ''}`)
  const name = options.name ?? makeName()
  checkStudyName(name)
  const url = typeof storage === 'string' ? storage : storage.url
  return {
    location: url.startsWith('journal:')
      ? `${url.slice('journal:'.length).split('?')[0]}/${name}`
      : `${withoutPassword(url)}#${name}`,
    openStore: async () => {
      const studies = typeof storage === 'string' ? await studiesAt(storage) : storage
      return studies.open(name, { mode: 'write', fresh: options.name === undefined })
    },
  }
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
