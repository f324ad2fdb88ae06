/**
 * Does a search survive `kill -9` at any moment? Sessions of a search are killed at random moments of their work until
 * the study is finished, for several controllers, and compared with one that was left alone: finished trials that were
 * seen and are missing, trials that were finished twice, and trials that were proposed otherwise.
 *     npm run bench -- kill [--points 100] [--seed 1] [--json]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { readEvents } from '../../core/index.ts'
import { seeded } from '../../core/random.ts'
import { studiesAt } from '../../core/study/studies.ts'
import type { SearchEvent } from '../../core/trial/events.ts'

const searches = ['evolution', 'evolution, three at once', 'local search', 'random with rungs']

interface Options {
  readonly points?: number
  readonly seed?: number
  readonly log?: (text: string) => void
}

interface Session {
  /** Lines of the trials whose end was seen. */
  readonly seen: readonly string[]
  readonly ms: number
  readonly wasKilled: boolean
}

/** One session, killed so long after its search began. */
function session(program: string, what: string, storage: string, killAfterMs: number): Promise<Session> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, what, storage], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    let began = 0
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (began > 0) return
      began = performance.now()
      if (Number.isFinite(killAfterMs)) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') return reject(new Error(`the session of ${what} ended with ${code}`))
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
      const seen = lines.filter((line) => line.startsWith('trial.'))
      resolve({ seen, ms: performance.now() - began, wasKilled: signal === 'SIGKILL' })
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

export async function run({ points = 100, seed = 1, log = () => {} }: Options): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'archloom-kill-'))
  try {
    const program = join(folder, 'searching.mjs')
    await build({
      entryPoints: [new URL('./kill/searching.ts', import.meta.url).pathname],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['source'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
      logLevel: 'error',
    })
    const rng = seeded(`kill ${seed}`)
    let [killed, lost, duplicates, diverging, studies] = [0, 0, 0, 0, 0]
    const references = new Map<string, { readonly proposals: readonly string[]; readonly ms: number }>()
    while (killed < points) {
      const what = searches[studies % searches.length]!
      let reference = references.get(what)
      if (!reference) {
        const alone = `journal:///${folder.slice(1)}/alone-${references.size}`
        const { ms } = await session(program, what, alone, Number.POSITIVE_INFINITY)
        reference = { proposals: proposalsOf(await eventsAt(alone)), ms }
        references.set(what, reference)
      }
      const storage = `journal:///${folder.slice(1)}/study-${studies++}`
      const seen = new Set<string>()
      for (let isDone = false; !isDone; ) {
        const limit = killed < points ? (rng.float() * reference.ms) / 4 : Number.POSITIVE_INFINITY
        const { seen: lines, wasKilled } = await session(program, what, storage, limit)
        for (const line of lines) seen.add(line)
        isDone = !wasKilled
        if (wasKilled) killed++
      }
      const events = await eventsAt(storage)
      const ends = endsOf(events)
      const proposals = proposalsOf(events)
      lost += [...seen].filter((line) => !ends.includes(line)).length
      duplicates += ends.length - new Set(ends.map((line) => line.split(' ')[1])).size
      const { proposals: expected } = reference
      const most = Math.max(proposals.length, expected.length)
      for (let trial = 0; trial < most; trial++) if (proposals[trial] !== expected[trial]) diverging++
      log(`${what}: ${killed} kills so far, ${seen.size} ends of trials seen`)
    }
    return {
      bench: 'kill',
      results: [
        { name: 'kills', value: killed, unit: 'kills' },
        { name: 'studies', value: studies, unit: 'studies' },
        { name: 'lost finished trials', value: lost, unit: 'trials' },
        { name: 'duplicates', value: duplicates, unit: 'trials' },
        { name: 'diverging proposals', value: diverging, unit: 'trials' },
      ],
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
