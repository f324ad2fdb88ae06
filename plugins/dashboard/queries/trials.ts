import type { StudyRecord, Trial } from '../../../core/index.ts'
import { error } from '../errors.ts'
import type { LiveStudy } from '../live-study.ts'
import { type Status, statuses, type TrialPage, type TrialRow } from '../protocol.ts'
import { sortedBy } from '../sorted-by.ts'
import { wireMetrics } from '../wire.ts'
import { optionText } from './overview.ts'

export interface TrialQuestion {
  readonly offset: number
  readonly limit: number
  /** A column, or a metric. */
  readonly sort: string
  readonly descending: boolean
  readonly status: readonly Status[]
  /** Conditions, all of which must hold: see `conditionOf`. */
  readonly filter: string
}

export const columns = ['trial', 'status', 'fidelity', 'rungs', 'elapsed'] as const

/** Trials above which the orders by the objectives are prepared, and how long after a page was opened, in ms. */
const MANY = 10_000
const LATER_MS = 500

/** A page of the trials that a filter lets through, in an order. Trials without a value come last. */
export function trialPage(study: LiveStudy, asked: TrialQuestion): TrialPage {
  const { offset, limit } = asked
  const order = orderFor(study, asked)
  const rows = [...order.subarray(offset, offset + limit)].map((i) => rowOf(study.record.trials[i]!))
  return { total: order.length, offset, rows }
}

type Order = Pick<TrialQuestion, 'sort' | 'descending' | 'status' | 'filter'>

const orderFor = (study: LiveStudy, { sort, descending, status, filter }: Order): Uint32Array =>
  study.answer(`trials ${JSON.stringify([sort, descending, status, filter])}`, () =>
    orderOf(study.record, { sort, descending, status, filter }),
  )

/**
 * Computes in advance what a first click on the column of an objective asks for, once the page has its charts. A study
 * that is running changes too often for that.
 */
export function prepareOrders(study: LiveStudy): void {
  const { trials, live, started } = study.record
  if (trials.length <= MANY || live.status === 'running') return
  for (const { metric } of started.objectives.slice(0, 2))
    setTimeout(() => orderFor(study, { sort: metric, descending: false, status: [], filter: '' }), LATER_MS)
}

function orderOf(record: StudyRecord, { sort, descending, status, filter }: Order): Uint32Array {
  const { trials } = record
  const wanted = new Set(status)
  const conditions = filter
    .split(/\s+/)
    .filter(Boolean)
    .map((text) => conditionOf(text, record))
  const order = new Uint32Array(trials.length)
  let count = 0
  for (let i = 0; i < trials.length; i++) {
    const trial = trials[i]!
    if (wanted.size > 0 && !wanted.has(trial.status)) continue
    if (conditions.length === 0 || conditions.every((holds) => holds(trial))) order[count++] = i
  }
  const found = order.slice(0, count)
  if (sort === 'trial') return descending ? found.reverse() : found
  const keys = new Float64Array(trials.length)
  for (let k = 0; k < count; k++) keys[found[k]!] = keyOf(trials[found[k]!]!, sort)
  return sortedBy(found, keys, descending)
}

function keyOf(trial: Trial, sort: string): number {
  switch (sort) {
    case 'status':
      return statuses.indexOf(trial.status)
    case 'fidelity':
      return fidelityOf(trial)
    case 'rungs':
      return trial.rungs.length
    case 'elapsed':
      return trial.elapsedMs ?? Number.NaN
    default:
      return trial.metrics[sort] ?? Number.NaN
  }
}

const fidelityOf = ({ rungs }: Trial): number => rungs.at(-1)?.fidelity ?? 1

const comparison = /^(.+?)(<=|>=|=|<|>)(.+)$/

/**
 * A condition of a filter: `accuracy>0.9` on a metric, `layers.0.op=conv` on a decision (the end of its name is enough),
 * `trial<100`, `reason=timeout`; anything else is looked for in the genotype's text and in the message of a failure.
 */
function conditionOf(text: string, { started }: StudyRecord): (trial: Trial) => boolean {
  const [, name, sign, value] = comparison.exec(text) ?? []
  if (name !== undefined && sign !== undefined && value !== undefined) {
    const { decisions } = started.space
    const at = sign === '=' ? decisions.findIndex((decision) => isCalled(decision.name, name)) : -1
    const decision = decisions[at]
    if (decision?.kind === 'choice') {
      const options = new Set(decision.options.flatMap((option, i) => (optionText(option) === value ? [i] : [])))
      return ({ genotype }) => options.has(genotype[at] ?? -1)
    }
    if (name === 'reason' && sign === '=') return ({ failure }) => failure?.reason === value
    const limit = Number(value)
    const holds = signs[sign]!
    if (!Number.isNaN(limit)) {
      if (name === 'trial') return ({ trial }) => holds(trial, limit)
      if (name === 'fidelity') return (trial) => holds(fidelityOf(trial), limit)
      return ({ metrics }) => {
        const measured = metrics[name]
        return measured !== undefined && holds(measured, limit)
      }
    }
    throw error('ARCHLOOM_DASHBOARD_QUERY', {
      parameter: 'filter',
      received: text,
      expected: 'a comparison of a metric with a number, or of a decision with one of its options',
    })
  }
  const wanted = text.toLowerCase()
  return (trial) =>
    trial.text.toLowerCase().includes(wanted) ||
    String(trial.trial) === wanted ||
    (trial.failure !== undefined &&
      `${trial.failure.code} ${trial.failure.reason} ${trial.failure.message}`.toLowerCase().includes(wanted))
}

const isCalled = (name: string, asked: string) => name === asked || name.endsWith(`.${asked}`)

const signs: Readonly<Record<string, (measured: number, limit: number) => boolean>> = {
  '<': (measured, limit) => measured < limit,
  '<=': (measured, limit) => measured <= limit,
  '>': (measured, limit) => measured > limit,
  '>=': (measured, limit) => measured >= limit,
  '=': (measured, limit) => measured === limit,
}

function rowOf(trial: Trial): TrialRow {
  const { elapsedMs, feasible, failure } = trial
  return {
    trial: trial.trial,
    status: trial.status,
    text: trial.text,
    metrics: wireMetrics(trial.metrics),
    ...(feasible !== undefined && { feasible }),
    fidelity: fidelityOf(trial),
    rungs: trial.rungs.length,
    ...(elapsedMs !== undefined && { elapsedMs }),
    ...(failure && { reason: failure.reason }),
  }
}
