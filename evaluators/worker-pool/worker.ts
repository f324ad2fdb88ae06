/** The program of a worker process: loads a module's evaluator and answers one request after the other. */
import { realClock } from '../../core/clock.ts'
import { quote } from '../../core/errors.ts'
import type { Evaluator, EvaluatorDefinition, EvaluatorFunction } from '../../core/evaluator.ts'
import { seeded } from '../../core/random.ts'
import type { SearchSpace } from '../../core/space/space.ts'
import { endWithParent } from './end-with-parent.ts'
import { error } from './errors.ts'
import { type FromWorker, opened, sealed, type ToWorker, toThrown } from './protocol.ts'

const EXPECTED =
  'a module that exports `evaluator` (a function, an evaluator, or a definition such as trainFromScratch() returns) and, for a definition, `space`'

interface WorkerModule {
  readonly evaluator?: EvaluatorFunction | Evaluator | EvaluatorDefinition
  readonly space?: SearchSpace
}

// Runs before any code of the user is loaded.
endWithParent(Number(process.argv[2]))

// An evaluator may replace process.send or disconnect; a disconnect ends its process.
const channel = process.send?.bind(process)
const send = (message: FromWorker) => channel?.(sealed(message))
const megabytes = () => process.memoryUsage.rss() / 2 ** 20
let heartbeatMs: number | undefined
const underWay = new Map<number, { readonly abort: AbortController; givenUp: boolean }>()
let evaluator: Evaluator | undefined

async function load({ module, rng: state }: ToWorker & { type: 'start' }): Promise<SearchSpace | undefined> {
  const refuse = (received: string) => error('ARCHLOOM_WORKER_MODULE', { module, received, expected: EXPECTED })
  const { evaluator: given, space } = (await import(module)) as WorkerModule
  if (typeof given === 'function')
    evaluator = {
      kind: 'from-scratch',
      name: given.name || 'function',
      evaluate: async (request, context) => ({ metrics: await given(request.architecture, request, context) }),
    }
  else if (typeof given !== 'object' || given === null) throw refuse(`its evaluator is ${quote(given)}`)
  else if ('evaluate' in given) evaluator = given
  else if (!space) throw refuse('it exports no space')
  else {
    const rng = seeded(0)
    rng.restore(state)
    evaluator = await given.create({ space, rng, clock: realClock })
  }
  return space
}

async function evaluate(message: ToWorker & { type: 'evaluate' }): Promise<void> {
  const { id, request, checkpoint, mayContinue } = message
  const abort = new AbortController()
  const trial = { abort, givenUp: false }
  underWay.set(id, trial)
  send({ type: 'began', id })
  const beat =
    heartbeatMs === undefined
      ? undefined
      : setInterval(() => send({ type: 'heartbeat', id, megabytes: megabytes() }), heartbeatMs)
  try {
    const evaluation = await (evaluator as Evaluator).evaluate(request, {
      signal: abort.signal,
      started: () => {},
      report: (step, metrics) => {
        send({ type: 'report', id, step, metrics })
        // The search decides in its own process; its answer to an earlier report may have arrived by now.
        return trial.givenUp ? 'stop' : 'continue'
      },
      tell: (name, facts, plugin) => send({ type: 'tell', id, name, facts, ...(plugin !== undefined && { plugin }) }),
      ...(checkpoint && { checkpoint }),
      ...(mayContinue && { saveCheckpoint: (data: Uint8Array) => void send({ type: 'checkpoint', id, data }) }),
    })
    send({ type: 'evaluated', id, evaluation, megabytes: megabytes() })
  } catch (thrown) {
    send({ type: 'threw', id, thrown: toThrown(thrown), megabytes: megabytes() })
  } finally {
    clearInterval(beat)
    underWay.delete(id)
  }
}

process.on('message', (received: unknown) => {
  const message = opened<ToWorker>(received)
  if (!message) return
  if (message.type === 'abort') underWay.get(message.id)?.abort.abort(new Error(message.reason))
  else if (message.type === 'give-up') {
    const trial = underWay.get(message.id)
    if (trial) trial.givenUp = true
  } else if (message.type === 'evaluate') void evaluate(message)
  else if (message.type === 'start') {
    heartbeatMs = message.heartbeatMs
    void load(message).then(
      (space) => send({ type: 'ready', space: space ? { name: space.name, fingerprint: space.fingerprint } : null }),
      (thrown: unknown) => send({ type: 'refused', thrown: toThrown(thrown) }),
    )
  }
})
// The search handles Ctrl-C and SIGTERM, which terminals and supervisors send to all processes of a group: it aborts the
// evaluations and then disconnects.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit())
