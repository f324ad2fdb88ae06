import type { Genotype, Json } from '../../core/index.ts'
import { error } from './errors.ts'

/** Version of the messages; workers and searches with different versions do not work together. */
export const PROTOCOL = 2

type Metrics = Readonly<Record<string, number>>

/** The place of a checkpoint, and its digest and size. */
export interface CheckpointRef {
  /** 64 hexadecimal digits. */
  readonly name: string
  /** Of the data, in hexadecimal digits. */
  readonly sha256: string
  readonly bytes: number
}

/** One rung of one trial, as plain data. */
export interface WireTrial {
  readonly trial: number
  readonly rung: number
  readonly genotype: Genotype
  readonly fidelity: number
  readonly seed: number
  /** Whether a later rung may continue this one; if so, checkpoints are kept. */
  readonly mayContinue: boolean
  readonly checkpoint?: CheckpointRef & { readonly fidelity: number }
}

/** The content of one job: one trial, or several small ones. */
export interface WireJob {
  readonly study: string
  readonly studyId: string
  readonly trials: readonly WireTrial[]
}

export interface WireThrown {
  readonly message: string
  readonly code?: string
}

/** The outcome of one rung of one trial. */
export type WireOutcome = {
  readonly trial: number
  readonly rung: number /** Of the evaluation. */
  readonly seconds?: number
} & (
  | { readonly metrics: Metrics; readonly simulatedSeconds?: number; readonly checkpoint?: CheckpointRef }
  | { readonly thrown: WireThrown; readonly aborted?: true }
)

export type WireResult =
  | { readonly worker: string; readonly outcomes: readonly WireOutcome[] }
  /** The whole job was not executed. */
  | { readonly worker: string; readonly refused: WireThrown }

/** A message of a running evaluation; the first says that it begins. */
export type WireNews = { readonly trial: number; readonly rung: number } & (
  | { readonly began: true }
  | { readonly step: number; readonly metrics: Metrics }
  | { readonly name: string; readonly facts: Json; readonly plugin?: string }
)

const TAG = '$number'
const WORDS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}
const DEPTH_LIMIT = 64
const MEBIBYTE = 2 ** 20
/** Maximum size of a message in bytes. Larger data belong in a checkpoint or a file. */
export const MESSAGE_LIMIT = 4 * MEBIBYTE

/** JSON that preserves numbers that are not finite, as `{"$number":"NaN"}`. Error: ARCHLOOM_DISTRIBUTED_SIZE. */
export function encode(what: string, value: WireJob | WireResult | readonly WireNews[], limit = MESSAGE_LIMIT): string {
  let text = JSON.stringify(value)
  // A number that is not finite has become null; only then is the slower way needed.
  if (text.includes('null'))
    text = JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'number' && !Number.isFinite(item) ? { [TAG]: String(item) } : item,
    )
  checkSize(what, text, limit)
  return text
}

function checkSize(what: string, text: string, limit: number): void {
  const bytes = text.length
  const remedy = 'Write large things into files and tell their names.'
  if (bytes > limit) throw error('ARCHLOOM_DISTRIBUTED_SIZE', { what, bytes, limit, remedy })
}

const bad = (what: string, received: unknown, expected: string) =>
  error('ARCHLOOM_DISTRIBUTED_MESSAGE', { what, received, expected })

type Loose = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Refuses data that is nested too deeply, and keys that could change the prototype of objects. */
function checkNesting(what: string, value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > DEPTH_LIMIT) throw bad(what, `values nested more than ${DEPTH_LIMIT} deep`, 'flat data')
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw bad(what, key, 'names other than __proto__')
    checkNesting(what, (value as Loose)[key], depth + 1)
  }
}

/** Parses text of `encode` as unchecked data. Errors: ARCHLOOM_DISTRIBUTED_SIZE, ARCHLOOM_DISTRIBUTED_MESSAGE. */
function decode(what: string, text: unknown, limit: number): unknown {
  if (typeof text !== 'string') throw bad(what, text, 'a text')
  checkSize(what, text, limit)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw bad(what, text, 'JSON')
  }
  checkNesting(what, value)
  return text.includes(TAG) ? revived(value) : value
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(revived)
  const word = (value as Loose)[TAG]
  if (typeof word === 'string' && Object.hasOwn(WORDS, word)) return WORDS[word]
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]))
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isMetrics = (value: unknown): value is Metrics =>
  isRecord(value) && Object.values(value).every((each) => typeof each === 'number')
const isDuration = (value: unknown) => typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
const isDigest = (value: unknown) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
const isCheckpoint = (value: unknown): value is CheckpointRef =>
  isRecord(value) && isDigest(value.name) && isDigest(value.sha256) && isCount(value.bytes)
const isFidelity = (value: unknown): value is number => typeof value === 'number' && value > 0 && value <= 1
const isThrown = (value: unknown): value is WireThrown =>
  isRecord(value) &&
  typeof value.message === 'string' &&
  (value.code === undefined || (typeof value.code === 'string' && /^[A-Z][A-Z0-9_]{0,99}$/.test(value.code)))

const isTrial = (value: unknown): value is WireTrial =>
  isRecord(value) &&
  isCount(value.trial) &&
  isCount(value.rung) &&
  Array.isArray(value.genotype) &&
  value.genotype.every((each) => typeof each === 'number') &&
  isFidelity(value.fidelity) &&
  Number.isFinite(value.seed) &&
  typeof value.mayContinue === 'boolean' &&
  (value.checkpoint === undefined ||
    (isCheckpoint(value.checkpoint) && isFidelity((value.checkpoint as Partial<WireTrial>).fidelity)))

const isOutcome = (value: unknown): value is WireOutcome =>
  isRecord(value) &&
  isCount(value.trial) &&
  isCount(value.rung) &&
  (value.seconds === undefined || isDuration(value.seconds)) &&
  ('thrown' in value
    ? isThrown(value.thrown)
    : isMetrics(value.metrics) &&
      (value.simulatedSeconds === undefined || typeof value.simulatedSeconds === 'number') &&
      (value.checkpoint === undefined || isCheckpoint(value.checkpoint)))

const isNews = (value: unknown): value is WireNews =>
  isRecord(value) &&
  isCount(value.trial) &&
  isCount(value.rung) &&
  (value.began === true ||
    ('name' in value
      ? typeof value.name === 'string' && (value.plugin === undefined || typeof value.plugin === 'string')
      : Number.isFinite(value.step) && isMetrics(value.metrics)))

/** Parses and checks a job. Errors: ARCHLOOM_DISTRIBUTED_SIZE, ARCHLOOM_DISTRIBUTED_MESSAGE. */
export function readJob(text: unknown, limit = MESSAGE_LIMIT): WireJob {
  const value = decode('job', text, limit)
  const isJob = (job: unknown): job is WireJob =>
    isRecord(job) &&
    typeof job.study === 'string' &&
    typeof job.studyId === 'string' &&
    Array.isArray(job.trials) &&
    job.trials.length > 0 &&
    job.trials.every(isTrial)
  if (!isJob(value))
    throw bad('job', value, '{ study, studyId, trials: [{ trial, rung, genotype, fidelity, seed, mayContinue }] }')
  return value
}

/** Parses and checks a result. Errors: ARCHLOOM_DISTRIBUTED_SIZE, ARCHLOOM_DISTRIBUTED_MESSAGE. */
export function readResult(text: unknown, limit = MESSAGE_LIMIT): WireResult {
  const value = decode('result', text, limit)
  const isResult = (result: unknown): result is WireResult =>
    isRecord(result) &&
    typeof result.worker === 'string' &&
    ('refused' in result
      ? isThrown(result.refused)
      : Array.isArray(result.outcomes) && result.outcomes.every(isOutcome))
  if (!isResult(value)) throw bad('result', value, '{ worker, outcomes: [{ trial, rung, metrics }] }')
  return value
}

/** Parses and checks messages of evaluations. Errors: ARCHLOOM_DISTRIBUTED_SIZE, ARCHLOOM_DISTRIBUTED_MESSAGE. */
export function readNews(text: unknown, limit = MESSAGE_LIMIT): readonly WireNews[] {
  const value = decode('progress message', text, limit)
  if (!Array.isArray(value) || !value.every(isNews))
    throw bad('progress message', value, '[{ trial, rung, step, metrics }]')
  return value
}
