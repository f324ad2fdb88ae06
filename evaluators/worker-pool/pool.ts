import { availableParallelism } from 'node:os'
import { realClock } from '../../core/clock.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorKind, EvaluatorParts } from '../../core/evaluator.ts'
import { optionError } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'

export interface WorkerPoolOptions {
  /**
   * A module that exports `evaluator`, and `space` (the very space of the search) if the evaluator needs it:
   * `new URL('./my-evaluator.ts', import.meta.url)`.
   */
  readonly module: URL
  /** Processes, and evaluations at once; give createSearch the same `concurrency`. Default: the number of cores. */
  readonly size?: number
  /** Names of the metrics, so that objectives on others are refused at once. */
  readonly metrics?: readonly string[]
  /** Default 'from-scratch'. */
  readonly kind?: EvaluatorKind
  /** How long an aborted evaluation may take to end before its process is killed. Default 5 s. */
  readonly graceSeconds?: number
}

/**
 * Runs another evaluator in processes of their own, several trials at once. Only plain data crosses. A process that
 * dies fails its trial with ARCHLOOM_WORKER_DIED, and the next trial gets a new one. Trials depend on their seeds only:
 * the size of the pool changes no result.
 * Errors: ARCHLOOM_OPTION; when the search starts, ARCHLOOM_WORKER_MODULE, ARCHLOOM_WORKER_SPACE, and what
 * the module throws.
 */
export function workerPool(options: WorkerPoolOptions): EvaluatorDefinition {
  const { module, size = availableParallelism(), kind = 'from-scratch', metrics, graceSeconds = 5 } = options
  const refuse = (option: string, received: unknown, expected: string) =>
    optionError('worker-pool', option, received, expected)
  if (!(module instanceof URL))
    throw refuse('module', module, "a URL, such as new URL('./my-evaluator.ts', import.meta.url)")
  if (!(Number.isInteger(size) && size >= 1)) throw refuse('size', size, 'a whole number of at least 1')
  if (!(graceSeconds >= 0)) throw refuse('graceSeconds', graceSeconds, 'a number of seconds of at least 0')
  const name = `worker-pool ${module.pathname.split('/').at(-1)}`
  return {
    kind,
    name,
    concurrency: size,
    ...(metrics && { metrics }),
    create: (parts) => pool({ name, kind, module: module.href, size, graceMs: 1000 * graceSeconds }, parts),
  }
}

interface PoolOptions {
  readonly name: string
  readonly kind: EvaluatorKind
  readonly module: string
  readonly size: number
  readonly graceMs: number
}

async function pool({ name, kind, module, size, graceMs }: PoolOptions, parts: EvaluatorParts): Promise<Evaluator> {
  const idle: WorkerProcess[] = []
  const all = new Set<WorkerProcess>()
  const queue: (() => void)[] = []
  let busy = 0

  const start = async () => {
    const worker = await startWorker({ module, rng: parts.rng.snapshot(), clock: realClock, graceMs })
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
  const take = async () => {
    // Abandoned evaluations may still hold their processes; who waits is handed the place of the one that ends.
    if (busy >= size) await new Promise<void>((resolve) => queue.push(resolve))
    else busy++
    for (let worker = idle.pop(); worker; worker = idle.pop()) if (worker.alive) return worker
    return start()
  }
  const give = (worker: WorkerProcess | undefined) => {
    if (worker?.alive) idle.push(worker)
    else if (worker) all.delete(worker)
    const next = queue.shift()
    if (next) next()
    else busy--
  }

  // A module that cannot be loaded is a mistake in the program, not a failed trial: find out before the first one.
  idle.push(await start())
  return {
    kind,
    name,
    concurrency: size,
    queues: true,
    async evaluate(request, context) {
      let worker: WorkerProcess | undefined
      try {
        worker = await take()
        return await worker.evaluate(request, context)
      } finally {
        give(worker)
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...all].map((worker) => worker.stop()))
    },
  }
}
