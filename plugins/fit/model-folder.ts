import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { isTable, numberOf, prepareRows, type Row, readTable, tableOfRows } from '../../evaluators/tables/index.ts'
import { openOnnx } from '../onnx/index.ts'
import { error } from './errors.ts'
import type { ModelDescription } from './export.ts'
import { normaliseImage, resizeImage } from './images/prepare.ts'
import { decodeNamed, imagesOfTable } from './images/read.ts'
import { inputShapeOf, prepareSeries } from './labelled-series/prepare.ts'
import { seriesAt } from './labelled-series/read.ts'
import { cellsOf, type Forecast, forecastFrom, sortedBy } from './lags.ts'
import { rowsToPredict } from './tables/rows.ts'

/** A model that `fit` exported, ready to predict by ONNX Runtime. Dispose it (`await using`). */
export interface LoadedModel extends AsyncDisposable {
  readonly description: ModelDescription
  /**
   * Rows, a table's file, or paths of image files → one object of results for each. For a model of images, a table names
   * their files. Of a classifier of series: rows or files
   * of tables → one object for each series.
   */
  predict(inputs: readonly Row[] | readonly string[] | string): Promise<Readonly<Record<string, string | number>>[]>
  /**
   * Of the model of a series: the values that follow a series, each from those before it.
   * Errors: ARCHLOOM_FIT_MODEL where the model is of no series; ARCHLOOM_FIT_SERIES.
   */
  forecast(series: readonly Row[] | string, count: number): Promise<readonly Forecast[]>
}

/** Labels that reach their thresholds, and all probabilities. */
function withLabels(
  probabilities: readonly number[],
  classes: readonly string[],
  thresholds: readonly number[],
  separator = ';',
): Record<string, string | number> {
  const labels = classes.filter((_, k) => probabilities[k]! >= thresholds[k]!)
  const entries = classes.map((name, k) => [`probability of ${name}`, probabilities[k]!] as const)
  return { predicted: labels.join(separator), ...Object.fromEntries(entries) }
}

/** An image, or those that a table names. */
const imageFilesAt = async (path: string): Promise<readonly string[]> =>
  isTable(path) ? imagesOfTable(await readTable(path), path) : [path]

const NAME_OF_MODEL = 'model.onnx'

/** Opens an exported folder. Error: ARCHLOOM_FIT_MODEL. */
export async function loadModel(folder: string): Promise<LoadedModel> {
  let description: ModelDescription
  try {
    description = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as ModelDescription
  } catch (cause) {
    throw error('ARCHLOOM_FIT_MODEL', { path: folder, reason: messageOf(cause) }, { cause })
  }
  if ('format' in description && description.format === 'archloom-upscaler')
    throw error('ARCHLOOM_FIT_MODEL', {
      path: folder,
      reason: `it enlarges images; use archloom upscale --model ${folder}`,
    })
  if (!['table', 'images', 'labelled-series'].includes(description.kind))
    throw error('ARCHLOOM_FIT_MODEL', { path: folder, reason: 'model.json has no kind that is known' })
  const model = await openOnnx(join(folder, NAME_OF_MODEL))
  const classesOf = () =>
    description.kind !== 'table'
      ? description.classes
      : description.task.kind === 'classification'
        ? description.task.classes
        : []
  const labelled = (scores: readonly number[], areLogits: boolean) => {
    const most = Math.max(...scores)
    const powers = areLogits ? scores.map((score) => Math.exp(score - most)) : scores
    const sum = powers.reduce((a, b) => a + b, 0)
    const classes = classesOf()
    const shares = powers.map((power) => power / sum)
    const entries = classes.map((name, k) => [`probability of ${name}`, shares[k]!] as const)
    return { predicted: classes[scores.indexOf(most)]!, ...Object.fromEntries(entries) }
  }
  const predict: LoadedModel['predict'] = async (inputs) => {
    if (description.kind === 'images') {
      const plan = description.preprocessing
      const out: Record<string, string | number>[] = []
      const files = typeof inputs !== 'string' ? (inputs as readonly string[]) : await imageFilesAt(inputs)
      for (const file of files) {
        const values = normaliseImage(resizeImage(await decodeNamed(file), plan), plan)
        const { values: scores } = await model.apply({ dims: [1, plan.height, plan.width, plan.channels], values })
        const { classes, thresholds } = description
        out.push({
          file,
          ...(thresholds ? withLabels([...scores], classes, thresholds) : labelled([...scores], true)),
        })
      }
      return out
    }
    if (description.kind === 'labelled-series') {
      const plan = description.preprocessing
      const out: Record<string, string | number>[] = []
      for (const { name, values } of await seriesAt(inputs, plan)) {
        const own = prepareSeries(plan, values)
        const { values: scores } = await model.apply({ dims: [1, ...inputShapeOf(plan)], values: own })
        out.push({ series: name, ...labelled([...scores], false) })
      }
      return out
    }
    const { preprocessing, task } = description
    const rows = await rowsToPredict(inputs as readonly Row[] | string, preprocessing)
    if (rows.length === 0) return []
    const { values, dims } = await model.apply({
      dims: [rows.length, preprocessing.features.length],
      values: prepareRows(preprocessing, rows),
    })
    const width = dims[1]!
    return rows.map((_, i) => {
      const own = [...values.subarray(i * width, (i + 1) * width)]
      if (task.kind === 'classification') return labelled(own, false)
      if (task.kind === 'regression') return { predicted: own[0]! }
      if (task.kind === 'multi-target')
        return Object.fromEntries(task.targets.map((name, k) => [`predicted ${name}`, own[k]!]))
      const halves = task.classes.map(() => 0.5)
      return withLabels(own, task.classes, halves, task.separator)
    })
  }
  return {
    description,
    predict,
    async forecast(series, count) {
      const plan = description.kind === 'table' ? description.series : undefined
      if (!plan) throw error('ARCHLOOM_FIT_MODEL', { path: folder, reason: 'it is the model of no series' })
      const table = sortedBy(typeof series === 'string' ? await readTable(series) : tableOfRows(series), plan.time)
      const values = cellsOf(table, plan.target).map((cell) => numberOf(cell, {}))
      const missing = values.filter(Number.isNaN).length
      if (missing > 0 || values.length < plan.lags + 1)
        throw error('ARCHLOOM_FIT_SERIES', {
          target: plan.target,
          received: missing > 0 ? `${missing} missing values` : `${values.length} values`,
          expected: `at least ${plan.lags + 1} values without a gap`,
        })
      const times = plan.time === undefined ? undefined : cellsOf(table, plan.time)
      return await forecastFrom(values, times, plan, count, async (row) => Number((await predict([row]))[0]!.predicted))
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}
