import { messageOf, type SearchEvent, type Store, type Studies, StudyRecord } from '../../core/index.ts'
import { MethodRecord } from './method-record.ts'
import type { Activity, Standing } from './protocol.ts'
import { standingOf } from './standing.ts'
import { numberText } from './wire.ts'
import { WorkersRecord } from './workers-record.ts'

/** How many lines of activity are kept. */
const REMEMBERED = 1000

/** Whole numbers or times by trial, in a buffer that grows. */
class Column<A extends Int32Array | Float64Array> {
  #values: A
  readonly #make: (length: number) => A
  length = 0

  constructor(make: (length: number) => A) {
    this.#make = make
    this.#values = make(1024)
  }

  set(index: number, value: number) {
    if (index >= this.#values.length) {
      const larger = this.#make(Math.max(index + 1, 2 * this.#values.length))
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[index] = value
    if (index >= this.length) this.length = index + 1
  }

  at(index: number): number {
    return this.#values[index] ?? 0
  }

  /** Those that were set; shares memory. */
  values(): A {
    return this.#values.subarray(0, this.length) as A
  }
}

/** A study as the dashboard follows it: the fold of its events, and where each trial's events stand in the journal. */
export class LiveStudy {
  readonly record: StudyRecord
  readonly #store: Store
  readonly #studies: Studies
  readonly #over = new AbortController()
  readonly #first = new Column((length) => new Int32Array(length))
  readonly #last = new Column((length) => new Int32Array(length))
  readonly #ends = new Column((length) => new Float64Array(length))
  readonly #metrics = new Set<string>()
  readonly #activity: { readonly event: SearchEvent; readonly isBest: boolean }[] = []
  readonly #listeners = new Set<() => void>()
  /** What its method reported, apart from trials. */
  readonly method = new MethodRecord()
  readonly workers = new WorkersRecord()
  /** Numbers of trials that joined the front of the objectives, in that order. */
  readonly joined: number[] = []
  /** Results of questions that were asked before the next event. */
  #answers = new Map<string, unknown>()
  #isWritten: boolean | undefined
  /** Of the latest session. */
  budget: unknown
  /** Why the study cannot be followed any more. */
  failure: unknown
  lastUsed = performance.now()

  private constructor(store: Store, studies: Studies) {
    this.#store = store
    this.#studies = studies
    this.record = new StudyRecord(store.name, store.location)
  }

  /** Reads the study and follows it until `close`. Errors: those of reading a study. */
  static async open(studies: Studies, name: string): Promise<LiveStudy> {
    const study = new LiveStudy(await studies.open(name), studies)
    try {
      for await (const events of study.#store.read()) for (const event of events) study.#take(event)
      study.record.started
      study.#isWritten = await studies.isWritten(name)
    } catch (thrown) {
      await study.close()
      throw thrown
    }
    study.#follow().catch(() => {})
    return study
  }

  async close(): Promise<void> {
    this.#over.abort()
    this.#listeners.clear()
    await this.#store.close()
  }

  get listeners(): number {
    return this.#listeners.size
  }

  get metrics(): readonly string[] {
    return [...this.#metrics]
  }

  get seq(): number {
    return this.record.live.seq
  }

  get standing(): Standing {
    return standingOf(this.record, { isWritten: this.#isWritten, budget: this.budget })
  }

  /** Minutes of the study's time at which trials ended, ascending. */
  get endMinutes(): Float64Array {
    return this.#ends.values()
  }

  /** Numbers of the first and of the last event of a trial. */
  eventsOf(trial: number): { readonly first: number; readonly last: number } {
    return { first: this.#first.at(trial), last: this.#last.at(trial) }
  }

  readArtifact(name: string): Promise<Uint8Array | undefined> {
    return this.#store.artifacts.read(name)
  }

  read(from: number): AsyncIterable<readonly SearchEvent[]> {
    return this.#store.read(from)
  }

  /** Lines after event number `seq`, the oldest first, `most` of them at most. */
  activityAfter(seq: number, most: number): readonly Activity[] {
    return this.#activity
      .filter(({ event }) => event.seq > seq)
      .slice(-most)
      .map(({ event, isBest }) => ({ seq: event.seq, at: event.at, ...lineOf(event, this.record, isBest) }))
  }

  /** Calls back after every batch of events; returns the function that ends this. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whether the study's writer is alive; asked anew at most once per second. */
  async refresh(): Promise<void> {
    this.lastUsed = performance.now()
    if (this.record.live.status === 'running') this.#isWritten = await this.#studies.isWritten(this.record.name)
  }

  /** The answer to a question about the study as it stands, computed once until the next event. */
  answer<T>(question: string, compute: () => T): T {
    if (this.#answers.has(question)) return this.#answers.get(question) as T
    // Old answers may be large.
    if (this.#answers.size >= 8) this.#answers.delete(this.#answers.keys().next().value!)
    const answer = compute()
    this.#answers.set(question, answer)
    return answer
  }

  async #follow(): Promise<void> {
    try {
      for await (const events of this.#store.tail(this.seq + 1, this.#over.signal)) {
        for (const event of events) this.#take(event)
        await this.refresh()
        for (const listener of [...this.#listeners]) listener()
      }
    } catch (thrown) {
      this.failure = thrown
      for (const listener of [...this.#listeners]) listener()
    }
  }

  #take(event: SearchEvent): void {
    const { best, front } = this.record.live
    // What the architecture of a trial is follows from its genotype; keeping both would take twice the memory.
    this.record.apply(event.type === 'trial.proposed' ? withoutArchitecture(event) : event)
    this.method.take(event)
    this.workers.take(event)
    if (this.#answers.size > 0) this.#answers = new Map()
    if (event.type === 'search.started' || event.type === 'search.resumed') this.budget = event.budget
    if ('trial' in event && typeof event.trial === 'number') {
      if (event.type === 'trial.proposed') this.#first.set(event.trial, event.seq)
      this.#last.set(event.trial, event.seq)
    }
    const { live } = this.record
    if (event.type === 'trial.completed' || event.type === 'trial.pruned' || event.type === 'trial.failed')
      this.#ends.set(this.#ends.length, live.elapsedMs / 60_000)
    if (event.type === 'trial.completed' || event.type === 'trial.paused')
      for (const name in event.metrics) this.#metrics.add(name)
    if (live.front !== front && event.type === 'trial.completed') this.joined.push(event.trial)
    if (!isTold(event)) return
    this.#activity.push({ event, isBest: live.best !== best })
    if (this.#activity.length > 2 * REMEMBERED) this.#activity.splice(0, REMEMBERED)
  }
}

function withoutArchitecture(event: Extract<SearchEvent, { type: 'trial.proposed' }>): SearchEvent {
  const { architecture: _, ...rest } = event
  return rest
}

/** A message without the code before it. */
const brief = (message: string) => message.replace(/^[A-Z][A-Z0-9_]+: /, '').slice(0, 300)

/** Whether an event becomes a line of activity: most come too often. */
const isTold = ({ type }: SearchEvent): boolean =>
  type.startsWith('search.') || type === 'stage.started' || /^trial\.(completed|failed|pruned)$/.test(type)

/** An event as a line of activity. */
function lineOf(event: SearchEvent, { live }: StudyRecord, isBest: boolean): Omit<Activity, 'seq' | 'at'> {
  switch (event.type) {
    case 'search.started':
      return { kind: 'session', text: 'The search started.' }
    case 'search.resumed':
      return { kind: 'session', text: `The search was resumed after ${event.trials} trials.` }
    case 'search.finished':
    case 'search.stopped': {
      const how = event.type === 'search.finished' ? 'finished' : 'was stopped'
      return { kind: 'session', text: `The search ${how}: ${event.reason}.` }
    }
    case 'trial.completed': {
      const { trial, metrics } = event
      const values = live.objectives.map(({ metric }) => `${metric} ${numberText(metrics[metric] ?? Number.NaN)}`)
      const bound = event.feasible ? '' : ', outside a bound'
      return { kind: isBest ? 'best' : 'completed', trial, text: `${values.join(', ')}${bound}` }
    }
    case 'trial.pruned':
      return { kind: 'pruned', trial: event.trial, text: `pruned by the ${event.by}` }
    case 'trial.failed':
      return { kind: 'failed', trial: event.trial, text: `${event.reason}: ${brief(event.message)}` }
    case 'stage.started':
      return { kind: 'stage', text: `Stage ${event.index}: ${event.stage}` }
    case 'search.warning':
      return { kind: 'warning', text: `${event.code}: ${brief(event.message)}` }
    default:
      return { kind: 'session', text: event.type }
  }
}

/** Text of whatever was thrown, with its code where it has one. */
export const problemOf = (thrown: unknown): { readonly code: string; readonly message: string } => {
  const text = messageOf(thrown)
  const [, named, rest = text] = /^(ARCHLOOM_\w+): (.*)$/s.exec(text) ?? []
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : undefined
  return { code: code ?? named ?? 'Error', message: rest }
}
