import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('hnas', {
  ARCHLOOM_HNAS_SPACE: (d: { space: string; received: string; expected: string }) =>
    `hnas received space ${quote(d.space)}, ${d.received}; expected ${d.expected}. Use superResolutionSpace() from archloom/search-spaces/super-resolution.`,
  ARCHLOOM_HNAS_EVALUATOR: (d: { received: string; kind: string }) =>
    `hnas received evaluator ${quote(d.received)} of kind ${quote(d.kind)}; expected shared weights that enlarge images. Use sharedUpscaling({ data }) from archloom/plugins/hnas.`,
})
