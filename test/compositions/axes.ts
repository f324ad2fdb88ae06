import type { CreateSearchOptions, EvaluatorDefinition, Plugin, SearchSpace } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { zeroCost } from 'archloom/evaluators/zero-cost'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { convnetSpace } from 'archloom/search-spaces/convnet'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { toySpace } from 'archloom/search-spaces/toy'
import { pluginIndexes } from '../../core/cli/names.ts'
import { declaredPlugins } from '../../core/composition/plugin.ts'

/** Sizes at which a method ends in a moment; a method without an entry runs with its defaults. */
const smoke: Readonly<Record<string, object>> = {
  annealing: { startup: 2 },
  'cma-es': { population: 2 },
  evolution: { population: 2, sample: 2 },
  gp: { startup: 2, candidates: 4 },
  nsga2: { population: 2 },
  predictor: { startup: 2 },
  reinforce: { hidden: 4 },
  tpe: { startup: 2 },
  asha: { eta: 2, minFidelity: 0.5 },
  hyperband: { eta: 2, minFidelity: 0.5 },
  'successive-halving': { eta: 2, minFidelity: 0.5 },
  'median-stopping': { metric: 'accuracy', startup: 2 },
  patience: { metric: 'accuracy', reports: 2 },
  enas: { epochs: 1, controller: { hidden: 4 }, policySteps: 1, policyBatch: 2, candidates: 2 },
  cnas: {
    warmUp: { epochs: 1 },
    epochs: 1,
    stages: 2,
    weightSteps: 2,
    policySteps: 1,
    candidates: 2,
    controller: { hidden: 4 },
  },
  darts: { epochs: 1 },
  gdas: { epochs: 1 },
  spos: { epochs: 1, population: 2, generations: 1, parents: 1 },
  mbn: { batchSize: 8, learningRate: 0.01 },
}

/** Plugins that compose with other data than labelled images; examples and their own tests run them. */
const apart: Readonly<Record<string, string>> = {
  drn: 'trains networks that enlarge images',
  jwdm: 'trains pairs of auto-encoders',
  lccgan: 'trains generators',
  abs: 'compresses a trained network',
  compress: 'compresses a trained network',
  fit: 'composes searches itself',
}

const data = generatedImages({ classes: 2, size: 8, train: 16, validation: 8, test: 8 })

const spaces = {
  toy: toySpace(),
  cell: cellSpace({ nodes: 1, channels: 2, cells: 3, operations: ['none', 'skip_connect', 'sep_conv_3x3'] }),
  chain: chainSpace({ expansions: [1, 2], stages: [{ widths: [4, 6], depth: { min: 1, max: 2 } }], stem: 4, head: 8 }),
  convnet: convnetSpace({ widths: [4, 8], stages: 1, maxDepth: 1 }),
  'nas-bench-201': nasBench201Space({ channels: 2, cells: 1 }),
  'nas-bench-macro': nasBenchMacroSpace({ channels: 2, head: 4 }),
} as unknown as Readonly<Record<string, SearchSpace<unknown>>>

const objective = { accuracy: 'maximise' } as const

/** An evaluator at smoke size; `reports` says that it tells of steps. */
const evaluators: Readonly<Record<string, () => EvaluatorDefinition>> = {
  function: () => ({
    kind: 'tabular',
    name: 'function',
    create: () => ({
      kind: 'tabular',
      name: 'function',
      async evaluate({ genotype, fidelity }, { report }) {
        const accuracy = (genotype.reduce((sum, value) => sum + value, 0) % 7) / 10 + fidelity / 10
        for (let step = 1; step <= 3; step++) if (report(step, { accuracy: (accuracy * step) / 3 }) === 'stop') break
        return { metrics: { accuracy } }
      },
    }),
  }),
  'from-scratch': () => trainFromScratch({ data, epochs: 2, batchSize: 8 }),
  'weight-sharing': () => weightSharing({ data, batchSize: 8, statistics: 'batch' }),
  'zero-cost': () => ({ ...zeroCost({ data, batchSize: 8, proxies: ['synflow', 'naswot'] }) }),
}

const camelCase = (name: string) => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Factories of the declared plugins of some kinds, by name. */
async function declaredFactories(kinds: readonly string[]): Promise<Readonly<Record<string, () => Plugin>>> {
  const found: Record<string, () => Plugin> = {}
  for (const { href } of pluginIndexes()) {
    const module = (await import(href)) as Readonly<Record<string, unknown>>
    for (const [name, { kind }] of declaredPlugins()) {
      const make = module[camelCase(name)]
      if (kinds.includes(kind) && !(name in apart) && typeof make === 'function')
        found[name] = () => (make as (options?: object) => Plugin)(smoke[name])
    }
  }
  const missing = [...declaredPlugins()].filter(
    ([name, { kind }]) => kinds.includes(kind) && !(name in apart) && !(name in found),
  )
  if (missing.length > 0) throw new Error(`no factory is exported for ${missing.map(([name]) => name).join(', ')}`)
  return found
}

const none = (): undefined => undefined
const methods = await declaredFactories(['controller', 'one-shot method'])
const schedulers = { none, ...(await declaredFactories(['scheduler'])) }
const trainings = { none, ...(await declaredFactories(['training method'])) }

/** The axes of the matrix: what a search is composed of. */
export const axes = {
  method: Object.keys(methods),
  scheduler: Object.keys(schedulers),
  space: Object.keys(spaces),
  evaluator: Object.keys(evaluators),
  training: Object.keys(trainings),
  engine: ['wasm', 'cpu', 'onnxruntime'],
} as const
export type Axis = keyof typeof axes
export type Row = Readonly<Record<Axis, string>>

/** A composition as options of createSearch. */
export function optionsOf(row: Row): CreateSearchOptions<unknown> {
  const plugins = [methods[row.method]!(), schedulers[row.scheduler as 'none'](), trainings[row.training as 'none']()]
  return {
    space: spaces[row.space]!,
    evaluator: evaluators[row.evaluator]!(),
    plugins: plugins.filter((plugin) => plugin !== undefined),
    objectives: row.evaluator === 'zero-cost' ? { naswot: 'maximise' } : objective,
    budget: { maxTrials: 3 },
  }
}

/** The first need that a composition does not meet, by the declarations of its parts. */
export function unmetNeed(row: Row): string | undefined {
  const { space, evaluator, plugins } = optionsOf(row)
  const definition = evaluator as EvaluatorDefinition
  const has = new Set<string>([
    'space',
    `space:${space.name}`,
    `evaluator:${definition.kind}`,
    ...(space.build ? ['networks'] : []),
    ...(space.supernet ? ['supernet'] : []),
    ...(space.cost ? ['cost'] : []),
    ...(definition.provides ?? []),
    ...plugins.flatMap(({ provides }) => provides),
  ])
  const needs = plugins.flatMap((plugin) => plugin.needs.map((need) => (typeof need === 'string' ? need : need.need)))
  return [...(definition.needs ?? []), ...needs].find((need) => !has.has(need))
}
