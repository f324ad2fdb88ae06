import type { Queue } from 'bullmq'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { type Evaluator, type EvaluatorParts, realClock } from '../../core/index.ts'
import { error as poolError } from '../../evaluators/worker-pool/errors.ts'
import { type CheckpointPlace, checkpointsAt, kindOfPlace, readCheckpoint, refOf } from './checkpoints.ts'
import { error } from './errors.ts'
import { type JobSize, jobSize, type Load } from './job-size.ts'
import { digest, jobId, keysOf, type Likeness, PREFIX, queueName } from './keys.ts'
import { announce, readReport } from './presence.ts'
import { loadBullmq, type Redis, redisAt } from './redis.ts'
import { type Asked, isOpen, markStarted, markWaiting, type Sent } from './sent.ts'
import { encode, readNews, readResult, type WireOutcome } from './wire.ts'

export interface CoordinatorOptions {
  readonly name: string
  readonly kind: Evaluator['kind']
  readonly redis: string | undefined
  readonly queue: string
  readonly code: string
  readonly checkpoints: string
  readonly concurrency: number
  /** Default: it follows the duration of the trials. */
  readonly trialsPerJob?: number
}

/**
 * Interval at which the jobs in Redis are compared with the pending evaluations: messages may be lost with a
 * connection.
 */
const CHECK_MS = 3000
const RETRY_MS = 500
/** Number of consecutive refusals by a reachable server after which the trials fail. */
const REFUSALS = 10
/** Time without a worker after which the search says how to start one. */
const LONELY_MS = 10_000
/** Time without an answer after which a worker is lost; a worker answers each renewed announcement of the search. */
const SILENT_MS = 20_000
/** How long a job with fewer trials than planned waits for more, while workers have other jobs. */
const HOLD_MS = 5
const DROPPED_SECONDS = 24 * 3600
/** The name of the plugin in events. */
export const NAME = 'distributed'

/** The side of the search: sends rungs to Redis, and accepts each result once. */
export async function coordinate(options: CoordinatorOptions, parts: EvaluatorParts): Promise<Evaluator> {
  const { name, kind, queue: queueOption, code, concurrency, trialsPerJob } = options
  const likeness: Likeness = { code, space: parts.space.fingerprint }
  const keys = keysOf(queueOption)
  const place = await redisAt(options.redis)
  const { Queue, QueueEvents } = await loadBullmq()
  const clients: Redis[] = []
  const connect = async () => {
    const client = await place.connect()
    clients.push(client)
    return client
  }
  const hangUp = () => {
    for (const each of clients) each.disconnect()
  }
  try {
    const client = await connect()
    const checkpoints = await checkpointsAt(options.checkpoints, client, queueOption)
    const queueId = queueName(queueOption, likeness)
    const queue = new Queue(queueId, { connection: client, prefix: PREFIX })
    const events = new QueueEvents(queueId, { connection: await connect(), prefix: PREFIX })
    queue.on('error', () => {})
    events.on('error', () => {})
    await events.waitUntilReady()
    const reports = await connect()
    await reports.subscribe(keys.reports)

    let pending = 0
    const size = jobSize(trialsPerJob)
    const load = () => ({ pending, places: said.places })
    const sender = senderOf({ queue, client, likeness, concurrency, size, load, place: place.url })
    const { outstanding } = sender
    const said = announcer(outstanding)

    const settle = async (id: string, text: unknown, predates: boolean) => {
      const sent = outstanding.get(id)
      if (!sent) return
      // From here on, the same result is ignored if it arrives in another way.
      outstanding.delete(id)
      settled.push(id)
      try {
        const result = readResult(text)
        if ('refused' in result) {
          if (separate(sent)) return
          const { code: why, message } = result.refused
          throw new ArchloomError(why ?? 'ARCHLOOM_DISTRIBUTED_MESSAGE', message.replace(`${why}: `, ''))
        }
        for (const [at, asked] of sent.asked.entries()) {
          if (asked.isSettled) continue
          const outcome = result.outcomes[at]
          const { trial, rung } = asked.wire
          if (outcome?.seconds !== undefined) size.saw(outcome.seconds)
          if (outcome?.trial !== trial || outcome.rung !== rung) {
            const received = outcome ? `trial ${outcome.trial}, rung ${outcome.rung}` : 'no trial'
            throw error('ARCHLOOM_DISTRIBUTED_RESULT', { received, expected: `trial ${trial}, rung ${rung}` })
          }
          await conclude(asked, outcome, predates)
        }
      } catch (thrown) {
        for (const asked of sent.asked) asked.reject(thrown)
      }
    }
    /** By now, the study contains the results that were settled before the last call, so Redis need not keep them. */
    const settled: string[] = []
    const tidy = () => Promise.allSettled(settled.splice(0).map((id) => queue.remove(id, { removeChildren: false })))
    const again = (asked: Asked) => {
      asked.sendings++
      sender.send(asked)
    }
    /** A job with several trials that failed as a whole: each is sent on its own, so that one cannot spoil the others. */
    const separate = ({ asked }: Sent): boolean => {
      if (asked.length === 1) return false
      for (const each of asked) {
        each.isAlone = true
        again(each)
      }
      return true
    }
    const conclude = async (asked: Asked, outcome: WireOutcome, predates: boolean) => {
      if ('thrown' in outcome) {
        // A worker that left gave it up, or it failed before this session; it is not a result of this session.
        if (outcome.aborted || predates) return again(asked)
        const { message, code: why } = outcome.thrown
        return asked.reject(
          why === undefined ? new Error(message) : new ArchloomError(why, message.replace(`${why}: `, '')),
        )
      }
      const { metrics, simulatedSeconds, checkpoint } = outcome
      if (checkpoint) {
        const data = await readCheckpoint(checkpoints, checkpoint)
        if (!data) return again(asked)
        asked.context.saveCheckpoint?.(data)
        void checkpoints.remove(checkpoint.name).catch(() => {})
      }
      asked.resolve({ metrics, ...(simulatedSeconds !== undefined && { simulatedSeconds }) })
    }
    const lose = (id: string, reason: string, predates: boolean) => {
      const sent = outstanding.get(id)
      if (!sent) return
      outstanding.delete(id)
      settled.push(id)
      if (separate(sent)) return
      for (const asked of sent.asked)
        if (!asked.isSettled) {
          if (predates) again(asked)
          else asked.reject(poolError('ARCHLOOM_WORKER_DIED', { exit: `on another machine: ${reason}`, output: '' }))
        }
    }
    const hear = (id: string, text: unknown) => {
      const sent = outstanding.get(id)
      if (!sent) return
      for (const news of readNews(text)) {
        const asked = sent.asked.find(({ wire }) => wire.trial === news.trial && wire.rung === news.rung)
        if (!asked || asked.isSettled) continue
        if ('began' in news) {
          // The trials of a job are evaluated one after the other, so the earlier ones have ended.
          for (const each of sent.asked) markWaiting(each)
          markStarted(asked)
          continue
        }
        if (!asked.hasStarted) markStarted(asked)
        try {
          if ('name' in news) asked.context.tell(news.name, news.facts, news.plugin)
          else if (asked.context.report(news.step, news.metrics) === 'stop') sender.order('give-up', id, asked)
        } catch (thrown) {
          sender.drop(asked)
          asked.reject(thrown)
        }
      }
    }

    events.on('completed', ({ jobId: id, returnvalue }) => void settle(id, returnvalue, false))
    events.on('failed', ({ jobId: id, failedReason }) => lose(id, failedReason, false))
    // Its worker has left or was lost, and the job waits for another one.
    const onWaiting = ({ jobId: id }: { readonly jobId: string }) => {
      for (const asked of outstanding.get(id)?.asked ?? []) markWaiting(asked)
    }
    events.on('stalled', onWaiting)
    events.on('waiting', onWaiting)
    events.on('duplicated', ({ jobId: id }) => void check([id]))
    events.on('progress', ({ jobId: id, data }) => {
      try {
        hear(id, typeof data === 'object' && 'news' in data ? data.news : data)
      } catch (thrown) {
        said.tell('message.refused', { message: messageOf(thrown) })
      }
    })

    /**
     * Compares with the jobs in Redis: finds results whose messages were lost, and sends jobs again that Redis has
     * lost.
     */
    const check = async (ids: readonly string[]) => {
      const asking = ids.filter((id) => outstanding.get(id)?.isAdded)
      if (asking.length === 0) return
      const pipeline = client.pipeline()
      for (const id of asking)
        pipeline.hmget(`${PREFIX}:${queueId}:${id}`, 'timestamp', 'finishedOn', 'returnvalue', 'failedReason')
      const answers = await pipeline.exec()
      for (const [at, [failure, fields]] of (answers ?? []).entries()) {
        const sent = outstanding.get(asking[at]!)
        if (!sent || failure || !Array.isArray(fields)) continue
        const [timestamp, finishedOn, returnvalue, failedReason] = fields as (string | null)[]
        const predates = Number(timestamp) !== sent.timestamp
        if (timestamp === null) sender.resend(sent)
        else if (finishedOn && failedReason) lose(sent.id, failedReason!, predates)
        else if (finishedOn) await settle(sent.id, parsed(returnvalue), predates)
      }
    }

    reports.on('message', (_channel, text) => {
      const report = readReport(text)
      if (!report) return
      const { kind: what, ...facts } = report
      if (what === 'joined' ? !said.sees(facts.worker, facts.size) : what === 'left' && !said.misses(facts.worker))
        return
      said.tell(`worker.${what}`, facts)
    })

    const announcement = await announce(client, queueOption, {
      ...likeness,
      spaceName: parts.space.name,
      checkpoints: kindOfPlace(options.checkpoints),
    })
    const timer = setInterval(() => {
      void check([...outstanding.keys()]).catch(() => {})
      void tidy()
      // While the server is away, no worker can answer.
      if (client.status === 'ready')
        for (const worker of said.silent(SILENT_MS)) said.tell('worker.lost', { worker, seconds: SILENT_MS / 1000 })
    }, CHECK_MS)
    const lonely = setTimeout(() => {
      if (!said.hasWorkers && outstanding.size > 0)
        said.tell('worker.none', {
          message: `no worker has come yet: npx archloom worker --redis ${place.url} <module>`,
        })
    }, LONELY_MS)

    return {
      kind,
      name,
      concurrency,
      queues: true,
      async evaluate({ trial, rung = 0, study = '', studyId = study, genotype, seed, fidelity }, context) {
        context.signal.throwIfAborted()
        const { checkpoint, saveCheckpoint } = context
        const input =
          checkpoint && (await handOver(checkpoints, checkpoint.data, [studyId, trial, rung, announcement.token]))
        const wire = {
          trial,
          rung,
          genotype,
          fidelity,
          seed,
          mayContinue: saveCheckpoint !== undefined,
          ...(input && checkpoint && { checkpoint: { ...input, fidelity: checkpoint.fidelity } }),
        }
        pending++
        try {
          return await new Promise((resolve, reject) => {
            const onAbort = () => {
              sender.drop(asked)
              asked.reject(context.signal.reason)
            }
            const close = () => {
              asked.isSettled = true
              context.signal.removeEventListener('abort', onAbort)
            }
            const asked: Asked = {
              study,
              studyId,
              wire,
              context,
              sendings: 0,
              isSettled: false,
              isAlone: false,
              hasStarted: false,
              resolve(evaluation) {
                close()
                resolve(evaluation)
              },
              reject(thrown) {
                close()
                reject(thrown)
              },
            }
            context.signal.addEventListener('abort', onAbort, { once: true })
            said.flush(context)
            sender.send(asked)
          })
        } finally {
          pending--
          if (input) void checkpoints.remove(input.name).catch(() => {})
        }
      },
      async [Symbol.asyncDispose]() {
        clearInterval(timer)
        clearTimeout(lonely)
        // A server that is gone must not delay the end of a search.
        const goodbye = Promise.allSettled([sender.settled(), tidy(), announcement[Symbol.asyncDispose]()])
        await Promise.race([goodbye, realClock.sleep(2000)])
        await Promise.race([Promise.allSettled([events.close(), queue.close()]), realClock.sleep(2000)])
        hangUp()
      },
    }
  } catch (thrown) {
    hangUp()
    throw thrown
  }
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return text
  }
}

async function handOver(place: CheckpointPlace, data: Uint8Array, owner: readonly unknown[]) {
  const ref = refOf(digest(owner, 'in'), data)
  await place.write(ref.name, data)
  return ref
}

/** Messages are attached to any running trial; until there is one, they wait. */
function announcer(outstanding: ReadonlyMap<string, Sent>) {
  const waiting: { readonly name: string; readonly facts: Readonly<Record<string, string | number>> }[] = []
  const flush = (context: Asked['context']) => {
    for (const { name, facts } of waiting.splice(0)) context.tell(name, facts, NAME)
  }
  const workers = new Map<string, { readonly at: number; readonly size: number }>()
  return {
    flush,
    get hasWorkers() {
      return workers.size > 0
    },
    /** Number of evaluations that the workers perform at once. */
    get places() {
      return [...workers.values()].reduce((sum, { size }) => sum + size, 0)
    },
    /** Records a sign of life of a worker; returns whether the worker is new. */
    sees(worker: string, size: number): boolean {
      const isNew = !workers.has(worker)
      workers.set(worker, { at: realClock.now(), size })
      return isNew
    },
    misses: (worker: string): boolean => workers.delete(worker),
    /** The workers without a sign of life for this long, each once. */
    silent(forMs: number): readonly string[] {
      const since = realClock.now() - forMs
      const gone = [...workers].flatMap(([worker, { at }]) => (at < since ? [worker] : []))
      for (const worker of gone) workers.delete(worker)
      return gone
    },
    tell(name: string, facts: Readonly<Record<string, string | number>>) {
      waiting.push({ name, facts })
      for (const { asked } of outstanding.values()) {
        const listener = asked.find((each) => !each.isSettled)
        if (listener) return flush(listener.context)
      }
    },
  }
}

interface SenderParts {
  readonly queue: Queue
  readonly client: Redis
  readonly likeness: Likeness
  readonly concurrency: number
  readonly size: JobSize
  readonly load: () => Load
  readonly place: string
}

/** Sends all requests of one turn of the event loop in one round trip. */
function senderOf({ queue, client, likeness, concurrency, size, load, place }: SenderParts) {
  const outstanding = new Map<string, Sent>()
  const keys = keysOf(queue.name.slice(0, queue.name.lastIndexOf('-')))
  const underWay = new Set<Promise<unknown>>()
  let batch: Asked[] = []
  let isScheduled = false
  /** Runs while a job waits for more trials, and the number of trials with which it waits no longer. */
  let held: ReturnType<typeof setTimeout> | undefined
  let full = 0
  const track = (work: Promise<unknown>) => {
    const quiet = work.catch(() => {})
    underWay.add(quiet)
    void quiet.then(() => underWay.delete(quiet))
  }

  const add = async (jobs: readonly Sent[]) => {
    for (let refusals = 0; ; ) {
      const wanted = jobs.filter((sent) => outstanding.get(sent.id) === sent && isOpen(sent))
      if (wanted.length === 0) return
      try {
        await queue.addBulk(
          wanted.map(({ id, text, timestamp }) => ({
            name: 'evaluate',
            data: text,
            opts: { ...kept, jobId: id, timestamp },
          })),
        )
        for (const sent of wanted) sent.isAdded = true
        return
      } catch (thrown) {
        // While the server is away, wait for its answer; a refusal by the server is a mistake in its settings.
        if (client.status === 'ready') refusals++
        if (refusals >= REFUSALS) {
          const failure = error('ARCHLOOM_DISTRIBUTED_REDIS', { url: place, message: messageOf(thrown) })
          for (const { id, asked } of wanted) {
            outstanding.delete(id)
            for (const each of asked) each.reject(failure)
          }
          return
        }
        await realClock.sleep(RETRY_MS)
      }
    }
  }
  /** Number of results that are kept for a search that is resumed. */
  const kept = {
    removeOnComplete: { count: Math.max(100, 2 * concurrency) },
    removeOnFail: { count: Math.max(100, 2 * concurrency) },
    stackTraceLimit: 0,
  }
  const jobOf = (asked: readonly Asked[]): readonly Sent[] => {
    const trials = asked.map(({ wire }) => wire)
    const [{ study, studyId }] = asked as readonly [Asked]
    const sendings = asked.map((each) => each.sendings)
    try {
      const text = encode('job', { study, studyId, trials })
      const id = jobId(`${studyId} ${likeness.code} ${likeness.space}`, trials, sendings)
      const sent: Sent = { id, text, timestamp: Math.floor(realClock.now()), asked, isAdded: false }
      outstanding.set(id, sent)
      return [sent]
    } catch (thrown) {
      // Together they are too large.
      if (asked.length > 1) return asked.flatMap((each) => jobOf([each]))
      asked[0]!.reject(thrown)
      return []
    }
  }
  const flush = (isLate = false) => {
    isScheduled = false
    clearTimeout(held)
    held = undefined
    const all = batch.filter((asked) => !asked.isSettled)
    batch = []
    const jobs: Sent[] = []
    const { pending, places } = load()
    const count = size.next({ pending, places })
    for (const asked of all.filter(({ isAlone }) => isAlone)) jobs.push(...jobOf([asked]))
    const others = all.filter(({ isAlone }) => !isAlone)
    for (let at = 0; at < others.length; at += count) {
      const asked = others.slice(at, at + count)
      // Each completed job asks for as many trials as it held, so small jobs would never grow if they were sent at once.
      if (size.mayWait && asked.length < count && !isLate && outstanding.size >= places) {
        batch = asked
        full = count
        held = setTimeout(flush, HOLD_MS, true)
        break
      }
      jobs.push(...jobOf(asked))
    }
    if (jobs.length > 0) track(add(jobs))
  }
  const sentOf = (asked: Asked) => {
    for (const sent of outstanding.values()) if (sent.asked.includes(asked)) return sent
    return undefined
  }
  const order = (kind: 'give-up' | 'abort', id: string, { wire: { trial, rung } }: Asked) =>
    track(client.publish(keys.orders, JSON.stringify({ kind, job: id, trial, rung })))

  return {
    outstanding,
    order,
    send(asked: Asked) {
      if (asked.isSettled) return
      batch.push(asked)
      if (isScheduled || (held && batch.length < full && !asked.isAlone)) return
      isScheduled = true
      setImmediate(flush)
    },
    /** Called if Redis has lost the job. */
    resend(sent: Sent) {
      sent.isAdded = false
      track(add([sent]))
    },
    /** Called when nothing waits for the job any longer. */
    drop(asked: Asked) {
      asked.isSettled = true
      const sent = sentOf(asked)
      if (!sent) return
      order('abort', sent.id, asked)
      if (isOpen(sent)) return
      outstanding.delete(sent.id)
      track(client.set(keys.dropped(sent.id), sent.timestamp, 'EX', DROPPED_SECONDS))
      // A job that a worker holds cannot be removed; the message ends it.
      track(queue.remove(sent.id))
    },
    settled: () => Promise.allSettled([...underWay]),
  }
}
