import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Evaluation, EvaluationContext, EvaluationRequest } from '../../core/evaluator.ts'
import type { RandomState } from '../../core/random.ts'
import { error } from './errors.ts'
import { type FromWorker, fromThrown, type ToWorker } from './protocol.ts'

export interface WorkerOptions {
  readonly module: string
  readonly rng: RandomState
  readonly clock: Clock
  /** How long an aborted evaluation may take to end before its process is killed. */
  readonly graceMs: number
}

/** One process that evaluates one trial at a time. */
export interface WorkerProcess {
  readonly alive: boolean
  readonly space: { readonly name: string; readonly fingerprint: string } | null
  evaluate(request: EvaluationRequest, context: EvaluationContext): Promise<Evaluation>
  stop(): Promise<void>
}

const isSource = import.meta.url.endsWith('.ts')
const program = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url))
/** In a checkout the worker's program is TypeScript as well. */
const execArgv = isSource
  ? ['--import', new URL('../../core/cli/typescript.mjs', import.meta.url).href]
  : process.execArgv

const LAST_WORDS = 1000

/** Resolves once the worker has loaded the module. Errors: what the module throws, ARCHLOOM_WORKER_DIED. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  // What it prints goes to stderr: stdout may be a program's result.
  const child = fork(program, { execArgv, serialization: 'advanced', stdio: ['ignore', 2, 'pipe', 'ipc'] })
  const life = watch(child)
  const say = (message: ToWorker) => {
    if (child.connected) child.send(message, () => {})
  }
  const hear = <T>(pick: (message: FromWorker, done: (value: T) => void, fail: (thrown: unknown) => void) => void) => {
    const { promise, resolve, reject } = deferred<T>()
    const listener = (message: FromWorker) => pick(message, resolve, reject)
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
  say({ type: 'start', module: options.module, rng: options.rng })
  const space = await ready.catch(async (thrown: unknown) => {
    await life.stop()
    throw thrown
  })

  let next = 0
  return {
    space,
    get alive() {
      return life.alive
    },
    stop: life.stop,
    async evaluate(request, { signal, report, tell, checkpoint, saveCheckpoint, started }) {
      signal.throwIfAborted()
      const id = next++
      const settled = new AbortController()
      const onAbort = () => {
        say({ type: 'abort', id, reason: messageOf(signal.reason) })
        void options.clock.sleep(options.graceMs, settled.signal).then(() => {
          // It may sit in a loop that never looks at its signal.
          if (!settled.signal.aborted) child.kill('SIGKILL')
        })
      }
      const answer = hear<Evaluation>((message, done, fail) => {
        if (!('id' in message) || message.id !== id) return
        if (message.type === 'report' && report(message.step, message.metrics) === 'stop') say({ type: 'give-up', id })
        if (message.type === 'tell') tell(message.name, message.facts, message.plugin)
        if (message.type === 'checkpoint') saveCheckpoint?.(message.data)
        if (message.type === 'evaluated') done(message.evaluation)
        if (message.type === 'threw') fail(fromThrown(message.thrown))
      })
      signal.addEventListener('abort', onAbort, { once: true })
      started()
      const mayContinue = saveCheckpoint !== undefined
      say({ type: 'evaluate', id, request, mayContinue, ...(checkpoint && { checkpoint }) })
      try {
        return await answer
      } finally {
        settled.abort()
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

/** The end of a process, as an error that says why, and the way to bring it about. */
function watch(child: ChildProcess) {
  let output = ''
  let ended: Error | undefined
  const waiting = new Set<(ended: Error) => void>()
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-LAST_WORDS)
  })
  const onEnd = (listener: (ended: Error) => void) => {
    if (ended) listener(ended)
    else waiting.add(listener)
    return () => void waiting.delete(listener)
  }
  const end = (exit: string) => {
    ended = error('ARCHLOOM_WORKER_DIED', { exit, output: output.trim() })
    for (const listener of waiting) listener(ended)
  }
  // 'close' comes after 'exit', when the last words have been read.
  child.on('close', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`))
  child.on('error', (thrown) => end(messageOf(thrown)))
  const stop = () =>
    new Promise<void>((resolve) => {
      onEnd(() => resolve())
      child.kill('SIGKILL')
    })
  return {
    onEnd,
    stop,
    get alive() {
      return ended === undefined
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
