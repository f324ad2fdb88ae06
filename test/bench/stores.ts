/**
 * What keeping a trial costs in each store, and what opening a study of many trials costs. Each store is measured as it
 * comes, without waiting for the disk; PostgreSQL is a server on the loopback interface, and is also measured with
 * `fsync: 'trial'`. The processor time of appends is that of this process; their wall time, which a busy machine lengthens,
 * includes the server.
 *     npm run bench -- stores [--trials 100000] [--json]
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import {
  createSearch,
  defineSpace,
  oneOf,
  product,
  repeat,
  type Store,
  type Studies,
  studiesAt,
} from '../../core/index.ts'
import { PEAK_MEMORY } from './step-parts/peak-memory.ts'
import '../../core/node/index.ts'
import '../../plugins/postgres/index.ts'
import { random } from '../../plugins/random/index.ts'
import '../../plugins/sqlite/index.ts'
import { postgresCluster, programs } from '../plugins/postgres/cluster.ts'
import { temporaryFolder } from './folders/temporary.ts'

interface Cost {
  /** Wall time of a trial's appends. */
  readonly wallMs: number
  /** Processor time of this process during a trial's appends. */
  readonly processorMs: number
}

/** A store that says how long its appends take, with the snapshots between them. */
function timed(store: Store, took: (wallMs: number, processorMs: number) => void): Store {
  const start = () => {
    const [wall, processor] = [performance.now(), process.cpuUsage()]
    return () => {
      const { user, system } = process.cpuUsage(processor)
      took(performance.now() - wall, (user + system) / 1000)
    }
  }
  const { snapshot } = store
  return {
    ...store,
    // A snapshot that the store keeps is part of what appending costs.
    snapshot: snapshot && {
      ...snapshot,
      keep(events, parts) {
        const end = start()
        snapshot.keep(events, parts)
        end()
      },
    },
    append(events) {
      const end = start()
      const appended = store.append(events)
      if (appended) return appended.then(end)
      end()
      return undefined
    },
  }
}

/** Costs per trial of a search that does nothing else. */
async function searchCost(studies: Studies, name: string, maxTrials: number): Promise<Cost> {
  let [wall, processor] = [0, 0]
  const store = timed(await studies.open(name, { mode: 'write' }), (wallMs, processorMs) => {
    wall += wallMs
    processor += processorMs
  })
  await using search = createSearch({
    space: defineSpace('ten', product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) })),
    evaluator: ({ digits }) => ({ sum: digits.reduce((sum: number, digit) => sum + digit, 0) }),
    plugins: [random()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    study: store,
  })
  await search.finish()
  return { wallMs: wall / maxTrials, processorMs: processor / maxTrials }
}

interface Opened {
  readonly seconds: number
  readonly megabytes: number
}

/** Processor time and peak memory of a process that opens a study. */
function openingCost(storage: string, name: string): Opened {
  const code = `${PEAK_MEMORY}
    import { readStudy } from 'archloom'
    import 'archloom/node'
    import 'archloom/plugins/sqlite'
    import 'archloom/plugins/postgres'
    const began = process.cpuUsage()
    const record = await readStudy(${JSON.stringify(name)}, { storage: ${JSON.stringify(storage)} })
    const { user, system } = process.cpuUsage(began)
    const megabytes = peakMegabytes()
    console.log(JSON.stringify({ seconds: (user + system) / 1e6, megabytes, trials: record.trials.length }))`
  const flags = ['--conditions=archloom-source', '--import', 'tsx', '--input-type=module', '-e', code]
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const out = execFileSync(process.execPath, flags, { encoding: 'utf8', cwd })
  return JSON.parse(out) as Opened
}

export interface StoresOptions {
  readonly trials?: number
  readonly log?: (line: string) => void
}

export async function run({ trials = 100_000, log = () => {} }: StoresOptions = {}): Promise<Bench> {
  const folder = temporaryFolder('stores')
  const cluster = programs === undefined ? undefined : await postgresCluster()
  if (!cluster) log('PostgreSQL is not installed: it is not measured')
  const below = `///${folder.slice(1)}`
  const places: readonly (readonly [name: string, storage: string, most: number])[] = [
    ['journal', `journal:${below}/journals`, trials],
    ['sqlite', `sqlite:${below}/studies.db`, trials],
    ...(cluster
      ? ([
          ['postgres', cluster.url(await cluster.makeSchema()), trials],
          [
            "postgres, fsync: 'trial'",
            `${cluster.url(await cluster.makeSchema())}&fsync=trial`,
            Math.min(trials, 3000),
          ],
        ] as const)
      : []),
  ]
  const results: BenchResult[] = []
  try {
    // A compiler that is still warming up would make the first store look slow.
    await searchCost(await studiesAt('memory:stores'), 'warm-up', 5000)
    const memory = await searchCost(await studiesAt('memory:stores'), 'memory', 10_000)
    results.push({ name: 'memory: append', value: memory.processorMs, unit: 'ms/trial, processor' })
    const empty = await studiesAt(`journal:${below}/journals`)
    await searchCost(empty, 'small', 1)
    const base = openingCost(empty.url, 'small')
    results.push({ name: 'peak memory of a process that opens 1 trial', value: base.megabytes, unit: 'MB' })
    for (const [name, storage, most] of places) {
      const studies = await studiesAt(storage)
      await searchCost(studies, 'warm-up', Math.min(most, 1000))
      const { wallMs, processorMs } = await searchCost(studies, 'measured', most)
      results.push({ name: `${name}: append, ${most} trials`, value: processorMs, unit: 'ms/trial, processor' })
      results.push({ name: `${name}: append, ${most} trials`, value: wallMs, unit: 'ms/trial, wall' })
      const { seconds, megabytes } = openingCost(storage, 'measured')
      results.push({ name: `${name}: opening ${most} trials`, value: seconds, unit: 's, processor' })
      results.push({ name: `${name}: peak memory of that process`, value: megabytes, unit: 'MB' })
      log(`${name} measured`)
    }
    return { bench: 'stores', results }
  } finally {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }
}
