import { among, optionError, optionsFor, text, value } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { leavesOf, type Nested } from './leaves.ts'
import { nasBench201Paper } from './papers.ts'
import { AMOUNT, findTable, PERCENT, readCsv, type TableFileOptions, tableFileOptions } from './read-table.ts'
import type { Table } from './table.ts'

/**
 * An architecture of NAS-Bench-201: its string (`|nor_conv_3x3~0|+|none~0|…`), or any nesting of arrays and objects
 * whose six strings are the operations of the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
 */
export type NasBench201Cell = Nested<string>

export interface NasBench201TableOptions extends TableFileOptions {
  /** Default 'cifar10'. 'imagenet16' is ImageNet16-120. */
  readonly dataset?: 'cifar10' | 'cifar100' | 'imagenet16'
  /**
   * What `accuracy`, by which a search chooses, is. 'honest' (the default): the validation accuracy after 12 epochs, as the
   * benchmark's own `hp=12` does; report the chosen architecture's `testAccuracy`. 'oracle': the mean test accuracy after
   * `epochs`, which tells a search what no search may know; its figures compare with published ones of the same kind only.
   */
  readonly protocol?: 'honest' | 'oracle'
  /**
   * The training that fidelity 1 stands for. Default: 12 under the honest protocol, which has no other (the files hold no
   * validation accuracy after 200 epochs), and 200 under the oracle's.
   */
  readonly epochs?: 200 | 12
  /** Adds `latencyMs` on this device, from nb201_latency_ms.csv. */
  readonly latency?: string
  readonly latencyFile?: string
}

export interface NasBench201Table extends Table<NasBench201Cell> {
  /** The string of every architecture, in the benchmark's order. */
  readonly keys: readonly string[]
  /** Training time of an epoch on CIFAR-10's 50,000 images; measured for some architectures, estimated for the others. */
  secondsPerEpoch(architecture: NasBench201Cell): { readonly value: number; readonly source: 'measured' | 'estimated' }
}

const NAME = 'NAS-Bench-201'
const ROWS = 15_625

const declared = optionsFor<NasBench201TableOptions>()(
  'nasBench201Table',
  {
    dataset: value<NonNullable<NasBench201TableOptions['dataset']>>('a data set of the benchmark', {
      default: 'cifar10',
      doc: 'The data set: cifar10, cifar100 or imagenet16 (ImageNet16-120).',
    }),
    protocol: among(['honest', 'oracle'], {
      default: 'honest',
      doc: 'Whether `accuracy` is the validation accuracy after 12 epochs or the test accuracy after `epochs`.',
    }),
    epochs: value<200 | 12>('200 or 12', {
      absent: '12 under the honest protocol, 200 under the oracle’s',
      doc: 'The training that fidelity 1 stands for.',
    }),
    latency: text({ doc: 'A device of `nb201_latency_ms.csv`; adds `latencyMs` on it.' }),
    latencyFile: text({ doc: 'Path of the table of latencies.' }),
    ...tableFileOptions,
  },
  { renamed: { data: 'dataset', dataSet: 'dataset', device: 'latency' } },
)

/**
 * How the values of a data set are derived from the columns. Time: an epoch on CIFAR-100 takes as long as one on
 * CIFAR-10, and one on ImageNet16-120 takes 3.034 times as long; the 12-epoch validation results of CIFAR-10 were
 * trained on half of the images. Cost: the columns hold the cost on CIFAR-10; that with other heads and input sizes
 * follows by closed formulas.
 */
const datasets = {
  cifar10: {
    prefix: 'c10',
    time: 1,
    validationTime: 0.5,
    parameters: (m: number) => m,
    multiplyAdds: (m: number) => m,
  },
  cifar100: {
    prefix: 'c100',
    time: 1,
    validationTime: 1,
    parameters: (m: number) => m + 0.00585,
    multiplyAdds: (m: number) => m + 0.00585,
  },
  imagenet16: {
    prefix: 'in16',
    time: 3.034,
    validationTime: 3.034,
    parameters: (m: number) => m + 0.00715,
    multiplyAdds: (m: number) => (m - 0.00065) / 4 + 0.0078,
  },
} as const

/**
 * The benchmark's results as a table: `accuracy` (see `protocol`), `testAccuracy` (200 epochs), `validationAccuracy`
 * (12 epochs), all in [0, 1], `parameters`, `multiplyAdds`, and `latencyMs` if requested. Simulated time is that of
 * the stored training: epochs × seconds per epoch. Under the oracle protocol with 200 epochs, fidelities up to 12/200
 * give the test accuracy after 12 epochs and cost 12 epochs; any other fidelity below 1 is refused. Errors:
 * ARCHLOOM_OPTION, ARCHLOOM_TABLE_NOT_FOUND, ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN; at a look-up
 * ARCHLOOM_TABLE_ARCHITECTURE_FORM, ARCHLOOM_TABLE_ENTRY_UNKNOWN, ARCHLOOM_TABLE_FIDELITY.
 */
export function nasBench201Table(given: NasBench201TableOptions = {}): NasBench201Table {
  const options = declared.read(given)
  const { dataset = 'cifar10', protocol = 'honest', latency } = options
  const { epochs = protocol === 'oracle' ? 200 : 12 } = options
  const set = datasets[dataset]
  if (!Object.hasOwn(datasets, dataset))
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', { table: NAME, received: dataset, known: Object.keys(datasets) })
  if (epochs !== 200 && epochs !== 12) throw optionError(NAME, 'epochs', epochs, '200 or 12')
  if (protocol === 'honest' && epochs === 200)
    throw optionError(
      NAME,
      'epochs',
      epochs,
      '12, or protocol "oracle": there is no validation accuracy after 200 epochs',
    )

  const column = { test: `${set.prefix}_test_e200`, early: `${set.prefix}_test_e12`, valid: `${set.prefix}_val_e12` }
  const time = { measured: 'train_s_per_epoch_c10', estimated: 'train_s_per_epoch_c10_est' }
  const path = findTable(NAME, 'nb201.csv', options)
  const csv = readCsv(path, {
    texts: ['arch'],
    numbers: {
      params_m: AMOUNT,
      macs_m: AMOUNT,
      [column.test]: PERCENT,
      [column.early]: PERCENT,
      [column.valid]: PERCENT,
      [time.measured]: { ...AMOUNT, empty: true },
      [time.estimated]: AMOUNT,
    },
    rows: ROWS,
  })
  const [test, early, valid] = [csv.number(column.test), csv.number(column.early), csv.number(column.valid)]
  const [measured, estimated] = [csv.number(time.measured), csv.number(time.estimated)]
  const [parameters, multiplyAdds] = [csv.number('params_m'), csv.number('macs_m')]
  const latencies = latency === undefined ? undefined : latencyColumn(latency, options)
  const keys = csv.text('arch')
  const rows = new Map(keys.map((key, row) => [key, row]))
  if (rows.size !== ROWS)
    throw error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received: `${ROWS - rows.size} architectures twice`,
      expected: `${ROWS} architectures, each once`,
    })

  const rowOf = (cell: NasBench201Cell): number => {
    const key = keyOf(cell)
    const row = rows.get(key)
    if (row === undefined) throw error('ARCHLOOM_TABLE_ENTRY_UNKNOWN', { table: NAME, key, size: rows.size })
    return row
  }
  const at = (values: Float64Array, row: number) => values[row] as number
  const secondsAt = (row: number) =>
    Number.isNaN(at(measured, row))
      ? { value: at(estimated, row), source: 'estimated' as const }
      : { value: at(measured, row), source: 'measured' as const }
  const measuredRows = measured.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0)

  const fidelities = epochs === 200 ? [12 / 200, 1] : [1]
  const trainedEpochs = (fidelity: number): 12 | 200 => {
    if (fidelity === 1) return epochs
    // Products such as 0.2 · 0.3 differ from 12/200 by rounding.
    if (epochs === 200 && fidelity > 0 && fidelity * 200 <= 12 + 1e-9) return 12
    throw error('ARCHLOOM_TABLE_FIDELITY', { table: NAME, received: fidelity, stored: fidelities })
  }

  return {
    name: `${NAME} ${dataset}`,
    protocol,
    fidelities,
    metrics: [
      'accuracy',
      'testAccuracy',
      'validationAccuracy',
      'parameters',
      'multiplyAdds',
      ...(latencies ? ['latencyMs'] : []),
    ],
    costs: ['parameters', 'multiplyAdds'],
    papers: [nasBench201Paper],
    notes: [
      `simulated training times are measured for ${measuredRows} architectures and estimated for the other ${ROWS - measuredRows}`,
    ],
    keys,
    secondsPerEpoch: (cell) => secondsAt(rowOf(cell)),
    lookup: (cell, fidelity) => {
      const row = rowOf(cell)
      const trained = trainedEpochs(fidelity)
      const accuracy = protocol === 'honest' ? valid : trained === 12 ? early : test
      const seconds = secondsAt(row).value * trained * (protocol === 'honest' ? set.validationTime : set.time)
      return {
        metrics: {
          accuracy: at(accuracy, row) / 100,
          testAccuracy: at(test, row) / 100,
          validationAccuracy: at(valid, row) / 100,
          parameters: Math.round(1e6 * set.parameters(at(parameters, row))),
          multiplyAdds: Math.round(1e6 * set.multiplyAdds(at(multiplyAdds, row))),
          ...(latencies && { latencyMs: at(latencies, row) }),
        },
        simulatedSeconds: seconds,
      }
    },
  }
}

function latencyColumn(device: string, { latencyFile, environment }: NasBench201TableOptions): Float64Array {
  const file = { ...(latencyFile !== undefined && { file: latencyFile }), ...(environment && { environment }) }
  const path = findTable(`${NAME} latencies`, 'nb201_latency_ms.csv', file)
  const known = readCsv(path, { numbers: {}, rows: ROWS }).names.filter((name) => name !== 'index')
  if (!known.includes(device)) throw optionError(NAME, 'latency', device, `one of ${known.join(', ')}`)
  return readCsv(path, { numbers: { [device]: AMOUNT }, rows: ROWS }).number(device)
}

function keyOf(cell: NasBench201Cell): string {
  if (typeof cell === 'string') return cell
  const operations = leavesOf(cell)
  if (operations.length !== 6 || !operations.every((operation) => typeof operation === 'string'))
    throw error('ARCHLOOM_TABLE_ARCHITECTURE_FORM', {
      table: NAME,
      received: cell,
      expected: 'a NAS-Bench-201 string, or the six operations of its edges',
    })
  const [a, b, c, d, e, f] = operations
  return `|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`
}
