// A network whose weights and activations have a few bits each, chosen by the super-bit search of ABS, is fine-tuned with
// batches of two images: once with its batch normalisations, and once with memorized batch normalisation and Double-Forward.
//     npx archloom run examples/compositions/bits-with-memory.ts
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { accuracy } from 'archloom/evaluators/metrics'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { absCompress, quantisedNetwork } from 'archloom/plugins/abs'
import { mbnTrainer, memorizedBatchNorm } from 'archloom/plugins/mbn'
import { graphNetwork, preActivationResNet } from 'archloom/search-spaces/compression'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly images?: number
  readonly epochs?: number
  readonly log?: (text: string) => void
}

export async function main({ images = 800, epochs = 4, log = console.log }: Options = {}) {
  await useEngine()
  const part = Math.min(200, images)
  const data = generatedImages({ train: images, validation: part, classes: 4, size: 16 })
  using network = graphNetwork(
    preActivationResNet({ depth: 8, widths: [8, 16, 32], size: 16, classes: 4, rng: seeded(1) }),
  )
  for await (const _ of supervisedTrainer({ batchSize: 32 }).fit(network, data.train, { epochs, rng: seeded(2) }));
  const { model, share } = await absCompress(network, {
    data,
    target: { bops: 1 / 64 },
    batchSize: Math.min(32, images),
    searchEpochs: epochs / 2,
    fineTuneEpochs: 0,
    seed: 1,
  })

  const settings = { batchSize: 2, learningRate: 0.002 }
  using plain = quantisedNetwork(model)
  for await (const _ of supervisedTrainer(settings).fit(plain, data.train, { epochs: epochs / 2, rng: seeded(3) }));
  using memorised = quantisedNetwork(model, { normalisation: memorizedBatchNorm({ batches: 20, decay: 0.95 }) })
  for await (const _ of mbnTrainer(settings).fit(memorised, data.train, { epochs: epochs / 2, rng: seeded(3) }));

  const batchNorm = await accuracy(plain, data.validation)
  const memory = await accuracy(memorised, data.validation)
  log(`1/${(1 / share).toFixed(0)} of the bit operations, fine-tuned with batches of two images:`)
  log(
    `accuracy ${batchNorm.toFixed(3)} with batch normalisation, ${memory.toFixed(3)} with memorized batch normalisation`,
  )
  return { bops: share, batchNorm, memory }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
