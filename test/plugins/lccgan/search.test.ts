import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { createSearch, type SearchEvent, seeded } from 'archloom'
import { generatedImages, imageFolder, symmetricRange, withoutClasses } from 'archloom/evaluators/data'
import { trainFeatureNetwork } from 'archloom/evaluators/metrics/generative'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { readJournal } from 'archloom/node'
import { type Gan, gaussianSampler, generated, generatorSpace, lccgan } from 'archloom/plugins/lccgan'
import { random } from 'archloom/plugins/random'
import { useEngine } from 'archloom/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generatorWith, imageTable, permuted } from '../../../plugins/lccgan/experiment/images.ts'
import { closedCurveOnce, tenModesOnce } from '../../../plugins/lccgan/experiment/ten-modes.ts'
import { curveClaims, imageClaims, modeClaims, orderClaims } from '../../../plugins/lccgan/experiment.ts'

await useEngine('wasm')

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-lccgan-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const quiet = { signal: new AbortController().signal, log: () => {} }
const pictures = (channels: 1 | 3 = 1) =>
  symmetricRange(generatedImages({ train: 96, validation: 20, test: 40, classes: 2, size: 8, channels }))
const latent = { bases: 12, features: 2, epochs: 1, learningRate: 1e-3, points: 64, rounds: 1, neighbours: 3 }

describe('the generator as a search space', () => {
  it('has 2 × 5 architectures a width, and counts their parameters right', () => {
    const space = generatorSpace({ features: [2, 4], latentDimension: 3 })
    expect(space.size).toBe(20n)
    const form = { input: [16, 16, 3], classes: 0 }
    for (let i = 0; i < 8; i++) {
      const architecture = space.decode(space.random(seeded(i)))
      using network = space.build?.(architecture, { ...form, rng: seeded(1) }) as Gan
      const own = network.generator.trainable.reduce((sum, { size }) => sum + size, 0)
      expect(space.cost?.(architecture, form).parameters).toBe(own)
    }
    expect(() => generatorSpace({ features: [] })).toThrow(/ARCHLOOM_OPTION.*features/)
  })

  it('is searched: one latent manifold, pictures on disk and in the events, no tensor left', async () => {
    const data = pictures()
    const before = tf.memory().numTensors
    const { train, validation } = data
    const folder = join(directory, 'generators')
    {
      await using search = createSearch({
        space: generatorSpace({ features: [2], latentDimension: 4, discriminatorFeatures: 2 }),
        evaluator: trainFromScratch({
          data: { train: withoutClasses(train), validation: withoutClasses(validation) },
          epochs: 1,
          metrics: { spread: ({ network }) => Math.max(...generated(network as Gan, 2, seeded(1))) },
        }),
        plugins: [
          random(),
          lccgan({ coordinates: 3, batchSize: 32, latent, images: { directory: folder, samples: 4, walk: 3 } }),
        ],
        objectives: { spread: 'maximise' },
        budget: { maxTrials: 2 },
        seed: 1,
        study: { name: 'generators', directory },
      })
      await search.finish()
      const events: SearchEvent[] = []
      for await (const batch of readJournal(join(search.study, 'journal.jsonl')))
        events.push(...batch.filter(({ type }) => type === 'plugin.event'))
      expect(events).toHaveLength(2)
      for (const [network, event] of events.entries()) {
        expect(event).toMatchObject({ plugin: 'lccgan', name: 'samples', facts: { network, step: 3 } })
        const { samples, walk } = (event as unknown as { facts: { samples: string; walk: string } }).facts
        expect(existsSync(samples) && existsSync(walk)).toBe(true)
      }
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it('an empty folder of images is ARCHLOOM_IMAGE_FOLDER_EMPTY', async () => {
    await expect(imageFolder(mkdtempSync(join(directory, 'empty-')))).rejects.toThrow(/ARCHLOOM_IMAGE_FOLDER_EMPTY/)
  })
})

describe('the experiment', () => {
  const toy = { seeds: 1, autoEncoderSteps: 4, steps: 4, samples: 20 }

  it('finds the orders', () => {
    expect(orderClaims().map(({ holds }) => holds)).toEqual([true, true, true])
  })

  it('plays ten modes and the closed curve with every prior, repeatably', async () => {
    const priors = ['Gaussian d = 30', 'LCC d = 3, convex'] as const
    const results = await tenModesOnce(toy, priors, { seed: 1, ...quiet })
    expect(results.map(({ prior }) => prior)).toEqual(priors)
    const [, again] = results
    expect(await tenModesOnce(toy, priors.slice(1), { seed: 1, ...quiet })).toEqual([again])
    const curves = await closedCurveOnce(toy, { seed: 1, ...quiet })
    expect(curves.map(({ prior }) => prior)).toEqual(['Gaussian, d = 2', 'LCC, d = 3, codes convex'])
    expect(curveClaims(curves).map(({ metric }) => metric)).toEqual(['coverage', 'quality'])
  })

  it('claims are comparisons of means, and nothing found is nothing won', () => {
    const result = (prior: string, found: number, quality: number, divergence: number) => ({
      prior,
      found,
      quality,
      divergence,
    })
    const claims = modeClaims([
      result('Gaussian d = 3', 5, 0.5, 0.5),
      result('LCC d = 3, convex', 6, 0.4, 0.3),
      result('LCC d = 3, convex', 8, 0.4, 0.3),
    ])
    expect(claims.map(({ holds }) => holds)).toEqual([true, false, true])
    expect(claims[0]?.ours).toEqual({ mean: 7, sd: Math.SQRT2, seeds: 2 })
    const nothing = [result('Gaussian d = 3', 0, 0, 2), result('LCC d = 3, convex', 0, 0, 2)]
    expect(modeClaims(nothing).map(({ holds }) => holds)).toEqual([false, false, false])
    const curves = (coverage: number, quality: number) =>
      curveClaims([
        { prior: 'Gaussian, d = 2', coverage, quality },
        { prior: 'LCC, d = 3', coverage: 0, quality: 0.5 },
      ]).map(({ holds }) => holds)
    expect(curves(0.4, 0.6)).toEqual([true, true])
    expect(curves(0, 0.4)).toEqual([false, false])
  })

  it('has bases that keep their marginal distributions and lose their geometry, as a control', () => {
    const rng = seeded(1)
    const bases = Array.from({ length: 40 }, () => {
      const x = rng.normal()
      return Float64Array.of(x, 2 * x, -x)
    })
    const control = permuted(bases, seeded(2))
    for (let k = 0; k < 3; k++) {
      const sorted = (rows: readonly Float64Array[]) => rows.map((row) => row[k]!).sort((a, b) => a - b)
      expect(sorted(control)).toEqual(sorted(bases))
    }
    // The learnt ones lie on a line; these do not.
    expect(control.filter(([a = 0, b = 0]) => Math.abs(b - 2 * a) < 1e-9).length).toBeLessThan(10)
    expect(permuted(bases, seeded(2))).toEqual(control)
  })

  it('measures a generator with any prior over a classifier that was saved', async () => {
    const set = pictures(3)
    const settings = { steps: 2, batchSize: 32, features: 2, learningRate: 5e-4, samples: 30 }
    using eyes = await trainFeatureNetwork({ data: set, rng: seeded(1) })
    using again = await trainFeatureNetwork({ data: set, rng: seeded(2), weights: await eyes.save!() })
    const prior = gaussianSampler({ dimension: 3 })
    const run = { seed: 1, signal: quiet.signal }
    const found = await generatorWith(prior, set, eyes, settings, run)
    expect(found.frechet).toBeGreaterThan(0)
    // The same weights see the same.
    expect(await generatorWith(prior, set, again, settings, run)).toEqual(found)
  })

  it('measures generators of images on any set, and writes their pictures', async () => {
    const folder = join(directory, 'pictures')
    const plan = {
      sets: [],
      dimensions: [3],
      wasserstein: [3],
      seeds: 1,
      steps: 5,
      batchSize: 32,
      features: 2,
      train: 96,
      samples: 30,
      featureEpochs: 1,
      latent: { dimension: 4, bases: 12, steps: 2, learningRate: 1e-3 },
    }
    const { results, floor } = await imageTable(pictures(3), plan, { seed: 1, ...quiet, pictures: folder })
    expect(results.map(({ game, prior, d }) => `${game} ${prior} ${d}`)).toEqual([
      'DCGAN Gaussian 3',
      'DCGAN LCC 3',
      'WGAN-GP Gaussian 3',
    ])
    for (const { frechet, similarity } of results) {
      expect(frechet).toBeGreaterThan(floor.frechet)
      expect(similarity).toBeLessThanOrEqual(1 + 1e-9)
    }
    expect(existsSync(join(folder, 'generated textures-dcgan-lcc-3-samples.png'))).toBe(true)
    const claims = imageClaims(results)
    expect(claims.map(({ id }) => id)).toEqual(['generated textures, LCC d = 3 against Gaussian d = 3'])
    expect(claims[0]?.holds).toBe((results[1]?.frechet as number) < (results[0]?.frechet as number))
  })
})
