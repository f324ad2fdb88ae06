import {
  type EventDraft,
  type EventOf,
  messageOf,
  realClock,
  type SearchEvent,
  type SearchSpace,
  type Store,
  type StudyOptions,
  studiesAt,
  VERSION,
} from '../../../core/index.ts'

type Metrics = Readonly<Record<string, number>>

/** Every how many steps of training the loss is written down. */
const EVERY = 10

/**
 * Writes trials of images down as a study, so that a dashboard or a report can show them. A stretch of training is a rung:
 * a trial is paused after it, and continued, pruned or completed later.
 */
export interface ImageStudy<A> {
  start(trial: number, architecture: A, fidelity: number): void
  goOn(trial: number, rung: number, fidelity: number): void
  step(trial: number, step: number, loss: number): void
  measured(trial: number, rung: number, fidelity: number, metrics: Metrics): void
  drop(trial: number): void
  fail(trial: number, thrown: unknown): void
  complete(trial: number): void
  close(reason: 'trials' | 'stopped'): Promise<void>
}

interface ImageStudyFacts<A> {
  readonly space: SearchSpace<A>
  readonly seed: number
  readonly strategy: string
  readonly trials: number
  /** What trials are ranked by. Default: accuracy. */
  readonly metric?: string
  /** The limit of latency, which is a bound of the study. */
  readonly maxLatencyMs?: number | undefined
}

/** Writes nothing where no study is named. */
export async function imageStudy<A>(
  study: string | StudyOptions | undefined,
  facts: ImageStudyFacts<A>,
): Promise<ImageStudy<A>> {
  return writerTo(study === undefined ? undefined : await opened(study), facts)
}

async function opened(study: string | StudyOptions): Promise<Store> {
  const {
    name = 'fit-images',
    storage,
    directory = 'archloom-studies',
  } = typeof study === 'string' ? { name: study } : study
  const studies = typeof storage === 'object' ? storage : await studiesAt(storage ?? `journal:${directory}`)
  return studies.open(name, { mode: 'write', fresh: true })
}

interface Open {
  readonly genotype: EventOf<'trial.completed'>['genotype']
  began: number
  rung: number
  fidelity: number
  metrics: Metrics
  isRunning: boolean
}

function writerTo<A>(
  store: Store | undefined,
  { space, seed, strategy, trials, maxLatencyMs, metric = 'accuracy' }: ImageStudyFacts<A>,
): ImageStudy<A> {
  const clock = realClock
  const open = new Map<number, Open>()
  let count = 0
  const beginning = clock.now()
  let seq = 0
  let writing: void | Promise<void>
  const write = (draft: EventDraft) => {
    if (!store) return
    const event: SearchEvent = { seq: seq++, ...draft, at: clock.now() }
    writing = writing instanceof Promise ? writing.then(() => store.append([event])) : store.append([event])
  }
  const end = (trial: number): Open | undefined => {
    const known = open.get(trial)
    open.delete(trial)
    return known
  }
  write({
    type: 'search.started',
    archloom: VERSION,
    study: store?.name ?? '',
    space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
    parts: { plugins: `fit (${strategy})`, evaluator: 'images' },
    objectives: [
      { metric, direction: 'maximise', weight: 1, scale: 1 },
      ...(maxLatencyMs === undefined
        ? []
        : [{ metric: 'latencyMs', direction: 'minimise', weight: 0, scale: 1, atMost: maxLatencyMs } as const]),
    ],
    budget: { maxTrials: trials },
    seed,
    concurrency: 1,
    commit: 'ordered',
  })
  return {
    start(trial, architecture, fidelity) {
      const genotype = space.encode(architecture)
      count++
      open.set(trial, { genotype, began: clock.now(), rung: 0, fidelity, metrics: {}, isRunning: true })
      write({ type: 'trial.proposed', trial, genotype, seed, fidelity })
    },
    goOn(trial, rung, fidelity) {
      const known = open.get(trial)
      if (!known) return
      Object.assign(known, { began: clock.now(), rung, fidelity, isRunning: true })
      write({ type: 'trial.continued', trial, rung, fidelity })
    },
    step(trial, step, loss) {
      if (step % EVERY === 0 && open.get(trial)?.isRunning)
        write({ type: 'trial.progress', trial, step, metrics: { loss } })
    },
    measured(trial, rung, fidelity, metrics) {
      const known = open.get(trial)
      if (!known) return
      const { genotype, began } = known
      Object.assign(known, { metrics, isRunning: false })
      const result = {
        genotype,
        metrics,
        reward: metrics[metric] ?? 0,
        feasible: true,
        elapsedMs: clock.now() - began,
      }
      write({ type: 'trial.paused', trial, rung, fidelity, ...result })
    },
    drop(trial) {
      const known = end(trial)
      if (!known) return
      const { genotype, rung, fidelity, metrics } = known
      const pruned = { genotype, rung, fidelity, metrics, feasible: true, elapsedMs: 0 }
      write({ type: 'trial.pruned', trial, by: 'scheduler', ...pruned })
    },
    fail(trial, thrown) {
      const known = end(trial)
      if (!known?.isRunning) return
      const { genotype, began } = known
      const elapsedMs = clock.now() - began
      const code = 'ARCHLOOM_FIT_TRIAL_FAILED'
      write({ type: 'trial.failed', trial, genotype, reason: 'error', code, message: messageOf(thrown), elapsedMs })
    },
    complete(trial) {
      const known = end(trial)
      if (!known) return
      const { genotype, began, metrics } = known
      const result = {
        genotype,
        metrics,
        reward: metrics[metric] ?? 0,
        feasible: true,
        elapsedMs: clock.now() - began,
      }
      write({ type: 'trial.completed', trial, ...result })
    },
    async close(reason) {
      const facts = { trials: count, elapsedMs: clock.now() - beginning }
      const isCutOff = open.size > 0
      for (const trial of [...open.keys()]) this.drop(trial)
      if (isCutOff || reason === 'stopped') write({ type: 'search.stopped', reason: 'stopped', ...facts })
      else write({ type: 'search.finished', reason, ...facts })
      await writing
      await store?.close()
    },
  }
}
