/**
 * What compression is worth where models run: a residual network of 20 layers (32×32 images, widths 16-32-64) as ONNX
 * in floats, in 8-bit integers, with half of its multiply-adds pruned, and both; bytes, milliseconds on ONNX Runtime (one
 * thread, medians, files in turn), and how often the class is that of the network that was exported.
 *     npm run bench -- compress [--pictures N] [--epochs N] [--json]
 */
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { generatedImages } from '../../evaluators/data/index.ts'
import { supervisedTrainer } from '../../evaluators/training/index.ts'
import { compress } from '../../plugins/compress/index.ts'
import { compareOnnx, type ExportOptions, exportOnnx, onnxLatency } from '../../plugins/onnx/index.ts'
import { currentGraph, graphNetwork, resNetGraph } from '../../search-spaces/compression/index.ts'

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

interface Options {
  readonly pictures?: number
  readonly epochs?: number
  readonly depth?: number
  readonly rounds?: number
  readonly log?: (text: string) => void
}

export async function run(options: Options = {}): Promise<Bench> {
  const { pictures = 700, epochs = 3, depth = 20, rounds = 5, log = () => {} } = options
  const { name: engine } = await useEngine()
  const data = generatedImages({ train: pictures, validation: 300, classes: 10, size: 32 })
  const input = [32, 32, 3]
  using whole = graphNetwork(resNetGraph({ depth, classes: 10, rng: seeded(1) }))
  for await (const {
    step,
    steps,
  } of supervisedTrainer({ batchSize: 50 }).fit(whole, data.train, { epochs, rng: seeded(2) })) // biome-ignore format: one line
    if (step % 20 === 0) log(`training on ${engine}: step ${step} of ${steps}`)
  const target = { multiplyAdds: 0.5 }
  const small = await compress(await currentGraph(whole), {
    target,
    data,
    prune: 'uniform',
    epochs: 3,
    onProgress: log,
  })
  using pruned = small.network()

  const integers: ExportOptions = { quantise: { calibration: data.train } }
  const four: ExportOptions = { quantise: { weights: 4, activations: 32 } }
  const files = []
  for (const [name, network, how] of [
    ['float', whole, {}],
    ['int8', whole, integers],
    ['int4 weights', whole, four],
    ['pruned', pruned, {}],
    ['pruned int8', pruned, integers],
  ] as const) {
    const { model } = await exportOnnx(network, how)
    const { agreement, fileAccuracy } = await compareOnnx(network, model, data.validation)
    files.push({ name, model, agreement, fileAccuracy, times: new Map<number, number[]>() })
  }
  for (let round = 0; round < rounds; round++)
    for (const { model, times } of files)
      for (const batch of [1, 16]) {
        const { milliseconds } = await onnxLatency(model, input, { batchSize: batch, repeats: 15, warmUp: 5 })
        times.set(batch, [...(times.get(batch) ?? []), milliseconds])
      }
  const [float] = files as [(typeof files)[0]]
  const results = files.flatMap((file): BenchResult[] => {
    const beside = (value: number, of: number) => (file === float ? {} : { reference: 'float', ratio: of / value })
    const milliseconds = (batch: number, of = file) => median(of.times.get(batch) as number[])
    return [
      {
        name: `${file.name}: file`,
        value: file.model.length,
        unit: 'bytes',
        ...beside(file.model.length, float.model.length),
      },
      ...[1, 16].map((batch) => ({
        name: `${file.name}: batch of ${batch}`,
        value: milliseconds(batch),
        unit: 'ms',
        ...beside(milliseconds(batch), milliseconds(batch, float)),
      })),
      { name: `${file.name}: same class as its network`, value: file.agreement, unit: 'share' },
      { name: `${file.name}: accuracy`, value: file.fileAccuracy, unit: 'share' },
    ]
  })
  return { bench: 'compress', machine: { engine, threads: 1, depth }, results }
}
