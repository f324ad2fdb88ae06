// Two methods in one search: a curriculum chooses what is trained, and projection protects what was trained before.
//     npx archloom run examples/cnas-with-dinas.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type Dataset, type StudyOptions } from 'archloom'
import { cifar10, describeDataset, orGenerated } from 'archloom/evaluators/data'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { cnas } from 'archloom/plugins/cnas'
import { dinas } from 'archloom/plugins/dinas'
import { cellSpace } from 'archloom/search-spaces/cell'

interface Options {
  readonly examples?: number
  /** Default: CIFAR-10, or generated images if it is not available. */
  readonly data?: Dataset
  readonly weightSteps?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { examples = 2000, weightSteps = 20, directory, log = console.log } = options
  const validation = Math.round(examples / 2)
  const data =
    options.data ??
    (await orGenerated(() => cifar10({ trainSize: examples, validation, testSize: validation, augment: true }), {
      train: examples,
      validation,
      test: validation,
    }))
  log(describeDataset(data))

  const study: StudyOptions = directory === undefined ? {} : { directory }
  await using search = createSearch({
    space: cellSpace({
      nodes: 2,
      channels: 8,
      cells: 3,
      reductions: [1],
      stem: 'imagenet',
      operations: ['sep_conv_3x3', 'skip_connect', 'max_pool_3x3'],
    }),
    evaluator: weightSharing({ data, batchSize: 32 }),
    plugins: [
      cnas({
        grow: 'operations',
        warmUp: { epochs: 1 },
        epochs: 2,
        weightSteps,
        policySteps: weightSteps,
        candidates: 5,
        // Twice per epoch, measures how later steps have changed an architecture that was trained.
        disturbance: { after: Math.max(1, Math.floor(weightSteps / 2)) },
        learningRate: 0.05,
        controller: { hidden: 32, learningRate: 3e-3, baselineDecay: 0.9 },
      }),
      // The first stage is not protected. Then every tenth step is protected, and all protection is released from time
      // to time.
      dinas({ alpha: 1, warmUp: { steps: 2 * weightSteps }, protectEvery: 10, releaseEvery: 100 }),
    ],
    objectives: { accuracy: 'maximise' },
    budget: {},
    seed: 7,
    study,
  })
  for await (const event of search.run()) {
    if (event.type === 'stage.started') log(`stage ${event.index + 1}: ${event.stage}`)
    if (event.type === 'weights.progress')
      log(
        `  loss ${event.metrics.loss?.toFixed(3)}, trace(P)/d ${event.metrics.freedom?.toFixed(3)}, disturbance ${event.metrics.disturbance?.toFixed(3)} nats`,
      )
    if (event.type === 'trial.completed') log(`  derived: ${(100 * event.reward).toFixed(1)} % with shared weights`)
  }
  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')
  return { architecture: best.architecture, accuracy: best.metrics.accuracy as number }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
