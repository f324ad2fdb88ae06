import type { Evaluation, EvaluationContext } from '../../core/index.ts'
import type { WireTrial } from './wire.ts'

/** One evaluation that the search waits for. */
export interface Asked {
  /** Name of the study, and what tells it apart from others of that name. */
  readonly study: string
  readonly studyId: string
  readonly wire: WireTrial
  readonly context: EvaluationContext
  /** Number of times that it was sent again under another id, because the result could not be used. */
  sendings: number
  isSettled: boolean
  /** Whether it is sent in a job of its own, because a job with several trials could not be carried out. */
  isAlone: boolean
  hasStarted: boolean
  resolve(evaluation: Evaluation): void
  reject(thrown: unknown): void
}

/** A job in Redis, and the evaluations that wait for it. */
export interface Sent {
  readonly id: string
  readonly text: string
  /** When this search added it: another time in Redis means that an earlier session did. */
  readonly timestamp: number
  readonly asked: readonly Asked[]
  isAdded: boolean
}

export const isOpen = ({ asked }: Sent): boolean => asked.some((each) => !each.isSettled)

/** Starts the time limit of an evaluation, which has the whole time again. */
export function markStarted(asked: Asked): void {
  asked.hasStarted = true
  asked.context.started()
}

/** Stops the time limit of an evaluation until it is started again. */
export function markWaiting(asked: Asked): void {
  if (!asked.hasStarted || asked.isSettled) return
  asked.hasStarted = false
  asked.context.waiting?.()
}
