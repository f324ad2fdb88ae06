import type { Observable } from 'rxjs'
import { realTimeLimit } from '../clock.ts'
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
  /**
   * Tells the user about a failure: it becomes a warning of the study (ARCHLOOM_OBSERVER_FAILED) with the next event, once
   * for each error code of the observer.
   */
  warn?(failure: unknown): void
}

/**
 * What an observer returns: the function that ends it. It is called when the search is disposed of, and awaited for ten
 * seconds, or longer if the observer calls `stillWriting`, so that the observer can write what remains.
 */
export interface Observing {
  (): void | Promise<void>
  /**
   * Loads what the observer cannot work without, such as an optional package. It is awaited when the study is opened,
   * before the first event; if it rejects, the search is refused with that error.
   */
  readonly ready?: () => Promise<void>
  /**
   * Writes what is waiting. It is awaited for two seconds when a run ends, before its last event; if it rejects, the
   * failure becomes a warning of the study.
   */
  readonly flush?: () => Promise<void>
}

/** Observes a running search. After its start, an observer that throws or hangs never stops a search. */
export type Observer = ((search: Observed) => Observing) | ((search: Observed) => void)

export interface BatchesOptions {
  /** Milliseconds from the first event of a batch until the batch is written. Default: 200. */
  readonly everyMs?: number
  /**
   * Called once, before anything is written: loads what `write` cannot work without. If it rejects, the search is refused
   * with that error.
   */
  ready?(): Promise<void>
  /**
   * Called once, after `ready`: tries whether the file or the server can be written. The start of the search waits one
   * second for it at most. If it rejects, now or later, the failure becomes a warning of the study.
   */
  probe?(): Promise<void>
  /**
   * Writes events somewhere else, such as a file or a server. Events that come in the meantime are collected for the
   * next call.
   */
  write(events: readonly SearchEvent[]): Promise<void>
  /** Called at the end, once everything is written or has failed. */
  close?(): void | Promise<void>
}

const declared = optionsFor<BatchesOptions>()('observeInBatches', {
  everyMs: number({ min: 0, default: 200, doc: 'Milliseconds between the first event of a batch and its writing.' }),
  ready: callback<NonNullable<BatchesOptions['ready']>>({ doc: 'Loads what `write` cannot work without.' }),
  probe: callback<NonNullable<BatchesOptions['probe']>>({ doc: 'Tries whether `write` can succeed.' }),
  write: required(callback<BatchesOptions['write']>({ doc: 'Writes events somewhere else.' })),
  close: callback<NonNullable<BatchesOptions['close']>>({ doc: 'Called at the end.' }),
})

/** The function that ends an observer in batches, with those that `Observing` describes. */
export interface Batches extends Required<Pick<Observing, 'ready' | 'flush'>> {
  (): Promise<void>
}

/** How long the start of a search waits for an observer's probe. */
const PROBE_MS = 1000
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
export function observeInBatches(search: Observed, given: BatchesOptions): Batches {
  const { everyMs, ready: load, probe, write, close } = declared.read(given)
  let queue: SearchEvent[] = []
  let seen = -1
  let writing: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let subscription: { unsubscribe(): void } | undefined
  let failure: unknown
  let isOver = false
  let preparing: Promise<void> | undefined
  async function prepare(): Promise<void> {
    await load?.()
    const probed = probe?.().catch((thrown: unknown) => search.warn?.(thrown))
    if (probed) await Promise.race([probed, realTimeLimit(PROBE_MS)])
  }
  const ready = () => {
    preparing ??= prepare()
    return preparing
  }

  async function writeQueue(): Promise<void> {
    const events = queue.splice(0, BATCH)
    try {
      await ready()
      await write(events)
      failure = undefined
      search.stillWriting?.()
    } catch (thrown) {
      failure = thrown
      search.warn?.(thrown)
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
  const flushNow = async () => {
    await flush()
    if (failure !== undefined) throw failure
  }
  const finish = async () => {
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
    try {
      await close?.()
    } catch (thrown) {
      failure ??= thrown
    }
    if (failure !== undefined) throw failure
  }
  return Object.assign(finish, { ready, flush: flushNow })
}
