import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, quote } from '../../../core/errors.ts'
import { error } from '../errors.ts'
import { isObject, mean } from './objects.ts'
import type { TableRow } from './rows.ts'

const PREFIX = 'NetworkSelectorDatasetInfo:darts:'
const NODES = 4

interface Edge {
  readonly input: number
  readonly op: string
}

/**
 * A cell of four nodes from its 14 possible edges, of which two per node are chosen: edge 0 is that from state 0 to the first
 * node, edge 2 that from state 0 to the second, and so on.
 */
function cellOf(
  config: Readonly<Record<string, unknown>>,
  cell: 'normal' | 'reduce',
  refuse: (received: string) => Error,
) {
  let first = 0
  return Array.from({ length: NODES }, (_, node) => {
    const edges: Edge[] = []
    for (let input = 0; input < node + 2; input++) {
      const op = config[`${PREFIX}edge_${cell}_${first + input}`]
      if (typeof op === 'string') edges.push({ input, op })
    }
    first += node + 2
    const [left, right] = edges
    if (!left || !right || edges.length > 2)
      throw refuse(`${edges.length} edges into node ${node + 2} of the ${cell} cell`)
    return { left, right }
  })
}

/** Files with results below a folder, in the order of their names. */
function resultFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap((entry) =>
      entry.isDirectory()
        ? resultFiles(join(path, entry.name))
        : /^results.*\.json$/.test(entry.name)
          ? [join(path, entry.name)]
          : [],
    )
}

interface Result {
  readonly architecture: string
  /** Layers, channels and epochs of the training. */
  readonly setting: string
  /** Percentages. */
  readonly validation: number
  readonly test: number
  readonly train: number
  readonly parameters: number
  readonly seconds: number
  /** Validation accuracy after each epoch in per cent; empty: the file has none. */
  readonly curve: readonly number[]
}

function readResult(path: string): Result {
  const refuse = (received: string, cause?: unknown) =>
    error(
      'ARCHLOOM_TABLE_CORRUPT',
      { path, received, expected: 'a result of NAS-Bench-301: a configuration, info, test_accuracy and runtime' },
      { cause },
    )
  let result: unknown
  try {
    result = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw refuse(`no JSON (${messageOf(cause)})`, cause)
  }
  const {
    optimized_hyperparamater_config: config,
    info,
    test_accuracy,
    runtime,
    budget,
  } = isObject(result) ? result : {}
  if (!isObject(config)) throw refuse('no optimized_hyperparamater_config')
  const [facts] = Array.isArray(info) ? info : []
  if (!isObject(facts)) throw refuse('no info')
  const numberOf = (name: string, value: unknown, most = Number.MAX_VALUE) => {
    if (typeof value !== 'number' || !(value >= 0 && value <= most)) throw refuse(`${name} ${quote(value, 40)}`)
    return value
  }
  const option = (name: string) => numberOf(name, config[`${PREFIX}${name}`])
  const curves = isObject(result) && isObject(result.learning_curves) ? result.learning_curves : {}
  const curve = curves['Train/val_accuracy'] ?? []
  if (!Array.isArray(curve)) throw refuse(`a learning curve ${quote(curve, 40)}`)
  return {
    architecture: JSON.stringify({
      normal: cellOf(config, 'normal', refuse),
      reduction: cellOf(config, 'reduce', refuse),
    }),
    setting: `layers${option('layers')}-channels${option('init_channels')}-epochs${numberOf('budget', budget)}`,
    validation: numberOf('val_accuracy', facts.val_accuracy, 100),
    test: numberOf('test_accuracy', test_accuracy, 100),
    train: numberOf('train_accuracy', facts.train_accuracy, 100),
    parameters: numberOf('model_parameters', facts.model_parameters),
    seconds: numberOf('runtime', runtime),
    curve: curve.map((value) => numberOf('Train/val_accuracy', value, 100)),
  }
}

/**
 * The published trainings of NAS-Bench-301 (Zela et al. 2022), the folder of its files `results_….json` or one of them, as
 * rows: the results that the benchmark's surrogate models were fitted to, about 60,000 of its 10¹⁸ architectures. An
 * architecture is JSON of the form of `cellSpace()`. `validationAccuracy` is meant to choose, `testAccuracy` to be reported;
 * both are in [0, 1], at the end of the training, and means over the files of one architecture, as is `seconds`, the time of
 * the training.
 * @param setting size and length of the trainings, such as `layers8-channels32-epochs100`; needed if the files have several.
 * @param fidelities shares of the training, above 0 and below 1, for which there shall be rows as well. They hold
 * `validationAccuracy` only, from the learning curve.
 * Errors: ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export function nasBench301Rows(
  path: string,
  setting?: string,
  fidelities: readonly number[] = [],
): readonly TableRow[] {
  const results = resultFiles(path).map((file) => ({ file, ...readResult(file) }))
  if (results.length === 0)
    throw error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received: 'no file results_….json',
      expected: 'results of NAS-Bench-301',
    })
  const known = [...new Set(results.map((result) => result.setting))]
  const wanted = setting ?? (known.length === 1 ? known[0]! : undefined)
  if (wanted === undefined || !known.includes(wanted))
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', { table: 'NAS-Bench-301', received: setting, known })
  const groups = new Map<string, (Result & { readonly file: string })[]>()
  for (const result of results) {
    if (result.setting !== wanted) continue
    const group = groups.get(result.architecture) ?? []
    groups.set(result.architecture, group)
    group.push(result)
  }
  return [...groups].flatMap(([architecture, group]) => {
    const meanOf = (of: (result: Result) => number) => mean(group.map(of))
    const seconds = meanOf((result) => result.seconds)
    const accuracyAt = (fidelity: number) =>
      mean(
        group.map(({ file, curve }) => {
          const value = curve[Math.max(1, Math.round(fidelity * curve.length)) - 1]
          if (value === undefined)
            throw error('ARCHLOOM_TABLE_CORRUPT', {
              path: file,
              received: 'no learning curve',
              expected: 'Train/val_accuracy',
            })
          return value / 100
        }),
      )
    return [
      ...fidelities.map((fidelity) => ({
        architecture,
        fidelity,
        seconds: fidelity * seconds,
        metrics: { validationAccuracy: accuracyAt(fidelity) },
      })),
      {
        architecture,
        seconds,
        metrics: {
          validationAccuracy: meanOf(({ validation }) => validation / 100),
          testAccuracy: meanOf(({ test }) => test / 100),
          trainAccuracy: meanOf(({ train }) => train / 100),
          parameters: meanOf(({ parameters }) => parameters),
        },
      },
    ]
  })
}
