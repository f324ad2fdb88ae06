/**
 * Searches through Redis: how many trials that cost nothing go through in a second, and how busy workers are kept by
 * trials of a second. Starts its own redis-server on loopback.
 *     npm run bench -- distributed [--trials 10000] [--workers 4] [--each 15] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { createSearch } from '../../core/index.ts'
import { distributed } from '../../plugins/distributed/index.ts'
import { random } from '../../plugins/random/index.ts'
import { redisProgram, redisServer } from '../plugins/distributed/redis-server.ts'
import { space } from './distributed/trials.ts'

interface Options {
  readonly trials?: number
  readonly workers?: number
  readonly each?: number
  readonly log?: (text: string) => void
}

const module = new URL('./distributed/trials.ts', import.meta.url)
const command = new URL('../../core/cli/bin.mjs', import.meta.url).pathname

/** A worker process that has joined. */
async function started(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [command, 'worker', module.pathname, ...args], {
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
  options: { readonly trials: number; readonly concurrency: number; readonly trialsPerJob: number },
  workers: readonly ChildProcess[],
  directory: string,
): Promise<Run> {
  const { trials, concurrency, trialsPerJob } = options
  await using search = createSearch({
    space,
    evaluator: distributed({ module, redis, trialsPerJob }),
    plugins: [random()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: trials },
    concurrency,
    study: { name: `bench-${trials}-${trialsPerJob}`, directory },
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

export async function run({ trials = 10_000, workers = 4, each = 15, log = () => {} }: Options): Promise<Bench> {
  if (redisProgram === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  const directory = await mkdtemp(join(tmpdir(), 'archloom-bench-'))
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
    children.push(await started(['--redis', redis, '--in-process', '--size', '2'], {}))
    await searched(redis, { trials: 200, concurrency: 64, trialsPerJob: 8 }, children, directory)
    for (const trialsPerJob of [1, 32]) {
      const { seconds, ownSeconds, workerSeconds } = await searched(
        redis,
        { trials, concurrency: 512, trialsPerJob },
        children,
        directory,
      )
      const name = `${trials} trials that cost nothing, ${trialsPerJob} in a job`
      results.push({ name, value: trials / seconds, unit: 'trials/s' })
      results.push({
        name: `${name}: search`,
        value: (1000 * ownSeconds) / trials,
        unit: 'ms of processor time per trial',
      })
      results.push({
        name: `${name}: worker`,
        value: (1000 * workerSeconds) / trials,
        unit: 'ms of processor time per trial',
      })
      log(`${name}: ${(trials / seconds).toFixed(0)} a second`)
    }
    stop()

    const SECONDS = 1
    const one = () => started(['--redis', redis, '--size', '1'], { ARCHLOOM_BENCH_SECONDS: String(SECONDS) })
    children.push(...(await Promise.all(Array.from({ length: workers }, one))))
    const long = { trials: workers * each, concurrency: 2 * workers, trialsPerJob: 1 }
    const { seconds } = await searched(redis, long, children, directory)
    results.push({
      name: `${workers} workers with trials of ${SECONDS} s: utilisation`,
      value: (100 * long.trials * SECONDS) / (workers * seconds),
      unit: '%',
    })
    return { bench: 'distributed', results }
  } finally {
    stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
