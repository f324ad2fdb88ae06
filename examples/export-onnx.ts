// Exports a trained network as ONNX, in floating point and in 8-bit integers, runs both files with ONNX Runtime, and
// compares results, sizes and times. It takes half a minute.
//     npx archloom run examples/export-onnx.ts
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { retrain } from 'archloom/evaluators/train-from-scratch'
import { compareOnnx, exportOnnx, onnxLatency, saveSafetensors } from 'archloom/plugins/onnx'
import { cellSpace } from 'archloom/search-spaces/cell'

interface Options {
  readonly pictures?: number
  readonly epochs?: number
  /** Where the files are written. */
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main({ pictures = 1000, epochs = 3, directory = 'exported', log = console.log }: Options = {}) {
  const data = generatedImages({ train: pictures, validation: Math.min(200, pictures), classes: 4, size: 16 })
  const space = cellSpace({ nodes: 2, channels: 8, cells: 3 })
  const architecture = space.decode(space.random(seeded(7)))
  using trained = await retrain({ build: space.build.bind(space, architecture) }, { data, epochs, seed: 1 })
  const { network } = trained

  await saveSafetensors(join(directory, 'weights.safetensors'), network)
  const files: Record<string, { bytes: number; agreement: number; milliseconds: number }> = {}
  for (const [name, options] of [
    ['float', {}],
    ['int8', { quantise: { calibration: data.train } }],
  ] as const) {
    const file = join(directory, `${name}.onnx`)
    const { report } = await exportOnnx(network, { file, ...options })
    const { agreement } = await compareOnnx(network, file, data.validation)
    const { milliseconds } = await onnxLatency(file, network.inputShape)
    files[name] = { bytes: report.bytes, agreement, milliseconds }
    log(`${file}: ${report.bytes} bytes, ${milliseconds.toFixed(2)} ms an image, same class for ${100 * agreement} %`)
  }
  return { accuracy: trained.testAccuracy, files }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
