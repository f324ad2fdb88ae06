/** What a finished model may cost at most. */
export interface Limits {
  readonly parameters?: number
  /** Of one example. */
  readonly multiplyAdds?: number
  /** Of the exported file. */
  readonly bytes?: number
  /** Milliseconds of one prediction, measured with ONNX Runtime on one thread. */
  readonly maxLatencyMs?: number
  /** The file holds 8-bit integers: a quarter of the bytes for each parameter. */
  readonly integers?: boolean
}

/** One measurement of one trial. */
export interface TrialRecord<A = unknown> {
  readonly trial: number
  /** 0 for the first measurement of a trial, 1 after it was continued. */
  readonly rung: number
  readonly name: string
  readonly architecture: A
  /** On validation examples. */
  readonly metrics: Readonly<Record<string, number>>
  /** Training steps so far. */
  readonly steps: number
  /** Since the search began. */
  readonly seconds: number
}

/** What `fit` tells while it works. */
export type FitEvent =
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | ({ readonly type: 'trial' } & TrialRecord)
  | {
      readonly type: 'winner'
      readonly trial: number
      readonly name: string
      readonly metrics: Readonly<Record<string, number>>
    }
  | {
      readonly type: 'progress'
      readonly share: number
      readonly step: number
      readonly loss: number
      readonly seconds: number
    }
