import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { VERSION } from '../../core/index.ts'
import { replaceFile } from '../../core/node/files.ts'
import type { Network, Split } from '../../core/trainer.ts'
import { type Preprocessing, prepareRows, type TableTask, type TypedColumn } from '../../evaluators/tables/index.ts'
import { exportOnnx } from '../onnx/index.ts'
import { type ImagePlan, normaliseImage, resizeImage } from './images/prepare.ts'
import type { TablePredictor } from './tables/model.ts'
import { encodePredictor } from './tables/onnx.ts'

/** What model.json says of a model: everything that its user needs beside the file. */
export type ModelDescription =
  | {
      readonly archloom: string
      readonly kind: 'table'
      readonly task: TableTask
      readonly columns: readonly { readonly name: string; readonly type: string; readonly used: boolean }[]
      readonly preprocessing: Preprocessing
      readonly metrics: Readonly<Record<string, number>>
    }
  | {
      readonly archloom: string
      readonly kind: 'images'
      readonly classes: readonly string[]
      readonly preprocessing: ImagePlan
      readonly metrics: Readonly<Record<string, number>>
    }

/** Compilers that keep names wrap functions in this. */
const PREAMBLE = 'const __name = (value) => value\n'

/** The text of functions that need nothing beside them, as a module. */
const moduleOf = (...functions: readonly ((...values: never[]) => unknown)[]) =>
  `// How inputs become what the model reads. Written by archloom; the same code that training used.\n${PREAMBLE}${functions.map((each) => `export ${each.toString()}\n`).join('')}`

async function writeFolder(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const paths: string[] = []
  for (const [name, content] of Object.entries(files)) {
    paths.push(join(folder, name))
    await replaceFile(join(folder, name), content)
  }
  return paths
}

const described = (description: ModelDescription) => `${JSON.stringify(description, null, 2)}\n`

const TABLE_NODE = `// node predict.mjs rows.json > predictions.json      (npm i onnxruntime-node)
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { prepareRows } from './prepare.mjs'

const at = (name) => new URL(name, import.meta.url).pathname
const { task, preprocessing } = JSON.parse(readFileSync(at('model.json'), 'utf8'))
export async function predict(rows) {
  const session = await InferenceSession.create(at('model.onnx'))
  const features = new Tensor('float32', prepareRows(preprocessing, rows), [rows.length, preprocessing.features.length])
  const { output } = await session.run({ features })
  const width = output.dims[1]
  const of = (i) => [...output.data.slice(i * width, (i + 1) * width)]
  return rows.map((_, i) => (task.classes ? { label: task.classes[of(i).indexOf(Math.max(...of(i)))], probabilities: of(i) } : { value: of(i)[0] }))
}
if (process.argv[2]) console.log(JSON.stringify(await predict(JSON.parse(readFileSync(process.argv[2], 'utf8')))))
`

const TABLE_BROWSER = `// import { load } from './predict-browser.mjs'; const predict = await load(ort, './'); await predict(rows)
// \`ort\` is onnxruntime-web, however the page loads it.
import { prepareRows } from './prepare.mjs'

export async function load(ort, folder, read = async (url) => (await fetch(url)).arrayBuffer()) {
  const { task, preprocessing } = JSON.parse(new TextDecoder().decode(await read(folder + 'model.json')))
  const session = await ort.InferenceSession.create(new Uint8Array(await read(folder + 'model.onnx')))
  return async (rows) => {
    const features = new ort.Tensor('float32', prepareRows(preprocessing, rows), [rows.length, preprocessing.features.length])
    const { output } = await session.run({ features })
    const width = output.dims[1]
    const of = (i) => [...output.data.slice(i * width, (i + 1) * width)]
    return rows.map((_, i) => (task.classes ? { label: task.classes[of(i).indexOf(Math.max(...of(i)))], probabilities: of(i) } : { value: of(i)[0] }))
  }
}
`

export interface TableModelParts {
  readonly predictor: TablePredictor
  readonly task: TableTask
  readonly preprocessing: Preprocessing
  readonly metrics: Readonly<Record<string, number>>
  readonly columns: readonly TypedColumn[]
}

/** Writes a model of a table: the file, its description, the preprocessing as a module, and programs that use them. */
export async function exportTableModel(folder: string, parts: TableModelParts): Promise<readonly string[]> {
  const { predictor, task, preprocessing, metrics, columns } = parts
  const description: ModelDescription = {
    archloom: VERSION,
    kind: 'table',
    task,
    columns: columns.map(({ name, type, drop }) => ({ name, type: type.kind, used: drop === undefined })),
    preprocessing,
    metrics,
  }
  return await writeFolder(folder, {
    'model.onnx': await encodePredictor(predictor, preprocessing.features.length),
    'model.json': described(description),
    'prepare.mjs': moduleOf(prepareRows as never),
    'predict.mjs': TABLE_NODE,
    'predict-browser.mjs': TABLE_BROWSER,
  })
}

const IMAGE_NODE = `// node predict.mjs image.jpg …      (npm i onnxruntime-node sharp)
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { normaliseImage, resizeImage } from './prepare.mjs'

const at = (name) => new URL(name, import.meta.url).pathname
const { classes, preprocessing: plan } = JSON.parse(readFileSync(at('model.json'), 'utf8'))
export async function predict(file) {
  const session = await InferenceSession.create(at('model.onnx'))
  const image = sharp(file).autoOrient().flatten({ background: '#000' }).toColourspace('srgb').raw({ depth: 'uchar' })
  const { data, info } = await image.toBuffer({ resolveWithObject: true })
  const values = normaliseImage(resizeImage({ data, ...info }, plan), plan)
  const output = await session.run({ [session.inputNames[0]]: new Tensor('float32', values, [1, plan.height, plan.width, plan.channels]) })
  const logits = [...output[session.outputNames[0]].data]
  return classes[logits.indexOf(Math.max(...logits))]
}
for (const file of process.argv.slice(2)) console.log(file, await predict(file))
`

const IMAGE_BROWSER = `// import { load } from './predict-browser.mjs'; const predict = await load(ort, './'); await predict(imageData)
// \`ort\` is onnxruntime-web; imageData is what context.getImageData() of a canvas gives, at the image's own size.
import { normaliseImage, resizeImage } from './prepare.mjs'

export async function load(ort, folder, read = async (url) => (await fetch(url)).arrayBuffer()) {
  const { classes, preprocessing: plan } = JSON.parse(new TextDecoder().decode(await read(folder + 'model.json')))
  const session = await ort.InferenceSession.create(new Uint8Array(await read(folder + 'model.onnx')))
  return async ({ data, width, height }) => {
    const values = normaliseImage(resizeImage({ data, width, height, channels: 4 }, plan), plan)
    const output = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, [1, plan.height, plan.width, plan.channels]) })
    const logits = [...output[session.outputNames[0]].data]
    return classes[logits.indexOf(Math.max(...logits))]
  }
}
`

export interface ImageModelParts {
  readonly network: Network
  readonly plan: ImagePlan
  readonly classes: readonly string[]
  readonly metrics: Readonly<Record<string, number>>
  /** Given: the file holds 8-bit integers, whose ranges these images choose. */
  readonly calibration?: Split<'train'>
}

/** Writes a classifier of images: the file, its description, the preprocessing as a module, and programs that use them. */
export async function exportImageModel(
  folder: string,
  { network, plan, classes, metrics, calibration }: ImageModelParts,
): Promise<readonly string[]> {
  const { model } = await exportOnnx(network, calibration ? { quantise: { calibration } } : {})
  return await writeFolder(folder, {
    'model.onnx': model,
    'model.json': described({ archloom: VERSION, kind: 'images', classes, preprocessing: plan, metrics }),
    'prepare.mjs': moduleOf(resizeImage as never, normaliseImage as never),
    'predict.mjs': IMAGE_NODE,
    'predict-browser.mjs': IMAGE_BROWSER,
  })
}
