import { readFileSync } from 'node:fs'
import { error } from '../errors.ts'
import { camel, isObject } from './objects.ts'
import { unpickle } from './pickle.ts'
import type { TableRow } from './rows.ts'

/**
 * The published file of HW-NAS-Bench (Li et al. 2021), `HW-NAS-Bench-v1_0.pickle`, as rows: the cells of NAS-Bench-201 with
 * the measured costs of one data set, in the benchmark's units (ms, mJ): `edgegpuLatency`, `edgegpuEnergy`, …
 * Errors: ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export function hwNasBenchRows(path: string, dataset = 'cifar10'): readonly TableRow[] {
  const refuse = (received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected: 'nasbench201 → data set → config and lists of costs' })
  const whole = unpickle(readFileSync(path), path)
  const sets = isObject(whole) ? whole.nasbench201 : undefined
  if (!isObject(sets)) throw refuse('no nasbench201')
  const columns = Object.hasOwn(sets, dataset) ? sets[dataset] : undefined
  if (!isObject(columns))
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', {
      table: 'HW-NAS-Bench',
      received: dataset,
      known: Object.keys(sets),
    })
  const { config, ...costs } = columns
  if (!Array.isArray(config)) throw refuse('no list of configurations')
  return config.map((each: unknown, i) => {
    const architecture = isObject(each) ? each.arch_str : undefined
    if (typeof architecture !== 'string') throw refuse(`configuration ${i} without arch_str`)
    const metrics = Object.entries(costs).map(([name, values]) => {
      const value: unknown = Array.isArray(values) ? values[i] : undefined
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw refuse(`no number for ${name} of configuration ${i}`)
      return [camel(name), value] as const
    })
    return { architecture, metrics: Object.fromEntries(metrics) }
  })
}
