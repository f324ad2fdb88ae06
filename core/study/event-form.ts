import { isShallow } from '../nesting.ts'
import type { SearchEvent } from '../trial/events.ts'
import { isPanel } from '../trial/panel.ts'

type Check = (value: unknown) => boolean
type Form = Readonly<Record<string, Check>>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText: Check = (value) => typeof value === 'string'
const isNumber: Check = (value) => typeof value === 'number'
const isFiniteNumber: Check = (value) => Number.isFinite(value)
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isFlag: Check = (value) => typeof value === 'boolean'
const isJson: Check = (value) => value !== undefined && isShallow(value)
const among =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every((each) => check(each))
const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every((each) => check(each))
const shaped =
  (form: Form): Check =>
  (value) =>
    isObject(value) && holds(form, value)

function holds(form: Form, value: Readonly<Record<string, unknown>>): boolean {
  // Inherited properties are not part of the event.
  for (const name in form) if (!form[name]!(Object.hasOwn(value, name) ? value[name] : undefined)) return false
  return true
}

/** A path in the architecture. Its parts are traversed recursively, so its length is limited. */
const isName: Check = (value) => typeof value === 'string' && value.length <= 1000
const isChoice = shaped({
  name: isName,
  options: (value) => Array.isArray(value) && value.length > 0 && isShallow(value),
  ordered: isFlag,
})
const isReal = shaped({ name: isName, min: isFiniteNumber, max: isFiniteNumber })
const isDecision: Check = (value) =>
  isObject(value) && (value.kind === 'choice' ? isChoice(value) : value.kind === 'real' && isReal(value))
/** Objects have properties of their own kind by some names, which would be taken for values of a metric. */
const isMetricName: Check = (value) => isText(value) && !((value as string) in {})
const isObjective = shaped({
  metric: isMetricName,
  direction: among('maximise', 'minimise'),
  weight: isFiniteNumber,
  scale: isFiniteNumber,
  atMost: optional(isNumber),
  atLeast: optional(isNumber),
  target: optional(isNumber),
})
const isMetrics = recordOf(isNumber)
const isGenotype = listOf(isFiniteNumber)

const trial: Form = { trial: isCount }
const rung: Form = { rung: isCount, fidelity: isFiniteNumber }
const result: Form = {
  ...trial,
  genotype: isGenotype,
  metrics: isMetrics,
  feasible: isFlag,
  violation: optional(isNumber),
  simulatedSeconds: optional(isFiniteNumber),
  elapsedMs: isFiniteNumber,
}
const progress: Form = { step: isFiniteNumber, metrics: isMetrics }
const end: Form = { reason: isText, trials: isCount, elapsedMs: isFiniteNumber }

/** The fields that reading a study relies on; other fields are ignored. */
const forms: Readonly<Record<string, Form>> = {
  'search.started': {
    archloom: isText,
    study: isText,
    space: shaped({ name: isText, fingerprint: isText, decisions: listOf(isDecision) }),
    parts: recordOf(isText),
    objectives: (value) => Array.isArray(value) && value.length > 0 && value.every((each) => isObjective(each)),
    budget: isJson,
    seed: isFiniteNumber,
    concurrency: isFiniteNumber,
    commit: optional(isJson),
    panels: optional(recordOf(listOf(isPanel))),
  },
  'search.resumed': { trials: isCount, budget: isJson },
  'trial.proposed': {
    ...trial,
    genotype: isGenotype,
    architecture: optional(isJson),
    seed: isFiniteNumber,
    fidelity: optional(isFiniteNumber),
    checkpointOf: optional(isCount),
    enqueued: optional(among(true)),
    logProbability: optional(isNumber),
    context: optional(isJson),
    given: optional(isJson),
  },
  'trial.continued': { ...trial, ...rung, checkpointOf: optional(isCount) },
  'trial.retried': { ...trial, attempt: isCount, reason: isText, code: isText, message: isText },
  'trial.progress': { ...trial, ...progress },
  'trial.paused': { ...result, ...rung, reward: isNumber, checkpoint: optional(isText) },
  'trial.completed': { ...result, reward: isNumber },
  'trial.pruned': { ...result, ...rung, reward: optional(isNumber), by: among('scheduler', 'bounds') },
  'trial.failed': {
    ...trial,
    genotype: isGenotype,
    reason: isText,
    code: isText,
    message: isText,
    stack: optional(isText),
    elapsedMs: isFiniteNumber,
  },
  'controller.updated': { trials: listOf(isCount), diagnostics: isJson },
  'controller.warmed': {
    from: isText,
    trials: listOf(shaped({ genotype: isGenotype, metrics: isMetrics, fidelity: optional(isFiniteNumber) })),
    diagnostics: isJson,
  },
  'stage.started': { stage: isText, index: isFiniteNumber, facts: (value) => isObject(value) && isShallow(value) },
  'weights.progress': progress,
  'policy.progress': progress,
  'checkpoint.written': { step: isFiniteNumber, file: isText },
  'plugin.event': { plugin: isText, name: isText, facts: isJson },
  'search.warning': { code: isText, message: isText },
  'search.finished': end,
  'search.stopped': end,
}

const isRung = shaped({
  ...rung,
  metrics: isMetrics,
  reward: optional(isNumber),
  elapsedMs: optional(isFiniteNumber),
  simulatedSeconds: optional(isFiniteNumber),
})
const keptTrial: Form = {
  ...trial,
  genotype: isGenotype,
  seed: isFiniteNumber,
  status: among('waiting', 'running', 'paused', 'completed', 'pruned', 'failed'),
  fidelity: isFiniteNumber,
  attempts: isCount,
  metrics: isMetrics,
}
/** Of these, a trial may have any. */
const keptDetails: Form = {
  reward: isNumber,
  feasible: isFlag,
  violation: isNumber,
  elapsedMs: isFiniteNumber,
  simulatedSeconds: isFiniteNumber,
  checkpoint: isText,
  checkpointOf: isCount,
  prunedBy: isText,
  failure: shaped({ reason: isText, code: isText, message: isText, stack: optional(isText) }),
  architecture: isJson,
  rungs: listOf(isRung),
}
const keptColumns: Form = { ...keptTrial, ...keptDetails }

/** Whether a value has the form of trials in a snapshot: a list of equal length for each of their fields. */
export function areKeptTrials(value: unknown): value is Readonly<Record<string, readonly unknown[]>> {
  if (!isObject(value) || !Object.keys(keptTrial).every((name) => Object.hasOwn(value, name))) return false
  const count = (value.trial as readonly unknown[]).length
  return Object.entries(value).every(
    ([name, column]) =>
      Object.hasOwn(keptColumns, name) &&
      Array.isArray(column) &&
      column.length === count &&
      column.every((each) => keptColumns[name]!(each)),
  )
}

const isPoint = shaped({ ...trial, genotype: isGenotype, metrics: isMetrics, reward: isNumber })
/** Whether a value has the form of the state of a search in a snapshot. */
export const isKeptState = shaped({
  status: among('idle', 'running', 'finished', 'stopped'),
  reason: optional(isText),
  study: isText,
  seed: isFiniteNumber,
  objectives: listOf(isObjective),
  proposed: isCount,
  completed: isCount,
  pruned: isCount,
  failed: isCount,
  consecutiveFailures: isCount,
  running: listOf(isCount),
  resting: listOf(isCount),
  best: optional(isPoint),
  front: listOf(isPoint),
  targetReached: isFlag,
  stage: optional(isText),
  startedAt: isFiniteNumber,
  elapsedMs: isFiniteNumber,
  sessions: isCount,
  simulatedSeconds: isFiniteNumber,
  trialsPerMinute: isFiniteNumber,
  seq: isCount,
  lastAt: optional(isFiniteNumber),
})

/**
 * Whether a value has the form of an event as far as reading a study relies on it. Stores must return only such
 * events; use this to check them in your own store. Events of a type that this version does not know are accepted.
 */
export function isWellFormed(value: unknown): value is SearchEvent {
  if (!isObject(value) || !isText(value.type) || !isCount(value.seq) || !isFiniteNumber(value.at)) return false
  const type = value.type as string
  if (!Object.hasOwn(forms, type)) return isShallow(value) && (!('trial' in value) || isCount(value.trial))
  return holds(forms[type]!, value)
}
