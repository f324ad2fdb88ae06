import type { Observable } from 'rxjs'
import { callback, number, optionsFor, required } from '../options/index.ts'
import type { StudyRecord } from '../study/record.ts'
import type { EventOf, SearchEvent, SearchEventType } from '../trial/events.ts'

/** A search as an observer sees it. */
export interface Observed {
  /** Name of the study. */
  readonly study: string
  /** Where the study lives. */
  readonly location: string
  /** Number of the first event of this session: 0 in a new study, larger in one that is resumed. */
  readonly from: number
  /** The fold of all events so far, kept up to date. */
  readonly record: StudyRecord
  /** All events, those before `from` included. */
  readonly events$: Observable<SearchEvent>
  on<T extends SearchEventType>(type: T, listener: (event: EventOf<T>) => void): () => void
}

/**
 * Looks on while a search runs. What it returns is called when the search is disposed of, and awaited for at most ten
 * seconds, so that nothing it still has to write is lost. An observer that throws never stops a search.
 */
export type Observer = (search: Observed) => void | (() => void | Promise<void>)

export interface BatchesOptions {
  /** Milliseconds between the first event of a batch and its writing. Default 200. */
  readonly everyMs?: number
  /** Writes events somewhere else, such as a file or a server. While it works, events are collected for the next call. */
  write(events: readonly SearchEvent[]): Promise<void>
}

const declared = optionsFor<BatchesOptions>()('observeInBatches', {
  everyMs: number({ min: 0, default: 200, doc: 'Milliseconds between the first event of a batch and its writing.' }),
  write: required(callback<BatchesOptions['write']>({ doc: 'Writes events somewhere else.' })),
})

/** How long the end of a search waits for events that an observer has not been given yet. */
const CATCH_UP_MS = 5000

/**
 * An observer that writes all events of a study somewhere else, those before `from` included, in order and in batches. A
 * batch that could not be written is tried again together with the next one; the failure becomes a warning of the study.
 * The end of the search waits until everything is written. Error: ARCHLOOM_OPTION.
 */
export function observeInBatches(search: Observed, given: BatchesOptions): () => Promise<void> {
  const { everyMs, write } = declared.read(given)
  let queue: SearchEvent[] = []
  let seen = -1
  let writing: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failure: unknown
  let isTold = false

  async function writeQueue(): Promise<void> {
    const events = queue
    queue = []
    try {
      await write(events)
      failure = undefined
    } catch (thrown) {
      failure = thrown
      queue = [...events, ...queue]
    }
  }
  async function flush(): Promise<void> {
    await writing
    if (queue.length === 0) return
    writing = writeQueue()
    await writing
  }
  const wait = () => {
    timer ??= setTimeout(() => {
      flush().then(() => {
        timer = undefined
        if (queue.length > 0) wait()
      })
    }, everyMs)
    // A process that has nothing else to do may end: the end of the search writes the rest.
    if (typeof timer === 'object') timer.unref()
  }
  const subscription = search.events$.subscribe((event) => {
    seen = event.seq
    queue.push(event)
    wait()
    if (failure === undefined || isTold) return
    isTold = true
    throw failure
  })
  return async () => {
    for (let waited = 0; seen < search.record.state.seq && waited < CATCH_UP_MS; waited += 5)
      await new Promise((resolve) => setTimeout(resolve, 5))
    subscription.unsubscribe()
    clearTimeout(timer)
    await flush()
    if (queue.length > 0 && failure === undefined) await flush()
    if (failure !== undefined) throw failure
  }
}
