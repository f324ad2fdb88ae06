import { error } from '../errors.ts'
import { type NasBenchMacroArchitecture, type NasBenchMacroOperation, nasBenchMacroOperations } from './space.ts'

/** Key of an architecture in the benchmark's file: one digit per layer (0 identity, 1 kernel 3, 2 kernel 5). */
export const formatMacroKey = ({ layers }: NasBenchMacroArchitecture): string =>
  layers.map((layer) => nasBenchMacroOperations.indexOf(layer)).join('')

/** Throws ARCHLOOM_ARCHITECTURE_TEXT unless the text is eight digits from 0 to 2. */
export function parseMacroKey(key: string): NasBenchMacroArchitecture {
  if (!/^[0-2]{8}$/.test(key))
    throw error('ARCHLOOM_ARCHITECTURE_TEXT', {
      format: 'NAS-Bench-Macro key',
      received: key,
      expected: 'eight digits from 0 to 2',
    })
  const at = (layer: number) => nasBenchMacroOperations[Number(key[layer])] as NasBenchMacroOperation
  return { layers: [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)] }
}
