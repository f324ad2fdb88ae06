import { nextTurn } from '#platform'
import { optionNames } from '../options/index.ts'
import type { AlgorithmParts } from '../search/algorithm.ts'
import type { Json } from '../space/decision.ts'
import type { EventDraft, FinishReason } from '../trial/events.ts'
import { stepMeans } from './means.ts'

type Metrics = Readonly<Record<string, number>>

/** One stage of a one-shot method: a space, a number of warm-up epochs, and a number of alternating epochs. */
export interface OneShotStage {
  readonly name: string
  /** Epochs in which only the weights are trained, on architectures that do not depend on the policy. */
  readonly warmUpEpochs: number
  /** Epochs of weight steps followed by policy steps. */
  readonly epochs: number
  readonly facts: Readonly<Record<string, Json>>
}

/** An epoch's place in the search. */
export interface OneShotEpoch {
  readonly stage: number
  /** Number of epochs before it, over all stages. Its random numbers derive from it. */
  readonly index: number
  readonly warmUp: boolean
}

/** Weight steps and policy steps that a search has taken. */
export interface OneShotSteps {
  readonly weights: number
  readonly policy: number
}

/** The hooks that a one-shot method gives to the loop. `weights` and `policy` yield the metrics of each step. */
export interface OneShotMethod {
  readonly stages: readonly OneShotStage[]
  /** Epochs completed in earlier processes. */
  readonly done: number
  /** Steps taken in earlier processes; progress events continue their count. Default: 0. */
  readonly before?: OneShotSteps
  /** Called before the first epoch of a stage that this process runs, also if it resumes in the middle of the stage. */
  enter(stage: number): void
  weights(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /** Missing for methods whose policy is not trained together with the weights. */
  policy?(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /**
   * Called after each epoch with the total number of steps. Returns the name of the checkpoint file, if one was
   * written.
   */
  saved?(done: number, last: boolean, steps: OneShotSteps): Promise<string | undefined>
  /** Derives and evaluates architectures at the end of a stage; yields events. */
  derive?(stage: number, last: boolean): AsyncIterable<EventDraft>
}

export interface AlternateOptions {
  /** Number of steps per progress event, which carries the means of their metrics. Default: 50. */
  readonly reportEvery?: number
}

const alternateNames = optionNames<AlternateOptions>('alternate', { reportEvery: true })

/**
 * The stock loop of one-shot methods: for each stage, warm up the shared weights, then alternate epochs of weight and
 * policy steps; derive at its end. A spent time budget ends the training but not the derivation.
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
      // The time budget is checked after every step, because epochs may be long.
      if (spent() === 'time') {
        late = true
        break
      }
      // Steps may never await anything; without this turn no timer, signal handler or display would run.
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
      // An epoch that was cut short is not saved: a resumed search repeats it completely.
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
