import { availableParallelism, hostname } from 'node:os'
import type { Job } from 'bullmq'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { type Evaluator, realClock, seeded } from '../../core/index.ts'
import { workerPool } from '../../evaluators/worker-pool/index.ts'
import { checkpointsAt, kindOfPlace } from './checkpoints.ts'
import { codeFingerprint } from './code.ts'
import { evaluateWire, type Running } from './evaluate.ts'
import { keysOf, PREFIX, queueName } from './keys.ts'
import { evaluatorHere, loadWorkerModule } from './module.ts'
import { type Brought, misfit, searchesOf, type WorkerReport } from './presence.ts'
import { loadBullmq, type Redis, redisAt } from './redis.ts'
import { encode, readJob, type WireNews, type WireOutcome, type WireResult, type WireThrown } from './wire.ts'
import { type DistributedWorkerOptions, declaredWorker } from './worker-options.ts'

export interface DistributedWorker {
  /** Its name in events: the name of the machine and the number of the process. */
  readonly name: string
  /** Number of evaluations so far. */
  readonly trials: number
  /** Resolves when the worker has left. Rejects if no search can use the worker, with the code of the reason. */
  readonly ended: Promise<void>
  /** 'finish': takes no more jobs, and finishes its own. 'now': returns its jobs, which other workers start again. */
  leave(how: 'finish' | 'now'): Promise<void>
}

/** Interval at which a worker checks for searches that do not accept it, and for dropped evaluations. */
const LOOK_MS = 5000
/** How long a leaving worker waits for a Redis that does not answer, and the interval of its checks. */
const [CLOSE_MS, ROUND_MS] = [3000, 250]
/** Interval between two messages about the progress of a job. */
const NEWS_MS = 50
/**
 * Number of results that Redis did not accept (for example because it was restarted) and that are kept until the job
 * returns.
 */
const UNDELIVERED = 100

const thrownOf = (thrown: unknown): WireThrown =>
  ArchloomError.is(thrown) ? { message: thrown.message, code: thrown.code } : { message: messageOf(thrown) }

/**
 * A worker of distributed searches: takes jobs until it leaves. Evaluations run in processes of their own (as those of
 * workerPool), so this process keeps reporting that the job is alive, whatever an evaluation computes.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_DISTRIBUTED_INSTALL, ARCHLOOM_DISTRIBUTED_REDIS, ARCHLOOM_DISTRIBUTED_MODULE,
 * ARCHLOOM_DISTRIBUTED_SPACE, ARCHLOOM_DISTRIBUTED_CODE, ARCHLOOM_DISTRIBUTED_CHECKPOINTS.
 */
export async function distributedWorker(given: DistributedWorkerOptions): Promise<DistributedWorker> {
  const { module, queue, inProcess, lockSeconds, recoveries, graceSeconds, recycle, ...rest } =
    declaredWorker.read(given)
  const { size = inProcess ? 8 : availableParallelism(), checkpoints: checkpointPlace, log = () => {} } = rest
  const keys = keysOf(queue)
  const place = await redisAt(rest.redis)
  const { Worker, WaitingError } = await loadBullmq()
  const exported = await loadWorkerModule(module)
  const { space } = exported
  const { fingerprint, files } = codeFingerprint(module)
  const likeness = { code: rest.code ?? fingerprint, space: space.fingerprint }
  const brought: Brought = {
    ...likeness,
    module: module.href,
    spaceName: space.name,
    files,
    checkpoints: kindOfPlace(checkpointPlace),
  }
  const name = `${hostname()}-${process.pid}`
  const clients: Redis[] = []
  const connect = async () => {
    const client = await place.connect()
    clients.push(client)
    return client
  }
  const hangUp = () => {
    for (const each of clients) each.disconnect()
  }
  let evaluator: Evaluator | undefined
  try {
    const client = await connect()
    const report = (about: Omit<WorkerReport, 'worker' | 'size'>) =>
      client.publish(keys.reports, JSON.stringify({ ...about, worker: name, size }))
    const refusal = async () => {
      const thrown = misfit(await searchesOf(client, queue), brought)
      if (thrown) await report({ kind: 'refused', code: thrown.code, message: thrown.message })
      return thrown
    }
    const refused = await refusal()
    if (refused) throw refused
    const checkpoints = await checkpointsAt(checkpointPlace, client, queue)
    evaluator = inProcess
      ? await evaluatorHere(exported)
      : await workerPool({ module, size, graceSeconds, recycle }).create({ space, rng: seeded(0), clock: realClock })
    const evaluating = evaluator

    /**
     * Trials that are evaluated now, by job; and running jobs, which this worker may receive again if Redis has lost
     * them.
     */
    const running = new Map<string, Running[]>()
    const added = new Map<string, number>()
    const underWay = new Map<string, Promise<string>>()
    const undelivered = new Map<string, string>()
    let isLeavingNow = false
    let count = 0

    const carryOut = async (job: Job): Promise<string> => {
      const id = String(job.id)
      const trials: Running[] = []
      running.set(id, trials)
      added.set(id, job.timestamp)
      let news: WireNews[] = []
      let telling = Promise.resolve()
      const flush = (isLast = false) => {
        // The message that it began is obsolete once it has ended.
        if (news.length === 0 || (isLast && news.every((each) => 'began' in each))) return telling
        const text = encode('progress message', news)
        news = []
        telling = telling.then(() => job.updateProgress({ news: text })).catch(() => {})
        return telling
      }
      const beat = setInterval(() => void flush(), NEWS_MS)
      const answer = (
        result: Pick<WireResult & { outcomes: readonly WireOutcome[] }, 'outcomes'> | { refused: WireThrown },
      ) => encode('result', { worker: name, ...result })
      try {
        const { study, studyId, trials: wires } = readJob(job.data)
        const outcomes: WireOutcome[] = []
        for (const wire of wires) {
          const one: Running = { wire, abort: new AbortController(), isGivenUp: false }
          trials.push(one)
          const tell = (about: WireNews) => {
            // Checked here, so that a result that is too large is an error of the evaluation.
            if (!('began' in about)) encode('progress message', [about])
            news.push(about)
          }
          const context = { study, studyId, evaluator: evaluating, space, checkpoints, job: id, tell }
          const began = performance.now()
          const outcome = await evaluateWire(one, context)
          outcomes.push({ ...outcome, seconds: (performance.now() - began) / 1000 })
          if (isLeavingNow) break
          count++
        }
        clearInterval(beat)
        await flush(true)
        return answer({ outcomes })
      } catch (thrown) {
        return answer({ refused: thrownOf(thrown) })
      } finally {
        clearInterval(beat)
        running.delete(id)
        added.delete(id)
      }
    }
    const takeUp = async (job: Job, token?: string): Promise<string> => {
      const id = String(job.id)
      const known = undelivered.get(id)
      if (known !== undefined) return known
      const current = underWay.has(id) ? running.get(id)?.at(-1)?.wire : undefined
      if (current) {
        // The search has stopped the time limit, because it took the job for lost.
        const news = encode('progress message', [{ trial: current.trial, rung: current.rung, began: true }])
        void job.updateProgress({ news }).catch(() => {})
      }
      const work = underWay.get(id) ?? carryOut(job)
      underWay.set(id, work)
      let text: string
      try {
        text = await work
      } finally {
        underWay.delete(id)
      }
      if (isLeavingNow) {
        await job.moveToWait(token)
        throw new WaitingError()
      }
      undelivered.set(id, text)
      for (const oldest of undelivered.keys()) {
        if (undelivered.size <= UNDELIVERED) break
        undelivered.delete(oldest)
      }
      return text
    }

    const worker = new Worker(queueName(queue, likeness), takeUp, {
      connection: client,
      prefix: PREFIX,
      name,
      concurrency: size,
      autorun: false,
      lockDuration: 1000 * lockSeconds,
      stalledInterval: 1000 * lockSeconds,
      maxStalledCount: recoveries,
    })
    worker.on('error', () => {})
    worker.on('completed', (job) => void undelivered.delete(String(job.id)))

    let finish = () => {}
    let fail: (thrown: unknown) => void = () => {}
    const ended = new Promise<void>((resolve, reject) => {
      finish = resolve
      fail = reject
    })
    ended.catch(() => {})
    const abort = (job: string, reason: string, match = (_: Running) => true) => {
      for (const one of running.get(job) ?? []) if (match(one)) one.abort.abort(new Error(reason))
    }
    let leaving: Promise<void> | undefined
    const leave = (how: 'finish' | 'now') => {
      if (how === 'now') {
        isLeavingNow = true
        for (const job of running.keys()) abort(job, 'the worker leaves')
      }
      leaving ??= (async () => {
        clearInterval(look)
        const closed = worker.close()
        // Closing contacts Redis, which may be gone, so it is awaited only while there is work to return.
        for (let idleMs = 0; !(await isDoneWithin(closed, ROUND_MS)) && idleMs < CLOSE_MS; )
          idleMs = running.size > 0 && !isLeavingNow ? 0 : idleMs + ROUND_MS
        if (!(await isDoneWithin(closed, 0))) await isDoneWithin(worker.close(true), ROUND_MS)
        await isDoneWithin(report({ kind: 'left' }), CLOSE_MS)
        await evaluating[Symbol.asyncDispose]?.()
        hangUp()
        finish()
      })()
      return leaving
    }
    const looks = async () => {
      const thrown = await refusal()
      if (thrown) {
        fail(thrown)
        await leave('now')
        return false
      }
      const jobs = [...running.keys()]
      if (jobs.length > 0) {
        const dropped = await client.mget(jobs.map(keys.dropped))
        for (const [at, job] of jobs.entries())
          if (dropped[at] === String(added.get(job))) abort(job, 'the search gave it up')
      }
      return true
    }
    const look = setInterval(() => void looks().catch(() => {}), LOOK_MS)

    const orders = await connect()
    await orders.subscribe(keys.orders)
    orders.on('message', (_channel, text) => {
      const order = readOrder(text)
      if (!order) return
      if (order.kind === 'hello') {
        // A new search has announced itself, or an old one has renewed its announcement.
        const greet = async () => {
          if (await looks()) await report({ kind: 'joined' })
        }
        void greet().catch(() => {})
        return
      }
      const isMeant = ({ wire }: Running) => wire.trial === order.trial && wire.rung === order.rung
      if (order.kind === 'abort') abort(order.job, 'the search gave it up', isMeant)
      else for (const one of running.get(order.job) ?? []) if (isMeant(one)) one.isGivenUp = true
    })
    await report({ kind: 'joined' })
    void worker.run().catch(fail)
    log(
      `${name} works for queue "${queue}" at ${place.url}: space "${space.name}", ${size} at once, code ${likeness.code}`,
    )
    return {
      name,
      ended,
      leave,
      get trials() {
        return count
      },
    }
  } catch (thrown) {
    await evaluator?.[Symbol.asyncDispose]?.()
    hangUp()
    throw thrown
  }
}

/** Whether a promise is settled within this number of milliseconds. */
async function isDoneWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  try {
    return await Promise.race([
      promise.then(
        () => true,
        () => true,
      ),
      late,
    ])
  } finally {
    clearTimeout(timer)
  }
}

type Order =
  | { readonly kind: 'hello' }
  | { readonly kind: 'abort' | 'give-up'; readonly job: string; readonly trial: number; readonly rung: number }

function readOrder(text: string): Order | undefined {
  try {
    const order: Order | null = JSON.parse(text)
    return order && ['hello', 'abort', 'give-up'].includes(order.kind) ? order : undefined
  } catch {
    return undefined
  }
}
