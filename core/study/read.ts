import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { EventOf, FailureReason, SearchEvent } from '../search/events.ts'
import { initialState, reduce, type SearchState } from '../search/state.ts'
import type { Decision, Genotype, Json } from '../space/decision.ts'
import { architectureOf } from './architecture.ts'
import { error } from './errors.ts'
import { JOURNAL_FILE, readJournal } from './journal.ts'

/** Folder of all studies, unless another is given. */
export const STUDIES = 'archloom-studies'

/** A trial as its journal tells it. */
export interface StudyTrial {
  readonly trial: number
  readonly status: 'completed' | 'failed' | 'running'
  readonly genotype: Genotype
  /** The genotype as short text, as `space.format` gives it. */
  readonly text: string
  readonly seed: number
  /** Empty unless completed. */
  readonly metrics: Readonly<Record<string, number>>
  readonly reward?: number
  readonly feasible?: boolean
  readonly elapsedMs?: number
  readonly simulatedSeconds?: number
  readonly failure?: { readonly reason: FailureReason; readonly code: string; readonly message: string }
}

/** A completed trial with its architecture, decoded from the journalled decisions. */
export interface DecodedTrial extends StudyTrial {
  readonly architecture: Json
}

/** A study as read from its journal; no code of its space or plugins is needed. */
export interface StudyRecord {
  readonly name: string
  /** The folder, or where else the events live. */
  readonly path: string
  readonly started: EventOf<'search.started'>
  readonly state: SearchState
  readonly trials: readonly StudyTrial[]
  /** Image files that plugins told of, such as samples or comparisons, in the order of their events. */
  readonly pictures: readonly string[]
  /** The n best feasible trials by reward, one for each architecture. */
  best(n?: number): readonly DecodedTrial[]
}

/** Folders below `directory` that hold a journal, by name. */
export function studiesIn(directory: string = STUDIES): readonly string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter((name) => existsSync(join(directory, name, JOURNAL_FILE)))
    .sort()
}

/** The folder of a study named by a path to it or to its journal, or by its name in `directory`. */
export function findStudy(study: string, directory: string = STUDIES): string {
  for (const candidate of [resolve(study), resolve(directory, study)]) {
    if (basename(candidate) === JOURNAL_FILE && existsSync(candidate)) return dirname(candidate)
    if (existsSync(candidate) && statSync(candidate).isDirectory() && existsSync(join(candidate, JOURNAL_FILE)))
      return candidate
  }
  throw error('ARCHLOOM_STUDY_NOT_FOUND', { path: study, known: studiesIn(directory) })
}

/**
 * Read a study: a path, or a name in `directory`. It may be running, finished or killed.
 * Errors: ARCHLOOM_STUDY_NOT_FOUND, ARCHLOOM_STUDY_EMPTY, ARCHLOOM_STUDY_CORRUPT.
 */
export function readStudy(study: string, { directory = STUDIES }: { directory?: string } = {}): StudyRecord {
  const path = findStudy(study, directory)
  const file = join(path, JOURNAL_FILE)
  return studyRecord(readJournal(file), path, (line, received) =>
    error('ARCHLOOM_STUDY_CORRUPT', { file, line, received }),
  )
}

/** What the events of one study tell. `corrupt` makes the error for a line that cannot follow those before it. */
export function studyRecord(
  events: Iterable<SearchEvent>,
  path: string,
  corrupt: (line: number, received: string) => Error,
): StudyRecord {
  const trials: StudyTrial[] = []
  const pictures: string[] = []
  let started: EventOf<'search.started'> | undefined
  let state = initialState
  let line = 0
  for (const event of events) {
    line++
    const known = 'trial' in event ? trials[event.trial] : undefined
    const misplaced =
      event.type === 'search.started'
        ? started !== undefined
        : started === undefined ||
          (event.type === 'trial.proposed'
            ? event.trial !== trials.length
            : (event.type === 'trial.completed' || event.type === 'trial.failed') && known?.status !== 'running')
    if (misplaced) throw corrupt(line, JSON.stringify(event))
    state = reduce(state, event)
    switch (event.type) {
      case 'search.started':
        started = event
        break
      case 'plugin.event':
        pictures.push(...picturesIn(event.facts))
        break
      case 'trial.proposed': {
        const { trial, genotype, seed } = event
        const text = formatGenotype(started?.space.decisions ?? [], genotype)
        trials.push({ trial, status: 'running', genotype, text, seed, metrics: {} })
        break
      }
      case 'trial.completed': {
        const { metrics, reward, feasible, elapsedMs, simulatedSeconds } = event
        const result = {
          metrics,
          reward,
          feasible,
          elapsedMs,
          ...(simulatedSeconds !== undefined && { simulatedSeconds }),
        }
        trials[event.trial] = { ...(known as StudyTrial), status: 'completed', ...result }
        break
      }
      case 'trial.failed': {
        const { reason, code, message, elapsedMs } = event
        trials[event.trial] = {
          ...(known as StudyTrial),
          status: 'failed',
          failure: { reason, code, message },
          elapsedMs,
        }
      }
    }
  }
  if (!started) throw error('ARCHLOOM_STUDY_EMPTY', { file: path })
  const { decisions } = started.space
  const best = (n = 1) =>
    bestOf(trials)
      .slice(0, n)
      .map((trial) => ({ ...trial, architecture: architectureOf(decisions, trial.genotype) }))
  return { name: basename(path), path, started, state, trials, pictures, best }
}

/** Paths of images anywhere among the facts of an event. */
const picturesIn = (facts: Json | undefined): readonly string[] => {
  if (typeof facts === 'string') return /\.(png|jpe?g|webp)$/i.test(facts) ? [facts] : []
  return facts !== null && typeof facts === 'object' ? Object.values(facts).flatMap(picturesIn) : []
}

/** Feasible trials by reward, largest first, one for each genotype. */
function bestOf(trials: readonly StudyTrial[]): StudyTrial[] {
  const seen = new Set<string>()
  return trials
    .filter(({ status, feasible }) => status === 'completed' && feasible)
    .sort((a, b) => (b.reward as number) - (a.reward as number) || a.trial - b.trial)
    .filter(({ text }) => !seen.has(text) && seen.add(text))
}

/** As `space.format`: one character a decision where every decision has at most 36 options. */
function formatGenotype(decisions: readonly Decision[], genotype: Genotype): string {
  const short = decisions.every((decision) => decision.kind === 'choice' && decision.options.length <= 36)
  return short ? genotype.map((value) => value.toString(36)).join('') : genotype.join(',')
}
