/** Runs the units of a medium scale, each in its own process with one thread, and continues where it was stopped. */
import { fork } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { realClock } from '../../clock.ts'
import type { Experiment, ExperimentPart } from '../../reproduction.ts'
import { error } from '../errors.ts'
import { durationText } from '../text.ts'
import {
  collect,
  digestOf,
  type FromUnit,
  keyOf,
  PREPARATION,
  PREPARED,
  preparedFolder,
  type ResultLine,
  type Unit,
  type UnitRequest,
  unitsUnder,
} from './units.ts'

export interface RunOptions {
  readonly experiment: Experiment
  /** Address of the module that exports the experiment as `medium`. */
  readonly module: URL
  /** The results file. */
  readonly results: string
  /** Folder for intermediate files: finished units that have not been collected, and the files that arms start from. */
  readonly work: string
  /** Number of units that run at once. */
  readonly jobs: number
  /** Whether to continue from existing results. */
  readonly resume: boolean
  /** Runs only the units under any of these: `part`, `part/arm` or `part/arm/seed`. Default: every unit. */
  readonly only?: readonly string[]
  readonly data?: string
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

export interface RunOutcome {
  readonly lines: readonly ResultLine[]
  /** Units that ended without results, with their error messages. They run again on the next call. */
  readonly failed: readonly { readonly unit: Unit; readonly message: string }[]
}

const isSource = import.meta.url.endsWith('.ts')
const program = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url))
const execArgv = isSource ? ['--import', new URL('../typescript.mjs', import.meta.url).href] : process.execArgv

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Takes the lock of a results file: one run at a time may write it. Error: ARCHLOOM_RESULTS_BUSY. */
function locked(file: string): Disposable {
  const lock = `${file}.lock`
  mkdirSync(dirname(lock), { recursive: true })
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return { [Symbol.dispose]: () => rmSync(lock, { force: true }) }
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
      const pid = Number(readFileSync(lock, 'utf8'))
      if (Number.isInteger(pid) && pid > 0 && isAlive(pid)) throw error('ARCHLOOM_RESULTS_BUSY', { file, pid })
      rmSync(lock, { force: true })
    }
  }
}

function inProcess(request: UnitRequest, { log, signal }: Pick<RunOptions, 'log' | 'signal'>): Promise<string> {
  const env = { ...process.env, ARCHLOOM_THREADS: '1', OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1' }
  // Everything that the process prints goes to stderr, because stdout may carry a program's result.
  const child = fork(program, { execArgv, env, stdio: ['ignore', 2, 2, 'ipc'] })
  const stop = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  return new Promise<string>((resolve, reject) => {
    child.on('message', (message: FromUnit) => {
      if ('log' in message) log(`  ${keyOf(request.unit)}: ${message.log}`)
      else if ('done' in message) resolve(message.done)
      else reject(new Error(message.failed))
    })
    child.once('error', reject)
    child.once('exit', (code, killed) => reject(new Error(`its process ended with ${code ?? killed}`)))
    child.send(request)
  }).finally(() => {
    signal.removeEventListener('abort', stop)
    stop()
  })
}

/**
 * Runs every unit that has no results yet. A unit counts as finished once its results are on disk; an interrupted unit
 * leaves nothing and runs again. Errors: ARCHLOOM_RESULTS_EXIST, ARCHLOOM_RESULTS_BUSY, ARCHLOOM_RESULTS_SETTINGS,
 * ARCHLOOM_RESULTS_LINE, ARCHLOOM_UNIT_UNKNOWN.
 */
export async function runUnits(options: RunOptions): Promise<RunOutcome> {
  const { experiment, module, results, work, jobs, resume, only, data, log, signal } = options
  const wanted = unitsUnder(experiment, only)
  using _lock = locked(results)
  let lines = collect(experiment, work, results)
  const isFinished = (unit: Unit) => lines.some((line) => keyOf(line) === keyOf(unit))
  const before = wanted.filter(isFinished).length
  if (!resume && lines.length > 0)
    throw error('ARCHLOOM_RESULTS_EXIST', { file: results, finished: before, of: wanted.length })
  const partOf = (unit: Unit) => experiment.parts.find(({ name }) => name === unit.part) as ExperimentPart
  const isPrepared = (unit: Unit) => {
    const part = partOf(unit)
    const mark = join(preparedFolder(work, unit), PREPARED)
    return !part.prepare || (existsSync(mark) && readFileSync(mark, 'utf8') === digestOf(part))
  }
  const waiting = wanted.filter((unit) => !isFinished(unit))
  log(`${experiment.paper}: ${before} of ${wanted.length} units are finished`)
  const total = waiting.length
  const failed: { unit: Unit; message: string }[] = []
  /** Wall-clock seconds of this run's finished units, and the seconds that were expected for them. */
  const pace = { clock: 0, expected: 0 }
  const running = new Map<string, Promise<void>>()
  const preparing = new Set<string>()
  let done = 0
  const timeLeft = () => {
    const expected = waiting.reduce((sum, unit) => sum + partOf(unit).seconds, 0)
    return ((1000 * expected) / jobs) * (pace.expected > 0 ? pace.clock / pace.expected : 1)
  }
  const start = (unit: Unit) => {
    const seed = `${unit.part}/${unit.seed}`
    if (unit.arm === PREPARATION) preparing.add(seed)
    const began = realClock.now()
    const request = { module: module.href, unit, work, ...(data !== undefined && { data }) }
    const end = inProcess(request, options)
      .then(
        (text) => {
          lines = collect(experiment, work, results)
          const seconds = (realClock.now() - began) / 1000
          if (unit.arm !== PREPARATION) {
            done++
            pace.clock += seconds
            pace.expected += partOf(unit).seconds
          }
          log(
            `[${before + done}/${before + total}] ${keyOf(unit)}: ${text} (${durationText(1000 * seconds)}; about ${durationText(timeLeft())} left)`,
          )
        },
        (thrown: unknown) => {
          if (signal.aborted) return
          const message = thrown instanceof Error ? thrown.message : String(thrown)
          failed.push({ unit, message })
          log(`${keyOf(unit)} failed: ${message}`)
          // Without its preparation, no arm of a seed can start.
          if (unit.arm === PREPARATION)
            for (const other of waiting.splice(0)) if (`${other.part}/${other.seed}` !== seed) waiting.push(other)
        },
      )
      .finally(() => {
        preparing.delete(seed)
        running.delete(keyOf(unit))
      })
    running.set(keyOf(unit), end)
  }
  /** The next unit that can start: its seed is prepared, or the unit is that preparation. */
  const next = (): Unit | undefined => {
    for (const [at, unit] of waiting.entries()) {
      if (isPrepared(unit)) return waiting.splice(at, 1)[0]
      if (!preparing.has(`${unit.part}/${unit.seed}`)) return { ...unit, arm: PREPARATION }
    }
    return undefined
  }
  while (!signal.aborted && (waiting.length > 0 || running.size > 0)) {
    const unit = running.size < jobs ? next() : undefined
    if (unit) start(unit)
    else await Promise.race(running.values())
  }
  await Promise.all(running.values())
  return { lines: collect(experiment, work, results), failed }
}
