import { nextTurn } from '#platform'
import { optionNames } from '../options/index.ts'
import type { AlgorithmParts } from '../search/algorithm.ts'
import type { Json } from '../space/decision.ts'
import type { EventDraft, FinishReason } from '../trial/events.ts'
import { stepMeans } from './means.ts'

type Metrics = Readonly<Record<string, number>>

/** One stage of a one-shot method: a space, a number of warm-up epochs, a number of alternating ones. */
export interface OneShotStage {
  readonly name: string
  /** Epochs in which the weights alone are trained, on architectures that the policy has no say in. */
  readonly warmUpEpochs: number
  /** Epochs of weight steps followed by policy steps. */
  readonly epochs: number
  readonly facts: Readonly<Record<string, Json>>
}

/** An epoch's place in the search. */
export interface OneShotEpoch {
  readonly stage: number
  /** Epochs before it, of all stages: names its randomness. */
  readonly index: number
  readonly warmUp: boolean
}

/** Steps of both kinds that a search has taken. */
export interface OneShotSteps {
  readonly weights: number
  readonly policy: number
}

/** What a one-shot method does at the places of the loop. Steps are async iterables of their metrics. */
export interface OneShotMethod {
  readonly stages: readonly OneShotStage[]
  /** Epochs done before this process. */
  readonly done: number
  /** Steps done before this process, so that progress counts on. Default 0. */
  readonly before?: OneShotSteps
  /** Called before a stage's first epoch, also when going on in the middle of it. */
  enter(stage: number): void
  weights(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /** Absent in methods whose policy is not trained beside the weights. */
  policy?(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /**
   * Called after each epoch with the steps taken in all; a file name says that a checkpoint was written.
   */
  saved?(done: number, last: boolean, steps: OneShotSteps): Promise<string | undefined>
  /** Whatever a method says and tries at a stage's end. */
  derive?(stage: number, last: boolean): AsyncIterable<EventDraft>
}

export interface AlternateOptions {
  /** Steps a progress event stands for; it carries the means of their metrics. Default 50. */
  readonly reportEvery?: number
}

const alternateNames = optionNames<AlternateOptions>('alternate', { reportEvery: true })

/**
 * The stock loop of one-shot methods: for each stage, warm up the shared weights, then alternate epochs of weight and
 * policy steps; derive at its end. Time that is spent ends the training, not the derivation.
 */
export async function* alternate<A>(
  method: OneShotMethod,
  { signal, spent }: Pick<AlgorithmParts<A>, 'signal' | 'spent'>,
  given: AlternateOptions = {},
): AsyncGenerator<EventDraft, FinishReason, void> {
  const { reportEvery = 50 } = alternateNames(given)
  const steps = { 'weights.progress': method.before?.weights ?? 0, 'policy.progress': method.before?.policy ?? 0 }
  async function* reported(
    type: keyof typeof steps,
    iterable: AsyncIterable<Metrics>,
  ): AsyncGenerator<EventDraft, void, void> {
    // Not every step has every metric.
    const means = stepMeans()
    const report = (): EventDraft => ({ type, step: steps[type], metrics: means.take() })
    for await (const metrics of iterable) {
      if (signal.aborted) break
      steps[type]++
      means.add(metrics)
      if (means.count === reportEvery) yield report()
      // A time budget is looked at after every step: epochs may be long.
      if (spent() === 'time') {
        late = true
        break
      }
      // Steps may end without waiting for anything: no timer, signal or display would ever have its turn.
      await nextTurn()
    }
    if (means.count > 0) yield report()
  }

  let before = 0
  let late = false
  let reason: FinishReason = 'algorithm'
  for (const [index, stage] of method.stages.entries()) {
    const total = stage.warmUpEpochs + stage.epochs
    const end = before + total
    const last = index === method.stages.length - 1
    if (method.done >= end && !last) {
      before = end
      continue
    }
    method.enter(index)
    yield { type: 'stage.started', stage: stage.name, index, facts: stage.facts }
    for (let epoch = Math.max(before, method.done); epoch < end; epoch++) {
      const place: OneShotEpoch = { stage: index, index: epoch, warmUp: epoch - before < stage.warmUpEpochs }
      yield* reported('weights.progress', method.weights(place))
      if (!place.warmUp && method.policy && !signal.aborted && !late)
        yield* reported('policy.progress', method.policy(place))
      if (signal.aborted) return 'algorithm'
      // An epoch that was cut short is not saved: a resumed search trains it whole.
      if (late) {
        reason = 'time'
        break
      }
      const file = await method.saved?.(epoch + 1, last && epoch + 1 === end, {
        weights: steps['weights.progress'],
        policy: steps['policy.progress'],
      })
      if (file !== undefined) yield { type: 'checkpoint.written', step: epoch + 1, file }
      const why = spent()
      if (why === 'time') {
        reason = why
        break
      }
    }
    before = end
    if (method.derive) yield* method.derive(index, last || reason !== 'algorithm')
    if (signal.aborted || reason !== 'algorithm') return reason
  }
  return reason
}
