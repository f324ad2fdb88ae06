import { beforeAll, describe, expect, it } from 'vitest'
import { virtualClock } from '../../../core/clock.ts'
import { createSearch, memoryStore, type SearchEvent, seeded } from '../../../core/index.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { type AbsOptions, abs, type Compression, papers } from '../../../plugins/abs/index.ts'
import { preActivationResNet, superBitSpace } from '../../../search-spaces/compression/index.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'

beforeAll(() => useEngine('wasm'), 60_000)

const data = generatedImages({ train: 32, validation: 16, test: 16, classes: 3, size: 8 })
const graph = preActivationResNet({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(1) })
const space = superBitSpace(graph, { prune: { groupSize: 2 } })
const quick = { data, batchSize: 16, searchEpochs: 2, fineTuneEpochs: 0, reportEvery: 2 } as const

const compose = (options: Partial<AbsOptions> = {}, rest: Partial<Parameters<typeof createSearch>[0]> = {}) =>
  createSearch({
    space,
    plugins: [abs({ ...quick, target: { bops: [0.05, 0.02] }, ...options })],
    objectives: { accuracy: 'maximise' },
    budget: {},
    study: memoryStore(),
    ...(rest as object),
  })

describe('abs as a plugin', () => {
  it('searches target by target; each network that it finds is a trial, with its events and its paper', async () => {
    const found: Compression[] = []
    await using search = compose({ onFound: (compression) => found.push(compression) })
    const events: SearchEvent[] = []
    for await (const event of search.run()) events.push(event)
    const trials = events.flatMap((event) => (event.type === 'trial.completed' ? [event] : []))
    expect(trials.map(({ metrics }) => metrics.share)).toEqual(found.map(({ share }) => share))
    expect(trials[0]!.metrics.share).toBeLessThanOrEqual(0.05)
    expect(trials[1]!.metrics.share).toBeLessThanOrEqual(0.02)
    for (const [at, { genotype }] of trials.entries())
      expect(space.share(space.decode(genotype))).toBeCloseTo(found[at]!.share, 12)
    expect(events.filter(({ type }) => type === 'stage.started')).toHaveLength(2)
    expect(events.flatMap((event) => (event.type === 'weights.progress' ? [event.step] : []))).toEqual([2, 4, 2, 4])
    expect(papers[0]!.title).toContain('ABS')
  })

  it('a time budget ends a search at its step', async () => {
    const clock = virtualClock()
    const train: typeof data.train = {
      ...data.train,
      *batches(options) {
        // Ten seconds a step.
        for (const batch of data.train.batches(options)) {
          clock.advance(10_000)
          yield batch
        }
      },
    }
    await using search = compose({ data: { ...data, train } }, { clock, budget: { seconds: 25 } })
    const events: SearchEvent[] = []
    for await (const event of search.run()) events.push(event)
    expect(events.at(-1)).toMatchObject({ type: 'search.finished', reason: 'time' })
    // Three steps of four, and no trial.
    expect(events.flatMap((event) => (event.type === 'weights.progress' ? [event.step] : []))).toEqual([2, 3])
    expect(events.filter(({ type }) => type === 'trial.proposed')).toEqual([])
  })

  it('refuses other spaces, misspelt options, and configurations that no search found', async () => {
    expect(() => compose({}, { space: toySpace() as never })).toThrow(
      /ARCHLOOM_PLUGIN_NEEDS: "abs" needs "space:super-bit"/,
    )
    expect(() => abs({ ...quick, target: { bops: 0 } })).toThrow('ARCHLOOM_OPTION')
    await using search = compose({ target: { bops: 0.05 } })
    await search.enqueue(space.random(seeded(1)))
    const failed: string[] = []
    for await (const event of search.run()) if (event.type === 'trial.failed') failed.push(event.code)
    expect(failed).toEqual(['ARCHLOOM_ABS_NOT_FOUND'])
    expect(() => abs({ ...quick, targets: { bops: 0.1 } } as never)).toThrow('ARCHLOOM_OPTION')
  })
})
