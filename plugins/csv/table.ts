import Papa from 'papaparse'
import type { StudyRecord } from '../../core/index.ts'

/** Columns before the architecture and the metrics. */
const FACTS = [
  'trial',
  'status',
  'fidelity',
  'reward',
  'feasible',
  'violation',
  'elapsedMs',
  'simulatedSeconds',
  'genotype',
  'failure',
] as const

/**
 * A study as CSV (RFC 4180): a header and one row per trial. After the facts of a trial come its decisions as
 * `architecture.NAME` and its metrics as `metrics.NAME`, so that no name meets another. What a trial does not have is
 * empty; infinite and undefined numbers are written as `Infinity`, `-Infinity` and `NaN`.
 */
export function studyCsv(study: Pick<StudyRecord, 'started' | 'trials'>): string {
  const { decisions } = study.started.space
  const metrics = [...new Set(study.trials.flatMap((trial) => Object.keys(trial.metrics)))]
  const header = [
    ...FACTS,
    ...decisions.map(({ name }) => `architecture.${name}`),
    ...metrics.map((name) => `metrics.${name}`),
  ]
  const rows = study.trials.map((trial) => [
    trial.trial,
    trial.status,
    trial.rungs.at(-1)?.fidelity,
    trial.reward,
    trial.feasible,
    trial.violation,
    trial.elapsedMs,
    trial.simulatedSeconds,
    trial.text,
    trial.failure?.code,
    ...decisions.map((decision, i) => {
      const value = trial.genotype[i]!
      const option = decision.kind === 'real' ? value : decision.options[value]
      return typeof option === 'object' ? JSON.stringify(option) : option
    }),
    ...metrics.map((name) => trial.metrics[name]),
  ])
  const textOf = (cell: unknown) => (cell === undefined ? '' : String(cell))
  return `${Papa.unparse([header, ...rows.map((row) => row.map(textOf))], { newline: '\n' })}\n`
}
