/** Kendall's τ of a NAS-Bench-201 supernet against the table, after equal weight steps with and without projection. */
import {
  createSearch,
  type Dataset,
  type EvaluatorDefinition,
  memoryStore,
  type Plugin,
  seeded,
} from '../../../core/index.ts'
import type { NasBench201Table } from '../../../evaluators/tabular/index.ts'
import {
  kendallTau,
  type Ranking,
  rankingReport,
  type SharedWeights,
  weightSharing,
} from '../../../evaluators/weight-sharing/index.ts'
import {
  cellOfChain,
  chainOperations,
  type NasBench201Chain,
  nasBench201ChainSpace,
  nasBench201Space,
} from '../../../search-spaces/nas-bench-201/index.ts'
import { dinas } from '../index.ts'
import type { ProjectionOptions } from '../options.ts'

export interface RankingSettings {
  /** Weight steps of an epoch; a run has fifteen: five stages of one warm-up epoch and two with a policy. */
  readonly weightSteps: number
  /** Policy steps of an epoch that has them. */
  readonly policySteps: number
  /** Architectures whose order is compared. */
  readonly ranked: number
  readonly channels: number
  readonly batchSize: number
}

export interface RankingForm {
  readonly name: string
  /** Architectures from CNAS's growing spaces and its policy; else drawn uniformly from the whole space throughout. */
  readonly curriculum: boolean
  readonly projection?: ProjectionOptions
}

export interface RankingOutcome {
  readonly tau: number
  /** Mean accuracy with shared weights, percent. */
  readonly accuracy: number
  /** Shared weights beside what costs nothing. */
  readonly report: readonly Ranking[]
}

export const STAGES = 5
type Curriculum = (options: Readonly<Record<string, unknown>>) => Plugin

/** Plugins do not import one another; an experiment composes them as a program does, by the package's entries. */
async function curriculumPlugin(): Promise<Curriculum> {
  const name: string = 'cnas'
  return ((await import(`archloom/plugins/${name}`)) as { readonly cnas: Curriculum }).cnas
}

const shape = (form: RankingForm) =>
  form.curriculum
    ? { grow: 'operations', warmUp: { epochs: 1 }, epochs: 2 }
    : { grow: 'none', warmUp: { epochs: 3 * STAGES }, epochs: 0 }

export async function tauOnTable(
  data: Dataset,
  table: NasBench201Table,
  form: RankingForm,
  settings: RankingSettings & { readonly seed: number; readonly signal?: AbortSignal },
): Promise<RankingOutcome> {
  const { weightSteps, policySteps, ranked, channels, batchSize, seed, signal } = settings
  const space = nasBench201Space({ channels, cells: 1 })
  const curriculum = await curriculumPlugin()
  const definition = weightSharing({ data, batchSize })
  let shared: SharedWeights | undefined
  // The search's own evaluator, kept at hand: its weights are ranked once they are trained.
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
      curriculum({
        ...shape(form),
        weightSteps,
        policySteps,
        candidates: 1,
        disturbance: false,
        learningRate: 0.05,
        clipNorm: 5,
        controller: { hidden: 32, learningRate: 3e-3, baselineDecay: 0.9 },
      }),
      ...(form.projection ? [dinas(form.projection)] : []),
    ],
  })
  for await (const _ of search.run(signal ? { signal } : {}));
  signal?.throwIfAborted()
  const trained = shared as unknown as SharedWeights
  const [accuracies, published, parameters, multiplyAdds]: number[][] = [[], [], [], []]
  const sample = seeded(`dinas table ${seed}`)
  for (let i = 0; i < ranked; i++) {
    const genotype = space.random(sample)
    accuracies?.push((await trained.measure(space.decode(genotype), signal)).accuracy)
    const row = table.lookup(space.decode(genotype), 1).metrics
    published?.push(row.accuracy as number)
    parameters?.push(row.parameters as number)
    multiplyAdds?.push(row.multiplyAdds as number)
  }
  const own = accuracies as number[]
  const report = rankingReport(published as number[], {
    'shared weights': own,
    multiplyAdds: multiplyAdds as number[],
    parameters: parameters as number[],
  })
  const tau = report[0]?.kendall as number
  // Where all are alike there is no order.
  return { tau: Number.isNaN(tau) ? 0 : tau, accuracy: (100 * own.reduce((sum, x) => sum + x, 0)) / ranked, report }
}

export interface ChainSettings {
  readonly channels: number
  readonly batchSize: number
  /** Weight steps of an epoch; there are nine: three stages of one warm-up epoch and two with a policy. */
  readonly weightSteps: number
  readonly policySteps: number
  readonly learningRate: number
}

const CHAIN_STAGES = 3

/**
 * The 27 chains of NAS-Bench-201, all of them ranked by shared weights against the table's test accuracy: Kendall's τ by
 * loss and by accuracy on the validation split, beside what costs nothing.
 */
export async function tauOnChains(
  data: Dataset,
  table: NasBench201Table,
  form: Omit<RankingForm, 'name'>,
  settings: ChainSettings & { readonly seed: number; readonly signal?: AbortSignal },
) {
  const { channels, batchSize, weightSteps, policySteps, learningRate, seed, signal } = settings
  const space = nasBench201ChainSpace({ channels, cells: 1 })
  const curriculum = await curriculumPlugin()
  const definition = weightSharing({ data, batchSize })
  let shared: SharedWeights<NasBench201Chain> | undefined
  const evaluator: EvaluatorDefinition = {
    ...definition,
    create: async (parts) => {
      shared = (await definition.create(parts)) as SharedWeights<NasBench201Chain>
      return shared
    },
  }
  const course = form.curriculum
    ? { grow: 'operations', warmUp: { epochs: 1 }, epochs: 2 }
    : { grow: 'none', warmUp: { epochs: 3 * CHAIN_STAGES }, epochs: 0 }
  await using search = createSearch({
    space,
    evaluator,
    seed,
    budget: {},
    study: memoryStore(),
    objectives: { accuracy: 'maximise' },
    plugins: [
      curriculum({
        ...course,
        weightSteps,
        policySteps,
        candidates: 1,
        disturbance: false,
        learningRate,
        clipNorm: 5,
        controller: { hidden: 32, learningRate: 3e-3, baselineDecay: 0.9 },
      }),
      ...(form.projection ? [dinas(form.projection)] : []),
    ],
  })
  for await (const _ of search.run(signal ? { signal } : {}));
  signal?.throwIfAborted()
  const rows = []
  for (const first of chainOperations)
    for (const second of chainOperations)
      for (const third of chainOperations) {
        const chain = { first, second, third }
        const { accuracy, loss } = await shared!.measure(chain, signal)
        const { metrics } = table.lookup(cellOfChain(chain), 1)
        rows.push({
          accuracy,
          loss,
          published: metrics.accuracy as number,
          multiplyAdds: metrics.multiplyAdds as number,
        })
      }
  const published = rows.map((row) => row.published)
  const tau = (values: readonly number[]) => {
    const found = kendallTau(values, published)
    return Number.isNaN(found) ? 0 : found
  }
  return {
    tauByLoss: tau(rows.map(({ loss }) => -loss)),
    tauByAccuracy: tau(rows.map(({ accuracy }) => accuracy)),
    tauOfMultiplyAdds: tau(rows.map(({ multiplyAdds }) => multiplyAdds)),
    accuracy: (100 * rows.reduce((sum, row) => sum + row.accuracy, 0)) / rows.length,
    /** Table accuracy of the chain with the least loss, percent below the best of the 27. */
    regret: 100 * (Math.max(...published) - rows.reduce((best, row) => (row.loss < best.loss ? row : best)).published),
  }
}
