// The two searches of the page, which run in Node as well.
import { createSearch, type Store, seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { type Table, tabular } from 'archloom/evaluators/tabular'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { evolution } from 'archloom/plugins/evolution'
import { random } from 'archloom/plugins/random'
import { tpe } from 'archloom/plugins/tpe'
import { edgesOf, type NasBench201Architecture, nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { toySpace } from 'archloom/search-spaces/toy'

export const tasks = ['table', 'training'] as const
export type Task = (typeof tasks)[number]
export const strategies = ['random', 'evolution', 'tpe'] as const
export type Strategy = (typeof strategies)[number]

export const engines = ['wasm', 'webgpu', 'cpu'] as const

export interface Wanted {
  readonly task: Task
  readonly strategy: Strategy
  readonly trials: number
  readonly seed: number
  /** What trains networks. Default: wasm. */
  readonly engine?: (typeof engines)[number]
}

const plugins = { random: () => random(), evolution: () => evolution(), tpe: () => tpe() }

/** The search that the page asks for, kept in `study`. */
export const searchOf = ({ task, strategy, trials, seed }: Wanted, study: Store) =>
  task === 'table'
    ? createSearch({
        space: nasBench201Space(),
        evaluator: tabular(inventedTable()),
        plugins: [plugins[strategy]()],
        objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
        budget: { maxTrials: trials },
        seed,
        study,
      })
    : createSearch({
        space: toySpace(),
        evaluator: trainFromScratch({
          data: generatedImages({ size: 12, classes: 4, train: 256, validation: 256, test: 4 }),
          epochs: 6,
          trainer: { batchSize: 32, reportEvery: 4 },
        }),
        plugins: [plugins[strategy]()],
        objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
        budget: { maxTrials: trials },
        seed,
        study,
      })

/** What an operation adds to an edge of the invented table. */
const gains = { none: 0, skip_connect: 0.35, nor_conv_1x1: 0.7, nor_conv_3x3: 1, avg_pool_3x3: 0.2 }
/** How much each edge counts, in the order of the genotype. */
const weights = [0.7, 0.5, 0.4, 1, 0.6, 0.8]

/**
 * A table over the 15,625 architectures of NAS-Bench-201. Its accuracies are invented: they grow with the operations of
 * the edges, fall to chance where nothing reaches the output, and have a noise of their own for every architecture.
 */
export function inventedTable(): Table<NasBench201Architecture> {
  const { cost } = nasBench201Space()
  return {
    name: 'invented',
    metrics: ['accuracy', 'multiplyAdds'],
    costs: ['multiplyAdds'],
    lookup: (architecture) => {
      const edges = edgesOf(architecture)
      const reached = new Set([0])
      for (const { from, to, op } of edges) if (op !== 'none' && reached.has(from)) reached.add(to)
      const gain = edges.reduce((sum, { op }, i) => sum + weights[i]! * gains[op], 0)
      const noise =
        0.006 *
        seeded(1)
          .fork(edges.map(({ op }) => op).join())
          .normal()
      const accuracy = reached.has(3) ? Math.min(0.99, 0.55 + 0.4 * (1 - Math.exp(-0.9 * gain)) + noise) : 0.1
      const { multiplyAdds } = cost!(architecture, { input: [32, 32, 3], classes: 10 })
      // Four digits, as tables are published: the last ones of Math.exp differ between JavaScript engines.
      return { metrics: { accuracy: Math.round(1e4 * accuracy) / 1e4, multiplyAdds } }
    },
  }
}
