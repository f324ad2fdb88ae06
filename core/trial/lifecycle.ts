import type { Controller, Diagnostics, Given, Observation, Proposal } from '../controller.ts'
import type { Random } from '../random.ts'
import type { Scheduler, SchedulerReport, TrialStart } from '../scheduler.ts'
import type { Genotype, Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from './errors.ts'
import type { Outcome } from './evaluate.ts'
import type { EventDraft, SearchEvent, WarmTrial } from './events.ts'
import { gainsOf, isMeasured, type ResolvedObjective, rewardOf, violationOf } from './objective.ts'

type Metrics = Readonly<Record<string, number>>
type Draft<T extends EventDraft['type']> = EventDraft & { type: T }

/** The result of a rung that the controller has not received. */
interface Result {
  readonly metrics: Metrics
  readonly reward?: number
  readonly feasible: boolean
  readonly violation: number
  readonly pruned: boolean
  readonly failure?: Observation['failure']
}

interface Open {
  readonly proposal: Proposal
  readonly seed: number
  status: 'waiting' | 'running' | 'paused' | 'ended'
  rung: number
  fidelity: number
  attempts: number
  /** Retries of the running rung. */
  retries: number
  checkpoint?: SavedCheckpoint
  /** A result that the controller has not received. */
  result?: Result
  /** The last result that the controller has received, of a paused trial. */
  last?: Result
}

/** The artifact that an earlier rung left, and the fidelity that it stands for. */
export interface SavedCheckpoint {
  readonly name: string
  readonly fidelity: number
}

/** How a trial starts, with the checkpoint that it starts from. */
interface Start extends TrialStart {
  readonly checkpoint?: SavedCheckpoint
  /** Genotype of the trial that left the checkpoint. */
  readonly from?: Genotype
}

/** A rung that is to be evaluated. */
export interface Job {
  readonly trial: number
  readonly proposal: Proposal
  readonly seed: number
  readonly rung: number
  readonly fidelity: number
  readonly checkpoint?: SavedCheckpoint
}

export interface TrialsParts<A> {
  readonly space: SearchSpace<A>
  readonly objectives: readonly ResolvedObjective[]
  readonly controller: Controller | undefined
  readonly scheduler: Scheduler
  readonly rng: Random
  /** Attempts after a failure, per rung. */
  readonly retries?: number
  /** Throws for a fidelity that the evaluator cannot evaluate. */
  readonly checkFidelity?: (fidelity: number) => void
}

/** The artifact that a trial's rung leaves for the next one. */
export const checkpointName = (trial: number, rung: number): string => `checkpoints/trial-${trial}-rung-${rung}`

/**
 * The life of every trial: numbers, seeds, fidelities, states and the order of commits. Randomness of trial k depends on
 * (search seed, k) only, so a resumed or a parallel search proposes exactly what an uninterrupted one would.
 *
 * Methods that change a state return the event that records it. Publish this event before the next call.
 */
export class Trials<A = unknown> {
  readonly #parts: TrialsParts<A>
  readonly #open = new Map<number, Open>()
  /** Started rungs whose results the controller has not received, in the order in which they started. */
  readonly #uncommitted = new Set<number>()
  readonly #waiting: number[] = []
  #next = 0
  #enqueued = 0
  #exhausted = false
  #isWarm = false
  #finished = false
  /** Prunings that a replayed commit led to and the journal does not hold: it ends between the two. */
  readonly #owed = new Map<number, Draft<'trial.pruned'>>()
  /** The scheduler's answer for a trial that has not started. */
  #admitted: { readonly trial: number; readonly start: Start } | undefined

  constructor(parts: TrialsParts<A>) {
    this.#parts = parts
  }

  /** Trials so far. */
  get count(): number {
    return this.#next
  }

  /** Trials so far without those that a person enqueued. */
  get proposed(): number {
    return this.#next - this.#enqueued
  }

  /** Started rungs without a result, in the order in which they started. */
  get pending(): readonly Job[] {
    const jobs: Job[] = []
    for (const trial of this.#uncommitted) {
      const open = this.#open.get(trial)!
      if (open.status === 'running') jobs.push(this.#job(trial, open))
    }
    return jobs
  }

  /** The longest sequence of results, from the oldest uncommitted rung, that the controller has not received. */
  get committable(): readonly number[] {
    const ready: number[] = []
    for (const trial of this.#uncommitted) {
      if (!this.#open.get(trial)!.result) break
      ready.push(trial)
    }
    return ready
  }

  /** Every trial with a result that the controller has not received. */
  get untold(): readonly number[] {
    return [...this.#uncommitted].filter((trial) => this.#open.get(trial)!.result)
  }

  /** Started rungs that are not committed. */
  get uncommitted(): number {
    return this.#uncommitted.size
  }

  /** Trials that a person enqueued and that have not started. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether the controller was told of results of elsewhere. */
  get isWarm(): boolean {
    return this.#isWarm
  }

  get exhausted(): boolean {
    return this.#exhausted || this.#parts.controller?.exhausted === true
  }

  #job(trial: number, { proposal, seed, rung, fidelity, checkpoint }: Open): Job {
    return { trial, proposal, seed, rung, fidelity, ...(checkpoint && { checkpoint }) }
  }

  /** The running rung of a trial. Error: ARCHLOOM_SEARCH_TRIAL_UNKNOWN. */
  job(trial: number): Job {
    const open = this.#open.get(trial)
    if (open?.status !== 'running') throw error('ARCHLOOM_SEARCH_TRIAL_UNKNOWN', { trial })
    return this.#job(trial, open)
  }

  /** Whether a later rung may continue the trial's running one. */
  mayContinue(trial: number): boolean {
    return (this.#open.get(trial)?.fidelity ?? 1) < 1
  }

  /** Continues the paused trial that the scheduler promotes, if any. */
  promote(): Draft<'trial.continued'> | undefined {
    // The trial whose checkpoint the next one starts from must rest until then.
    if (this.#admitted?.start.checkpoint) return undefined
    const promotion = this.#parts.scheduler.promote?.()
    if (!promotion) return undefined
    const { trial, fidelity } = promotion
    const open = this.#open.get(trial)
    if (open?.status !== 'paused' || open.result)
      throw error('ARCHLOOM_SCHEDULER_TRIAL', { trial, status: open?.status ?? 'no open trial' })
    if (!(fidelity > open.fidelity && fidelity <= 1))
      throw error('ARCHLOOM_SCHEDULER_FIDELITY', { trial, received: fidelity, after: open.fidelity })
    this.#parts.checkFidelity?.(fidelity)
    return this.#continue(trial, open, open.rung + 1, fidelity)
  }

  /** Closes a paused trial that the scheduler will never promote, if any. */
  giveUp(): Draft<'trial.pruned'> | undefined {
    const trial = this.#parts.scheduler.giveUp?.()
    if (trial === undefined) return undefined
    const open = this.#open.get(trial)
    if (open?.status !== 'paused' || open.result || !open.last)
      throw error('ARCHLOOM_SCHEDULER_TRIAL', { trial, status: open?.status ?? 'no open trial' })
    return this.#prunePaused(trial, open, open.last)
  }

  /**
   * Tells the scheduler that no trial will start any more. Returns false if it was told since the last start or does not
   * listen. The call is not recorded: a replay repeats it where the journal holds what only a finished scheduler promotes or
   * gives up.
   */
  finish(): boolean {
    if (this.#finished || !this.#parts.scheduler.finish) return false
    this.#finished = true
    // The controller may have had no proposal for a trial that the scheduler admitted.
    this.#admitted = undefined
    this.#parts.scheduler.finish(this.#next)
    return true
  }

  #prunePaused(trial: number, open: Open, result: Result): Draft<'trial.pruned'> {
    const { metrics, reward, feasible, violation } = result
    this.#open.delete(trial)
    return {
      type: 'trial.pruned',
      trial,
      genotype: open.proposal.genotype,
      by: 'scheduler',
      rung: open.rung,
      fidelity: open.fidelity,
      metrics,
      ...(reward !== undefined && { reward }),
      feasible,
      ...(violation > 0 && { violation }),
      elapsedMs: 0,
    }
  }

  #continue(trial: number, open: Open, rung: number, fidelity: number): Draft<'trial.continued'> {
    open.status = 'running'
    open.rung = rung
    open.fidelity = fidelity
    open.attempts++
    open.retries = 0
    this.#uncommitted.add(trial)
    return { type: 'trial.continued', trial, rung, fidelity }
  }

  /** Starts the next trial that a person enqueued, if any. */
  startWaiting(): Draft<'trial.continued'> | undefined {
    const trial = this.#waiting[0]
    if (trial === undefined) return undefined
    const start = this.#admit(trial)
    if (start === 'wait') return undefined
    this.#waiting.shift()
    this.#admitted = undefined
    const open = this.#open.get(trial)!
    if (start.checkpoint) open.checkpoint = start.checkpoint
    return { ...this.#continue(trial, open, 0, start.fidelity), ...originOf(start) }
  }

  /** How a trial starts. Errors: ARCHLOOM_SCHEDULER_FIDELITY, ARCHLOOM_SCHEDULER_CHECKPOINT. */
  #startOf(trial: number): Start | 'wait' {
    const answer = this.#parts.scheduler.start?.(trial) ?? 1
    if (answer === 'wait') return answer
    const { fidelity, checkpointOf: from } = typeof answer === 'number' ? { fidelity: answer } : answer
    if (!(fidelity > 0 && fidelity <= 1))
      throw error('ARCHLOOM_SCHEDULER_FIDELITY', { trial, received: fidelity, after: 0 })
    this.#parts.checkFidelity?.(fidelity)
    if (from === undefined) return { fidelity }
    const open = this.#open.get(from)
    const refuse = (status: string) => error('ARCHLOOM_SCHEDULER_CHECKPOINT', { trial, from, status })
    if (open?.status !== 'paused') throw refuse(`is ${open?.status ?? 'no open trial'}`)
    const { checkpoint, proposal } = open
    if (!checkpoint) throw refuse('has none')
    if (checkpoint.fidelity >= fidelity)
      throw refuse(`has one of fidelity ${checkpoint.fidelity}, while trial ${trial} starts at ${fidelity}`)
    return { fidelity, checkpointOf: from, checkpoint, from: proposal.genotype }
  }

  /** How a trial starts. The scheduler is asked once, and its answer is kept until the trial has started. */
  #admit(trial = this.#next): Start | 'wait' {
    if (this.#admitted?.trial === trial) return this.#admitted.start
    this.#finished = false
    const start = this.#startOf(trial)
    if (start !== 'wait') this.#admitted = { trial, start }
    return start
  }

  /**
   * Asks the controller for the next trial. Returns 'wait' if the controller or the scheduler needs outstanding
   * results first. Errors: ARCHLOOM_CONTROLLER_PROPOSAL_INVALID, ARCHLOOM_SCHEDULER_FIDELITY,
   * ARCHLOOM_SCHEDULER_CHECKPOINT.
   */
  propose(condition?: Given): Draft<'trial.proposed'> | 'wait' | 'exhausted' {
    if (this.exhausted) return 'exhausted'
    const start = this.#admit()
    if (start === 'wait') return 'wait'
    const given = start.from ? { from: start.from, ...condition } : condition
    const rng = this.#parts.rng.fork(`propose/${this.#next}`)
    const answer = this.#parts.controller?.propose(rng, given) ?? { genotype: this.#parts.space.random(rng) }
    if (answer === 'exhausted') this.#exhausted = true
    return typeof answer === 'string' ? answer : this.open(answer, given)
  }

  /**
   * Tell the controller of results of elsewhere, before the first trial. They are no trials of this search: their numbers
   * are −1, −2, …, the scheduler does not hear of them, and they are never its best.
   */
  warm(from: string, trials: readonly WarmTrial[]): Draft<'controller.warmed'> {
    const { objectives, controller } = this.#parts
    this.#isWarm = true
    const observations = trials.map(({ genotype, metrics, fidelity = 1 }, i): Observation => {
      const violation = violationOf(objectives, metrics)
      return {
        trial: -1 - i,
        proposal: { genotype },
        metrics,
        reward: rewardOf(objectives, metrics),
        objectives: gainsOf(objectives, metrics),
        feasible: violation === 0,
        violation,
        fidelity,
      }
    })
    return { type: 'controller.warmed', from, trials, diagnostics: finiteOf(controller?.observe(observations)) }
  }

  /** Open a trial for a proposal made elsewhere (an algorithm's own generator, a user's choice) and start it. */
  open(proposal: Proposal, given?: Given): Draft<'trial.proposed'> {
    const admitted = this.#admit()
    const start = admitted === 'wait' ? { fidelity: 1 } : admitted
    const draft = { ...this.#add(proposal, given, start.fidelity), ...originOf(start) }
    this.#admitted = undefined
    const { trial } = draft
    const open = this.#open.get(trial)!
    if (start.checkpoint) open.checkpoint = start.checkpoint
    open.status = 'running'
    open.attempts = 1
    this.#uncommitted.add(trial)
    return draft
  }

  /** Opens a trial that waits to be started; it starts before the controller is asked again. */
  enqueue(proposal: Proposal): Draft<'trial.proposed'> {
    const draft = this.#add(proposal, undefined, 1)
    this.#waiting.push(draft.trial)
    this.#enqueued++
    return { ...draft, enqueued: true }
  }

  #add(proposal: Proposal, given: Given | undefined, fidelity: number): Draft<'trial.proposed'> {
    const { space, rng } = this.#parts
    const trial = this.#next
    const valid = space.validate(proposal.genotype)
    if (!valid.ok)
      throw error(
        'ARCHLOOM_CONTROLLER_PROPOSAL_INVALID',
        { trial, reason: valid.error.message },
        { cause: valid.error },
      )
    const seed = rng.fork(`trial/${trial}`).tensorSeed()
    this.#next++
    this.#open.set(trial, { proposal, seed, status: 'waiting', rung: 0, fidelity, attempts: 0, retries: 0 })
    return {
      type: 'trial.proposed',
      trial,
      genotype: proposal.genotype,
      architecture: space.decode(proposal.genotype) as Json,
      seed,
      ...(fidelity !== 1 && { fidelity }),
      ...(proposal.logProbability !== undefined && { logProbability: proposal.logProbability }),
      ...(proposal.context !== undefined && { context: proposal.context }),
      ...(given && { given }),
    }
  }

  /** After a replay: events that follow from the journal's last one and were not written. */
  takeOwed(): readonly Draft<'trial.pruned'>[] {
    const owed = [...this.#owed.values()]
    this.#owed.clear()
    return owed
  }

  /** A session begins: rungs that were under way are evaluated again from their start. */
  restartRunning(): void {
    for (const [trial, { status }] of this.#open) if (status === 'running') this.#parts.scheduler.restart?.(trial)
  }

  /** Passes a report from inside a trial to the scheduler. */
  progress(trial: number, step: number, metrics: Metrics): 'continue' | 'stop' {
    const open = this.#open.get(trial)
    if (open?.status !== 'running') return 'stop'
    const decision = this.#parts.scheduler.report(trial, { ...this.#report(open, metrics, false), step })
    return decision === 'stop' ? 'stop' : 'continue'
  }

  #report({ rung, fidelity }: Open, metrics: Metrics, ended: boolean): SchedulerReport {
    const { objectives } = this.#parts
    const measured = isMeasured(objectives, metrics)
    const violation = violationOf(objectives, metrics)
    return {
      rung,
      fidelity,
      metrics,
      ...(measured && { reward: rewardOf(objectives, metrics) }),
      objectives: measured ? gainsOf(objectives, metrics) : [],
      feasible: violation === 0,
      violation,
      ended,
    }
  }

  /** The event of a retry, if the failure of a running trial is to be retried. */
  retry(trial: number, outcome: Outcome): Draft<'trial.retried'> | undefined {
    const open = this.#open.get(trial)
    const mayRetry = !outcome.ok && outcome.reason !== 'aborted' && outcome.reason !== 'invalid'
    if (!mayRetry || open?.status !== 'running' || open.retries >= (this.#parts.retries ?? 0)) return undefined
    open.attempts++
    open.retries++
    this.#parts.scheduler.restart?.(trial)
    const { reason, code, message } = outcome
    return { type: 'trial.retried', trial, attempt: open.attempts, reason, code, message }
  }

  /** Records the outcome of a trial's running rung. Error: ARCHLOOM_SEARCH_TRIAL_UNKNOWN. */
  end(
    trial: number,
    outcome: Outcome,
    elapsedMs: number,
  ): Draft<'trial.completed' | 'trial.paused' | 'trial.pruned' | 'trial.failed'> {
    const open = this.#open.get(trial)
    if (open?.status !== 'running') throw error('ARCHLOOM_SEARCH_TRIAL_UNKNOWN', { trial })
    const { genotype } = open.proposal
    const { rung, fidelity } = open
    if (!outcome.ok) {
      const { reason, code, message, stack } = outcome
      open.status = 'ended'
      open.result = failedResult({ reason, code, message })
      return {
        type: 'trial.failed',
        trial,
        genotype,
        reason,
        code,
        message,
        ...(stack !== undefined && { stack }),
        elapsedMs,
      }
    }
    const { metrics, simulatedSeconds } = outcome.evaluation
    const pruned = outcome.pruned !== undefined
    const result = this.#resultOf(metrics, pruned)
    const { feasible, violation, reward } = result
    open.result = result
    const rest = {
      feasible,
      ...(violation > 0 && { violation }),
      ...(simulatedSeconds !== undefined && { simulatedSeconds }),
      elapsedMs,
    }
    if (outcome.pruned) {
      open.status = 'ended'
      return {
        type: 'trial.pruned',
        trial,
        genotype,
        by: outcome.pruned,
        rung,
        fidelity,
        metrics,
        ...(reward !== undefined && { reward }),
        ...rest,
      }
    }
    const point = { trial, genotype, metrics, reward: reward! }
    if (fidelity === 1) {
      open.status = 'ended'
      return { type: 'trial.completed', ...point, ...rest }
    }
    open.status = 'paused'
    const checkpoint = outcome.checkpoint && checkpointName(trial, rung)
    if (checkpoint !== undefined) open.checkpoint = { name: checkpoint, fidelity }
    return { type: 'trial.paused', ...point, rung, fidelity, ...(checkpoint !== undefined && { checkpoint }), ...rest }
  }

  #resultOf(metrics: Metrics, pruned: boolean): Result {
    const { objectives } = this.#parts
    const violation = violationOf(objectives, metrics)
    return {
      metrics,
      ...(isMeasured(objectives, metrics) && { reward: rewardOf(objectives, metrics) }),
      feasible: violation === 0,
      violation,
      pruned,
    }
  }

  /**
   * Passes results to the controller and the scheduler, in the given order. Returns `controller.updated`, then
   * `trial.pruned` for every paused trial that the scheduler gives up.
   */
  commit(trials: readonly number[]): readonly [Draft<'controller.updated'>, ...Draft<'trial.pruned'>[]] {
    const { controller, scheduler } = this.#parts
    const observations = trials.map((trial) => this.#observation(trial))
    const pruned: Draft<'trial.pruned'>[] = []
    for (const trial of trials) {
      const open = this.#open.get(trial)!
      const result = open.result!
      const { metrics } = result
      const ended = open.status === 'ended'
      const decision = scheduler.report(trial, this.#report(open, metrics, ended))
      delete open.result
      this.#uncommitted.delete(trial)
      if (ended) this.#open.delete(trial)
      else if (decision === 'stop') pruned.push(this.#prunePaused(trial, open, result))
      else open.last = result
    }
    return [{ type: 'controller.updated', trials, diagnostics: finiteOf(controller?.observe(observations)) }, ...pruned]
  }

  #observation(trial: number): Observation {
    const open = this.#open.get(trial)
    if (!open?.result) throw error('ARCHLOOM_SEARCH_TRIAL_UNKNOWN', { trial })
    const { reward, metrics, feasible, violation, pruned, failure } = open.result
    return {
      trial,
      proposal: open.proposal,
      metrics,
      objectives: reward === undefined ? [] : gainsOf(this.#parts.objectives, metrics),
      ...(reward !== undefined && { reward }),
      feasible,
      violation,
      fidelity: open.fidelity,
      ...(pruned && { pruned }),
      ...(failure && { failure }),
    }
  }

  /**
   * Brings a new controller and scheduler to the end of a journal by repeating the calls of the recorded search.
   * Returns the number of the first trial that differs from the journal, if any.
   */
  replay(event: SearchEvent): number | undefined {
    switch (event.type) {
      case 'trial.proposed':
        return this.#replayProposal(event)
      case 'trial.continued': {
        const again = event.rung === 0 ? this.startWaiting() : this.#finishing(() => this.promote())
        return again?.trial === event.trial && again.fidelity === event.fidelity ? undefined : event.trial
      }
      case 'trial.progress':
        this.progress(event.trial, event.step, event.metrics)
        return undefined
      case 'trial.retried': {
        const open = this.#open.get(event.trial)
        if (open) {
          open.attempts = event.attempt
          open.retries++
        }
        this.#parts.scheduler.restart?.(event.trial)
        return undefined
      }
      case 'search.resumed':
        this.restartRunning()
        return undefined
      case 'trial.pruned':
        if (this.#owed.delete(event.trial)) return undefined
        if (this.#open.get(event.trial)?.status === 'paused')
          return this.#finishing(() => this.giveUp())?.trial === event.trial ? undefined : event.trial
        this.#replayResult(event)
        return undefined
      case 'trial.paused':
      case 'trial.completed':
      case 'trial.failed':
        this.#replayResult(event)
        return undefined
      case 'controller.warmed':
        this.warm(event.from, event.trials)
        return undefined
      case 'controller.updated': {
        const [, ...pruned] = this.commit(event.trials)
        for (const draft of pruned) this.#owed.set(draft.trial, draft)
        return undefined
      }
      default:
        return undefined
    }
  }

  /** Of a scheduler that has nothing to name: once more after it is told that no trial will start. */
  #finishing<T>(ask: () => T | undefined): T | undefined {
    return ask() ?? (this.finish() ? ask() : undefined)
  }

  #replayProposal(event: SearchEvent & { type: 'trial.proposed' }): number | undefined {
    const { genotype, logProbability, context, given, enqueued } = event
    const proposal = {
      genotype,
      ...(logProbability !== undefined && { logProbability }),
      ...(context !== undefined && { context }),
    }
    if (enqueued) {
      this.enqueue(proposal)
      return undefined
    }
    // Without a controller, the algorithm made the proposal and restores its own state.
    const again = this.#parts.controller ? this.propose(given) : this.open(proposal, given)
    if (typeof again === 'string') return event.trial
    const { space } = this.#parts
    return space.format(again.genotype) === space.format(genotype) ? undefined : event.trial
  }

  #replayResult(
    event: SearchEvent & { type: 'trial.paused' | 'trial.completed' | 'trial.pruned' | 'trial.failed' },
  ): void {
    const open = this.#open.get(event.trial)
    if (open?.status !== 'running') return
    if (event.type === 'trial.failed') {
      const { reason, code, message } = event
      open.status = 'ended'
      open.result = failedResult({ reason, code, message })
      return
    }
    open.status = event.type === 'trial.paused' ? 'paused' : 'ended'
    open.result = this.#resultOf(event.metrics, event.type === 'trial.pruned')
    if (event.type === 'trial.paused' && event.checkpoint !== undefined)
      open.checkpoint = { name: event.checkpoint, fidelity: event.fidelity }
  }
}

const originOf = ({ checkpointOf }: Start) => (checkpointOf === undefined ? {} : { checkpointOf })

const failedResult = (failure: NonNullable<Observation['failure']>): Result => ({
  metrics: {},
  feasible: true,
  violation: 0,
  pruned: false,
  failure,
})

/** What an event can hold of diagnostics. A number that an infinite reward has made infinite ends no search. */
const finiteOf = (diagnostics: Diagnostics = {}): Diagnostics =>
  Object.fromEntries(
    Object.entries(diagnostics).filter(([, value]) => typeof value !== 'number' || Number.isFinite(value)),
  )
