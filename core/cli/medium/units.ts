/** Units of the medium scale and the file of their results. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFileSync } from '../../node/files.ts'
import type { Experiment, ExperimentPart, Measurement } from '../../reproduction.ts'
import { error } from '../errors.ts'

/** The arm under which `prepare` of a part is run. */
export const PREPARATION = '(preparation)'

export interface Unit {
  readonly part: string
  readonly arm: string
  readonly seed: number
}

/** One line of a results file. */
export interface ResultLine extends Unit {
  readonly step: number
  readonly metric: string
  readonly value: number
  /** Processor seconds of the whole unit. */
  readonly seconds: number
  /** Digest of the part's settings. */
  readonly settings: string
}

/** Plain data. */
export interface UnitRequest {
  /** Address of the module that exports `medium`. */
  readonly module: string
  readonly unit: Unit
  readonly data?: string
  /** Folder of the runs of this experiment. */
  readonly work: string
}

export type FromUnit = { readonly log: string } | { readonly done: string } | { readonly failed: string }

/** Name of the file that marks a finished `prepare`, and of the metric in its line. */
export const PREPARED = 'prepared'

/** Folder of the files that `prepare` leaves for one part and seed. */
export const preparedFolder = (work: string, { part, seed }: Pick<Unit, 'part' | 'seed'>): string =>
  join(work, 'prepared', `${part}-${seed}`)

export const keyOf = ({ part, arm, seed }: Unit): string => `${part}/${arm}/${seed}`

/** Eight hexadecimal digits of SHA-256 over the settings as JSON. */
export const digestOf = ({ settings }: Pick<ExperimentPart, 'settings'>): string =>
  createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 8)

/** Every arm and seed, all arms of one seed before the next seed. */
export const unitsOf = ({ parts }: Pick<Experiment, 'parts'>): readonly Unit[] =>
  parts.flatMap(({ name, arms, seeds }) => seeds.flatMap((seed) => arms.map((arm) => ({ part: name, arm, seed }))))

/**
 * Units under any of `part`, `part/arm` or `part/arm/seed`; an arm's name may contain slashes. Error:
 * ARCHLOOM_UNIT_UNKNOWN.
 */
export function unitsUnder(experiment: Experiment, only: readonly string[] | undefined): readonly Unit[] {
  const all = unitsOf(experiment)
  if (only === undefined) return all
  const isUnder = (unit: Unit, place: string) => keyOf(unit) === place || keyOf(unit).startsWith(`${place}/`)
  const stray = only.find((place) => !all.some((unit) => isUnder(unit, place)))
  if (stray !== undefined)
    throw error('ARCHLOOM_UNIT_UNKNOWN', {
      paper: experiment.paper,
      received: stray,
      known: experiment.parts.map(({ name, arms }) => `${name}/{${arms.join('|')}}`),
    })
  return all.filter((unit) => only.some((place) => isUnder(unit, place)))
}

const lineText = ({ part, arm, seed, step, metric, value, seconds, settings }: ResultLine) =>
  JSON.stringify({ part, arm, seed, step, metric, value, seconds, settings })

/** The lines of a results file; empty if the file does not exist. Error: ARCHLOOM_RESULTS_LINE. */
export function readResults(file: string): readonly ResultLine[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      if (text.trim() === '') return []
      let line: Partial<ResultLine> | null
      try {
        line = JSON.parse(text) as Partial<ResultLine> | null
      } catch {
        line = null
      }
      const { part, arm, metric, settings, ...numbers } = line ?? {}
      const words = [part, arm, metric, settings].every((word) => typeof word === 'string')
      const { seed, step, value, seconds } = numbers
      if (!words || ![seed, step, value, seconds].every(Number.isFinite))
        throw error('ARCHLOOM_RESULTS_LINE', { file, line: index + 1, received: text })
      return [line as ResultLine]
    })
}

/** The result lines of a unit's measurements. Error: ARCHLOOM_UNIT_VALUE. */
export function linesOf(
  unit: Unit,
  measurements: readonly Measurement[],
  { seconds, settings }: Pick<ResultLine, 'seconds' | 'settings'>,
): readonly ResultLine[] {
  const bad = measurements.find(({ value, step = 0 }) => !Number.isFinite(value) || !Number.isFinite(step))
  if (bad || measurements.length === 0)
    throw error('ARCHLOOM_UNIT_VALUE', { unit: keyOf(unit), received: bad ?? measurements })
  const { part, arm, seed } = unit
  return measurements.map(({ step = 0, metric, value }) => ({
    part,
    arm,
    seed,
    step,
    metric,
    value,
    seconds,
    settings,
  }))
}

/** The file of a finished unit that is not in the results file yet. */
const handedOver = (work: string, unit: Unit) =>
  join(
    work,
    'finished',
    `${keyOf(unit).replace(/[^\w.-]+/g, '_')}-${createHash('sha256').update(keyOf(unit)).digest('hex').slice(0, 6)}.jsonl`,
  )

/**
 * Writes the lines of a finished unit. Once this returns, the unit counts as finished, even if the parent process
 * dies.
 */
export function handOver(work: string, unit: Unit, lines: readonly ResultLine[]): void {
  replaceFileSync(handedOver(work, unit), `${lines.map(lineText).join('\n')}\n`)
}

/**
 * Moves finished units into the results file, in the order of the experiment, and returns all its lines. Units that
 * ran with other settings than the present ones are refused. Errors: ARCHLOOM_RESULTS_SETTINGS, ARCHLOOM_RESULTS_LINE.
 */
export function collect(experiment: Experiment, work: string, file: string): readonly ResultLine[] {
  const folder = join(work, 'finished')
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : []
  const fresh = files.map((name) => readResults(join(folder, name)))
  const kept = readResults(file)
  const known = new Set(kept.map(keyOf))
  const lines = [...kept, ...fresh.filter(([first]) => first && !known.has(keyOf(first))).flat()]
  const parts = new Map(experiment.parts.map((part) => [part.name, digestOf(part)]))
  const other = lines.find(({ part, settings }) => parts.has(part) && parts.get(part) !== settings)
  if (other) throw error('ARCHLOOM_RESULTS_SETTINGS', { file, part: other.part })
  if (fresh.length > 0) {
    const order = new Map(
      experiment.parts
        .flatMap(({ name, arms, seeds }) =>
          seeds.flatMap((seed) => [PREPARATION, ...arms].map((arm) => keyOf({ part: name, arm, seed }))),
        )
        .map((key, at) => [key, at]),
    )
    const place = (line: ResultLine) => order.get(keyOf(line)) ?? Number.POSITIVE_INFINITY
    const sorted = [...lines].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)))
    replaceFileSync(file, `${sorted.map(lineText).join('\n')}\n`)
    for (const name of files) rmSync(join(folder, name))
  }
  return lines
}
