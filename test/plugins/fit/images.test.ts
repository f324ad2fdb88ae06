import { defineSpace, readStudy, seeded, studiesAt } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { allowance, type FitEvent, searchImages, trainHandMade } from 'archloom/plugins/fit'
import { convnetSpace } from 'archloom/search-spaces/convnet'
import { useEngine } from 'archloom/tensor'
import { expectNoLeak } from 'archloom/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { chooseFinalists, chooseWinner } from '../../../plugins/fit/images/search.ts'
import { handMade, imageDecisions, portfolio } from '../../../plugins/fit/images/space.ts'
import { costWithin, mirroredWithin } from '../../../plugins/fit/limits.ts'

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

  it('writes its trials down as a study: rungs, what was given up, and the winner', async () => {
    const storage = await studiesAt('memory:fit-images')
    const study = { name: 'textures', storage }
    const options = { data, trials: 3, limits: small, flip: false, study }
    using found = await searchImages({ ...options, allowance: allowance({ steps: 60 }) })
    const { trials, state, started } = await readStudy('textures', { storage })
    expect(state).toMatchObject({ status: 'finished', proposed: 3, completed: 1, pruned: 2, failed: 0 })
    expect(started.parts.plugins).toBe('fit (search)')
    const winner = trials.find(({ status }) => status === 'completed')
    expect(winner?.architecture).toEqual(JSON.parse(JSON.stringify(found.architecture)))
    expect(winner?.metrics.accuracy).toBe(found.validationAccuracy)
    expect(winner?.rungs.at(-1)?.fidelity).toBe(1)
    using _again = await searchImages({ ...options, allowance: allowance({ steps: 12 }) })
    expect(await storage.list()).toEqual(['textures', 'textures-2'])
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

const trial = (number: number, accuracy: number, rate = 10, steps = 100) => ({
  number,
  accuracy,
  loss: 1 - accuracy,
  rate,
  session: { steps },
})
const numbers = (trials: readonly { number: number }[]) => trials.map(({ number }) => number)

describe('the choice between the network made by hand and its challengers', () => {
  it('keeps the first trial among the finalists, however it did', () => {
    expect(numbers(chooseFinalists([trial(0, 0.1), trial(1, 0.3), trial(2, 0.2)]))).toEqual([0, 1])
    expect(numbers(chooseFinalists([trial(0, 0.4), trial(1, 0.2), trial(2, 0.3)]))).toEqual([0, 2])
    expect(numbers(chooseFinalists([trial(0, 0.4)]))).toEqual([0])
    expect(numbers(chooseFinalists([trial(1, 0.2), trial(2, 0.4), trial(3, 0.3)]))).toEqual([2, 3])
    expect(chooseFinalists([])).toEqual([])
  })

  it('replaces it only by one that is better by the margin of standard errors', () => {
    // 1,000 examples at 50 %: a standard error of 1.58 points.
    const at = { examples: 1000, chance: 0.1, left: 100 }
    expect(chooseWinner([trial(0, 0.5), trial(1, 0.51)], at)?.number).toBe(0)
    expect(chooseWinner([trial(0, 0.5), trial(1, 0.52)], at)?.number).toBe(1)
    expect(chooseWinner([trial(0, 0.5), trial(1, 0.53)], { ...at, margin: 2 })?.number).toBe(0)
    expect(chooseWinner([trial(0, 0.5), trial(1, 0.54)], { ...at, margin: 2 })?.number).toBe(1)
    expect(chooseWinner([trial(0, 0.5), trial(1, 0.54)], { ...at, examples: 100 })?.number).toBe(0)
    expect(chooseWinner([trial(1, 0.5), trial(2, 0.51)], at)?.number).toBe(2)
    expect(chooseWinner([], at)).toBeUndefined()
  })

  it('counts the steps that a slow network will not take', () => {
    // A slope of 0.4 / ln 101 over 1,100 and 200 steps leaves the slow one 14.7 points behind.
    const at = { examples: 1000, chance: 0.1, left: 100 }
    expect(chooseWinner([trial(0, 0.5, 10), trial(1, 0.6, 1)], at)?.number).toBe(0)
    expect(chooseWinner([trial(0, 0.5, 10), trial(1, 0.6, 1)], { ...at, left: 0 })?.number).toBe(1)
  })
})

describe('the limits', () => {
  it('count the weights of a mirrored network once, and its operators twice', () => {
    const cost = { parameters: 40_000, multiplyAdds: 1000 }
    // Floats: 166,000 bytes, mirrored 172,000; integers: 68,000 and 92,000.
    expect(costWithin(cost, { bytes: 170_000 })).toBe(true)
    expect(mirroredWithin(cost, { bytes: 170_000 })).toBe(false)
    expect(mirroredWithin(cost, { bytes: 172_000 })).toBe(true)
    expect(mirroredWithin(cost, { bytes: 91_000, integers: true })).toBe(false)
    expect(mirroredWithin(cost, { bytes: 92_000, integers: true })).toBe(true)
    expect(mirroredWithin(cost, { parameters: 40_000, multiplyAdds: 2000 })).toBe(true)
    expect(mirroredWithin(cost, { multiplyAdds: 1999 })).toBe(false)
  })
})

describe('the networks that are tried first', () => {
  it('train without crops and cutout where the budget allows few epochs', () => {
    const augment = (epochs: number, flip = true) => handMade({ side: 32, flip, epochs }).training.augment
    expect([augment(7), augment(7, false), augment(40), augment(40, false)]).toEqual([
      'flip',
      'none',
      'crop+flip+cutout',
      'crop+cutout',
    ])
    const short = portfolio({ side: 32, flip: true, epochs: 7 })
    expect(new Set(short.map(({ training }) => training.augment))).toEqual(new Set(['flip']))
  })

  it('halve the image once more than the network made by hand, and lie in the space that is searched', () => {
    const space = defineSpace('images', imageDecisions({ side: 32, flip: true }))
    for (const epochs of [7, 40]) {
      const [first, second] = portfolio({ side: 32, flip: true, epochs })
      expect([first!.network.stages.length, second!.network.stages.length]).toEqual([3, 4])
      for (const architecture of portfolio({ side: 32, flip: true, epochs }))
        expect(space.decode(space.encode(architecture))).toEqual(architecture)
    }
  })

  it('are given up after a few steps where they are too slow for the budget', async () => {
    await expectNoLeak(async () => {
      // A clock that goes three times as fast once the first trial is measured, so that the others seem slow.
      let now = 0
      let pace = 1
      const clock = {
        now: () => {
          now += pace
          return now
        },
        sleep: async () => {},
      }
      const many = generatedImages({ classes: 3, size: 8, train: 1280, validation: 32, test: 12 })
      const notes: string[] = []
      const stop = new AbortController()
      const onEvent = (event: FitEvent) => {
        if (event.type === 'trial') pace = 3
        if (event.type === 'note' && notes.push(event.message) === 2) stop.abort()
      }
      const budget = allowance({ minutes: 0.04 }, clock)
      const options = { data: many, trials: 3, limits: small, flip: false, onEvent, signal: stop.signal }
      using found = await searchImages({ ...options, allowance: budget })
      expect(found.trials.filter(({ rung }) => rung === 0).map(({ trial: each }) => each)).toEqual([0])
      expect(notes).toHaveLength(2)
      expect(notes[0]).toMatch(/^trial 1 .*too slow for this budget/)
    })
  })
})
