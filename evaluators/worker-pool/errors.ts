import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('worker-pool', {
  ARCHLOOM_WORKER_MODULE: (d: { module: string; received: string; expected: string }) =>
    `a worker could not start on ${quote(d.module)}: ${d.received}. Expected ${d.expected}.`,
  ARCHLOOM_WORKER_SPACE: (d: { module: string; received: string; expected: string }) =>
    `${quote(d.module)} exports the search space ${d.received}, but this search has ${d.expected}. Import the space from that module, so that both are the same.`,
  ARCHLOOM_WORKER_DIED: (d: { exit: string; output: string }) =>
    `the worker process ended (${d.exit}) before its result came.${d.output ? ` Its last words: ${d.output}` : ''} The next trial gets a new process.`,
})
