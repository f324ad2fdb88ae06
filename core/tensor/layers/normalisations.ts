import { optionError } from '../../options/index.ts'
import type { Normalisation } from '../scope.ts'
import { batchNorm } from './batch-norm.ts'
import { batchRenorm } from './batch-renorm.ts'
import { groupNorm } from './group-norm.ts'
import { runningBatchNorm } from './running-batch-norm.ts'

/** A normalisation with a name, which is used in names of spaces and as an option of decisions. */
export interface NamedNormalisation {
  readonly name: string
  readonly layer: Normalisation
}

const stock = {
  'batch-norm': batchNorm,
  'batch-renorm': batchRenorm,
  'running-batch-norm': runningBatchNorm,
  'group-norm': groupNorm,
} satisfies Readonly<Record<string, Normalisation>>

export type NormalisationName = keyof typeof stock
export const normalisationNames = Object.keys(stock) as readonly NormalisationName[]

/** The name of a built-in normalisation, or your own with a name. */
export type NormalisationChoice = NormalisationName | NamedNormalisation

/** The chosen normalisation with its name. Error: ARCHLOOM_OPTION. */
export function normalisationOf(choice: NormalisationChoice): NamedNormalisation {
  if (typeof choice === 'string' && Object.hasOwn(stock, choice)) return { name: choice, layer: stock[choice] }
  if (typeof choice === 'object' && typeof choice?.layer === 'function' && typeof choice.name === 'string')
    return choice
  throw optionError('normalisation', 'choice', choice, `one of ${normalisationNames.join(', ')}, or { name, layer }`)
}
