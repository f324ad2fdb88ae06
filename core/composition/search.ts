import type { Observable } from 'rxjs'
import type { Given } from '../controller.ts'
import { quote } from '../errors.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import { askTell } from '../search/ask-tell.ts'
import type { ResolvedBudget } from '../search/budget.ts'
import { spentReason } from '../search/budget.ts'
import { error as searchError } from '../search/errors.ts'
import type { Outcome } from '../search/evaluate.ts'
import {
  type EventOf,
  type FailureReason,
  failureReasons,
  type SearchEvent,
  type SearchEventType,
  type TrialPoint,
} from '../search/events.ts'
import { run } from '../search/run.ts'
import type { SearchState } from '../search/state.ts'
import { EventStream } from '../search/stream.ts'
import { Trials } from '../search/trials.ts'
import type { Genotype, Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { error as studyError } from '../study/errors.ts'
import type { Network } from '../trainer.ts'
import { VERSION } from '../version.ts'
import type { Composition } from './compose.ts'
import { cite, describe } from './describe.ts'
import { error } from './errors.ts'
import type { Plugin } from './plugin.ts'
import {
  ALGORITHM,
  BUDGET,
  CLOCK,
  CONTROLLER,
  EVALUATOR,
  EVALUATOR_DEFINITION,
  OBJECTIVES,
  RANDOM,
  STORE,
  TRAINER,
} from './tokens.ts'

/** A trial as a person wants it: decoded and typed. */
export interface BestTrial<A> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  readonly metrics: Readonly<Record<string, number>>
  readonly reward: number
  /** The architecture as a network with fresh seeded weights; dispose it. Throws where the space has no networks. */
  build(options: { input: readonly number[]; classes: number; rng: Random }): Network
}

export interface SearchProposal<A> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  readonly seed: number
}

/** A composed search. Holds everything it uses until disposed. */
export interface Search<A = unknown> extends AsyncDisposable {
  readonly space: SearchSpace<A>
  readonly seed: number
  /** Where the study lives. */
  readonly study: string
  /** Runs until the budget is spent; each event is on disk before it is seen here. Leaving the loop stops the search. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<SearchEvent>
  /** Runs to the end and returns the final state. */
  finish(options?: { readonly signal?: AbortSignal }): Promise<SearchState>
  /** Asks the run to stop after what is under way is aborted; another run() goes on, here or in another process. */
  stop(reason?: string): void
  /** All events, past ones replayed. Subscribing never starts or multiplies work. */
  readonly events$: Observable<SearchEvent>
  /** Returns the function that removes the listener. */
  on<T extends SearchEventType>(type: T, listener: (event: EventOf<T>) => void): () => void
  state(): SearchState
  /** The n best feasible trials by reward, one for each architecture. */
  best(n?: number): BestTrial<A>[]
  /** The trials that no other dominates. */
  front(): BestTrial<A>[]
  /** The next proposal, when you own the loop. Trials that an earlier process left without a result come first. */
  propose(given?: Given): Promise<SearchProposal<A>>
  /** The result of a proposal; a failure is `{ failed: 'why' }`. */
  observe(
    proposal: Pick<SearchProposal<A>, 'trial'>,
    result: Readonly<Record<string, number>> | { readonly failed: string; readonly reason?: FailureReason },
  ): Promise<void>
  /** What was resolved, as text. */
  describe(): string
  /** BibTeX of the parts in use. */
  cite(): string
}

export interface SearchSetup<A> {
  readonly space: SearchSpace<A>
  readonly plugins: readonly Plugin[]
  readonly composition: Composition
  readonly seed: number
  readonly concurrency: number
  readonly study: string
  readonly budgetGiven: Json
  /** A plugin's trainer that the evaluator, once created, has not asked for. */
  readonly trainerIgnored: () => boolean
}

/** The running object behind createSearch(). */
export function composedSearch<A>(setup: SearchSetup<A>): Search<A> {
  const { space, plugins, composition, seed, study } = setup
  const clock = composition.get(CLOCK)
  const store = composition.get(STORE)
  const objectives = composition.get(OBJECTIVES)
  const budget: ResolvedBudget = composition.get(BUDGET)
  const definition = composition.get(EVALUATOR_DEFINITION)
  const rng = composition.get(RANDOM)
  const controller = composition.has(CONTROLLER) ? composition.get(CONTROLLER) : undefined
  const trials = new Trials<A>(space, objectives, controller, rng)
  const points: TrialPoint[] = []
  const required = objectives.map((objective) => objective.metric)
  let abort = new AbortController()
  let running = false
  let open = false
  let disposed = false
  let evaluatorUsed: Evaluator<A> | undefined

  const stream = new EventStream(store, clock, (event) => {
    if (event.type === 'search.started') checkSame(event)
    if (event.type === 'trial.completed' && event.feasible) points.push(event)
    const different = trials.replay(event)
    if (different !== undefined) throw studyError('ARCHLOOM_STUDY_DIVERGED', { study, trial: different })
  })
  stream.on('trial.completed', (event) => {
    if (event.feasible) points.push(event)
  })
  for (const observe of composition.observers) observe(stream)
  /** Proposed in an earlier process, which ended before their results came. */
  const leftOver = [...trials.pending]

  function checkSame(event: EventOf<'search.started'>) {
    const mine: Record<string, unknown> = {
      space: space.fingerprint,
      seed,
      concurrency: setup.concurrency,
      objectives: JSON.stringify(objectives),
    }
    const theirs: Record<string, unknown> = {
      space: event.space.fingerprint,
      seed: event.seed,
      concurrency: event.concurrency,
      objectives: JSON.stringify(event.objectives),
    }
    for (const field of Object.keys(mine))
      if (mine[field] !== theirs[field])
        throw studyError('ARCHLOOM_STUDY_MISMATCH', { study, field, received: mine[field], expected: theirs[field] })
  }

  /** The first events of a session; once. */
  function begin(): readonly SearchEvent[] {
    if (open) return []
    open = true
    const events =
      stream.state.sessions > 0
        ? [...stream.publish({ type: 'search.resumed', trials: trials.count, budget: setup.budgetGiven })]
        : [
            ...stream.publish({
              type: 'search.started',
              archloom: VERSION,
              study,
              space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
              parts: { evaluator: definition.name, plugins: plugins.map((plugin) => plugin.name).join(', ') },
              objectives,
              budget: setup.budgetGiven,
              seed,
              concurrency: setup.concurrency,
            }),
          ]
    for (const message of store.notes)
      events.push(...stream.publish({ type: 'search.warning', code: 'ARCHLOOM_STUDY_MENDED', message }))
    return events
  }

  const unusedTrainer = () =>
    `evaluator ${quote(definition.name)} trains nothing with the trainer of ${quote(composition.origins.get(TRAINER))}; train what the search finds with it afterwards, or use trainFromScratch().`

  const endSession = (reason: string) => {
    const { completed, failed, elapsedMs } = stream.state
    stream.publish({ type: 'search.stopped', reason, trials: completed + failed, elapsedMs })
  }

  const spent = () =>
    spentReason(budget, {
      proposed: trials.count,
      elapsedMs: stream.state.elapsedMs,
      consecutiveFailures: stream.state.consecutiveFailures,
      targetReached: stream.state.targetReached,
    })

  function refuseDisposed() {
    if (disposed) throw error('ARCHLOOM_SEARCH_DISPOSED', { study: store.location })
  }

  async function* runOnce(signal?: AbortSignal): AsyncGenerator<SearchEvent> {
    refuseDisposed()
    if (running) throw searchError('ARCHLOOM_SEARCH_ALREADY_RUNNING', { study: store.location })
    running = true
    // A stop ends one run, not the search.
    if (abort.signal.aborted) abort = new AbortController()
    const forward = () => abort.abort(signal?.reason ?? 'stopped')
    if (signal?.aborted) forward()
    signal?.addEventListener('abort', forward, { once: true })
    try {
      yield* begin()
      const first = evaluatorUsed === undefined
      evaluatorUsed = await composition.get(EVALUATOR)()
      if (first && setup.trainerIgnored())
        yield* stream.publish({ type: 'search.warning', code: 'ARCHLOOM_TRAINER_UNUSED', message: unusedTrainer() })
      const evaluator = evaluatorUsed
      const algorithm = composition.has(ALGORITHM)
        ? composition.get(ALGORITHM)
        : askTell<A>({ required, trialMs: budget.trialMs })
      yield* run<A>(
        algorithm,
        {
          space,
          controller,
          evaluator,
          rng,
          clock,
          signal: abort.signal,
          concurrency: setup.concurrency,
          trials,
          spent,
        },
        stream,
      )
    } finally {
      if (stream.state.status === 'running') endSession('the consumer left the loop')
      signal?.removeEventListener('abort', forward)
      running = false
      open = false
    }
  }

  const decoded = (point: TrialPoint): BestTrial<A> => {
    const architecture = space.decode(point.genotype)
    return {
      ...point,
      architecture,
      build: (options) => {
        if (!space.build)
          throw searchError('ARCHLOOM_EVALUATION_INVALID', {
            received: `space ${quote(space.name)}`,
            expected: 'a space with a build function',
          })
        return space.build(architecture, options)
      },
    }
  }

  const proposalOf = (trial: number, genotype: Genotype, seed: number): SearchProposal<A> => ({
    trial,
    genotype,
    architecture: space.decode(genotype),
    seed,
  })

  /** What a user observed. Error: ARCHLOOM_EVALUATION_INVALID. */
  function outcomeOf(result: unknown): Outcome {
    const fields = typeof result === 'object' && result !== null ? (result as Readonly<Record<string, unknown>>) : {}
    const { failed, reason } = fields
    if (typeof failed === 'string') {
      const known = failureReasons.find((each) => each === reason) ?? 'error'
      return { ok: false, reason: known, code: 'ARCHLOOM_TRIAL_FAILED', message: failed }
    }
    const finite = Object.values(fields).every((value) => Number.isFinite(value))
    if (!finite || !required.every((name) => name in fields))
      throw searchError('ARCHLOOM_EVALUATION_INVALID', {
        received: result,
        expected: `finite numbers for ${quote(required)}, or { failed: 'why' }`,
      })
    return { ok: true, evaluation: { metrics: fields as Readonly<Record<string, number>> } }
  }

  return {
    space,
    seed,
    study: store.location,
    events$: stream.events$,
    run: ({ signal } = {}) => runOnce(signal),
    async finish({ signal } = {}) {
      for await (const _ of runOnce(signal));
      return stream.state
    },
    stop: (reason = 'stopped') => abort.abort(reason),
    on: (type, listener) => stream.on(type, listener),
    state: () => stream.state,
    best(n = 1) {
      const seen = new Set<string>()
      const ranked = [...points].sort((a, b) => b.reward - a.reward || a.trial - b.trial)
      const distinct = ranked.filter((point) => {
        const key = space.format(point.genotype)
        return !seen.has(key) && seen.add(key)
      })
      return distinct.slice(0, n).map(decoded)
    },
    front: () => stream.state.front.map(decoded),
    async propose(given) {
      refuseDisposed()
      if (running) throw searchError('ARCHLOOM_SEARCH_ALREADY_RUNNING', { study: store.location })
      begin()
      const waiting = new Set(trials.pending.map(({ trial }) => trial))
      for (let again = leftOver.shift(); again; again = leftOver.shift())
        if (waiting.has(again.trial)) return proposalOf(again.trial, again.proposal.genotype, again.seed)
      const draft = trials.propose(given)
      stream.publish(draft)
      return proposalOf(draft.trial, draft.genotype, draft.seed)
    },
    async observe(proposal, result) {
      refuseDisposed()
      const outcome = outcomeOf(result)
      const trial = (proposal as typeof proposal | undefined)?.trial as number
      begin()
      stream.publish(trials.end(trial, outcome, 0))
      for (const ready of trials.committable) stream.publish(trials.commit([ready]))
    },
    describe: () => describe({ space, plugins, composition, seed, objectives, study: store.location }),
    cite: () => cite(space, definition, plugins),
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      abort.abort('disposed')
      // A search that was propose()d by hand ends its session here.
      if (open && !running && stream.state.status === 'running') endSession('disposed')
      controller?.[Symbol.dispose]()
      await evaluatorUsed?.[Symbol.asyncDispose]?.()
      stream.close()
    },
  }
}
