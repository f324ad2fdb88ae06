import Pbf from 'pbf'
import { messageOf } from '../../../core/errors.ts'
import { error } from '../errors.ts'
import type { TableRow } from './rows.ts'
import { tfRecords } from './tfrecord.ts'

/** The full training, in epochs. */
const EPOCHS = 108

interface Evaluated {
  epoch: number
  seconds: number
  train: number
  validation: number
  test: number
}

/** The benchmark's ModelMetrics message: evaluations before, half-way and after the training, and the weights' number. */
function metricsOf(bytes: Uint8Array): { evaluations: Evaluated[]; parameters: number } {
  const found: { evaluations: Evaluated[]; parameters: number } = { evaluations: [], parameters: 0 }
  new Pbf(bytes).readFields((tag, into, pbf) => {
    if (tag === 1) {
      const evaluated: Evaluated = { epoch: 0, seconds: 0, train: 0, validation: 0, test: 0 }
      pbf.readMessage((field, each, inner) => {
        if (field === 1) each.epoch = inner.readDouble()
        else if (field === 2) each.seconds = inner.readDouble()
        else if (field === 3) each.train = inner.readDouble()
        else if (field === 4) each.validation = inner.readDouble()
        else if (field === 5) each.test = inner.readDouble()
      }, evaluated)
      into.evaluations.push(evaluated)
    } else if (tag === 2) into.parameters = pbf.readVarint()
  }, found)
  return found
}

/** Text of an architecture: its adjacency matrix row by row, and the operation of each vertex. */
export const nasBench101Key = (adjacency: string, operations: string): string => `${adjacency} ${operations}`

/**
 * The published file of NAS-Bench-101 (Ying et al. 2019), `nasbench_only108.tfrecord` or `nasbench_full.tfrecord`, as rows:
 * `validationAccuracy`, `testAccuracy` and `trainAccuracy` at the end of the training, the mean of its repetitions (three in
 * the benchmark), `parameters`, and `seconds`. Fidelity is the share of 108 epochs.
 * Error: ARCHLOOM_TABLE_CORRUPT.
 */
export async function nasBench101Rows(path: string): Promise<readonly TableRow[]> {
  const groups = new Map<string, { architecture: string; epochs: number; parameters: number; runs: Evaluated[] }>()
  for await (const record of tfRecords(path)) {
    const refuse = (received: string) =>
      error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected: 'records of NAS-Bench-101' })
    let fields: unknown
    try {
      fields = JSON.parse(Buffer.from(record).toString('utf8'))
    } catch (cause) {
      throw refuse(`no JSON (${messageOf(cause)})`)
    }
    const [, epochs, adjacency, operations, encoded]: unknown[] = Array.isArray(fields) ? fields : []
    if (
      typeof adjacency !== 'string' ||
      typeof operations !== 'string' ||
      typeof encoded !== 'string' ||
      !(typeof epochs === 'number' && epochs >= 1 && epochs <= EPOCHS)
    )
      throw refuse(`a record of ${JSON.stringify(fields).slice(0, 80)}`)
    const { evaluations, parameters } = metricsOf(Uint8Array.from(Buffer.from(encoded, 'base64')))
    const last = evaluations.at(-1)
    if (!last) throw refuse('a record without evaluations')
    const architecture = nasBench101Key(adjacency, operations)
    const key = `${architecture} ${epochs}`
    const group = groups.get(key) ?? { architecture, epochs, parameters, runs: [] }
    groups.set(key, group)
    group.runs.push(last)
  }
  return [...groups.values()].map(({ architecture, epochs, parameters, runs }) => {
    const mean = (of: (run: Evaluated) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length
    return {
      architecture,
      fidelity: epochs / EPOCHS,
      seconds: mean(({ seconds }) => seconds),
      metrics: {
        validationAccuracy: mean(({ validation }) => validation),
        testAccuracy: mean(({ test }) => test),
        trainAccuracy: mean(({ train }) => train),
        parameters,
      },
    }
  })
}
