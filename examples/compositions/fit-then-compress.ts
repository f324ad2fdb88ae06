// From images to a small classifier: fit searches within a limit of bytes, and what it writes holds 8-bit integers.
//     npx archloom run examples/compositions/fit-then-compress.ts
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generatedImages } from 'archloom/evaluators/data'
import { type Budget, fit } from 'archloom/fit'

interface Options {
  readonly images?: number
  readonly bytes?: number
  readonly budget?: Budget
  readonly out?: string
  readonly log?: (text: string) => void
}

export async function main({ images = 2000, bytes = 60_000, out = 'small-model', ...rest }: Options = {}) {
  const { budget = { minutes: 1 }, log = console.log } = rest
  const part = Math.min(400, images)
  const data = generatedImages({ size: 16, classes: 4, train: images, validation: part, test: part })
  using result = await fit({ data, budget, flip: false, compress: true, limits: { bytes } })
  await result.export(out)
  const written = statSync(join(out, 'model.onnx')).size
  const { accuracy = 0 } = await result.evaluate(data)
  log(`${written} bytes, accuracy ${accuracy} on images that took no part`)
  return { written, accuracy, parameters: result.cost!.parameters }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
