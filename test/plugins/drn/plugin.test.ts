import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, memoryStore } from 'archloom'
import { generatedPairs, patchDataset, readPicture, upscaleBicubic } from 'archloom/evaluators/data/images'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { useEngine } from 'archloom/tensor'
import { expect, it } from 'vitest'
import { drn } from '../../../plugins/drn/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

it('composes into a search over enlarging networks, which describes and cites it', async () => {
  await using search = createSearch({
    space: superResolutionSpace({ channels: 3, nodes: 1, cells: 2 }),
    evaluator: () => ({ value: 1 }),
    plugins: [random(), drn({ dualWeight: 0.5 })],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 2 },
    study: memoryStore(),
    seed: 1,
  })
  expect(search.describe()).toContain('drn')
  expect(search.describe()).toContain('dualWeight')
  expect(search.cite()).toContain('guo2020closed')
  expect(search.cite()).toContain('guo2020hierarchical')
})

it('tells in the events of a picture of every trained network beside bicubic and the truth', async () => {
  await useEngine('wasm')
  const folder = mkdtempSync(join(tmpdir(), 'archloom-drn-pictures-'))
  try {
    const pairs = generatedPairs(3, { scale: 2, size: 24 })
    const data = patchDataset({ name: 'scenes', patch: 8, patches: 4, validation: 1, train: pairs, test: pairs })
    const [shown] = data.validation.pairs
    if (!shown) throw new Error('one image')
    await using search = createSearch({
      space: superResolutionSpace({ channels: 3, nodes: 1, cells: 2 }),
      evaluator: trainFromScratch({ data, epochs: 1, metrics: { value: () => 1 } }),
      plugins: [random(), drn({ batchSize: 2, images: { directory: folder, pairs: [shown] } })],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 2 },
      study: memoryStore(),
      seed: 1,
    })
    const told: unknown[] = []
    for await (const event of search.run()) if (event.type === 'plugin.event') told.push(event.facts)
    expect(told).toMatchObject([
      { network: 0, steps: 2 },
      { network: 1, steps: 2 },
    ])
    const [{ images }] = told as [{ images: readonly [{ name: string; picture: string; psnr: number }] }]
    expect(images[0]).toMatchObject({ name: shown.name, psnr: expect.any(Number) })
    const { height, width, pixels } = await readPicture(images[0].picture)
    expect([height, width]).toEqual([24, 3 * 24 + 8])
    const column = (from: number) => [...pixels.subarray(3 * from, 3 * (from + 24))]
    expect(column(0)).toEqual([...upscaleBicubic(shown.lr, 2).pixels.subarray(0, 72)])
    expect(column(56)).toEqual([...shown.hr.pixels.subarray(0, 72)])
    expect(column(28)).not.toEqual(column(0))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('pictures of no image are refused', () => {
  expect(() => drn({ images: { directory: 'x', pairs: [] } })).toThrow(
    /ARCHLOOM_OPTION.*1 or more values, each a pair of images/,
  )
})
