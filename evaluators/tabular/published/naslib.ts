import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { error } from '../errors.ts'
import { camel, isObject } from './objects.ts'
import type { TableRow } from './rows.ts'

/** NASLib's numbers of the operations of NAS-Bench-201, and its order of the edges. */
const operations = ['skip_connect', 'none', 'nor_conv_3x3', 'nor_conv_1x1', 'avg_pool_3x3']
const edges = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
] as const

/** `(4, 3, 3, 3, 2, 3)` → 4, 3, …; undefined where the text is no tuple of six such numbers. */
const cellOf = (text: string): readonly number[] | undefined =>
  /^\((?:[0-4], ){5}[0-4]\)$/.test(text) ? text.match(/\d/g)!.map(Number) : undefined

const archString = (cell: readonly number[]): string =>
  [1, 2, 3]
    .map(
      (to) =>
        `|${edges.flatMap(([from, end], e) => (end === to ? [`${operations[cell[e]!]}~${from}`] : [])).join('|')}|`,
    )
    .join('+')

const isDataset = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && Object.keys(value).some((key) => /^[[(]/.test(key))

/**
 * A zero-cost benchmark of NASLib (Krishnakumar et al. 2022), such as `zc_nasbench201.json`, as rows of one data set: for
 * each architecture the scores of untrained networks and `validationAccuracy`, all in the units of the file. Cells of
 * NAS-Bench-201 are written as `|nor_conv_3x3~0|+…`; those of other spaces stay as they are in the file, and so do cells in a
 * file that does not name its space and holds no average pooling. A score that is not finite is left out.
 * Errors: ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export function naslibRows(path: string, dataset = 'cifar10'): readonly TableRow[] {
  const refuse = (received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received,
      expected: 'JSON of NASLib: (search space →) data set → architecture → val_accuracy and scores',
    })
  const bytes = readFileSync(path)
  const text = bytes[0] === 0x1f ? gunzipSync(bytes, { maxOutputLength: 2 ** 30 }).toString() : bytes.toString()
  let whole: unknown
  try {
    // Python writes numbers that are not finite in words, which JSON does not have.
    whole = JSON.parse(text.replace(/([:[,]\s*)(?:-?Infinity|NaN)(?=\s*[,\]}])/g, '$1null'))
  } catch (cause) {
    throw refuse(`no JSON (${(cause as Error).message})`)
  }
  if (!isObject(whole)) throw refuse('no object')
  // Some files name the search space first.
  const [space, sets] = Object.values(whole).some(isDataset)
    ? [undefined, whole]
    : (Object.entries(whole).find(([, value]) => isObject(value) && Object.values(value).some(isDataset)) ?? [])
  if (!isObject(sets)) throw refuse('no architectures')
  const set = Object.hasOwn(sets, dataset) ? sets[dataset] : undefined
  if (!isDataset(set))
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', { table: 'NASLib', received: dataset, known: Object.keys(sets) })

  const keys = Object.keys(set)
  // Tuples of six numbers also stand for cells of TransNAS-Bench-101, which have no operation 4.
  const isCell =
    keys.every(cellOf) && (space === undefined ? keys.some((key) => cellOf(key)!.includes(4)) : space === 'nasbench201')
  return keys.map((key) => {
    const facts = set[key]
    if (!isObject(facts)) throw refuse(`no scores of ${key}`)
    const metrics: Record<string, number> = {}
    for (const [name, value] of Object.entries(facts)) {
      if (name === 'id' || name === 'idx' || name === 'arch') continue
      const score = isObject(value) ? value.score : value
      if (score === null) continue
      if (typeof score !== 'number') throw refuse(`no number ${name} of ${key}`)
      metrics[name === 'val_accuracy' ? 'validationAccuracy' : camel(name)] = score
    }
    if (metrics.validationAccuracy === undefined) throw refuse(`no val_accuracy of ${key}`)
    return { architecture: isCell ? archString(cellOf(key)!) : key, metrics }
  })
}
