import type { Observable } from 'rxjs'
import { realTimeLimit } from '../clock.ts'
import type { Given } from '../controller.ts'
import { messageOf, quote } from '../errors.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import { fullFidelity } from '../scheduler.ts'
import { askTell } from '../search/ask-tell.ts'
import { spentReason } from '../search/budget.ts'
import { withoutResult } from '../search/ending.ts'
import { error as searchError } from '../search/errors.ts'
import { type UnmetBounds, unmetBounds } from '../search/reachable.ts'
import { endOf, run } from '../search/run.ts'
import { EventStream, listenerDoors } from '../search/stream.ts'
import { withoutRepeats } from '../search/wrappers.ts'
import type { Genotype, Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { error as studyError } from '../study/errors.ts'
import { StudyRecord } from '../study/record.ts'
import { initialState, type SearchState } from '../study/state.ts'
import type { Store } from '../study/store.ts'
import type { Network } from '../trainer.ts'
import { error as trialError } from '../trial/errors.ts'
import { checkEvaluation, evaluateTrial, failed, type Outcome } from '../trial/evaluate.ts'
import {
  type CommitMode,
  type EventDraft,
  type EventOf,
  type FailureReason,
  failureReasons,
  type SearchEvent,
  type SearchEventType,
} from '../trial/events.ts'
import { checkpointName, type Job, Trials } from '../trial/lifecycle.ts'
import type { Trial } from '../trial/trial.ts'
import { VERSION } from '../version.ts'
import type { Composition } from './compose.ts'
import { cite, describe } from './describe.ts'
import { error } from './errors.ts'
import { type Observers, startObservers } from './observers.ts'
import { declaredPlugins, type Plugin } from './plugin.ts'
import {
  ALGORITHM,
  BUDGET,
  CLOCK,
  CONTROLLER,
  EVALUATOR,
  EVALUATOR_DEFINITION,
  OBJECTIVES,
  RANDOM,
  SCHEDULER,
  TRAINER,
} from './tokens.ts'
import type { WarmResults } from './warm-start.ts'

/** A trial with its architecture decoded and typed. */
export interface BestTrial<A> extends Omit<Trial, 'architecture' | 'reward'> {
  readonly architecture: A
  readonly reward: number
  /**
   * Builds the network of the architecture with newly initialised, seeded weights. The caller disposes it. Error:
   * ARCHLOOM_STUDY_NO_NETWORKS if the space builds no networks.
   */
  build(options: { input: readonly number[]; classes: number; rng: Random }): Network
}

export interface SearchProposal<A> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  readonly seed: number
  /** Requested share of the full effort, in (0, 1]. */
  readonly fidelity: number
}

/** A composed search. It holds everything that it uses until it is disposed of. */
export interface Search<A = unknown> extends AsyncDisposable {
  readonly space: SearchSpace<A>
  readonly seed: number
  /** Where the study is kept. A generated name may change when the study is opened, if it is taken by then. */
  readonly study: string
  /**
   * Opens the study: creates it, or replays its events so that the search continues where they end. Called by run(),
   * finish(), propose(), observe() and enqueue(); calling it again does nothing. Errors: ARCHLOOM_STUDY_LOCKED,
   * ARCHLOOM_STUDY_MISMATCH, ARCHLOOM_STUDY_DIVERGED, ARCHLOOM_STUDY_CORRUPT, ARCHLOOM_STUDY_NOT_WRITABLE.
   */
  open(): Promise<void>
  /**
   * Runs until the budget is spent; each event is on disk before it is seen here. Breaking out of the loop stops the
   * search.
   */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<SearchEvent>
  /** Runs to the end and returns the final state. */
  finish(options?: { readonly signal?: AbortSignal }): Promise<SearchState>
  /**
   * Aborts the evaluations in progress and stops the run. Another run() continues the search, here or in another
   * process.
   */
  stop(reason?: string): void
  /** All events, past ones replayed. Subscribing never starts or multiplies work. */
  readonly events$: Observable<SearchEvent>
  /** Returns the function that removes the listener. */
  on<T extends SearchEventType>(type: T, listener: (event: EventOf<T>) => void): () => void
  /** Where the search stands; empty before the study is opened. */
  state(): SearchState
  /** The fold of all events of the study. */
  record(): StudyRecord
  /** The n best feasible completed trials by reward, one for each architecture. */
  best(n?: number): BestTrial<A>[]
  /** The trials that no other dominates. */
  front(): BestTrial<A>[]
  /**
   * Asks for a trial of an architecture (or a genotype) of your choice; it comes before the controller's next one.
   * Error: ARCHLOOM_CONTROLLER_PROPOSAL_INVALID, or the error of the space for an architecture that is not in it.
   */
  enqueue(candidate: A | Genotype): Promise<void>
  /**
   * Returns the next proposal, for a loop of your own. Trials that an earlier process left without a result come
   * first. Error: ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE.
   */
  propose(given?: Given): Promise<SearchProposal<A>>
  /** Records the result of a proposal; a failure is `{ failed: 'why' }`. */
  observe(
    proposal: Pick<SearchProposal<A>, 'trial'>,
    result: Readonly<Record<string, number>> | { readonly failed: string; readonly reason?: FailureReason },
  ): Promise<void>
  /**
   * Trains the network of a trial as its evaluation did, and returns it; the caller disposes it. A paused trial continues
   * from the weights that the study keeps and is trained to the end; any other is trained again from its own seed, which
   * gives the same weights on the same engine. Errors: ARCHLOOM_SEARCH_NO_SUCH_TRIAL, ARCHLOOM_SEARCH_NO_TRAINING, those of
   * the evaluator.
   */
  train(trial: number, options?: TrainOptions): Promise<Network>
  /** Describes the composed search as text. */
  describe(): string
  /** BibTeX of the parts in use. */
  cite(): string
}

export interface TrainOptions {
  readonly signal?: AbortSignal
  /** Called with what the trainer reports. */
  readonly onProgress?: (step: number, metrics: Readonly<Record<string, number>>) => void
}

export interface SearchSetup<A> {
  readonly space: SearchSpace<A>
  readonly plugins: readonly Plugin[]
  readonly composition: Composition
  readonly seed: number
  readonly concurrency: number
  readonly commit: CommitMode
  /** Whether to skip architectures that were proposed before. */
  readonly unique: boolean
  /** Where the study will be kept, as far as this is known before it is opened. */
  readonly location: string
  readonly openStore: () => Promise<Store>
  /** Aborted when the search is disposed of. */
  readonly disposal: AbortController
  readonly budgetGiven: Json
  /** Results of elsewhere that a new study's controller starts with, read when they are needed. */
  readonly warmStart?: () => Promise<WarmResults>
  /** The priors of the space, as JSON. */
  readonly priors?: string
  /** A plugin's trainer that the evaluator, once created, has not asked for. */
  readonly isTrainerIgnored: () => boolean
}

/** How long the end of a search waits for observers that do not say that they are still writing. */
const OBSERVER_MS = 10_000
/** Parts, and kinds of plugins, that decide how a search goes on. */
const DECISIVE: ReadonlySet<string> = new Set([
  'algorithm',
  'controller',
  'scheduler',
  'trainer',
  'one-shot method',
  'training method',
])
/** How often it waits so long, whatever they say. */
const WAITS = 60

/** An opened study, with the objects that work on it. */
interface Session<A> {
  readonly store: Store
  readonly stream: EventStream
  readonly trials: Trials<A>
  /** Proposed in an earlier process, which ended before their results came. */
  readonly leftOver: Job[]
  readonly finishers: (() => void | Promise<void>)[]
  /** Set once the observers were started. */
  observers?: Observers
  /** How often observers said that they are still writing. */
  writings: number
}

/** The running object behind createSearch(). */
export function composedSearch<A>(setup: SearchSetup<A>): Search<A> {
  const { space, plugins, composition, seed, concurrency, commit } = setup
  const clock = composition.get(CLOCK)
  const objectives = composition.get(OBJECTIVES)
  const budget = composition.get(BUDGET)
  const definition = composition.get(EVALUATOR_DEFINITION)
  const rng = composition.get(RANDOM)
  const bound = composition.has(CONTROLLER) ? composition.get(CONTROLLER) : undefined
  const controller = bound && setup.unique ? withoutRepeats(bound, space) : bound
  const algorithm = composition.has(ALGORITHM) ? composition.get(ALGORITHM) : askTell<A>()
  const wanted: Genotype[] = []
  let abort = new AbortController()
  let running = false
  let begun = false
  let disposed = false
  let evaluatorMade: Evaluator<A> | undefined
  let evaluatorUsed: Evaluator<A> | undefined
  let session: Session<A> | undefined
  let opening: Promise<Session<A>> | undefined

  let resolveOpened: (stream: EventStream) => void = () => {}
  let rejectOpened: (thrown: unknown) => void = () => {}
  const whenOpened = new Promise<EventStream>((resolve, reject) => {
    resolveOpened = resolve
    rejectOpened = reject
  })
  whenOpened.catch(() => {})
  const doors = listenerDoors(() => session?.stream, whenOpened)
  const location = () => session?.store.location ?? setup.location
  const emptyRecord = new StudyRecord('', setup.location)
  const record = () => session?.stream.record ?? emptyRecord

  async function openSession(): Promise<Session<A>> {
    const store = await setup.openStore()
    let unfinished: Session<A> | undefined
    try {
      const scheduler = (composition.has(SCHEDULER) ? composition.get(SCHEDULER) : fullFidelity)({
        objectives,
        rng: rng.fork('scheduler'),
        maxTrials: budget.maxTrials,
      })
      const trials = new Trials<A>({
        space,
        objectives,
        controller,
        scheduler,
        rng,
        retries: budget.retries,
        checkFidelity: (fidelity) => definition.checkFidelity?.(fidelity),
      })
      const stream = new EventStream(store, clock, doors.emitter)
      await stream.restore((event) => {
        if (event.type === 'search.started') checkSame(store, event)
        const different = trials.replay(event)
        if (different !== undefined)
          throw studyError('ARCHLOOM_STUDY_DIVERGED', { study: store.location, trial: different })
      })
      const opened: Session<A> = { store, stream, trials, leftOver: [...trials.pending], finishers: [], writings: 0 }
      unfinished = opened
      session = opened
      removeOldCheckpoints(opened)
      await observe(opened)
      resolveOpened(stream)
      return opened
    } catch (thrown) {
      const ended = Promise.allSettled(unfinished?.finishers.map(async (finish) => finish()) ?? [])
      await Promise.race([ended, realTimeLimit(OBSERVER_MS)])
      session = undefined
      // A study that cannot be resumed must not stay locked.
      await store.close()
      throw thrown
    }
  }

  function opened(): Promise<Session<A>> {
    if (disposed) throw error('ARCHLOOM_SEARCH_DISPOSED', { study: location() })
    opening ??= openSession().catch((thrown: unknown) => {
      opening = undefined
      rejectOpened(thrown)
      throw thrown
    })
    return opening
  }

  /** Plugins that decide how a search goes on are those that it began with; observers may come and go. */
  function checkDecisive(store: Store, event: EventOf<'search.started'>) {
    const { plugins: named } = event.parts
    if (named === undefined) return
    const theirs = named.split(', ')
    const mine = plugins.map(({ name }) => name)
    const isDecisive = (name: string) => {
      const own = plugins.find((plugin) => plugin.name === name)
      const { kind } = declaredPlugins().get(name) ?? {}
      return own?.provides.some((part) => DECISIVE.has(part)) || (kind !== undefined && DECISIVE.has(kind))
    }
    const differ = [...mine.filter((name) => !theirs.includes(name)), ...theirs.filter((name) => !mine.includes(name))]
    if (!differ.some(isDecisive)) return
    throw studyError('ARCHLOOM_STUDY_MISMATCH', {
      study: store.location,
      field: 'plugins',
      received: mine.join(', '),
      expected: named,
    })
  }

  function checkSame(store: Store, event: EventOf<'search.started'>) {
    const mine = { space: space.fingerprint, seed, concurrency, objectives, commit, priors: setup.priors }
    const theirs = {
      space: event.space.fingerprint,
      seed: event.seed,
      concurrency: event.concurrency,
      objectives: event.objectives,
      // Version 0.1 had no other order.
      commit: event.commit ?? commit,
      priors: event.parts.priors,
    }
    for (const field of Object.keys(mine) as (keyof typeof mine)[])
      if (JSON.stringify(mine[field]) !== JSON.stringify(theirs[field]))
        throw studyError('ARCHLOOM_STUDY_MISMATCH', {
          study: store.location,
          field,
          ...differing(mine[field], theirs[field]),
        })
    checkDecisive(store, event)
  }

  /** Starts the observers. Rejects if one of them cannot work. */
  async function observe(session: Session<A>) {
    const { stream, store, finishers } = session
    const {
      study,
      location: place,
      record: fold,
    } = { study: store.name, location: store.location, record: stream.record }
    const from = stream.state.seq + 1
    const observers = startObservers(
      composition.observers,
      (report) => ({
        study,
        location: place,
        from,
        record: fold,
        events$: doors.eventsFor(report),
        on: doors.on,
        stillWriting: () => void session.writings++,
      }),
      stream,
    )
    session.observers = observers
    finishers.push(...observers.finishers)
    await observers.ready()
  }

  /** A checkpoint is needed until every trial that continues from it has a newer one, or has ended. */
  function removeOldCheckpoints({ store, finishers }: Session<A>) {
    let removing: Promise<unknown> = Promise.resolve()
    const held = new Map<number, string>()
    const holders = new Map<string, number>()
    const hold = (trial: number, name?: string) => {
      const before = held.get(trial)
      if (before === name) return
      if (name === undefined) held.delete(trial)
      else {
        held.set(trial, name)
        holders.set(name, (holders.get(name) ?? 0) + 1)
      }
      if (before === undefined) return
      const others = holders.get(before)! - 1
      if (others > 0) return void holders.set(before, others)
      holders.delete(before)
      removing = removing.then(() => store.artifacts.remove(before)).catch(() => {})
    }
    for (const { trial, status, checkpoint } of record().trials)
      if (status === 'paused' || status === 'running') hold(trial, checkpoint)
    for (const type of ['trial.proposed', 'trial.continued'] as const)
      doors.on(type, ({ trial, checkpointOf }) => {
        if (checkpointOf !== undefined) hold(trial, record().trials[trial]?.checkpoint)
      })
    doors.on('trial.paused', ({ trial, checkpoint }) => {
      if (checkpoint !== undefined) hold(trial, checkpoint)
    })
    for (const type of ['trial.completed', 'trial.pruned', 'trial.failed'] as const)
      doors.on(type, ({ trial }) => hold(trial))
    finishers.push(async () => void (await removing))
  }

  /** Publishes the first events of a session, once. */
  async function begin({ stream, store, trials }: Session<A>): Promise<readonly SearchEvent[]> {
    if (begun) return []
    begun = true
    const warm =
      setup.warmStart && trials.count === 0 && !trials.isWarm ? await warmResults(setup.warmStart) : undefined
    const drafts: EventDraft[] = []
    if (stream.isStarted) trials.restartRunning()
    if (stream.isStarted)
      drafts.push({ type: 'search.resumed', trials: trials.count, budget: setup.budgetGiven }, ...trials.takeOwed())
    else
      drafts.push({
        type: 'search.started',
        archloom: VERSION,
        study: store.name,
        space: {
          name: space.name,
          fingerprint: space.fingerprint,
          decisions: space.decisions,
          ...(space.origin && { origin: space.origin }),
        },
        parts: {
          evaluator: definition.name,
          plugins: plugins.map((plugin) => plugin.name).join(', '),
          ...(setup.priors !== undefined && { priors: setup.priors }),
        },
        objectives,
        budget: setup.budgetGiven,
        seed,
        concurrency,
        commit,
        ...panelsOf(plugins),
      })
    if (warm) drafts.push(trials.warm(warm.from, warm.trials))
    for (const message of store.notes) drafts.push({ type: 'search.warning', code: 'ARCHLOOM_STUDY_MENDED', message })
    return stream.publish(...drafts)
  }

  /** A warm start that cannot be read leaves the search as it was. */
  async function warmResults(read: () => Promise<WarmResults>): Promise<WarmResults> {
    try {
      return await read()
    } catch (thrown) {
      begun = false
      throw thrown
    }
  }

  const unusedTrainer = (): EventDraft => ({
    type: 'search.warning',
    code: 'ARCHLOOM_TRAINER_UNUSED',
    message: `evaluator ${quote(definition.name)} trains nothing with the trainer of ${quote(composition.origins.get(TRAINER))}; train what the search finds with it afterwards, or use trainFromScratch().`,
  })

  const doubtfulBounds = ({ bounds, nearest, costs, tried }: UnmetBounds): EventDraft => ({
    type: 'search.warning',
    code: 'ARCHLOOM_BOUNDS_DOUBTFUL',
    message: `none of ${tried} architectures that were tried before the first trial keeps the bounds ${bounds}; the nearest one, ${nearest}, has ${costs}. If no other comes nearer, every trial is pruned: relax the bounds, or search a space with other architectures.`,
  })

  const spentIn = ({ stream, trials }: Session<A>) => {
    // Adds the time since the last event: a long training publishes events rarely.
    return spentReason(budget, {
      proposed: trials.count,
      elapsedMs: stream.record.elapsedAt(clock.now()),
      consecutiveFailures: stream.record.live.consecutiveFailures,
      targetReached: stream.record.live.targetReached,
    })
  }

  /** Evaluates one rung with everything that this search says about it. Never throws. */
  const evaluateIn =
    ({ store, stream, trials }: Session<A>, evaluator: Evaluator<A>, follow: Followers) =>
    async (job: Job, publish: (draft: EventDraft) => void): Promise<Outcome> => {
      const { trial, rung, fidelity, seed: trialSeed, checkpoint } = job
      const { genotype } = job.proposal
      let own: AbortController | undefined
      try {
        const data = checkpoint && (await store.artifacts.read(checkpoint.name))
        const outcome = await evaluateTrial(
          evaluator,
          {
            trial,
            genotype,
            architecture: space.decode(genotype),
            seed: trialSeed,
            fidelity,
            study: store.name,
            studyId: `${store.name} ${stream.record.started.at}`,
            rung,
          },
          {
            objectives,
            trialMs: budget.trialMs,
            clock,
            signal: follow.signal,
            abortable: () => {
              own = follow.controller()
              return own
            },
            report: (step, metrics) => {
              publish({ type: 'trial.progress', trial, step, metrics })
              return trials.progress(trial, step, metrics)
            },
            tell: (name, facts, plugin = definition.name) =>
              publish({ type: 'plugin.event', plugin, name, facts: withTrial(facts, trial) }),
            mayContinue: trials.mayContinue(trial),
            ...(checkpoint && data && { checkpoint: { fidelity: checkpoint.fidelity, data } }),
          },
        )
        if (outcome.ok && outcome.checkpoint && !outcome.pruned)
          await store.artifacts.write(checkpointName(trial, rung), outcome.checkpoint)
        return outcome
      } catch (thrown) {
        const { code, message } = trialError('ARCHLOOM_EVALUATION_THREW', { message: String(thrown) })
        return failed('error', code, message)
      } finally {
        if (own) follow.release(own)
      }
    }

  function takeWanted({ trials }: Session<A>): EventDraft | undefined {
    const genotype = wanted.shift()
    return genotype && trials.enqueue({ genotype })
  }

  async function* runOnce(signal?: AbortSignal): AsyncGenerator<SearchEvent> {
    const current = await opened()
    const { stream, trials } = current
    if (running) throw searchError('ARCHLOOM_SEARCH_ALREADY_RUNNING', { study: location() })
    running = true
    // A stop ends one run, not the search.
    if (abort.signal.aborted) abort = new AbortController()
    const forward = () => abort.abort(signal?.reason ?? 'stopped')
    if (signal?.aborted) forward()
    signal?.addEventListener('abort', forward, { once: true })
    let failure: { readonly thrown: unknown } | undefined
    try {
      yield* await begin(current)
      const isFirst = evaluatorUsed === undefined
      const evaluator = await createdEvaluator()
      if (!evaluator) {
        yield* await stream.publish(endOf(stream, 'search.stopped', String(abort.signal.reason ?? 'stopped')))
        return
      }
      evaluatorUsed = evaluator
      if (isFirst && evaluator.recall) recallResults(stream.record, evaluator)
      if (isFirst && setup.isTrainerIgnored()) yield* await stream.publish(unusedTrainer())
      if (isFirst && trials.count === 0) {
        const unmet = await unmetBounds({ space, evaluator, objectives, rng, signal: abort.signal })
        if (unmet?.all) throw searchError('ARCHLOOM_BOUNDS_UNREACHABLE', { space: space.label, ...unmet })
        if (unmet) yield* await stream.publish(doubtfulBounds(unmet))
      }
      yield* run<A>(
        algorithm,
        {
          space,
          controller,
          evaluator,
          rng,
          clock,
          signal: abort.signal,
          concurrency,
          commit,
          trials,
          evaluate: evaluateIn(current, evaluator, followersOf(abort.signal)),
          enqueued: () => takeWanted(current),
          spent: () => spentIn(current),
        },
        stream,
        async () => {
          await current.observers?.flush()
          return withoutResult(stream.record)
        },
      )
    } catch (thrown) {
      failure = { thrown }
      throw thrown
    } finally {
      signal?.removeEventListener('abort', forward)
      running = false
      begun = false
      if (stream.isOpen) {
        const reason = failure ? messageOf(failure.thrown) : 'the consumer left the loop'
        const closing = stream.publish(endOf(stream, 'search.stopped', reason))
        // The first error is the cause; that the session could not be closed either is a consequence.
        await (failure ? closing.catch(() => {}) : closing)
      }
    }
  }

  function recallResults({ trials }: StudyRecord, evaluator: Evaluator<A>) {
    for (const { genotype, rungs } of trials)
      for (const { fidelity, metrics, reward } of rungs)
        if (reward !== undefined) evaluator.recall?.(space.decode(genotype), fidelity, { metrics })
  }

  /**
   * Resolves to the evaluator once it exists, and to undefined if the run is stopped before that, so that a worker that
   * never starts does not block the search. Rejects when the search is disposed of.
   */
  function createdEvaluator(): Promise<Evaluator<A> | undefined> {
    const { signal } = abort
    const created = composition.get(EVALUATOR)() as Promise<Evaluator<A>>
    return new Promise((resolve, reject) => {
      const stop = () =>
        disposed ? reject(error('ARCHLOOM_SEARCH_DISPOSED', { study: location() })) : resolve(undefined)
      if (disposed || signal.aborted) return stop()
      signal.addEventListener('abort', stop, { once: true })
      created.then(resolve, reject)
      created.then(
        (evaluator) => {
          if (disposed && !evaluatorMade) void evaluator[Symbol.asyncDispose]?.()
          evaluatorMade = evaluator
        },
        () => {},
      )
    })
  }

  const decoded = (trial: Trial): BestTrial<A> => {
    const architecture = space.decode(trial.genotype)
    return {
      ...trial,
      reward: trial.reward!,
      architecture,
      build: (options) => {
        if (!space.build) throw studyError('ARCHLOOM_STUDY_NO_NETWORKS', { study: location(), space: space.name })
        return space.build(architecture, options)
      },
    }
  }

  const proposalOf = ({ trial, proposal: { genotype }, seed: trialSeed, fidelity }: Job): SearchProposal<A> => ({
    trial,
    genotype,
    architecture: space.decode(genotype),
    seed: trialSeed,
    fidelity,
  })

  /** The outcome of a user's observation. Error: ARCHLOOM_EVALUATION_INVALID. */
  function outcomeOf(result: unknown): Outcome {
    const fields = typeof result === 'object' && result !== null ? (result as Readonly<Record<string, unknown>>) : {}
    if (typeof fields.failed === 'string') {
      const known = failureReasons.find((each) => each === fields.reason) ?? 'error'
      return failed(known, 'ARCHLOOM_TRIAL_FAILED', fields.failed)
    }
    const checked = checkEvaluation({ metrics: Array.isArray(result) ? undefined : fields }, objectives)
    if (!checked.ok)
      throw trialError('ARCHLOOM_EVALUATION_INVALID', {
        received: result,
        expected: `numbers for ${quote(objectives.map(({ metric }) => metric))}, or { failed: 'why' }`,
      })
    return checked
  }

  function genotypeOf(candidate: A | Genotype): Genotype {
    const isGenotype =
      Array.isArray(candidate) &&
      candidate.length === space.decisions.length &&
      candidate.every((value) => typeof value === 'number')
    if (isGenotype && space.validate(candidate).ok) return candidate as Genotype
    return space.encode(candidate as A)
  }

  /** The next rung for a user's own loop. */
  async function nextJob({ stream, trials, leftOver }: Session<A>, given: Given | undefined): Promise<Job> {
    const pending = new Set(trials.pending.map(({ trial }) => trial))
    for (let again = leftOver.shift(); again; again = leftOver.shift()) if (pending.has(again.trial)) return again
    for (let closed = trials.giveUp(); closed; closed = trials.giveUp()) await stream.publish(closed)
    const draft = trials.promote() ?? trials.startWaiting() ?? trials.propose(given)
    if (typeof draft === 'string')
      throw searchError('ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE', { study: location(), answer: draft })
    try {
      await stream.publish(draft)
    } catch (thrown) {
      // Its event is written together with the next one, so the next call returns it.
      leftOver.push(trials.job(draft.trial))
      throw thrown
    }
    return trials.job(draft.trial)
  }

  return {
    space,
    seed,
    get study() {
      return location()
    },
    events$: doors.events$,
    on: doors.on,
    open: async () => void (await opened()),
    run: ({ signal } = {}) => runOnce(signal),
    async finish({ signal } = {}) {
      for await (const _ of runOnce(signal));
      return record().state
    },
    stop: (reason = 'stopped') => abort.abort(reason),
    state: () => session?.stream.state ?? initialState,
    record,
    best: (n = 1) => record().best(n).map(decoded),
    front: () => record().front().map(decoded),
    async enqueue(candidate) {
      const genotype = genotypeOf(candidate)
      const current = await opened()
      // Where the store refused it, the same candidate is written now, and not enqueued again.
      if (current.stream.owesProposal(genotype)) return void (await current.stream.publish())
      if (!running) await begin(current)
      wanted.push(genotype)
      if (running) return
      for (let draft = takeWanted(current); draft; draft = takeWanted(current)) await current.stream.publish(draft)
    },
    async propose(given) {
      const current = await opened()
      if (running) throw searchError('ARCHLOOM_SEARCH_ALREADY_RUNNING', { study: location() })
      await begin(current)
      return proposalOf(await nextJob(current, given))
    },
    async observe(proposal, result) {
      const current = await opened()
      const { stream, trials } = current
      const outcome = outcomeOf(result)
      const trial = (proposal as typeof proposal | undefined)?.trial as number
      // If the store refused the observation before, it is written now.
      if (stream.owes(trial)) await stream.publish()
      else {
        await begin(current)
        await stream.publish(trials.end(trial, outcome, 0))
      }
      const ready = commit === 'arrival' ? trials.untold : trials.committable
      for (const each of ready) await stream.publish(...trials.commit([each]))
    },
    async train(number, { signal, onProgress } = {}) {
      const { store, stream } = await opened()
      const { trials } = stream.record
      const trial = trials.find((each) => each.trial === number)
      if (!trial)
        throw searchError('ARCHLOOM_SEARCH_NO_SUCH_TRIAL', {
          study: location(),
          received: number,
          count: trials.length,
        })
      const evaluator = await createdEvaluator()
      if (!evaluator?.trainNetwork)
        throw searchError('ARCHLOOM_SEARCH_NO_TRAINING', { study: location(), evaluator: definition.name })
      const data = trial.checkpoint === undefined ? undefined : await store.artifacts.read(trial.checkpoint)
      const { fidelity = 1 } = trial.rungs.at(-1) ?? {}
      const { genotype, seed: ownSeed } = trial
      const architecture = space.decode(genotype)
      const reached = trial.status === 'paused' ? 1 : fidelity
      return await evaluator.trainNetwork(
        { trial: number, genotype, architecture, seed: ownSeed, fidelity: reached },
        {
          signal: signal ?? new AbortController().signal,
          report(step, metrics) {
            onProgress?.(step, metrics)
            return 'continue'
          },
          ...(data && { checkpoint: { fidelity, data } }),
        },
      )
    },
    describe: () => describe({ space, plugins, composition, seed, objectives, study: location() }),
    cite: () => cite(space, definition, plugins),
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      abort.abort('disposed')
      setup.disposal.abort(new Error('the search was disposed of'))
      const current = await opening?.catch(() => undefined)
      const failures: unknown[] = []
      const attempt = async (step: () => unknown) => {
        try {
          await step()
        } catch (thrown) {
          failures.push(thrown)
        }
      }
      if (current) {
        const { stream, finishers } = current
        // A search that was propose()d by hand ends its session here.
        if (begun && !running && stream.isOpen)
          await attempt(() => stream.publish(endOf(stream, 'search.stopped', 'disposed')))
        await attempt(() => stream.flush())
        const finished = Promise.all(finishers.map(attempt)).then(() => true)
        for (let waits = 1, written = -1; !(await Promise.race([finished, realTimeLimit(OBSERVER_MS)])); waits++) {
          if (current.writings === written || waits === WAITS) {
            failures.push(error('ARCHLOOM_SEARCH_OBSERVER', { study: stream.record.name }))
            break
          }
          written = current.writings
        }
      }
      await attempt(() => controller?.[Symbol.dispose]())
      await attempt(() => evaluatorMade?.[Symbol.asyncDispose]?.())
      // Even if disposing of a part throws, the study must not stay locked.
      await attempt(() => current?.stream.close())
      if (failures.length === 1) throw failures[0]
      if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('\n'))
    },
  }
}

/** The panels that plugins declare, as the first event of a study holds them. */
function panelsOf(plugins: readonly Plugin[]): Pick<EventOf<'search.started'>, 'panels'> {
  const declaring = plugins.filter(({ panels }) => panels.length > 0)
  return declaring.length === 0
    ? {}
    : { panels: Object.fromEntries(declaring.map(({ name, panels }) => [name, panels])) }
}

/** Adds the number of the trial to the facts of an evaluation, if they are an object without that field. */
const withTrial = (facts: Json, trial: number): Json =>
  typeof facts === 'object' && facts !== null && !Array.isArray(facts) && !('trial' in facts)
    ? { trial, ...(facts as Readonly<Record<string, Json>>) }
    : facts

interface Followers {
  readonly signal: AbortSignal
  controller(): AbortController
  release(controller: AbortController): void
}

/** Abort controllers that follow one signal. The signal has a single listener, however many controllers there are. */
function followersOf(signal: AbortSignal): Followers {
  const open = new Set<AbortController>()
  signal.addEventListener('abort', () => {
    for (const each of open) each.abort(signal.reason)
  })
  return {
    signal,
    controller() {
      const own = new AbortController()
      if (signal.aborted) own.abort(signal.reason)
      else open.add(own)
      return own
    },
    release: (own) => void open.delete(own),
  }
}

/** Of two lists of the same length only the items that differ, so that a message can show them whole. */
function differing(received: unknown, expected: unknown): { readonly received: unknown; readonly expected: unknown } {
  if (!Array.isArray(received) || !Array.isArray(expected) || received.length !== expected.length)
    return { received, expected }
  const places = received.flatMap((item, at) => (JSON.stringify(item) === JSON.stringify(expected[at]) ? [] : [at]))
  return {
    received: places.map((at) => received[at] as unknown),
    expected: places.map((at) => expected[at] as unknown),
  }
}
