import { quote } from '../errors.ts'
import type { Decision, Genotype, Json } from '../space/decision.ts'
import type { EventOf, SearchEvent } from '../trial/events.ts'
import { compareResults } from '../trial/objective.ts'
import type { Rung, Trial, TrialStatus } from '../trial/trial.ts'
import { VERSION } from '../version.ts'
import { architectureOf } from './architecture.ts'
import { error } from './errors.ts'
import { areKeptTrials, isKeptState, isWellFormed } from './event-form.ts'
import { advance, initialState, inProgress, type SearchState, type StateInProgress } from './state.ts'
import type { Store } from './store.ts'

type Metrics = Readonly<Record<string, number>>
type TrialEvent = Extract<SearchEvent, { trial: number }>

const NO_EVENTS: readonly SearchEvent[] = Object.freeze([])
const NOTHING: Metrics = Object.freeze({})

type Proposed = Pick<
  EventOf<'trial.proposed'>,
  'trial' | 'genotype' | 'architecture' | 'seed' | 'fidelity' | 'enqueued'
>

/** Trials with the same fields, as a snapshot holds them: a list for each field, which is read faster than many objects. */
type Columns = Readonly<Record<string, unknown[]>>

/** A trial into which events are folded. Fields that are rarely needed are computed on demand. */
class RecordedTrial implements Trial {
  readonly #decisions: readonly Decision[]
  readonly #architecture: Json | undefined
  #rungs: Rung[] | undefined
  readonly trial: number
  readonly genotype: Genotype
  readonly seed: number
  status: TrialStatus
  /** The fidelity of the last rung. */
  fidelity: number
  attempts = 1
  metrics: Metrics = NOTHING
  declare reward?: number
  declare feasible?: boolean
  declare violation?: number
  declare elapsedMs?: number
  declare simulatedSeconds?: number
  declare checkpoint?: string
  declare checkpointOf?: number
  declare prunedBy?: 'scheduler' | 'bounds'
  declare failure?: NonNullable<Trial['failure']>

  constructor(event: Proposed, decisions: readonly Decision[]) {
    this.#decisions = decisions
    this.#architecture = event.architecture
    this.trial = event.trial
    this.genotype = event.genotype
    this.seed = event.seed
    this.status = event.enqueued ? 'waiting' : 'running'
    this.fidelity = event.fidelity ?? 1
    if (event.enqueued) this.attempts = 0
  }

  get text(): string {
    return formatGenotype(this.#decisions, this.genotype)
  }

  get architecture(): Json {
    // Version 0.1 did not journal it.
    return this.#architecture === undefined ? architectureOf(this.#decisions, this.genotype) : this.#architecture
  }

  /** The list of rungs; a trial with a single rung stores no list. */
  get rungs(): readonly Rung[] {
    if (this.#rungs) return this.#rungs
    if (this.status === 'waiting') return []
    const { metrics, reward, elapsedMs, simulatedSeconds } = this
    return [rungOf(0, this.fidelity, { metrics, reward, elapsedMs, simulatedSeconds })]
  }

  /** The trial starts from the checkpoint of another one. */
  startFrom({ trial, checkpoint }: RecordedTrial) {
    this.checkpointOf = trial
    if (checkpoint !== undefined) this.checkpoint = checkpoint
  }

  /** Returns false if the event cannot follow those before it. */
  apply(event: TrialEvent): boolean {
    switch (event.type) {
      case 'trial.continued': {
        if (this.status !== 'waiting' && this.status !== 'paused') return false
        this.#rungs = [...this.rungs, rungOf(event.rung, event.fidelity, { metrics: NOTHING })]
        this.status = 'running'
        this.fidelity = event.fidelity
        this.attempts++
        return true
      }
      case 'trial.retried':
        this.attempts = event.attempt
        return this.status === 'running'
      case 'trial.paused':
      case 'trial.completed':
      case 'trial.pruned':
        if (this.status !== 'running' && !(event.type === 'trial.pruned' && this.status === 'paused')) return false
        this.#end(event)
        return true
      case 'trial.failed': {
        if (this.status !== 'running') return false
        const { reason, code, message, stack } = event
        this.status = 'failed'
        this.elapsedMs = (this.elapsedMs ?? 0) + event.elapsedMs
        this.failure = { reason, code, message, ...(stack !== undefined && { stack }) }
        return true
      }
      default:
        return this.status === 'running'
    }
  }

  /** All that the fold knows of some trials, by the fields that they have. */
  static keep(trials: readonly RecordedTrial[]): readonly Columns[] {
    const groups = new Map<string, Columns>()
    for (const trial of trials) {
      const fields: Record<string, unknown> = { ...trial }
      if (trial.#architecture !== undefined) fields.architecture = trial.#architecture
      if (trial.#rungs) fields.rungs = trial.#rungs
      const names = Object.keys(fields)
      const key = names.join()
      const columns = groups.get(key) ?? Object.fromEntries(names.map((name) => [name, []]))
      groups.set(key, columns)
      for (const name of names) columns[name]!.push(fields[name])
    }
    return [...groups.values()]
  }

  static from({ architecture, rungs, ...fields }: Columns, decisions: readonly Decision[]): RecordedTrial[] {
    const { trial: trials, genotype, seed } = fields as { readonly [K in 'trial' | 'genotype' | 'seed']: Proposed[K][] }
    const columns = Object.entries(fields)
    return trials.map((trial, i) => {
      const proposed = { trial, genotype: genotype[i]!, seed: seed[i]!, architecture: architecture?.[i] as Json }
      const recorded = new RecordedTrial(proposed, decisions)
      for (const [name, column] of columns) (recorded as unknown as Record<string, unknown>)[name] = column[i]
      recorded.#rungs = rungs?.[i] as Rung[] | undefined
      return recorded
    })
  }

  toJSON(): Trial {
    const { text, architecture, rungs } = this
    return { ...this, text, architecture, rungs }
  }

  #end(event: EventOf<'trial.paused' | 'trial.completed' | 'trial.pruned'>) {
    const { metrics, reward, simulatedSeconds, elapsedMs } = event
    const wasRunning = this.status === 'running'
    this.metrics = metrics
    if (reward !== undefined) this.reward = reward
    this.feasible = event.feasible
    if (event.violation !== undefined) this.violation = event.violation
    this.elapsedMs = (this.elapsedMs ?? 0) + elapsedMs
    if (simulatedSeconds !== undefined) this.simulatedSeconds = (this.simulatedSeconds ?? 0) + simulatedSeconds
    if (this.#rungs && wasRunning) {
      const { rung, fidelity } = this.#rungs.at(-1)!
      this.#rungs[this.#rungs.length - 1] = rungOf(rung, fidelity, { metrics, reward, elapsedMs, simulatedSeconds })
    }
    if (event.type === 'trial.completed') this.status = 'completed'
    else if (event.type === 'trial.pruned') {
      this.status = 'pruned'
      this.prunedBy = event.by
    } else {
      this.status = 'paused'
      if (event.checkpoint !== undefined) this.checkpoint = event.checkpoint
    }
  }
}

function rungOf(
  rung: number,
  fidelity: number,
  {
    metrics,
    reward,
    elapsedMs,
    simulatedSeconds,
  }: { metrics: Metrics } & {
    [K in 'reward' | 'elapsedMs' | 'simulatedSeconds']?: number | undefined
  },
): Rung {
  return {
    rung,
    fidelity,
    metrics,
    ...(reward !== undefined && { reward }),
    ...(elapsedMs !== undefined && { elapsedMs }),
    ...(simulatedSeconds !== undefined && { simulatedSeconds }),
  }
}

/**
 * Number of the form of `StudyRecord.keep`. A change of what the fold knows or computes raises it, so that folds of
 * another version are not taken for those of this one.
 */
const FOLD = 1
/** Trials per part of a snapshot. */
const PART = 500

/**
 * The fold of the events of one study, updated event by event. A running search, the command line and everything else
 * that reads a study use it. It does not need the code of the study's space or plugins.
 */
export class StudyRecord {
  readonly name: string
  /** Where the study lives: a path, or an address. */
  readonly location: string
  readonly #trials: RecordedTrial[] = []
  readonly #images: string[] = []
  readonly #warnings: EventOf<'search.warning'>[] = []
  #started: EventOf<'search.started'> | undefined
  readonly #live: StateInProgress = inProgress(initialState)
  /** A copy of the state that is handed out until the next event. */
  #snapshot: SearchState | undefined = initialState

  constructor(name: string, location: string) {
    this.name = name
    this.location = location
  }

  /** The first event. Error: ARCHLOOM_STUDY_EMPTY. */
  get started(): EventOf<'search.started'> {
    if (!this.#started) throw error('ARCHLOOM_STUDY_EMPTY', { file: this.location })
    return this.#started
  }

  get isEmpty(): boolean {
    return this.#started === undefined
  }

  get state(): SearchState {
    this.#snapshot ??= inProgress(this.#live)
    return this.#snapshot
  }

  /** The state itself, for frequent reading without a copy. It changes with the next event. */
  get live(): Readonly<StateInProgress> {
    return this.#live
  }

  /** Total time of all sessions until `now`, for an open session whose last event may be long ago. */
  elapsedAt(now: number): number {
    return this.#live.elapsedMs + Math.max(0, now - (this.#live.lastAt ?? now))
  }

  get trials(): readonly Trial[] {
    return this.#trials
  }

  /** Image files that plugins wrote, such as samples or comparisons, in the order of their events. */
  get images(): readonly string[] {
    return this.#images
  }

  get warnings(): readonly EventOf<'search.warning'>[] {
    return this.#warnings
  }

  /**
   * Folds the next event and returns those derived from it: best.changed, pareto.changed. Error:
   * ARCHLOOM_STUDY_CORRUPT if it is not a well-formed event or cannot follow those before it.
   * @param isChecked Whether the event has been checked by `isWellFormed` already.
   */
  apply(event: SearchEvent, isChecked = false): readonly SearchEvent[] {
    if (event?.type === 'best.changed' || event?.type === 'pareto.changed') return NO_EVENTS
    if (!(isChecked || isWellFormed(event)) || !this.#follows(event))
      throw error('ARCHLOOM_STUDY_CORRUPT', {
        file: this.location,
        line: this.#live.seq + 2,
        received: quote(event),
      })
    const live = this.#live
    const { best, front } = live
    advance(live, event)
    this.#snapshot = undefined
    if (live.best === best && live.front === front) return NO_EVENTS
    const derived: SearchEvent[] = []
    const { seq, at } = event
    if (live.best && live.best !== best) derived.push({ seq, type: 'best.changed', ...live.best, at })
    if (live.front !== front && live.objectives.length > 1)
      derived.push({ seq, type: 'pareto.changed', front: live.front, at })
    return derived
  }

  #follows(event: SearchEvent): boolean {
    if (event.seq !== this.#live.seq + 1) return false
    if (event.type === 'search.started') {
      if (this.#started) return false
      this.#started = event
      return true
    }
    if (!this.#started) return false
    if (event.type === 'trial.proposed') {
      const { decisions } = this.#started.space
      if (event.trial !== this.#trials.length || event.genotype.length !== decisions.length) return false
      this.#trials.push(new RecordedTrial(event, decisions))
    }
    if ('checkpointOf' in event && event.checkpointOf !== undefined) {
      const from = this.#trials[event.checkpointOf]
      if (!from || event.checkpointOf === event.trial) return false
      this.#trials[event.trial]?.startFrom(from)
    }
    if (event.type === 'trial.proposed') return true
    if (event.type === 'plugin.event') collectImages(event.facts, this.#images)
    if (event.type === 'search.warning') this.#warnings.push(event)
    return 'trial' in event ? (this.#trials[event.trial]?.apply(event) ?? false) : true
  }

  /** All that the fold knows, as objects of JSON from which `from` makes an equal record. */
  *keep(): Generator<object, void, void> {
    yield {
      fold: FOLD,
      archloom: VERSION,
      started: this.#started,
      state: this.#live,
      images: this.#images,
      warnings: this.#warnings,
    }
    for (let at = 0; at < this.#trials.length; at += PART)
      yield { trials: RecordedTrial.keep(this.#trials.slice(at, at + PART)) }
  }

  /** The record that `keep` wrote after `events` events; undefined if this is not one of this version. */
  static async from(
    name: string,
    location: string,
    events: number,
    parts: AsyncIterable<unknown>,
  ): Promise<StudyRecord | undefined> {
    const record = new StudyRecord(name, location)
    const trials = record.#trials
    let decisions: readonly Decision[] | undefined
    for await (const part of parts) {
      if (decisions === undefined) {
        const { fold, archloom, started, state, images, warnings } = part as Readonly<Record<string, unknown>>
        if (fold !== FOLD || archloom !== VERSION) return undefined
        if (!isWellFormed(started) || started.type !== 'search.started' || !isKeptState(state)) return undefined
        if (!isListOf(images, (image) => typeof image === 'string')) return undefined
        if (!isListOf(warnings, (event) => isWellFormed(event) && event.type === 'search.warning')) return undefined
        record.#started = started
        for (const image of images as readonly string[]) record.#images.push(image)
        for (const event of warnings as readonly EventOf<'search.warning'>[]) record.#warnings.push(event)
        Object.assign(record.#live, state)
        record.#snapshot = undefined
        decisions = started.space.decisions
        continue
      }
      const some: RecordedTrial[] = []
      for (const columns of (part as { readonly trials: readonly unknown[] }).trials) {
        if (!areKeptTrials(columns)) return undefined
        some.push(...RecordedTrial.from(columns as Columns, decisions))
      }
      some.sort((a, b) => a.trial - b.trial)
      for (const trial of some) {
        if (trial.trial !== trials.length || trial.genotype.length !== decisions.length) return undefined
        trials.push(trial)
      }
    }
    const { seq, proposed, front } = record.#live
    const isWhole = seq === events - 1 && proposed === trials.length
    return isWhole && front.every(({ trial }) => trial < proposed) ? record : undefined
  }

  /** The n best feasible completed trials by reward, one for each architecture. */
  best(n = 1): readonly Trial[] {
    const seen = new Set<string>()
    const best: Trial[] = []
    const ranked = this.#trials.filter(({ status, feasible }) => status === 'completed' && feasible)
    ranked.sort((a, b) => compareResults(a as Ranked, b as Ranked) || a.trial - b.trial)
    for (const trial of ranked) {
      if (best.length >= n) break
      const { text } = trial
      if (seen.has(text)) continue
      seen.add(text)
      best.push(trial.toJSON())
    }
    return best
  }

  /** Feasible completed trials that no other dominates, in the order in which they joined the front. */
  front(): readonly Trial[] {
    return this.#live.front.map(({ trial }) => this.#trials[trial]!.toJSON())
  }
}

type Ranked = RecordedTrial & { reward: number }

const isListOf = (list: unknown, check: (value: unknown) => boolean): boolean =>
  Array.isArray(list) && list.every(check)

/**
 * Reads a study from its store: its snapshot, if the store has one that belongs to the events, and the events after it;
 * otherwise all events. Errors: ARCHLOOM_STUDY_CORRUPT.
 */
export async function readRecord(store: Pick<Store, 'name' | 'location' | 'read' | 'snapshot'>): Promise<StudyRecord> {
  return (await recallRecord(store)) ?? foldRecord(store)
}

/** The snapshot of a store with the events after it; undefined if anything is wrong with them. */
async function recallRecord({
  name,
  location,
  snapshot,
}: Pick<Store, 'name' | 'location' | 'snapshot'>): Promise<StudyRecord | undefined> {
  try {
    const recalled = await snapshot?.recall()
    if (!recalled) return undefined
    const record = await StudyRecord.from(name, location, recalled.events, recalled.parts)
    if (record) for await (const events of recalled.rest()) for (const event of events) record.apply(event)
    return record
  } catch {
    // Reading all events says what is wrong with them.
    return undefined
  }
}

async function foldRecord(store: Pick<Store, 'name' | 'location' | 'read'>): Promise<StudyRecord> {
  const record = new StudyRecord(store.name, store.location)
  for await (const events of store.read()) for (const event of events) record.apply(event)
  return record
}

/** Collects the paths of images anywhere among the facts of an event. */
function collectImages(facts: Json | undefined, into: string[]): void {
  if (typeof facts === 'string') {
    if (/\.(png|jpe?g|webp)$/i.test(facts)) into.push(facts)
  } else if (facts !== null && typeof facts === 'object')
    for (const value of Object.values(facts)) collectImages(value, into)
}

/** Like `space.format`: one character per decision if every decision has at most 36 options. */
function formatGenotype(decisions: readonly Decision[], genotype: Genotype): string {
  const short = decisions.every((decision) => decision.kind === 'choice' && decision.options.length <= 36)
  return short ? genotype.map((value) => value.toString(36)).join('') : genotype.join(',')
}
