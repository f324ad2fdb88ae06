import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { VERSION } from '../../core/index.ts'
import { replaceFile } from '../../core/node/files.ts'
import type { Network, Split } from '../../core/trainer.ts'
import { type Preprocessing, prepareRows, type TableTask, type TypedColumn } from '../../evaluators/tables/index.ts'
import { exportOnnx } from '../onnx/index.ts'
import { withSigmoid } from './images/labels.ts'
import { type ImagePlan, normaliseImage, resizeImage } from './images/prepare.ts'
import { type LabelledSeriesPlan, prepareSeries } from './labelled-series/prepare.ts'
import type { SeriesPlan } from './lags.ts'
import type { FinalLatency } from './latency.ts'
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
      /** The table is one step of a series: its rows are made of the values before. */
      readonly series?: SeriesPlan
      readonly metrics: Readonly<Record<string, number>>
      /** As it was measured when the model was made, where there was a limit. */
      readonly latency?: FinalLatency
    }
  | {
      readonly archloom: string
      readonly kind: 'images'
      readonly classes: readonly string[]
      /** Of labels that each apply or not: the probability from which each is said to apply. */
      readonly thresholds?: readonly number[]
      readonly preprocessing: ImagePlan
      readonly metrics: Readonly<Record<string, number>>
      readonly latency?: FinalLatency
    }
  | LabelledSeriesDescription

/** What model.json says of a classifier of series. */
export interface LabelledSeriesDescription {
  readonly archloom: string
  readonly kind: 'labelled-series'
  readonly classes: readonly string[]
  readonly preprocessing: LabelledSeriesPlan
  readonly metrics: Readonly<Record<string, number>>
  readonly latency?: FinalLatency
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

/** The outputs of a model for one row as an object. Its text is exported, so it uses nothing beside it. */
function read(task: TableTask, values: readonly number[]) {
  if (task.kind === 'classification')
    return { label: task.classes[values.indexOf(Math.max(...values))], probabilities: values }
  if (task.kind === 'multi-label')
    return { labels: task.classes.filter((_, k) => values[k]! >= 0.5), probabilities: values }
  return task.kind === 'regression' ? { value: values[0] } : { values }
}

const TABLE_NODE = `// node predict.mjs rows.json > predictions.json      (npm i onnxruntime-node)
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { prepareRows, read } from './prepare.mjs'

const at = (name) => fileURLToPath(new URL(name, import.meta.url))
const { task, preprocessing } = JSON.parse(readFileSync(at('model.json'), 'utf8'))
export async function predict(rows) {
  const session = await InferenceSession.create(at('model.onnx'))
  const features = new Tensor('float32', prepareRows(preprocessing, rows), [rows.length, preprocessing.features.length])
  const { output } = await session.run({ features })
  const width = output.dims[1]
  const of = (i) => [...output.data.slice(i * width, (i + 1) * width)]
  return rows.map((_, i) => read(task, of(i)))
}
if (process.argv[2]) console.log(JSON.stringify(await predict(JSON.parse(readFileSync(process.argv[2], 'utf8')))))
`

const TABLE_BROWSER = `// import { load } from './predict-browser.mjs'; const predict = await load(ort, './'); await predict(rows)
// \`ort\` is onnxruntime-web, however the page loads it.
import { prepareRows, read } from './prepare.mjs'

export async function load(ort, folder, bytesOf = async (url) => (await fetch(url)).arrayBuffer()) {
  const { task, preprocessing } = JSON.parse(new TextDecoder().decode(await bytesOf(folder + 'model.json')))
  const session = await ort.InferenceSession.create(new Uint8Array(await bytesOf(folder + 'model.onnx')))
  return async (rows) => {
    const features = new ort.Tensor('float32', prepareRows(preprocessing, rows), [rows.length, preprocessing.features.length])
    const { output } = await session.run({ features })
    const width = output.dims[1]
    const of = (i) => [...output.data.slice(i * width, (i + 1) * width)]
    return rows.map((_, i) => read(task, of(i)))
  }
}
`

export interface TableModelParts {
  readonly predictor: TablePredictor
  readonly task: TableTask
  readonly preprocessing: Preprocessing
  readonly metrics: Readonly<Record<string, number>>
  readonly columns: readonly TypedColumn[]
  readonly series?: SeriesPlan
  readonly latency?: FinalLatency
}

/** Writes a model of a table: the file, its description, the preprocessing as a module, and programs that use them. */
export async function exportTableModel(folder: string, parts: TableModelParts): Promise<readonly string[]> {
  const { predictor, task, preprocessing, metrics, columns, series, latency } = parts
  const description: ModelDescription = {
    archloom: VERSION,
    kind: 'table',
    task,
    columns: columns.map(({ name, type, drop }) => ({ name, type: type.kind, used: drop === undefined })),
    preprocessing,
    ...(series && { series }),
    metrics,
    ...(latency && { latency }),
  }
  return await writeFolder(folder, {
    'model.onnx': await encodePredictor(predictor, preprocessing.features.length),
    'model.json': described(description),
    'prepare.mjs': moduleOf(prepareRows as never, read as never),
    'predict.mjs': TABLE_NODE,
    'predict-browser.mjs': TABLE_BROWSER,
  })
}

/** What the outputs of a model say of one image: a class, or labels. Its text is exported, so it uses nothing beside it. */
function readImage(classes: readonly string[], values: readonly number[], thresholds: readonly number[] | undefined) {
  if (thresholds) return classes.filter((_, k) => values[k]! >= thresholds[k]!)
  return classes[values.indexOf(Math.max(...values))]
}

const IMAGE_NODE = `// node predict.mjs image.jpg …      (npm i onnxruntime-node sharp)
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { normaliseImage, readImage, resizeImage } from './prepare.mjs'

const at = (name) => fileURLToPath(new URL(name, import.meta.url))
const { classes, thresholds, preprocessing: plan } = JSON.parse(readFileSync(at('model.json'), 'utf8'))
export async function predict(file) {
  const session = await InferenceSession.create(at('model.onnx'))
  const image = sharp(file).autoOrient().flatten({ background: '#000' }).toColourspace('srgb').raw({ depth: 'uchar' })
  const { data, info } = await image.toBuffer({ resolveWithObject: true })
  const values = normaliseImage(resizeImage({ data, ...info }, plan), plan)
  const output = await session.run({ [session.inputNames[0]]: new Tensor('float32', values, [1, plan.height, plan.width, plan.channels]) })
  return readImage(classes, [...output[session.outputNames[0]].data], thresholds)
}
for (const file of process.argv.slice(2)) console.log(file, [await predict(file)].flat().join(';'))
`

const IMAGE_BROWSER = `// import { load } from './predict-browser.mjs'; const predict = await load(ort, './'); await predict(imageData)
// \`ort\` is onnxruntime-web; imageData is what context.getImageData() of a canvas gives, at the image's own size.
import { normaliseImage, readImage, resizeImage } from './prepare.mjs'

export async function load(ort, folder, bytesOf = async (url) => (await fetch(url)).arrayBuffer()) {
  const { classes, thresholds, preprocessing: plan } = JSON.parse(new TextDecoder().decode(await bytesOf(folder + 'model.json')))
  const session = await ort.InferenceSession.create(new Uint8Array(await bytesOf(folder + 'model.onnx')))
  return async ({ data, width, height }) => {
    const values = normaliseImage(resizeImage({ data, width, height, channels: 4 }, plan), plan)
    const output = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, [1, plan.height, plan.width, plan.channels]) })
    return readImage(classes, [...output[session.outputNames[0]].data], thresholds)
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
  readonly latency?: FinalLatency
  /** Given: the outputs are log-odds of labels, and the file gives their probabilities. */
  readonly thresholds?: readonly number[]
}

/** Writes a classifier of images: the file, its description, the preprocessing as a module, and programs that use them. */
export async function exportImageModel(
  folder: string,
  { network, plan, classes, metrics, calibration, latency, thresholds }: ImageModelParts,
): Promise<readonly string[]> {
  const { model } = await exportOnnx(
    thresholds ? withSigmoid(network) : network,
    calibration ? { quantise: { calibration } } : {},
  )
  return await writeFolder(folder, {
    'model.onnx': model,
    'model.json': described({
      archloom: VERSION,
      kind: 'images',
      classes,
      ...(thresholds && { thresholds }),
      preprocessing: plan,
      metrics,
      ...(latency && { latency }),
    }),
    'prepare.mjs': moduleOf(resizeImage as never, normaliseImage as never, readImage as never),
    'predict.mjs': IMAGE_NODE,
    'predict-browser.mjs': IMAGE_BROWSER,
  })
}

/** Shape of the inputs of one series, from the plan. Its text is exported, so it uses nothing beside it. */
function shapeOf({ reads, channels, length, mask }: LabelledSeriesPlan, values: Float32Array) {
  return reads === 'summaries' ? [1, values.length] : [1, 1, length, channels.length + (mask ? 1 : 0)]
}

/** The values of the channels of one series by their names. Its text is exported, so it uses nothing beside it. */
function channelsOf({ channels }: LabelledSeriesPlan, series: Readonly<Record<string, readonly number[]>>) {
  return channels.map((name) => {
    const values = series[name]
    if (!Array.isArray(values) || values.length === 0)
      throw new Error(
        `a series lacks the channel ${name}; expected an array of numbers for each of ${channels.join(', ')}`,
      )
    return values
  })
}

/** The class of one series. Its text is exported, so it uses nothing beside it. */
function readSeries(classes: readonly string[], values: readonly number[]) {
  return { label: classes[values.indexOf(Math.max(...values))], probabilities: values }
}

const SERIES_NODE = `// node predict.mjs series.json > predictions.json      (npm i onnxruntime-node)
// series.json holds an array of series; each is an object with an array of numbers for each channel of model.json.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { channelsOf, prepareSeries, readSeries, shapeOf } from './prepare.mjs'

const at = (name) => fileURLToPath(new URL(name, import.meta.url))
const { classes, preprocessing: plan } = JSON.parse(readFileSync(at('model.json'), 'utf8'))
export async function predict(series) {
  const session = await InferenceSession.create(at('model.onnx'))
  const out = []
  for (const each of series) {
    const values = prepareSeries(plan, channelsOf(plan, each))
    const output = await session.run({ [session.inputNames[0]]: new Tensor('float32', values, shapeOf(plan, values)) })
    out.push(readSeries(classes, [...output[session.outputNames[0]].data]))
  }
  return out
}
if (process.argv[2]) console.log(JSON.stringify(await predict(JSON.parse(readFileSync(process.argv[2], 'utf8')))))
`

const SERIES_BROWSER = `// import { load } from './predict-browser.mjs'; const predict = await load(ort, './'); await predict(series)
// \`ort\` is onnxruntime-web; a series is an object with an array of numbers for each channel of model.json.
import { channelsOf, prepareSeries, readSeries, shapeOf } from './prepare.mjs'

export async function load(ort, folder, bytesOf = async (url) => (await fetch(url)).arrayBuffer()) {
  const { classes, preprocessing: plan } = JSON.parse(new TextDecoder().decode(await bytesOf(folder + 'model.json')))
  const session = await ort.InferenceSession.create(new Uint8Array(await bytesOf(folder + 'model.onnx')))
  return async (series) => {
    const values = prepareSeries(plan, channelsOf(plan, series))
    const output = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, shapeOf(plan, values)) })
    return readSeries(classes, [...output[session.outputNames[0]].data])
  }
}
`

/** Writes a classifier of series: the file, its description, the preprocessing as a module, and programs that use them. */
export async function exportSeriesModel(
  folder: string,
  model: Uint8Array,
  description: Omit<LabelledSeriesDescription, 'archloom' | 'kind'>,
): Promise<readonly string[]> {
  return await writeFolder(folder, {
    'model.onnx': model,
    'model.json': described({ archloom: VERSION, kind: 'labelled-series', ...description }),
    'prepare.mjs': moduleOf(prepareSeries as never, channelsOf as never, shapeOf as never, readSeries as never),
    'predict.mjs': SERIES_NODE,
    'predict-browser.mjs': SERIES_BROWSER,
  })
}
