import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Checkpoint, Evaluation, EvaluationRequest } from '../../core/evaluator.ts'
import type { RandomState } from '../../core/random.ts'
import type { Json } from '../../core/space/decision.ts'

/** What the search tells a worker. Only plain data crosses. */
export type ToWorker =
  | {
      readonly type: 'start'
      readonly module: string
      readonly rng: RandomState
      /** Between two signs of life of an evaluation, ms. */
      readonly heartbeatMs?: number
    }
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
  /** The evaluation begins: what happens from here on happens to this trial. */
  | { readonly type: 'began'; readonly id: number }
  | { readonly type: 'heartbeat'; readonly id: number; readonly megabytes: number }
  | { readonly type: 'evaluated'; readonly id: number; readonly evaluation: Evaluation; readonly megabytes: number }
  | { readonly type: 'threw'; readonly id: number; readonly thrown: Thrown; readonly megabytes: number }

/** What an evaluator sends to its parent on its own account (`process.send('ready')`, say) is not ours. */
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

/** A message as it crosses. */
export const sealed = (message: ToWorker | FromWorker): object => ({ [TAG]: message })

/** The message of what came; undefined where it is nothing that `sealed` made. */
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

/** The same error on this side: a diverged training stays a diverged training. */
export const fromThrown = ({ message, code }: Thrown): Error =>
  code === undefined ? new Error(message) : new ArchloomError(code, message.replace(`${code}: `, ''))
