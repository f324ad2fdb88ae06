import type { Proposal } from '../controller.ts'
import { error } from '../trial/errors.ts'
import type { Failure, Outcome } from '../trial/evaluate.ts'
import type { CommitMode, EventDraft, FinishReason } from '../trial/events.ts'
import type { Job } from '../trial/lifecycle.ts'
import type { Algorithm, AlgorithmParts } from './algorithm.ts'

interface Arrival {
  readonly job: Job
  readonly outcome: Outcome
  readonly elapsedMs: number
}

/** Rungs that may be started but not committed before the next one starts. */
const lagOf = (commit: CommitMode, concurrency: number): number => {
  if (commit === 'arrival') return Number.POSITIVE_INFINITY
  return commit === 'ordered' ? concurrency : Math.max(concurrency, commit.staleness)
}

/** Idle share above which the search says what the order of results costs. */
const WORTH_SAYING = 0.1
/** The same exception on so many first trials is a mistake in the program. */
const BROKEN_AFTER = 3

const sameError = (a: unknown, b: unknown): boolean => {
  const frame = (thrown: unknown) =>
    thrown instanceof Error ? (thrown.stack ?? '').split('\n').slice(0, 3).join() : ''
  return a instanceof Error && b instanceof Error && a.message === b.message && frame(a) === frame(b)
}

export interface AskTellOptions {
  /** Where proposals come from. Default: the search's controller. */
  readonly ask?: () => Proposal | 'exhausted'
}

/**
 * The loop of multi-trial methods: promote or propose → evaluate → observe, with up to `concurrency` rungs at once.
 *
 * How results reach the controller is the search's `commit`. In the ordered modes, rung k starts once rungs 0 … k − lag
 * are committed and none after, so that what the controller knows at each proposal depends on the lag only, never on
 * which evaluation happened to be quicker; the lag is the concurrency, or the staleness. On arrival, results are
 * committed as they come.
 */
export const askTell = <A>({ ask }: AskTellOptions = {}): Algorithm<A> =>
  async function* (parts) {
    const { clock, signal, concurrency, trials, spent, commit, evaluate, enqueued } = parts
    const lag = lagOf(commit, concurrency)
    let inbox: EventDraft[] = []
    let arrived: Arrival[] = []
    let wake = () => {}
    let running = 0
    const idle = { since: clock.now(), blockedMs: 0, began: clock.now(), blocked: false }
    const firstErrors: unknown[] = []
    let broken: Error | undefined

    const start = (job: Job) => {
      running++
      const began = clock.now()
      const publish = (draft: EventDraft) => {
        inbox.push(draft)
        wake()
      }
      void evaluate(job, publish).then((outcome) => {
        arrived.push({ job, outcome, elapsedMs: clock.now() - began })
        running--
        wake()
      })
    }
    /** Adds up how much worker time was lost to the order of results. */
    const account = (blocked: boolean) => {
      const now = clock.now()
      if (idle.blocked) idle.blockedMs += ((now - idle.since) * (concurrency - running)) / concurrency
      idle.since = now
      idle.blocked = blocked
    }

    /** The next rung to start, with the event that says so; or why there is none. */
    const next = (): EventDraft | 'wait' | 'done' => {
      const why = spent()
      if (why !== undefined && why !== 'trials') return 'done'
      const closed = trials.giveUp()
      if (closed) return closed
      const continued = trials.promote() ?? trials.startWaiting()
      if (continued) return continued
      if (why !== undefined) return 'done'
      if (ask) {
        const answer = ask()
        return answer === 'exhausted' ? 'done' : trials.open(answer)
      }
      const answer = trials.propose()
      return answer === 'exhausted' ? 'done' : answer
    }

    // After a resume: rungs that were under way are evaluated again.
    const interrupted = [...trials.pending]
    while (true) {
      let blocked = false
      for (let wanted = enqueued(); wanted; wanted = enqueued()) yield wanted
      // What is committed and proposed here is written at once; evaluations begin when it is.
      const batch: EventDraft[] = []
      const jobs: Job[] = []
      while (running + jobs.length < concurrency && !signal.aborted) {
        const again = interrupted.shift()
        if (again) {
          jobs.push(again)
          continue
        }
        if (commit === 'arrival') {
          const { untold } = trials
          if (untold.length > 0) batch.push(...trials.commit(untold))
        } else if (trials.uncommitted >= lag) {
          // Exactly one commit makes room for exactly one start, however many results are waiting.
          const [oldest] = trials.committable
          if (oldest === undefined) {
            blocked = true
            break
          }
          batch.push(...trials.commit([oldest]))
          continue
        }
        const draft = next()
        if (typeof draft === 'string') {
          // A scheduler may have more to continue, and a waiting controller more to propose, once it knows more.
          const [oldest] = trials.committable
          if (oldest !== undefined) {
            batch.push(...trials.commit([oldest]))
            continue
          }
          if (draft === 'wait' && running + jobs.length === 0 && trials.uncommitted === 0)
            throw error('ARCHLOOM_CONTROLLER_WAITS', { trials: trials.count })
          break
        }
        batch.push(draft)
        if (draft.type !== 'trial.pruned') jobs.push(trials.job((draft as EventDraft & { trial: number }).trial))
      }
      if (batch.length > 0) yield batch
      for (const job of jobs) start(job)
      account(blocked)
      if (running === 0 && arrived.length === 0 && inbox.length === 0) break
      if (inbox.length === 0 && arrived.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      account(idle.blocked)
      // Everything told so far precedes the ends of trials; told in one go, however much it is.
      const [news, done] = [inbox, arrived]
      inbox = []
      arrived = []
      const ends: EventDraft[] = [...news]
      for (const { job, outcome, elapsedMs } of done) {
        // A trial aborted by a stop has no result: it stays open and is evaluated again on resume.
        if (!outcome.ok && outcome.reason === 'aborted') continue
        const retried = trials.retry(job.trial, outcome)
        if (retried) {
          ends.push(retried)
          interrupted.push(trials.job(job.trial))
          continue
        }
        ends.push(trials.end(job.trial, outcome, elapsedMs))
        if (job.trial < BROKEN_AFTER) broken ??= brokenBy(outcome, firstErrors)
      }
      if (ends.length > 0) yield ends
      if (broken) throw broken
    }
    if (!signal.aborted) {
      const { untold } = trials
      for (const trial of commit === 'arrival' ? untold : trials.committable) yield* trials.commit([trial])
    }
    yield* saidCost(parts, idle)
    return spent() ?? 'exhausted'
  }

/** ARCHLOOM_EVALUATION_BROKEN when the first trials all failed with the same uncoded exception. */
function brokenBy(outcome: Outcome, errors: unknown[]): Error | undefined {
  const { thrown } = outcome as Failure
  errors.push(outcome.ok ? undefined : thrown)
  if (errors.length === BROKEN_AFTER && errors.every((each) => sameError(each, errors[0])))
    return error(
      'ARCHLOOM_EVALUATION_BROKEN',
      { message: (thrown as Error).message.slice(0, 500), trials: BROKEN_AFTER },
      { cause: thrown },
    )
  return undefined
}

/** What keeping results in order cost, if it was worth saying. */
function* saidCost(
  { clock, concurrency, commit }: Pick<AlgorithmParts, 'clock' | 'concurrency' | 'commit'>,
  { blockedMs, began }: { readonly blockedMs: number; readonly began: number },
): Iterable<EventDraft> {
  const share = blockedMs / Math.max(1, clock.now() - began)
  if (commit === 'arrival' || concurrency === 1 || share < WORTH_SAYING) return
  const wider = typeof commit === 'object' ? 4 * commit.staleness : 16 * concurrency
  yield {
    type: 'search.warning',
    code: 'ARCHLOOM_COMMIT_ORDER_COST',
    message: `keeping results in order left workers idle for ${Math.round(100 * share)} % of the time; commit: { staleness: ${wider} } or commit: 'arrival' would use it.`,
  }
}

/** The events of an algorithm one by one, for a method that looks at them on their way. */
export async function* oneByOne(events: ReturnType<Algorithm>): AsyncGenerator<EventDraft, FinishReason, void> {
  try {
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done) return next.value
      if ('type' in next.value) yield next.value
      else yield* next.value
    }
  } finally {
    await events.return('algorithm')
  }
}

/**
 * Measures architectures that a method derived as the trials of its search. Proposal k becomes trial k: after a resume,
 * those that were measured before are not measured again.
 */
export async function* measureTrials<A>(
  proposals: readonly Proposal[],
  parts: AlgorithmParts<A>,
): AsyncGenerator<EventDraft, FinishReason, void> {
  const spent = () => {
    // Time that is spent ends the training before, not the derivation.
    const why = parts.spent()
    return why === 'time' ? undefined : why
  }
  const ask = () => proposals[parts.trials.proposed] ?? 'exhausted'
  return yield* oneByOne(askTell<A>({ ask })({ ...parts, spent }))
}
