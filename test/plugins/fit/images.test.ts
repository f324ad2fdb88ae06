import { seeded } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { allowance, type FitEvent, searchImages, trainHandMade } from 'archloom/plugins/fit'
import { convnetSpace } from 'archloom/search-spaces/convnet'
import { useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 32, test: 12 })
const small = { parameters: 3000 }
const weights = ({ network }: Awaited<ReturnType<typeof searchImages>>) =>
  network.trainable.map((variable) => [...variable.dataSync()])

beforeAll(() => useEngine('wasm'))

describe('the search for an image classifier', () => {
  it('tries the network made by hand first, continues the best and trains it to the end', async () => {
    await expectNoLeak(async () => {
      const events: FitEvent[] = []
      const options = { data, trials: 3, limits: small, flip: false, onEvent: (event: FitEvent) => events.push(event) }
      using found = await searchImages({ ...options, allowance: allowance({ steps: 60 }) })
      const trials = events.filter((event) => event.type === 'trial')
      expect(trials.map(({ trial, rung }) => [trial, rung]).slice(0, 3)).toEqual([
        [0, 0],
        [1, 0],
        [2, 0],
      ])
      expect(trials.filter(({ rung }) => rung === 1)).toHaveLength(2)
      // Weights go on: the winner counts the steps of its rungs, too.
      const last = trials
        .filter(({ trial }) => trial === (events.find(({ type }) => type === 'winner') as { trial: number }).trial)
        .at(-1)!
      expect(found.steps).toBeGreaterThan(last.steps + 20)
      expect(found.cost.parameters).toBeLessThanOrEqual(3000)
      expect(found.mirrored).toBe(false)
      using again = await searchImages({ ...options, allowance: allowance({ steps: 60 }) })
      expect(weights(again)).toEqual(weights(found))
    })
  })

  it('keeps the best network so far when it is stopped', async () => {
    await expectNoLeak(async () => {
      const stop = new AbortController()
      const options = { data, trials: 3, limits: small, signal: stop.signal, onEvent: () => stop.abort() }
      using found = await searchImages({ ...options, allowance: allowance({ steps: 60 }) })
      expect(found.trials).toHaveLength(1)
      expect(found.steps).toBeLessThan(6)
    })
  })

  it('says what the smallest network costs when the limits allow none', async () => {
    const search = searchImages({ data, limits: { parameters: 10 }, allowance: allowance({ steps: 4 }) })
    await expect(search).rejects.toThrow(
      /ARCHLOOM_FIT_LIMITS.*at most 10 parameters.*the smallest one has \d+ parameters/,
    )
  })

  it('reports trials that diverge, and refuses to return nothing', async () => {
    const endless = { ...data.train, batches: () => [][Symbol.iterator]() as never }
    const search = searchImages({
      data: {
        ...data,
        train: { ...endless, images: { ...data.train.images, pixels: new Uint8Array(0) }, indices: new Int32Array(0) },
      },
      trials: 2,
      limits: small,
      allowance: allowance({ steps: 4 }),
    })
    await expect(search).rejects.toThrow('ARCHLOOM_FIT_NOTHING_TRAINED')
  })

  it('trains the network made by hand for the same budget', async () => {
    await expectNoLeak(async () => {
      using network = await trainHandMade({ data, allowance: allowance({ steps: 3 }) })
      const space = convnetSpace({ stages: 1 })
      const stages = [{ depth: 2, kernel: 3 }]
      const same = {
        width: 16,
        form: 'plain',
        stages,
        normalisation: 'batch-norm',
        reduction: 'max',
        head: 'mean',
      } as const
      using fresh = space.build(same, { input: [8, 8, 3], classes: 3, rng: seeded(1) })
      expect(network.trainable.map(({ shape }) => shape)).toEqual(fresh.trainable.map(({ shape }) => shape))
    })
  })
})
