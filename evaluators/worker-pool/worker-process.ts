import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../core/clock.ts'
import { type ArchloomError, messageOf } from '../../core/errors.ts'
import type { Evaluation, EvaluationContext, EvaluationRequest } from '../../core/evaluator.ts'
import type { RandomState } from '../../core/random.ts'
import { error } from './errors.ts'
import { type FromWorker, fromThrown, opened, sealed, type ToWorker } from './protocol.ts'

export interface WorkerOptions {
  readonly module: string
  readonly rng: RandomState
  readonly clock: Clock
  /** How long an aborted evaluation may take to end before its process is killed. */
  readonly graceMs: number
  /** Milliseconds between two heartbeats of an evaluation. Default: no heartbeats. */
  readonly heartbeatMs?: number
  /**
   * Whether there are as many processes as cores. V8 then collects garbage on the thread that computes: its own threads
   * would take time from the other processes.
   */
  readonly isCrowded: boolean
  /** Aborts the start of a process. */
  readonly signal: AbortSignal
}

/** One process that evaluates one trial at a time. */
export interface WorkerProcess {
  readonly pid: number
  readonly space: { readonly name: string; readonly fingerprint: string } | null
  /** Why the process has ended; undefined while it is running. */
  readonly ended: ArchloomError | undefined
  /** Number of evaluations so far, and the memory of the process in bytes after the last one. */
  readonly evaluations: number
  readonly megabytes: number
  /**
   * `began` is called when the worker has accepted the request. If the process ends before that, the trial is not the
   * cause. Errors: those of the evaluator, ARCHLOOM_WORKER_DIED.
   */
  evaluate(request: EvaluationRequest, context: EvaluationContext, began: () => void): Promise<Evaluation>
  stop(): Promise<void>
}

const isSource = import.meta.url.endsWith('.ts')
const program = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url))
/** In a checkout the program of the worker is TypeScript. */
const execArgv = isSource
  ? ['--import', new URL('../../core/cli/typescript.mjs', import.meta.url).href]
  : process.execArgv

const LAST_WORDS = 1000
/**
 * How long to wait for the last output of a process that has ended. The wait is limited, because a program that it
 * started may keep its pipes open.
 */
const LAST_WORDS_MS = 100

/** Resolves once the worker has loaded the module. Errors: those of the module, ARCHLOOM_WORKER_DIED. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const { module, rng, clock, graceMs, heartbeatMs, isCrowded, signal: starting } = options
  // Everything that it prints goes to stderr, because stdout may carry a program's result.
  const stdio = ['ignore', 2, 'pipe', 'ipc'] as const
  const child = fork(program, [String(process.pid)], {
    execArgv: isCrowded ? ['--single-threaded-gc', ...execArgv] : execArgv,
    serialization: 'advanced',
    stdio: [...stdio],
  })
  const life = watch(child, clock)
  const say = (message: ToWorker) => {
    if (child.connected) child.send(sealed(message), () => {})
  }
  const hear = <T>(pick: (message: FromWorker, done: (value: T) => void, fail: (thrown: unknown) => void) => void) => {
    const { promise, resolve, reject } = deferred<T>()
    const listener = (received: unknown) => {
      const message = opened<FromWorker>(received)
      if (message) pick(message, resolve, reject)
    }
    child.on('message', listener)
    const forget = life.onEnd(reject)
    return promise.finally(() => {
      child.off('message', listener)
      forget()
    })
  }

  const ready = hear<WorkerProcess['space']>((message, done, fail) => {
    if (message.type === 'ready') done(message.space)
    if (message.type === 'refused') fail(fromThrown(message.thrown))
  })
  const giveUp = () => void life.stop()
  if (starting.aborted) giveUp()
  starting.addEventListener('abort', giveUp, { once: true })
  say({ type: 'start', module, rng, ...(heartbeatMs !== undefined && { heartbeatMs }) })
  const space = await ready
    .catch(async (thrown: unknown) => {
      await life.stop()
      throw thrown
    })
    .finally(() => starting.removeEventListener('abort', giveUp))

  let next = 0
  let megabytes = 0
  return {
    pid: child.pid ?? 0,
    space,
    get ended() {
      return life.ended
    },
    get evaluations() {
      return next
    },
    get megabytes() {
      return megabytes
    },
    stop: life.stop,
    async evaluate(request, { signal, report, tell, checkpoint, saveCheckpoint, started }, began) {
      signal.throwIfAborted()
      const id = next++
      const settled = new AbortController()
      /** An error of the search in a callback of the evaluation. It becomes the result once the worker has stopped. */
      let refused: { readonly thrown: unknown } | undefined
      const abort = (reason: unknown) => {
        say({ type: 'abort', id, reason: messageOf(reason) })
        void clock.sleep(graceMs, settled.signal).then(() => {
          // The evaluation may be in a loop that never checks its signal.
          if (!settled.signal.aborted) child.kill('SIGKILL')
        })
      }
      const onAbort = () => abort(signal.reason)
      const take = (message: FromWorker) => {
        if (message.type === 'report' && report(message.step, message.metrics) === 'stop') say({ type: 'give-up', id })
        if (message.type === 'tell') tell(message.name, message.facts, message.plugin)
        if (message.type === 'checkpoint') saveCheckpoint?.(message.data)
        if (message.type === 'heartbeat') tell('heartbeat', { pid: child.pid ?? 0, megabytes: message.megabytes }, POOL)
      }
      const answer = hear<Evaluation>((message, done, fail) => {
        if (!('id' in message) || message.id !== id) return
        if (message.type === 'began') began()
        try {
          if (!refused) take(message)
        } catch (thrown) {
          refused = { thrown }
          abort(thrown)
        }
        if (message.type === 'evaluated' || message.type === 'threw') megabytes = message.megabytes
        if (message.type === 'evaluated') done(message.evaluation)
        if (message.type === 'threw') fail(fromThrown(message.thrown))
      })
      signal.addEventListener('abort', onAbort, { once: true })
      started()
      const mayContinue = saveCheckpoint !== undefined
      say({ type: 'evaluate', id, request, mayContinue, ...(checkpoint && { checkpoint }) })
      try {
        const evaluation = await answer
        if (refused) throw refused.thrown
        return evaluation
      } catch (thrown) {
        throw refused ? refused.thrown : thrown
      } finally {
        settled.abort()
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

/** The name under which the pool publishes its own events. */
export const POOL = 'worker-pool'

/** Watches the end of a process: an error that says why it ended, and a function that ends it. */
function watch(child: ChildProcess, clock: Clock) {
  let output = ''
  let ended: ArchloomError | undefined
  const waiting = new Set<(ended: ArchloomError) => void>()
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-LAST_WORDS)
  })
  const onEnd = (listener: (ended: ArchloomError) => void) => {
    if (ended) listener(ended)
    else waiting.add(listener)
    return () => void waiting.delete(listener)
  }
  const end = (exit: string) => {
    if (ended) return
    ended = error('ARCHLOOM_WORKER_DIED', { exit, output: output.trim() })
    for (const listener of waiting) listener(ended)
    child.stderr?.destroy()
  }
  child.on('exit', (code, signal) => {
    const exit = signal ? `signal ${signal}` : `exit code ${code}`
    // 'close' comes when the last output has been read.
    child.once('close', () => end(exit))
    void clock.sleep(LAST_WORDS_MS).then(() => end(exit))
  })
  child.on('error', (thrown) => {
    // If the process could not be started, 'exit' never comes.
    if (child.pid === undefined) end(messageOf(thrown))
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      onEnd(() => resolve())
      child.kill('SIGKILL')
    })
  return {
    onEnd,
    stop,
    get ended() {
      return ended
    },
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (thrown: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
