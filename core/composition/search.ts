import type { Observable } from 'rxjs'
import type { Given } from '../controller.ts'
import { messageOf, quote } from '../errors.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import { fullFidelity } from '../scheduler.ts'
import { askTell } from '../search/ask-tell.ts'
import { spentReason } from '../search/budget.ts'
import { error as searchError } from '../search/errors.ts'
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
  SCHEDULER,
  TRAINER,
} from './tokens.ts'

/** A trial as a person wants it: decoded and typed. */
export interface BestTrial<A> extends Omit<Trial, 'architecture' | 'reward'> {
  readonly architecture: A
  readonly reward: number
  /**
   * The architecture as a network with fresh seeded weights; dispose it.
   * Error: ARCHLOOM_STUDY_NO_NETWORKS where the space builds none.
   */
  build(options: { input: readonly number[]; classes: number; rng: Random }): Network
}

export interface SearchProposal<A> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  readonly seed: number
  /** Share of the full effort that is asked for, in (0, 1]. */
  readonly fidelity: number
}

/** A composed search. Holds everything it uses until disposed. */
export interface Search<A = unknown> extends AsyncDisposable {
  readonly space: SearchSpace<A>
  readonly seed: number
  /** Where the study lives. A name that was made up may change when the study is opened, where it is taken. */
  readonly study: string
  /**
   * Opens the study: creates it, or brings the search to where its events end. Called by run(), finish(), propose(),
   * observe() and enqueue(); calling it again does nothing.
   * Errors: ARCHLOOM_STUDY_LOCKED, ARCHLOOM_STUDY_MISMATCH, ARCHLOOM_STUDY_DIVERGED, ARCHLOOM_STUDY_CORRUPT,
   * ARCHLOOM_STUDY_NOT_WRITABLE.
   */
  open(): Promise<void>
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
  /** Where the search stands; empty before the study is opened. */
  state(): SearchState
  /** Everything that the study's events say. */
  record(): StudyRecord
  /** The n best feasible completed trials by reward, one for each architecture. */
  best(n?: number): BestTrial<A>[]
  /** The trials that no other dominates. */
  front(): BestTrial<A>[]
  /**
   * Asks for a trial of an architecture (or a genotype) of your choice; it comes before the controller's next one.
   * Error: ARCHLOOM_CONTROLLER_PROPOSAL_INVALID, or that of the space for an architecture it does not have.
   */
  enqueue(candidate: A | Genotype): Promise<void>
  /**
   * The next proposal, when you own the loop. Trials that an earlier process left without a result come first.
   * Error: ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE.
   */
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
  readonly commit: CommitMode
  /** Skip architectures that were proposed before. */
  readonly unique: boolean
  /** Where the study will live, as far as that is known before it is opened. */
  readonly location: string
  readonly openStore: () => Promise<Store>
  readonly budgetGiven: Json
  /** A plugin's trainer that the evaluator, once created, has not asked for. */
  readonly isTrainerIgnored: () => boolean
}

/** How long the end of a search waits for its observers. */
const OBSERVER_MS = 10_000

/** An opened study and what works on it. */
interface Session<A> {
  readonly store: Store
  readonly stream: EventStream
  readonly trials: Trials<A>
  /** Proposed in an earlier process, which ended before their results came. */
  readonly leftOver: Job[]
  readonly finishers: (() => void | Promise<void>)[]
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
    try {
      const scheduler = (composition.has(SCHEDULER) ? composition.get(SCHEDULER) : fullFidelity)({
        objectives,
        rng: rng.fork('scheduler'),
        maxTrials: budget.maxTrials,
      })
      const trials = new Trials<A>({ space, objectives, controller, scheduler, rng, retries: budget.retries })
      const stream = new EventStream(store, clock, doors.emitter)
      await stream.restore((event) => {
        if (event.type === 'search.started') checkSame(store, event)
        const different = trials.replay(event)
        if (different !== undefined)
          throw studyError('ARCHLOOM_STUDY_DIVERGED', { study: store.location, trial: different })
      })
      const opened: Session<A> = { store, stream, trials, leftOver: [...trials.pending], finishers: [] }
      session = opened
      removeOldCheckpoints(opened)
      startObservers(opened)
      resolveOpened(stream)
      return opened
    } catch (thrown) {
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

  function checkSame(store: Store, event: EventOf<'search.started'>) {
    const mine = { space: space.fingerprint, seed, concurrency, objectives, commit }
    const theirs = {
      space: event.space.fingerprint,
      seed: event.seed,
      concurrency: event.concurrency,
      objectives: event.objectives,
      // Version 0.1 knew no other order.
      commit: event.commit ?? commit,
    }
    for (const field of Object.keys(mine) as (keyof typeof mine)[])
      if (JSON.stringify(mine[field]) !== JSON.stringify(theirs[field]))
        throw studyError('ARCHLOOM_STUDY_MISMATCH', {
          study: store.location,
          field,
          received: mine[field],
          expected: theirs[field],
        })
  }

  function startObservers({ stream, store, finishers }: Session<A>) {
    const from = stream.state.seq + 1
    const view = { study: store.name, location: store.location, from, record: stream.record }
    for (const observe of composition.observers)
      try {
        const finisher = observe({ ...view, events$: doors.events$, on: doors.on })
        if (typeof finisher === 'function') finishers.push(finisher)
      } catch (thrown) {
        stream.complain('observer', thrown)
      }
  }

  /** A checkpoint is needed until the next rung of its trial has a result. */
  function removeOldCheckpoints({ store, finishers }: Session<A>) {
    let removing: Promise<unknown> = Promise.resolve()
    const lastRung = new Map<number, number>()
    const remove = (trial: number, keep?: number) => {
      const rung = lastRung.get(trial)
      if (keep === undefined) lastRung.delete(trial)
      else lastRung.set(trial, keep)
      if (rung !== undefined)
        removing = removing.then(() => store.artifacts.remove(checkpointName(trial, rung))).catch(() => {})
    }
    for (const trial of record().trials)
      if (trial.checkpoint !== undefined && trial.status === 'paused') lastRung.set(trial.trial, trial.rungs.length - 1)
    doors.on('trial.paused', ({ trial, rung, checkpoint }) => {
      if (checkpoint !== undefined) remove(trial, rung)
    })
    for (const type of ['trial.completed', 'trial.pruned', 'trial.failed'] as const)
      doors.on(type, ({ trial }) => remove(trial))
    finishers.push(async () => void (await removing))
  }

  /** The first events of a session; once. */
  async function begin({ stream, store, trials }: Session<A>): Promise<readonly SearchEvent[]> {
    if (begun) return []
    begun = true
    const drafts: EventDraft[] = []
    if (stream.isStarted) trials.restartRunning()
    if (stream.isStarted) drafts.push({ type: 'search.resumed', trials: trials.count, budget: setup.budgetGiven })
    else
      drafts.push({
        type: 'search.started',
        archloom: VERSION,
        study: store.name,
        space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
        parts: { evaluator: definition.name, plugins: plugins.map((plugin) => plugin.name).join(', ') },
        objectives,
        budget: setup.budgetGiven,
        seed,
        concurrency,
        commit,
      })
    for (const message of store.notes) drafts.push({ type: 'search.warning', code: 'ARCHLOOM_STUDY_MENDED', message })
    return stream.publish(...drafts)
  }

  const unusedTrainer = (): EventDraft => ({
    type: 'search.warning',
    code: 'ARCHLOOM_TRAINER_UNUSED',
    message: `evaluator ${quote(definition.name)} trains nothing with the trainer of ${quote(composition.origins.get(TRAINER))}; train what the search finds with it afterwards, or use trainFromScratch().`,
  })

  const spentIn = ({ stream, trials }: Session<A>) => {
    // Time goes on between events: a long training tells of itself only now and then.
    return spentReason(budget, {
      proposed: trials.count,
      elapsedMs: stream.record.elapsedAt(clock.now()),
      consecutiveFailures: stream.record.live.consecutiveFailures,
      targetReached: stream.record.live.targetReached,
    })
  }

  /** Evaluates one rung with everything that this search says about it. Never throws. */
  const evaluateIn =
    ({ store, trials }: Session<A>, evaluator: Evaluator<A>, follow: Followers) =>
    async (job: Job, publish: (draft: EventDraft) => void): Promise<Outcome> => {
      const { trial, rung, fidelity, seed: trialSeed, checkpoint } = job
      const { genotype } = job.proposal
      let own: AbortController | undefined
      try {
        const data = checkpoint && (await store.artifacts.read(checkpoint.name))
        const outcome = await evaluateTrial(
          evaluator,
          { trial, genotype, architecture: space.decode(genotype), seed: trialSeed, fidelity },
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
      evaluatorUsed = evaluator
      if (isFirst && evaluator.recall) recallResults(stream.record, evaluator)
      if (isFirst && setup.isTrainerIgnored()) yield* await stream.publish(unusedTrainer())
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
        // The first error says what happened; that its session could not be closed either is a consequence.
        await (failure ? closing.catch(() => {}) : closing)
      }
    }
  }

  function recallResults({ trials }: StudyRecord, evaluator: Evaluator<A>) {
    for (const { genotype, rungs } of trials)
      for (const { fidelity, metrics, reward } of rungs)
        if (reward !== undefined) evaluator.recall?.(space.decode(genotype), fidelity, { metrics })
  }

  /** The evaluator, once it is there; or the reason of an abort, so that a worker that never starts holds up nothing. */
  function createdEvaluator(): Promise<Evaluator<A>> {
    const { signal } = abort
    const created = composition.get(EVALUATOR)() as Promise<Evaluator<A>>
    return new Promise((resolve, reject) => {
      const stop = () => reject(error('ARCHLOOM_SEARCH_DISPOSED', { study: location() }))
      if (disposed) return stop()
      signal.addEventListener('abort', () => disposed && stop(), { once: true })
      created.then(resolve, reject)
      created.then(
        (evaluator) => {
          if (disposed) void evaluator[Symbol.asyncDispose]?.()
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

  /** What a user observed. Error: ARCHLOOM_EVALUATION_INVALID. */
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
      // Its event is written with the next one, and so the next call returns it.
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
      wanted.push(genotype)
      if (running) return
      await begin(current)
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
      // Where the store refused it, the same observation is written now.
      if (stream.owes(trial)) await stream.publish()
      else {
        await begin(current)
        await stream.publish(trials.end(trial, outcome, 0))
      }
      const ready = commit === 'arrival' ? trials.untold : trials.committable
      for (const each of ready) await stream.publish(...trials.commit([each]))
    },
    describe: () => describe({ space, plugins, composition, seed, objectives, study: location() }),
    cite: () => cite(space, definition, plugins),
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      abort.abort('disposed')
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
        const finished = Promise.allSettled(finishers.map(async (finish) => finish()))
        await Promise.race([finished, realTimeLimit(OBSERVER_MS)])
      }
      await attempt(() => controller?.[Symbol.dispose]())
      await attempt(() => evaluatorUsed?.[Symbol.asyncDispose]?.())
      // Whatever a part did when it was disposed of, the study must not stay locked.
      await attempt(() => current?.stream.close())
      if (failures.length > 0) throw failures[0]
    },
  }
}

/** Facts of an evaluation say which trial they belong to, where there is room for it. */
const withTrial = (facts: Json, trial: number): Json =>
  typeof facts === 'object' && facts !== null && !Array.isArray(facts) && !('trial' in facts)
    ? { trial, ...(facts as Readonly<Record<string, Json>>) }
    : facts

interface Followers {
  readonly signal: AbortSignal
  controller(): AbortController
  release(controller: AbortController): void
}

/** Controllers that follow one signal, which has one listener however many they are. */
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

const realTimeLimit = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    if (typeof timer === 'object') timer.unref?.()
  })
