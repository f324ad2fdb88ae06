import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createSearch,
  definePlugin,
  type EvaluatorDefinition,
  memoryStore,
  type Plugin,
  type SearchEvent,
  tokens,
} from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'
import { momentum, useEngine } from '../../../core/tensor/index.ts'
import type { LinearTap } from '../../../core/trainer.ts'
import { generatedPairs, patchDataset } from '../../../evaluators/data/images/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { type SharedWeights, WEIGHT_OPTIMIZER, weightSharing } from '../../../evaluators/weight-sharing/index.ts'
import { type CnasOptions, cnas } from '../../../plugins/cnas/index.ts'
import { dinas } from '../../../plugins/dinas/index.ts'
import { sharedUpscaling } from '../../../plugins/hnas/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { type CellOperationName, cellSpace } from '../../../search-spaces/cell/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'

const operations = ['none', 'sep_conv_3x3', 'skip_connect'] as const satisfies readonly CellOperationName[]
const space = cellSpace({ nodes: 1, channels: 2, cells: 2, reductions: [1], stemMultiplier: 1, operations })
const data = generatedImages({ classes: 2, size: 8, train: 24, validation: 20, test: 8 })
const options: CnasOptions = {
  warmUp: { epochs: 1 },
  epochs: 1,
  weightSteps: 2,
  policySteps: 2,
  candidates: 3,
  reportEvery: 1,
  controller: { hidden: 4 },
}

beforeAll(async () => {
  await useEngine('wasm')
})

interface Setup {
  readonly given?: CnasOptions
  readonly seed?: number
  readonly plugins?: readonly Plugin[]
  readonly watch?: (evaluator: SharedWeights, event: SearchEvent) => void
  readonly stopAfter?: (event: SearchEvent) => boolean
  readonly study?: { readonly directory: string; readonly name: string }
}

async function run({ given = {}, seed = 1, plugins = [], watch, stopAfter, study }: Setup = {}) {
  let evaluator: SharedWeights | undefined
  const definition = weightSharing({ data, batchSize: 8, engine: 'wasm' })
  const spied = {
    ...definition,
    create: async (parts: Parameters<typeof definition.create>[0]) => {
      evaluator = (await definition.create(parts)) as SharedWeights
      return evaluator
    },
  }
  await using search = createSearch({
    space,
    evaluator: spied,
    plugins: [cnas({ ...options, ...given }), ...plugins],
    objectives: { accuracy: 'maximise' },
    budget: {},
    seed,
    study: study ?? memoryStore(),
  })
  const events: SearchEvent[] = []
  for await (const event of search.run()) {
    events.push(event)
    watch?.(evaluator as SharedWeights, event)
    if (stopAfter?.(event)) break
  }
  return { events, best: search.best(1)[0] }
}
/** What does not depend on the clock. */
const story = (events: readonly SearchEvent[]) =>
  events.map(({ at: _, seq: __, ...event }) => JSON.stringify(event, (key, value) => (key === 'elapsedMs' ? 0 : value)))
const weightsOf = ({ supernet }: SharedWeights) => supernet.trainable.map((variable) => [...variable.dataSync()])

describe('the search', () => {
  it('tells its stages, trains weights and policy, derives on validation data', async () => {
    const { events, best } = await run()
    const of = (type: string) => events.filter((event) => event.type === type)
    expect(of('stage.started').map((event) => event.type === 'stage.started' && event.facts.size)).toEqual([
      '16',
      '256',
      '1296',
    ])
    expect(of('weights.progress')).toHaveLength(3 * 2 * 2)
    expect(of('policy.progress')).toHaveLength(3 * 2)
    expect(of('trial.completed')).toHaveLength(3)
    expect(of('plugin.event')).toHaveLength(2)
    expect(best?.metrics.accuracy).toBeGreaterThanOrEqual(0)
    const first = of('policy.progress')[0]
    expect(first?.type === 'policy.progress' && first.metrics).toMatchObject({ advantage: 0 })
    // Stage 1 has one operation: the derived cells have no other.
    const derived = of('plugin.event')[0]
    const { genotype } = (derived?.type === 'plugin.event' ? derived.facts : {}) as { genotype: number[] }
    expect([genotype[1], genotype[3]]).toEqual([1, 1])
  })

  it('same seed, same story; and no tensor is left', async () => {
    const tensors = tf.memory().numTensors
    const [one, two] = [await run(), await run()]
    expect(story(two.events)).toEqual(story(one.events))
    expect(story((await run({ seed: 2 })).events)).not.toEqual(story(one.events))
    expect(tf.memory().numTensors).toBe(tensors)
  })

  it('policy steps leave the shared weights bit-identical', async () => {
    let before: number[][] | undefined
    let compared = 0
    await run({
      watch: (evaluator, { type }) => {
        if (type === 'weights.progress') before = weightsOf(evaluator)
        if (type === 'policy.progress' && before) {
          expect(weightsOf(evaluator)).toEqual(before)
          compared++
        }
      },
    })
    expect(compared).toBe(6)
  })

  it('warm-up leaves the policy bit-identical', async () => {
    // Candidates are drawn from the policy alone: after one warm-up epoch and after seven it is the same.
    const settings = { epochs: 0, candidates: 4, grow: 'none' } as const
    const short = await run({ given: { ...settings, warmUp: { epochs: 1 } } })
    const long = await run({ given: { ...settings, warmUp: { epochs: 7 } } })
    const proposals = (events: readonly SearchEvent[]) =>
      events.flatMap((event) => (event.type === 'trial.proposed' ? [[event.genotype, event.logProbability]] : []))
    expect(proposals(long.events)).toEqual(proposals(short.events))
    expect(proposals(long.events)).toHaveLength(4)
  })

  it('grows by nodes, on a fixed space, and on other spaces with a supernet', async () => {
    expect(
      (await run({ given: { grow: 'nodes' } })).events.filter(({ type }) => type === 'stage.started'),
    ).toHaveLength(1)
    expect((await run({ given: { grow: 'none' } })).events.filter(({ type }) => type === 'stage.started')).toHaveLength(
      1,
    )
    await using search = createSearch({
      space: nasBench201Space({ channels: 2, cells: 1 }),
      evaluator: weightSharing({ data, batchSize: 8, engine: 'wasm' }),
      plugins: [cnas({ ...options, order: ['nor_conv_1x1', 'skip_connect'] })],
      objectives: { accuracy: 'maximise' },
      budget: {},
      study: memoryStore(),
    })
    await search.finish()
    const ops = JSON.stringify(search.best(3).map(({ architecture }) => architecture))
    expect(ops).not.toMatch(/none|3x3/)
  })

  it('warns of a collapsed search, unless told not to', async () => {
    const given = { grow: 'none', order: ['skip_connect'] } as const
    const warnings = (events: readonly SearchEvent[]) => events.filter(({ type }) => type === 'search.warning')
    expect(warnings((await run({ given })).events).length).toBeGreaterThan(0)
    expect(warnings((await run({ given: { ...given, collapse: false } })).events)).toEqual([])
  })

  it('hands the inputs of layers to a weight optimizer that another plugin provides', async () => {
    const seen: LinearTap['name'][] = []
    const watcher = definePlugin({
      name: 'watcher',
      provides: ['weight-optimizer'],
      bind: ({ bind }) =>
        bind(WEIGHT_OPTIMIZER).to(() => (steps) => {
          expect(steps).toBe(12)
          return { optimizer: momentum({ learningRate: 0.01 }), tap: ({ name }) => seen.push(name) }
        }),
    })
    await run({ plugins: [watcher] })
    expect(seen.length).toBeGreaterThan(12)
  })
})

describe('checkpoints', () => {
  const inFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'archloom-cnas-'))
    try {
      await work(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  it.each([1, 3, 5])('a search killed after its checkpoint of epoch %i goes on as if it had not been', (epoch) =>
    inFolder(async (folder) => {
      const study = { directory: folder, name: 'study' }
      const given = { checkpoint: { directory: join(folder, 'state') } }
      const whole = await run({ given: { checkpoint: { directory: join(folder, 'other') } } })
      await run({ given, study, stopAfter: (event) => event.type === 'checkpoint.written' && event.step === epoch })
      const resumed = await run({ given, study })
      const kept = ['policy.progress', 'trial.completed']
      const ends = (events: readonly SearchEvent[]) => story(events.filter(({ type }) => kept.includes(type)))
      const rest = ends(resumed.events)
      expect(rest.length).toBeGreaterThanOrEqual(3)
      expect(rest).toEqual(ends(whole.events).slice(-rest.length))
      expect(resumed.best?.genotype).toEqual(whole.best?.genotype)
    }),
  )

  it('a search stopped among its trials measures the others only', () =>
    inFolder(async (folder) => {
      const study = { directory: folder, name: 'study' }
      const given = { checkpoint: { directory: join(folder, 'state') } }
      const first = await run({ given, study, stopAfter: ({ type }) => type === 'trial.completed' })
      const second = await run({ given, study })
      const trials = (events: readonly SearchEvent[]) =>
        events.flatMap((e) => (e.type === 'trial.completed' ? [e.trial] : []))
      expect([...trials(first.events), ...trials(second.events)]).toEqual([0, 1, 2])
    }))

  it('of other options: ARCHLOOM_CHECKPOINT_OTHER', () =>
    inFolder(async (directory) => {
      await run({ given: { checkpoint: { directory } } })
      await expect(run({ given: { checkpoint: { directory }, epochs: 2 } })).rejects.toThrow(
        'ARCHLOOM_CHECKPOINT_OTHER',
      )
      await expect(run({ given: { checkpoint: { directory } }, seed: 2 })).rejects.toThrow('ARCHLOOM_CHECKPOINT_OTHER')
    }))

  const protecting = (alpha: number) => [dinas({ alpha, protectEvery: 1 })]

  it('of another weight optimizer: ARCHLOOM_CHECKPOINT_OTHER names the setting', () =>
    inFolder(async (directory) => {
      const given = { checkpoint: { directory } }
      await run({ given, plugins: protecting(1) })
      await expect(run({ given })).rejects.toThrow(/ARCHLOOM_CHECKPOINT_OTHER.*the setting optimizer\.name "projected"/)
      await expect(run({ given, plugins: protecting(0.1) })).rejects.toThrow(
        'the setting optimizer.alpha 1; expected 0.1',
      )
    }))

  it('with projectors: killed in the middle, it goes on as if it had not been', () =>
    inFolder(async (folder) => {
      const study = { directory: folder, name: 'study' }
      const given = { checkpoint: { directory: join(folder, 'state') } }
      const setup = { plugins: protecting(0.5), study }
      const alone = { checkpoint: { directory: join(folder, 'other') } }
      const whole = await run({ ...setup, given: alone, study: { ...study, name: 'whole' } })
      await run({ ...setup, given, stopAfter: (event) => event.type === 'checkpoint.written' && event.step === 3 })
      const resumed = await run({ ...setup, given })
      const steps = (events: readonly SearchEvent[]) => story(events.filter(({ type }) => type === 'weights.progress'))
      expect(steps(whole.events)).toHaveLength(12)
      expect(steps(resumed.events)).toEqual(steps(whole.events).slice(6))
      expect(resumed.best?.genotype).toEqual(whole.best?.genotype)
    }))
})

it('the supernet of the search has the published 1,930,618 parameters', () => {
  const whole = cellSpace()
  using supernet = whole.supernet?.({ input: [32, 32, 3], classes: 10, rng: seeded(1) })
  expect(supernet?.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(1_930_618)
})

describe('bad input', () => {
  it('ARCHLOOM_OPTION', () => {
    const refused = (given: object) => expect(() => cnas(given)).toThrow('ARCHLOOM_OPTION')
    refused({ grow: 'edges' })
    refused({ epochs: -1 })
    refused({ candidates: 0 })
    refused({ weightSteps: 1.5 })
    for (const [option, values] of Object.entries({
      hidden: [0, -1, 2.5],
      temperature: [0, Number.NaN],
      tanhConstant: [0],
      operationTanhReduce: [0],
      learningRate: [-1, Number.NaN],
      weightDecay: [-1],
      entropyWeight: [Number.NaN],
      baselineDecay: [1, 2],
      clipNorm: [0],
      gamma: [0.9],
    }))
      for (const value of values) refused({ controller: { [option]: value } })
    for (const weights of [{ learningRate: -1 }, { momentum: 1 }, { weightDecay: Number.NaN }, { clipNorm: 0 }])
      refused({ weights })
    for (const checkpoint of [{}, { directory: '' }, { directory: 'x', everyEpochs: 0 }])
      expect(() => cnas({ checkpoint } as object)).toThrow('ARCHLOOM_OPTION')
  })

  it('a curriculum longer than the space has operations: ARCHLOOM_CNAS_CURRICULUM', async () => {
    await expect(run({ given: { order: ['sep_conv_3x3', 'skip_connect', 'none', 'max_pool_3x3'] } })).rejects.toThrow(
      'ARCHLOOM_CNAS_CURRICULUM',
    )
  })

  it('needs shared weights: ARCHLOOM_PLUGIN_NEEDS_SUPERNET', () => {
    const compose = () =>
      createSearch({
        space,
        plugins: [cnas(options)],
        budget: {},
        study: memoryStore(),
        evaluator: () => ({ accuracy: 1 }),
        objectives: { accuracy: 'maximise' },
      })
    expect(compose).toThrow('ARCHLOOM_PLUGIN_NEEDS_SUPERNET')
    expect(tokens.ALGORITHM).toBeDefined()
  })

  it('is refused at composition on a space without a supernet, and beside shared weights of another kind', () => {
    const { supernet: _, ...bare } = space
    const patches = patchDataset({
      name: 'scenes',
      patch: 12,
      patches: 2,
      validation: 1,
      train: generatedPairs(2, { scale: 2, size: 32 }),
      test: generatedPairs(1, { scale: 2, size: 32 }),
    })
    const compose = (evaluator: EvaluatorDefinition, plugins: readonly Plugin[] = [cnas(options)]) =>
      createSearch({
        space: bare as typeof space,
        evaluator: evaluator as never,
        plugins,
        budget: {},
        study: memoryStore(),
        objectives: { accuracy: 'maximise' },
      })
    const refusal = /ARCHLOOM_PLUGIN_NEEDS: .* needs "supernet".*cellSpace\(\)/
    expect(() => compose(weightSharing({ data }))).toThrow(refusal)
    // Any method on shared weights, also one that never trains them.
    expect(() => compose(weightSharing({ data }), [random()])).toThrow(refusal)
    // An evaluator of the user's own that forgets to say so.
    expect(() => compose({ ...weightSharing({ data }), needs: [] })).toThrow(/"cnas" needs "supernet"/)
    expect(() =>
      createSearch({
        space,
        evaluator: sharedUpscaling({ data: patches }) as never,
        plugins: [cnas(options)],
        budget: {},
        objectives: { psnr: 'maximise' },
        study: memoryStore(),
      }),
    ).toThrow(/ARCHLOOM_PLUGIN_NEEDS: "cnas" needs "shared-weights".*weightSharing\(\)/)
  })
})
