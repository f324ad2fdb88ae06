import { memoryStore, type Observed, type SearchEvent, type Store, type Studies } from '../../core/index.ts'

/** The part of a search that its study can be read from, wherever it is stored. */
export type Watched = Pick<Observed, 'study' | 'location' | 'record' | 'events$'>

/** The study of a running search as the only one of a place, read from its event stream. */
export function observedStudies(search: Watched): Studies {
  const name = search.study
  const nothing = memoryStore(name)
  const store = (): Store => ({
    name,
    location: search.location,
    notes: [],
    append: (events) => nothing.append(events),
    async *read(from = 0) {
      const last = search.record.live.seq
      if (from > last) return
      yield* batches(search, from, new AbortController().signal, last)
    },
    tail: (from, signal) => batches(search, from, signal),
    artifacts: nothing.artifacts,
    close: () => {},
  })
  return {
    url: search.location,
    list: async () => [name],
    async open(asked) {
      return asked === name ? store() : memoryStore(asked)
    },
    isWritten: async () => undefined,
    remove: async () => {},
  }
}

/** The events from number `from` on, up to number `last` or until the signal aborts. */
async function* batches(
  { events$ }: Watched,
  from: number,
  signal: AbortSignal,
  last = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly SearchEvent[], void, void> {
  let queue: SearchEvent[] = []
  let wake = () => {}
  let isOver = false
  let next = from
  const end = () => {
    isOver = true
    wake()
  }
  const subscription = events$.subscribe({
    next: (event) => {
      // Derived events repeat the number of their cause.
      if (event.seq !== next || event.type === 'best.changed' || event.type === 'pareto.changed') return
      next++
      queue.push(event)
      if (event.seq >= last) isOver = true
      wake()
    },
    error: end,
    complete: end,
  })
  signal.addEventListener('abort', end)
  try {
    while (true) {
      if (queue.length > 0) {
        const batch = queue
        queue = []
        yield batch
      } else if (isOver || signal.aborted) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    signal.removeEventListener('abort', end)
    subscription.unsubscribe()
  }
}
