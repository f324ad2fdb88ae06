import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('search', {
  ARCHLOOM_EVENT_GRAMMAR: (d: { event: string; expected: string }) =>
    `the algorithm yielded ${d.event}; expected ${d.expected}. Yield events in the order of the grammar in core/search/events.ts.`,
  ARCHLOOM_OBJECTIVE_INVALID: (d: { name: string; received: unknown; expected: string }) =>
    `objective ${quote(d.name)} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC: (d: { name: string; known: readonly string[]; evaluator: string }) =>
    `objective ${quote(d.name)} is not a metric of evaluator ${quote(d.evaluator)}, which reports ${quote(d.known)}. Choose one of those.`,
  ARCHLOOM_BUDGET_INVALID: (d: { field: string; received: unknown; expected: string }) =>
    `budget.${d.field} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_CONTROLLER_PROPOSAL_INVALID: (d: { trial: number; reason: string }) =>
    `the controller's proposal for trial ${d.trial} is not in the space: ${d.reason}`,
  ARCHLOOM_EVALUATION_INVALID: (d: { received: unknown; expected: string }) =>
    `the evaluation is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_EVALUATION_NOT_FINITE: (d: { metric: string; received: unknown }) =>
    `metric ${quote(d.metric)} is ${quote(d.received)}; expected a finite number. The training probably diverged: lower the learning rate.`,
  ARCHLOOM_EVALUATION_TIMEOUT: (d: { seconds: number }) =>
    `the evaluation did not end within ${d.seconds} s (budget.trialSeconds); it was aborted.`,
  ARCHLOOM_EVALUATION_THREW: (d: { message: string }) => `the evaluator threw: ${d.message}`,
  ARCHLOOM_SEARCH_ALREADY_RUNNING: (d: { study: string }) =>
    `the search of study ${quote(d.study)} is running already; iterate its one run(), or subscribe to events$ for a second look.`,
  ARCHLOOM_SEARCH_TRIAL_UNKNOWN: (d: { trial: number }) =>
    `trial ${d.trial} is not waiting for an observation; observe() takes a proposal of this search once.`,
  ARCHLOOM_SEARCH_EVENT_UNKNOWN: (d: { type: string; known: readonly string[] }) =>
    `no event is called ${quote(d.type)}; the events are ${quote(d.known, 600)}.`,
})
