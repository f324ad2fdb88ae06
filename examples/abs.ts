// Compresses a trained ResNet to a fiftieth of its bit operations, by a joint search for the bits of weights and
// activations and for filters, and compares it with random bits of the same cost.
//     npx archloom run examples/abs.ts
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { accuracy } from 'archloom/evaluators/metrics'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { absCompress, fineTune, quantisedNetwork, quantisedWeights, randomBits } from 'archloom/plugins/abs'
import { currentGraph, graphNetwork, preActivationResNet } from 'archloom/search-spaces/compression'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly pictures?: number
  readonly epochs?: number
  readonly log?: (text: string) => void
}

export async function main({ pictures = 2000, epochs = 4, log = console.log }: Options = {}) {
  await useEngine()
  const data = generatedImages({ train: pictures, validation: 100, classes: 6, size: 16 })
  const rng = seeded(1)

  // The network to compress. Any network of archloom can be used.
  using network = graphNetwork(preActivationResNet({ depth: 8, widths: [8, 16, 32], size: 16, classes: 6, rng }))
  for await (const _ of supervisedTrainer({ batchSize: 32 }).fit(network, data.train, { epochs, rng }));
  log(`trained: ${(await accuracy(network, data.validation)).toFixed(3)}`)

  const batchSize = 32
  const { model, share } = await absCompress(network, {
    data,
    target: { bops: 1 / 50 },
    prune: { groupSize: 2 },
    batchSize,
    learningRate: 0.005,
    searchEpochs: epochs / 2,
    fineTuneEpochs: epochs,
    fineTuneLearningRate: 0.02,
    seed: 1,
  })
  using compressed = quantisedNetwork(model)
  const ours = await accuracy(compressed, data.validation)
  log(`1/${(1 / share).toFixed(0)} of the BOPs: ${ours.toFixed(3)}`)
  for (const { name, weights, activations } of model.layers) {
    const kept = model.kept[name] ? `, ${model.kept[name].length} filters kept` : ''
    const codes = quantisedWeights(model, name)?.codes.length ?? 0
    log(`  ${name}: ${codes} weights of ${weights} bits, activations of ${activations}${kept}`)
  }

  const random = await randomBits(await currentGraph(network), share, { data: data.train, rng, batchSize })
  using tuned = quantisedNetwork(
    await fineTune(random, { data: data.train, epochs: epochs * 1.5, batchSize, learningRate: 0.02, rng }),
  )
  const byChance = await accuracy(tuned, data.validation)
  log(`random bits of the same cost: ${byChance.toFixed(3)}`)
  return { model, share, accuracy: ours, byChance }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
