import type { SearchEvent } from '../trial/events.ts'

/** Binary files beside a study's events: checkpoints, images, models. Names are paths such as `checkpoints/trial-7-rung-1`. */
export interface Artifacts {
  /** Replaces the artifact of that name; a reader sees the old content or the new one, never a part. */
  write(name: string, data: Uint8Array): Promise<void>
  /** Resolves to undefined if there is no artifact of that name. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Does nothing if there is no artifact of that name. */
  remove(name: string): Promise<void>
  list(): Promise<readonly string[]>
}

/**
 * A fold of the first events of a study, kept beside them, so that opening a long study reads only the events after it.
 * The events remain the only truth: what is kept may be lost at any time.
 */
export interface Snapshot {
  /**
   * Replaces what was kept by the fold of all events so far, `events` of them, in plain JSON. Does nothing where it cannot
   * be kept: it never throws.
   */
  keep(events: number, parts: Iterable<object>): void
  /**
   * The latest fold that still belongs to the events, and the events after it. Undefined if there is none: nothing was
   * kept, it is damaged, or an event that it stands for has changed since. `parts` throws where damage is found later.
   */
  recall(): Promise<Recalled | undefined>
}

export interface Recalled {
  /** Number of events that the fold stands for. */
  readonly events: number
  readonly parts: AsyncIterable<unknown>
  /** The events from number `events` to the last one so far, in batches. */
  rest(): AsyncIterable<readonly SearchEvent[]>
}

/**
 * Where one study's events live. Events are appended before any subscriber sees them. A store keeps their order, loses
 * none that `append` has acknowledged, and returns equal events. Check your own with `storeContract`
 * (`archloom/testing`).
 */
export interface Store {
  /** Name of the study. */
  readonly name: string
  /** Where a person finds the study: a path, or an address. */
  readonly location: string
  /** What was repaired when the store was opened (a line left incomplete by a kill); usually empty. */
  readonly notes: readonly string[]
  /** Appends events to those already stored. They are stored once it has returned, or its promise has resolved. */
  append(events: readonly SearchEvent[]): void | Promise<void>
  /** The events from number `from` (default 0) to the last one so far, in batches. */
  read(from?: number): AsyncIterable<readonly SearchEvent[]>
  /** The same, then waits for those that this or another process appends, until the signal aborts. */
  tail(from: number, signal: AbortSignal): AsyncIterable<readonly SearchEvent[]>
  readonly artifacts: Artifacts
  /** Optional: without it, every reader folds all events. A store that changes what another one reads leaves it out. */
  readonly snapshot?: Snapshot | undefined
  close(): void | Promise<void>
}

/** All events of a store in one array. */
export async function readEvents(store: Pick<Store, 'read'>, from = 0): Promise<SearchEvent[]> {
  const all: SearchEvent[] = []
  for await (const events of store.read(from)) for (const event of events) all.push(event)
  return all
}

/** The text of a journal of all events of a store: one event as JSON per line. Saved as `journal.jsonl` it is a study. */
export async function journalText(store: Pick<Store, 'read'>): Promise<string> {
  const events = await readEvents(store)
  return events.map((event) => `${encodeEvent(event)}\n`).join('')
}

const TAG = '$number'

/** JSON in which infinite and NaN numbers survive, as `{"$number":"Infinity"}`. */
export const encodeJson = (object: object): string => {
  const text = JSON.stringify(object)
  // A number that is not finite has become null; only then is the slower encoding needed.
  if (!text.includes('null')) return text
  return JSON.stringify(object, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { [TAG]: String(value) } : value,
  )
}

/** Decodes what `encodeJson` wrote; throws if it is not JSON. */
export const decodeJson = (text: string): unknown =>
  text.includes(TAG)
    ? JSON.parse(text, (_, value: unknown) =>
        typeof value === 'object' && value !== null && TAG in value ? Number(value[TAG]) : value,
      )
    : JSON.parse(text)

/** JSON of an event in which infinite and NaN metrics survive. */
export const encodeEvent: (event: SearchEvent) => string = encodeJson

/** Decodes what `encodeEvent` wrote; throws if it is not JSON. */
export const decodeEvent = (text: string): SearchEvent => decodeJson(text) as SearchEvent

/** Waits for the next call of `notify`. */
export function notifier() {
  let wake: (() => void)[] = []
  return {
    notify() {
      for (const resolve of wake.splice(0)) resolve()
    },
    wait(signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const done = () => {
          signal.removeEventListener('abort', done)
          wake = wake.filter((each) => each !== done)
          resolve()
        }
        signal.addEventListener('abort', done)
        wake.push(done)
      })
    },
  }
}

/** Artifacts in memory. */
export function memoryArtifacts(): Artifacts {
  const files = new Map<string, Uint8Array>()
  return {
    write: async (name, data) => void files.set(name, Uint8Array.from(data)),
    read: async (name) => {
      const data = files.get(name)
      return data && Uint8Array.from(data)
    },
    remove: async (name) => void files.delete(name),
    list: async () => [...files.keys()].sort(),
  }
}

/** Keeps a study in memory; for tests and throw-away searches. */
export function memoryStore(location = 'memory'): Store {
  const events: string[] = []
  const { notify, wait } = notifier()
  const read = (from: number, to: number) => events.slice(from, to).map(decodeEvent)
  return {
    name: location,
    location,
    notes: [],
    append(added) {
      for (const event of added) events.push(encodeEvent(event))
      notify()
    },
    async *read(from = 0) {
      if (from < events.length) yield read(from, events.length)
    },
    async *tail(from, signal) {
      for (let next = from; ; ) {
        const end = events.length
        if (next < end) yield read(next, end)
        next = Math.max(next, end)
        if (signal.aborted) return
        if (next >= events.length) await wait(signal)
      }
    },
    artifacts: memoryArtifacts(),
    close: () => {},
  }
}
