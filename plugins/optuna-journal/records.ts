import type { EventOf, ResolvedObjective, SearchEvent } from '../../core/index.ts'
import { type Parameter, parameterOf } from './distributions.ts'

/** Kinds of records in Optuna's journal. */
export const OP = {
  createStudy: 0,
  deleteStudy: 1,
  studyAttribute: 2,
  studySystemAttribute: 3,
  createTrial: 4,
  parameter: 5,
  state: 6,
  intermediate: 7,
  attribute: 8,
  systemAttribute: 9,
} as const
const STATE = { running: 0, complete: 1, pruned: 2, failed: 3, waiting: 4 } as const
const DIRECTION = { minimise: 1, maximise: 2 } as const

/** A record that contains the number of archloom's trial instead of Optuna's id. */
export interface JournalRecord {
  readonly op_code: number
  readonly trial?: number
  readonly [field: string]: unknown
}

/** ISO text that Python 3.9 reads as UTC. */
const timeText = (ms: number) => new Date(ms).toISOString().replace('Z', '000+00:00')

type Metrics = Readonly<Record<string, number>>

/** One number per bound, at most 0 if the bound is met; undefined if one of the metrics was not measured or is NaN. */
function constraintsOf(objectives: readonly ResolvedObjective[], metrics: Metrics): readonly number[] | undefined {
  const found = objectives.flatMap(({ metric, atMost, atLeast }) => {
    const value = metrics[metric] ?? Number.NaN
    return [...(atMost === undefined ? [] : [value - atMost]), ...(atLeast === undefined ? [] : [atLeast - value])]
  })
  return found.length === 0 || found.some(Number.isNaN) ? undefined : found
}

/**
 * Turns the events of a study into records of an Optuna journal, in order. Attributes and intermediate values precede
 * the end of their trial, because Optuna ignores records after it.
 */
export function journalRecords(studyName: string): (event: SearchEvent) => readonly JournalRecord[] {
  let objectives: readonly ResolvedObjective[] = []
  let parameters: readonly Parameter[] = []
  /**
   * The metric of all curves: that of the first objective, or the first metric of the first report if it lacks the
   * objective.
   */
  let curve: string | undefined
  /** Trials that reported a step; results of rungs are not mixed with their steps. */
  const reported = new Set<number>()

  const attribute = (trial: number, name: string, value: unknown): JournalRecord => ({
    op_code: OP.attribute,
    trial,
    user_attr: { [name]: value },
  })
  const intermediate = (trial: number, step: number, value: number | undefined): readonly JournalRecord[] =>
    value === undefined ? [] : [{ op_code: OP.intermediate, trial, step: Math.round(step), intermediate_value: value }]
  const measured = (trial: number, metrics: Metrics): readonly JournalRecord[] => {
    const constraints = constraintsOf(objectives, metrics)
    const others = Object.entries(metrics).filter(([name]) => objectives.every(({ metric }) => metric !== name))
    return [
      ...others.map(([name, value]) => attribute(trial, name, value)),
      ...(constraints ? [{ op_code: OP.systemAttribute, trial, system_attr: { constraints } }] : []),
    ]
  }
  const end = (trial: number, at: number, state: number, values: readonly number[] | null): JournalRecord => ({
    op_code: OP.state,
    trial,
    state,
    values,
    datetime_complete: timeText(at),
  })
  const valuesOf = (metrics: Metrics) => {
    const values = objectives.map(({ metric }) => metrics[metric] ?? Number.NaN)
    return values.some(Number.isNaN) ? null : values
  }

  function proposed({ trial, genotype, architecture, seed, enqueued, at }: EventOf<'trial.proposed'>) {
    return [
      {
        op_code: OP.createTrial,
        trial,
        datetime_start: enqueued ? null : timeText(at),
        ...(enqueued && { state: STATE.waiting }),
      },
      ...parameters.flatMap((parameter, i) => {
        const value = parameter.internal(genotype[i]!)
        return value === undefined
          ? []
          : [
              {
                op_code: OP.parameter,
                trial,
                param_name: parameter.name,
                param_value_internal: value,
                distribution: parameter.distribution,
              },
            ]
      }),
      ...(architecture === undefined ? [] : [attribute(trial, 'architecture', JSON.stringify(architecture))]),
      attribute(trial, 'seed', seed),
    ]
  }

  return (event) => {
    switch (event.type) {
      case 'search.started':
        objectives = event.objectives
        parameters = event.space.decisions.map(parameterOf)
        return [
          {
            op_code: OP.createStudy,
            study_name: studyName,
            directions: objectives.map(({ direction }) => DIRECTION[direction]),
          },
          {
            op_code: OP.studyAttribute,
            user_attr: { objectives: objectives.map(({ metric }) => metric) },
          },
        ]
      case 'trial.proposed':
        return proposed(event)
      case 'trial.continued':
        return event.rung > 0
          ? []
          : [
              {
                op_code: OP.state,
                trial: event.trial,
                state: STATE.running,
                values: null,
                datetime_start: timeText(event.at),
              },
            ]
      case 'trial.progress':
        reported.add(event.trial)
        curve ??= objectives.find(({ metric }) => metric in event.metrics)?.metric ?? Object.keys(event.metrics)[0]
        return intermediate(event.trial, event.step, event.metrics[curve ?? ''])
      case 'trial.paused': {
        const { trial, rung, fidelity, metrics } = event
        const result = attribute(trial, `rung ${rung}`, { fidelity, ...metrics })
        return reported.has(trial) ? [result] : [result, ...intermediate(trial, rung, metrics[objectives[0]!.metric])]
      }
      case 'trial.completed': {
        const values = valuesOf(event.metrics)
        const state = values ? STATE.complete : STATE.failed
        return [...measured(event.trial, event.metrics), end(event.trial, event.at, state, values)]
      }
      case 'trial.pruned': {
        const { trial, metrics, at } = event
        // Optuna's own pruned trials have a value if there is one objective.
        const values = objectives.length === 1 ? valuesOf(metrics) : null
        return [
          ...measured(trial, metrics),
          attribute(trial, 'pruned by', event.by),
          end(trial, at, STATE.pruned, values),
        ]
      }
      case 'trial.failed': {
        const { trial, reason, code, message, stack, at } = event
        return [
          attribute(
            trial,
            'failure',
            stack === undefined ? { reason, code, message } : { reason, code, message, stack },
          ),
          end(trial, at, STATE.failed, null),
        ]
      }
      default:
        return []
    }
  }
}
