import { defineErrors, quote } from '../errors.ts'

const didYouMean = (name: string | undefined) => (name === undefined ? '' : `did you mean "${name}"? `)

export const error = defineErrors('search', {
  ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC: (d: { name: string; known: readonly string[]; evaluator: string }) =>
    `objective ${quote(d.name)} is not a metric of evaluator ${quote(d.evaluator)}, which reports ${quote(d.known)}. Choose one of those.`,
  ARCHLOOM_BUDGET_INVALID: (d: {
    field: string
    received: unknown
    expected: string
    suggestion?: string | undefined
  }) => `budget.${d.field} is ${quote(d.received)}; ${didYouMean(d.suggestion)}expected ${d.expected}.`,
  ARCHLOOM_SEARCH_ALREADY_RUNNING: (d: { study: string }) =>
    `the search of study ${quote(d.study)} is running already; iterate its one run(), or subscribe to events$ for a second look.`,
  ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE: (d: { study: string; answer: 'wait' | 'exhausted' }) =>
    d.answer === 'wait'
      ? `the search of study ${quote(d.study)} needs results of earlier proposals before the next one; observe() them first.`
      : `the search of study ${quote(d.study)} has nothing left to propose.`,
  ARCHLOOM_SEARCH_EVENT_UNKNOWN: (d: { type: string; known: readonly string[] }) =>
    `no event is called ${quote(d.type)}; the events are ${quote(d.known, 600)}.`,
})
