// `npm run bench -- fit`: does searching pay? `fit` beside the network made by hand and beside random search, each for
// the same processor time, and the three tables. Every unit is a process of its own and is written to a file when it has
// ended: the benchmark goes on where it was stopped. Test data is looked at once, at the end of each unit.
//     npm run bench -- fit --minutes 10 --seeds 3 --only cifar-10,tables --arms fit,hand-made [--json]
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { replaceFile } from '../../core/node/files.ts'
import { summaryOf } from './fit/summary.ts'
import { type Arm, arms, type Finished, imageSets, tableSets, type Unit } from './fit/units.ts'

export interface FitBenchOptions {
  /** Processor minutes of a unit of images. Default 10: five minutes on two cores. Tables have one minute. */
  readonly minutes?: number
  /** Default 3. */
  readonly seeds?: number
  /** Names of data sets, separated by commas; `images` and `tables` are all of them. Default: all. */
  readonly only?: string
  /** Arms, separated by commas: fit, hand-made, random, compressed. Default: all but the last. */
  readonly arms?: string
  /** Finished units, a JSON object a line. Default '.cache/bench/fit.jsonl'; remove it to begin anew. */
  readonly units?: string
  readonly log?: (line: string) => void
}

const keyOf = ({ set, arm, seed, minutes }: Unit) => `${set} ${arm} ${seed} ${minutes}`

/** The units of a benchmark in the order in which they run: all arms of a seed, so that what is finished is paired. */
export function unitsOf({ minutes = 10, seeds = 3, only = '', arms: given = '' }: FitBenchOptions): Unit[] {
  const wanted = only.split(',').filter(Boolean)
  const all = [...Object.keys(imageSets), ...Object.keys(tableSets)]
  const unknown = wanted.find((name) => ![...all, 'images', 'tables'].includes(name))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: expected some of images, tables, ${all.join(', ')}`)
  const isWanted = (set: string) =>
    wanted.length === 0 || wanted.includes(set) || wanted.includes(set in imageSets ? 'images' : 'tables')
  const chosen = given.split(',').filter(Boolean)
  const isArm = (name: string): name is Arm => arms.some((arm) => arm === name)
  const wrong = chosen.find((name) => !isArm(name))
  if (wrong !== undefined) throw new Error(`--arms ${wrong}: expected some of ${arms.join(', ')}`)
  return all.filter(isWanted).flatMap((set) =>
    Array.from({ length: seeds }, (_, i) => i + 1).flatMap((seed) =>
      arms
        .filter((arm) => chosen.length === 0 || chosen.includes(arm))
        // Nobody makes a network for a table by hand: its other arms are baselines among the trials of `fit`.
        .filter((arm) => set in imageSets || arm === 'fit' || arm === 'random')
        // Small files are compared only where they are asked for by name.
        .filter((arm) => arm !== 'compressed' || chosen.includes(arm))
        .map((arm) => ({ set, arm, seed, minutes: set in imageSets ? minutes : 1 })),
    ),
  )
}

/** Finished units of a file; the last line may be missing its end. */
function finishedIn(file: string): Finished[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): Finished => JSON.parse(line))
}

const child = fileURLToPath(new URL('./fit/process.ts', import.meta.url))
async function runInProcess(unit: Unit): Promise<Finished> {
  const program = ['--conditions=archloom-source', '--import', 'tsx', child, JSON.stringify(unit)]
  const { stdout } = await promisify(execFile)(process.execPath, program, { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

export async function run(options: FitBenchOptions = {}): Promise<Bench> {
  const { units: file = '.cache/bench/fit.jsonl', log = console.error } = options
  const units = unitsOf(options)
  const finished = finishedIn(file)
  for (const [i, unit] of units.entries()) {
    if (finished.some((each) => keyOf(each) === keyOf(unit))) continue
    const measured = await runInProcess(unit)
    finished.push(measured)
    await replaceFile(file, ...finished.map((each) => `${JSON.stringify(each)}\n`))
    log(`${i + 1} of ${units.length}  ${keyOf(unit)} min: ${measured.metric} ${measured.value}`)
  }
  const wanted = new Set(units.map(keyOf))
  return { bench: 'fit', results: summaryOf(finished.filter((each) => wanted.has(keyOf(each)))) }
}
