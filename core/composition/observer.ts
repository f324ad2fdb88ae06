import type { Observable } from 'rxjs'
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
