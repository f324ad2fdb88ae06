import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Checkpoint, Evaluation, EvaluationRequest } from '../../core/evaluator.ts'
import type { RandomState } from '../../core/random.ts'
import type { Json } from '../../core/space/decision.ts'

/** Messages of the search to a worker. They are plain data. */
export type ToWorker =
  | {
      readonly type: 'start'
      readonly module: string
      readonly rng: RandomState
      /** Milliseconds between two heartbeats of an evaluation. */
      readonly heartbeatMs?: number
    }
  | {
      readonly type: 'evaluate'
      readonly id: number
      readonly request: EvaluationRequest
      readonly checkpoint?: Checkpoint
      readonly mayContinue: boolean
    }
  /** The scheduler has given the trial up. */
  | { readonly type: 'give-up'; readonly id: number }
  | { readonly type: 'abort'; readonly id: number; readonly reason: string }

/** Messages of a worker to the search. */
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
  /** The evaluation has begun. From here on, failures belong to this trial. */
  | { readonly type: 'began'; readonly id: number }
  | { readonly type: 'heartbeat'; readonly id: number; readonly megabytes: number }
  | { readonly type: 'evaluated'; readonly id: number; readonly evaluation: Evaluation; readonly megabytes: number }
  | { readonly type: 'threw'; readonly id: number; readonly thrown: Thrown; readonly megabytes: number }

/** Marks the messages of the pool. Other messages, such as an evaluator's own `process.send('ready')`, are ignored. */
const TAG = 'archloom:worker-pool'
const types: Readonly<Record<(ToWorker | FromWorker)['type'], true>> = {
  start: true,
  evaluate: true,
  'give-up': true,
  abort: true,
  ready: true,
  refused: true,
  report: true,
  tell: true,
  checkpoint: true,
  began: true,
  heartbeat: true,
  evaluated: true,
  threw: true,
}

/** Wraps a message for sending. */
export const sealed = (message: ToWorker | FromWorker): object => ({ [TAG]: message })

/** Unwraps a received message; undefined if it was not made by `sealed`. */
export function opened<M extends ToWorker | FromWorker>(received: unknown): M | undefined {
  if (typeof received !== 'object' || received === null) return undefined
  const message = (received as Readonly<Record<string, unknown>>)[TAG]
  if (typeof message !== 'object' || message === null) return undefined
  return Object.hasOwn(types, String((message as M).type)) ? (message as M) : undefined
}

type Metrics = Readonly<Record<string, number>>

export interface Thrown {
  readonly message: string
  readonly code?: string
}

export const toThrown = (thrown: unknown): Thrown =>
  ArchloomError.is(thrown) ? { message: thrown.message, code: thrown.code } : { message: messageOf(thrown) }

/** Restores an error with its code, so that a diverged training is still recognised as such. */
export const fromThrown = ({ message, code }: Thrown): Error =>
  code === undefined ? new Error(message) : new ArchloomError(code, message.replace(`${code}: `, ''))
