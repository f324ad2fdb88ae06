/** `archloom reproduce cnas --scale medium`: curricula on shared weights, with a table as the judge. */
import { createSearch, type EvaluatorDefinition, memoryStore, type SearchSpace, seeded } from '../../core/index.ts'
import type { Experiment, ExperimentPart } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10, halfSize } from '../../evaluators/data/index.ts'
import { nasBench201Table } from '../../evaluators/tabular/index.ts'
import { kendallTau, type SharedWeights, weightSharing } from '../../evaluators/weight-sharing/index.ts'
import {
  cellOfChain,
  type NasBench201Architecture,
  type NasBench201Chain,
  nasBench201ChainSpace,
  nasBench201Space,
} from '../../search-spaces/nas-bench-201/index.ts'
import { type CnasOptions, cnas } from './index.ts'

interface Settings {
  readonly space: 'chains' | 'whole'
  readonly channels: number
  readonly batchSize: number
  /** Whether images are shrunk to 16×16. */
  readonly half: boolean
  readonly data: { readonly trainSize: number; readonly validation: number; readonly testSize: number }
  readonly stages: number
  /** Weight and policy steps of an epoch; a stage of the curriculum has one warm-up epoch and two with a policy. */
  readonly weightSteps: number
  readonly policySteps: number
  readonly learningRate: number
  readonly ranked: number
}

const FIXED = 'fixed space'
const CURRICULUM = 'curriculum'
const arms: Readonly<Record<string, (settings: Settings) => CnasOptions>> = {
  [CURRICULUM]: () => ({ grow: 'operations', warmUp: { epochs: 1 }, epochs: 2 }),
  [FIXED]: ({ stages }) => ({ grow: 'none', warmUp: { epochs: stages }, epochs: 2 * stages }),
  'curriculum without warm-up': ({ weightSteps }) => ({
    grow: 'operations',
    warmUp: { epochs: 0 },
    epochs: 2,
    weightSteps: Math.round(1.5 * weightSteps),
  }),
  'uniform paths': ({ stages }) => ({ grow: 'none', warmUp: { epochs: 3 * stages }, epochs: 0 }),
}

async function figures(arm: string, settings: Settings, seed: number, folder: string | undefined, signal: AbortSignal) {
  const { channels, batchSize, weightSteps, policySteps, learningRate, ranked, half } = settings
  const environment = { ...process.env, ...(folder !== undefined && { ARCHLOOM_DATA: folder }) }
  const table = nasBench201Table({ environment })
  const images = await cifar10({ ...settings.data, environment, signal })
  const data = half ? halfSize(images) : images
  const options = { channels, cells: 1 }
  const chains = settings.space === 'chains'
  const space: SearchSpace = chains ? nasBench201ChainSpace(options) : nasBench201Space(options)
  const cellOf = (architecture: unknown) =>
    chains ? cellOfChain(architecture as NasBench201Chain) : (architecture as NasBench201Architecture)
  const definition = weightSharing({ data, batchSize })
  let shared: SharedWeights | undefined
  const evaluator: EvaluatorDefinition = {
    ...definition,
    create: async (parts) => {
      shared = (await definition.create(parts)) as SharedWeights
      return shared
    },
  }
  await using search = createSearch({
    space,
    evaluator,
    seed,
    budget: {},
    study: memoryStore(),
    objectives: { accuracy: 'maximise' },
    plugins: [
      cnas({
        weightSteps,
        policySteps,
        candidates: 5,
        disturbance: false,
        learningRate,
        clipNorm: 5,
        controller: { hidden: 32, learningRate: 3e-3, baselineDecay: 0.95 },
        ...arms[arm]!(settings),
      }),
    ],
  })
  for await (const _ of search.run({ signal }));
  signal.throwIfAborted()
  const [best] = search.best(1)
  const tested = (architecture: unknown) => table.lookup(cellOf(architecture), 1).metrics.testAccuracy as number
  const rng = seeded(`cnas ranked ${seed}`)
  const all = chains ? everyGenotype() : Array.from({ length: ranked }, () => space.random(rng))
  const [losses, accuracies]: [number[], number[]] = [[], []]
  for (const genotype of all) {
    const architecture = space.decode(genotype)
    losses.push((await shared!.measure(architecture, signal)).loss)
    accuracies.push(tested(architecture))
  }
  const tau = kendallTau(
    losses.map((loss) => -loss),
    accuracies,
  )
  return [
    { metric: 'table accuracy of what is derived, %', value: 100 * tested(best!.architecture) },
    { metric: 'τ by loss', value: Number.isNaN(tau) ? 0 : tau },
    { metric: 'accuracy with shared weights, %', value: 100 * best!.reward },
  ]
}

/** The 27 genotypes of the chain space. */
const everyGenotype = () => [0, 1, 2].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1, 2].map((c) => [a, b, c])))

const DERIVED = 'table accuracy of what is derived, %'

const part = (name: string, title: string, setting: string, settings: Settings, seconds: number): ExperimentPart => ({
  name,
  title,
  setting,
  settings,
  arms: Object.keys(arms),
  seeds: [11, 12, 13, 14, 15],
  seconds,
  async run(arm, { seed, data, signal }) {
    await useEngine('auto')
    return figures(arm, settings, seed, data, signal)
  },
  metrics: [{ name: DERIVED }, { name: 'τ by loss' }, { name: 'accuracy with shared weights, %', digits: 1 }],
  comparisons: [
    { claim: 'A growing space derives better architectures than a fixed one', arm: CURRICULUM, control: FIXED },
    {
      claim: 'Warm-up helps the curriculum',
      arm: CURRICULUM,
      control: 'curriculum without warm-up',
    },
    {
      claim: 'The curriculum derives better architectures than uniform paths',
      arm: CURRICULUM,
      control: 'uniform paths',
    },
  ].flatMap((each) => [
    { ...each, metric: DERIVED, direction: 'maximise' as const, published: null, effect: 0.3 },
    {
      ...each,
      claim: `${each.claim}, by rank correlation`,
      metric: 'τ by loss',
      direction: 'maximise' as const,
      published: null,
      effect: 0.1,
    },
  ]),
})

export const medium: Experiment = {
  paper: 'cnas',
  parts: [
    part(
      'chains',
      'Shared weights on 27 architectures of NAS-Bench-201',
      'The chains of NAS-Bench-201 (one cell a stage, 8 channels) on CIFAR-10 at 16×16; 3,000 weight steps of 32 images and 720 policy steps in every arm that has a policy. The table judges what is derived; all 27 are ranked by their loss on 2,000 validation images.',
      {
        space: 'chains',
        channels: 8,
        batchSize: 32,
        half: true,
        data: { trainSize: 8000, validation: 2000, testSize: 500 },
        stages: 3,
        weightSteps: 333,
        policySteps: 120,
        learningRate: 0.05,
        ranked: 27,
      },
      90,
    ),
    part(
      'whole',
      'Shared weights on the whole of NAS-Bench-201',
      'All 15,625 architectures of NAS-Bench-201 (one cell a stage, 16 channels) on CIFAR-10; 25,000 weight steps of 64 images and 5,000 policy steps in every arm that has a policy. 200 architectures are ranked by their loss on 5,000 validation images.',
      {
        space: 'whole',
        channels: 16,
        batchSize: 64,
        half: false,
        data: { trainSize: 5000, validation: 5000, testSize: 500 },
        stages: 5,
        weightSteps: 1667,
        policySteps: 500,
        learningRate: 0.05,
        ranked: 200,
      },
      4000,
    ),
  ],
}
