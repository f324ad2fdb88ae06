import { tmpdir } from 'node:os'
import { labelledImages } from 'archloom/evaluators/data'
import { picture } from 'archloom/evaluators/data/images'
import { denseJointNetwork, objectives } from 'archloom/plugins/jwdm'
import { useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { imageSplit } from '../../../evaluators/data/index.ts'
import { digitMethods, toUspsSize, translated, translationPicture } from '../../../plugins/jwdm/experiment/digits.ts'
import { type ToyRun, toyMethods, toyRun, toySets } from '../../../plugins/jwdm/experiment/toy.ts'
import { loadFilm, night, videoMethods, videoRun } from '../../../plugins/jwdm/experiment/video.ts'
import { digitClaims, plans, toyClaims, videoClaim } from '../../../plugins/jwdm/experiment.ts'
import { convolutionalJointNetwork } from '../../../plugins/jwdm/index.ts'
import { resolveObjective } from '../../../plugins/jwdm/objective.ts'

await useEngine('wasm')

const quiet = { log: () => {}, signal: new AbortController().signal }

describe('the toy experiment', () => {
  const plan = {
    sets: ['gaussians', 'rings'] as const,
    steps: { gaussians: 3, rings: 3 },
    batch: 8,
    hidden: [4],
    measured: 20,
    seeds: 1,
  }

  it('leaves out one term at a time', () => {
    const whole = { autoEncoder: 1, cycle: 1, latent: 0.1, cycledFakes: true }
    const without = Object.entries(toyMethods).filter(([name]) => name.startsWith('−'))
    expect(without.map(([name]) => name)).toEqual([
      '− cycle term',
      '− auto-encoder term',
      '− latent game',
      '− cycled fakes',
    ])
    for (const [, objective] of without)
      for (const [option, value] of Object.entries(objective))
        expect(whole[option as keyof typeof whole]).not.toBe(value)
    expect(digitMethods['CycleGAN-style']).toBe(objectives.cycleGan)
  })

  it('compares interpolation with rivals that have an auto-encoder term', () => {
    for (const methods of [toyMethods, videoMethods]) {
      const { autoEncoder, latentMatch } = resolveObjective(methods['UNIT-style'])
      expect({ autoEncoder, latentMatch }).toEqual({ autoEncoder: 1, latentMatch: 'kl' })
    }
    expect(resolveObjective(toyMethods['auto-encoder + cycle'])).toMatchObject({ autoEncoder: 1, cycle: 1, latent: 0 })
    // All with the same losses: terms differ, not games.
    for (const objective of Object.values(toyMethods)) expect(resolveObjective(objective).adversary).toBe('log')
  })

  it('gives the same run for the same seed, other weights and points for another', async () => {
    const run = (seed: number) => toyRun('rings', 'JWDM', plan, { seed, ...quiet })
    const first = await run(1)
    expect(await run(1)).toEqual(first)
    expect((await run(2)).joint).not.toBe(first.joint)
    expect(first.joint).toBeGreaterThan(0)
  })

  it('has domains of the shapes it says', () => {
    const moments = (values: Float32Array, axis: number) => {
      const own = [...values].filter((_, i) => i % 2 === axis)
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length
      return [mean, own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length]
    }
    const y = toySets.gaussians.y(4000, seeded(1))
    const [meanX = 0, varianceX = 0] = moments(y, 0)
    const [meanY = 0, varianceY = 0] = moments(y, 1)
    for (const [value, expected] of [
      [meanX, 0.5],
      [varianceX, 0.25],
      [meanY, -0.3],
      [varianceY, 1],
    ] as const)
      expect(Math.abs(value - expected)).toBeLessThan(0.06)
    const ring = toySets.rings.x(500, seeded(1))
    for (let i = 0; i < ring.length; i += 2)
      expect(Math.abs(Math.hypot(ring[i] as number, ring[i + 1] as number) - 1.5)).toBeLessThan(0.5)
  })

  it('claims what the runs show', () => {
    const run = (method: string, joint: number, interpolation: number) =>
      ({ set: 'gaussians', method, seed: 1, joint, interpolation, floor: 0.1 }) as ToyRun
    const claims = toyClaims([run('two GANs', 2.1, 0.5), run('CycleGAN-style', 0.2, 0.6), run('JWDM', 0.3, 0.25)])
    expect(claims.map(({ holds }) => holds)).toEqual([true, false])
    expect(claims[0]?.baseline?.mean).toBeCloseTo(2, 9)
  })
})

describe('digits', () => {
  const digits = (side: number, count: number) =>
    labelledImages({
      height: side,
      width: side,
      channels: 1,
      classes: 10,
      pixels: Uint8Array.from({ length: count * side * side }, (_, i) => (Math.floor(i / side) % 3) * 100),
      labels: Int32Array.from({ length: count }, (_, i) => i % 10),
    })

  it('of MNIST come to the size of USPS by their middle', () => {
    const images = digits(28, 3)
    images.pixels.fill(200)
    const small = toUspsSize(images)
    expect(small).toMatchObject({ count: 3, height: 16, width: 16 })
    expect([...small.labels]).toEqual([0, 1, 2])
    expect(new Set(small.pixels)).toEqual(new Set([200]))
  })

  it('keep their labels on the way to the other domain', () => {
    using network = convolutionalJointNetwork({
      x: [16, 16, 1],
      y: [16, 16, 1],
      features: 2,
      halvings: 1,
      blocks: 0,
      kernel: 3,
      criticHalvings: 1,
      rng: seeded(1),
    })
    const split = translated(network, 'x', imageSplit('test', digits(16, 5)))
    expect(split).toMatchObject({ size: 5, classes: 10, inputShape: [16, 16, 1] })
    const labels: number[] = []
    for (const { inputs, targets } of split.batches({ batchSize: 2 })) {
      expect(inputs.shape.slice(1)).toEqual([16, 16, 1])
      labels.push(...targets.dataSync())
      inputs.dispose()
      targets.dispose()
    }
    expect(labels).toEqual([0, 1, 2, 3, 4])
  })

  it('are shown with what they become, both ways', () => {
    using network = convolutionalJointNetwork({
      x: [16, 16, 1],
      y: [16, 16, 1],
      features: 2,
      halvings: 1,
      blocks: 0,
      kernel: 3,
      criticHalvings: 1,
      rng: seeded(1),
    })
    const split = imageSplit('test', digits(16, 5), { normalisation: { mean: [0.5], std: [0.5] } })
    const { height, width, pixels } = translationPicture(network, { x: split, y: split }, 3)
    expect([height, width]).toEqual([2 * (4 * 17 - 1), 2 * (3 * 17 - 1)])
    // The first rows are the images themselves.
    const column = (top: number, x: number) => pixels[2 * top * width + 2 * x]
    expect([column(0, 0), column(1, 0), column(2, 0)]).toEqual([0, 100, 200])
    expect([column(34, 0), column(35, 0), column(36, 0)]).toEqual([0, 100, 200])
  })

  it('are claimed against showing the images as they are', () => {
    const reference = { own: { x: 1, y: 1 }, untranslated: { x: 0.5, y: 0.6 } }
    const runs = [
      { method: 'JWDM', seed: 1, mnistToUsps: 0.7, uspsToMnist: 0.5 },
      { method: 'CycleGAN-style', seed: 1, mnistToUsps: 0.9, uspsToMnist: 0.9 },
    ]
    expect(digitClaims(runs, reference).map(({ holds, ours }) => [holds, ours.mean])).toEqual([
      [true, 0.7],
      [false, 0.5],
    ])
  })
})

describe('the film', () => {
  const plan = { ...plans.smoke.video, height: 12, width: 16, patch: 8, steps: 1, features: 2, between: 1 }

  it('is drawn where there is none, and pans', async () => {
    const { name, frames } = await loadFilm(plan, tmpdir())
    expect(name).toBe('a drawn pan')
    expect(frames).toHaveLength(10)
    const column = (frame: number, x: number) => frames[frame]?.pixels.slice(3 * x, 3 * x + 3)
    expect(column(1, 0)).toEqual(column(0, 4))
  })

  it('by night is darker, and brighter colours stay brighter', () => {
    const all = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3))
    const { pixels } = night(picture(16, 16, 3, all))
    for (let i = 3; i < pixels.length; i++) expect(pixels[i]).toBeGreaterThanOrEqual(pixels[i - 3]!)
    for (let i = 0; i < pixels.length; i++) expect(pixels[i]).toBeLessThanOrEqual(all[i]!)
  })

  it('gives figures for the middle frame, repeatably', async () => {
    const film = await loadFilm(plan, tmpdir())
    const run = () => videoRun(film, 'JWDM', plan, { seed: 1, ...quiet })
    const first = await run()
    expect(await run()).toEqual(first)
    for (const key of ['inDomain', 'translated', 'known', 'blended', 'gap'] as const)
      expect(Number.isFinite(first[key])).toBe(true)
    const claim = videoClaim([first, { ...first, method: 'CycleGAN-style', gap: first.gap + 1 }])
    expect(claim.holds).toBe(true)
  })
})

it('networks of points are what the toy trains', () => {
  using network = denseJointNetwork({ x: 2, y: 2, hidden: [4], rng: seeded(1) })
  expect(network.critics.length).toBe(12)
})
