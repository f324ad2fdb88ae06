import { defaultStorage } from '#platform'
import { type Clock, clockOfSearch, realClock } from '../clock.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorFunction } from '../evaluator.ts'
import { options as declare, optionError, optionNames, value } from '../options/index.ts'
import { seeded } from '../random.ts'
import { type Budget, resolveBudget } from '../search/budget.ts'
import { error as searchError } from '../search/errors.ts'
import type { Json } from '../space/decision.ts'
import { type Priors, withPriors } from '../space/priors.ts'
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
import { readWarmStart, type WarmStart } from './warm-start.ts'

export interface StudyOptions {
  /** Name of the study. An existing study of that name is resumed. Default: space, plugins and the time. */
  readonly name?: string
  /**
   * Where studies are kept: a URL such as `journal:./archloom-studies` (the default in Node), or an opened `Studies`.
   */
  readonly storage?: string | Studies
  /** Shorthand for `storage: 'journal:<directory>'`. */
  readonly directory?: string
  /** When a journal forces events to the disk; beside `storage`, write it into the URL. Default: 'never'. */
  readonly fsync?: 'never' | 'trial'
}

export interface CreateSearchOptions<A> {
  readonly space: SearchSpace<A>
  /** How architectures are measured (a function is enough); may be left out if a plugin provides one. */
  readonly evaluator?: NoInfer<Evaluator<A> | EvaluatorDefinition<A> | EvaluatorFunction<A>>
  readonly plugins: readonly Plugin[]
  /** What is optimised, each with its direction; the first one is the reward unless weights say otherwise. */
  readonly objectives: Objectives
  readonly budget: Budget
  /** The same seed gives the same trajectory. Default: 1. */
  readonly seed?: number
  /** Number of evaluations that run at once, up to the evaluator's limit. Default: 1. */
  readonly concurrency?: number
  /** When results reach the controller. Default: 'ordered' if `concurrency` is 1, else 'arrival'. */
  readonly commit?: CommitMode
  /** Whether the controller's repeated proposals are replaced by architectures that were not proposed before. Default false. */
  readonly unique?: boolean
  /** A name (an existing study of that name is continued), options, or your own store. */
  readonly study?: string | StudyOptions | Store
  /**
   * Results that the controller starts with: another study's completed trials, by its name (in the same storage) or its
   * record, or results of your own. They are no trials of this search and never its best; its first trials need not be
   * random any more. Only a new study is started warm: what was taken in is in its journal, so that it goes on the same
   * even where the other study is gone.
   */
  readonly warmStart?: WarmStart<NoInfer<A>>
  /**
   * What is believed of decisions before the search, by their names: `{ 'cells.*.op': { conv: 3, none: 0.2 }, rate:
   * { around: 1e-3 } }`. Random genotypes, with which controllers start, follow it.
   */
  readonly priors?: Priors
  readonly clock?: Clock
  /** Binds any part, after all plugins: `overrides: (bind) => bind(CLOCK).to(virtualClock())`. */
  readonly overrides?: (bind: Bind) => void
}

const isStore = (study: object): study is Store => 'append' in study

function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
}

/**
 * Composes a search. Parts that do not fit together are refused here, before anything runs: ARCHLOOM_PLUGIN_NEEDS…,
 * ARCHLOOM_PLUGIN_CONFLICT, ARCHLOOM_SEARCH_NO_CONTROLLER, ARCHLOOM_OBJECTIVE_…, ARCHLOOM_BUDGET_INVALID.
 */
export function createSearch<A>(options: CreateSearchOptions<A>): Search<A> {
  declared.read((options ?? null) as object)
  const { plugins, seed = 1, concurrency = 1, clock = realClock } = options
  if (!Array.isArray(plugins)) throw optionError('createSearch', 'plugins', plugins, 'an array of plugins')
  for (const plugin of plugins as readonly unknown[])
    if (typeof plugin !== 'object' || plugin === null || !('bind' in plugin))
      throw error('ARCHLOOM_PLUGIN_INVALID', {
        received: plugin,
        expected: 'what definePlugin() returns; call the plugin: evolution()',
      })
  if (typeof options.space?.decode !== 'function')
    throw optionError('createSearch', 'space', options.space, 'a search space, such as defineSpace() returns')
  const space = options.priors === undefined ? options.space : withPriors(options.space, options.priors)
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

  const disposal = new AbortController()
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
    bind(CLOCK).to(clockOfSearch(clock))
    if (given && !broughtByPlugin) bind(EVALUATOR_DEFINITION).to(given)
    bind(EVALUATOR).toFactory((get) => {
      const parts = {
        space: get(SPACE) as SearchSpace<A>,
        rng: get(RANDOM).fork('evaluator'),
        clock: get(CLOCK),
        signal: disposal.signal,
      }
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
  if (options.warmStart !== undefined && !composition.has(CONTROLLER))
    throw optionError(
      'createSearch',
      'warmStart',
      options.warmStart,
      'nothing, because no controller of this search learns from trials',
    )
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
  const place = placeOf(options.study, made, composition.has(STORE) ? composition.get(STORE) : undefined)
  const { warmStart, priors } = options
  return composedSearch({
    space,
    plugins,
    composition,
    seed,
    concurrency,
    commit,
    unique: options.unique ?? false,
    location: place.location,
    openStore: place.openStore,
    disposal,
    ...(warmStart !== undefined && {
      warmStart: () => readWarmStart(warmStart, { space, objectives, studies: place.studies }),
    }),
    ...(priors !== undefined && { priors: JSON.stringify(priors) }),
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
  warmStart: value<unknown>('the name or record of a study, or an array of results'),
  priors: value<unknown>('priors by the name of a decision'),
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
  if (typeof study !== 'object' || isStore(study)) return
  studyNames(study)
  const { storage, directory, fsync } = study as StudyOptions
  const where = 'study of createSearch'
  if (fsync !== undefined && fsync !== 'never' && fsync !== 'trial')
    throw optionError(where, 'fsync', fsync, "'never' or 'trial'")
  if (storage === undefined) return
  // Other places have options of their own, and one of two places would be passed over.
  if (directory !== undefined) throw optionError(where, 'directory', directory, 'no directory beside storage')
  if (fsync !== undefined)
    throw optionError(where, 'fsync', fsync, 'it in the URL of the storage, as in journal:./studies?fsync=trial')
}

const studyNames = optionNames<StudyOptions>('study of createSearch', {
  name: true,
  storage: true,
  directory: true,
  fsync: true,
})

/** Where the study is kept: the user's own store, or a study (new or existing) in a place for studies. */
function placeOf(
  study: CreateSearchOptions<unknown>['study'],
  makeName: () => string,
  bound: Store | undefined,
): { location: string; openStore: () => Promise<Store>; studies?: () => Promise<Studies> } {
  const store = bound ?? (typeof study === 'object' && isStore(study) ? study : undefined)
  if (store) return { location: store.location, openStore: async () => store }
  const options = typeof study === 'string' ? { name: study } : ((study ?? {}) as StudyOptions)
  const { directory, fsync } = options
  const place = directory === undefined ? defaultStorage : `journal:${directory}`
  const storage =
    options.storage ?? (fsync === 'trial' && place.startsWith('journal:') ? `${place}?fsync=trial` : place)
  const name = options.name ?? makeName()
  checkStudyName(name)
  const url = typeof storage === 'string' ? storage : storage.url
  const studies = async () => (typeof storage === 'string' ? await studiesAt(storage) : storage)
  return {
    studies,
    location: url.startsWith('journal:')
      ? `${url.slice('journal:'.length).split('?')[0]}/${name}`
      : `${withoutPassword(url)}#${name}`,
    openStore: async () => (await studies()).open(name, { mode: 'write', fresh: options.name === undefined }),
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
