import { holdTime } from '../clock.ts'
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

/** How many started rungs may be uncommitted when the next one starts. */
const lagOf = (commit: CommitMode, concurrency: number): number => {
  if (commit === 'arrival') return Number.POSITIVE_INFINITY
  return commit === 'ordered' ? concurrency : Math.max(concurrency, commit.staleness)
}

/** Idle share above which a warning says what keeping results in order costs. */
const WORTH_SAYING = 0.1
/** If this many first trials all throw the same exception, the program is considered broken. */
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
 * How results reach the controller is the search's `commit`. In the ordered modes, rung k starts when exactly the
 * rungs 0 … k − lag are committed, where the lag is the concurrency or the staleness. What the controller knows at
 * each proposal then depends on the lag only, never on which evaluation was faster. In the mode 'arrival', results are
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
    /** Adds up how much worker time was lost by keeping results in order. */
    const account = (blocked: boolean) => {
      const now = clock.now()
      if (idle.blocked) idle.blockedMs += ((now - idle.since) * (concurrency - running)) / concurrency
      idle.since = now
      idle.blocked = blocked
    }

    /** Starts the next rung and returns its event, or returns why there is none; 'done': no trial will start any more. */
    const next = (): EventDraft | 'wait' | 'stop' | 'done' => {
      const why = spent()
      if (why !== undefined && why !== 'trials') return 'stop'
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

    // After a resume, rungs that were being evaluated are evaluated again.
    const interrupted = [...trials.pending]
    holdTime(clock, true)
    try {
      while (true) {
        let blocked = false
        for (let wanted = enqueued(); wanted; wanted = enqueued()) yield wanted
        // The events of one round are written together; evaluations begin once they are written.
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
            // Each commit makes room for exactly one start, however many results are waiting.
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
            // After a commit, a scheduler may have more trials to continue, and a waiting controller more to propose.
            const [oldest] = trials.committable
            if (oldest !== undefined) {
              batch.push(...trials.commit([oldest]))
              continue
            }
            if (draft === 'done' && running + jobs.length === 0 && trials.uncommitted === 0 && trials.finish()) continue
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
            holdTime(clock, false)
          })
        holdTime(clock, true)
        account(idle.blocked)
        // Events from inside trials precede the ends of trials; they are published together.
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
    } finally {
      holdTime(clock, false)
    }
  }

/** Returns ARCHLOOM_EVALUATION_BROKEN if the first trials all failed with the same uncoded exception. */
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

/** A warning about the cost of keeping results in order, if it was high. */
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
    message: `keeping results in order left workers idle for ${Math.round(100 * share)} % of the time; commit: { staleness: ${wider} } or commit: 'arrival' would use that time.`,
  }
}

/** Yields the events of an algorithm one by one, for a method that inspects them. */
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
 * Evaluates the architectures that a method derived, as trials of its search. Proposal k becomes trial k: after a
 * resume, those that were measured before are not measured again.
 */
export async function* measureTrials<A>(
  proposals: readonly Proposal[],
  parts: AlgorithmParts<A>,
): AsyncGenerator<EventDraft, FinishReason, void> {
  const spent = () => {
    // A spent time budget ends the training before this point, not the derivation.
    const why = parts.spent()
    return why === 'time' ? undefined : why
  }
  const ask = () => proposals[parts.trials.proposed] ?? 'exhausted'
  return yield* oneByOne(askTell<A>({ ask })({ ...parts, spent }))
}
