// Loads your own model, compresses it to a share of its bit operations, and exports it. It takes a minute.
//     npx archloom run examples/compress-my-model.ts
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generatedImages } from 'archloom/evaluators/data'
import { compress, type ModelSource } from 'archloom/plugins/compress'
import { exportOnnx } from 'archloom/plugins/onnx'
import { trainedModel } from './compress-my-model/trained-model.ts'

interface Options {
  /** A network, a tf.LayersModel, or the folder of one. Default: a small residual network trained here first. */
  readonly model?: ModelSource
  readonly pictures?: number
  readonly episodes?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { pictures = 1000, episodes = 60, directory = 'exported', log = console.log } = options
  const data = generatedImages({ train: pictures, validation: Math.min(200, pictures), classes: 4, size: 16 })
  const model = options.model ?? (await trainedModel(data))

  const small = await compress(model, { target: { bops: 0.03 }, data, episodes, onProgress: log })
  const report = await small.export(join(directory, 'small.onnx'))

  using network = small.network()
  const float = (await exportOnnx(network)).report
  log(`${report.file}: ${report.bytes} bytes (${float.bytes} in floats), accuracy ${small.after.accuracy.toFixed(3)}`)
  return { bops: small.after.bops / small.before.bops, before: small.before, after: small.after, bytes: report.bytes }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
