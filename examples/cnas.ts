// Curriculum search on shared weights: the space grows by one operation at a time, and then the winner is trained from
// scratch.
//     npx archloom run examples/cnas.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type Dataset, type StudyOptions } from 'archloom'
import { cifar10, describeDataset, orGenerated } from 'archloom/evaluators/data'
import { retrain } from 'archloom/evaluators/train-from-scratch'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { cnas } from 'archloom/plugins/cnas'
import { cellSpace } from 'archloom/search-spaces/cell'

interface Options {
  /** Training examples; half as many are held out for the policy. */
  readonly examples?: number
  /** Default: CIFAR-10, or generated images if it is not available. */
  readonly data?: Dataset
  readonly weightSteps?: number
  readonly retrainEpochs?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { examples = 2000, weightSteps = 20, retrainEpochs = 3, directory, log = console.log } = options
  const validation = Math.round(examples / 2)
  const data =
    options.data ??
    (await orGenerated(() => cifar10({ trainSize: examples, validation, testSize: validation, augment: true }), {
      train: examples,
      validation,
      test: validation,
    }))
  log(describeDataset(data))

  const space = cellSpace({
    nodes: 2,
    channels: 8,
    cells: 3,
    reductions: [1],
    stem: 'imagenet',
    operations: ['sep_conv_3x3', 'skip_connect', 'max_pool_3x3'],
  })
  const study: StudyOptions = directory === undefined ? {} : { directory }
  await using search = createSearch({
    space,
    evaluator: weightSharing({ data, batchSize: 32 }),
    // There are few steps here, so the policy learns faster than in the paper, which takes a hundred thousand steps.
    plugins: [
      cnas({
        grow: 'operations',
        warmUp: { epochs: 1 },
        epochs: 2,
        weightSteps,
        policySteps: weightSteps,
        candidates: 5,
        learningRate: 0.05,
        controller: { hidden: 32, learningRate: 3e-3, baselineDecay: 0.9 },
      }),
    ],
    objectives: { accuracy: 'maximise' },
    budget: {},
    seed: 7,
    study,
  })
  for await (const event of search.run()) {
    if (event.type === 'stage.started')
      log(`stage ${event.index + 1}: ${event.stage}; ${event.facts.size} architectures`)
    if (event.type === 'policy.progress')
      log(`  reward ${event.metrics.reward?.toFixed(3)}, entropy ${event.metrics.entropy?.toFixed(2)} nats`)
    if (event.type === 'trial.completed') log(`  derived: ${(100 * event.reward).toFixed(1)} % with shared weights`)
  }

  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')
  using trained = await retrain(best, { data, epochs: retrainEpochs, batchSize: 32 })
  log(
    `trained alone: ${(100 * trained.testAccuracy!).toFixed(1)} % on the test split, ${trained.parameters} parameters`,
  )
  return { architecture: best.architecture, testAccuracy: trained.testAccuracy! }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
