/**
 * Does a search survive `kill -9` at any moment? Programs are killed at random moments of their work until the study is
 * finished, for several controllers, and the study is compared with one that was left alone: finished trials that were
 * seen and are missing, trials that were finished twice, and trials that were proposed otherwise.
 * Without --storage, the kills are shared out among searches that keep their study in a journal, in SQLite and in
 * PostgreSQL, worker processes, the server of the database, and the programs of a distributed search: the search, its
 * workers and Redis. What needs a program that is not installed is left out, and said so.
 *     npm run bench -- kill [--points 1000] [--storage journal|sqlite|postgres|redis] [--workers] [--server] [--seed 1] [--json]
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { readEvents } from '../../core/index.ts'
import { seeded } from '../../core/random.ts'
import { studiesAt } from '../../core/study/studies.ts'
import type { SearchEvent } from '../../core/trial/events.ts'
import '../../plugins/postgres/index.ts'
import '../../plugins/sqlite/index.ts'
import { redisProgram } from '../plugins/distributed/redis-server.ts'
import { type Cluster, postgresCluster, programs } from '../plugins/postgres/cluster.ts'
import { run as distributedKill } from './distributed-kill.ts'
import { temporaryFolder } from './folders/temporary.ts'

const searches = ['evolution', 'evolution, three at once', 'local search', 'random with rungs']
const pooled = ['evolution in worker processes', 'random with rungs in worker processes']
/** A program is killed after at most so many further ends of trials, of 60. */
const MOST_ENDS = 16
/** Then at most so many milliseconds pass, about twice the time of a trial. */
const MOST_MS = 10

const storages = ['journal', 'sqlite', 'postgres', 'redis'] as const

interface Options {
  readonly points?: number
  readonly storage?: (typeof storages)[number]
  /** Worker processes are killed, not the search. */
  readonly workers?: boolean
  /** The server of the database is killed, not the search. */
  readonly server?: boolean
  readonly seed?: number
  readonly log?: (text: string) => void
}

interface Session {
  /** Lines of the trials whose end was seen. */
  readonly seen: readonly string[]
  readonly wasKilled: boolean
}

/** When a program is killed: after so many further ends of trials, and then so many milliseconds. */
interface Moment {
  readonly ends: number
  readonly ms: number
}

/**
 * One session, killed at the next moment; or `strike` is called at that moment and at those after it, with the number of
 * the process, and the session goes on.
 */
function session(
  program: string,
  what: string,
  storage: string,
  next: () => Moment | undefined,
  strike?: (pid: number) => void | Promise<void>,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, what, storage], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ARCHLOOM_BENCH_MS: '3' },
    })
    let text = ''
    let timer: NodeJS.Timeout | undefined
    let moment = next()
    let from = 1
    const linesSoFar = () => text.split('\n').length - 1
    const kill = async () => {
      if (!strike) return void child.kill('SIGKILL')
      try {
        await strike(child.pid!)
      } catch (thrown) {
        return reject(thrown)
      }
      moment = next()
      from = linesSoFar()
      timer = undefined
    }
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      // The first line says that it has begun.
      if (moment && !timer && linesSoFar() - from >= moment.ends) timer = setTimeout(kill, moment.ms)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0 && signal !== 'SIGKILL') return reject(new Error(`the session of ${what} ended with ${code}`))
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
      resolve({ seen: lines.filter((line) => line.startsWith('trial.')), wasKilled: signal === 'SIGKILL' })
    })
  })
}

async function eventsAt(storage: string): Promise<readonly SearchEvent[]> {
  const store = await (await studiesAt(storage)).open('killed')
  try {
    return await readEvents(store)
  } finally {
    await store.close()
  }
}

const proposalsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) => (event.type === 'trial.proposed' ? [`${event.seed} ${event.genotype.join('')}`] : []))
const endsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) =>
    event.type === 'trial.completed' || event.type === 'trial.failed' || event.type === 'trial.pruned'
      ? [`${event.type} ${event.trial} ${event.genotype.join('')}`]
      : [],
  )

/** Where a study is kept, by its number. */
async function places(kind: Options['storage'], folder: string, cluster: Cluster | undefined) {
  const below = `///${folder.slice(1)}`
  if (kind === 'journal') return async (name: string) => `journal:${below}/${name}`
  if (kind === 'sqlite') return async (name: string) => `sqlite:${below}/${name}.db`
  return async () => cluster!.url(await cluster!.makeSchema())
}

/** The counts of one kind of kills, by name. */
type Counts = Readonly<Record<string, number>>

/** One of the processes that a search has started; undefined where there is none at the moment. */
function workerOf(pid: number, pick: (pids: readonly number[]) => number): number | undefined {
  try {
    const pids = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
    return pick(pids.map(Number))
  } catch {
    return undefined
  }
}

async function killed(
  given: Required<Omit<Options, 'storage'>> & { readonly storage: (typeof storages)[number] },
): Promise<Counts> {
  const { points, storage: kind, workers, server, seed, log } = given
  // Below the packages, where the bundled program finds the drivers.
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))
  mkdirSync(cache, { recursive: true })
  const folder = temporaryFolder('kill', cache)
  const cluster = kind === 'postgres' ? await postgresCluster() : undefined
  try {
    const program = join(folder, 'searching.mjs')
    for (const [source, outfile] of [
      ['./kill/searching.ts', program],
      ['./distributed/digits.ts', join(folder, 'digits.mjs')],
      // The pool looks for the program of its workers beside its own file.
      ['../../evaluators/worker-pool/worker.ts', join(folder, 'worker.js')],
    ] as const)
      await build({
        entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
        outfile,
        bundle: true,
        platform: 'node',
        format: 'esm',
        target: 'node20',
        conditions: ['archloom-source'],
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
        logLevel: 'error',
      })
    const placeOf = await places(kind, folder, cluster)
    const rng = seeded(`kill ${seed}`)
    const whats = workers ? pooled : searches
    let [kills, lost, duplicates, diverging, studies] = [0, 0, 0, 0, 0]
    const references = new Map<string, readonly string[]>()
    let striking = Promise.resolve()
    /** Kills the server and starts it again. */
    const strikeServer = () => {
      striking = (async () => {
        await cluster!.kill()
        kills++
        await cluster!.start()
      })()
      return striking
    }
    const strikeWorker = (pid: number) => {
      const worker = workerOf(pid, (pids) => rng.pick(pids))
      if (worker === undefined) return
      try {
        process.kill(worker, 'SIGKILL')
        kills++
      } catch {
        // It has ended in the meantime.
      }
    }
    const strike = server ? strikeServer : workers ? strikeWorker : undefined
    while (kills < points) {
      const what = whats[studies % whats.length]!
      let expected = references.get(what)
      if (!expected) {
        const alone = await placeOf(`alone-${references.size}`)
        await session(program, what, alone, () => undefined)
        expected = proposalsOf(await eventsAt(alone))
        references.set(what, expected)
      }
      const storage = await placeOf(`study-${studies++}`)
      const seen = new Set<string>()
      for (let isDone = false; !isDone; ) {
        const next = () => (kills < points ? { ends: rng.int(MOST_ENDS), ms: MOST_MS * rng.float() } : undefined)
        const { seen: lines, wasKilled } = await session(program, what, storage, next, strike)
        for (const line of lines) seen.add(line)
        isDone = !wasKilled
        if (wasKilled) kills++
      }
      await striking
      const events = await eventsAt(storage)
      const ends = endsOf(events)
      const proposals = proposalsOf(events)
      lost += [...seen].filter((line) => !ends.includes(line)).length
      duplicates += ends.length - new Set(ends.map((line) => line.split(' ')[1])).size
      const most = Math.max(proposals.length, expected.length)
      for (let trial = 0; trial < most; trial++) if (proposals[trial] !== expected[trial]) diverging++
      log(`${what}: ${kills} kills so far, ${seen.size} ends of trials seen`)
    }
    const victim = server ? 'the database server' : workers ? 'a worker process' : `a search (${kind})`
    return {
      [`kills of ${victim}`]: kills,
      studies,
      'lost finished trials': lost,
      duplicates,
      'diverging proposals': diverging,
    }
  } finally {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

const countsOf = ({ results }: Bench): Counts => Object.fromEntries(results.map(({ name, value }) => [name, value]))

type Part = Pick<Options, 'storage' | 'workers' | 'server'> & { readonly share: number }
const everything: readonly Part[] = [
  { storage: 'journal', share: 0.2 },
  { storage: 'sqlite', share: 0.2 },
  { storage: 'postgres', share: 0.15 },
  { storage: 'journal', workers: true, share: 0.1 },
  { storage: 'postgres', server: true, share: 0.1 },
  { storage: 'redis', share: 0.25 },
]

export async function run(given: Options): Promise<Bench> {
  const { points = 1000, storage, workers = false, server = false, seed = 1, log = () => {} } = given
  if (storage !== undefined && !storages.includes(storage))
    throw new Error(`--storage is ${storage}; expected one of ${storages.join(', ')}`)
  if (server && storage !== 'postgres') throw new Error('--server needs --storage postgres')
  const wanted = storage === undefined ? everything : [{ storage, workers, server, share: 1 }]
  const isMissing = ({ storage: kind }: Part) =>
    (kind === 'postgres' && programs === undefined) || (kind === 'redis' && redisProgram === undefined)
  const parts = wanted.filter((part) => !isMissing(part))
  const missing = new Set(wanted.filter(isMissing).map(({ storage: kind }) => kind))
  for (const kind of missing) log(`${kind} is not installed, so its part is left out`)
  const whole = parts.reduce((sum, { share }) => sum + share, 0)
  const totals: Record<string, number> = {}
  for (const part of parts) {
    const some = { points: Math.ceil((points * part.share) / whole), seed, log }
    const counts =
      part.storage === 'redis'
        ? countsOf(await distributedKill(some))
        : await killed({
            ...some,
            storage: part.storage!,
            workers: part.workers ?? false,
            server: part.server ?? false,
          })
    for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value
  }
  const kills = Object.entries(totals).filter(([name]) => name.startsWith('kills of '))
  const unit = (name: string) => (name.startsWith('kills') ? 'kills' : name === 'studies' ? 'studies' : 'trials')
  const rows: readonly BenchResult[] = [
    ...kills.map(([name, value]) => ({ name, value, unit: unit(name) })),
    { name: 'kills', value: kills.reduce((sum, [, value]) => sum + value, 0), unit: 'kills' },
    ...Object.entries(totals)
      .filter(([name]) => !name.startsWith('kills of '))
      .map(([name, value]) => ({ name, value, unit: unit(name) })),
  ]
  return { bench: 'kill', results: rows }
}
