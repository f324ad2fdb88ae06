/**
 * Does a search through Redis survive `kill -9` of the search, of its workers and of the server, at any moment? They are
 * killed and started again at random moments until the study is finished, and the study is compared with one that was
 * left alone: finished trials that were seen and are missing, trials that were finished twice, and trials that were
 * proposed otherwise.
 *     npm run bench -- distributed-kill [--points 100] [--seed 1] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { readEvents } from '../../core/index.ts'
import '../../core/node/index.ts'
import { seeded } from '../../core/random.ts'
import { studiesAt } from '../../core/study/studies.ts'
import type { SearchEvent } from '../../core/trial/events.ts'
import { redisProgram, redisServer } from '../plugins/distributed/redis-server.ts'
import { temporaryFolder } from './folders/temporary.ts'

interface Options {
  readonly points?: number
  readonly seed?: number
  readonly log?: (text: string) => void
}

/** The last has several trials in a job. */
const searches = ['evolution', 'rungs', 'jobs'] as const
const WORKERS = 2
/** Longest pause between two kills: about as long as a lost job needs to be found. */
const PAUSE_MS = 2500

const proposalsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) => (event.type === 'trial.proposed' ? [`${event.seed} ${event.genotype.join('')}`] : []))
const endsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) =>
    event.type === 'trial.completed' || event.type === 'trial.failed' || event.type === 'trial.pruned'
      ? [`${event.type} ${event.trial} ${event.genotype.join('')}`]
      : [],
  )

async function eventsAt(storage: string): Promise<readonly SearchEvent[]> {
  const store = await (await studiesAt(storage)).open('killed')
  try {
    return await readEvents(store)
  } finally {
    await store.close()
  }
}

/** A program that is started again whenever it is killed. */
function kept(program: string, args: readonly string[], onLine: (line: string) => void = () => {}) {
  let child: ChildProcess
  let isOver = false
  let finish = () => {}
  let fail: (thrown: unknown) => void = () => {}
  const finished = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  finished.catch(() => {})
  const begin = () => {
    const started = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    child = started
    let text = ''
    started.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const lines = text.split('\n')
      text = lines.pop()!
      for (const line of lines) onLine(line)
    })
    started.on('close', (code, signal) => {
      if (isOver) return
      if (signal === 'SIGKILL') begin()
      else if (code === 0) finish()
      else fail(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}`))
    })
  }
  begin()
  return {
    finished,
    kill: () => child.kill('SIGKILL'),
    async stop() {
      isOver = true
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

export async function run({ points = 100, seed = 1, log = () => {} }: Options): Promise<Bench> {
  if (redisProgram === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  const folder = temporaryFolder('kill')
  const bundle = async (name: string) => {
    const outfile = join(folder, `${name}.mjs`)
    await build({
      entryPoints: [new URL(`./distributed/${name}.ts`, import.meta.url).pathname],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['archloom-source'],
      logLevel: 'error',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    })
    return outfile
  }
  try {
    const [module, searching, working] = await Promise.all(['digits', 'searching', 'working'].map(bundle))
    const rng = seeded(`distributed-kill ${seed}`)
    const kills = { search: 0, worker: 0, redis: 0 }
    const total = () => kills.search + kills.worker + kills.redis
    let [lost, duplicates, diverging, different, studies] = [0, 0, 0, 0, 0]
    const references = new Map<string, { readonly proposals: readonly string[]; readonly ends: readonly string[] }>()

    /** Runs one study to its end; killed while there are kills left. */
    const study = async (what: string, isKilled: boolean) => {
      const storage = `journal:///${folder.slice(1)}/study-${studies++}`
      // Every other server forgets what it held.
      await using server = await redisServer({ disk: studies % 2 === 0 })
      const seen = new Set<string>()
      const workers = Array.from({ length: WORKERS }, () => kept(working!, [module!, server.url]))
      const search = kept(searching!, [what, module!, server.url, storage], (line) => {
        if (line.startsWith('trial.')) seen.add(line)
      })
      let isDone = false
      const killer = async () => {
        // Each kind of search gets its share.
        const until = Math.min(points, total() + Math.ceil(points / searches.length))
        while (isKilled && total() < until) {
          await new Promise((resolve) => setTimeout(resolve, rng.float() * PAUSE_MS))
          if (isDone) return
          const target = rng.pick(['search', 'worker', 'redis'] as const)
          kills[target]++
          if (target === 'search') search.kill()
          else if (target === 'worker') rng.pick(workers).kill()
          else await server.restart(rng.float() * 200)
        }
      }
      const killing = killer()
      try {
        await Promise.race([search.finished, ...workers.map(({ finished }) => finished.then(() => search.finished))])
      } finally {
        isDone = true
        await killing
        await Promise.all([search, ...workers].map((each) => each.stop()))
      }
      return { events: await eventsAt(storage), seen }
    }

    for (const what of searches) {
      const { events } = await study(what, false)
      references.set(what, { proposals: proposalsOf(events), ends: endsOf(events) })
    }
    while (total() < points) {
      const what = searches[studies % searches.length]!
      const { events, seen } = await study(what, true)
      const ends = endsOf(events)
      const proposals = proposalsOf(events)
      lost += [...seen].filter((line) => !ends.includes(line)).length
      duplicates += ends.length - new Set(ends.map((line) => line.split(' ')[1])).size
      const { proposals: expected, ends: expectedEnds } = references.get(what)!
      const most = Math.max(proposals.length, expected.length)
      for (let trial = 0; trial < most; trial++) if (proposals[trial] !== expected[trial]) diverging++
      different += ends.filter((line) => !expectedEnds.includes(line)).length
      log(`${what}: ${total()} kills so far, ${ends.length} trials ended`)
    }
    return {
      bench: 'distributed-kill',
      results: [
        { name: 'kills of the search', value: kills.search, unit: 'kills' },
        { name: 'kills of a worker', value: kills.worker, unit: 'kills' },
        { name: 'kills of the Redis server', value: kills.redis, unit: 'kills' },
        { name: 'studies', value: studies, unit: 'studies' },
        { name: 'lost finished trials', value: lost, unit: 'trials' },
        { name: 'duplicates', value: duplicates, unit: 'trials' },
        { name: 'diverging proposals', value: diverging, unit: 'trials' },
        { name: 'trials that ended otherwise', value: different, unit: 'trials' },
      ],
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
