import { defineErrors, quote } from '../errors.ts'

/** Describes the fault: in the options as a whole, an unknown name, or a value. */
const fault = (
  where: string,
  option: string,
  received: unknown,
  unknown?: { readonly suggestion?: string | undefined },
) => {
  if (option === '') return `${where}: the options are ${quote(received)};`
  if (!unknown) return `${where}: option "${option}" is ${quote(received)};`
  const hint = unknown.suggestion === undefined ? ';' : `; did you mean "${unknown.suggestion}"?`
  return `${where} has no option "${option}" (received ${quote(received, 60)})${hint}`
}

export const error = defineErrors('options', {
  /** `suggestion` is present for unknown names only: the most similar name, or undefined if none is similar. */
  ARCHLOOM_OPTION: (d: {
    where: string
    option: string
    received: unknown
    expected: string
    suggestion?: string | undefined
  }) => `${fault(d.where, d.option, d.received, 'suggestion' in d ? d : undefined)} expected ${d.expected}`,
})
