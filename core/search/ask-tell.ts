import type { Algorithm } from './algorithm.ts'
import { evaluateTrial, type Outcome } from './evaluate.ts'
import type { EventDraft } from './events.ts'
import type { Pending } from './trials.ts'

/**
 * The stock loop of multi-trial methods: propose → evaluate → observe.
 * With concurrency n, trial k is proposed once trials 0 … k − n are committed and none after: the controller's
 * knowledge at each proposal depends on n only, never on which evaluation happened to be quicker.
 */
export const askTell = <A>(options: { readonly required: readonly string[]; readonly trialMs: number }): Algorithm<A> =>
  async function* ({ space, evaluator, clock, signal, concurrency, trials, spent }) {
    const queue: EventDraft[] = []
    let wake = () => {}
    let running = 0
    const arrived: { pending: Pending; outcome: Outcome; elapsedMs: number }[] = []

    const start = (pending: Pending) => {
      running++
      const { trial, proposal, seed } = pending
      const began = clock.now()
      const request = {
        trial,
        genotype: proposal.genotype,
        architecture: space.decode(proposal.genotype),
        seed,
        fidelity: 1,
      }
      const report = (step: number, metrics: Readonly<Record<string, number>>) => {
        queue.push({ type: 'trial.progress', trial, step, metrics })
        wake()
      }
      let ended = false
      const guarded = (step: number, metrics: Readonly<Record<string, number>>) => {
        // A timed-out evaluation may still report: its trial is over.
        if (!ended) report(step, metrics)
      }
      void evaluateTrial(evaluator, request, { ...options, clock, signal, report: guarded }).then((outcome) => {
        ended = true
        arrived.push({ pending, outcome, elapsedMs: clock.now() - began })
        running--
        wake()
      })
    }

    // After a resume: trials that were under way are evaluated again.
    const interrupted = [...trials.pending]
    while (true) {
      while (running < concurrency && !signal.aborted) {
        const again = interrupted.shift()
        if (again) {
          start(again)
          continue
        }
        if (spent() !== undefined || trials.exhausted) break
        if (trials.uncommitted >= concurrency) {
          // Exactly one commit makes room for exactly one proposal, however many results are waiting.
          const [oldest] = trials.committable
          if (oldest === undefined) break
          yield trials.commit([oldest])
          continue
        }
        yield trials.propose()
        const pending = trials.pending.at(-1)
        if (pending) start(pending)
      }
      if (running === 0 && arrived.length === 0) break
      if (queue.length === 0 && arrived.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      while (queue.length > 0) yield queue.shift() as EventDraft
      for (let done = arrived.shift(); done; done = arrived.shift()) {
        // A trial aborted by a stop has no result: it stays open and is evaluated again on resume.
        if (!done.outcome.ok && done.outcome.reason === 'aborted') continue
        yield trials.end(done.pending.trial, done.outcome, done.elapsedMs)
      }
    }
    if (!signal.aborted) for (const trial of trials.committable) yield trials.commit([trial])
    return spent() ?? 'exhausted'
  }
