/**
 * Searches through Redis: how many trials that cost nothing go through in a second, and how busy workers are kept by
 * trials of a second. Starts its own redis-server on loopback.
 *     npm run bench -- distributed [--trials 10000] [--size 8] [--workers 4] [--each 30] [--link-ms 5] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Queue, QueueEvents } from 'bullmq'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { createSearch } from '../../core/index.ts'
import { distributed } from '../../plugins/distributed/index.ts'
import { random } from '../../plugins/random/index.ts'
import { redisProgram, redisServer } from '../plugins/distributed/redis-server.ts'
import { link } from './distributed/link.ts'
import { space } from './distributed/trials.ts'
import { temporaryFolder } from './folders/temporary.ts'

interface Options {
  /** Number of trials that cost nothing; 0 leaves them out. */
  readonly trials?: number
  /** Number of evaluations at once of the worker with trials that cost nothing. */
  readonly size?: number
  readonly workers?: number
  /** Trials of a second for each of these workers. */
  readonly each?: number
  /** Delay between these workers and Redis, in each direction. */
  readonly linkMs?: number
  readonly log?: (text: string) => void
}

const module = new URL('./distributed/trials.ts', import.meta.url)
const plainWorker = new URL('./distributed/plain.ts', import.meta.url).pathname
const [PLAIN, ROUNDS] = ['plain', 3]
/** Number of trials, or of jobs, in Redis at once. */
const CONCURRENCY = 512
const command = new URL('../../core/cli/bin.mjs', import.meta.url).pathname

/** A worker process that has joined. */
const started = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  ready([command, 'worker', module.pathname, ...args], env)

/** A process that says that it works for a queue. */
async function ready(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  await new Promise<void>((resolve, reject) => {
    let text = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('works for queue')) resolve()
    })
    child.on('exit', (code) => reject(new Error(`a worker ended with ${code}: ${text}`)))
  })
  return child
}

/** User and system time of another process so far, in seconds; Linux only. */
function processorSeconds(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return Number.NaN
  }
}

interface Run {
  readonly seconds: number
  readonly ownSeconds: number
  readonly workerSeconds: number
}

/** A search over random digits, from its first trial to its last. */
async function searched(
  redis: string,
  options: { readonly trials: number; readonly concurrency: number; readonly trialsPerJob?: number },
  workers: readonly ChildProcess[],
  directory: string,
): Promise<Run> {
  const { trials, concurrency, trialsPerJob } = options
  await using search = createSearch({
    space,
    evaluator: distributed({ module, redis, ...(trialsPerJob !== undefined && { trialsPerJob }) }),
    plugins: [random()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: trials },
    concurrency,
    study: { name: `bench-${trials}-${trialsPerJob ?? 'adaptive'}`, directory },
  })
  const workersBefore = workers.map(({ pid }) => processorSeconds(pid))
  const cpu = process.cpuUsage()
  const began = performance.now()
  const { completed } = await search.finish()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  if (completed !== trials) throw new Error(`${completed} of ${trials} trials were completed`)
  const workerSeconds = workers.reduce((sum, { pid }, at) => sum + processorSeconds(pid) - workersBefore[at]!, 0)
  return { seconds, ownSeconds: (user + system) / 1e6, workerSeconds }
}

/** Jobs per second of BullMQ alone, with the same number of jobs in the queue and a message of the same size. */
async function plainRate(port: number, jobs: number, concurrency: number): Promise<number> {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const queue = new Queue(PLAIN, { connection })
  const events = new QueueEvents(PLAIN, { connection })
  await events.waitUntilReady()
  const data = 'x'.repeat(200)
  let [sent, done, isScheduled] = [0, 0, false]
  const began = performance.now()
  await new Promise<void>((resolve) => {
    const fill = () => {
      isScheduled = false
      const count = Math.min(concurrency - (sent - done), jobs - sent)
      const opts = { removeOnComplete: { count: 2 * concurrency } }
      const next = Array.from({ length: count }, () => ({
        name: 'plain',
        data,
        opts: { ...opts, jobId: `job-${sent++}` },
      }))
      if (count > 0) void queue.addBulk(next)
    }
    events.on('completed', () => {
      if (++done === jobs) return resolve()
      if (!isScheduled) setImmediate(fill)
      isScheduled = true
    })
    fill()
  })
  const seconds = (performance.now() - began) / 1000
  await events.close()
  await queue.obliterate({ force: true })
  await queue.close()
  return jobs / seconds
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export async function run({
  trials = 10_000,
  size = 8,
  workers = 4,
  each = 30,
  linkMs = 5,
  log = () => {},
}: Options): Promise<Bench> {
  if (redisProgram === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  const directory = temporaryFolder('bench')
  const results: BenchResult[] = []
  const children: ChildProcess[] = []
  const stop = () => {
    for (const child of children.splice(0)) {
      child.removeAllListeners('exit')
      child.kill('SIGKILL')
    }
  }
  try {
    await using server = await redisServer({ disk: false })
    const redis = server.url
    // In turns, so that other programs on the machine disturb all alike.
    const kinds = [undefined, 1, 32]
    const plain: number[] = []
    const runs = kinds.map((): Run[] => [])
    for (let round = 0; round < (trials > 0 ? ROUNDS : 0); round++) {
      children.push(await ready(['--import', 'tsx', plainWorker, PLAIN, String(server.port), String(size)]))
      await plainRate(server.port, 1000, CONCURRENCY)
      plain.push(await plainRate(server.port, trials, CONCURRENCY))
      log(`BullMQ alone: ${plain.at(-1)!.toFixed(0)} jobs a second`)
      stop()
      children.push(await started(['--redis', redis, '--in-process', '--size', String(size)]))
      await searched(redis, { trials: 200 + round, concurrency: 64, trialsPerJob: 8 }, children, directory)
      for (const [at, trialsPerJob] of kinds.entries()) {
        const each = { trials, concurrency: CONCURRENCY, ...(trialsPerJob !== undefined && { trialsPerJob }) }
        const run = await searched(redis, each, children, join(directory, String(round)))
        runs[at]!.push(run)
        log(
          `${trialsPerJob ?? 'as many trials as suit'} in a job: ${(trials / run.seconds).toFixed(0)} trials a second`,
        )
      }
      stop()
    }
    const ceiling = median(plain)
    if (trials > 0) results.push({ name: `BullMQ alone, ${size} at once`, value: ceiling, unit: 'jobs/s' })
    for (const [at, trialsPerJob] of trials > 0 ? kinds.entries() : []) {
      const of = (value: (run: Run) => number) => median(runs[at]!.map(value))
      const name = `${trials} trials that cost nothing, ${trialsPerJob ?? 'by default'} in a job`
      const rate = of(({ seconds }) => trials / seconds)
      results.push({ name, value: rate, unit: 'trials/s', reference: 'BullMQ alone', ratio: rate / ceiling })
      const unit = 'ms of processor time per trial'
      results.push({ name: `${name}: search`, value: of(({ ownSeconds }) => (1000 * ownSeconds) / trials), unit })
      results.push({ name: `${name}: worker`, value: of(({ workerSeconds }) => (1000 * workerSeconds) / trials), unit })
    }
    stop()

    const SECONDS = 1
    using far = await link(server.port, linkMs)
    const one = () =>
      started(['--redis', `redis://127.0.0.1:${far.port}`, '--size', '1'], { ARCHLOOM_BENCH_SECONDS: String(SECONDS) })
    children.push(...(await Promise.all(Array.from({ length: workers }, one))))
    const long = { trials: workers * each, concurrency: 2 * workers, trialsPerJob: 1 }
    const { seconds } = await searched(redis, long, children, directory)
    results.push({
      name: `${workers} workers with trials of ${SECONDS} s, ${linkMs} ms from Redis: utilisation`,
      value: (100 * long.trials * SECONDS) / (workers * seconds),
      unit: '%',
    })
    return { bench: 'distributed', results }
  } finally {
    stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
