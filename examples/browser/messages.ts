// What the page and its worker tell each other.
import type { SearchEvent } from 'archloom'
import type { Wanted } from './searches.ts'

export type ToWorker =
  | { readonly kind: 'start'; readonly wanted: Wanted; readonly study: string }
  | { readonly kind: 'stop' }

export type FromWorker =
  /** What computes: an engine with its version; for a table nothing does. */
  | { readonly kind: 'engine'; readonly name: string; readonly describe: string }
  /** Events of the search, in their order. */
  | { readonly kind: 'events'; readonly events: readonly SearchEvent[] }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly message: string }
