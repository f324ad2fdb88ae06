import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('hnas', {
  ARCHLOOM_HNAS_SPACE: (d: { space: string; received: string; expected: string }) =>
    `hnas received space ${quote(d.space)}, ${d.received}; expected ${d.expected}. Use superResolutionSpace() from archloom/search-spaces/super-resolution.`,
})
