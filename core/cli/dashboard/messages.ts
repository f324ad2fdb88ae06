/** The messages between the process of a search and the process of its dashboard. */
import type { Json } from '../../space/decision.ts'

/** The first message to the dashboard. */
export interface Order {
  readonly storage: string
  readonly host: string
  readonly port?: number
  readonly token?: string
  /** The study that a page with the token may change. */
  readonly study?: string
}

/** A message from the dashboard. */
export type Report =
  | { readonly kind: 'open'; readonly url: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stop' }
  | { readonly kind: 'enqueue'; readonly id: number; readonly architecture: Json }

/** A message to the dashboard: whether an enqueued trial was accepted. */
export interface Received {
  readonly id: number
  readonly problem?: string
}
