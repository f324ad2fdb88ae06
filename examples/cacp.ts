// Prunes a trained network to 30, 50 and 70 % of its multiply-adds with one agent, then with the same agent to a rate
// that it was not trained for. The smallest network is fine-tuned. It takes about a minute.
//     npx archloom run examples/cacp.ts
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { supervisedTrainer } from 'archloom/evaluators/training'
import { compressChannels, fineTune, graphAccuracy } from 'archloom/plugins/cacp'
import { chainSpace } from 'archloom/search-spaces/chain'
import { useEngine } from 'archloom/tensor'

interface Options {
  readonly pictures?: number
  readonly epochs?: number
  readonly episodes?: number
  readonly log?: (text: string) => void
}

export async function main({ pictures = 1200, epochs = 6, episodes = 120, log = console.log }: Options = {}) {
  await useEngine()
  const data = generatedImages({ train: pictures, validation: 200, test: 200, classes: 4, size: 16 })
  const space = chainSpace({ stem: 8, head: 32, stages: [{ widths: [16], depth: { min: 2, max: 2 } }] })
  const architecture = {
    stages: [
      {
        width: 16,
        blocks: [
          { kernel: 3, expansion: 3 },
          { kernel: 3, expansion: 3 },
        ],
      },
    ],
  } as const
  using network = space.build(architecture, { input: data.train.inputShape, classes: 4, rng: seeded(1) })
  const training = { epochs, rng: seeded(2) }
  for await (const _ of supervisedTrainer({ batchSize: 32 }).fit(network, data.train, training));

  const { whole, best, at } = await compressChannels(network, {
    data,
    rates: [0.3, 0.5, 0.7],
    episodes,
    seed: 3,
    controller: { hidden: 64, warmUp: { episodes: Math.floor(episodes / 3) } },
  })
  log(`whole: ${whole.multiplyAdds} multiply-adds, validation accuracy ${whole.accuracy.toFixed(3)}`)
  for (const { rate, share, accuracy } of best)
    log(`${rate}: ${(100 * share).toFixed(1)} % of the multiply-adds left, accuracy ${accuracy.toFixed(3)}`)
  const untrained = await at(0.4)
  log(`0.4, never trained for: ${(100 * untrained.share).toFixed(1)} %, accuracy ${untrained.accuracy.toFixed(3)}`)

  const [smallest] = best
  if (!smallest) throw new Error('no pruning was found')
  const tuned = await fineTune(smallest.graph, { data, epochs: Math.max(1, epochs / 2) })
  const { accuracy } = await graphAccuracy(tuned, data.test)
  log(`the smallest after fine-tuning: test accuracy ${accuracy.toFixed(3)}`)
  return { shares: best.map(({ share }) => share), untrained: untrained.share, testAccuracy: accuracy }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
