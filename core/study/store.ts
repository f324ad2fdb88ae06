import type { SearchEvent } from '../search/events.ts'

/**
 * Where a study's events live. Events are appended before anybody sees them; a store keeps their order, loses none
 * that `append` returned from, and gives back equal plain JSON. Check your own with `storeContract` (`archloom/testing`).
 */
export interface Store {
  /** Where a person finds the study: a path, or a name. */
  readonly location: string
  /** Notes about what was mended when the store was opened (a line cut off by a kill); empty as a rule. */
  readonly notes: readonly string[]
  append(event: SearchEvent): void
  /** All events so far, from the first. */
  read(): Iterable<SearchEvent>
  close(): void
}

/** Keeps events in memory; for tests and throw-away searches. */
export function memoryStore(location = 'memory'): Store {
  const events: string[] = []
  return {
    location,
    notes: [],
    append: (event) => {
      events.push(JSON.stringify(event))
    },
    *read() {
      for (const line of [...events]) yield JSON.parse(line) as SearchEvent
    },
    close: () => {},
  }
}
