import { availableParallelism } from 'node:os'
import { realClock } from '../../core/clock.ts'
import { ArchloomError } from '../../core/errors.ts'
import type {
  Evaluation,
  EvaluationContext,
  Evaluator,
  EvaluatorDefinition,
  EvaluatorKind,
  EvaluatorParts,
} from '../../core/evaluator.ts'
import {
  among,
  group,
  list,
  number,
  type OptionsOf,
  options,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'
import { error } from './errors.ts'
import { POOL, startWorker, type WorkerProcess } from './worker-process.ts'

const declared = options('worker-pool', {
  module: required(
    value<URL>("a URL, such as new URL('./my-evaluator.ts', import.meta.url)", {
      holds: (received) => received instanceof URL,
      doc: "A module that exports `evaluator`, and `space` (the very space of the search) if the evaluator needs it: `new URL('./my-evaluator.ts', import.meta.url)`.",
    }),
  ),
  size: whole({
    min: 1,
    absent: 'the number of cores',
    doc: 'Processes, and evaluations at once; give createSearch the same `concurrency`.',
  }),
  metrics: list(text(), { doc: 'Names of the metrics, so that objectives on others are refused at once.' }),
  kind: among(['from-scratch', 'weight-sharing', 'tabular', 'zero-cost'], {
    default: 'from-scratch',
    doc: 'Kind of the evaluator, which plugins may ask for.',
  }),
  graceSeconds: number({
    min: 0,
    default: 5,
    doc: 'How long an aborted evaluation may take to end before its process is killed.',
  }),
  recycle: group(
    {
      trials: whole({ min: 1, absent: 'never', doc: 'After this many evaluations.' }),
      megabytes: number({ above: 0, absent: 'never', doc: 'When the process holds more memory than this many MiB.' }),
    },
    { doc: 'When a process is ended after an evaluation, and the next evaluation gets a new one.' },
  ),
  heartbeatSeconds: number({
    above: 0,
    absent: 'no heartbeats',
    doc: "Publishes the `plugin.event` 'heartbeat' with the process's number and memory so often while an evaluation runs. An evaluation that computes without a pause sends none.",
  }),
})

export type WorkerPoolOptions = OptionsOf<typeof declared>

/**
 * Runs another evaluator in separate processes, several trials at once. Only plain data is sent to them. If a process
 * dies, its trial fails with ARCHLOOM_WORKER_DIED and the reason 'lost', and is retried if `budget.retries` allows it;
 * the next trial gets a new process. Trials depend on their seeds only, so the size of the pool does not change
 * results. The time limit of a trial counts from the moment at which a process accepts it. Processes end with the one
 * that started them. Publishes 'worker.died', 'worker.recycled' and, if requested, 'heartbeat' as `plugin.event`.
 * Errors: ARCHLOOM_OPTION; when the search starts, ARCHLOOM_WORKER_MODULE, ARCHLOOM_WORKER_SPACE, and errors of the
 * module.
 */
export function workerPool(given: WorkerPoolOptions): EvaluatorDefinition {
  const { module, size = availableParallelism(), kind, metrics, graceSeconds, recycle, ...rest } = declared.read(given)
  const { heartbeatSeconds } = rest
  const name = `worker-pool ${module.pathname.split('/').at(-1)}`
  return {
    kind,
    name,
    concurrency: size,
    ...(metrics && { metrics }),
    create: (parts) =>
      pool(
        {
          name,
          kind,
          module: module.href,
          size,
          graceMs: 1000 * graceSeconds,
          recycleTrials: recycle.trials ?? Number.POSITIVE_INFINITY,
          recycleMegabytes: recycle.megabytes ?? Number.POSITIVE_INFINITY,
          ...(heartbeatSeconds !== undefined && { heartbeatMs: 1000 * heartbeatSeconds }),
        },
        parts,
      ),
  }
}

interface PoolOptions {
  readonly name: string
  readonly kind: EvaluatorKind
  readonly module: string
  readonly size: number
  readonly graceMs: number
  readonly recycleTrials: number
  readonly recycleMegabytes: number
  readonly heartbeatMs?: number
}

/** How many processes may die before accepting an evaluation until the evaluation counts as failed. */
const STILLBORN = 3

async function pool(options: PoolOptions, parts: EvaluatorParts): Promise<Evaluator> {
  const { name, kind, module, size, graceMs, recycleTrials, recycleMegabytes, heartbeatMs } = options
  const idle: WorkerProcess[] = []
  const all = new Set<WorkerProcess>()
  const starting = new Set<Promise<unknown>>()
  const queue: (() => void)[] = []
  const disposal = new AbortController()
  const abandon = () => disposal.abort(new Error('the search was disposed of'))
  if (parts.signal?.aborted) abandon()
  parts.signal?.addEventListener('abort', abandon, { once: true })
  let busy = 0

  const startOne = async () => {
    const worker = await startWorker({
      module,
      rng: parts.rng.snapshot(),
      clock: realClock,
      graceMs,
      ...(heartbeatMs !== undefined && { heartbeatMs }),
      isCrowded: size >= availableParallelism(),
      signal: disposal.signal,
    })
    const { name: space, fingerprint } = parts.space
    if (worker.space && worker.space.fingerprint !== fingerprint) {
      await worker.stop()
      const describe = (each: { name: string; fingerprint: string }) => `"${each.name}" (${each.fingerprint})`
      const expected = describe({ name: space, fingerprint })
      throw error('ARCHLOOM_WORKER_SPACE', { module, received: describe(worker.space), expected })
    }
    all.add(worker)
    return worker
  }
  const start = () => {
    const started = startOne()
    starting.add(started)
    const forget = () => void starting.delete(started)
    started.then(forget, forget)
    return started
  }
  /** Waits for a free place among the running evaluations. A place that becomes free goes to the first that waits. */
  const enter = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (busy < size) {
        busy++
        return resolve()
      }
      const leave = () => {
        queue.splice(queue.indexOf(enter), 1)
        reject(signal.reason)
      }
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      queue.push(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  const leave = () => {
    const next = queue.shift()
    if (next) next()
    else busy--
  }
  const take = async (): Promise<WorkerProcess> => {
    for (let worker = idle.pop(); worker; worker = idle.pop()) {
      if (!worker.ended) return worker
      all.delete(worker)
    }
    return start()
  }
  const give = async (worker: WorkerProcess, tell: EvaluationContext['tell']) => {
    const { pid, evaluations, megabytes, ended } = worker
    if (!ended && evaluations < recycleTrials && megabytes <= recycleMegabytes) idle.push(worker)
    else {
      if (!ended) {
        tell('worker.recycled', { pid, evaluations, megabytes }, POOL)
        await worker.stop()
      }
      all.delete(worker)
    }
  }
  const evaluateOnce = async (
    request: Parameters<Evaluator['evaluate']>[0],
    context: EvaluationContext,
    isLastTry: boolean,
  ): Promise<{ readonly evaluation: Evaluation } | undefined> => {
    const worker = await take()
    let hasBegun = false
    try {
      const evaluation = await worker.evaluate(request, context, () => {
        hasBegun = true
      })
      return { evaluation }
    } catch (thrown) {
      if (!worker.ended || !ArchloomError.is(thrown) || context.signal.aborted) throw thrown
      // The process had died earlier without being noticed, which is not a failure of this trial.
      if (!hasBegun && !isLastTry) return undefined
      context.tell('worker.died', { pid: worker.pid, message: thrown.message }, POOL)
      throw thrown
    } finally {
      await give(worker, context.tell)
    }
  }

  // A module that cannot be loaded is a mistake in the program, not a failed trial, so it is loaded before the first
  // trial.
  for (let tries = 1; idle.length === 0; tries++)
    try {
      idle.push(await start())
    } catch (thrown) {
      // A process that another one killed says nothing about the module.
      const wasKilled =
        ArchloomError.is(thrown) &&
        thrown.code === 'ARCHLOOM_WORKER_DIED' &&
        /^signal/.test(String(thrown.details.exit))
      if (!wasKilled || tries === STILLBORN || disposal.signal.aborted) throw thrown
    }
  return {
    kind,
    name,
    concurrency: size,
    queues: true,
    async evaluate(request, context) {
      await enter(context.signal)
      try {
        for (let tries = 1; ; tries++) {
          const done = await evaluateOnce(request, context, tries === STILLBORN)
          if (done) return done.evaluation
        }
      } finally {
        leave()
      }
    },
    async [Symbol.asyncDispose]() {
      disposal.abort(new Error('the pool was disposed of'))
      await Promise.allSettled(starting)
      await Promise.all([...all].map((worker) => worker.stop()))
    },
  }
}
