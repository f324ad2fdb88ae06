import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type BuildOptions,
  createSearch,
  defineSpace,
  memoryStore,
  oneOf,
  product,
  type SearchEvent,
  seeded,
} from '../../../core/index.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { generatedPairs, patchDataset, readPicture } from '../../../evaluators/data/images/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { weightSharing } from '../../../evaluators/weight-sharing/index.ts'
import {
  type HnasOptions,
  hnas,
  paper,
  retrainUpscaler,
  type SharedUpscaling,
  sharedUpscaling,
} from '../../../plugins/hnas/index.ts'
import {
  type SuperResolutionArchitecture,
  type SuperResolutionOptions,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const tiny = { channels: 3, nodes: 1, cells: 2, normalised: true } as const
const quick: HnasOptions = {
  epochs: 2,
  weightSteps: 3,
  policySteps: 3,
  candidates: 3,
  reportEvery: 3,
  controller: { hidden: 4, learningRate: 0.01 },
}
const dataAt = (scale: number) =>
  patchDataset({
    name: 'scenes',
    patch: 12,
    patches: 8,
    validation: 2,
    train: generatedPairs(5, { scale, size: 16 * scale }),
    test: generatedPairs(2, { scale, size: 16 * scale, seed: 9 }),
  })
const engine = 'wasm'

function compose(options: HnasOptions = {}, spaceOptions: SuperResolutionOptions = {}, seed = 3) {
  const { scale = 2 } = spaceOptions
  return createSearch({
    space: superResolutionSpace({ ...tiny, ...spaceOptions }),
    evaluator: sharedUpscaling({ data: dataAt(scale), batchSize: 2, calibrationBatches: 2, images: 1, engine }),
    plugins: [hnas({ ...quick, ...options })],
    objectives: { psnr: 'maximise' },
    budget: {},
    seed,
    study: memoryStore(),
  })
}

async function eventsOf(search: ReturnType<typeof compose>): Promise<SearchEvent[]> {
  const events: SearchEvent[] = []
  for await (const event of search.run()) events.push(event)
  return events
}
const numbers = (events: readonly SearchEvent[]) =>
  events.flatMap((event) =>
    event.type === 'weights.progress' || event.type === 'policy.progress' || event.type === 'trial.completed'
      ? [JSON.stringify(event.metrics)]
      : [],
  )

async function sharedOf(scale = 2) {
  const space = superResolutionSpace({ ...tiny, scale: scale as 2 })
  const definition = sharedUpscaling({ data: dataAt(scale), batchSize: 2, calibrationBatches: 2, engine })
  const clock = { now: () => 0, sleep: async () => {} }
  const parts = { space, rng: seeded(1), clock } as Parameters<typeof definition.create>[0]
  const shared = (await definition.create(parts)) as SharedUpscaling<SuperResolutionArchitecture>
  return { shared, [Symbol.asyncDispose]: async () => void (await shared[Symbol.asyncDispose]?.()) }
}

describe('hnas', () => {
  it('writes each derived architecture beside bicubic and the truth, and tells of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'archloom-hnas-pictures-'))
    try {
      await using search = compose({ images: { directory: folder } })
      const events = await eventsOf(search)
      const told = events.flatMap((event) => (event.type === 'plugin.event' && event.name === 'picture' ? [event] : []))
      expect(told.map(({ facts }) => facts)).toMatchObject([{ trial: 0 }, { trial: 1 }, { trial: 2 }])
      const [picture] = told.map(({ facts }) => (facts as { readonly picture: string }).picture)
      const { height, width } = await readPicture(picture as string)
      expect([height, width]).toEqual([32, 3 * 32 + 8])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([2, 3, 4] as const)('searches at ×%i: the trials are the architectures drawn in the end', async (scale) => {
    const run = async () => {
      await using search = compose({}, { scale })
      const events = await eventsOf(search)
      const types = events.map(({ type }) => type)
      expect(types.filter((type) => type === 'weights.progress')).toHaveLength(2)
      expect(types.filter((type) => type === 'policy.progress')).toHaveLength(2)
      expect(types.filter((type) => type === 'trial.completed')).toHaveLength(3)
      expect(types.at(-1)).toBe('search.finished')
      const [best] = search.best(1)
      expect(best?.metrics.psnr).toBeGreaterThan(3)
      expect(best?.metrics.multiplyAdds).toBe(
        search.space.cost?.(best?.architecture as SuperResolutionArchitecture, { input: [48, 48, 3], classes: 0 })
          .multiplyAdds,
      )
      expect(search.cite()).toContain(paper.bibtex)
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('rewards a step by λ · PSNR − (1 − λ) · cost of the architecture that was measured', async () => {
    const [tradeOff, costUnit] = [0.3, 1e6]
    await using search = compose({ tradeOff, costUnit, reportEvery: 1 })
    const steps = (await eventsOf(search)).flatMap((event) => (event.type === 'policy.progress' ? [event.metrics] : []))
    expect(steps).toHaveLength(6)
    for (const { reward, psnr, cost } of steps as Record<string, number>[]) {
      expect(reward).toBeCloseTo(tradeOff * (psnr as number) - (1 - tradeOff) * (cost as number), 10)
      expect(cost).toBeGreaterThan(0)
    }
    // A new baseline at the first step of each epoch.
    expect(steps.map(({ advantage }) => advantage === 0)).toEqual([true, false, false, true, false, false])
  })

  it('takes bicubic quality off the reward where asked to', async () => {
    await using search = compose({ tradeOff: 1, aboveBicubic: true, reportEvery: 1 }, { shortcut: 'bicubic' })
    const first = (await eventsOf(search)).find((event) => event.type === 'policy.progress')
    expect(Math.abs(first?.metrics.psnr as number)).toBeLessThan(3)
  })

  it('gives the same numbers for the same seed, and goes on from a checkpoint as if it had never stopped', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'archloom-hnas-'))
    try {
      await using once = compose()
      const expected = numbers(await eventsOf(once))
      await using other = compose({}, {}, 4)
      expect(numbers(await eventsOf(other))).not.toEqual(expected)

      const checkpoint = { directory }
      await using stopped = compose({ checkpoint })
      const stop = new AbortController()
      const before: SearchEvent[] = []
      for await (const event of stopped.run({ signal: stop.signal })) {
        before.push(event)
        if (event.type === 'checkpoint.written') stop.abort()
      }
      await using resumed = compose({ checkpoint })
      const after = await eventsOf(resumed)
      expect([...numbers(before), ...numbers(after)]).toEqual(expected)
      await using changed = compose({ checkpoint, tradeOff: 0.9 })
      await expect(eventsOf(changed)).rejects.toThrow('ARCHLOOM_CHECKPOINT_OTHER')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('measures one architecture on all images, self-ensemble or not, and twice the same', async () => {
    await using owner = await sharedOf()
    const { shared } = owner
    const architecture = shared.space.decode(shared.space.random(seeded(5)))
    const first = await shared.measure(architecture)
    const other = shared.space.decode(shared.space.random(seeded(6)))
    await shared.measure(other)
    expect(await shared.measure(architecture)).toEqual(first)
    expect(first.images).toHaveLength(2)
  })

  it('leaves the weights alone in policy steps', async () => {
    await using owner = await sharedOf()
    const { shared } = owner
    const before = await shared.upscalers.save()
    const state = new Set(shared.upscalers.state.map(({ name }) => name.slice(name.indexOf('/') + 1)))
    for (const batch of shared.validation.batches({ batchSize: 2 })) {
      await shared.rewardPsnr(shared.space.decode(shared.space.random(seeded(5))), batch)
      batch.inputs.dispose()
      batch.targets.dispose()
    }
    const weights = (records: typeof before) => records.filter(({ name }) => !state.has(name))
    expect(weights(await shared.upscalers.save())).toEqual(weights(before))
  })

  it('refuses what does not fit', async () => {
    expect(() => hnas({ tradeOff: 1.5 })).toThrow('ARCHLOOM_OPTION')
    expect(() => hnas({ policySteps: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => hnas({ lambda: 0.2 } as never)).toThrow(/ARCHLOOM_OPTION.*lambda.*one of tradeOff/)
    expect(() => sharedUpscaling({ data: generatedImages({ train: 12 }) as never })).toThrow('ARCHLOOM_OPTION')
    const small = patchDataset({
      name: 's',
      patch: 8,
      train: generatedPairs(2, { scale: 2 }),
      test: generatedPairs(1, { scale: 2 }),
    })
    expect(() => sharedUpscaling({ data: small })).toThrow('ARCHLOOM_OPTION')
    const search = (evaluator: Parameters<typeof createSearch>[0]['evaluator'], scale: 2 | 3 = 2) =>
      createSearch({
        space: superResolutionSpace({ ...tiny, scale }) as never,
        evaluator: evaluator as never,
        plugins: [hnas(quick)],
        objectives: { psnr: 'maximise' },
        budget: {},
        study: memoryStore(),
      })
    const data = { data: dataAt(2), engine }
    await using scaled = search(sharedUpscaling(data), 3)
    await expect(scaled.finish()).rejects.toThrow('ARCHLOOM_HNAS_SPACE')
    expect(() => search(weightSharing({ data: generatedImages({ train: 12, validation: 12 }), engine }))).toThrow(
      /ARCHLOOM_PLUGIN_NEEDS: "hnas" needs "shared-upscaling".*sharedUpscaling\(\{ data \}\)/,
    )
    const bare = defineSpace('bare', product({ op: oneOf('a', 'b') }))
    expect(() =>
      createSearch({
        space: bare,
        evaluator: sharedUpscaling(data) as never,
        plugins: [hnas(quick)],
        objectives: { psnr: 'maximise' },
        budget: {},
        study: memoryStore(),
      }),
    ).toThrow('ARCHLOOM_PLUGIN_NEEDS_NETWORKS')
  })
})

describe('retraining', () => {
  const space = superResolutionSpace({ ...tiny, normalised: false, shortcut: 'bicubic', scale: 4 })
  const architecture = space.decode(space.random(seeded(1)))
  const winner = { build: space.build.bind(space, architecture) }

  it('is without normalisation, keeps the best weights of its looks, and leaves nothing behind', async () => {
    const data = dataAt(4)
    const run = async () => {
      const options = { data, epochs: 2, batchSize: 4, looks: 2, learningRate: 1e-3, engine }
      using trained = await retrainUpscaler(winner, options)
      expect(trained.network.state).toEqual([])
      expect(trained.parameters).toBe(space.cost(architecture, { input: [12, 12, 3], classes: 0 }).parameters)
      expect(trained.test.images).toHaveLength(2)
      expect(await trained.measure(data.validation.pairs)).toEqual(trained.validation)
      return trained.test.psnr
    }
    const first = await run()
    expect(await countTensors(async () => void (await run()))).toEqual({ tensors: 0, buffers: 0 })
    expect(await run()).toBe(first)
  })

  it('self-ensemble is another measurement of the same weights', async () => {
    const options = { data: dataAt(4), epochs: 1, batchSize: 4, engine }
    using plain = await retrainUpscaler(winner, options)
    using ensemble = await retrainUpscaler(winner, { ...options, ensemble: true })
    expect(ensemble.test.psnr).not.toBe(plain.test.psnr)
    expect(Math.abs(ensemble.test.psnr - plain.test.psnr)).toBeLessThan(1)
  })

  it('refuses options that train nothing', async () => {
    await expect(retrainUpscaler(winner, { data: dataAt(4), epochs: 0 })).rejects.toThrow('ARCHLOOM_OPTION')
    const classifiers = toySpace()
    const classifier = {
      build: (options: BuildOptions) =>
        classifiers.build({ layers: 1, filters: 4, kernel: 3 }, { ...options, classes: 2 }),
    }
    await expect(retrainUpscaler(classifier, { data: dataAt(2), epochs: 1, engine })).rejects.toThrow(
      'ARCHLOOM_HNAS_SPACE',
    )
  })
})
