import { defineErrors, quote } from '../errors.ts'

const didYouMean = (name: string | undefined) => (name === undefined ? '' : `did you mean "${name}"? `)

export const error = defineErrors('trial', {
  ARCHLOOM_EVENT_GRAMMAR: (d: { event: string; expected: string }) =>
    `the algorithm yielded ${d.event}; expected ${d.expected}. Yield events in the order of the grammar in core/trial/events.ts.`,
  ARCHLOOM_EVENT_FORM: (d: { type: string; received: string }) =>
    `the algorithm yielded ${quote(d.type)} as ${d.received}; expected the fields that core/trial/events.ts declares for it, as plain JSON.`,
  ARCHLOOM_EVENT_NOT_FINITE: (d: { event: string; field: string; received: unknown }) =>
    `field ${quote(d.field)} of event ${d.event} is ${quote(d.received)}; expected a finite number. Only metrics may be infinite or NaN.`,
  ARCHLOOM_OBJECTIVE_INVALID: (d: {
    name: string
    received: unknown
    expected: string
    suggestion?: string | undefined
  }) => `objective ${quote(d.name)} is ${quote(d.received)}; ${didYouMean(d.suggestion)}expected ${d.expected}.`,
  ARCHLOOM_CONTROLLER_PROPOSAL_INVALID: (d: { trial: number; reason: string }) =>
    `the controller's proposal for trial ${d.trial} is not in the space: ${d.reason}`,
  ARCHLOOM_CONTROLLER_WAITS: (d: { trials: number }) =>
    `the controller answered "wait" after ${d.trials} trials, although no result is outstanding. Return "exhausted" when nothing is left to propose.`,
  ARCHLOOM_SCHEDULER_FIDELITY: (d: { trial: number; received: unknown; after: number }) =>
    `the scheduler gave trial ${d.trial} the fidelity ${quote(d.received)}; expected a number in (${d.after}, 1].`,
  ARCHLOOM_SCHEDULER_TRIAL: (d: { trial: number; status: string }) =>
    `the scheduler promoted trial ${d.trial}, which is ${d.status}; expected a paused trial.`,
  ARCHLOOM_SCHEDULER_CHECKPOINT: (d: { trial: number; from: number; status: string }) =>
    `the scheduler starts trial ${d.trial} from the checkpoint of trial ${d.from}, which ${d.status}; expected a paused trial with a checkpoint of a lower fidelity. Evaluators save one with saveCheckpoint(data) and continue from context.checkpoint.`,
  ARCHLOOM_EVALUATION_INVALID: (d: { received: unknown; expected: string }) =>
    `the evaluation is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_EVALUATION_NOT_FINITE: (d: { metric: string; received: unknown }) =>
    `objective ${quote(d.metric)} is ${quote(d.received)}; expected a number that is not NaN and not infinitely bad. The training probably diverged: lower the learning rate.`,
  ARCHLOOM_EVALUATION_TIMEOUT: (d: { seconds: number }) =>
    `the evaluation did not end within ${d.seconds} s (budget.trialSeconds); it was aborted.`,
  ARCHLOOM_EVALUATION_THREW: (d: { message: string }) => `the evaluator threw: ${d.message}`,
  ARCHLOOM_EVALUATION_BROKEN: (d: { message: string; trials: number }) =>
    `the first ${d.trials} trials all failed with the same error, so the search was stopped: ${d.message}. Correct the evaluator or the space's build function; the stack is in the cause of this error.`,
  ARCHLOOM_REPORT_INVALID: (d: { received: unknown; expected: string }) =>
    `report() received ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_SEARCH_TRIAL_UNKNOWN: (d: { trial: number }) =>
    `trial ${d.trial} is not waiting for an observation; observe() accepts each proposal of this search once.`,
})
