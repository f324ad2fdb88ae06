import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('tensor-optimizers', {
  ARCHLOOM_OPTIMIZER_GRADIENT: (d: { optimizer: string; variable: string; received: string; expected: string }) =>
    `${d.optimizer} received ${d.received} for the variable ${quote(d.variable)}, expected ${d.expected}; weights are float32, and a gradient has the shape of its variable.`,
  ARCHLOOM_OPTIMIZER_STATE: (d: { optimizer: string; name: string; expected: string }) =>
    `${d.optimizer} cannot restore ${quote(d.name)}, expected ${d.expected}; restore the state of an optimizer of the same kind.`,
})
