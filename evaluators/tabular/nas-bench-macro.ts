import { messageOf, quote } from '../../core/errors.ts'
import { optionNames, optionsFor } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { leavesOf, type Nested } from './leaves.ts'
import { nasBenchMacroPaper } from './papers.ts'
import { findTable, readText, type TableFileOptions, tableFileOptions } from './read-table.ts'
import type { Table } from './table.ts'

/**
 * An architecture of NAS-Bench-Macro: its eight digits ('02012100'), or any nesting of arrays and objects whose eight
 * leaves are the blocks of the layers, by number or name: 0 identity, 1 mb3_k3 or mb_conv_k3_e3, 2 mb6_k5 or
 * mb_conv_k5_e6.
 */
export type NasBenchMacroNetwork = Nested<string | number>

export interface NasBenchMacroTable extends Table<NasBenchMacroNetwork> {
  /** The eight digits of every architecture. */
  readonly keys: readonly string[]
}

interface Entry {
  readonly mean_acc: number
  readonly std: number
  readonly params: number
  readonly flops: number
}

const NAME = 'NAS-Bench-Macro'
const ROWS = 3 ** 8
const FILE = 'nas_bench_macro_cifar10.json'
const declared = optionsFor<TableFileOptions>()('nasBenchMacroTable', tableFileOptions)
/** The benchmark's own names of the blocks, and the names by kernel and expansion. */
const digits: Readonly<Record<string, string>> = {
  0: '0',
  identity: '0',
  1: '1',
  mb3_k3: '1',
  mb_conv_k3_e3: '1',
  2: '2',
  mb6_k5: '2',
  mb_conv_k5_e6: '2',
}

const nasBenchMacroTableNames = optionNames<TableFileOptions>('nasBenchMacroTable', { file: true, environment: true })

/**
 * The benchmark's results as a table: `accuracy` (mean test accuracy of three seeds on CIFAR-10, in [0, 1]),
 * `accuracySd`, `parameters`, `multiplyAdds` (which the benchmark calls flops). It has neither training times nor
 * validation accuracies, so a search chooses by the same figure that it reports. Errors: ARCHLOOM_OPTION,
 * ARCHLOOM_TABLE_NOT_FOUND, ARCHLOOM_TABLE_CORRUPT; at a look-up ARCHLOOM_TABLE_ARCHITECTURE_FORM,
 * ARCHLOOM_TABLE_ENTRY_UNKNOWN, ARCHLOOM_TABLE_FIDELITY.
 */
export function nasBenchMacroTable(options: TableFileOptions = {}): NasBenchMacroTable {
  nasBenchMacroTableNames(options)
  const path = findTable(NAME, FILE, declared.read(options))
  const entries = readEntries(path)
  return {
    name: `${NAME} cifar10`,
    metrics: ['accuracy', 'accuracySd', 'parameters', 'multiplyAdds'],
    costs: ['parameters', 'multiplyAdds'],
    papers: [nasBenchMacroPaper],
    protocol: 'oracle',
    fidelities: [1],
    notes: ['the benchmark has test accuracies only, so a search chooses by the same figure that it reports'],
    keys: [...entries.keys()],
    lookup: (network, fidelity) => {
      if (fidelity !== 1) throw error('ARCHLOOM_TABLE_FIDELITY', { table: NAME, received: fidelity, stored: [1] })
      const key = keyOf(network)
      const entry = entries.get(key)
      if (!entry) throw error('ARCHLOOM_TABLE_ENTRY_UNKNOWN', { table: NAME, key, size: entries.size })
      const { mean_acc, std, params, flops } = entry
      return {
        metrics: { accuracy: mean_acc / 100, accuracySd: std / 100, parameters: params, multiplyAdds: flops },
      }
    },
  }
}

function readEntries(path: string): ReadonlyMap<string, Entry> {
  const text = readText(path)
  const refuse = (received: string, expected: string, cause?: unknown) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected }, { cause })
  let entries: Map<string, Entry>
  try {
    entries = new Map(Object.entries(JSON.parse(text) as Record<string, Entry>))
  } catch (cause) {
    throw refuse(`no JSON (${messageOf(cause)})`, 'one JSON object with an entry for each architecture', cause)
  }
  if (entries.size !== ROWS) throw refuse(`${entries.size} architectures`, `${ROWS} architectures`)
  const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 100
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  for (const [key, entry] of entries) {
    if (!/^[012]{8}$/.test(key)) throw refuse(`the architecture ${quote(key)}`, 'eight digits 0, 1 or 2')
    const { mean_acc: mean, std, params, flops } = entry ?? {}
    if (![mean, std].every(isShare) || ![params, flops].every(isCount))
      throw refuse(
        `${quote(entry)} for ${key}`,
        'mean_acc and std from 0 to 100, params and flops whole numbers of at least 0',
      )
  }
  return entries
}

function keyOf(network: NasBenchMacroNetwork): string {
  if (typeof network === 'string' && /^\d+$/.test(network)) return network
  const blocks = leavesOf(network).map((leaf) => digits[String(leaf).toLowerCase()])
  if (blocks.length !== 8 || !blocks.every((digit) => digit !== undefined))
    throw error('ARCHLOOM_TABLE_ARCHITECTURE_FORM', {
      table: NAME,
      received: network,
      expected: `eight digits, or eight blocks among ${Object.keys(digits).join(', ')}`,
    })
  return blocks.join('')
}
