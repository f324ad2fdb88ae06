// One network, two compressions in sequence: the agent of CACP removes channels at the rate asked for, and ABS then chooses
// bits of weights and activations in the super-bit space of what is left.
//     npx archloom run examples/compositions/channels-then-bits.ts
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { accuracy } from 'archloom/evaluators/metrics'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { absCompress, quantisedNetwork } from 'archloom/plugins/abs'
import { compressChannels, fineTune } from 'archloom/plugins/cacp'
import { graphNetwork, preActivationResNet } from 'archloom/search-spaces/compression'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly images?: number
  readonly epochs?: number
  readonly episodes?: number
  readonly log?: (text: string) => void
}

export async function main({ images = 1200, epochs = 4, episodes = 60, log = console.log }: Options = {}) {
  await useEngine()
  const part = Math.min(200, images)
  const data = generatedImages({ train: images, validation: part, test: part, classes: 4, size: 16 })
  const rng = seeded(1)
  using network = graphNetwork(preActivationResNet({ depth: 8, widths: [8, 16, 32], size: 16, classes: 4, rng }))
  for await (const _ of supervisedTrainer({ batchSize: 32 }).fit(network, data.train, { epochs, rng }));

  const { whole, best } = await compressChannels(network, {
    data,
    rates: [0.5],
    episodes,
    seed: 3,
    controller: { hidden: 32, warmUp: { episodes: Math.ceil(episodes / 3) } },
  })
  const [pruned] = best
  if (!pruned) throw new Error('no pruning was found')
  log(`channels: ${(100 * pruned.share).toFixed(0)} % of ${whole.multiplyAdds} multiply-adds are left`)

  using narrow = graphNetwork(await fineTune(pruned.graph, { data, epochs: Math.max(1, epochs / 2) }))
  const { model, share } = await absCompress(narrow, {
    data,
    target: { bops: 1 / 32 },
    // CACP has chosen the channels.
    prune: false,
    batchSize: Math.min(32, images),
    searchEpochs: Math.max(1, epochs / 2),
    fineTuneEpochs: epochs,
    seed: 1,
  })
  using compressed = quantisedNetwork(model)
  const after = await accuracy(compressed, data.validation)
  log(`bits: 1/${(1 / share).toFixed(0)} of the bit operations are left, accuracy ${after.toFixed(3)}`)
  return { channels: pruned.share, bops: share, accuracy: after, layers: model.layers.length }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
