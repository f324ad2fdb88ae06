import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { prepareRows, type Row, readTable, recordsOf } from '../../evaluators/tables/index.ts'
import { openOnnx } from '../onnx/index.ts'
import { error } from './errors.ts'
import type { ModelDescription } from './export.ts'
import { normaliseImage, resizeImage } from './images/prepare.ts'
import { decodeImage } from './images/read.ts'

/** A model that `fit` exported, ready to predict by ONNX Runtime. Dispose it (`await using`). */
export interface LoadedModel extends AsyncDisposable {
  readonly description: ModelDescription
  /** Rows, a table's file, or paths of image files → one object of results for each. */
  predict(inputs: readonly Row[] | readonly string[] | string): Promise<Readonly<Record<string, string | number>>[]>
}

const NAME_OF_MODEL = 'model.onnx'

/** Opens an exported folder. Error: ARCHLOOM_FIT_MODEL. */
export async function loadModel(folder: string): Promise<LoadedModel> {
  let description: ModelDescription
  try {
    description = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as ModelDescription
  } catch (cause) {
    throw error('ARCHLOOM_FIT_MODEL', { path: folder, reason: messageOf(cause) }, { cause })
  }
  if (description.kind !== 'table' && description.kind !== 'images')
    throw error('ARCHLOOM_FIT_MODEL', { path: folder, reason: 'model.json has no kind that is known' })
  const model = await openOnnx(join(folder, NAME_OF_MODEL))
  const classesOf = () =>
    description.kind === 'images'
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
  return {
    description,
    async predict(inputs) {
      if (description.kind === 'images') {
        const plan = description.preprocessing
        const out: Record<string, string | number>[] = []
        for (const file of typeof inputs === 'string' ? [inputs] : (inputs as readonly string[])) {
          const values = normaliseImage(resizeImage(await decodeImage(file), plan), plan)
          const { values: scores } = await model.apply({ dims: [1, plan.height, plan.width, plan.channels], values })
          out.push({ file, ...labelled([...scores], true) })
        }
        return out
      }
      const { preprocessing, task } = description
      const rows = typeof inputs === 'string' ? recordsOf(await readTable(inputs)) : (inputs as readonly Row[])
      if (rows.length === 0) return []
      const { values, dims } = await model.apply({
        dims: [rows.length, preprocessing.features.length],
        values: prepareRows(preprocessing, rows),
      })
      const width = dims[1]!
      return rows.map((_, i) => {
        const own = [...values.subarray(i * width, (i + 1) * width)]
        return task.kind === 'classification' ? labelled(own, false) : { predicted: own[0]! }
      })
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}
