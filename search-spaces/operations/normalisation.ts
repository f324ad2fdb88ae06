import { value } from '../../core/options/index.ts'
import { type Normalisation, type NormalisationChoice, normalisationOf } from '../../core/tensor/index.ts'

/** The normalisation option that every space of networks has. */
export interface NormalisationOption {
  /** What normalises in all its networks: a stock one by name, or one of a plugin. Default 'batch-norm'. */
  readonly normalisation?: NormalisationChoice | undefined
}

/** The declaration of this option. `normalisationParts` checks its value. */
export const normalisationField = {
  normalisation: value<NormalisationChoice>('the name of a normalisation, or a normalisation of a plugin', {
    absent: 'batch-norm',
    doc: 'What normalises.',
  }),
}

/** The option for `variableScope`; empty if no normalisation was chosen. Error: ARCHLOOM_OPTION. */
export function normalisationParts({ normalisation }: NormalisationOption): { normalisation?: Normalisation } {
  return normalisation === undefined ? {} : { normalisation: normalisationOf(normalisation).layer }
}

/** The options with the name of the normalisation in its place, for the name of a space; batch norm is left out. */
export function nameableOptions<O extends NormalisationOption>({ normalisation, ...options }: O) {
  const name = normalisation === undefined ? 'batch-norm' : normalisationOf(normalisation).name
  return name === 'batch-norm' ? options : { ...options, normalisation: name }
}
