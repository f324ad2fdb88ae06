import type { SearchEvent, StudyRecord, Trial } from '../../../core/index.ts'
import { error } from '../errors.ts'
import type { LiveStudy } from '../live-study.ts'
import type { TrialCourse, TrialDetail } from '../protocol.ts'
import { spaced } from '../thinning.ts'
import { numberText, wire, wireMetrics } from '../wire.ts'
import { objectivesOf, optionText } from './overview.ts'

/** Points of a curve that are sent at most. */
const CURVE = 2000
/** Lines of a log that are sent at most: the first and the last. */
const LOG = 400

/** The trial of a number. Error: ARCHLOOM_DASHBOARD_TRIAL. */
export function trialOf({ name, trials }: StudyRecord, received: string): Trial {
  const trial = /^\d{1,9}$/.test(received) ? trials[Number(received)] : undefined
  if (!trial) throw error('ARCHLOOM_DASHBOARD_TRIAL', { study: name, received, trials: trials.length })
  return trial
}

export function trialDetail({ record }: LiveStudy, number: string): TrialDetail {
  const trial = trialOf(record, number)
  const { reward, violation, elapsedMs, feasible, prunedBy, failure } = trial
  const { decisions } = record.started.space
  return {
    study: record.name,
    trial: trial.trial,
    status: trial.status,
    text: trial.text,
    genotype: trial.genotype,
    architecture: trial.architecture,
    seed: trial.seed,
    rungs: trial.rungs.map(({ rung, fidelity, metrics, elapsedMs: ms }) => ({
      rung,
      fidelity,
      metrics: wireMetrics(metrics),
      ...(ms !== undefined && { elapsedMs: ms }),
    })),
    attempts: trial.attempts,
    metrics: wireMetrics(trial.metrics),
    ...(reward !== undefined && { reward: wire(reward) }),
    ...(feasible !== undefined && { feasible }),
    ...(violation !== undefined && { violation: wire(violation) }),
    ...(elapsedMs !== undefined && { elapsedMs }),
    ...(prunedBy !== undefined && { prunedBy }),
    ...(failure && { failure }),
    values: decisions.map((decision, i) => {
      const value = trial.genotype[i] ?? Number.NaN
      return decision.kind === 'choice' ? optionText(decision.options[value] ?? null) : numberText(value)
    }),
    isOnFront: record.live.front.some((point) => point.trial === trial.trial),
    trials: record.trials.length,
    objectives: objectivesOf(record),
    decisions: decisions.map(({ name }) => name),
  }
}

/** The curve and the log of a trial, read from the journal. */
export async function trialCourse(study: LiveStudy, number: string): Promise<TrialCourse> {
  const { trial } = trialOf(study.record, number)
  const { first, last } = study.eventsOf(trial)
  const curve: TrialCourse['curve'][number][] = []
  const log: TrialCourse['log'][number][] = []
  let rung = 0
  for await (const events of study.read(first)) {
    for (const event of events) {
      if (event.seq > last) break
      if (!('trial' in event) || event.trial !== trial) continue
      if (event.type === 'trial.continued') rung = event.rung
      if (event.type === 'trial.progress') curve.push({ rung, step: event.step, metrics: wireMetrics(event.metrics) })
      log.push({ seq: event.seq, at: event.at, type: event.type, text: textOf(event) })
    }
    if ((events.at(-1)?.seq ?? 0) >= last) break
  }
  const half = LOG / 2
  return {
    curve: spaced(curve, CURVE),
    log: log.length > LOG ? [...log.slice(0, half), ...log.slice(-half)] : log,
  }
}

const metricsText = (metrics: Readonly<Record<string, number>>) =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${numberText(value)}`)
    .join(', ')

function textOf(event: SearchEvent): string {
  switch (event.type) {
    case 'trial.proposed':
      return `${event.enqueued ? 'enqueued by a person' : 'proposed'}, seed ${event.seed}`
    case 'trial.continued':
      return `rung ${event.rung} starts at fidelity ${numberText(event.fidelity)}`
    case 'trial.retried':
      return `attempt ${event.attempt} after ${event.reason}: ${event.message}`
    case 'trial.progress':
      return `step ${event.step}: ${metricsText(event.metrics)}`
    case 'trial.paused':
      return `rung ${event.rung} ended at fidelity ${numberText(event.fidelity)}: ${metricsText(event.metrics)}`
    case 'trial.completed':
      return metricsText(event.metrics)
    case 'trial.pruned':
      return `by the ${event.by} at fidelity ${numberText(event.fidelity)}: ${metricsText(event.metrics)}`
    case 'trial.failed':
      return `${event.reason}, ${event.code}: ${event.message}`
    default:
      return ''
  }
}
