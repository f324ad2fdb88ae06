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
  /**
   * Says that the observer is still writing. The end of the search waits ten more seconds for it, and ten minutes at
   * most.
   */
  stillWriting?(): void
}

/**
 * Observes a running search. The function that it returns is called when the search is disposed of, and awaited for ten
 * seconds, or longer if it calls `stillWriting`, so that the observer can write what remains. An observer that throws or
 * hangs never stops a search.
 */
export type Observer = (search: Observed) => void | (() => void | Promise<void>)

export interface BatchesOptions {
  /** Milliseconds from the first event of a batch until the batch is written. Default: 200. */
  readonly everyMs?: number
  /**
   * Writes events somewhere else, such as a file or a server. Events that come in the meantime are collected for the
   * next call.
   */
  write(events: readonly SearchEvent[]): Promise<void>
}

const declared = optionsFor<BatchesOptions>()('observeInBatches', {
  everyMs: number({ min: 0, default: 200, doc: 'Milliseconds between the first event of a batch and its writing.' }),
  write: required(callback<BatchesOptions['write']>({ doc: 'Writes events somewhere else.' })),
})

/** How long the end of a search waits for the next event that an observer has not been given yet. */
const CATCH_UP_MS = 5000
/** Events in memory above which an observer that does not keep up reads the others from the study later. */
const QUEUE_LIMIT = 10_000

/** Events that are written at once at most. */
const BATCH = 2000

/**
 * An observer that writes all events of a study somewhere else, those before `from` included, in order and in batches.
 * A batch that could not be written is retried together with the next one; the failure becomes a warning of the study.
 * The end of the search waits until everything is written. At most 20,000 events are in memory: while `write` does not
 * keep up, the observer leaves the stream and reads what it has missed from the study afterwards. Error:
 * ARCHLOOM_OPTION.
 */
export function observeInBatches(search: Observed, given: BatchesOptions): () => Promise<void> {
  const { everyMs, write } = declared.read(given)
  let queue: SearchEvent[] = []
  let seen = -1
  let writing: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let subscription: { unsubscribe(): void } | undefined
  let failure: unknown
  let isTold = false
  let isOver = false

  async function writeQueue(): Promise<void> {
    const events = queue.splice(0, BATCH)
    try {
      await write(events)
      failure = undefined
      search.stillWriting?.()
    } catch (thrown) {
      failure = thrown
      queue = [...events, ...queue]
    }
  }
  /** Until nothing waits, or a batch cannot be written. */
  async function writeAll(): Promise<void> {
    do await writeQueue()
    while (queue.length > 0 && failure === undefined)
  }
  async function flush(): Promise<void> {
    await writing
    if (queue.length === 0) return
    writing = writeAll()
    await writing
  }
  const wait = () => {
    timer ??= setTimeout(() => {
      flush().then(() => {
        timer = undefined
        if (queue.length > 0) wait()
        else rejoin()
      })
    }, everyMs)
    // The timer does not keep the process alive: the end of the search writes the rest.
    if (typeof timer === 'object') timer.unref()
  }
  const subscribe = () => {
    const from = seen + 1
    subscription = search.events$.subscribe((event) => {
      // Events that follow from another one have its number, and stay with it.
      if (event.seq < from || (event.seq > seen && queue.length >= QUEUE_LIMIT && leave())) return
      seen = event.seq
      queue.push(event)
      wait()
      if (failure === undefined || isTold) return
      isTold = true
      throw failure
    })
  }
  const leave = () => {
    subscription?.unsubscribe()
    subscription = undefined
    return true
  }
  const rejoin = () => {
    if (!subscription && !isOver && queue.length === 0) subscribe()
  }
  subscribe()
  return async () => {
    for (let [waited, last] = [0, seen]; seen < search.record.state.seq && waited < CATCH_UP_MS; waited += 5) {
      if (!subscription) {
        await flush()
        if (failure !== undefined) break
        rejoin()
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (seen > last) [waited, last] = [0, seen]
    }
    isOver = true
    leave()
    clearTimeout(timer)
    await flush()
    if (queue.length > 0 && failure === undefined) await flush()
    if (failure !== undefined) throw failure
  }
}
