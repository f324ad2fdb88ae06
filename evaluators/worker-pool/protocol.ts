import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Checkpoint, Evaluation, EvaluationRequest } from '../../core/evaluator.ts'
import type { RandomState } from '../../core/random.ts'
import type { Json } from '../../core/space/decision.ts'

/** What the search tells a worker. Only plain data crosses. */
export type ToWorker =
  | { readonly type: 'start'; readonly module: string; readonly rng: RandomState }
  | {
      readonly type: 'evaluate'
      readonly id: number
      readonly request: EvaluationRequest
      readonly checkpoint?: Checkpoint
      readonly mayContinue: boolean
    }
  /** The scheduler gives the trial up. */
  | { readonly type: 'give-up'; readonly id: number }
  | { readonly type: 'abort'; readonly id: number; readonly reason: string }

/** What a worker tells the search. */
export type FromWorker =
  | { readonly type: 'ready'; readonly space: { readonly name: string; readonly fingerprint: string } | null }
  | { readonly type: 'refused'; readonly thrown: Thrown }
  | { readonly type: 'report'; readonly id: number; readonly step: number; readonly metrics: Metrics }
  | {
      readonly type: 'tell'
      readonly id: number
      readonly name: string
      readonly facts: Json
      readonly plugin?: string
    }
  | { readonly type: 'checkpoint'; readonly id: number; readonly data: Uint8Array }
  | { readonly type: 'evaluated'; readonly id: number; readonly evaluation: Evaluation }
  | { readonly type: 'threw'; readonly id: number; readonly thrown: Thrown }

type Metrics = Readonly<Record<string, number>>

export interface Thrown {
  readonly message: string
  readonly code?: string
}

export const toThrown = (thrown: unknown): Thrown =>
  ArchloomError.is(thrown) ? { message: thrown.message, code: thrown.code } : { message: messageOf(thrown) }

/** The same error on this side: a diverged training stays a diverged training. */
export const fromThrown = ({ message, code }: Thrown): Error =>
  code === undefined ? new Error(message) : new ArchloomError(code, message.replace(`${code}: `, ''))
