import { EventEmitter } from 'eventemitter3'
import { Observable, Subject } from 'rxjs'
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Store } from '../study/store.ts'
import { error } from './errors.ts'
import {
  type EventDraft,
  type EventOf,
  eventGrammar,
  eventTypes,
  isDerived,
  type SearchEvent,
  type SearchEventType,
} from './events.ts'
import { initialState, reduce, type SearchState } from './state.ts'

/** Events that follow from a journalled one: what changed between two states. */
function* derived(before: SearchState, after: SearchState, cause: SearchEvent): Iterable<SearchEvent> {
  const { seq, at } = cause
  if (after.best && after.best !== before.best) yield { seq, type: 'best.changed', ...after.best, at }
  if (after.front !== before.front && after.objectives.length > 1)
    yield { seq, type: 'pareto.changed', front: after.front, at }
}

/** A listener threw; the search goes on, and says so once per event type. */
const LISTENER_THREW = 'ARCHLOOM_LISTENER_THREW'

/**
 * One stream, three doors. `publish` checks the grammar, writes to the store, folds, then tells everybody, in that order.
 */
export class EventStream {
  readonly #store: Store
  readonly #clock: Clock
  readonly #grammar = eventGrammar()
  readonly #live = new Subject<SearchEvent>()
  readonly #emitter = new EventEmitter()
  readonly #complained = new Set<string>()
  #state: SearchState = initialState
  /** Replays every event of the study to a late subscriber, then goes on live; subscribing never starts work. */
  readonly events$: Observable<SearchEvent>

  constructor(store: Store, clock: Clock, onPast: (event: SearchEvent) => void) {
    this.#store = store
    this.#clock = clock
    for (const event of store.read()) {
      this.#grammar(event)
      onPast(event)
      this.#state = reduce(this.#state, event)
    }
    this.events$ = new Observable((subscriber) => {
      let state = initialState
      for (const event of store.read()) {
        const after = reduce(state, event)
        subscriber.next(event)
        for (const more of derived(state, after, event)) subscriber.next(more)
        state = after
      }
      return this.#live.subscribe(subscriber)
    })
  }

  get state(): SearchState {
    return this.#state
  }

  /** Write, fold, tell. Returns the event and those derived from it. */
  publish(draft: EventDraft): readonly SearchEvent[] {
    if (isDerived(draft.type)) return []
    this.#grammar(draft)
    const { type, ...body } = draft
    const event = { seq: this.#state.seq + 1, type, ...body, at: this.#clock.now() } as SearchEvent
    this.#store.append(event)
    const before = this.#state
    this.#state = reduce(before, event)
    const events = [event, ...derived(before, this.#state, event)]
    for (const each of events) this.#tell(each)
    return events
  }

  #tell(event: SearchEvent) {
    this.#live.next(event)
    try {
      this.#emitter.emit(event.type, event)
    } catch (thrown) {
      if (this.#complained.has(event.type)) return
      this.#complained.add(event.type)
      this.publish({
        type: 'search.warning',
        code: LISTENER_THREW,
        message: `a listener of ${event.type} threw: ${messageOf(thrown)}`,
      })
    }
  }

  on<T extends SearchEventType>(type: T, listener: (event: EventOf<T>) => void): () => void {
    if (!eventTypes.includes(type)) throw error('ARCHLOOM_SEARCH_EVENT_UNKNOWN', { type, known: eventTypes })
    this.#emitter.on(type, listener)
    return () => this.#emitter.off(type, listener)
  }

  close() {
    this.#live.complete()
    this.#emitter.removeAllListeners()
    this.#store.close()
  }
}
