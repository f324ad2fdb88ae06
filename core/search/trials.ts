import type { Controller, Given, Observation, Proposal } from '../controller.ts'
import type { Random } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from './errors.ts'
import type { Outcome } from './evaluate.ts'
import type { EventDraft, SearchEvent } from './events.ts'
import { gainsOf, isFeasible, type ResolvedObjective, rewardOf } from './objective.ts'

interface Ended {
  readonly reward?: number
  readonly metrics: Readonly<Record<string, number>>
}

interface Open {
  readonly proposal: Proposal
  readonly seed: number
  ended?: Ended
}

/** A proposed trial that has no result yet. */
export interface Pending {
  readonly trial: number
  readonly proposal: Proposal
  readonly seed: number
}

/**
 * Numbers, seeds and the order of commits of trials. Randomness of trial k depends on (search seed, k) only,
 * so a resumed or a parallel search proposes exactly what an uninterrupted one would.
 */
export class Trials<A = unknown> {
  readonly #space: SearchSpace<A>
  readonly #objectives: readonly ResolvedObjective[]
  readonly #controller: Controller | undefined
  readonly #rng: Random
  readonly #open = new Map<number, Open>()
  #next = 0

  constructor(
    space: SearchSpace<A>,
    objectives: readonly ResolvedObjective[],
    controller: Controller | undefined,
    rng: Random,
  ) {
    this.#space = space
    this.#objectives = objectives
    this.#controller = controller
    this.#rng = rng
  }

  /** Trials proposed so far. */
  get count(): number {
    return this.#next
  }

  /** Proposed trials without a result, in order of proposal. */
  get pending(): readonly Pending[] {
    return [...this.#open]
      .filter(([, open]) => !open.ended)
      .map(([trial, { proposal, seed }]) => ({ trial, proposal, seed }))
  }

  /** The longest run of ended trials, from the oldest open one, that the controller has not been told of. */
  get committable(): readonly number[] {
    const ready: number[] = []
    for (const [trial, open] of this.#open) {
      if (!open.ended) break
      ready.push(trial)
    }
    return ready
  }

  /** Trials proposed but not committed. */
  get uncommitted(): number {
    return this.#open.size
  }

  get exhausted(): boolean {
    return this.#controller?.exhausted === true
  }

  /** Ask the controller for the next trial. */
  propose(given?: Given): EventDraft & { type: 'trial.proposed' } {
    const rng = this.#rng.fork(`propose/${this.#next}`)
    const proposal = this.#controller?.propose(rng, given) ?? { genotype: this.#space.random(rng) }
    return this.open(proposal, given)
  }

  /** Open a trial for a proposal made elsewhere (a generator of its own, a user's choice). */
  open(proposal: Proposal, given?: Given): EventDraft & { type: 'trial.proposed' } {
    const trial = this.#next
    const valid = this.#space.validate(proposal.genotype)
    if (!valid.ok)
      throw error(
        'ARCHLOOM_CONTROLLER_PROPOSAL_INVALID',
        { trial, reason: valid.error.message },
        { cause: valid.error },
      )
    const seed = this.#rng.fork(`trial/${trial}`).tensorSeed()
    this.#next++
    this.#open.set(trial, { proposal, seed })
    return {
      type: 'trial.proposed',
      trial,
      genotype: proposal.genotype,
      seed,
      ...(proposal.logProbability !== undefined && { logProbability: proposal.logProbability }),
      ...(proposal.context !== undefined && { context: proposal.context }),
      ...(given && { given }),
    }
  }

  /** Record a trial's outcome. */
  end(trial: number, outcome: Outcome, elapsedMs: number): EventDraft & { type: 'trial.completed' | 'trial.failed' } {
    const open = this.#open.get(trial)
    if (!open || open.ended) throw error('ARCHLOOM_SEARCH_TRIAL_UNKNOWN', { trial })
    const { genotype } = open.proposal
    if (!outcome.ok) {
      open.ended = { metrics: {} }
      return {
        type: 'trial.failed',
        trial,
        genotype,
        reason: outcome.reason,
        code: outcome.code,
        message: outcome.message,
        elapsedMs,
      }
    }
    const { metrics, simulatedSeconds } = outcome.evaluation
    const reward = rewardOf(this.#objectives, metrics)
    open.ended = { metrics, reward }
    const feasible = isFeasible(this.#objectives, metrics)
    return {
      type: 'trial.completed',
      trial,
      genotype,
      metrics,
      reward,
      feasible,
      ...(simulatedSeconds !== undefined && { simulatedSeconds }),
      elapsedMs,
    }
  }

  /** Tell the controller of ended trials, in the given order. */
  commit(trials: readonly number[]): EventDraft & { type: 'controller.updated' } {
    const observations: Observation[] = trials.map((trial) => {
      const open = this.#open.get(trial)
      if (!open?.ended) throw error('ARCHLOOM_SEARCH_TRIAL_UNKNOWN', { trial })
      const { reward, metrics } = open.ended
      return {
        trial,
        proposal: open.proposal,
        metrics,
        objectives: reward === undefined ? [] : gainsOf(this.#objectives, metrics),
        ...(reward !== undefined && { reward }),
      }
    })
    for (const trial of trials) this.#open.delete(trial)
    return { type: 'controller.updated', trials, diagnostics: this.#controller?.observe(observations) ?? {} }
  }

  /**
   * Bring a fresh controller to where a journal ends, by repeating what it was asked and told.
   * Returns the number of the first trial whose proposal differs from the journal's, if any.
   */
  replay(event: SearchEvent): number | undefined {
    if (event.type === 'trial.proposed') {
      // Without a controller, the algorithm chose: it will know where it stands.
      if (!this.#controller) {
        const { genotype, logProbability, context } = event
        this.open(
          {
            genotype,
            ...(logProbability !== undefined && { logProbability }),
            ...(context !== undefined && { context }),
          },
          event.given,
        )
        return undefined
      }
      const again = this.propose(event.given)
      if (this.#space.format(again.genotype) !== this.#space.format(event.genotype)) return event.trial
    } else if (event.type === 'trial.completed') {
      const open = this.#open.get(event.trial)
      if (open) open.ended = { metrics: event.metrics, reward: event.reward }
    } else if (event.type === 'trial.failed') {
      const open = this.#open.get(event.trial)
      if (open) open.ended = { metrics: {} }
    } else if (event.type === 'controller.updated') this.commit(event.trials)
    return undefined
  }
}
