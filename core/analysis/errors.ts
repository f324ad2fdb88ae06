import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('analysis', {
  ARCHLOOM_ANALYSIS_TRIALS: (d: { study: string; received: number; expected: number; what: string }) =>
    `${d.what} received ${d.received} usable trials of study ${quote(d.study)}; expected at least ${d.expected} completed ones with a finite value. Resume the study with a larger budget.`,
  ARCHLOOM_ANALYSIS_METRIC: (d: { study: string; received: string; known: readonly string[] }) =>
    `no completed trial of study ${quote(d.study)} has the metric ${quote(d.received)}; expected one of ${quote(d.known, 400)}.`,
  ARCHLOOM_ANALYSIS_DIRECTION: (d: {
    study: string
    metric: string
    received: 'minimise' | 'maximise' | undefined
    objective?: 'minimise' | 'maximise'
  }) =>
    d.objective
      ? `${quote(d.metric)} is an objective that study ${quote(d.study)} ${d.objective}s; received the direction ${quote(d.received)}, expected ${quote(d.objective)} or none.`
      : `${quote(d.metric)} is no objective of study ${quote(d.study)}, so nothing says which of its values are better; received no direction, expected "minimise" or "maximise" as the option "direction" (--direction on the command line).`,
  ARCHLOOM_ANALYSIS_DECISION: (d: { study: string; received: string; known: readonly string[] }) =>
    `the space of study ${quote(d.study)} has no decision ${quote(d.received)}; expected one of ${quote(d.known, 600)}.`,
  ARCHLOOM_ANALYSIS_CONSTANT: (d: { study: string; metric: string; value: number }) =>
    `${d.metric} is ${d.value} in every completed trial of study ${quote(d.study)}; expected values that differ, because importance divides their spread among the decisions. Choose another metric.`,
  ARCHLOOM_ANALYSIS_SAMPLES: (d: { test: string; received: string; expected: string }) =>
    `${d.test} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_ANALYSIS_REFERENCE: (d: {
    study: string
    received: Readonly<Record<string, number>>
    expected: readonly Readonly<Record<string, number>>[]
  }) =>
    `the reference point is ${quote(d.received)}, and no trial of study ${quote(d.study)} is better than it in every objective; expected a point that is worse than some of the front ${quote(d.expected, 400)}.`,
  ARCHLOOM_ANALYSIS_REFERENCE_VALUES: (d: {
    study: string
    received: Readonly<Record<string, number>>
    expected: readonly string[]
  }) =>
    `the reference point is ${quote(d.received)}; expected a finite number for each objective of study ${quote(d.study)}, ${quote(d.expected)}.`,
  ARCHLOOM_ANALYSIS_OBJECTIVES: (d: { study: string; received: string; expected: string; first: string }) =>
    `study ${quote(d.study)} optimises ${d.received}; expected ${d.expected}, as study ${quote(d.first)} does. Compare studies of the same objective, or name a metric that all of them measure.`,
})
