/**
 * What a search costs besides its evaluations: propose, observe and journal (without fsync), in processor time, flat from
 * 10,000 to 100,000 trials; opening the study afterwards; and, where `python3 -c 'import optuna'` works, the same loop in
 * Optuna with its in-memory and its journal-file storage, in the same run.
 *     npm run build && npm run bench -- overhead [--trials 100000] [--json]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { temporaryFolder } from './folders/temporary.ts'
import { PEAK_MEMORY } from './step-parts/peak-memory.ts'

const root = new URL('../..', import.meta.url)
/** The package as a user installs it. Without a build, the sources run through tsx, which slows every small function. */
const isBuilt = existsSync(new URL('dist/core/index.js', root))

/** What a module prints as JSON when it runs in a process of its own, with the package as `archloom`. */
const printed = (code: string) =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        ...(isBuilt ? [] : ['--conditions=archloom-source', '--import', 'tsx']),
        '--input-type=module',
        '-e',
        `const used = (began) => { const { user, system } = process.cpuUsage(began); return (user + system) / 1000 }\n${code}`,
      ],
      // The command loads TypeScript in every process that it starts; a user of the package does not.
      { encoding: 'utf8', cwd: fileURLToPath(root), env: { ...process.env, ...(isBuilt && { NODE_OPTIONS: '' }) } },
    ),
  ) as unknown

/** Processor time per trial in ms, for each tenth of the trials of several studies that run one after the other. */
const searchCosts = (directory: string, studies: Readonly<Record<string, number>>) =>
  printed(`
    import { createSearch, defineSpace, oneOf, product, repeat } from 'archloom'
    import { random } from 'archloom/plugins/random'
    const space = defineSpace('ten', product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) }))
    const costs = {}
    for (const [name, maxTrials] of Object.entries(${JSON.stringify(studies)})) {
      const search = createSearch({
        space,
        evaluator: ({ digits }) => ({ sum: digits.reduce((sum, digit) => sum + digit, 0) }),
        plugins: [random()],
        objectives: { sum: 'maximise' },
        budget: { maxTrials },
        study: { directory: ${JSON.stringify(directory)}, name },
      })
      const every = maxTrials / 10
      costs[name] = []
      let began = process.cpuUsage()
      search.on('trial.completed', ({ trial }) => {
        if ((trial + 1) % every !== 0) return
        costs[name].push(used(began) / every)
        began = process.cpuUsage()
      })
      await search.finish()
    }
    console.log(JSON.stringify(costs))`) as Readonly<Record<string, readonly number[]>>

/** Processor time of opening a study, and peak memory of the process that does so. */
const openingCost = (directory: string, name: string) =>
  printed(`${PEAK_MEMORY}
    import { readStudy } from 'archloom'
    const began = process.cpuUsage()
    await readStudy(${JSON.stringify(name)}, { directory: ${JSON.stringify(directory)} })
    const seconds = used(began) / 1000
    console.log(JSON.stringify({ seconds, megabytes: peakMegabytes() }))`) as {
    readonly seconds: number
    readonly megabytes: number
  }

/** The same loop in Optuna: ms of processor time per trial, by storage; undefined where Python has no Optuna. */
function optunaCost(trials: number): Readonly<Record<string, number>> | undefined {
  const script = `
import json, sys, tempfile, time, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def objective(trial): return sum(trial.suggest_categorical(f"d{i}", [0, 1, 2, 3, 4]) for i in range(10))
def cost(storage, n):
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1), storage=storage)
    began = time.process_time(); study.optimize(objective, n_trials=n); return 1000 * (time.process_time() - began) / n
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
n = int(sys.argv[1])
file = tempfile.mktemp()
print(json.dumps({"version": optuna.__version__, "memory": cost(None, n), "journal": cost(JournalStorage(JournalFileBackend(file)), n // 10)}))
`
  try {
    const out = execFileSync('python3', ['-c', script, String(trials)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return JSON.parse(out) as Readonly<Record<string, number>>
  } catch {
    return undefined
  }
}

export interface OverheadOptions {
  readonly trials?: number
  readonly log?: (line: string) => void
}

export async function run({ trials = 100_000, log = () => {} }: OverheadOptions = {}): Promise<Bench> {
  const directory = temporaryFolder('overhead')
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  try {
    log(
      isBuilt
        ? 'measuring the build in dist/'
        : 'measuring the sources through tsx; "npm run build" measures the package',
    )
    // A compiler that is still warming up would make the first tenth look slow, and the last one flat.
    const costs = searchCosts(directory, { 'warm-up': 3000, short: 10_000, long: Number(trials) })
    const [short, long] = [costs.short!, costs.long!]
    log(`ms per trial by tenths: ${long.map((ms) => ms.toFixed(4)).join(' ')}`)
    const opened = openingCost(directory, 'long')
    const results: BenchResult[] = [
      { name: '10,000 trials', value: mean(short), unit: 'ms/trial' },
      {
        name: `last tenth of ${trials}`,
        value: long.at(-1)!,
        unit: 'ms/trial',
        reference: 'first tenth',
        ratio: long[0]! / long.at(-1)!,
      },
      { name: `opening ${trials} trials`, value: opened.seconds, unit: 's' },
      { name: `memory with ${trials} trials open`, value: opened.megabytes, unit: 'MB' },
    ]
    const optuna = optunaCost(2000)
    if (!optuna) log('Optuna is not installed for python3: no comparison')
    else
      for (const storage of ['memory', 'journal'])
        results.push({
          name: `10,000 trials against Optuna ${optuna.version}, ${storage}`,
          value: mean(short),
          unit: 'ms/trial',
          reference: `${optuna[storage]!.toFixed(3)} ms`,
          ratio: optuna[storage]! / mean(short),
        })
    return { bench: 'overhead', results }
  } finally {
    rmSync(directory, { recursive: true })
  }
}
