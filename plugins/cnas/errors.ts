import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('cnas', {
  ARCHLOOM_CNAS_SPACE: (d: { space: string; grow: string; expected: string }) =>
    `cnas cannot grow the ${d.grow} of space ${quote(d.space)}; expected ${d.expected}. Use such a space, or another "grow".`,
  ARCHLOOM_CNAS_CURRICULUM: (d: { received: unknown; available: readonly string[]; expected: string }) =>
    `the curriculum ${quote(d.received)} does not fit the operations ${quote(d.available, 300)}; expected ${d.expected}.`,
})
