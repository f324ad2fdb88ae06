import { value } from '../../core/options/index.ts'
import { type Normalisation, type NormalisationChoice, normalisationOf } from '../../core/tensor/index.ts'

/** Option of every space of networks. */
export interface NormalisationOption {
  /** What normalises in all its networks: a stock one by name, or one of a plugin. Default 'batch-norm'. */
  readonly normalisation?: NormalisationChoice | undefined
}

/** The option, declared. Its value is checked by `normalisationParts`. */
export const normalisationField = {
  normalisation: value<NormalisationChoice>('the name of a normalisation, or a normalisation of a plugin'),
}

/** For `variableScope`: empty where nothing was chosen. Error: ARCHLOOM_OPTION. */
export function normalisationParts({ normalisation }: NormalisationOption): { normalisation?: Normalisation } {
  return normalisation === undefined ? {} : { normalisation: normalisationOf(normalisation).layer }
}

/** The options with a normalisation by its name alone, as names of spaces need them; batch norm is not named. */
export function nameableOptions<O extends NormalisationOption>({ normalisation, ...options }: O) {
  const name = normalisation === undefined ? 'batch-norm' : normalisationOf(normalisation).name
  return name === 'batch-norm' ? options : { ...options, normalisation: name }
}
