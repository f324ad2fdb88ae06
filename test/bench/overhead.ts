/**
 * What a search costs besides its evaluations: propose, observe and journal (without fsync), in processor time, flat from
 * 10,000 to 100,000 trials; opening the study afterwards; and, where `python3 -c 'import optuna'` works, the same loop in
 * Optuna with its in-memory and its journal-file storage, in the same run.
 *     npm run bench -- overhead [--trials 100000] [--json]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { createSearch, defineSpace, oneOf, product, repeat } from '../../core/index.ts'
import { random } from '../../plugins/random/index.ts'

const space = () => defineSpace('ten', product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) }))
const milliseconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000

/** Processor time per trial in ms, for each tenth of the trials. */
async function searchCost(directory: string, name: string, maxTrials: number): Promise<number[]> {
  const tenths: number[] = []
  await using search = createSearch({
    space: space(),
    evaluator: ({ digits }) => ({ sum: digits.reduce((sum: number, digit) => sum + digit, 0) }),
    plugins: [random()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    study: { directory, name },
  })
  const every = maxTrials / 10
  let began = process.cpuUsage()
  search.on('trial.completed', ({ trial }) => {
    if ((trial + 1) % every !== 0) return
    tenths.push(milliseconds(process.cpuUsage(began)) / every)
    began = process.cpuUsage()
  })
  await search.finish()
  return tenths
}

/** Processor time and peak memory of a process that opens a study, less those of one that only imports the package. */
function openingCost(directory: string, name: string): { seconds: number; megabytes: number } {
  const run = (code: string) =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [
          '--conditions=source',
          '--import',
          'tsx',
          '--input-type=module',
          '-e',
          `import { readStudy } from 'archloom'
           const began = process.cpuUsage()
           ${code}
           const { user, system } = process.cpuUsage(began)
           console.log(JSON.stringify({ seconds: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1024 }))`,
        ],
        { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
      ),
    ) as { seconds: number; megabytes: number }
  return run(`await readStudy(${JSON.stringify(name)}, { directory: ${JSON.stringify(directory)} })`)
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
  const directory = mkdtempSync(join(tmpdir(), 'archloom-overhead-'))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  try {
    // A compiler that is still warming up would make the first tenth look slow, and the last one flat.
    await searchCost(directory, 'warm-up', 3000)
    const short = await searchCost(directory, 'short', 10_000)
    const long = await searchCost(directory, 'long', Number(trials))
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
