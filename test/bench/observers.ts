/**
 * What observers cost a search, and what they lose. Processor time of the search's process at 100 events per second, as a
 * share of one core, with each observer and with none; and the events that arrive when a search publishes 10,000 per
 * second for ten seconds.
 *     npm run bench -- observers [--only mlflow] [--seconds 10] [--rounds 3] [--json]
 * A round measures every observer and a search without one, one after another; what an observer adds is the median of
 * the differences within a round. --only measures the cost of one observer, and no losses.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createSearch, type Plugin, studiesAt } from 'archloom'
import { dashboard } from 'archloom/plugins/dashboard'
import { mlflow } from 'archloom/plugins/mlflow'
import { optunaJournal } from 'archloom/plugins/optuna-journal'
import { pinoLog } from 'archloom/plugins/pino'
import { random } from 'archloom/plugins/random'
import { tensorboard } from 'archloom/plugins/tensorboard'
import { toySpace } from 'archloom/search-spaces/toy'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { fakeMlflow } from '../plugins/mlflow/fake-server.ts'
import { temporaryFolder } from './folders/temporary.ts'

const TAG = 'loss'

/** An observer, and how many reports of the trial arrived where it writes them. */
interface Measured {
  readonly name: string
  make(folder: string, url: string): Plugin
  arrived?(folder: string, bodies: Fake['requests']): number
}
type Fake = Awaited<ReturnType<typeof fakeMlflow>>

/** How often a text occurs in the files below a folder. */
function countIn(folder: string, text: string): number {
  let count = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) count += readFileSync(join(entry.parentPath, entry.name), 'latin1').split(text).length - 1
  return count
}

const observers: readonly Measured[] = [
  {
    name: 'tensorboard',
    make: (folder) => tensorboard({ directory: folder }),
    // The tag of a scalar: field 1, its length, its name, and field 2, a float.
    arrived: (folder) => countIn(folder, `\n\x04${TAG}\x15`),
  },
  {
    name: 'optuna-journal',
    make: (folder) => optunaJournal({ file: join(folder, 'optuna.log') }),
    arrived: (folder) => countIn(folder, '"intermediate_value"'),
  },
  {
    name: 'mlflow',
    make: (_folder, url) => mlflow({ url }),
    arrived: (_folder, requests) =>
      requests.reduce(
        (sum, { body }) => sum + (body.metrics?.filter(({ key, step }) => key === TAG && step > 0).length ?? 0),
        0,
      ),
  },
  {
    name: 'pino, all levels',
    make: (folder) => pinoLog({ file: join(folder, 'search.log'), level: 'trace' }),
    arrived: (folder) => countIn(folder, '"event":"trial.progress"'),
  },
  { name: 'dashboard', make: () => dashboard({ port: 0 }) },
]

/** Answers every request in a process of its own, so that its work is not counted. */
const SERVER = `
  let runs = 0
  require('node:http').createServer((request, response) => {
    request.resume().on('end', () => {
      const run = { info: { run_id: 'run' + runs++ } }
      response.end(JSON.stringify({ experiment: { experiment_id: '1' }, run }))
    })
  }).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`

/** The first second, in which modules are loaded, is not measured. */
const WARM_UP_MS = 1000

/**
 * A search whose one trial reports at a rate. Milliseconds of processor time after the first second, and of time that
 * passed.
 */
async function searching(plugins: readonly Plugin[], directory: string, perSecond: number, seconds: number) {
  const tick = perSecond >= 1000 ? 10 : 1000 / perSecond
  const reports = perSecond * seconds
  let [before, used] = [process.cpuUsage(), 0]
  const search = createSearch({
    space: toySpace(),
    evaluator: async (_architecture, _request, { report }) => {
      const began = performance.now()
      let isWarm = false
      for (let sent = 0; sent < reports; ) {
        const due = Math.min(reports, Math.ceil(((performance.now() - began) * perSecond) / 1000))
        for (; sent < due; sent++) report(sent + 1, { [TAG]: 1 / (sent + 1) })
        await new Promise((resolve) => setTimeout(resolve, tick))
        if (isWarm || performance.now() - began < WARM_UP_MS) continue
        isWarm = true
        before = process.cpuUsage()
      }
      const { user, system } = process.cpuUsage(before)
      used = (user + system) / 1000
      return { value: 0 }
    },
    plugins: [random(), ...plugins],
    objectives: { value: 'minimise' },
    budget: { maxTrials: 1 },
    study: { name: 'measured', storage: await studiesAt(`journal:${directory}`) },
  })
  await search.open()
  const began = performance.now()
  await search.finish()
  const searched = performance.now() - began
  let problem = ''
  const ending = performance.now()
  await Promise.resolve(search[Symbol.asyncDispose]()).catch(({ message }: Error) => {
    problem = message
  })
  return { used, searched, ending: performance.now() - ending, problem }
}

export interface ObserversOptions {
  readonly seconds?: number
  /** How often each cost is measured; the median is reported. */
  readonly rounds?: number
  /** Name of the only observer whose cost is measured. */
  readonly only?: string
  readonly log?: (line: string) => void
}

export async function run({ seconds = 10, rounds = 3, only, log = () => {} }: ObserversOptions = {}): Promise<Bench> {
  const measuredHere = observers.filter(({ name }) => only === undefined || name.startsWith(only))
  const results: BenchResult[] = []
  const within = async <T>(work: (folder: string, server: Fake) => Promise<T>): Promise<T> => {
    const folder = temporaryFolder('observers')
    const server = await fakeMlflow()
    try {
      mkdirSync(join(folder, 'out'))
      return await work(folder, server)
    } finally {
      await server.close()
      rmSync(folder, { recursive: true })
    }
  }
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(child.stdout, 'data')
  const url = `http://127.0.0.1:${String(port).trim()}`
  /** Percent of a core. */
  const costOf = (observer?: Measured) =>
    within(async (folder) => {
      const plugins = observer ? [observer.make(join(folder, 'out'), url)] : []
      const { used } = await searching(plugins, join(folder, 'studies'), 100, seconds + WARM_UP_MS / 1000)
      return used / (10 * seconds)
    })
  const costs = new Map<Measured | undefined, number[]>()
  for (let round = 0; round < rounds; round++)
    for (const observer of [undefined, ...measuredHere]) {
      const measured = costs.get(observer) ?? []
      measured.push(await costOf(observer))
      costs.set(observer, measured)
    }
  child.kill()
  const median = (values: readonly number[] = []) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
  const alone = median(costs.get(undefined))
  const told = (values: readonly number[] = []) => values.map((each) => each.toFixed(2)).join(', ')
  log(`search alone: ${told(costs.get(undefined))} % of a core`)
  results.push({ name: '100 events/s: search alone', value: alone, unit: '% of a core' })
  for (const observer of measuredHere) {
    const without = costs.get(undefined) ?? []
    const added = median(costs.get(observer)?.map((each, round) => each - without[round]!))
    log(`${observer.name}: with it ${told(costs.get(observer))} % of a core`)
    results.push({
      name: `100 events/s: ${observer.name} adds`,
      value: added,
      unit: '% of a core',
      reference: 'at most 2 %',
      ratio: 2 / Math.max(added, 0.01),
    })
  }
  if (only !== undefined) return { bench: 'observers', results }
  const sent = 10_000 * seconds
  for (const observer of observers.filter(({ arrived }) => arrived))
    await within(async (folder, server) => {
      const out = join(folder, 'out')
      const ran = await searching([observer.make(out, server.url)], join(folder, 'studies'), 10_000, seconds)
      const arrived = observer.arrived?.(out, server.requests) ?? 0
      log(
        `${observer.name}: ${arrived} of ${sent} events arrived; the search took ${(ran.searched / 1000).toFixed(1)} s and its end ${(ran.ending / 1000).toFixed(1)} s ${ran.problem}`,
      )
      results.push({
        name: `10,000 events/s for ${seconds} s: ${observer.name} loses`,
        value: sent - arrived,
        unit: 'events',
        reference: `of ${sent}; processor time ${(ran.used / 1000).toFixed(1)} s`,
      })
    })
  return { bench: 'observers', results }
}
