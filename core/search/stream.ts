import { EventEmitter } from 'eventemitter3'
import type { Observer, Operator, Subscription } from 'rxjs'
// The index of rxjs loads 200 modules; these are the same classes.
import { Observable } from 'rxjs/internal/Observable'
import { Subject } from 'rxjs/internal/Subject'
import type { Clock } from '../clock.ts'
import { messageOf, quote } from '../errors.ts'
import { isWellFormed } from '../study/event-form.ts'
import { StudyRecord } from '../study/record.ts'
import type { SearchState } from '../study/state.ts'
import type { Store } from '../study/store.ts'
import { error as trialError } from '../trial/errors.ts'
import {
  checkFinite,
  type EventDraft,
  type EventOf,
  eventGrammar,
  eventTypes,
  isDerived,
  type SearchEvent,
  type SearchEventType,
} from '../trial/events.ts'
import { error } from './errors.ts'

const OPENS = new Set<SearchEventType>(['search.started', 'search.resumed'])
const CLOSES = new Set<SearchEventType>(['search.finished', 'search.stopped'])
const ENDS = new Set<SearchEventType>(['trial.completed', 'trial.failed', 'trial.pruned', 'trial.paused'])

/** Fewer events than these are read as fast without a snapshot. */
const SNAPSHOT_EVENTS = 5000

/** The code of the warning that a listener threw. The search continues and warns once per event type. */
const LISTENER_THREW = 'ARCHLOOM_LISTENER_THREW'

/**
 * An observable whose subscribers cannot end the process. An exception of a subscriber is reported instead of becoming
 * an uncaught exception, also behind operators.
 */
class SafeObservable<T> extends Observable<T> {
  readonly #report: (thrown: unknown) => void

  constructor(report: (thrown: unknown) => void, subscribe?: (observer: Observer<T>) => (() => void) | undefined) {
    super(subscribe as ConstructorParameters<typeof Observable<T>>[0])
    this.#report = report
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new SafeObservable<R>(this.#report)
    lifted.source = this
    lifted.operator = operator
    return lifted
  }

  override subscribe(
    observer?: Partial<Observer<T>> | ((value: T) => void) | null,
    onError?: ((thrown: unknown) => void) | null,
    onComplete?: (() => void) | null,
  ): Subscription {
    const given: Partial<Observer<T>> =
      typeof observer === 'function' || observer === null || observer === undefined
        ? {
            ...(observer && { next: observer }),
            ...(onError && { error: onError }),
            ...(onComplete && { complete: onComplete }),
          }
        : observer
    // Operators use their own subscribers, which handle errors.
    if ('isStopped' in given) return super.subscribe(given)
    const guard = (run: () => unknown) => {
      try {
        const result = run()
        if (result instanceof Promise) result.catch(this.#report)
      } catch (thrown) {
        this.#report(thrown)
      }
    }
    return super.subscribe({
      next: (value) => guard(() => given.next?.(value)),
      error: (thrown) => guard(() => (given.error ? given.error(thrown) : this.#report(thrown))),
      complete: () => guard(() => given.complete?.()),
    })
  }
}

/**
 * One stream with three ways to receive it. `publish` checks the grammar, writes to the store, folds, and then
 * notifies subscribers, in this order.
 */
export class EventStream {
  readonly #store: Store
  readonly #clock: Clock
  readonly #grammar = eventGrammar()
  readonly #live = new Subject<SearchEvent>()
  readonly #emitter: EventEmitter
  readonly #complained = new Set<string>()
  readonly #complaints: EventDraft[] = []
  readonly record: StudyRecord

  /** `emitter` holds the listeners that were attached before the study was opened. */
  constructor(store: Store, clock: Clock, emitter: EventEmitter) {
    this.#store = store
    this.#clock = clock
    this.#emitter = emitter
    this.record = new StudyRecord(store.name, store.location)
  }

  /** Folds the events of earlier sessions, each handed to `onPast` as well. */
  async restore(onPast: (event: SearchEvent) => void): Promise<void> {
    for await (const events of this.#store.read())
      for (const event of events) {
        this.record.apply(event)
        this.#grammar(event)
        onPast(event)
      }
  }

  get state(): SearchState {
    return this.record.state
  }

  /** Replays every event of the study to a subscriber, then continues live. */
  subscribe(observer: Observer<SearchEvent>): () => void {
    const abort = new AbortController()
    const buffer: SearchEvent[] = []
    let replaying = true
    const live = this.#live.subscribe({
      next: (event) => {
        if (replaying) buffer.push(event)
        else observer.next(event)
      },
      complete: () => {
        if (!replaying) observer.complete()
      },
    })
    const replay = async () => {
      const past = new StudyRecord(this.#store.name, this.#store.location)
      const upTo = this.state.seq
      if (upTo >= 0)
        reading: for await (const events of this.#store.read())
          for (const event of events) {
            if (abort.signal.aborted) return
            if (event.seq > upTo) break reading
            observer.next(event)
            for (const more of past.apply(event)) observer.next(more)
          }
      // The subscriber came before these events were published; it may have read them from the store already.
      for (let event = buffer.shift(); event; event = buffer.shift()) {
        if (abort.signal.aborted) return
        if (event.seq > upTo) observer.next(event)
      }
      replaying = false
      if (this.#live.closed || this.#isClosed) observer.complete()
    }
    replay().catch((thrown: unknown) => observer.error(thrown))
    return () => {
      abort.abort()
      live.unsubscribe()
    }
  }

  #isClosed = false

  /**
   * Events that were checked but that the store refused, for example because the disk was full. They are written
   * before any other event, so that publishing continues once there is space.
   */
  #owed: readonly SearchEvent[] = []

  /** Whether the study has begun; counts events that are not written yet. */
  get isStarted(): boolean {
    return this.record.live.sessions > 0 || this.#owed.some(({ type }) => type === 'search.started')
  }

  /** Whether a session is open; counts events that are not written yet. */
  get isOpen(): boolean {
    const last = this.#owed.findLast(({ type }) => OPENS.has(type) || CLOSES.has(type))
    return last ? OPENS.has(last.type) : this.record.live.status === 'running'
  }

  /** Whether the end of a trial, or the controller's update from it, is not written yet. */
  owes(trial: number): boolean {
    return this.#owed.some(
      (event) =>
        (ENDS.has(event.type) && 'trial' in event && event.trial === trial) ||
        (event.type === 'controller.updated' && event.trials.includes(trial)),
    )
  }

  /** Whether the proposal of this genotype is not written yet. */
  owesProposal(genotype: readonly number[]): boolean {
    const text = genotype.join()
    return this.#owed.some((event) => event.type === 'trial.proposed' && event.genotype.join() === text)
  }

  /** The append in progress; there is at most one. */
  #appending: Promise<void> | undefined

  /**
   * Writes events, folds them and notifies subscribers. Returns the events and those derived from them. Events that
   * the store refuses are written first by the next call. Errors: those of the store; ARCHLOOM_EVENT_GRAMMAR,
   * ARCHLOOM_EVENT_NOT_FINITE.
   */
  async publish(...drafts: readonly EventDraft[]): Promise<readonly SearchEvent[]> {
    while (this.#appending) await this.#appending.catch(() => {})
    const written = [...this.#owed]
    const at = this.#clock.now()
    let seq = this.record.live.seq + written.length
    for (const draft of drafts) {
      if (isDerived(draft.type)) continue
      checkFinite(draft)
      this.#grammar(draft)
      const event = { seq: ++seq, ...draft, at } as SearchEvent
      if (!isWellFormed(event)) throw trialError('ARCHLOOM_EVENT_FORM', { type: draft.type, received: quote(draft) })
      written.push(event)
    }
    this.#owed = written
    const appended = this.#store.append(written)
    if (appended) {
      this.#appending = appended
      try {
        await appended
      } finally {
        this.#appending = undefined
      }
    }
    this.#owed = []
    const told: SearchEvent[] = []
    for (const event of written) {
      const derived = this.record.apply(event, true)
      told.push(event, ...derived)
      this.#tell(event)
      for (const each of derived) this.#tell(each)
    }
    this.#keep(written.some(({ type }) => CLOSES.has(type)) ? 0 : this.#kept)
    // After the last event of a session, warnings wait for the next session.
    if (this.#complaints.length > 0 && this.record.live.status === 'running')
      told.push(...(await this.publish(...this.#complaints.splice(0))))
    return told
  }

  #tell(event: SearchEvent) {
    this.#live.next(event)
    for (const listener of this.#emitter.listeners(event.type)) {
      try {
        const result = (listener as (event: SearchEvent) => unknown)(event)
        if (result instanceof Promise) result.catch((thrown: unknown) => this.complain(event.type, thrown))
      } catch (thrown) {
        this.complain(event.type, thrown)
      }
    }
  }

  /** Records that a listener threw; a warning is published with the next event. */
  complain(where: string, thrown: unknown): void {
    this.warn(where, LISTENER_THREW, `a listener of ${where} threw: ${messageOf(thrown).slice(0, 500)}`)
  }

  /** Records a warning, once for each `key`; it is published with the next event. */
  warn(key: string, code: string, message: string): void {
    if (this.#complained.has(key) || this.#isClosed) return
    this.#complained.add(key)
    this.#complaints.push({ type: 'search.warning', code, message })
  }

  /** Publishes the remaining warnings about listeners, and retries the events that the store refused. */
  async flush(): Promise<void> {
    // The publisher has received this error already.
    if (this.#owed.length > 0) await this.publish().catch(() => {})
    if (this.#owed.length > 0) return
    if (this.#complaints.length > 0 && this.record.live.status === 'running') await this.publish()
  }

  /** Events that the latest snapshot stands for; 0 before the first one of this session. */
  #kept = 0

  /**
   * Keeps a snapshot if at least `more` events have been folded since the latest one. It takes time in proportion to the
   * trials so far; at every doubling of their number, this is the same time per trial however long the study grows.
   */
  #keep(more: number) {
    const events = this.record.live.seq + 1
    if (events - this.#kept < Math.max(more, SNAPSHOT_EVENTS)) return
    this.#kept = events
    this.#store.snapshot?.keep(events, this.record.keep())
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#live.complete()
    this.#emitter.removeAllListeners()
    await this.#store.close()
  }
}

/** The listeners of a search; they may be attached before its study is opened. */
export function listenerDoors(opened: () => EventStream | undefined, whenOpen: Promise<EventStream>) {
  const emitter = new EventEmitter()
  /** Events whose subscribers' exceptions are reported to `report`. */
  const eventsFor = (report: (thrown: unknown) => void) =>
    new SafeObservable<SearchEvent>(report, (observer) => {
      const stream = opened()
      if (stream) return stream.subscribe(observer)
      let stop: (() => void) | undefined
      let left = false
      whenOpen.then(
        (late) => {
          if (!left) stop = late.subscribe(observer)
        },
        (thrown: unknown) => observer.error(thrown),
      )
      return () => {
        left = true
        stop?.()
      }
    }) as Observable<SearchEvent>
  return {
    emitter,
    eventsFor,
    /** Replays every event of the study to a late subscriber, then continues live. Subscribing never starts work. */
    events$: eventsFor((thrown) => opened()?.complain('events$', thrown)),
    on<T extends SearchEventType>(type: T, listener: (event: EventOf<T>) => void): () => void {
      if (!eventTypes.includes(type)) throw error('ARCHLOOM_SEARCH_EVENT_UNKNOWN', { type, known: eventTypes })
      emitter.on(type, listener)
      return () => emitter.off(type, listener)
    },
  }
}
